#pragma once
/// Dropout (Srivastava et al. 2014).

#include "neurons/layers/layer.hpp"

namespace neurons {

/// In training each element is kept with probability 1 - ratio and divided by it, else 0; in inference y = x. Which elements are
/// kept is a pure function of (network seed, layer, step, element).
struct Dropout {
  static constexpr std::string_view kKind = "dropout";
  float ratio = 0.5F;
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("ratio", self.ratio);
  }
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

/// Dropout of whole channels (Tompson et al. 2015): in training all places of a channel of a sample are kept together, with
/// probability 1 - ratio, and divided by it, or become 0. Neighbouring pixels are alike: dropping them one by one hides little.
struct SpatialDropout {
  static constexpr std::string_view kKind = "spatial_dropout";
  float ratio = 0.5F;
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("ratio", self.ratio);
  }
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

}  // namespace neurons
