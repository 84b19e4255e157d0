#include "neurons/layers/over_time.hpp"

#include <limits>

#include "neurons/layers/emit.hpp"
#include "neurons/ops/common/attention.hpp"

namespace neurons {
namespace {

struct Masked {
  Value x;     ///< 0 in steps that do not exist
  Value mask;  ///< may be absent

  Masked(BuildContext& context, const std::vector<Value>& inputs) {
    const std::string& scope = context.graph().scope();
    if (inputs.empty() || inputs.size() > 2) {
      fail_input("{}: takes x, and a mask if there is padding; got {} inputs", scope, inputs.size());
    }
    x = sequence_input(context, inputs[0]);
    if (x.shape()[1] == 0) fail_input("{}: the sequences have no steps", scope);
    if (inputs.size() == 1) return;
    mask = step_mask(context, x, inputs[1]);
    x = existing_steps(x, mask);
  }
};

/// 1 where the mask is true, else 0: [batch, time].
Value numbers(Value mask) { return emit_with("Cast", {mask}, {{"to", std::string("f32")}}); }

Value sum_over_time(Value value, bool keep) {
  return emit_with("ReduceSum", {value}, {{"axes", std::vector<std::int64_t>{1}}, {"keep_dims", keep}});
}

}  // namespace

Value LastStep::build(BuildContext& context, const std::vector<Value>& inputs) const {
  const Masked given(context, inputs);
  const Shape& shape = given.x.shape();
  if (!given.mask) {
    using List = std::vector<std::int64_t>;  // the same for every number of steps
    const List end{std::numeric_limits<std::int64_t>::max()};
    const Value step = emit_with("Slice", {given.x}, {{"starts", List{-1}}, {"ends", end}, {"axes", List{1}}});
    return reshape(step, {shape[0], shape[2]});
  }
  // Where one step that exists is left: the last of them, and padding right before it, which is 0.
  const Value there = numbers(given.mask);
  const Value behind = emit_with("CumSum", {there}, {{"axis", std::int64_t{1}}, {"reverse", true}});
  const Value last = context.graph().emit("Equal", {behind, context.graph().scalar(1)});
  return sum_over_time(existing_steps(given.x, last), false);
}

Value MeanOverTime::build(BuildContext& context, const std::vector<Value>& inputs) const {
  const Masked given(context, inputs);
  if (!given.mask) {
    return emit_with("ReduceMean", {given.x}, {{"axes", std::vector<std::int64_t>{1}}, {"keep_dims", false}});
  }
  const Value there = numbers(given.mask);
  const Value count = context.graph().emit("Max", {sum_over_time(there, true), context.graph().scalar(1)});
  return sum_over_time(given.x, false) / count;
}

Value AttentionPool::build(BuildContext& context, const std::vector<Value>& inputs) const {
  const Masked given(context, inputs);
  const Shape& shape = given.x.shape();
  ParameterSpec spec;
  spec.shape = {shape[2]};
  spec.initializer.kind = "constant";
  spec.fan_in = shape[2];
  const Value weight = context.parameter("weight", spec);
  const std::vector<std::int64_t> extents{shape[0], 1, shape[2]};
  const Value query = emit_with("Expand", {weight}, {{"shape", extents}});
  ops::PlacedAttentionOptions options;
  options.q_num_heads = options.kv_num_heads = 1;
  options.scale = 1;
  const Value mask = given.mask ? reshape(given.mask, {shape[0], 1, 1, shape[1]}) : Value{};
  return reshape(context.graph().emit("ScaledDotProductAttention", {query, given.x, given.x, mask}, options), {shape[0], shape[2]});
}

}  // namespace neurons
