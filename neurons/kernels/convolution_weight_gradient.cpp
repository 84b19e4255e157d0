#include "neurons/kernels/convolution_weight_gradient.hpp"

#include "neurons/kernels/convolution_rows.hpp"
#include "neurons/kernels/simd_targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "neurons/kernels/convolution_weight_gradient.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>

#include "neurons/kernels/pack-inl.h"
#include "neurons/kernels/tap_kernel-inl.h"

HWY_BEFORE_NAMESPACE();
namespace neurons::kernels::HWY_NAMESPACE {

using Plan = PreparedConvolution::Plan;

/// One call on one worker.
class WeightGradient {
 public:
  WeightGradient(const Plan& plan, std::byte* scratch)
      : plan_(plan), scratch_(plan.parts_of(scratch)), shape_(plan.group_panels()) {}

  /// Every tile of the weights' gradient is one worker's, and sums over all positions in their order.
  void run(Worker worker) const {
    const ConvolutionPass& pass = plan_.passes.front();
    const Range units = share_of(plan_.groups * plan_.panels_per_group() * units_per_panel(), worker);
    if (units.begin == units.end) return;
    const std::int64_t rows = pass.axes[0].positions * pass.axes[1].positions;
    bool first = true;
    const auto add = [&](std::int64_t row, std::int64_t count, const float* x) {
      add_band(pass, x, plan_.dy + row * pass.axes[2].positions * plan_.out_pixel(), count, units, first);
      first = false;
    };
    if (plan_.images == 1) {
      for_each_band(plan_, pass, {0, plan_.batch * rows}, scratch_.copy,
                    [&](std::int64_t image, std::int64_t plane, const Range& band, const float* x) {
                      add(image * rows + plane * pass.axes[1].positions + band.begin, band.end - band.begin, x);
                    });
    } else {
      for (std::int64_t image = 0; image < plan_.batch; image += plan_.images) {
        const std::int64_t count = std::min(plan_.images, plan_.batch - image);
        const float* const x = rows_seen(plan_, pass, image, 0, {0, rows}, scratch_.copy);
        for (std::int64_t i = 1; pass.copies && i < count; ++i) {
          rows_seen(plan_, pass, image + i, 0, {0, rows}, scratch_.copy + i * pass.plane_pitch);
        }
        add(image * rows, count * rows, x);
      }
    }
    finish_weights(pass, units, first);
  }

 private:
  /// A tile of weights' gradients and the columns that one worker takes of it.
  struct Unit {
    const WeightTile& tile;
    std::int64_t panel;
    std::int64_t column;
  };
  std::int64_t units_per_panel() const {
    return static_cast<std::int64_t>(plan_.tiles.size()) * (shape_.width() / plan_.unit_columns);
  }
  Unit unit_of(std::int64_t index) const {
    const std::int64_t place = index % units_per_panel();
    const auto tiles = static_cast<std::int64_t>(plan_.tiles.size());
    return {plan_.tiles[static_cast<std::size_t>(place % tiles)], index / units_per_panel(), place / tiles * plan_.unit_columns};
  }
  /// Where its sums are; the rows of its runs are a segment's steps apart.
  float* sums_of(const Unit& unit) const {
    float* const all = plan_.weights == nullptr ? scratch_.sums : plan_.weights;
    return all + (unit.panel * shape_.inputs + unit.tile.row) * shape_.width() + unit.column;
  }
  std::int64_t run_stride(const ConvolutionPass& pass) const { return pass.steps * shape_.width(); }

  void add_band(const ConvolutionPass& pass, const float* x, const float* dy, std::int64_t rows, const Range& units,
                bool first) const {
    const std::int64_t width = shape_.width();
    const std::int64_t step = vectors_step(plan_.unit_columns);
    TapTile tile;
    tile.segments = pass.merges ? 1 : rows;
    tile.steps = pass.merges ? rows * pass.axes[2].positions : pass.axes[2].positions;
    tile.a_offsets = plan_.gradient_rows.data();
    tile.a_stride = pass.position_pitch;
    tile.b_stride = plan_.packs_dy ? width : plan_.out_pixel();
    tile.b_segment_stride = tile.steps * tile.b_stride;
    tile.c_stride = width;
    tile.c_run_stride = run_stride(pass);
    tile.accumulate = !first;
    tile.pads = true;
    std::int64_t packed = -1;
    for (std::int64_t index = units.begin; index < units.end; ++index) {
      const Unit unit = unit_of(index);
      const PanelPlace place = place_of(plan_, unit.panel);
      if (index + 1 < units.end) fetch_sums(pass, unit_of(index + 1));
      const float* b = dy + place.result;
      if (plan_.packs_dy) {
        if (packed != unit.panel) pack_rows(b, plan_.out_pixel(), rows * pass.axes[2].positions, place.columns, width, scratch_.dy);
        packed = unit.panel;
        b = scratch_.dy;
      }
      tile.a = x + unit.tile.offset + place.group * plan_.group_inputs;
      tile.a_run_stride = unit.tile.run_offset;
      const TapKernel kernel = weight_kernel(unit.tile);
      for (std::int64_t column = 0; column < std::min(plan_.unit_columns, place.columns - unit.column); column += step) {
        tile.b = b + unit.column + column;
        tile.c = sums_of(unit) + column;
        tile.columns = place.columns - unit.column - column;
        kernel(tile);
      }
    }
  }

  /// Asks for the lines of a unit's sums: they come from afar, since all others have been summed up in between.
  void fetch_sums(const ConvolutionPass& pass, const Unit& unit) const {
    constexpr std::int64_t kBytes = sizeof(float);
    for (std::int64_t run = 0; run < unit.tile.runs; ++run) {
      Fetch fetch{reinterpret_cast<const std::byte*>(sums_of(unit) + run * run_stride(pass)), shape_.width() * kBytes,
                  plan_.unit_columns * kBytes, true};
      for (std::int64_t row = 0; row < unit.tile.height; ++row) fetch_row(fetch);
    }
  }

  TapKernel weight_kernel(const WeightTile& tile) const {
    constexpr Layout kLayout = Layout::rows_contiguous;
    const auto* const kernels =
        tile.runs == 1 ? tap_kernels_for<kLayout>(plan_.unit_columns) : tap_kernels_for<kLayout, kTileRuns>(plan_.unit_columns);
    return kernels[tile.height - 1];
  }

  /// Zeros where nothing was summed, then the epilogue.
  void finish_weights(const ConvolutionPass& pass, const Range& units, bool none) const {
    const std::int64_t width = shape_.width();
    const std::int64_t step = vectors_step(plan_.unit_columns);
    for (std::int64_t index = units.begin; index < units.end; ++index) {
      const Unit unit = unit_of(index);
      const std::int64_t columns =
          std::clamp<std::int64_t>(place_of(plan_, unit.panel).columns - unit.column, 0, plan_.unit_columns);
      const std::int64_t written = none ? 0 : (columns + step - 1) / step * step;
      for (std::int64_t run = 0; run < unit.tile.runs; ++run) {
        float* const c = sums_of(unit) + run * run_stride(pass);
        for (std::int64_t row = 0; row < unit.tile.height; ++row) {
          if (written < plan_.unit_columns) std::fill(c + row * width + written, c + row * width + plan_.unit_columns, 0.0F);
        }
        if (plan_.epilogue == nullptr) continue;
        plan_.epilogue->run(unit.panel * shape_.inputs + unit.tile.row + run * pass.steps, unit.tile.height, unit.column,
                            plan_.unit_columns, {reinterpret_cast<std::byte*>(c), width, 1}, scratch_.epilogue);
      }
    }
  }

  const Plan& plan_;
  Plan::Scratch scratch_;
  PanelShape shape_;
};

void run_gradient(const Plan& plan, std::byte* scratch, Worker worker) { WeightGradient(plan, scratch).run(worker); }

TileLimits tile_limits(std::int64_t columns) {
  return {kMaxRows, columns >= kTileVectors * kLanes ? kMaxRunRows<kTileVectors, kTileRuns> : kMaxRunRows<1, kTileRuns>};
}

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace neurons::kernels {

HWY_EXPORT(run_gradient);
HWY_EXPORT(tile_limits);

void run_weight_gradient(const PreparedConvolution::Plan& plan, std::byte* scratch, Worker worker) noexcept {
  HWY_DYNAMIC_DISPATCH(run_gradient)(plan, scratch, worker);
}

TileLimits weight_tile_limits(std::int64_t columns) { return HWY_DYNAMIC_DISPATCH(tile_limits)(columns); }

}  // namespace neurons::kernels
#endif  // HWY_ONCE
