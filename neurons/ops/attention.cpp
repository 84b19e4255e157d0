#include "neurons/ops/common/attention.hpp"

#include <array>

#include "neurons/ops/common/emit.hpp"

namespace neurons::ops {
namespace {

// Inputs behind q, k and v.
constexpr std::size_t kMask = 3;
constexpr std::size_t kPastKey = 4;
constexpr std::size_t kPastValue = 5;

/// Keys or values [batch, heads, time, size] behind those of the past.
Shape behind(const InferContext& context, std::size_t past, const Shape& now, std::int64_t heads) {
  const HeadsShape sizes(now, heads);
  const Shape& before = context.shape(past);
  const bool fits = before.rank() == 4 && before[0] == sizes.batch && before[1] == sizes.heads && before[3] == sizes.size;
  if (!fits || context.dtype(past) != context.dtype(0)) {
    context.fail("expects past keys and values [batch, heads, time, size] = [{}, {}, …, {}], got {}", sizes.batch, sizes.heads,
                 sizes.size, before.to_string());
  }
  return {sizes.batch, sizes.heads, before[2] + sizes.steps, sizes.size};
}

std::vector<TensorType> infer(const InferContext& context) {
  const auto& options = context.as<AttentionOptions>();
  const Shape& q = context.shape(0);
  if (context.has(kPastKey) != context.has(kPastValue)) context.fail("takes past keys and past values, or neither");
  check_attention(context, q, context.shape(1), context.shape(2), options);
  PlacedAttentionOptions placed;
  static_cast<AttentionOptions&>(placed) = options;
  Shape k = context.shape(1);
  Shape v = context.shape(2);
  if (context.has(kPastKey)) {
    k = behind(context, kPastKey, k, options.kv_num_heads);
    v = behind(context, kPastValue, v, options.kv_num_heads);
    if (k[2] != v[2])
      context.fail("past keys have {} steps, past values {}", context.shape(kPastKey)[2], context.shape(kPastValue)[2]);
  }
  const AttentionSizes sizes(q, k, v, placed);
  check_attention_mask(context, kMask, sizes.score_shape());
  std::vector<TensorType> types{{context.dtype(), sizes.y_shape}};
  if (context.has(kPastKey)) types.insert(types.end(), {{context.dtype(), k}, {context.dtype(), v}});
  return types;
}

std::vector<Value> decompose(const RewriteContext& context) {
  const auto optional = [&](std::size_t index) { return context.inputs.size() > index ? context.inputs[index] : Value{}; };
  PlacedAttentionOptions options;
  static_cast<AttentionOptions&>(options) = context.options.as<AttentionOptions>();
  Value k = context.inputs[1];
  Value v = context.inputs[2];
  std::vector<Value> present;
  if (const Value past = optional(kPastKey)) {
    options.past = past.shape()[2];
    const auto join = [&](Value before, Value now) {
      const Options along = context.graph.table()->find("Concat").default_options.with({{"axis", std::int64_t{2}}});
      return context.graph.emit("Concat", {before, split_heads(now, options.kv_num_heads)}, along);
    };
    k = join(past, k);
    v = join(optional(kPastValue), v);
    present = {k, v};
  }
  std::vector<Value> results{context.graph.emit("ScaledDotProductAttention", {context.inputs[0], k, v, optional(kMask)}, options)};
  results.insert(results.end(), present.begin(), present.end());
  return results;
}

std::vector<Sample> samples() {
  AttentionOptions two;
  two.q_num_heads = 4;
  two.kv_num_heads = 2;
  AttentionOptions causal = two;
  causal.is_causal = true;
  const auto of = [](const Shape& shape) { return Sample::Input{{DType::f32, shape}}; };
  const Sample::Input absent{TensorType{}, Sample::Fill::normal, 1, {}, false, false};
  const Sample::Input padding{{DType::boolean, {2, 1, 1, 9}}, Sample::Fill::boolean};
  return {{{of({2, 5, 12}), of({2, 7, 6}), of({2, 7, 8})}, two, "grouped"},
          {{of({2, 5, 12}), of({2, 7, 6}), of({2, 7, 8})}, causal, "grouped, causal"},
          {{of({2, 4, 5, 3}), of({2, 2, 5, 3}), of({2, 2, 5, 3})}, causal, "rank 4"},
          {{of({2, 1, 12}), of({2, 1, 6}), of({2, 1, 8}), absent, of({2, 2, 6, 3}), of({2, 2, 6, 4})},
           causal,
           "one step behind a past"},
          {{of({2, 4, 3, 3}), of({2, 2, 3, 3}), of({2, 2, 3, 4}), padding, of({2, 2, 6, 3}), of({2, 2, 6, 4})},
           causal,
           "rank 4 behind a past, masked"}};
}

}  // namespace

/// ONNX's Attention but for its fourth output, the scores, which are stored nowhere. Present keys and values are given where those
/// of the past are.
std::vector<OpDef> attention() {
  OpDef op;
  op.name = "Attention";
  op.summary =
      "y = softmax(softcap(scale · q · kᵀ) + mask) · v for each head; inputs q, k, v, mask, past keys, past values; outputs y, "
      "present "
      "keys, present values";
  op.source = "https://onnx.ai/onnx/operators/onnx__Attention.html";
  op.default_options = AttentionOptions{};
  op.minimum_inputs = 3;
  op.maximum_inputs = 6;
  op.infer = infer;
  op.decompose = decompose;
  op.onnx = {{"Attention", 23, ""}};
  op.samples = samples;
  return {std::move(op)};
}

}  // namespace neurons::ops
