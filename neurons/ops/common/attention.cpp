#include "neurons/ops/common/attention.hpp"

#include <algorithm>
#include <cmath>

#include "neurons/ops/common/choose.hpp"
#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/view.hpp"

namespace neurons::ops {

HeadsShape::HeadsShape(const Shape& shape, std::int64_t of_heads) : batch(shape[0]) {
  if (shape.rank() == 4) {
    heads = shape[1];
    steps = shape[2];
    size = shape[3];
    head_stride = steps * size;
    step_stride = size;
  } else {
    heads = of_heads;
    steps = shape[1];
    size = shape[2] / heads;
    head_stride = size;
    step_stride = heads * size;
  }
  batch_stride = heads * steps * size;
}

AttentionSizes::AttentionSizes(const Shape& q_shape, const Shape& k_shape, const Shape& v_shape,
                               const PlacedAttentionOptions& options)
    : q(q_shape, options.q_num_heads),
      k(k_shape, options.kv_num_heads),
      v(v_shape, options.kv_num_heads),
      y_shape(q_shape.with(-1, q_shape.rank() == 4 ? v.size : q.heads * v.size)),
      row_shape{q.batch, q.heads, q.steps},
      scale(options.scale == 0 ? 1 / std::sqrt(static_cast<double>(q.size)) : static_cast<double>(options.scale)),
      causal(options.is_causal),
      past(options.past) {
  y = HeadsShape(y_shape, q.heads);
}

std::int64_t AttentionSizes::visible(std::int64_t query) const {
  return causal ? std::clamp<std::int64_t>(query + past + 1, 0, k.steps) : k.steps;
}

double AttentionSizes::pairs() const {
  double sum = 0;
  for (std::int64_t query = 0; query < q.steps; ++query) sum += static_cast<double>(visible(query));
  return sum;
}

namespace {

void check_heads(const InferContext& context, std::string_view operand, const Shape& shape, std::string_view option,
                 std::int64_t heads) {
  if (shape.rank() != 3 && shape.rank() != 4) {
    context.fail("expects {} [batch, time, heads · size] or [batch, heads, time, size], got {}", operand, shape.to_string());
  }
  if (shape.rank() == 3 && heads < 1) context.fail("{} = {} must be at least 1 for {} of rank 3", option, heads, operand);
  if (shape.rank() == 3 && shape[2] % heads != 0) {
    context.fail("{} = {} does not divide the {} features of {}", option, heads, shape[2], operand);
  }
}

}  // namespace

void check_attention(const InferContext& context, const Shape& q, const Shape& k, const Shape& v, const AttentionOptions& options) {
  check_heads(context, "queries", q, "q_num_heads", options.q_num_heads);
  check_heads(context, "keys", k, "kv_num_heads", options.kv_num_heads);
  check_heads(context, "values", v, "kv_num_heads", options.kv_num_heads);
  for (std::size_t i = 1; i < 3; ++i) {
    if (context.dtype(i) != context.dtype(0)) context.fail("queries, keys and values must have one element type");
  }
  if (context.dtype() != DType::f32 && context.dtype() != DType::f64) context.fail("expects floats");
  PlacedAttentionOptions placed;
  static_cast<AttentionOptions&>(placed) = options;
  const AttentionSizes sizes(q, k, v, placed);
  if (sizes.q.size == 0 || sizes.k.heads == 0 || sizes.v.size == 0) context.fail("a head must have at least one feature");
  if (sizes.k.batch != sizes.q.batch || sizes.v.batch != sizes.q.batch) {
    context.fail("the batch of queries is {}, those of keys and values are {} and {}", sizes.q.batch, sizes.k.batch, sizes.v.batch);
  }
  if (sizes.k.steps != sizes.v.steps || sizes.k.heads != sizes.v.heads) {
    context.fail("there are keys of {} steps and {} heads, but values of {} and {}", sizes.k.steps, sizes.k.heads, sizes.v.steps,
                 sizes.v.heads);
  }
  if (sizes.k.steps == 0) context.fail("there are no keys");
  if (sizes.q.heads % sizes.k.heads != 0) {
    context.fail("{} heads of keys do not divide {} heads of queries", sizes.k.heads, sizes.q.heads);
  }
  if (sizes.k.size != sizes.q.size) {
    context.fail("a head of queries has {} features, one of keys {}", sizes.q.size, sizes.k.size);
  }
  if (!std::isfinite(options.scale)) context.fail("scale = {} must be finite", options.scale);
  if (!(options.softcap >= 0 && std::isfinite(options.softcap))) context.fail("softcap = {} must be at least 0", options.softcap);
}

void check_attention_mask(const InferContext& context, std::size_t mask, const Shape& scores) {
  if (!context.has(mask)) return;
  if (context.dtype(mask) != DType::boolean && context.dtype(mask) != context.dtype(0)) {
    context.fail("the mask must be bool, or {} as the queries are", name_of(context.dtype(0)));
  }
  const Shape& shape = context.shape(mask);
  bool fits = shape.rank() <= 4;
  for (int axis = 1; fits && axis <= shape.rank(); ++axis) fits = shape[-axis] == 1 || shape[-axis] == scores[-axis];
  if (!fits) {
    context.fail("the mask {} does not fit the scores [batch, heads, queries, keys] = {}: each of its axes must be 1 or theirs",
                 shape.to_string(), scores.to_string());
  }
}

Value shared_constant(Graph& graph, Tensor numbers) {
  const auto& values = graph.values();
  const auto known = std::ranges::find_if(values, [&](const ValueInfo& info) {
    return info.kind == ValueKind::constant && info.name.empty() && *info.constant == numbers;
  });
  if (known == values.end()) return graph.constant(std::move(numbers));
  return graph.value(static_cast<int>(known - values.begin()));
}

Value split_heads(Value value, std::int64_t heads) {
  if (value.shape().rank() == 4) return value;
  const HeadsShape sizes(value.shape(), heads);
  return transposed(reshaped(value, {sizes.batch, sizes.steps, sizes.heads, sizes.size}), {0, 2, 1, 3});
}

namespace {

/// Each head of keys or values as often as heads of queries share it.
Value repeat_heads(Value value, std::int64_t heads) {
  const Shape& shape = value.shape();
  if (shape[1] == heads) return value;
  const std::int64_t group = heads / shape[1];
  const Value apart = reshaped(value, {shape[0], shape[1], 1, shape[2], shape[3]});
  return reshaped(expanded(apart, {shape[0], shape[1], group, shape[2], shape[3]}), {shape[0], heads, shape[2], shape[3]});
}

/// bool [queries, keys]: what a query sees of the keys; absent where it sees all.
Value causal_mask(Graph& graph, const AttentionSizes& sizes) {
  if (!sizes.causal) return {};
  Tensor seen(DType::boolean, {sizes.q.steps, sizes.k.steps});
  const auto flags = seen.values<bool>();
  for (std::int64_t i = 0; i < sizes.q.steps; ++i) {
    for (std::int64_t j = 0; j < sizes.visible(i); ++j) flags[static_cast<std::size_t>(i * sizes.k.steps + j)] = true;
  }
  return shared_constant(graph, std::move(seen));
}

}  // namespace

PlainScores plain_scores(Value q, Value k, Value mask, const PlacedAttentionOptions& options, DType softmax) {
  constexpr double kFar = -3e38;  // finite: a row of such scores alone has a softmax, which is then left out
  Graph& graph = q.graph();
  const AttentionSizes sizes(q.shape(), k.shape(), k.shape(), options);
  const auto number = [&](double value) { return number_like(q, value); };
  const auto as = [](Value value, DType type) {
    return value.type().dtype == type ? value : emit_with("Cast", {value}, {{"to", std::string(name_of(type))}});
  };
  const Value queries = split_heads(q, sizes.q.heads);
  const Value keys = repeat_heads(split_heads(k, sizes.k.heads), sizes.q.heads);
  PlainScores scores;
  scores.products = graph.emit("Mul", {graph.emit("MatMul", {queries, transposed_last_two(keys)}), number(sizes.scale)});
  scores.capped = scores.products;
  if (options.softcap != 0) {
    const Value cap = number(static_cast<double>(options.softcap));
    scores.capped = graph.emit("Mul", {graph.emit("Tanh", {graph.emit("Div", {scores.products, cap})}), cap});
  }
  scores.masked = scores.capped;
  Value seen = causal_mask(graph, sizes);
  if (mask && mask.type().dtype == DType::boolean) {
    seen = seen ? graph.emit("And", {seen, mask}) : mask;
  } else if (mask) {
    const Value seen_by_mask = graph.emit("Greater", {mask, number(kFar)});
    scores.masked = graph.emit("Add", {scores.masked, choose(seen_by_mask, mask, number(0))});
    seen = seen ? graph.emit("And", {seen, seen_by_mask}) : seen_by_mask;
  }
  if (seen) {
    scores.seen = expanded(seen, sizes.score_shape());
    scores.masked = choose(scores.seen, scores.masked, number(kFar));
    const Value flags = choose(scores.seen, number(1), number(0));
    scores.any = emit_with("ReduceMax", {flags}, {{"axes", std::vector<std::int64_t>{-1}}, {"keep_dims", true}});
  }
  scores.probabilities = as(emit_with("Softmax", {as(scores.masked, softmax)}, {{"axis", std::int64_t{-1}}}), q.type().dtype);
  if (scores.any) scores.probabilities = graph.emit("Mul", {scores.probabilities, scores.any});
  return scores;
}

Value plain_output(Value q, Value probabilities, Value v, const PlacedAttentionOptions& options) {
  const std::int64_t heads = probabilities.shape()[1];
  const Value values = repeat_heads(split_heads(v, options.kv_num_heads), heads);
  const Value y = q.graph().emit("MatMul", {probabilities, values});
  if (q.shape().rank() == 4) return y;
  return reshaped(transposed(y, {0, 2, 1, 3}), q.shape().with(-1, heads * values.shape()[-1]));
}

std::vector<Value> plain_attention(Value q, Value k, Value v, Value mask, const PlacedAttentionOptions& options,
                                   const std::function<Value(Value)>& change) {
  const PlainScores scores = plain_scores(q, k, mask, options, q.type().dtype);
  const Value y = plain_output(q, change ? change(scores.probabilities) : scores.probabilities, v, options);
  Value sums = emit_with("ReduceLogSumExp", {scores.masked}, {{"axes", std::vector<std::int64_t>{-1}}, {"keep_dims", true}});
  if (scores.any) sums = choose(q.graph().emit("Greater", {scores.any, number_like(q, 0)}), sums, number_like(q, 0));
  return {y, reshaped(sums, AttentionSizes(q.shape(), k.shape(), v.shape(), options).row_shape)};
}

}  // namespace neurons::ops
