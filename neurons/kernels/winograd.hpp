#pragma once
/// Convolutions by fewer multiplications: private to the convolution kernels.
///
/// Windows of 3×3 that step by 1 and give tiles of 2×2 results share 16 products where each by itself takes 36 (Winograd 1980;
/// Lavin and Gray 2016, arXiv:1509.09308, F(2×2, 3×3)). With d a tile of 4×4 inputs, g the window's weights, and ⊙ element by
/// element,
///
///   y  = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A              dg = Gᵀ [(A dy Aᵀ) ⊙ (Bᵀ d B)] G
///
///   Bᵀ d = d0 - d2, d1 + d2, d2 - d1, d1 - d3    G g = g0, (g0 + g1 + g2)/2, (g0 - g1 + g2)/2, g2    Aᵀ m = m0 + m1 + m2, m1 - m2
///   - m3
///
/// Σ over channels and tiles of ⊙ is 16 weighted sums, by the same loop as any other. What is added before a product costs a
/// rounding or two. An infinite input may give NaN where the plain sum is infinite.

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
  /// Of a 4×4 tile.
  static constexpr std::int64_t kPlaces = 16;

  bool weight_gradient = false;
  std::int64_t batch = 0;
  std::int64_t channels = 0;             ///< of x
  PanelShape panels_shape;               ///< of the weights: nine places × channels, outputs
  std::array<std::int64_t, 2> in{};      ///< rows and columns of x
  std::array<std::int64_t, 2> out{};     ///< … of y
  std::array<std::int64_t, 2> origin{};  ///< of the first window in x; below 0: in the padding
  std::array<std::int64_t, 2> tiles{};   ///< rows and columns of tiles of an image
  std::int64_t block = 1;                ///< rows of tiles at a time
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

  std::int64_t rows_of_tiles() const { return batch * tiles[0]; }
  std::int64_t block_tiles() const { return block * tiles[1]; }
  /// Floats from one place of transformed inputs, gradients or results to the next: not a multiple of a page, whose lines would
  /// meet in the same sets of the cache.
  static std::int64_t pitch(std::int64_t tiles, std::int64_t columns) { return tiles * columns + 16; }
  /// Floats of scratch.
  std::int64_t weight_floats() const { return weight_gradient ? 0 : kPlaces * panels_shape.elements() / 9; }
  std::int64_t input_floats() const { return (weight_gradient ? 4 : kPlaces) * pitch(block_tiles(), channels); }
  std::int64_t result_floats() const { return (weight_gradient ? 4 : kPlaces) * pitch(block_tiles(), panels_shape.width()); }
  std::int64_t zero_floats() const { return std::max(channels, panels_shape.outputs); }
  std::int64_t sum_floats() const { return weight_gradient && dw == nullptr ? panels_shape.elements() : 0; }
  std::size_t scratch_bytes() const;
};

std::shared_ptr<const WinogradPlan> winograd_plan(const ConvolutionForward& call);
std::shared_ptr<const WinogradPlan> winograd_plan(const ConvolutionInputGradient& call);
std::shared_ptr<const WinogradPlan> winograd_plan(const ConvolutionWeightGradient& call);

void run_winograd(const WinogradPlan& plan, std::byte* scratch, Worker worker) noexcept;

}  // namespace neurons::kernels
