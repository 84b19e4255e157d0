#include "neurons/kernels/depthwise.hpp"

#include "neurons/kernels/convolution_rows.hpp"
#include "neurons/kernels/simd_targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "neurons/kernels/depthwise.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "neurons/kernels/micro_kernel-inl.h"

HWY_BEFORE_NAMESPACE();
namespace neurons::kernels::HWY_NAMESPACE {

/// Positions of a row that are summed side by side, and taps of a weight gradient: so many independent sums hide a multiply-add's
/// latency.
constexpr std::int64_t kPositions = 8;
constexpr std::int64_t kGradientTaps = 5;

/// One vector of channels at neighbouring positions, or of neighbouring taps.
struct DepthwiseTile {
  std::int64_t channels = 0;  ///< of the vector that exist
  std::int64_t count = 0;     ///< taps to sum over, or positions
  const float* x = nullptr;
  const std::int64_t* offsets = nullptr;  ///< of each tap, from what a position sees first
  std::int64_t x_step = 0;                ///< to the next position
  const float* other = nullptr;           ///< weights, or dy
  std::int64_t other_step = 0;            ///< to the next tap, or position
  float* sums = nullptr;
  std::int64_t sum_step = 0;
  const float* bias = nullptr;
  bool accumulate = false;
};

/// `kCount` positions: sums over the taps.
template <int kCount>
HWY_NOINLINE void sum_positions(const DepthwiseTile& tile) {
  const Floats d;
  const bool whole = tile.channels >= kLanes;
  Vector sum[kCount];
  const Vector initial = tile.bias == nullptr ? hn::Zero(d) : load_columns(d, tile.bias, tile.channels);
  NEURONS_UNROLL
  for (int p = 0; p < kCount; ++p) sum[p] = initial;
  for (std::int64_t t = 0; t < tile.count; ++t) {
    const float* const x = tile.x + tile.offsets[t];
    const float* const weights = tile.other + t * tile.other_step;
    if (whole) {
      const Vector weight = hn::LoadU(d, weights);
      NEURONS_UNROLL
      for (int p = 0; p < kCount; ++p) sum[p] = hn::MulAdd(hn::LoadU(d, x + p * tile.x_step), weight, sum[p]);
    } else {
      const Vector weight = load_columns(d, weights, tile.channels);
      NEURONS_UNROLL
      for (int p = 0; p < kCount; ++p) sum[p] = hn::MulAdd(load_columns(d, x + p * tile.x_step, tile.channels), weight, sum[p]);
    }
  }
  NEURONS_UNROLL
  for (int p = 0; p < kCount; ++p) store_columns(d, sum[p], tile.sums + p * tile.sum_step, tile.channels);
}

/// `kCount` taps: sums over the positions of a row.
template <int kCount>
HWY_NOINLINE void sum_taps(const DepthwiseTile& tile) {
  const Floats d;
  const bool whole = tile.channels >= kLanes;
  Vector sum[kCount];
  const float* x[kCount];
  NEURONS_UNROLL
  for (int t = 0; t < kCount; ++t) {
    sum[t] = tile.accumulate ? load_columns(d, tile.sums + t * tile.sum_step, tile.channels) : hn::Zero(d);
    x[t] = tile.x + tile.offsets[t];
  }
  const float* dy = tile.other;
  for (std::int64_t p = 0; p < tile.count; ++p, dy += tile.other_step) {
    const Vector slope = whole ? hn::LoadU(d, dy) : load_columns(d, dy, tile.channels);
    NEURONS_UNROLL
    for (int t = 0; t < kCount; ++t) {
      sum[t] = hn::MulAdd(whole ? hn::LoadU(d, x[t]) : load_columns(d, x[t], tile.channels), slope, sum[t]);
      x[t] += tile.x_step;
    }
  }
  NEURONS_UNROLL
  for (int t = 0; t < kCount; ++t) store_columns(d, sum[t], tile.sums + t * tile.sum_step, tile.channels);
}

/// One call on one worker.
class DepthwiseRun {
 public:
  DepthwiseRun(const PreparedConvolution::Plan& plan, std::byte* scratch)
      : plan_(plan),
        copy_(reinterpret_cast<float*>(scratch)),
        sums_(reinterpret_cast<float*>(scratch + plan.copy_bytes)),
        epilogue_scratch_(scratch + plan.copy_bytes + plan.sum_bytes),
        channels_(plan.groups) {}

  /// Positions fall to the workers in equal runs: rows, or whole images where each is made in several passes.
  void sums(Worker worker) const {
    if (plan_.passes.size() == 1) {
      const ConvolutionPass& pass = plan_.passes.front();
      return rows_of(pass, share_of(plan_.batch * pass.axes[0].positions * pass.axes[1].positions, worker), plan_.epilogue);
    }
    const Range images = share_of(plan_.batch, worker);
    for (std::int64_t image = images.begin; image < images.end; ++image) {
      for (const ConvolutionPass& pass : plan_.passes) {
        const std::int64_t rows = pass.axes[0].positions * pass.axes[1].positions;
        rows_of(pass, {image * rows, (image + 1) * rows}, nullptr);
      }
      const std::int64_t pixels = plan_.out_pixels();
      if (plan_.epilogue != nullptr) finish(plan_.y + image * pixels * channels_, image * pixels, pixels, 0, channels_);
    }
  }

  /// A few taps of a vector of channels are one worker's, and sum over all positions in their order.
  void weight_gradient(Worker worker) const {
    const ConvolutionPass& pass = plan_.passes.front();
    const Range units = share_of((channels_ + kLanes - 1) / kLanes * tap_groups(), worker);
    if (units.begin == units.end) return;
    const std::int64_t rows = pass.axes[0].positions * pass.axes[1].positions;
    bool first = true;
    for_each_band(plan_, pass, {0, plan_.batch * rows}, copy_,
                  [&](std::int64_t image, std::int64_t plane, const Range& band, const float* x) {
                    for (std::int64_t r = band.begin; r < band.end; ++r) {
                      const std::int64_t row = image * rows + plane * pass.axes[1].positions + r;
                      const float* const seen = x + pass.rows_of_band[static_cast<std::size_t>(r - band.begin)];
                      add_row(pass, seen, plan_.dy + row * pass.axes[2].positions * channels_, units, first);
                      first = false;
                    }
                  });
    for (std::int64_t unit = units.begin; unit < units.end; ++unit) {
      const Unit part = unit_of(unit);
      float* const sums = sums_of(part);
      for (std::int64_t t = 0; first && t < part.taps; ++t) std::fill_n(sums + t * channels_, part.channels, 0.0F);
      if (plan_.epilogue != nullptr) finish(sums, part.tap, part.taps, part.channel, part.channels);
    }
  }

 private:
  /// A vector of channels and a few taps.
  struct Unit {
    std::int64_t channel, channels, tap, taps;
  };
  std::int64_t tap_groups() const { return (plan_.all_taps + kGradientTaps - 1) / kGradientTaps; }
  Unit unit_of(std::int64_t unit) const {
    const std::int64_t groups = tap_groups();
    const std::int64_t channel = unit / groups * kLanes;
    const std::int64_t tap = plan_.all_taps * (unit % groups) / groups;
    return {channel, std::min<std::int64_t>(kLanes, channels_ - channel), tap, plan_.all_taps * (unit % groups + 1) / groups - tap};
  }
  float* sums_of(const Unit& unit) const {
    return (plan_.weights == nullptr ? sums_ : plan_.weights) + unit.tap * channels_ + unit.channel;
  }

  void rows_of(const ConvolutionPass& pass, const Range& rows, const Program* epilogue) const {
    for_each_band(plan_, pass, rows, copy_, [&](std::int64_t image, std::int64_t plane, const Range& band, const float* x) {
      for (std::int64_t r = band.begin; r < band.end; ++r) {
        const float* const seen = x == nullptr ? nullptr : x + pass.rows_of_band[static_cast<std::size_t>(r - band.begin)];
        const std::int64_t z = pass.axes[0].out_first + plane * pass.axes[0].out_step;
        const std::int64_t y = pass.axes[1].out_first + r * pass.axes[1].out_step;
        const std::int64_t first = ((image * plan_.out[0] + z) * plan_.out[1] + y) * plan_.out[2] + pass.axes[2].out_first;
        float* const sums = plan_.y + first * channels_;
        sum_row(pass, seen, sums);
        if (epilogue != nullptr) finish(sums, first, pass.axes[2].positions, 0, channels_);
      }
    });
  }

  void sum_row(const ConvolutionPass& pass, const float* seen, float* sums) const {
    DepthwiseTile tile;
    tile.count = pass.taps;
    tile.offsets = pass.segments.data();
    tile.x_step = pass.position_pitch;
    tile.other_step = channels_;
    tile.sum_step = pass.axes[2].out_step * channels_;
    const std::int64_t positions = pass.axes[2].positions;
    for (std::int64_t channel = 0; channel < channels_; channel += kLanes) {
      tile.channels = channels_ - channel;
      tile.x = seen == nullptr ? nullptr : seen + channel;
      tile.other = plan_.panels + pass.tap_begin * channels_ + channel;
      tile.bias = plan_.bias == nullptr ? nullptr : plan_.bias + channel;
      tile.sums = sums + channel;
      for (std::int64_t position = 0; position < positions;) {
        const std::int64_t count = std::min(kPositions, positions - position);
        kPositionKernels[static_cast<std::size_t>(count - 1)](tile);
        tile.x = seen == nullptr ? nullptr : tile.x + count * tile.x_step;
        tile.sums += count * tile.sum_step;
        position += count;
      }
    }
  }

  void add_row(const ConvolutionPass& pass, const float* seen, const float* dy, const Range& units, bool first) const {
    DepthwiseTile tile;
    tile.count = pass.axes[2].positions;
    tile.x_step = pass.position_pitch;
    tile.other_step = channels_;
    tile.sum_step = channels_;
    tile.accumulate = !first;
    for (std::int64_t unit = units.begin; unit < units.end; ++unit) {
      const Unit part = unit_of(unit);
      tile.channels = part.channels;
      tile.x = seen + part.channel;
      tile.offsets = pass.segments.data() + part.tap;
      tile.other = dy + part.channel;
      tile.sums = sums_of(part);
      kTapKernels[static_cast<std::size_t>(part.taps - 1)](tile);
    }
  }

  void finish(float* sums, std::int64_t row, std::int64_t rows, std::int64_t column, std::int64_t columns) const {
    plan_.epilogue->run(row, rows, column, columns, {reinterpret_cast<std::byte*>(sums), channels_, 1}, epilogue_scratch_);
  }

  using Kernel = void (*)(const DepthwiseTile& tile);
  template <std::size_t... i>
  static constexpr std::array<Kernel, sizeof...(i)> position_kernels(std::index_sequence<i...>) {
    return {&sum_positions<static_cast<int>(i) + 1>...};
  }
  template <std::size_t... i>
  static constexpr std::array<Kernel, sizeof...(i)> tap_kernels(std::index_sequence<i...>) {
    return {&sum_taps<static_cast<int>(i) + 1>...};
  }
  /// By count - 1.
  inline static const std::array<Kernel, kPositions> kPositionKernels = position_kernels(std::make_index_sequence<kPositions>());
  inline static const std::array<Kernel, kGradientTaps> kTapKernels = tap_kernels(std::make_index_sequence<kGradientTaps>());

  const PreparedConvolution::Plan& plan_;
  float* copy_;
  float* sums_;
  std::byte* epilogue_scratch_;
  std::int64_t channels_;
};

void depthwise(const PreparedConvolution::Plan& plan, std::byte* scratch, Worker worker) {
  const DepthwiseRun run(plan, scratch);
  if (plan.kind == PreparedConvolution::Plan::Kind::sums) {
    run.sums(worker);
  } else {
    run.weight_gradient(worker);
  }
}

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace neurons::kernels {

HWY_EXPORT(depthwise);

void run_depthwise(const PreparedConvolution::Plan& plan, std::byte* scratch, Worker worker) noexcept {
  HWY_DYNAMIC_DISPATCH(depthwise)(plan, scratch, worker);
}

}  // namespace neurons::kernels
#endif  // HWY_ONCE
