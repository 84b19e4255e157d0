#include "neurons/layers/attention.hpp"

#include <algorithm>

#include "neurons/layers/dense.hpp"
#include "neurons/layers/dropout.hpp"
#include "neurons/layers/emit.hpp"
#include "neurons/layers/part.hpp"
#include "neurons/layers/waves.hpp"
#include "neurons/ops/common/attention.hpp"

namespace neurons {
namespace {

Value turned(Value x, std::int64_t heads) {
  const std::int64_t size = x.shape()[2] / heads;
  if (size % 2 != 0) fail_input("{}: rotary = true needs heads of an even width, theirs is {}", x.graph().scope(), size);
  const auto table = [&](bool cosines) {
    return ops::shared_constant(x.graph(), wave_table({1, x.shape()[1], size / 2}, rotary_waves(size / 2, cosines)));
  };
  return emit_with("RotaryEmbedding", {x, table(true), table(false)}, {{"num_heads", heads}});
}

/// Where a mask [batch, queries, keys] is true at all along `axis`.
Value any_along(Value mask, std::int64_t axis) {
  const Value numbers = emit_with("Cast", {mask}, {{"to", std::string("f32")}});
  const Value largest = emit_with("ReduceMax", {numbers}, {{"axes", std::vector{axis}}, {"keep_dims", false}});
  return emit_with("Cast", {largest}, {{"to", std::string(name_of(DType::boolean))}});
}

/// What attention reads of a layer's inputs.
struct Operands {
  Value queries, source, mask;

  Operands(BuildContext& context, const std::vector<Value>& inputs) {
    const std::string& scope = context.graph().scope();
    const auto first_mask = std::ranges::find_if(inputs, is_step_mask);
    const auto sequences = first_mask - inputs.begin();
    const auto masks = inputs.end() - first_mask;
    if (sequences < 1 || sequences > 2 || masks > sequences) {
      fail_input(
          "{}: takes x, or queries and a source of keys and values, and behind them at most a mask of the keys and, of two, one of "
          "the queries; got {} inputs, of which {} {}",
          scope, inputs.size(), sequences, sequences == 1 ? "is a sequence" : "are sequences");
    }
    queries = sequence_input(context, inputs[0]);
    source = sequences == 2 ? sequence_input(context, inputs[1]) : queries;
    if (masks == 0) return;
    if (masks == 2) queries = existing_steps(queries, step_mask(context, queries, inputs.back()));
    const std::int64_t batch = queries.shape()[0];
    const std::int64_t keys = source.shape()[1];
    const Value given = *first_mask;
    if (given.type() == TensorType{DType::boolean, {batch, queries.shape()[1], keys}}) {
      mask = reshape(given, {batch, 1, queries.shape()[1], keys});
      queries =
          existing_steps(queries, any_along(given, 2));  // a step that sees nothing takes 0, one that nobody sees gives nothing
      source = existing_steps(source, any_along(given, 1));
      return;
    }
    if (given.type().dtype == DType::boolean && given.shape() != Shape{batch, keys}) {
      fail_input("{}: expects a mask bool[{}, {}] (or [{}, {}, {}]) for {} steps of keys, got {}", scope, batch, keys, batch,
                 queries.shape()[1], keys, keys, given.shape().to_string());
    }
    const bool itself = source == queries;
    const Value existing = step_mask(context, source, given);
    source = existing_steps(source, existing);
    if (itself) queries = source;
    mask = reshape(existing, {batch, 1, 1, keys});
  }
};

}  // namespace

Value steps_in_use(BuildContext& context, Value x, Value mask) {
  const Shape& shape = x.shape();
  if (mask.type() != TensorType{DType::boolean, {shape[0], shape[1], shape[1]}}) return step_mask(context, x, mask);
  return context.graph().emit("Or", {any_along(mask, 1), any_along(mask, 2)});
}

Value MultiHeadAttention::build(BuildContext& context, const std::vector<Value>& inputs) const {
  Graph& graph = context.graph();
  const std::string scope = graph.scope();
  const Operands operands(context, inputs);
  const std::int64_t width = operands.queries.shape()[2];
  const std::int64_t shared = kv_heads == 0 ? heads : kv_heads;
  if (heads < 1 || width % heads != 0) fail_input("{}: heads = {} does not divide the width {}", scope, heads, width);
  if (shared < 1 || heads % shared != 0) fail_input("{}: kv_heads = {} does not divide heads = {}", scope, kv_heads, heads);
  if (!(dropout >= 0.0F && dropout < 1.0F)) fail_input("{}: dropout = {} must be in [0, 1)", scope, dropout);
  const std::int64_t size = width / heads;
  const auto dense = [&](const char* part, std::int64_t units, Value from) {
    return build_part(context, part, Dense{.units = units, .bias = bias, .initializer = initializer}, {from});
  };
  Value q = dense("query", width, operands.queries);
  Value k = dense("key", shared * size, operands.source);
  const Value v = dense("value", shared * size, operands.source);
  if (rotary) {
    q = turned(q, heads);
    k = turned(k, shared);
  }
  ops::PlacedAttentionOptions options;
  options.q_num_heads = heads;
  options.kv_num_heads = shared;
  options.is_causal = causal;
  Value taken;
  if (dropout > 0 && context.mode() == Mode::training) {
    taken = ops::plain_attention(q, k, v, operands.mask, options, [&](Value weights) {
              return build_part(context, "dropout", Dropout{dropout}, {weights});
            }).front();
  } else {
    taken = graph.emit("ScaledDotProductAttention", {q, k, v, operands.mask}, options);
  }
  return dense("output", width, taken);
}

}  // namespace neurons
