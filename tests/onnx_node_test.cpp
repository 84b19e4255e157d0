// Our ops against ONNX's published node tests (tests/fixtures/onnx/OPERATOR.npz), each planned and run as it is by a user.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

#include "neurons/data/readers/npy.hpp"
#include "neurons/ops/ops.hpp"
#include "neurons/plan/plan.hpp"

namespace neurons {
namespace {

constexpr double kRelative = 1e-4;
constexpr double kAbsolute = 1e-5;
constexpr double kFourDecimals = 6e-5;  // what some operators' results were rounded to

/// One published case.
struct NodeCase {
  std::string name;
  std::string op;
  std::map<std::size_t, Tensor> inputs;
  std::map<std::size_t, Tensor> outputs;
  Attributes attributes;
};

std::ostream& operator<<(std::ostream& out, const NodeCase& node) { return out << node.name; }

/// Single values have no axes, texts are bytes.
AttributeValue attribute_of(const Tensor& array) {
  const bool single = array.shape().rank() == 0;
  switch (array.dtype()) {
    case DType::u8: {
      const auto bytes = array.values<std::uint8_t>();
      return std::string(bytes.begin(), bytes.end());
    }
    case DType::i32:
    case DType::i64: {
      const Tensor wide = array.cast(DType::i64);
      const auto values = wide.values<std::int64_t>();
      if (single) return values[0];
      return std::vector<std::int64_t>(values.begin(), values.end());
    }
    default: {
      const Tensor wide = array.cast(DType::f64);
      const auto values = wide.values<double>();
      if (single) return values[0];
      return std::vector<double>(values.begin(), values.end());
    }
  }
}

/// The parts of "CASE/KIND/NAME"; NAME is empty in "CASE/op".
std::array<std::string, 3> parts_of(const std::string& name) {
  const std::size_t first = name.find('/');
  const std::size_t second = name.find('/', first + 1);
  if (second == std::string::npos) return {name.substr(0, first), name.substr(first + 1), ""};
  return {name.substr(0, first), name.substr(first + 1, second - first - 1), name.substr(second + 1)};
}

std::vector<NodeCase> all_cases() {
  std::map<std::string, NodeCase> cases;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(NEURONS_SOURCE_DIR) + "/tests/fixtures/onnx")) {
    if (entry.path().extension() != ".npz") continue;
    for (const auto& [name, array] : read_npz(entry.path())) {
      const auto [title, kind, part] = parts_of(name);
      NodeCase& node = cases[title];
      node.name = title;
      if (kind == "op") node.op = std::get<std::string>(attribute_of(array));
      if (kind == "input") node.inputs[std::stoul(part)] = array;
      if (kind == "output") node.outputs[std::stoul(part)] = array;
      if (kind == "attribute") node.attributes.push_back({part, attribute_of(array)});
    }
  }
  std::vector<NodeCase> result;
  for (auto& [title, node] : cases) result.push_back(std::move(node));
  return result;
}

class OnnxNode : public ::testing::TestWithParam<NodeCase> {};

INSTANTIATE_TEST_SUITE_P(Published, OnnxNode, ::testing::ValuesIn(all_cases()),
                         [](const auto& chosen) { return chosen.param.name; });

TEST_P(OnnxNode, GivesWhatOnnxSays) {
  const NodeCase& node = GetParam();
  Graph graph(ops::table());
  const OpDef& op = graph.table()->find(node.op);
  const double absolute = node.op == "GridSample" || node.op == "RoiAlign" ? kFourDecimals : kAbsolute;
  std::vector<Value> inputs(node.inputs.empty() ? 0 : node.inputs.rbegin()->first + 1);
  for (const auto& [i, tensor] : node.inputs) inputs[i] = graph.input("input" + std::to_string(i), tensor.type());
  const auto outputs = graph.emit_all(op, inputs, op.default_options.with(node.attributes));
  for (const auto& [o, tensor] : node.outputs) {
    ASSERT_LT(o, outputs.size());
    ASSERT_EQ(outputs[o].type(), tensor.type()) << "output " << o;
    graph.output("output" + std::to_string(o), outputs[o]);
  }
  Plan plan = compile(graph, std::make_shared<StateStore>(graph.table()));
  for (const auto& [i, tensor] : node.inputs) plan.input("input" + std::to_string(i)).assign(tensor);
  plan.run();
  for (const auto& [o, tensor] : node.outputs) {
    const Tensor found_wide = plan.output("output" + std::to_string(o)).copy().cast(DType::f64);
    const Tensor expected_wide = tensor.cast(DType::f64);
    const auto actual = found_wide.values<double>();
    const auto expected = expected_wide.values<double>();
    for (std::size_t e = 0; e < expected.size(); ++e) {
      const bool same = actual[e] == expected[e] || (std::isnan(actual[e]) && std::isnan(expected[e]));
      ASSERT_TRUE(same || std::abs(actual[e] - expected[e]) <= absolute + kRelative * std::abs(expected[e]))
          << "output " << o << ", element " << e << ": " << actual[e] << " instead of " << expected[e];
    }
  }
}

}  // namespace
}  // namespace neurons
