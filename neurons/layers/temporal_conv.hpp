#pragma once
/// Convolution along time.

#include "neurons/layers/layer.hpp"

namespace neurons {

/// Each neuron sees `kernel` steps, `dilation` apart (van den Oord et al. 2016; Bai et al. 2018). Unlike Conv1d, channels are the
/// last axis, as in all layers of sequences: x [batch, time, channels], y [batch, time, filters]. With `causal`, step t sees t and
/// what is before it; otherwise as much on both sides (one more behind, where the kernel is even). What lies outside of the
/// sequence is 0, and so are, in x and in y, the steps that a second input, a mask bool [batch, time] or lengths [batch], leaves
/// out. Parameters: weight [filters, channels, kernel], the last tap the step itself if causal; bias [filters]. Stacked with
/// dilations 1, 2, 4, …, the steps seen double with each layer.
struct TemporalConv {
  static constexpr std::string_view kKind = "temporal_conv";
  static constexpr bool kTakesMask = true;
  std::int64_t filters = 1;
  std::int64_t kernel = 3;
  std::int64_t dilation = 1;
  bool causal = true;
  std::string activation = "identity";
  bool bias = true;
  std::string initializer = "automatic";
  float initializer_value = 0.0F;

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("filters", self.filters);
    visit("kernel", self.kernel);
    visit("dilation", self.dilation);
    visit("causal", self.causal);
    visit("activation", self.activation);
    visit("bias", self.bias);
    visit("initializer", self.initializer);
    visit("initializer_value", self.initializer_value);
  }
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

}  // namespace neurons
