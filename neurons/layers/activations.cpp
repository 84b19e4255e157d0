#include "neurons/layers/activations.hpp"

#include "neurons/layers/emit.hpp"

namespace neurons {
namespace {

Value apply(BuildContext& context, const std::vector<Value>& inputs, std::string_view op, const Attributes& options = {}) {
  return emit_with(op, {single_input(context, inputs)}, options);
}

}  // namespace

Value Identity::build(BuildContext& context, const std::vector<Value>& inputs) const { return single_input(context, inputs); }

Value Relu::build(BuildContext& context, const std::vector<Value>& inputs) const { return apply(context, inputs, "Relu"); }

Value LeakyRelu::build(BuildContext& context, const std::vector<Value>& inputs) const {
  return apply(context, inputs, "LeakyRelu", {{"alpha", static_cast<double>(alpha)}});
}

Value Elu::build(BuildContext& context, const std::vector<Value>& inputs) const {
  return apply(context, inputs, "Elu", {{"alpha", static_cast<double>(alpha)}});
}

Value Selu::build(BuildContext& context, const std::vector<Value>& inputs) const { return apply(context, inputs, "Selu"); }

Value Celu::build(BuildContext& context, const std::vector<Value>& inputs) const {
  return apply(context, inputs, "Celu", {{"alpha", static_cast<double>(alpha)}});
}

Value Gelu::build(BuildContext& context, const std::vector<Value>& inputs) const {
  if (context.mode() == Mode::training && approximate == "none") return apply(context, inputs, "GeluAndSlope");
  return apply(context, inputs, "Gelu", {{"approximate", approximate}});
}

Value Silu::build(BuildContext& context, const std::vector<Value>& inputs) const { return apply(context, inputs, "Swish"); }

Value Mish::build(BuildContext& context, const std::vector<Value>& inputs) const { return apply(context, inputs, "Mish"); }

Value Softplus::build(BuildContext& context, const std::vector<Value>& inputs) const { return apply(context, inputs, "Softplus"); }

Value Softsign::build(BuildContext& context, const std::vector<Value>& inputs) const { return apply(context, inputs, "Softsign"); }

Value Sigmoid::build(BuildContext& context, const std::vector<Value>& inputs) const { return apply(context, inputs, "Sigmoid"); }

Value HardSigmoid::build(BuildContext& context, const std::vector<Value>& inputs) const {
  return apply(context, inputs, "HardSigmoid", {{"alpha", static_cast<double>(alpha)}, {"beta", static_cast<double>(beta)}});
}

Value Tanh::build(BuildContext& context, const std::vector<Value>& inputs) const { return apply(context, inputs, "Tanh"); }

Value Relu6::build(BuildContext& context, const std::vector<Value>& inputs) const {
  Graph& graph = context.graph();
  return graph.emit("Clip", {single_input(context, inputs), graph.scalar(0), graph.scalar(6)});
}

Value HardSwish::build(BuildContext& context, const std::vector<Value>& inputs) const {
  return apply(context, inputs, "HardSwish");
}

Value PRelu::build(BuildContext& context, const std::vector<Value>& inputs) const {
  const Value x = single_input(context, inputs);
  const int rank = x.shape().rank();
  if (rank < 2) fail_input("{}: expects [batch, channels, …], got {}", context.graph().scope(), x.shape().to_string());
  const std::int64_t channels = x.shape()[1];
  const Value slope = context.parameter("slope", {{channels}, {"constant", kFirstSlope}, 1, 1, {}});
  Shape broadcasting{channels};
  if (rank > 2) {
    std::vector<std::int64_t> extents(static_cast<std::size_t>(rank), 1);  // as many axes as x: plans then reorder both alike
    extents[1] = channels;
    broadcasting = Shape(std::span<const std::int64_t>(extents));
  }
  return context.graph().emit("PRelu", {x, reshape(slope, broadcasting)});
}

Value Softmax::build(BuildContext& context, const std::vector<Value>& inputs) const {
  return apply(context, inputs, "Softmax", {{"axis", axis}});
}

Value LogSoftmax::build(BuildContext& context, const std::vector<Value>& inputs) const {
  return apply(context, inputs, "LogSoftmax", {{"axis", axis}});
}

}  // namespace neurons
