#pragma once
/// Normalisations: what flows on has a known mean and spread. All but LocalResponseNorm have a trained `weight` (1 at the
/// start) and `bias` (0), which scale and shift the result.

#include "neurons/layers/layer.hpp"

namespace neurons {

/// Batch normalisation (Ioffe & Szegedy 2015) of [batch, features] or [batch, channels, …]: each feature or channel over the whole
/// batch and all places. Training uses the batch's own mean and variance, and moves the running ones towards them, running ←
/// (1 - momentum) · running + momentum · batch, with the batch's variance times n / (n - 1) as in PyTorch. Inference uses the
/// running ones. `momentum` has PyTorch's meaning; that of Keras and ONNX is 1 - momentum. Parameters: weight, bias; running_mean
/// (0 at the start) and running_var (1), which are kept and saved like parameters but never trained. Where running_mean and
/// running_var are frozen (`freeze("batch_norm1.*")`), training uses them as inference does and leaves them as they are. Throws
/// InputError in training where a channel has one value only, and where the layer is shared: its statistics would mix.
struct BatchNorm {
  static constexpr std::string_view kKind = "batch_norm";
  float momentum = 0.1F;
  float epsilon = 1e-5F;
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("momentum", self.momentum);
    visit("epsilon", self.epsilon);
  }
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

/// Layer normalisation (Ba et al. 2016): each sample, or place, over the axes from `axis` on (0 is the batch; -1: the last axis
/// alone; 1: everything). Parameters: weight and bias of those axes' shape.
struct LayerNorm {
  static constexpr std::string_view kKind = "layer_norm";
  std::int64_t axis = -1;
  float epsilon = 1e-5F;
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("axis", self.axis);
    visit("epsilon", self.epsilon);
  }
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

/// Local response normalisation (Krizhevsky et al. 2012) of [batch, channels, …]: each number over (bias + alpha / size · Σ of the
/// squares of `size` neighbouring channels)^beta. No parameters. Throws InputError where size is below 1, bias not above 0 or alpha
/// below 0.
struct LocalResponseNorm {
  static constexpr std::string_view kKind = "local_response_norm";
  std::int64_t size = 5;
  float alpha = 1e-4F;
  float beta = 0.75F;
  float bias = 1.0F;
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("size", self.size);
    visit("alpha", self.alpha);
    visit("beta", self.beta);
    visit("bias", self.bias);
  }
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

/// Group normalisation (Wu & He 2018) of [batch, channels, …]: each image's channels in `groups` groups of neighbours, over all
/// places. Throws InputError where `groups` does not divide the channels.
struct GroupNorm {
  static constexpr std::string_view kKind = "group_norm";
  std::int64_t groups = 8;
  float epsilon = 1e-5F;
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("groups", self.groups);
    visit("epsilon", self.epsilon);
  }
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

/// Instance normalisation (Ulyanov et al. 2016) of [batch, channels, places…]: each image's channels one by one.
struct InstanceNorm {
  static constexpr std::string_view kKind = "instance_norm";
  float epsilon = 1e-5F;
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("epsilon", self.epsilon);
  }
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

/// RMS normalisation (Zhang & Sennrich 2019): x / √(mean of x² + epsilon) · weight over the axes from `axis` on. No bias.
struct RmsNorm {
  static constexpr std::string_view kKind = "rms_norm";
  std::int64_t axis = -1;
  float epsilon = 1e-5F;
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("axis", self.axis);
    visit("epsilon", self.epsilon);
  }
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

}  // namespace neurons
