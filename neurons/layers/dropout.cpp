#include "neurons/layers/dropout.hpp"

#include "neurons/layers/emit.hpp"

namespace neurons {

Value Dropout::build(BuildContext& context, const std::vector<Value>& inputs) const {
  const Value x = single_input(context, inputs);
  if (!(ratio >= 0.0F && ratio < 1.0F)) fail_input("{}: ratio = {} must be in [0, 1)", context.graph().scope(), ratio);
  if (context.mode() == Mode::inference || ratio == 0.0F) return x;
  return emit_with("Dropout", {x, context.step()},
                   {{"ratio", static_cast<double>(ratio)}, {"seed", static_cast<std::int64_t>(context.layer_seed())}});
}

}  // namespace neurons
