#include "neurons/layers/temporal_conv.hpp"

#include "neurons/layers/emit.hpp"

namespace neurons {
namespace {

Value transposed(Value value) { return emit_with("Transpose", {value}, {{"perm", std::vector<std::int64_t>{0, 2, 1}}}); }

}  // namespace

Value TemporalConv::build(BuildContext& context, const std::vector<Value>& inputs) const {
  const std::string& scope = context.graph().scope();
  if (inputs.empty() || inputs.size() > 2) {
    fail_input("{}: takes x, and a mask or lengths if there is padding; got {} inputs", scope, inputs.size());
  }
  Value x = sequence_input(context, inputs[0]);
  const Value mask = inputs.size() == 2 ? step_mask(context, x, inputs[1]) : Value{};
  if (mask) x = existing_steps(x, mask);
  for (const auto& [name, value] : {std::pair("filters", filters), std::pair("kernel", kernel), std::pair("dilation", dilation)}) {
    if (value < 1) fail_input("{}: {} = {} must be at least 1", scope, name, value);
  }
  const std::int64_t channels = x.shape()[2];
  const Layer& after = activation_of_kind(activation);
  const Following follows = activation == "identity" ? context.following() : Following{activation, after.negative_slope()};
  const ParameterSpec weights{
      {filters, channels, kernel}, {initializer, initializer_value}, channels * kernel, filters * kernel, follows};
  const Value weight = context.parameter("weight", weights);
  const Value b =
      bias ? context.parameter("bias", {{filters}, {"constant", 0.0F}, channels * kernel, filters * kernel, follows}) : Value{};
  const std::int64_t reach = (kernel - 1) * dilation;
  const std::int64_t before = causal ? reach : reach / 2;
  const Attributes window{{"dilations", std::vector{dilation}}, {"pads", std::vector{before, reach - before}}};
  const Value y = transposed(emit_with("Conv", {transposed(x), weight, b}, window));
  const Value result = after.build(context, {y});
  return mask ? existing_steps(result, mask) : result;
}

}  // namespace neurons
