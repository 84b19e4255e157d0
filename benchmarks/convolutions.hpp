#pragma once
/// Convolutional layers one by one, each direction on its own: what `neurons bench conv-sweep` and compare_onednn.cpp run.
///
/// The layers are the eleven distinct ones of ResNet-18 on pictures of 224×224, in batches of 16, and three of 1, 3 and 16 channels
/// with which networks for small pictures begin (cnn-64, ResNet-20), in batches of 64; and all of them forward on one picture.
/// Weights lie ready in panels, for input gradients in transposed ones; there is no bias and no activation. Each is computed by the
/// method that a plan would choose for it.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "neurons/base/aligned_buffer.hpp"
#include "neurons/base/thread_team.hpp"
#include "neurons/kernels/convolution.hpp"
#include "neurons/tensor/tensor.hpp"

namespace neurons::benchmarks {

enum class Direction : std::uint8_t { forward, input_gradient, weight_gradient };

/// One direction of one layer.
struct ConvolutionCase {
  std::string name;  ///< "conv-64-128-3x3s2-56-b16-forward": channels, outputs, kernel and stride, height of x, batch, direction
  kernels::ConvolutionShape shape;
  Direction direction = Direction::forward;

  std::int64_t x_elements() const { return shape.batch * shape.input_pixels() * shape.channels; }
  std::int64_t y_elements() const { return shape.batch * shape.output_pixels() * shape.outputs; }
  std::int64_t weight_elements() const { return shape.outputs * shape.channels * shape.taps(); }
  /// Two for each product of the layer's equation, those with padding among them.
  double flops() const { return 2.0 * static_cast<double>(y_elements()) * static_cast<double>(shape.channels * shape.taps()); }
};

const std::vector<ConvolutionCase>& convolution_sweep();

/// One case with operands of random numbers, ready to run as often as one likes.
class ConvolutionJob {
 public:
  ConvolutionJob(const ConvolutionCase& job, std::shared_ptr<ThreadTeam> team);

  void run() noexcept;

  /// Operands in plain order: x and y (or their gradients) [batch, height, width, channels], weights [outputs, channels, height,
  /// width]. One of them is what the case computes, and holds it after run().
  std::span<const float> x() const { return x_.values<float>(); }
  std::span<const float> y() const { return y_.values<float>(); }
  /// A weight gradient is brought to plain order here.
  std::span<const float> weights();

 private:
  ConvolutionCase case_;
  std::shared_ptr<ThreadTeam> team_;
  Tensor x_;
  Tensor y_;
  Tensor weights_;
  Tensor panels_;
  Tensor transposed_;
  std::optional<kernels::PreparedConvolution> convolution_;
  std::vector<AlignedBuffer> scratch_;
};

}  // namespace neurons::benchmarks
