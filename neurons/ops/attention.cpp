#include "neurons/ops/common/attention.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include "neurons/ops/common/choose.hpp"
#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/view.hpp"

namespace neurons::ops {
namespace {

// Inputs behind q, k and v.
constexpr std::size_t kMask = 3;
constexpr std::size_t kPastKey = 4;
constexpr std::size_t kPastValue = 5;
constexpr std::size_t kValidKeys = 6;

/// What the fourth output shows of the scores.
enum ScoreMode : std::int64_t { kProducts, kCapped, kMasked, kProbabilities };

struct OnnxAttentionOptions : AttentionOptions {
  std::int64_t qk_matmul_output_mode = kProducts;
  std::int64_t softmax_precision = 0;   ///< ONNX's number of the type of the probabilities; 0: the queries' own
  std::int64_t left_window_size = -1;   ///< keys that a query sees before its own place; -1: all
  std::int64_t right_window_size = -1;  ///< the same behind it

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    AttentionOptions::fields(self, visit);
    visit("qk_matmul_output_mode", self.qk_matmul_output_mode);
    visit("softmax_precision", self.softmax_precision);
    visit("left_window_size", self.left_window_size);
    visit("right_window_size", self.right_window_size);
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
  for (const auto& [name, size] :
       {std::pair("left_window_size", options.left_window_size), std::pair("right_window_size", options.right_window_size)}) {
    if (size < -1) context.fail("{} = {} must be -1 (all) or at least 0", name, size);
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
  if (context.has(kValidKeys)) {
    if (context.has(kPastKey)) context.fail("takes the numbers of valid keys or a past, not both");
    const TensorType counts{DType::i64, {sizes.q.batch}};
    if (context.inputs[kValidKeys] != counts) context.fail("expects the numbers of valid keys to be {}", counts.to_string());
  }
  const Shape scores = sizes.score_shape();
  const bool ends_early = context.has(kMask) && context.shape(kMask).rank() > 0 && context.shape(kMask)[-1] < scores[-1];
  check_attention_mask(context, kMask, ends_early ? scores.with(-1, context.shape(kMask)[-1]) : scores);
  const auto apart = [](const HeadsShape& heads) { return Shape{heads.batch, heads.heads, heads.steps, heads.size}; };
  return {{context.dtype(), sizes.y_shape},
          {context.dtype(), apart(sizes.k)},
          {context.dtype(), apart(sizes.v)},
          {context.dtype(), sizes.score_shape()}};
}

/// 0, 1, …, count - 1 along the axis before the last, or the last one.
Value places(Graph& graph, std::int64_t count, bool last) {
  Tensor result(DType::i64, last ? Shape{count} : Shape{count, 1});
  const auto values = result.values<std::int64_t>();
  std::iota(values.begin(), values.end(), 0);
  return graph.constant(std::move(result));
}

/// What each query sees of the keys by its place and theirs, as far as `options` do not say it: bool, to be broadcast to the
/// scores; absent where that is all. Where keys are valid up to a number, the last query stands at the last of them, else the first
/// behind the past; the causal rule is then taken out of the options.
Value seen_places(Graph& graph, const OnnxAttentionOptions& windows, Value valid, std::int64_t queries, std::int64_t keys,
                  PlacedAttentionOptions& options) {
  constexpr std::int64_t kFar = std::int64_t{1} << 40;
  const Value key = places(graph, keys, true);
  Value query = places(graph, queries, false);
  const auto moved = [&](Value value, std::int64_t by) {
    return graph.emit("Add", {value, number_like(value, static_cast<double>(by))});
  };
  Value seen;
  const auto narrow_down = [&](std::string_view comparison, Value bound) {
    const Value allowed = graph.emit(comparison, {key, bound});
    seen = seen ? graph.emit("And", {seen, allowed}) : allowed;
  };
  if (valid) {
    const Value counts = reshaped(valid, {valid.shape()[0], 1, 1, 1});
    narrow_down("Less", counts);
    query = graph.emit("Add", {query, moved(counts, -queries)});
    if (options.is_causal) narrow_down("LessOrEqual", query);
    options.is_causal = false;
  } else {
    query = moved(query, options.past);
  }
  if (windows.left_window_size >= 0) narrow_down("GreaterOrEqual", moved(query, -std::min(windows.left_window_size, kFar)));
  if (windows.right_window_size >= 0) narrow_down("LessOrEqual", moved(query, std::min(windows.right_window_size, kFar)));
  return seen;
}

/// The mask, which may end before the keys do, where places are seen; -inf or false elsewhere.
Value joined_mask(Value mask, Value seen, std::int64_t keys) {
  constexpr double kUnseen = -std::numeric_limits<double>::infinity();
  const bool boolean = mask && mask.type().dtype == DType::boolean;
  if (mask && mask.shape().rank() > 0 && mask.shape()[-1] < keys) {
    mask = emit_with("Pad", {mask},
                     {{"axes", std::vector<std::int64_t>{-1}},
                      {"pads", std::vector<std::int64_t>{0, keys - mask.shape()[-1]}},
                      {"value", boolean ? 0.0 : kUnseen}});
  }
  if (!mask || !seen) return mask ? mask : seen;
  return boolean ? mask.graph().emit("And", {seen, mask}) : choose(seen, mask, kUnseen);
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
  const AttentionSizes sizes(q.shape(), k.shape(), v.shape(), options);
  const Value seen = seen_places(context.graph, onnx, optional(kValidKeys), sizes.q.steps, sizes.k.steps, options);
  const Value mask = joined_mask(optional(kMask), seen, sizes.k.steps);
  const DType softmax = softmax_type(onnx, q.type().dtype);
  const PlainScores scores = plain_scores(q, k, mask, options, softmax);  // dead nodes where nobody reads them
  const Value y = softmax == q.type().dtype ? context.graph.emit("ScaledDotProductAttention", {q, k, v, mask}, options)
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
  OnnxAttentionOptions small;
  small.q_num_heads = 2;
  small.kv_num_heads = 1;
  OnnxAttentionOptions small_causal = small;
  small_causal.is_causal = true;
  OnnxAttentionOptions windowed = small;
  windowed.left_window_size = 2;
  windowed.right_window_size = 1;
  OnnxAttentionOptions all = windowed;
  all.is_causal = true;
  all.qk_matmul_output_mode = kProbabilities;
  const auto of = [](const Shape& shape) { return Sample::Input{{DType::f32, shape}}; };
  const Tensor counts = Tensor::of<std::int64_t>({2}, std::vector<std::int64_t>{5, 2});
  const Sample::Input valid{counts.type(), Sample::Fill::given, 1, counts};
  const Sample::Input early{{DType::boolean, {3, 4}}, Sample::Fill::boolean};
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
           "rank 4 behind a past, masked"},
          {{of({2, 3, 4}), of({2, 5, 2}), of({2, 5, 2}), absent, absent, absent, valid}, small, "valid keys"},
          {{of({2, 3, 4}), of({2, 5, 2}), of({2, 5, 2}), early, absent, absent, valid}, small_causal, "valid keys, causal, masked"},
          {{of({1, 4, 4}), of({1, 6, 2}), of({1, 6, 2}), of({4, 5})}, windowed, "in a window, a mask that ends early"},
          {{of({2, 3, 4}), of({2, 5, 2}), of({2, 5, 2}), of({3, 5}), absent, absent, valid}, all, "all of these"},
          {{of({2, 1, 4}), of({2, 2, 2}), of({2, 2, 2}), absent, of({2, 1, 4, 2}), of({2, 1, 4, 2})},
           windowed,
           "in a window behind a past"}};
}

}  // namespace

/// ONNX's Attention. The scores are made, whole, only where somebody reads them or probabilities of double precision are asked for.
std::vector<OpDef> attention() {
  OpDef op;
  op.name = "Attention";
  op.summary =
      "y = softmax(softcap(scale · q · kᵀ) + mask) · v for each head; inputs q, k, v, mask, past keys, past values, numbers of "
      "valid "
      "keys; outputs y, present keys, present values, scores";
  op.source = "https://onnx.ai/onnx/operators/onnx__Attention.html";
  op.default_options = OnnxAttentionOptions{};
  op.minimum_inputs = 3;
  op.maximum_inputs = 7;
  op.infer = infer;
  op.decompose = decompose;
  op.onnx = {{"Attention", 23, ""}};
  op.samples = samples;
  return {std::move(op)};
}

}  // namespace neurons::ops
