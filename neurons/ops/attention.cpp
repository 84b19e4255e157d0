#include "neurons/ops/common/attention.hpp"

#include <algorithm>
#include <limits>

#include "neurons/ops/common/choose.hpp"
#include "neurons/ops/common/emit.hpp"

namespace neurons::ops {
namespace {

// Inputs behind q, k and v.
constexpr std::size_t kMask = 3;
constexpr std::size_t kPastKey = 4;
constexpr std::size_t kPastValue = 5;

/// What the fourth output shows of the scores.
enum ScoreMode : std::int64_t { kProducts, kCapped, kMasked, kProbabilities };

struct OnnxAttentionOptions : AttentionOptions {
  std::int64_t qk_matmul_output_mode = kProducts;
  std::int64_t softmax_precision = 0;  ///< ONNX's number of the type of the probabilities; 0: the queries' own

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    AttentionOptions::fields(self, visit);
    visit("qk_matmul_output_mode", self.qk_matmul_output_mode);
    visit("softmax_precision", self.softmax_precision);
  }
};

/// The type in which probabilities are computed: that of the queries, unless a more precise one is asked for.
DType softmax_type(const OnnxAttentionOptions& options, DType queries) {
  constexpr std::int64_t kOnnxDouble = 11;
  return options.softmax_precision == kOnnxDouble ? DType::f64 : queries;
}

void check_options(const InferContext& context, const OnnxAttentionOptions& options) {
  if (options.qk_matmul_output_mode < kProducts || options.qk_matmul_output_mode > kProbabilities) {
    context.fail("qk_matmul_output_mode = {} must be from 0 to 3", options.qk_matmul_output_mode);
  }
  static const std::vector<std::int64_t> kTypes{0, 1, 10, 11, 16};  // none, float, half, double, bfloat16
  if (std::ranges::find(kTypes, options.softmax_precision) == kTypes.end()) {
    context.fail("softmax_precision = {} must be one of ONNX's numbers of floats: 1, 10, 11 or 16", options.softmax_precision);
  }
}

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
  const auto& options = context.as<OnnxAttentionOptions>();
  const Shape& q = context.shape(0);
  check_options(context, options);
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
  const auto apart = [](const HeadsShape& heads) { return Shape{heads.batch, heads.heads, heads.steps, heads.size}; };
  return {{context.dtype(), sizes.y_shape},
          {context.dtype(), apart(sizes.k)},
          {context.dtype(), apart(sizes.v)},
          {context.dtype(), sizes.score_shape()}};
}

/// The fourth output; -inf where a query does not see the key.
Value shown_scores(const PlainScores& scores, std::int64_t mode) {
  if (mode == kProducts) return scores.products;
  if (mode == kCapped) return scores.capped;
  if (mode == kProbabilities) return scores.probabilities;
  if (!scores.seen) return scores.masked;
  return choose(scores.seen, scores.masked, number_like(scores.masked, -std::numeric_limits<double>::infinity()));
}

std::vector<Value> decompose(const RewriteContext& context) {
  const auto optional = [&](std::size_t index) { return context.inputs.size() > index ? context.inputs[index] : Value{}; };
  const auto& onnx = context.options.as<OnnxAttentionOptions>();
  PlacedAttentionOptions options;
  static_cast<AttentionOptions&>(options) = onnx;
  const Value q = context.inputs[0];
  Value k = context.inputs[1];
  Value v = context.inputs[2];
  Value present_k = split_heads(k, options.kv_num_heads);
  Value present_v = split_heads(v, options.kv_num_heads);
  if (const Value past = optional(kPastKey)) {
    options.past = past.shape()[2];
    const Options along = context.graph.table()->find("Concat").default_options.with({{"axis", std::int64_t{2}}});
    k = present_k = context.graph.emit("Concat", {past, present_k}, along);
    v = present_v = context.graph.emit("Concat", {optional(kPastValue), present_v}, along);
  }
  const DType softmax = softmax_type(onnx, q.type().dtype);
  const PlainScores scores = plain_scores(q, k, optional(kMask), options, softmax);  // dead nodes where nobody reads them
  const Value y = softmax == q.type().dtype ? context.graph.emit("ScaledDotProductAttention", {q, k, v, optional(kMask)}, options)
                                            : plain_output(q, scores.probabilities, v, options);
  return {y, present_k, present_v, shown_scores(scores, onnx.qk_matmul_output_mode)};
}

std::vector<Sample> samples() {
  OnnxAttentionOptions two;
  two.q_num_heads = 4;
  two.kv_num_heads = 2;
  OnnxAttentionOptions causal = two;
  causal.is_causal = true;
  OnnxAttentionOptions capped = two;
  capped.softcap = 1.5F;
  capped.qk_matmul_output_mode = kCapped;
  OnnxAttentionOptions masked = capped;
  masked.qk_matmul_output_mode = kMasked;
  OnnxAttentionOptions softened = causal;
  softened.qk_matmul_output_mode = kProbabilities;
  softened.softmax_precision = 11;
  const auto of = [](const Shape& shape) { return Sample::Input{{DType::f32, shape}}; };
  const Sample::Input absent{TensorType{}, Sample::Fill::normal, 1, {}, false, false};
  const Sample::Input padding{{DType::boolean, {2, 1, 1, 9}}, Sample::Fill::boolean};
  return {{{of({2, 5, 12}), of({2, 7, 6}), of({2, 7, 8})}, two, "grouped"},
          {{of({2, 5, 12}), of({2, 7, 6}), of({2, 7, 8})}, causal, "grouped, causal"},
          {{of({2, 4, 5, 3}), of({2, 2, 5, 3}), of({2, 2, 5, 3})}, causal, "rank 4"},
          {{of({2, 5, 12}), of({2, 7, 6}), of({2, 7, 8})}, capped, "capped scores"},
          {{of({2, 5, 12}), of({2, 7, 6}), of({2, 7, 8}), of({5, 7})}, masked, "capped and masked scores"},
          {{of({2, 4, 5, 3}), of({2, 2, 5, 3}), of({2, 2, 5, 3})}, softened, "probabilities in double precision"},
          {{of({2, 1, 12}), of({2, 1, 6}), of({2, 1, 8}), absent, of({2, 2, 6, 3}), of({2, 2, 6, 4})},
           causal,
           "one step behind a past"},
          {{of({2, 4, 3, 3}), of({2, 2, 3, 3}), of({2, 2, 3, 4}), padding, of({2, 2, 6, 3}), of({2, 2, 6, 4})},
           causal,
           "rank 4 behind a past, masked"}};
}

}  // namespace

/// ONNX's Attention. The scores are made, whole, only where somebody reads them or probabilities of double precision are asked for.
std::vector<OpDef> attention() {
  OpDef op;
  op.name = "Attention";
  op.summary =
      "y = softmax(softcap(scale · q · kᵀ) + mask) · v for each head; inputs q, k, v, mask, past keys, past values; outputs y, "
      "present keys, present values, scores";
  op.source = "https://onnx.ai/onnx/operators/onnx__Attention.html";
  op.default_options = OnnxAttentionOptions{};
  op.minimum_inputs = 3;
  op.maximum_inputs = 6;
  op.infer = infer;
  op.decompose = decompose;
  op.onnx = {{"Attention", 23, ""}};
  op.samples = samples;
  return {std::move(op)};
}

}  // namespace neurons::ops
