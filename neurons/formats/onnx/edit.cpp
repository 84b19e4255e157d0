#include "neurons/formats/onnx/edit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "neurons/base/error.hpp"
#include "neurons/base/suggest.hpp"

namespace neurons::onnx {
namespace {

TensorData* initializer_of(GraphData& graph, const std::string& name) {
  const auto found = std::ranges::find(graph.initializers, name, &TensorData::name);
  return found == graph.initializers.end() ? nullptr : &*found;
}

/// What a node reads, its bodies included.
void add_read(const NodeData& node, std::vector<std::string>& names) {
  names.insert(names.end(), node.inputs.begin(), node.inputs.end());
  for (const AttributeData& attribute : node.attributes) {
    if (!attribute.graph) continue;
    for (const NodeData& inner : attribute.graph->nodes) add_read(inner, names);
    for (const ValueData& output : attribute.graph->outputs) names.push_back(output.name);
  }
}

std::ptrdiff_t uses_of(const GraphData& graph, const std::string& value) {
  std::vector<std::string> names;
  for (const NodeData& node : graph.nodes) add_read(node, names);
  return std::ranges::count(names, value);
}

/// The nodes from the output back to its last weighted sum, that one last.
struct Tail {
  NodeData* sum = nullptr;
  std::vector<NodeData*> after;
};

/// "fc (Gemm)"
std::string described(const NodeData& node) {
  return fmt::format("{} ({})", node.name.empty() ? node.outputs.front() : node.name, node.op_type);
}

/// Why a node's neurons cannot be told from a model's other numbers though it sums what it is given; empty where it sums nothing.
std::string why_no_head(GraphData& graph, const NodeData& node) {
  const auto is_computed = [&](std::size_t i) {
    return i < node.inputs.size() && std::ranges::any_of(values_behind(graph, node.inputs[i]), [&](const std::string& name) {
             return std::ranges::find(graph.inputs, name, &ValueData::name) != graph.inputs.end() &&
                    initializer_of(graph, name) == nullptr;
           });
  };
  constexpr std::array kOthers = {std::string_view("ConvTranspose"), std::string_view("RNN"),
                                  std::string_view("GRU"),           std::string_view("LSTM"),
                                  std::string_view("QLinearConv"),   std::string_view("QLinearMatMul"),
                                  std::string_view("ConvInteger"),   std::string_view("MatMulInteger")};
  const std::string& op = node.op_type;
  if (op == "If" || op == "Loop" || op == "Scan") return "its sums are inside of a body, where none is replaced";
  if (op == "Einsum") return "which axes of an Einsum are its neurons is not known; write it as MatMul";
  if (std::ranges::find(kOthers, op) != kOthers.end()) return "neurons of that operator are not replaced";
  if (op != "MatMul" && op != "Gemm" && op != "Conv") return "";
  if (!is_computed(0) && is_computed(1)) return "its weights are on the left; write it as x · W, as torch.nn.Linear does";
  if (!is_computed(1)) return "its weights are computed from others (DequantizeLinear, Transpose, …); export them as they are";
  return "it multiplies two results, and has no weights";
}

Tail tail_of(GraphData& graph, const std::string& output) {
  constexpr std::array kSums = {std::string_view("Gemm"), std::string_view("MatMul"), std::string_view("Conv")};
  require_output(graph, output);
  Tail tail;
  std::string value = output;
  for (NodeData* node = maker_of(graph.nodes, value); node != nullptr; node = maker_of(graph.nodes, value)) {
    const bool is_sum = std::ranges::find(kSums, node->op_type) != kSums.end() && node->inputs.size() > 1;
    if (is_sum && initializer_of(graph, node->inputs[1]) != nullptr) {
      tail.sum = node;
      return tail;
    }
    if (const std::string reason = why_no_head(graph, *node); !reason.empty()) {
      fail_input(
          "the last weighted sum before the output \"{}\" is {}, which is no head: {}; leave the head as it is, or take an "
          "output in front of it",
          output, described(*node), reason);
    }
    tail.after.push_back(node);
    const auto computed =
        std::ranges::find_if(node->inputs, [&](const std::string& input) { return maker_of(graph.nodes, input) != nullptr; });
    if (computed == node->inputs.end()) break;
    value = *computed;
  }
  fail_input("no Gemm, MatMul or Conv with weights of its own leads to the output \"{}\", so its head is not known", output);
}

/// The tensor under dims of another width, all zeros.
void widen(TensorData& data, std::size_t axis, std::int64_t width) {
  std::vector<std::int64_t> dims = data.dims;
  dims[axis] = width;
  data = from_tensor(data.name, Tensor(DType::f32, Shape(std::span<const std::int64_t>(dims))));
}

/// The weights alone of this node: a copy under another name where others read them too.
TensorData& own(GraphData& graph, NodeData& node, std::size_t input) {
  TensorData* data = initializer_of(graph, node.inputs[input]);
  if (uses_of(graph, data->name) == 1) return *data;
  TensorData copy = *data;
  do {
    copy.name += ".head";
  } while (initializer_of(graph, copy.name) != nullptr);
  node.inputs[input] = copy.name;
  graph.initializers.push_back(std::move(copy));
  return graph.initializers.back();
}

/// Whether all that a Concat joins are results of one sum, or constants.
bool joins_one(const GraphData& graph, const NodeData& node, const std::string& sums) {
  return std::ranges::all_of(node.inputs, [&](const std::string& input) {
    return maker_of(graph.nodes, input) == nullptr || values_behind(graph, input).contains(sums);
  });
}

/// Throws where what follows the sum would not take neurons of another number, or give others beside them.
void require_free_width(GraphData& graph, const Tail& tail, std::int64_t before, std::int64_t wanted) {
  for (const NodeData* node : tail.after) {
    const std::string name = described(*node);
    if (node->op_type == "Concat" && !joins_one(graph, *node, tail.sum->outputs.front())) {
      fail_input(
          "a head of {} neurons: {} joins results of several weighted sums, of which a head would replace one; take an output in "
          "front of it, or export the model with one last sum",
          wanted, name);
    }
    if (before == wanted || node->op_type == "Add" || node->op_type == "Reshape") continue;  // those are made as wide
    for (const std::string& input : node->inputs) {
      const TensorData* data = initializer_of(graph, input);
      if (data == nullptr || before == 1 || std::ranges::find(data->dims, before) == data->dims.end()) continue;
      fail_input(
          "a head of {} neurons: {} behind it has numbers of its own for each of the {} that there are (\"{}\"); export the model "
          "without it, or take an output in front of it",
          wanted, name, before, input);
    }
  }
}

/// Where the results of one sum are joined, as 1 − p with p by classifiers of two classes, a fresh head of several neurons has
/// probabilities of its own in their place. Returns whether it is so.
bool replace_join(GraphData& graph, const Tail& tail, const std::string& output) {
  const std::string& sums = tail.sum->outputs.front();
  if (std::ranges::none_of(tail.after, [](const NodeData* node) { return node->op_type == "Concat"; })) return false;
  constexpr std::array kSame = {std::string_view("Add"),     std::string_view("Reshape"),   std::string_view("Flatten"),
                                std::string_view("Squeeze"), std::string_view("Unsqueeze"), std::string_view("Identity"),
                                std::string_view("Cast"),    std::string_view("Dropout")};
  std::string scores = sums;
  for (auto node = tail.after.rbegin(); node != tail.after.rend(); ++node) {
    if (std::ranges::find(kSame, (*node)->op_type) == kSame.end()) break;
    scores = (*node)->outputs.front();
  }
  std::erase_if(graph.nodes, [&](const NodeData& node) { return std::ranges::find(node.outputs, output) != node.outputs.end(); });
  AttributeData axis;
  axis.name = "axis";
  axis.type = AttributeData::Type::integer;
  axis.integer = -1;
  graph.nodes.push_back({"Softmax", "", "", {scores}, {output}, {axis}});
  std::set<std::string> needed;
  for (const ValueData& value : graph.outputs) needed.merge(values_behind(graph, value.name));
  std::erase_if(graph.nodes, [&](const NodeData& node) {
    return std::ranges::none_of(node.outputs, [&](const std::string& name) { return needed.contains(name); });
  });
  return true;
}

}  // namespace

void require_output(const GraphData& graph, const std::string& output) {
  std::vector<std::string> names;
  for (const ValueData& value : graph.outputs) names.push_back(value.name);
  if (std::ranges::find(names, output) == names.end()) {
    fail_input("the model has no output \"{}\"{}", output, nearest_or_all(output, names));
  }
}

std::set<std::string> values_behind(const GraphData& graph, const std::string& value) {
  std::map<std::string, const NodeData*> makers;
  for (const NodeData& node : graph.nodes) {
    for (const std::string& output : node.outputs) makers.emplace(output, &node);
  }
  std::set<std::string> found;
  std::vector<std::string> open{value};
  while (!open.empty()) {
    const std::string next = open.back();
    open.pop_back();
    if (!found.insert(next).second) continue;
    if (const auto maker = makers.find(next); maker != makers.end()) add_read(*maker->second, open);
  }
  return found;
}

std::set<std::string> replace_head(GraphData& graph, const std::string& output, std::int64_t outputs) {
  if (outputs < 1) fail_input("a head of {} neurons; expected at least 1", outputs);
  const Tail tail = tail_of(graph, output);
  NodeData& sum = *tail.sum;
  const AttributeData* transposed = sum.attribute("transB");
  const std::vector<std::int64_t> extents = initializer_of(graph, sum.inputs[1])->dims;
  if (extents.size() < 2) fail_input("the last weighted sum has a weight of {} axes", extents.size());
  const bool rows = sum.op_type == "Conv" || (transposed != nullptr && transposed->integer != 0);
  const std::size_t axis = rows ? 0 : extents.size() - 1;
  const std::int64_t before = extents[axis];
  require_free_width(graph, tail, before, outputs);
  TensorData& weight = own(graph, sum, 1);
  if (const AttributeData* group = sum.attribute("group"); group != nullptr && group->integer != 1) {
    fail_input("the last weighted sum is a convolution of {} groups, which cannot be widened", group->integer);
  }
  const std::ptrdiff_t spatial = sum.op_type == "Conv" ? std::ssize(weight.dims) - 2 : 0;
  std::set<std::string> fresh{weight.name};
  widen(weight, axis, outputs);
  const auto widen_bias = [&](NodeData& node, std::size_t input) {
    TensorData* bias = initializer_of(graph, node.inputs[input]);
    if (bias == nullptr || bias->dims.empty()) return;
    const std::ptrdiff_t usual = std::ssize(bias->dims) - 1 - spatial;  // where several extents are alike
    const bool is_usual = usual >= 0 && bias->dims[static_cast<std::size_t>(usual)] == before;
    const auto width = is_usual ? bias->dims.begin() + usual : std::ranges::find(bias->dims, before);
    if (width == bias->dims.end()) return;
    const auto place = static_cast<std::size_t>(width - bias->dims.begin());
    TensorData& mine = own(graph, node, input);
    widen(mine, place, outputs);
    fresh.insert(mine.name);
  };
  if (sum.inputs.size() > 2) widen_bias(sum, 2);
  for (NodeData* node : tail.after) {
    if (node->op_type == "Add") {
      for (std::size_t i = 0; i < node->inputs.size(); ++i) widen_bias(*node, i);
    }
    if (node->op_type != "Reshape" || node->inputs.size() < 2) continue;
    TensorData* shape = initializer_of(graph, node->inputs[1]);
    if (shape == nullptr) continue;
    Tensor changed = to_tensor(*shape, {});
    for (std::int64_t& extent : changed.values<std::int64_t>()) extent = extent == before ? outputs : extent;
    TensorData& mine = own(graph, *node, 1);
    mine = from_tensor(mine.name, changed);
  }
  const auto said = std::ranges::find(graph.outputs, output, &ValueData::name);
  if (said->dims) {
    for (Dim& dim : *said->dims) dim = dim == Dim(before) ? Dim(outputs) : dim;
  }
  if (outputs > 1 && replace_join(graph, tail, output) && said->dims && !said->dims->empty()) said->dims->back() = outputs;
  std::erase_if(graph.values, [](const ValueData&) { return true; });  // what the file says of values in between is no longer true
  return fresh;
}

void insert_dropout(GraphData& graph, const std::string& output, float ratio) {
  const Tail tail = tail_of(graph, output);
  const std::string input = tail.sum->inputs.front();
  if (const NodeData* before = maker_of(graph.nodes, input); before != nullptr && before->op_type == "Dropout") return;
  NodeData node;
  node.op_type = "Dropout";
  node.name = "dropout";
  node.inputs = {input};
  node.outputs = {input + ".dropped"};
  AttributeData attribute;
  attribute.name = "ratio";
  attribute.type = AttributeData::Type::real;
  attribute.real = ratio;
  node.attributes.push_back(std::move(attribute));
  tail.sum->inputs.front() = node.outputs.front();
  graph.nodes.push_back(std::move(node));
}

std::string only_output(const Model& model) {
  const std::vector<ValueData>& outputs = model.graph.outputs;
  if (outputs.size() == 1) return outputs.front().name;
  std::string names;
  for (const ValueData& value : outputs) names += (names.empty() ? "" : ", ") + value.name;
  fail_input("{}: has {} outputs ({}); name the one that is meant (for train: --output NAME)", model.path, outputs.size(), names);
}

}  // namespace neurons::onnx
