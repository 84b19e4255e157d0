#pragma once
/// The ready-made networks. All take pictures [channels, height, width] and give logits of `classes` classes, if not said
/// otherwise. `classes = 0` is the number of the paper; specs say `classes = "outputs"` for as many as the data have.

#include "neurons/networks/builder.hpp"

namespace neurons {

/// LeCun et al., Gradient-based learning applied to document recognition, 1998, as it is taught today: every filter sees every
/// channel, softmax instead of distances. 61,706 parameters for ten classes of [1, 28, 28] or, with pads = 0, [1, 32, 32].
struct LeNet5 {
  static constexpr std::string_view kKind = "lenet5";
  std::int64_t classes = 0;  ///< 0: 10
  std::int64_t pads = 2;     ///< zeros around the picture

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("classes", self.classes);
    visit("pads", self.pads);
  }
  Network::Tap add_to(Network& network, Network::Tap x, const Shape& sample) const;
};

/// The small residual network of He et al. 2016, section 4.2: three stages of three blocks of two 3 × 3 convolutions, with
/// projections where the shape changes. 272,474 trained parameters for ten classes of [3, 32, 32].
struct ResNet20 {
  static constexpr std::string_view kKind = "resnet20";
  std::int64_t classes = 0;  ///< 0: 10
  std::int64_t width = 16;   ///< filters of the first stage; twice and four times as many in the next

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("classes", self.classes);
    visit("width", self.width);
  }
  Network::Tap add_to(Network& network, Network::Tap x, const Shape& sample) const;
};

/// The residual network of 18 layers for large pictures (He et al. 2016, table 1). 11,689,512 trained parameters for a thousand
/// classes of [3, 224, 224].
struct ResNet18 {
  static constexpr std::string_view kKind = "resnet18";
  std::int64_t classes = 0;  ///< 0: 1000
  std::int64_t width = 64;   ///< filters of the first stage

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("classes", self.classes);
    visit("width", self.width);
  }
  Network::Tap add_to(Network& network, Network::Tap x, const Shape& sample) const;
};

/// Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, 2018: blocks that widen, look at each channel by itself,
/// and narrow again. 3,504,872 trained parameters for a thousand classes of [3, 224, 224].
struct MobileNetV2 {
  static constexpr std::string_view kKind = "mobilenet_v2";
  std::int64_t classes = 0;  ///< 0: 1000
  float width = 1.0F;        ///< factor on the channels of all layers, which stay multiples of 8
  float dropout = 0.2F;      ///< before the last layer

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("classes", self.classes);
    visit("width", self.width);
    visit("dropout", self.dropout);
  }
  Network::Tap add_to(Network& network, Network::Tap x, const Shape& sample) const;
};

/// Ronneberger et al., U-Net, 2015, with padding, batch normalisation and linear up-sampling: what each pixel shows, seen from near
/// and far. Gives [classes, height, width] of a picture whose height and width 2^depth divides.
struct UNet {
  static constexpr std::string_view kKind = "unet";
  std::int64_t classes = 1;  ///< results for each pixel: one is enough to tell an object from what is behind it
  std::int64_t width = 16;   ///< filters of the first level; twice as many at each level below
  std::int64_t depth = 3;    ///< how often height and width are halved

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("classes", self.classes);
    visit("width", self.width);
    visit("depth", self.depth);
  }
  Network::Tap add_to(Network& network, Network::Tap x, const Shape& sample) const;
};

/// A convolutional autoencoder: halves height and width `depth` times, doubles them again, and gives a picture of the sample's
/// shape, without an activation at the end. Of noisy pictures it can learn the clean ones (Vincent et al. 2008).
struct Autoencoder {
  static constexpr std::string_view kKind = "autoencoder";
  std::int64_t width = 16;  ///< filters of the first level; twice as many at each level below
  std::int64_t depth = 2;
  std::int64_t code = 0;  ///< channels at the deepest level; 0: as many as its width says

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("width", self.width);
    visit("depth", self.depth);
    visit("code", self.code);
  }
  Network::Tap add_to(Network& network, Network::Tap x, const Shape& sample) const;
};

}  // namespace neurons
