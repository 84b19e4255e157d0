// Normalisations and dropout, which differ between training and inference.

#include <algorithm>

#include "neurons/base/error.hpp"
#include "neurons/formats/onnx/rules/rules.hpp"

namespace neurons::onnx {
namespace {

using Outputs = std::vector<Value>;

constexpr std::int64_t kTrainingByAttribute = 14;
constexpr std::int64_t kScalePerChannel = 21;

/// In inference form with the file's statistics, unless these are to be trained or the file says training_mode.
Outputs batch_normalization(const NodeContext& node) {
  const bool asked = node.opset >= kTrainingByAttribute && node.integer("training_mode", 0) != 0;
  const bool trained = node.options().trains_statistic && node.has(3) && node.options().trains_statistic(node.node.inputs.at(3));
  const auto results = node.as_it_is({{"training_mode", asked || trained}}, {"spatial", "is_test", "training_mode"});
  if (!trained) return results;
  node.graph().assign(node.input(3), results.at(1));
  node.graph().assign(node.input(4), results.at(2));
  return {results.front()};
}

/// Of opsets 18 to 20: scale and bias of each group.
Outputs group_normalization(const NodeContext& node) {
  if (node.opset >= kScalePerChannel) return node.as_it_is({}, {"stash_type"});
  const std::int64_t channels = node.input(0).shape()[1];
  const std::int64_t groups = node.integer("num_groups", 0);
  if (groups < 1 || channels % groups != 0) node.fail(fmt::format("{} channels do not part into {} groups", channels, groups));
  NodeContext spread = node;
  for (const std::size_t i : {1U, 2U}) {
    const Value column = node.emit("Reshape", {node.input(i)}, {{"shape", std::vector<std::int64_t>{groups, 1}}});
    const Value wide = node.emit("Expand", {column}, {{"shape", std::vector<std::int64_t>{groups, channels / groups}}});
    spread.inputs[i] = node.emit("Reshape", {wide}, {{"shape", std::vector<std::int64_t>{channels}}});
  }
  return spread.as_it_is({}, {"stash_type"});
}

/// Nothing is dropped in inference; a file that says otherwise asks for numbers that nobody can reproduce. While the model is
/// trained here, the numbers are ours.
Outputs dropout(const NodeContext& node) {
  const Tensor* training = node.known(2);
  const bool known = training != nullptr && training->elements() == 1;
  const bool drops = node.has(2) && (!known || training->cast(DType::i64).values<std::int64_t>()[0] != 0);
  const double ratio = node.has(1) ? node.number(1, "ratio") : node.real("ratio", 0.5);
  if (drops && ratio != 0) node.fail("drops at random in training_mode; export the model for inference");
  const Value x = node.input(0);
  if (node.options().drop) return {node.options().drop(x, ratio)};
  if (!node.has_output(1)) return {x};
  Tensor kept(DType::boolean, Shape{});
  kept.values<bool>()[0] = true;
  const auto extents = x.shape().extents();
  return {x, node.emit("Expand", {node.constant(kept)}, {{"shape", std::vector<std::int64_t>(extents.begin(), extents.end())}})};
}

/// Scale and bias may be any that broadcast to x: those that have not the shape of the normalised axes come behind it.
Outputs layer_normalization(const NodeContext& node) {
  const Shape& x = node.input(0).shape();
  const std::int64_t axis = node.integer("axis", -1);
  if (axis < -x.rank() || axis >= x.rank()) return node.as_it_is({}, {"stash_type"});
  const Shape normalized(x.extents().subspan(static_cast<std::size_t>(x.normalized_axis(axis))));
  const std::size_t last = node.has(2) ? 2 : 1;
  NodeContext plain = node;
  bool fits = true;
  for (std::size_t i = 1; i <= last; ++i) {
    const Shape& shape = node.input(i).shape();
    const auto leading = static_cast<std::size_t>(std::max(0, shape.rank() - normalized.rank()));
    if (leading > 0 && shape.product(0, static_cast<int>(leading)) == 1 && Shape(shape.extents().subspan(leading)) == normalized) {
      const auto extents = normalized.extents();
      plain.inputs[i] =
          node.emit("Reshape", {node.input(i)}, {{"shape", std::vector<std::int64_t>(extents.begin(), extents.end())}});
    }
    fits = fits && plain.inputs[i].shape() == normalized;
  }
  if (fits) return plain.as_it_is({}, {"stash_type"});
  Tensor ones(DType::f32, normalized);
  std::ranges::fill(ones.values<float>(), 1.0F);
  plain.inputs = {node.input(0), node.constant(ones.cast(node.input(0).type().dtype))};
  Outputs outputs = plain.as_it_is({}, {"stash_type"});
  outputs.front() = outputs.front() * node.input(1);
  if (last == 2) outputs.front() = outputs.front() + node.input(2);
  if (outputs.front().shape() != x) {
    node.fail(fmt::format("scale and bias must broadcast to x {}, but the result has shape {}", x.to_string(),
                          outputs.front().shape().to_string()));
  }
  return outputs;
}

/// The pools whose second output is asked for.
Outputs max_pool(const NodeContext& node) { return node.as_it_is({{"indices", node.has_output(1)}}); }

}  // namespace

void add_normalization_rules(Rules& rules) {
  rules["BatchNormalization"] = batch_normalization;
  rules["GroupNormalization"] = group_normalization;
  rules["LayerNormalization"] = layer_normalization;
  rules["RMSNormalization"] = layer_normalization;
  rules["Dropout"] = dropout;
  rules["MaxPool"] = max_pool;
}

}  // namespace neurons::onnx
