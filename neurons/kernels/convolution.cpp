#include "neurons/kernels/convolution.hpp"

#include "neurons/kernels/convolution_plan.hpp"
#include "neurons/kernels/convolution_rows.hpp"
#include "neurons/kernels/depthwise.hpp"
#include "neurons/kernels/short_sums.hpp"
#include "neurons/kernels/simd_targets.hpp"
#include "neurons/kernels/winograd.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "neurons/kernels/convolution.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>

#include "neurons/kernels/dot_kernel-inl.h"
#include "neurons/kernels/pack-inl.h"
#include "neurons/kernels/tap_kernel-inl.h"

HWY_BEFORE_NAMESPACE();
namespace neurons::kernels::HWY_NAMESPACE {

using Plan = PreparedConvolution::Plan;

/// One call on one worker.
class ConvolutionRun {
 public:
  ConvolutionRun(const Plan& plan, std::byte* scratch)
      : plan_(plan),
        copy_(reinterpret_cast<float*>(scratch)),
        dy_(reinterpret_cast<float*>(scratch + plan.copy_bytes)),
        sums_(reinterpret_cast<float*>(scratch + plan.copy_bytes + plan.dy_bytes)),
        dots_(reinterpret_cast<float*>(scratch + plan.copy_bytes + plan.dy_bytes + plan.sum_bytes)),
        epilogue_scratch_(scratch + plan.copy_bytes + plan.dy_bytes + plan.sum_bytes + plan.dot_bytes),
        shape_(plan.group_panels()) {}

  void sums(Worker worker) const {
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
      run_passes(image, own);
      if (plan_.epilogue != nullptr) finish_image(image, own);
    }
  }

  /// Every tile of the weights' gradient is one worker's, and sums over all positions in their order.
  void weight_gradient(Worker worker) const {
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
      for_each_band(plan_, pass, {0, plan_.batch * rows}, copy_,
                    [&](std::int64_t image, std::int64_t plane, const Range& band, const float* x) {
                      add(image * rows + plane * pass.axes[1].positions + band.begin, band.end - band.begin, x);
                    });
    } else {
      for (std::int64_t image = 0; image < plan_.batch; image += plan_.images) {
        const std::int64_t count = std::min(plan_.images, plan_.batch - image);
        const float* const x = rows_seen(plan_, pass, image, 0, {0, rows}, copy_);
        for (std::int64_t i = 1; pass.copies && i < count; ++i) {
          rows_seen(plan_, pass, image + i, 0, {0, rows}, copy_ + i * pass.plane_pitch);
        }
        add(image * rows, count * rows, x);
      }
    }
    finish_weights(pass, units, first);
  }

 private:
  /// The weights of each result in one piece.
  void lay_columns() const {
    const std::int64_t columns = plan_.group_outputs;
    for (std::int64_t group = 0; group < plan_.groups; ++group) {
      const float* const panel = plan_.panels + group * shape_.elements();
      for (std::int64_t column = 0; column < columns; ++column) {
        float* const to = dots_ + (group * columns + column) * shape_.inputs;
        for (std::int64_t input = 0; input < shape_.inputs; ++input) to[input] = panel[input * shape_.width() + column];
      }
    }
  }

  /// A few rows of positions by each pass before the next rows: their results are neighbours. The first pass has the most.
  void run_passes(std::int64_t image, const Range& panels) const {
    constexpr std::int64_t kRows = 8;
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

  /// Rows [begin, end) of positions, counted through planes and images. Panel by panel, or, where all their weights stay in the
  /// second-level cache, row by row: it is then read once and written once.
  void rows_of(const ConvolutionPass& pass, const Range& rows, const Range& panels, bool finishes) const {
    constexpr std::int64_t kWeights = 128 * 1024;
    constexpr std::int64_t kMerged = 48;  // positions of several rows, in tiles of nearly full height
    if (panels.begin == panels.end) return;
    const bool by_row = (panels.end - panels.begin) * pass.taps * plan_.group_inputs * shape_.width() <= kWeights;
    const std::int64_t merged =
        pass.merges ? (kMerged + pass.axes[2].positions - 1) / std::max<std::int64_t>(1, pass.axes[2].positions) : 1;
    for_each_band(plan_, pass, rows, copy_, [&](std::int64_t image, std::int64_t plane, const Range& band, const float* x) {
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
    const std::int64_t c_stride = columns.out_step * plan_.out_pixel();
    float* const c = plan_.y + first * plan_.out_pixel() + place.result;
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
      const float* const b = dots_ + place.group * place.columns * shape_.inputs + input;
      kDotsOfRow[static_cast<std::size_t>(place.columns - 1)](
          {tile.segments, tile.steps, tile.a, tile.a_offsets, tile.a_stride, b, shape_.inputs, c, c_stride, tile.bias}, positions);
    } else {
      tile.b = plan_.panels + place.group * shape_.elements() + (place.panel * shape_.inputs + input) * shape_.width();
      tiles_of_row(tile, positions, place.columns, columns.out_step == 1);
    }
    if (!finishes || plan_.epilogue == nullptr) return;
    plan_.epilogue->run(first, positions, place.result, place.columns, {reinterpret_cast<std::byte*>(c), plan_.out_pixel(), 1},
                        epilogue_scratch_);
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
                            {reinterpret_cast<std::byte*>(c), plan_.out_pixel(), 1}, epilogue_scratch_);
      }
    }
  }

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
    float* const all = plan_.weights == nullptr ? sums_ : plan_.weights;
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
        if (packed != unit.panel) pack_rows(b, plan_.out_pixel(), rows * pass.axes[2].positions, place.columns, width, dy_);
        packed = unit.panel;
        b = dy_;
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
        tile.runs == 1 ? kernels_for<kLayout>(plan_.unit_columns) : kernels_for<kLayout, kTileRuns>(plan_.unit_columns);
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
                            plan_.unit_columns, {reinterpret_cast<std::byte*>(c), width, 1}, epilogue_scratch_);
      }
    }
  }

  static std::int64_t vectors_step(std::int64_t columns) { return std::min<std::int64_t>(kTileVectors * kLanes, columns); }
  /// Kernels that compute vectors_step(columns) at a time, by rows of a run - 1.
  template <Layout layout, int kRuns = 1>
  static const TapKernel* kernels_for([[maybe_unused]] std::int64_t columns) {
    if constexpr (kTileVectors * kLanes > 16) {  // columns are at least 16
      if (columns < kTileVectors * kLanes) return kTapKernels<layout, 1, kRuns>.data();
    }
    return kTapKernels<layout, kTileVectors, kRuns>.data();
  }

  /// Narrow results take half vectors, or half as many.
  const TapKernel* kernels_of_sums(std::int64_t columns) const {
    constexpr Layout kLayout = Layout::inner_contiguous;
    if constexpr (kHasHalves) {
      if (columns <= kLanes / 2) return kTapKernels<kLayout, 1, 1, HalfFloats>.data();
    } else {
      if (columns <= kLanes) return kTapKernels<kLayout, 1>.data();
    }
    return kernels_for<kLayout>(shape_.width());
  }

  const Plan& plan_;
  float* copy_;
  float* dy_;
  float* sums_;
  float* dots_;
  std::byte* epilogue_scratch_;
  PanelShape shape_;
};

void run_convolution(const Plan& plan, std::byte* scratch, Worker worker) {
  const ConvolutionRun run(plan, scratch);
  if (plan.kind == Plan::Kind::sums) {
    run.sums(worker);
  } else {
    run.weight_gradient(worker);
  }
}

TileLimits tile_limits(std::int64_t columns) {
  return {kMaxRows, columns >= kTileVectors * kLanes ? kMaxRunRows<kTileVectors, kTileRuns> : kMaxRunRows<1, kTileRuns>};
}

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace neurons::kernels {

HWY_EXPORT(run_convolution);
HWY_EXPORT(tile_limits);

namespace {

using Plan = PreparedConvolution::Plan;

std::size_t float_bytes(std::int64_t count) {
  return align_up(static_cast<std::size_t>(count) * sizeof(float) + kAlignment);  // slack: a full vector at the last element
}

/// What a plan knows from the extents alone.
Plan plan_of(const ConvolutionShape& shape, std::vector<ConvolutionPass> passes) {
  Plan plan;
  plan.batch = shape.batch;
  plan.groups = shape.groups;
  plan.depthwise = shape.depthwise();
  plan.all_taps = shape.taps();
  for (const ConvolutionPass& pass : passes) {
    if (!pass.copies || pass.taps == 0) continue;
    const auto planes = static_cast<std::int64_t>(pass.axes[0].offsets.size());
    plan.copy_bytes = std::max(plan.copy_bytes, float_bytes(planes * pass.plane_pitch));
  }
  plan.passes = std::move(passes);
  return plan;
}
/// Few results of a position, of many terms each: a vector holds terms, since it would hold few results.
void set_dots(Plan& plan) {
  const auto many_terms = [&](const ConvolutionPass& pass) {
    return pass.taps == 0 || (pass.steps % kDotTerms == 0 && pass.taps * plan.group_inputs >= kDotTerms * plan.group_outputs);
  };
  plan.dots = !plan.depthwise && plan.group_outputs <= kMostDots && std::ranges::all_of(plan.passes, many_terms);
  if (plan.dots) plan.dot_bytes = float_bytes(plan.groups * plan.group_outputs * plan.group_panels().inputs);
}

/// … from x to y.
Plan forward_plan(const ConvolutionShape& shape) {
  Plan plan = plan_of(shape, forward_passes(shape));
  plan.group_inputs = shape.channels / shape.groups;
  plan.group_outputs = shape.outputs / shape.groups;
  plan.in = shape.input;
  plan.out = shape.output;
  return plan;
}
/// … from dy to dx.
Plan input_gradient_plan(const ConvolutionShape& shape) {
  Plan plan = plan_of(shape, input_gradient_passes(shape));
  plan.group_inputs = shape.outputs / shape.groups;
  plan.group_outputs = shape.channels / shape.groups;
  plan.in = shape.output;
  plan.out = shape.input;
  return plan;
}

/// Rows of the gradient's panels cut into tiles as even and as few as can be.
std::vector<WeightTile> weight_tiles(const ConvolutionPass& pass, const TileLimits& limits) {
  const auto needed = [&](std::int64_t most) { return (pass.steps + most - 1) / most; };
  const std::size_t segments = pass.segments.size();
  bool even = segments % kTileRuns == 0;
  for (std::size_t i = 0; even && i < segments; i += kTileRuns) {
    even = pass.segments[i + 1] - pass.segments[i] == pass.segments[i + 2] - pass.segments[i + 1];
  }
  const std::int64_t runs = even && needed(limits.run_rows) < kTileRuns * needed(limits.rows) ? kTileRuns : 1;
  const std::int64_t count = needed(runs > 1 ? limits.run_rows : limits.rows);
  std::vector<WeightTile> tiles;
  std::int64_t row = 0;
  for (std::size_t i = 0; i < segments; i += static_cast<std::size_t>(runs), row += runs * pass.steps) {
    const std::int64_t segment = pass.segments[i];
    const std::int64_t run_offset = runs > 1 ? pass.segments[i + 1] - segment : 0;
    for (std::int64_t t = 0; t < count; ++t) {
      const std::int64_t begin = pass.steps * t / count;
      tiles.push_back({segment + begin, row + begin, pass.steps * (t + 1) / count - begin, runs, run_offset});
    }
  }
  return tiles;
}

/// Tiles, and the columns of a unit: few tiles are shared by halves, which have room for more rows.
void set_tiles(Plan& plan) {
  constexpr std::int64_t kFewUnits = 8;
  plan.unit_columns = plan.group_panels().width();
  for (;;) {
    plan.tiles = weight_tiles(plan.passes.front(), HWY_DYNAMIC_DISPATCH(tile_limits)(plan.unit_columns));
    const auto units = plan.groups * plan.panels_per_group() * static_cast<std::int64_t>(plan.tiles.size());
    if (units >= kFewUnits || plan.unit_columns <= 16) return;
    plan.unit_columns /= 2;
  }
}

/// How many whole images a weight gradient takes at a time: sums that are loaded and stored once for each few small images would
/// wait for memory.
std::int64_t images_at_a_time(const Plan& plan, std::int64_t image_floats) {
  constexpr std::int64_t kFloats = 128 * 1024;  // half a second-level cache of 1 MB
  const auto& [planes, rows, columns] = plan.passes.front().axes;
  const bool whole = planes.positions == 1 && planes.offsets.size() == 1 && plan.passes.front().band == rows.positions;
  if (plan.depthwise || !whole || columns.positions == 0) return 1;
  return std::clamp<std::int64_t>(kFloats / std::max<std::int64_t>(1, image_floats), 1, std::max<std::int64_t>(1, plan.batch));
}

}  // namespace

PreparedConvolution::PreparedConvolution(const ConvolutionForward& call, ConvolutionMethod method) {
  if (method != ConvolutionMethod::direct) {
    winograd_ = winograd_plan(call, method);
    return;
  }
  auto plan = std::make_shared<Plan>(forward_plan(call.shape));
  plan->x = call.x;
  plan->panels = call.panels;
  plan->bias = call.bias;
  plan->y = call.y;
  plan->epilogue = call.epilogue;
  plan->short_sums = short_sums(*plan);
  set_dots(*plan);
  plan_ = std::move(plan);
}

PreparedConvolution::PreparedConvolution(const ConvolutionInputGradient& call, ConvolutionMethod method) {
  if (method != ConvolutionMethod::direct) {
    winograd_ = winograd_plan(call, method);
    return;
  }
  auto plan = std::make_shared<Plan>(input_gradient_plan(call.shape));
  plan->x = call.dy;
  plan->panels = call.transposed;
  plan->bias = call.bias;
  plan->y = call.dx;
  plan->epilogue = call.epilogue;
  plan->short_sums = short_sums(*plan);
  set_dots(*plan);
  plan_ = std::move(plan);
}

PreparedConvolution::PreparedConvolution(const ConvolutionWeightGradient& call, ConvolutionMethod method) {
  if (method != ConvolutionMethod::direct) {
    winograd_ = winograd_plan(call, method);
    return;
  }
  auto plan = std::make_shared<Plan>(forward_plan(call.shape));
  plan->kind = Plan::Kind::weight_gradient;
  plan->x = call.x;
  plan->dy = call.dy;
  plan->weights = call.panels;
  plan->epilogue = call.epilogue;
  if (call.panels == nullptr) plan->sum_bytes = float_bytes(call.shape.packed_elements());
  if (!plan->depthwise) set_tiles(*plan);
  const std::int64_t width = plan->group_panels().width();
  constexpr std::size_t kManyTiles = 8;  // pay for packing: rows that are far apart push one another out of the first-level cache
  plan->packs_dy =
      !plan->depthwise && (plan->group_outputs % width != 0 || (plan->out_pixel() > width && plan->tiles.size() >= kManyTiles));
  const ConvolutionPass& pass = plan->passes.front();
  const std::int64_t pitch = pass.copies ? pass.plane_pitch : plan->in_pixels() * plan->in_pixel();
  plan->images = images_at_a_time(*plan, pitch);
  for (std::int64_t image = 0; image < plan->images; ++image) {
    for (const std::int64_t row : pass.rows_of_band) plan->gradient_rows.push_back(image * pitch + row);
  }
  if (plan->images > 1 && pass.copies) plan->copy_bytes = float_bytes(plan->images * pitch);
  if (plan->packs_dy) plan->dy_bytes = float_bytes(plan->images * pass.band * pass.axes[2].positions * width);
  plan_ = std::move(plan);
}

std::size_t PreparedConvolution::scratch_bytes() const noexcept {
  return winograd_ ? winograd_->scratch_bytes() : plan_->scratch_bytes();
}

void PreparedConvolution::run(std::byte* scratch, Worker worker) const noexcept {
  if (winograd_) return run_winograd(*winograd_, scratch, worker);
  if (plan_->depthwise) return run_depthwise(*plan_, scratch, worker);
  if (plan_->short_sums) return run_short_sums(*plan_, scratch, worker);
  HWY_DYNAMIC_DISPATCH(run_convolution)(*plan_, scratch, worker);
}

}  // namespace neurons::kernels
#endif  // HWY_ONCE
