#pragma once
/// Dense neurons: each sees all inputs.

#include "neurons/layers/layer.hpp"

namespace neurons {

/// y = activation(x · Wᵀ + b). x: [batch, inputs] or [batch, time, inputs]; y: the same with `units` last. Parameters: weight
/// [units, inputs], bias [units] (0 at the start). Throws InputError for inputs of other ranks.
struct Dense {
  static constexpr std::string_view kKind = "dense";
  std::int64_t units = 1;
  std::string activation = "identity";  ///< the name of an activation layer, applied with its defaults
  bool bias = true;
  std::string initializer = "automatic";  ///< see initializers.hpp
  float initializer_value = 0.0F;

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("units", self.units);
    visit("activation", self.activation);
    visit("bias", self.bias);
    visit("initializer", self.initializer);
    visit("initializer_value", self.initializer_value);
  }
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

}  // namespace neurons
