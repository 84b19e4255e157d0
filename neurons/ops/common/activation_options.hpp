#pragma once
/// Options that several activations share, and their form for the kernels.

#include <memory>

#include "neurons/graph/op.hpp"
#include "neurons/kernels/elementwise.hpp"

namespace neurons::ops {

struct SlopeOptions {
  float alpha = 1.0F;
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("alpha", self.alpha);
  }
};

/// alpha of SlopeOptions, for references and graphs.
inline double alpha_of(const Options& options) { return static_cast<double>(options.as<SlopeOptions>().alpha); }

/// Gives `op` SlopeOptions with this default, handed to its loop as kernels::SlopeOptions.
inline void set_slope(OpDef& op, float alpha) {
  op.default_options = SlopeOptions{alpha};
  op.elementwise->tile_options = [](const Options& options) -> std::shared_ptr<const void> {
    return std::make_shared<const kernels::SlopeOptions>(kernels::SlopeOptions{options.as<SlopeOptions>().alpha});
  };
}

}  // namespace neurons::ops
