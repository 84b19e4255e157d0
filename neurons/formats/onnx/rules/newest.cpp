// Operators of ONNX's newest opsets (27 and 28) that are several of our ops.

#include <cmath>

#include "neurons/formats/onnx/rules/rules.hpp"

namespace neurons::onnx {
namespace {

using Outputs = std::vector<Value>;
using Extents = std::vector<std::int64_t>;

constexpr std::int64_t kLongestUnrolled = 4096;

Value sliced(const NodeContext& node, const Value& value, std::int64_t axis, std::int64_t start, std::int64_t end) {
  return node.emit("Slice", {value}, {{"axes", Extents{axis}}, {"starts", Extents{start}}, {"ends", Extents{end}}});
}

Value zeros(const NodeContext& node, const Value& like, const Extents& extents) {
  return node.emit("Expand", {node.constant(Tensor::scalar(0).cast(like.type().dtype))}, {{"shape", extents}});
}

/// Swish(a) · b
Outputs swi_glu(const NodeContext& node) {
  const Value a = node.input(0);
  const Value b = node.input(1);
  if (a.type() != b.type()) node.fail(fmt::format("its gate is {}, its values {}", a.type().to_string(), b.type().to_string()));
  return {node.emit("Mul", {node.emit("Swish", {a}, {{"alpha", node.real("alpha", 1)}}), b})};
}

/// A depthwise convolution over the past and the input, and the end of these as the next past.
Outputs causal_conv(const NodeContext& node) {
  constexpr std::size_t kBias = 2;
  constexpr std::size_t kPast = 3;
  const std::string activation = node.text("activation", "none");
  if (activation != "none" && activation != "silu" && activation != "swish") {
    node.fail(fmt::format("activation = \"{}\", expected \"silu\", \"swish\" or \"none\"", activation));
  }
  const Value x = node.input(0);
  const Value weight = node.input(1);
  if (x.shape().rank() != 3 || weight.shape().rank() != 3) node.fail("expects an input and weights of three axes");
  const std::int64_t before = weight.shape()[2] - 1;
  if (before < 0) node.fail("its weights have no steps");
  const Extents of_past{x.shape()[0], x.shape()[1], before};
  const Value past = node.has(kPast) ? node.input(kPast) : zeros(node, x, of_past);
  if (const Shape expected{std::span<const std::int64_t>(of_past)}; past.shape() != expected) {
    node.fail(fmt::format("its past is {}, expected {}", past.shape().to_string(), expected.to_string()));
  }
  const Value padded = node.emit("Concat", {past, x}, {{"axis", std::int64_t{2}}});
  std::vector<Value> operands{padded, weight};
  if (node.has(kBias)) operands.push_back(node.input(kBias));
  Value y = node.emit("Conv", operands, {{"group", x.shape()[1]}});
  if (activation != "none") y = node.emit("Swish", {y});
  const std::int64_t length = padded.shape()[2];
  return {y, sliced(node, padded, 2, length - before, length)};
}

/// What LinearAttention needs of one step, apart by heads.
struct LinearSizes {
  std::int64_t batch = 0, steps = 0, heads = 0, group = 0, size = 0, value_size = 0;
};

LinearSizes linear_sizes(const NodeContext& node) {
  const std::int64_t q_heads = node.integer("q_num_heads", 0);
  const std::int64_t heads = node.integer("kv_num_heads", 0);
  for (std::size_t i = 0; i < 3; ++i) {
    if (node.input(i).shape().rank() != 3) node.fail("expects queries, keys and values [batch, time, heads · size]");
  }
  const Shape& q = node.input(0).shape();
  const Shape& k = node.input(1).shape();
  const Shape& v = node.input(2).shape();
  if (q[0] != k[0] || v[0] != k[0] || q[1] != k[1] || v[1] != k[1]) {
    node.fail(fmt::format("queries {}, keys {} and values {} must be of one batch and as many steps", q.to_string(), k.to_string(),
                          v.to_string()));
  }
  if (heads < 1 || q_heads < 1 || q_heads % heads != 0 || k[2] % heads != 0 || v[2] % heads != 0) {
    node.fail(fmt::format("{} heads of queries and {} of keys do not fit keys {} and values {}", q_heads, heads, k.to_string(),
                          v.to_string()));
  }
  if (k[1] > kLongestUnrolled) node.fail(fmt::format("has {} steps; up to {} are unrolled", k[1], kLongestUnrolled));
  return {k[0], k[1], heads, q_heads / heads, k[2] / heads, v[2] / heads};
}

/// Step after step: the state is [batch, heads, size, value size].
Outputs linear_attention(const NodeContext& node) {
  constexpr std::size_t kPast = 3;
  constexpr std::size_t kDecay = 4;
  constexpr std::size_t kBeta = 5;
  const std::string rule = node.text("update_rule", "gated_delta");
  const bool gated = rule == "gated" || rule == "gated_delta";
  const bool delta = rule == "delta" || rule == "gated_delta";
  if (!gated && !delta && rule != "linear") node.fail(fmt::format("update_rule = \"{}\" is not known", rule));
  const LinearSizes sizes = linear_sizes(node);
  const auto require_steps = [&](std::size_t index, const char* what) {
    const Shape& shape = node.input(index).shape();
    if (shape.rank() == 3 && shape[0] == sizes.batch && shape[1] == sizes.steps) return;
    node.fail(fmt::format("its {} is {}, expected [{}, {}, …]", what, shape.to_string(), sizes.batch, sizes.steps));
  };
  if (gated) require_steps(kDecay, "decay");
  if (delta) require_steps(kBeta, "beta");
  const Value q = node.input(0);
  const double asked = node.real("scale", 0);
  const double scale = asked != 0 ? asked : 1 / std::sqrt(static_cast<double>(sizes.size));
  const auto at = [&](std::size_t index, std::int64_t step, const Extents& extents) {
    return reshaped(node, sliced(node, node.input(index), 1, step, step + 1), extents);
  };
  Value state = node.has(kPast) ? node.input(kPast) : zeros(node, q, {sizes.batch, sizes.heads, sizes.size, sizes.value_size});
  if (const Shape expected{sizes.batch, sizes.heads, sizes.size, sizes.value_size}; state.shape() != expected) {
    node.fail(fmt::format("its past is {}, expected {}", state.shape().to_string(), expected.to_string()));
  }
  const Value factor = node.constant(Tensor::scalar(static_cast<float>(scale)).cast(q.type().dtype));
  std::vector<Value> outputs;
  for (std::int64_t step = 0; step < sizes.steps; ++step) {
    const Value key = at(1, step, {sizes.batch, sizes.heads, sizes.size, 1});
    Value value = at(2, step, {sizes.batch, sizes.heads, 1, sizes.value_size});
    if (gated) {
      const std::int64_t each = node.input(kDecay).shape()[-1] / sizes.heads;  // a number for each head, or for each feature of it
      state = node.emit("Mul", {state, node.emit("Exp", {at(kDecay, step, {sizes.batch, sizes.heads, each, 1})})});
    }
    if (delta) {
      const Value row = reshaped(node, key, {sizes.batch, sizes.heads, 1, sizes.size});
      const Value beta = at(kBeta, step, {sizes.batch, node.input(kBeta).shape()[-1], 1, 1});
      value = node.emit("Mul", {beta, node.emit("Sub", {value, node.emit("MatMul", {row, state})})});
    }
    state = node.emit("Add", {state, node.emit("Mul", {key, value})});
    const Value query = at(0, step, {sizes.batch, sizes.heads, sizes.group, sizes.size});
    const Value y = node.emit("Mul", {node.emit("MatMul", {query, state}), factor});
    outputs.push_back(reshaped(node, y, {sizes.batch, 1, sizes.heads * sizes.group * sizes.value_size}));
  }
  if (outputs.empty()) node.fail("has no steps");
  return {node.emit("Concat", outputs, {{"axis", std::int64_t{1}}}), state};
}

}  // namespace

void add_newest_rules(Rules& rules) {
  rules["SwiGLU"] = swi_glu;
  rules["CausalConvWithState"] = causal_conv;
  rules["LinearAttention"] = linear_attention;
}

}  // namespace neurons::onnx
