#pragma once
/// Convolutions by fewer multiplications: private to the convolution kernels.
///
/// Windows of 3×3 that step by 1 and give tiles of 2×2 results share 16 products where each by itself takes 36, tiles of 4×4
/// share 36 instead of 144 (Winograd 1980; Lavin and Gray 2016, arXiv:1509.09308, F(2×2, 3×3) and F(4×4, 3×3)). With d a tile of
/// 4×4 or 6×6 inputs, g the window's weights, and ⊙ element by element,
///
///   y  = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A              dg = Gᵀ [(A dy Aᵀ) ⊙ (Bᵀ d B)] G
///
/// Along one axis these are polynomials multiplied by their values at points: A evaluates results, G weights, B what goes with
/// each point. With points 0, 1, -1, ∞:
///
///   Bᵀ d = d0 - d2, d1 + d2, d2 - d1, d1 - d3    G g = g0, (g0 + g1 + g2)/2, (g0 - g1 + g2)/2, g2
///   Aᵀ m = m0 + m1 + m2, m1 - m2 - m3
///
/// With 0, a, -a, b, -b, ∞, a = 5/8 and b = 3/2 (docs/decisions/0007-fewer-multiplications.md compares points):
///
///   Bᵀ d = a²b² d0 - (a²+b²) d2 + d4, (d4 - b² d2) ± a (d3 - b² d1), (d4 - a² d2) ± b (d3 - a² d1), a²b² d1 - (a²+b²) d3 + d5
///   G g  = g0/(a²b²), (g0 ± a g1 + a² g2)/(2a²(a²-b²)), (g0 ± b g1 + b² g2)/(2b²(b²-a²)), g2
///   Aᵀ m = Σ m_i p_iᵏ for k = 0 … 3, and m_∞ at k = 3
///
/// Σ over channels and tiles of ⊙ is as many weighted sums as there are places, by the same loop as any other. An infinite input
/// may give NaN where the plain sum is infinite.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "neurons/base/aligned_buffer.hpp"
#include "neurons/kernels/convolution.hpp"

namespace neurons::kernels {

struct WinogradPlan {
  int tile = 2;  ///< results of a tile along an axis: 2 or 4
  bool weight_gradient = false;
  std::int64_t batch = 0;
  std::int64_t channels = 0;             ///< of x
  PanelShape panels_shape;               ///< of the weights: nine places × channels, outputs
  std::array<std::int64_t, 2> in{};      ///< rows and columns of x
  std::array<std::int64_t, 2> out{};     ///< … of y
  std::array<std::int64_t, 2> origin{};  ///< of the first window in x; below 0: in the padding
  std::array<std::int64_t, 2> tiles{};   ///< rows and columns of tiles of an image
  std::int64_t block = 1;                ///< rows of tiles at a time
  /// All transformed weights are kept (of a gradient: the sums that become weights), where they are not many beside the inputs;
  /// else a panel's at a time, for each block anew.
  bool keeps_weights = true;
  const float* x = nullptr;
  const float* weights = nullptr;  ///< panels
  const float* bias = nullptr;
  float* y = nullptr;
  const Program* epilogue = nullptr;
  // weight gradients
  const float* dy = nullptr;
  float* dw = nullptr;  ///< null: sums exist only for the epilogue

  /// What workers of a weight gradient leave for the last of them to put together.
  struct Shared {
    AlignedBuffer sums;  ///< [panels, places, channels, width]
    std::atomic<int> arrived{0};
  };
  std::shared_ptr<Shared> shared;

  std::int64_t places() const { return (tile + 2) * (tile + 2); }
  std::int64_t rows_of_tiles() const { return batch * tiles[0]; }
  std::int64_t block_tiles() const { return block * tiles[1]; }
  /// Floats from one place of transformed inputs, weights or results to the next: not a multiple of a page, whose lines would meet
  /// in the same sets of the cache.
  static std::int64_t pitch(std::int64_t rows, std::int64_t columns) { return rows * columns + 16; }
  /// Places that are transformed at a time: a weight gradient of many tiles takes a row of them.
  std::int64_t places_at_a_time() const { return weight_gradient && keeps_weights ? tile + 2 : places(); }
  /// Channels whose weights are transformed at a time: all, or so many that those of a panel stay in the second-level cache.
  std::int64_t channels_at_a_time() const {
    constexpr std::int64_t kFloats = 144 * 1024;
    return keeps_weights ? channels : std::min(channels, kFloats / (places() * panels_shape.width()) / 16 * 16);
  }
  /// Floats of scratch.
  std::int64_t weight_floats() const {
    const std::int64_t panels = !keeps_weights ? 1 : weight_gradient ? 0 : panels_shape.panels();
    return panels * places() * pitch(channels_at_a_time(), panels_shape.width());
  }
  std::int64_t input_floats() const { return places_at_a_time() * pitch(block_tiles(), channels); }
  std::int64_t result_floats() const { return places_at_a_time() * pitch(block_tiles(), panels_shape.width()); }
  std::int64_t zero_floats() const { return std::max(channels, panels_shape.outputs); }
  std::int64_t sum_floats() const { return weight_gradient && dw == nullptr ? panels_shape.elements() : 0; }
  std::size_t scratch_bytes() const;
};

std::shared_ptr<const WinogradPlan> winograd_plan(const ConvolutionForward& call, ConvolutionMethod method);
std::shared_ptr<const WinogradPlan> winograd_plan(const ConvolutionInputGradient& call, ConvolutionMethod method);
std::shared_ptr<const WinogradPlan> winograd_plan(const ConvolutionWeightGradient& call, ConvolutionMethod method);

void run_winograd(const WinogradPlan& plan, std::byte* scratch, Worker worker) noexcept;

}  // namespace neurons::kernels
