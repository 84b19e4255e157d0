#include "neurons/layers/shapes.hpp"

#include "neurons/layers/emit.hpp"

namespace neurons {
namespace {

/// Folds a two-input op over all inputs, left to right.
Value fold(BuildContext& context, const std::vector<Value>& inputs, std::string_view op) {
  if (inputs.empty()) fail_input("{}: needs at least one input", context.graph().scope());
  Value result = inputs.front();
  for (std::size_t i = 1; i < inputs.size(); ++i) result = context.graph().emit(op, {result, inputs[i]});
  return result;
}

}  // namespace

Value Flatten::build(BuildContext& context, const std::vector<Value>& inputs) const {
  const Value x = single_input(context, inputs);
  if (x.shape().rank() < 1) fail_input("{}: expects [batch, …]", context.graph().scope());
  return neurons::reshape(x, {x.shape()[0], x.shape().product(1, x.shape().rank())});
}

Value Reshape::build(BuildContext& context, const std::vector<Value>& inputs) const {
  const Value x = single_input(context, inputs);
  std::vector<std::int64_t> extents = shape;
  extents.insert(extents.begin(), x.shape()[0]);
  const Shape target{std::span<const std::int64_t>(extents)};
  if (target.elements() != x.shape().elements()) {
    fail_input("{}: {} has {} elements a sample, the target {} takes {}", context.graph().scope(), x.shape().to_string(),
               x.shape().product(1, x.shape().rank()), target.to_string(), target.product(1, target.rank()));
  }
  return neurons::reshape(x, target);
}

Value Add::build(BuildContext& context, const std::vector<Value>& inputs) const { return fold(context, inputs, "Add"); }

Value Multiply::build(BuildContext& context, const std::vector<Value>& inputs) const { return fold(context, inputs, "Mul"); }

Value Concatenate::build(BuildContext& context, const std::vector<Value>& inputs) const {
  const OpDef& op = context.graph().table()->find("Concat");
  return context.graph().emit_all(op, inputs, op.default_options.with({{"axis", axis}})).front();
}

}  // namespace neurons
