#pragma once
/// What the ops of convolutions share: their extents, and plain loops over their products.

#include <vector>

#include "neurons/graph/graph.hpp"
#include "neurons/kernels/convolution.hpp"
#include "neurons/ops/common/window.hpp"

namespace neurons::ops {

/// A convolution with all defaults resolved: what its gradients and its packed forms know of it. One entry for each spatial axis;
/// `pads` all begins, then all ends.
struct ConvolutionOptions {
  std::int64_t group = 1;
  std::int64_t channels = 1;          ///< of x
  std::int64_t outputs = 1;           ///< of y
  std::vector<std::int64_t> extents;  ///< spatial extents of x
  std::vector<std::int64_t> kernel;
  std::vector<std::int64_t> strides;
  std::vector<std::int64_t> pads;
  std::vector<std::int64_t> dilations;

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("group", self.group);
    visit("channels", self.channels);
    visit("outputs", self.outputs);
    visit("extents", self.extents);
    visit("kernel", self.kernel);
    visit("strides", self.strides);
    visit("pads", self.pads);
    visit("dilations", self.dilations);
  }

  /// For a batch of that many images, with the plain axes filled up to three.
  kernels::ConvolutionShape shape(std::int64_t batch) const;
  /// Shapes, channels first.
  Shape x_shape(std::int64_t batch) const;
  Shape y_shape(std::int64_t batch) const;
  Shape weight_shape() const;
  /// The weights in panels, and as the input gradient reads them.
  Shape packed_shape() const;
  Shape transposed_shape() const;
  double flops(std::int64_t batch) const;
};

/// From x [batch, channels, spatial…] and w [outputs, channels / group, kernel…]. Throws through context.fail where they do not
/// fit.
ConvolutionOptions resolve_convolution(const InferContext& context, const WindowOptions& window, std::int64_t group, const Shape& x,
                                       const Shape& w);

/// Indices of one product, flattened: image, pixel and channel of x and y; the weight's output, channel in its group and place in
/// the kernel.
struct ConvolutionProduct {
  std::int64_t image, x_pixel, x_channel, y_pixel, output, channel, tap;
};
/// Calls visit for every product of a convolution, those with padding left out.
template <typename Visit>
void for_each_product(const kernels::ConvolutionShape& s, const Visit& visit) {
  const std::int64_t channels = s.channels / s.groups;
  const std::int64_t outputs = s.outputs / s.groups;
  for (std::int64_t n = 0; n < s.batch; ++n) {
    for (std::int64_t p = 0; p < s.output_pixels(); ++p) {
      const kernels::ConvolutionShape::Axes at{p / s.output[2] / s.output[1], p / s.output[2] % s.output[1], p % s.output[2]};
      for (std::int64_t t = 0; t < s.taps(); ++t) {
        const kernels::ConvolutionShape::Axes tap{t / s.kernel[2] / s.kernel[1], t / s.kernel[2] % s.kernel[1], t % s.kernel[2]};
        std::int64_t pixel = 0;
        bool inside = true;
        for (std::size_t i = 0; i < 3; ++i) {
          const std::int64_t place = at[i] * s.stride[i] + tap[i] * s.dilation[i] - s.pad[i];
          inside = inside && place >= 0 && place < s.input[i];
          pixel = pixel * s.input[i] + place;
        }
        if (!inside) continue;
        for (std::int64_t o = 0; o < s.outputs; ++o) {
          for (std::int64_t c = 0; c < channels; ++c) visit(ConvolutionProduct{n, pixel, o / outputs * channels + c, p, o, c, t});
        }
      }
    }
  }
}

/// Where a product's operands lie.
struct ConvolutionPlaces {
  kernels::ConvolutionShape shape;
  bool channels_last = false;

  std::size_t x(const ConvolutionProduct& p) const {
    return place(p.image, p.x_channel, p.x_pixel, shape.channels, shape.input_pixels());
  }
  std::size_t y(const ConvolutionProduct& p) const {
    return place(p.image, p.output, p.y_pixel, shape.outputs, shape.output_pixels());
  }
  std::size_t w(const ConvolutionProduct& p) const {
    return static_cast<std::size_t>((p.output * (shape.channels / shape.groups) + p.channel) * shape.taps() + p.tap);
  }
  /// In panels.
  std::size_t packed(const ConvolutionProduct& p) const;
  /// In the input gradient's panels, where `order` gives each tap's place.
  std::size_t transposed(const ConvolutionProduct& p, const std::vector<std::int64_t>& order) const;

 private:
  std::size_t place(std::int64_t image, std::int64_t channel, std::int64_t pixel, std::int64_t channels,
                    std::int64_t pixels) const {
    return static_cast<std::size_t>(channels_last ? (image * pixels + pixel) * channels + channel
                                                  : (image * channels + channel) * pixels + pixel);
  }
};

/// What PackConvolution must know of that convolution, and no more: convolutions with the same weights may share them.
ConvolutionOptions weight_options(const ConvolutionOptions& convolution);

/// The inverse of kernels::transposed_taps: each tap's place among them.
std::vector<std::int64_t> transposed_order(const kernels::ConvolutionShape& shape);

/// Samples that every form of convolution is tried on: options and batch.
struct ConvolutionSample {
  ConvolutionOptions options;
  std::int64_t batch = 1;
  std::string note;
};
std::vector<ConvolutionSample> convolution_samples();

}  // namespace neurons::ops
