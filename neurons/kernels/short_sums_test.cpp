#include "neurons/kernels/kernel_testing.hpp"
// The choice of targets comes before what includes Highway.
#include <string>
#include <vector>

#include "neurons/base/aligned_buffer.hpp"
#include "neurons/kernels/convolution.hpp"

namespace neurons::kernels {
namespace {

/// Windows of `rows` × `columns` with a pad of 1, from pictures of `height` × `width`.
struct Case {
  std::string name;
  std::int64_t batch, channels, outputs, rows, columns, height, width;
  std::int64_t stride = 1;
  std::int64_t dilation = 1;
  std::int64_t groups = 1;

  ConvolutionShape shape() const {
    ConvolutionShape shape{batch, channels, outputs, groups, {1, height, width}, {}, {1, rows, columns}};
    shape.stride = {1, stride, stride};
    shape.dilation = {1, dilation, dilation};
    shape.pad = {0, 1, 1};
    for (std::size_t axis = 0; axis < 3; ++axis) {
      shape.output[axis] =
          (shape.input[axis] + 2 * shape.pad[axis] - (shape.kernel[axis] - 1) * shape.dilation[axis] - 1) / shape.stride[axis] + 1;
    }
    return shape;
  }
};

std::vector<Case> cases() {
  std::vector<Case> all = {
      {"one input", 2, 1, 16, 1, 1, 3, 9},
      {"16 inputs, written out", 1, 4, 32, 2, 2, 5, 13},
      {"17 inputs", 1, 17, 32, 1, 1, 5, 13},
      {"27 inputs", 2, 3, 16, 3, 3, 6, 32},
      {"36 inputs, the most", 1, 4, 32, 3, 3, 5, 30},
      {"37 inputs", 1, 37, 32, 1, 1, 3, 14},
      {"panels of 32 and of 16", 2, 1, 80, 3, 3, 5, 11},
      {"outputs that fill no vector", 2, 1, 20, 3, 3, 5, 11},
      {"strides", 2, 1, 32, 3, 3, 12, 27, 2},
      {"dilations", 2, 2, 16, 3, 3, 9, 17, 1, 2},
      {"groups", 2, 3, 48, 3, 3, 6, 10, 1, 1, 3},
      {"groups of several channels, strides, dilations", 1, 6, 32, 2, 3, 11, 25, 2, 2, 2},
      {"several times a band", 1, 1, 64, 3, 3, 40, 29},
      {"no images", 0, 1, 32, 3, 3, 8, 8},
  };
  for (std::int64_t width = 1; width <= 17; ++width) all.push_back({"width " + std::to_string(width), 1, 1, 32, 3, 3, 3, width});
  return all;
}

/// bias + Σ over the window's places, row by row, and in each the channels; a product of padding counts, too.
std::vector<float> expected(const ConvolutionShape& s, const std::vector<float>& x, const std::vector<float>& weights,
                            const std::vector<float>& bias, bool fused) {
  const std::int64_t channels = s.channels / s.groups;
  std::vector<float> y;
  for (std::int64_t p = 0; p < s.batch * s.output_pixels(); ++p) {
    const std::int64_t row = p / s.output[2] % s.output[1];
    for (std::int64_t o = 0; o < s.outputs; ++o) {
      float sum = bias[static_cast<std::size_t>(o)];
      for (std::int64_t t = 0; t < s.taps(); ++t) {
        const std::int64_t h = row * s.stride[1] + t / s.kernel[2] * s.dilation[1] - s.pad[1];
        const std::int64_t w = p % s.output[2] * s.stride[2] + t % s.kernel[2] * s.dilation[2] - s.pad[2];
        const bool inside = h >= 0 && h < s.input[1] && w >= 0 && w < s.input[2];
        for (std::int64_t c = 0; c < channels; ++c) {
          const std::int64_t pixel = (p / s.output_pixels() * s.input[1] + h) * s.input[2] + w;
          const std::int64_t channel = o / (s.outputs / s.groups) * channels + c;
          const float a = inside ? x[static_cast<std::size_t>(pixel * s.channels + channel)] : 0.0F;
          const float b = weights[static_cast<std::size_t>((o * channels + c) * s.taps() + t)];
          sum = fused ? std::fma(a, b, sum) : a * b + sum;
        }
      }
      y.push_back(sum);
    }
  }
  return y;
}

std::vector<float> computed(const ConvolutionShape& shape, const std::vector<float>& x, const std::vector<float>& panels,
                            const std::vector<float>& bias, int workers) {
  std::vector<float> y(static_cast<std::size_t>(shape.batch * shape.output_pixels() * shape.outputs), 1234.5F);
  const PreparedConvolution prepared(ConvolutionForward{shape, x.data(), panels.data(), bias.data(), y.data(), nullptr});
  for (int worker = 0; worker < workers; ++worker) {
    AlignedBuffer scratch(prepared.scratch_bytes());
    prepared.run(scratch.data(), {worker, workers});
  }
  return y;
}

TEST(ShortSums, EachSumRunsThroughItsWindowInOrder) {
  testing::for_each_target([] {
    const bool fused = std::string(simd_target()) != "SSE4";
    for (const Case& test : cases()) {
      SCOPED_TRACE(test.name);
      const ConvolutionShape shape = test.shape();
      const auto count = [](std::int64_t elements) { return static_cast<std::size_t>(elements); };
      std::vector<float> x = testing::varied_values(count(shape.batch * shape.input_pixels() * shape.channels), 1);
      if (x.size() > 20) {
        x[3] = NAN;
        x[11] = HUGE_VALF;
        x[20] = -HUGE_VALF;
      }
      const auto weights = testing::varied_values(count(shape.outputs * (shape.channels / shape.groups) * shape.taps()), 2);
      const auto bias = testing::varied_values(count(shape.outputs), 3);
      std::vector<float> panels(count(shape.packed_elements()), NAN);
      pack_convolution(shape, weights.data(), panels.data(), {});
      const std::vector<float> y = expected(shape, x, weights, bias, fused);
      for (const int workers : {1, 2, 5}) ASSERT_TRUE(testing::same_bits(computed(shape, x, panels, bias, workers), y)) << workers;
    }
  });
}

}  // namespace
}  // namespace neurons::kernels
