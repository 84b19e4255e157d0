#include "neurons/kernels/convolution_sums.hpp"

#include "neurons/kernels/convolution_rows.hpp"
#include "neurons/kernels/simd_targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "neurons/kernels/convolution_sums.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cstring>

#include "neurons/kernels/dot_kernel-inl.h"
#include "neurons/kernels/tap_kernel-inl.h"

HWY_BEFORE_NAMESPACE();
namespace neurons::kernels::HWY_NAMESPACE {

using Plan = PreparedConvolution::Plan;

/// One call on one worker.
class ConvolutionSums {
 public:
  ConvolutionSums(const Plan& plan, std::byte* scratch)
      : plan_(plan), scratch_(plan.parts_of(scratch)), shape_(plan.group_panels()) {}

  void run(Worker worker) const {
    if (plan_.dots) lay_columns();
    if (plan_.passes.size() == 1) {
      const SumsShare share = share_of_sums(plan_, plan_.passes.front(), worker);
      return rows_of(plan_.passes.front(), share.rows, share.panels, true);
    }
    const std::int64_t panels = plan_.groups * plan_.panels_per_group();
    const Range all_panels{0, panels};
    const bool by_image = plan_.batch >= worker.count;
    const Range images = by_image ? share_of(plan_.batch, worker) : Range{0, plan_.batch};
    const Range own = by_image ? all_panels : share_of(panels, worker);
    if (own.begin == own.end) return;
    for (std::int64_t image = images.begin; image < images.end; ++image) {
      if (plan_.spread_pass) {
        spread_image(image, own);
      } else {
        run_passes(image, own);
      }
      if (plan_.epilogue != nullptr) finish_image(image, own);
    }
  }

 private:
  /// The weights of each result in one piece.
  void lay_columns() const {
    const std::int64_t columns = plan_.group_outputs;
    for (std::int64_t group = 0; group < plan_.groups; ++group) {
      const float* const panel = plan_.panels + group * shape_.elements();
      for (std::int64_t column = 0; column < columns; ++column) {
        float* const to = scratch_.dots + (group * columns + column) * shape_.inputs;
        for (std::int64_t input = 0; input < shape_.inputs; ++input) to[input] = panel[input * shape_.width() + column];
      }
    }
  }

  /// A few rows of positions by each pass before the next rows: their results are neighbours. The first pass has the most.
  void run_passes(std::int64_t image, const Range& panels) const {
    constexpr std::int64_t kRows = kRowsOfPass;
    const auto& most = plan_.passes.front().axes;
    for (std::int64_t plane = 0; plane < most[0].positions; ++plane) {
      for (std::int64_t row = 0; row < most[1].positions; row += kRows) {
        for (const ConvolutionPass& pass : plan_.passes) {
          if (plane >= pass.axes[0].positions) continue;
          const std::int64_t heights = pass.axes[1].positions;
          const std::int64_t first = (image * pass.axes[0].positions + plane) * heights;
          rows_of(pass, {first + std::min(row, heights), first + std::min(row + kRows, heights)}, panels, false);
        }
      }
    }
  }

  /// The sums of a few rows, and those rows of results between which they lie.
  void spread_image(std::int64_t image, const Range& panels) const {
    const ConvolutionPass& pass = plan_.passes[*plan_.spread_pass];
    const std::int64_t heights = pass.axes[1].positions;
    const std::int64_t step = pass.axes[1].out_step;
    const PanelPlace last = place_of(plan_, panels.end - 1);
    const Range results{place_of(plan_, panels.begin).result, last.result + last.columns};
    float* const blank = scratch_.spread + kRowsOfPass * pass.axes[2].positions * plan_.out_pixel();
    for (std::int64_t result = results.begin; result < results.end; ++result) {
      blank[result] = plan_.bias == nullptr ? 0.0F : plan_.bias[result];
    }
    for (std::int64_t plane = 0; plane < plan_.out[0]; ++plane) {
      const std::int64_t first = (image * plan_.out[0] + plane) * heights;
      for (std::int64_t row = 0; row * step < plan_.out[1]; row += kRowsOfPass) {
        rows_of(pass, {first + std::min(row, heights), first + std::min(row + kRowsOfPass, heights)}, panels, false);
        for (std::int64_t y = row * step; y < std::min((row + kRowsOfPass) * step, plan_.out[1]); ++y) {
          spread_row(pass, (image * plan_.out[0] + plane) * plan_.out[1] + y, y, results, blank);
        }
      }
    }
  }
  void spread_row(const ConvolutionPass& pass, std::int64_t line, std::int64_t y, const Range& results, const float* blank) const {
    const auto& [planes, rows, columns] = pass.axes;
    const bool seen = y >= rows.out_first && (y - rows.out_first) % rows.out_step == 0;
    const float* sums = scratch_.spread + y / rows.out_step % kRowsOfPass * columns.positions * plan_.out_pixel();
    float* to = plan_.y + line * plan_.out[2] * plan_.out_pixel();
    std::int64_t next = seen ? columns.out_first : plan_.out[2];  // that has sums
    for (std::int64_t x = 0; x < plan_.out[2]; ++x, to += plan_.out_pixel()) {
      const float* const from = x == next ? sums : blank;
      std::memcpy(to + results.begin, from + results.begin, static_cast<std::size_t>(results.end - results.begin) * sizeof(float));
      if (x != next) continue;
      next += columns.out_step;
      sums += plan_.out_pixel();
    }
  }

  /// Rows [begin, end) of positions, counted through planes and images. Panel by panel, or, where all their weights stay in the
  /// second-level cache, row by row: it is then read once and written once.
  void rows_of(const ConvolutionPass& pass, const Range& rows, const Range& panels, bool finishes) const {
    constexpr std::int64_t kWeights = 128 * 1024;
    constexpr std::int64_t kMerged = 48;  // positions of several rows, in tiles of nearly full height
    if (panels.begin == panels.end) return;
    const bool by_row = (panels.end - panels.begin) * pass.taps * plan_.group_inputs * shape_.width() <= kWeights;
    const std::int64_t merged =
        pass.merges ? (kMerged + pass.axes[2].positions - 1) / std::max<std::int64_t>(1, pass.axes[2].positions) : 1;
    for_each_band(plan_, pass, rows, scratch_.copy, [&](std::int64_t image, std::int64_t plane, const Range& band, const float* x) {
      const std::int64_t step = by_row ? merged : band.end - band.begin;
      for (std::int64_t first = band.begin; first < band.end; first += step) {
        const std::int64_t end = std::min(first + step, band.end);
        for (std::int64_t panel = panels.begin; panel < panels.end; ++panel) {
          for (std::int64_t r = first; r < end; r += merged) {
            const float* const seen = x == nullptr ? nullptr : x + pass.rows_of_band[static_cast<std::size_t>(r - band.begin)];
            rows_of_panel(pass, seen, place_of(plan_, panel), image, plane, {r, std::min(r + merged, end)}, finishes);
          }
        }
      }
    });
  }

  /// One row of positions, or several that merge; one panel of results.
  void rows_of_panel(const ConvolutionPass& pass, const float* seen, const PanelPlace& place, std::int64_t image,
                     std::int64_t plane, const Range& rows, bool finishes) const {
    const AxisTaps& columns = pass.axes[2];
    const std::int64_t y = pass.axes[1].out_first + rows.begin * pass.axes[1].out_step;
    const std::int64_t positions = (rows.end - rows.begin) * columns.positions;
    const std::int64_t z = pass.axes[0].out_first + plane * pass.axes[0].out_step;
    const std::int64_t first = ((image * plan_.out[0] + z) * plan_.out[1] + y) * plan_.out[2] + columns.out_first;
    const std::int64_t in_spread = rows.begin % kRowsOfPass * columns.positions;
    const std::int64_t c_stride = (plan_.spread_pass ? 1 : columns.out_step) * plan_.out_pixel();
    float* const c =
        (plan_.spread_pass ? scratch_.spread + in_spread * plan_.out_pixel() : plan_.y + first * plan_.out_pixel()) + place.result;
    TapTile tile;
    tile.segments = static_cast<std::int64_t>(pass.segments.size());
    tile.steps = pass.steps;
    tile.a_offsets = pass.segments.data();
    tile.a_stride = pass.taps == 0 ? 0 : pass.position_pitch;
    tile.b_stride = shape_.width();
    tile.b_segment_stride = pass.steps * shape_.width();
    tile.c_stride = c_stride;
    tile.a = seen + (pass.taps == 0 ? 0 : place.group * plan_.group_inputs);
    tile.c = c;
    tile.bias = plan_.bias == nullptr ? nullptr : plan_.bias + place.result;
    const std::int64_t input = pass.tap_begin * plan_.group_inputs;
    if (plan_.dots) {
      const float* const b = scratch_.dots + place.group * place.columns * shape_.inputs + input;
      kDotsOfRow[static_cast<std::size_t>(place.columns - 1)](
          {tile.segments, tile.steps, tile.a, tile.a_offsets, tile.a_stride, b, shape_.inputs, c, c_stride, tile.bias}, positions);
    } else {
      tile.b = plan_.panels + place.group * shape_.elements() + (place.panel * shape_.inputs + input) * shape_.width();
      tiles_of_row(tile, positions, place.columns, columns.out_step == 1);
    }
    if (!finishes || plan_.epilogue == nullptr) return;
    plan_.epilogue->run(first, positions, place.result, place.columns, {reinterpret_cast<std::byte*>(c), plan_.out_pixel(), 1},
                        scratch_.epilogue);
  }

  /// A row of positions, beginning with `first`; what follows it `goes_on` at once.
  void tiles_of_row(const TapTile& first, std::int64_t positions, std::int64_t columns, bool goes_on) const {
    const TapKernel* const kernels = kernels_of_sums(columns);
    const std::int64_t tiles = (positions + kMaxRows - 1) / kMaxRows;
    TapTile tile = first;
    for (std::int64_t t = 0; t < tiles; ++t) {
      const std::int64_t begin = positions * t / tiles;
      const std::int64_t height = positions * (t + 1) / tiles - begin;
      float* const c = first.c + begin * first.c_stride;
      tile.a = first.a + begin * first.a_stride;
      if (t + 1 < tiles || goes_on) fetch_results(c + height * first.c_stride, first.c_stride, height, columns);
      for (std::int64_t column = 0; column < columns; column += vectors_step(shape_.width())) {
        tile.b = first.b + column;
        tile.c = c + column;
        tile.columns = columns - column;
        tile.bias = first.bias == nullptr ? nullptr : first.bias + column;
        kernels[height - 1](tile);
      }
    }
  }

  /// Asks for the lines that the next tile will write.
  static void fetch_results(const float* c, std::int64_t stride, std::int64_t rows, std::int64_t columns) {
    constexpr std::int64_t kBytes = sizeof(float);
    Fetch fetch{reinterpret_cast<const std::byte*>(c), stride * kBytes, columns * kBytes, true};
    for (std::int64_t row = 0; row < rows; ++row) fetch_row(fetch);
  }

  void finish_image(std::int64_t image, const Range& panels) const {
    for (std::int64_t panel = panels.begin; panel < panels.end; ++panel) {
      const PanelPlace place = place_of(plan_, panel);
      for (std::int64_t row = 0; row < plan_.out[0] * plan_.out[1]; ++row) {
        const std::int64_t first = (image * plan_.out[0] * plan_.out[1] + row) * plan_.out[2];
        float* const c = plan_.y + first * plan_.out_pixel() + place.result;
        plan_.epilogue->run(first, plan_.out[2], place.result, place.columns,
                            {reinterpret_cast<std::byte*>(c), plan_.out_pixel(), 1}, scratch_.epilogue);
      }
    }
  }

  /// Narrow results take half vectors, or half as many.
  const TapKernel* kernels_of_sums(std::int64_t columns) const {
    constexpr Layout kLayout = Layout::inner_contiguous;
    if constexpr (kHasHalves) {
      if (columns <= kLanes / 2) return kTapKernels<kLayout, 1, 1, HalfFloats>.data();
    } else {
      if (columns <= kLanes) return kTapKernels<kLayout, 1>.data();
    }
    return tap_kernels_for<kLayout>(shape_.width());
  }

  const Plan& plan_;
  Plan::Scratch scratch_;
  PanelShape shape_;
};

void run_sums(const Plan& plan, std::byte* scratch, Worker worker) { ConvolutionSums(plan, scratch).run(worker); }

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace neurons::kernels {

HWY_EXPORT(run_sums);
void run_convolution_sums(const PreparedConvolution::Plan& plan, std::byte* scratch, Worker worker) noexcept {
  HWY_DYNAMIC_DISPATCH(run_sums)(plan, scratch, worker);
}

}  // namespace neurons::kernels
#endif  // HWY_ONCE
