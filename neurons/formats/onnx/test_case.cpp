#include "neurons/formats/onnx/test_case.hpp"

#include <algorithm>
#include <cmath>

#include "neurons/formats/onnx/importer.hpp"
#include "neurons/formats/onnx/operators.hpp"
#include "neurons/plan/plan.hpp"

namespace neurons::onnx {
namespace {

namespace fs = std::filesystem;

constexpr double kRelative = 1e-3;
constexpr double kAbsolute = 1e-7;
constexpr double kBrainPrecision = 0x1p-7;  // of bfloat16: results stay in single precision here, published ones are cut

struct DataSet {
  std::map<std::string, Tensor> inputs;
  std::vector<Tensor> outputs;
};

/// The tensor of a file, which says uint16 for bfloat16 where the model knows better.
Tensor read_value(const fs::path& path, const ValueData& declared) {
  TensorData data = read_tensor(path);
  if (declared.type == ElementType::bf16 && data.type == ElementType::u16) data.type = ElementType::bf16;
  return to_tensor(data, path.parent_path());
}

/// Throws for a number of uint64 that int64, which holds them here, does not have.
void require_held(const Tensor& tensor, const ValueData& declared, const fs::path& path) {
  if (declared.type != ElementType::u64 || tensor.dtype() != DType::i64) return;
  const auto values = tensor.values<std::int64_t>();
  const auto found = std::ranges::find_if(values, [](std::int64_t value) { return value < 0; });
  if (found == values.end()) return;
  fail_input("{}: input \"{}\" holds {}, but numbers of uint64 from 2^63 on have no place here", path.filename().string(),
             declared.name, static_cast<std::uint64_t>(*found));
}

DataSet read_data_set(const fs::path& folder, const Model& model) {
  DataSet result;
  const auto inputs = model.graph.given_inputs();
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const fs::path path = folder / fmt::format("input_{}.pb", i);
    if (!fs::exists(path)) {
      fail_input("{} has no input_{}.pb, the values of input \"{}\"", folder.filename().string(), i, inputs[i]->name);
    }
    if (!inputs[i]->is_tensor) fail_input("input \"{}\" is no tensor but a sequence, map or optional value", inputs[i]->name);
    const Tensor& read = result.inputs.emplace(inputs[i]->name, read_value(path, *inputs[i])).first->second;
    require_held(read, *inputs[i], path);
  }
  for (std::size_t i = 0; i < model.graph.outputs.size(); ++i) {
    if (!model.graph.outputs[i].is_tensor) fail_input("output \"{}\" is no tensor", model.graph.outputs[i].name);
    result.outputs.push_back(read_value(folder / fmt::format("output_{}.pb", i), model.graph.outputs[i]));
  }
  return result;
}

/// Empty, or the first difference.
std::string difference(const Tensor& actual, const Tensor& expected, double relative) {
  if (actual.type() != expected.type()) {
    return fmt::format("is {}, expected {}", actual.type().to_string(), expected.type().to_string());
  }
  const Tensor a = actual.cast(DType::f64);
  const Tensor b = expected.cast(DType::f64);
  for (std::size_t i = 0; i < static_cast<std::size_t>(a.elements()); ++i) {
    const double found = a.values<double>()[i];
    const double wanted = b.values<double>()[i];
    const bool same = found == wanted || (std::isnan(found) && std::isnan(wanted));
    if (!same && !(std::abs(found - wanted) <= kAbsolute + relative * std::abs(wanted))) {
      return fmt::format("has {} at {}, expected {}", found, i, wanted);
    }
  }
  return "";
}

std::string run_data_set(const fs::path& folder, const Model& model, const std::shared_ptr<const OpTable>& table) {
  const DataSet data = read_data_set(folder, model);
  Graph graph = to_graph(model, table, data.inputs);
  Plan plan = compile(graph, std::make_shared<StateStore>(table));
  for (const auto& [name, tensor] : data.inputs) {
    if (graph.info(graph.find(name).id()).kind == ValueKind::input) plan.input(name).assign(tensor);
  }
  plan.run();
  for (std::size_t i = 0; i < data.outputs.size(); ++i) {
    const ValueData& declared = model.graph.outputs[i];
    const std::string& name = declared.name;
    const double relative = declared.type == ElementType::bf16 ? kBrainPrecision : kRelative;
    const std::string fault = difference(plan.output(name).copy(), data.outputs[i], relative);
    if (!fault.empty()) return fmt::format("{}: output {} {}", folder.filename().string(), name, fault);
  }
  return "";
}

bool is_case(const fs::path& folder) { return fs::is_regular_file(folder / "model.onnx"); }

}  // namespace

CaseResult run_case(const fs::path& folder, const std::shared_ptr<const OpTable>& table) {
  CaseResult result;
  fs::path named = fs::absolute(folder).lexically_normal();
  if (!named.has_filename()) named = named.parent_path();  // "test_relu/"
  result.name = named.filename().string();
  try {
    const Model model = read(folder / "model.onnx");
    if (const std::string unknown = unknown_operators(model, *table); !unknown.empty()) {
      return {result.name, CaseResult::Outcome::skipped, unknown};
    }
    std::vector<fs::path> sets;
    for (const auto& entry : fs::directory_iterator(folder)) {
      if (entry.path().filename().string().starts_with("test_data_set_")) sets.push_back(entry.path());
    }
    std::ranges::sort(sets);
    if (sets.empty()) fail_input("has no test_data_set_0");
    for (const fs::path& set : sets) {
      result.reason = run_data_set(set, model, table);
      if (!result.reason.empty()) return result;
    }
    result.outcome = CaseResult::Outcome::passed;
  } catch (const std::exception& error) {
    result.reason = error.what();
    const std::string path = (folder / "model.onnx").string() + ": ";
    if (result.reason.starts_with(path)) result.reason.erase(0, path.size());
  }
  return result;
}

std::vector<fs::path> find_cases(const fs::path& folder) {
  std::vector<fs::path> cases;
  std::error_code error;
  if (is_case(folder)) cases.push_back(folder);
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->is_directory() && is_case(entry->path())) cases.push_back(entry->path());
  }
  if (error) fail_input("{}: cannot be read: {}", folder.string(), error.message());
  if (cases.empty()) fail_input("{}: holds no test cases: folders with model.onnx and test_data_set_0", folder.string());
  std::ranges::sort(cases);
  return cases;
}

}  // namespace neurons::onnx
