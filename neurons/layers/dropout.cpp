#include "neurons/layers/dropout.hpp"

#include <algorithm>

#include "neurons/layers/emit.hpp"

namespace neurons {
namespace {

void require_ratio(BuildContext& context, float ratio) {
  if (!(ratio >= 0.0F && ratio < 1.0F)) fail_input("{}: ratio = {} must be in [0, 1)", context.graph().scope(), ratio);
}

Value dropped(BuildContext& context, Value x, float ratio) {
  return emit_with("Dropout", {x, context.step()},
                   {{"ratio", static_cast<double>(ratio)}, {"seed", static_cast<std::int64_t>(context.layer_seed())}});
}

}  // namespace

Value Dropout::build(BuildContext& context, const std::vector<Value>& inputs) const {
  const Value x = single_input(context, inputs);
  require_ratio(context, ratio);
  if (context.mode() == Mode::inference || ratio == 0.0F) return x;
  return dropped(context, x, ratio);
}

/// Dropout of ones, one for each channel, which broadcast over the places.
Value SpatialDropout::build(BuildContext& context, const std::vector<Value>& inputs) const {
  const Value x = single_input(context, inputs);
  require_ratio(context, ratio);
  if (x.shape().rank() < 3) {
    fail_input("{}: expects [batch, channels, places…], got {}; Dropout takes any shape", context.graph().scope(),
               x.shape().to_string());
  }
  if (context.mode() == Mode::inference || ratio == 0.0F) return x;
  std::vector<std::int64_t> extents(static_cast<std::size_t>(x.shape().rank()), 1);
  extents[0] = x.shape()[0];
  extents[1] = x.shape()[1];
  Tensor ones(TensorType{DType::f32, Shape(std::span<const std::int64_t>(extents))});
  std::ranges::fill(ones.values<float>(), 1.0F);
  return x * dropped(context, context.graph().constant(std::move(ones)), ratio);
}

}  // namespace neurons
