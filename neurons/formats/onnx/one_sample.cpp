#include "neurons/formats/onnx/one_sample.hpp"

#include <algorithm>
#include <array>
#include <map>

namespace neurons::onnx {
namespace {

/// The tensor with extent 1 along the axis, if all its entries there are the same.
std::optional<Tensor> first_of(const Tensor& tensor, int axis) {
  const Shape& shape = tensor.shape();
  const std::size_t entry =
      static_cast<std::size_t>(shape.product(axis + 1, shape.rank())) * size_of(tensor.dtype());  // bytes, neighbours in memory
  const auto extent = static_cast<std::size_t>(shape[axis]);
  Tensor result(tensor.dtype(), shape.with(axis, 1));
  const auto outer = static_cast<std::size_t>(shape.product(0, axis));
  for (std::size_t i = 0; i < outer; ++i) {
    const auto block = tensor.bytes().subspan(i * extent * entry, extent * entry);
    for (std::size_t j = 1; j < extent; ++j) {
      if (!std::ranges::equal(block.first(entry), block.subspan(j * entry, entry))) return std::nullopt;
    }
    std::ranges::copy(block.first(entry), result.bytes().subspan(i * entry, entry).begin());
  }
  return result;
}

constexpr int kAnyAxis = -1;

/// The values that may hold something for each sample, and along which axis.
std::multimap<std::string, int> candidates(const GraphData& graph) {
  constexpr std::array kRecurrent = {std::string_view("RNN"), std::string_view("GRU"), std::string_view("LSTM")};
  std::multimap<std::string, int> result;
  for (const NodeData& node : graph.nodes) {
    const auto integer = [&](std::string_view name) {
      const AttributeData* attribute = node.attribute(name);
      return attribute == nullptr ? std::int64_t{0} : attribute->integer;
    };
    if (std::ranges::find(kRecurrent, node.op_type) != kRecurrent.end()) {
      for (std::size_t state = 5; state < std::min<std::size_t>(7, node.inputs.size()); ++state) {
        result.emplace(node.inputs[state], integer("layout") != 0 ? 0 : 1);
      }
    } else if (node.op_type == "Concat" && integer("axis") != 0) {
      for (const std::string& input : node.inputs) result.emplace(input, 0);
    }
  }
  for (const NodeData& node : graph.nodes) {  // what is expanded first
    if (node.op_type != "Expand" || node.inputs.empty() || node.outputs.empty()) continue;
    const auto known = result.find(node.outputs.front());
    result.emplace(node.inputs.front(), known == result.end() ? kAnyAxis : known->second);
  }
  return result;
}

}  // namespace

std::int64_t written_batch(const GraphData& graph) {
  for (const ValueData* input : graph.given_inputs()) {
    if (!input->dims || input->dims->empty()) continue;
    const auto* extent = std::get_if<std::int64_t>(&input->dims->front());
    if (extent != nullptr && *extent > 0) return *extent;
  }
  return 0;
}

void keep_one_sample(Model& model) {
  const std::int64_t batch = written_batch(model.graph);
  if (batch < 2) return;
  const auto wanted = candidates(model.graph);
  for (TensorData& data : model.graph.initializers) {
    const auto [first, last] = wanted.equal_range(data.name);
    for (auto candidate = first; candidate != last; ++candidate) {
      const auto found = std::ranges::find(data.dims, batch);
      const bool sure = candidate->second != kAnyAxis || std::ranges::count(data.dims, batch) == 1;
      const auto axis = candidate->second != kAnyAxis ? candidate->second : static_cast<int>(found - data.dims.begin());
      if (!sure || axis >= std::ssize(data.dims) || data.dims[static_cast<std::size_t>(axis)] != batch) continue;
      if (auto one = first_of(to_tensor(data, model.folder), axis)) data = from_tensor(data.name, std::move(*one));
    }
  }
}

}  // namespace neurons::onnx
