#pragma once
/// Convolutional neurons: each sums the inputs that its window shows it, all with the same weights. Channels last throughout:
/// x[batch, depth, height, width, channels], y[batch, depth', height', width', outputs]; two and one spatial axes are three with
/// extents of 1.
///
///   forward          y[p, o]  = Σ_t Σ_c x[p · stride + t · dilation - pad, c] · W[t, c, o] + bias[o]
///   input gradient   dx[q, c] = Σ_t Σ_o dy[(q + pad - t · dilation) / stride, o] · W[t, c, o]      where that divides
///   weight gradient  dW[t, c, o] = Σ_p x[p · stride + t · dilation - pad, c] · dy[p, o]
///
/// There is no matrix of windows: the innermost loop runs along whole pixels where they lie, or, at a border, in a copy of a few
/// rows with the zeros around them. Weights live in panels of outputs (weighted_sum.hpp), one set for each group, whose inputs are
/// the window's places, row by row, and in each the group's channels. A depthwise convolution, whose groups are single channels,
/// has loops of its own over vectors of channels, and its weights one row of channels for each place. Every sum runs over its terms
/// in one fixed order, so results are bit-identical for any number of workers.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "neurons/base/thread_team.hpp"
#include "neurons/kernels/program.hpp"
#include "neurons/kernels/weighted_sum.hpp"

namespace neurons::kernels {

struct WinogradPlan;

/// Extents of one convolution.
struct ConvolutionShape {
  using Axes = std::array<std::int64_t, 3>;  ///< depth, height, width

  std::int64_t batch = 0;
  std::int64_t channels = 1;  ///< of x
  std::int64_t outputs = 1;   ///< of y
  std::int64_t groups = 1;    ///< divides both: group g's outputs see group g's channels alone
  Axes input{1, 1, 1};
  Axes output{1, 1, 1};
  Axes kernel{1, 1, 1};
  Axes stride{1, 1, 1};
  Axes dilation{1, 1, 1};
  Axes pad{0, 0, 0};  ///< zeros before the first input; what a window shows beyond the last is 0 too

  std::int64_t taps() const noexcept { return kernel[0] * kernel[1] * kernel[2]; }
  std::int64_t input_pixels() const noexcept { return input[0] * input[1] * input[2]; }
  std::int64_t output_pixels() const noexcept { return output[0] * output[1] * output[2]; }
  /// The weights of one group.
  PanelShape group_panels() const noexcept { return {taps() * (channels / groups), outputs / groups}; }
  /// The same for the input gradient: sums over outputs, a panel holds columns of channels.
  PanelShape transposed_panels() const noexcept { return {taps() * (outputs / groups), channels / groups}; }
  /// Every channel gives one output by weights of its own.
  bool depthwise() const noexcept { return groups > 1 && channels == groups && outputs == groups; }
  /// Extents of the packed weights: panels of all groups, rows, width. Depthwise: one row of all channels for each tap.
  Axes packed() const noexcept { return extents_of(group_panels()); }
  /// The same for what the input gradient reads.
  Axes transposed() const noexcept { return extents_of(transposed_panels()); }
  std::int64_t packed_elements() const noexcept { return packed()[0] * packed()[1] * packed()[2]; }
  std::int64_t transposed_elements() const noexcept { return transposed()[0] * transposed()[1] * transposed()[2]; }

 private:
  Axes extents_of(const PanelShape& panels) const noexcept {
    return depthwise() ? Axes{1, taps(), channels} : Axes{groups * panels.panels(), panels.inputs, panels.width()};
  }
};

/// Weights w[outputs, channels / groups, depth, height, width] to panels, and back. Padding becomes 0.
void pack_convolution(const ConvolutionShape& shape, const float* weights, float* panels, Worker worker) noexcept;
void unpack_convolution(const ConvolutionShape& shape, const float* panels, float* weights, Worker worker) noexcept;
/// The order of taps in the panels that the input gradient reads.
std::vector<std::int64_t> transposed_taps(const ConvolutionShape& shape);
/// Panels of weights to the panels that the input gradient reads: transposed_elements() floats. Their rows are
/// the taps, `taps` = transposed_taps(shape), and in each the group's outputs. Padding becomes 0.
void transpose_convolution(const ConvolutionShape& shape, std::span<const std::int64_t> taps, const float* panels,
                           float* transposed, Worker worker) noexcept;

struct ConvolutionForward {
  ConvolutionShape shape;
  const float* x = nullptr;
  const float* panels = nullptr;
  const float* bias = nullptr;  ///< one for each output, or null
  float* y = nullptr;
  const Program* epilogue = nullptr;  ///< over [pixels of the batch, outputs], or null
};

struct ConvolutionInputGradient {
  ConvolutionShape shape;
  const float* dy = nullptr;
  const float* transposed = nullptr;  ///< from transpose_convolution
  const float* bias = nullptr;        ///< one for each channel, or null
  float* dx = nullptr;
  const Program* epilogue = nullptr;  ///< over [input pixels of the batch, channels], or null
};

struct ConvolutionWeightGradient {
  ConvolutionShape shape;
  const float* x = nullptr;
  const float* dy = nullptr;
  float* panels = nullptr;            ///< null: sums exist only for the epilogue
  const Program* epilogue = nullptr;  ///< over [groups · panels · inputs, width], or null
};

/// How sums are made.
enum class ConvolutionMethod : std::uint8_t {
  direct,        ///< product by product
  winograd_2x2,  ///< windows of 3×3 in tiles of 2×2 results: 16 products instead of 36
  winograd_4x4,  ///< … of 4×4 results: 36 instead of 144
};
/// Empty where Winograd's methods do what direct does; else why not.
std::string refuse_winograd(const ConvolutionShape& shape);
/// Empty where the method does it, and sooner than those before it in the list; else why not. Depends on the extents alone.
std::string refuse_method(const ConvolutionShape& shape, ConvolutionMethod method);

/// A convolution that is run many times: what its extents decide is worked out once.
class PreparedConvolution {
 public:
  explicit PreparedConvolution(const ConvolutionForward& call, ConvolutionMethod method = ConvolutionMethod::direct);
  explicit PreparedConvolution(const ConvolutionInputGradient& call, ConvolutionMethod method = ConvolutionMethod::direct);
  explicit PreparedConvolution(const ConvolutionWeightGradient& call, ConvolutionMethod method = ConvolutionMethod::direct);

  std::size_t scratch_bytes() const noexcept;  ///< for each worker
  /// Computes worker.index's share. `scratch` is 64-byte aligned.
  void run(std::byte* scratch, Worker worker) const noexcept;

  struct Plan;

 private:
  std::shared_ptr<const Plan> plan_;
  std::shared_ptr<const WinogradPlan> winograd_;  ///< instead
};

}  // namespace neurons::kernels
