#include "neurons/kernels/convolution.hpp"

#include <algorithm>

#include "neurons/kernels/convolution_plan.hpp"
#include "neurons/kernels/convolution_sums.hpp"
#include "neurons/kernels/convolution_weight_gradient.hpp"
#include "neurons/kernels/depthwise.hpp"
#include "neurons/kernels/short_sums.hpp"
#include "neurons/kernels/winograd.hpp"

namespace neurons::kernels {
namespace {

using Plan = PreparedConvolution::Plan;

std::size_t bytes_with_slack(std::int64_t count) {
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
    plan.copy_bytes = std::max(plan.copy_bytes, bytes_with_slack(planes * pass.plane_pitch));
  }
  plan.passes = std::move(passes);
  return plan;
}
/// … from x to y.
Plan forward_plan(const ConvolutionShape& shape, bool gathers) {
  Plan plan = plan_of(shape, forward_passes(shape, gathers));
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

/// Few results of a position, of many terms each: a vector holds terms, since it would hold few results.
void set_dots(Plan& plan) {
  const auto many_terms = [&](const ConvolutionPass& pass) {
    return pass.taps == 0 || (pass.steps % kDotTerms == 0 && pass.taps * plan.group_inputs >= kDotTerms * plan.group_outputs);
  };
  plan.dots = !plan.depthwise && plan.group_outputs <= kMostDots && std::ranges::all_of(plan.passes, many_terms);
  if (plan.dots) plan.dot_bytes = bytes_with_slack(plan.groups * plan.group_outputs * plan.group_panels().inputs);
}

/// Where strides step over all that one phase of inputs does not show, and results of the others are the bias, those of that phase
/// are summed in one piece, in tiles of full height, and spread then: results are written in the order in which they lie.
void set_spread(Plan& plan) {
  const auto sums = [](const ConvolutionPass& pass) { return pass.taps > 0; };
  if (plan.depthwise || plan.dots || plan.passes.size() < 2 || std::ranges::count_if(plan.passes, sums) != 1) return;
  ConvolutionPass& pass = *std::ranges::find_if(plan.passes, sums);
  if (pass.axes[0].out_step != 1) return;
  plan.spread_pass = static_cast<std::size_t>(&pass - plan.passes.data());
  pass.merges = pass.taps == 1 && (pass.copies || pass.axes[1].positions == pass.axes[1].extent) &&
                pass.row_pitch == pass.axes[2].positions * pass.position_pitch;
  plan.spread_bytes = bytes_with_slack((kRowsOfPass * pass.axes[2].positions + 1) * plan.out_pixel());
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
    plan.tiles = weight_tiles(plan.passes.front(), weight_tile_limits(plan.unit_columns));
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
  auto plan = std::make_shared<Plan>(forward_plan(call.shape, true));
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
  set_spread(*plan);
  plan_ = std::move(plan);
}

PreparedConvolution::PreparedConvolution(const ConvolutionWeightGradient& call, ConvolutionMethod method) {
  if (method != ConvolutionMethod::direct) {
    winograd_ = winograd_plan(call, method);
    return;
  }
  auto plan = std::make_shared<Plan>(forward_plan(call.shape, false));
  plan->kind = Plan::Kind::weight_gradient;
  plan->x = call.x;
  plan->dy = call.dy;
  plan->weights = call.panels;
  plan->epilogue = call.epilogue;
  if (call.panels == nullptr) plan->sum_bytes = bytes_with_slack(call.shape.packed_elements());
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
  if (plan->images > 1 && pass.copies) plan->copy_bytes = bytes_with_slack(plan->images * pitch);
  if (plan->packs_dy) plan->dy_bytes = bytes_with_slack(plan->images * pass.band * pass.axes[2].positions * width);
  plan_ = std::move(plan);
}

std::size_t PreparedConvolution::scratch_bytes() const noexcept {
  return winograd_ ? winograd_->scratch_bytes() : plan_->scratch_bytes();
}

void PreparedConvolution::run(std::byte* scratch, Worker worker) const noexcept {
  if (winograd_) return run_winograd(*winograd_, scratch, worker);
  if (plan_->depthwise) return run_depthwise(*plan_, scratch, worker);
  if (plan_->short_sums) return run_short_sums(*plan_, scratch, worker);
  if (plan_->kind == Plan::Kind::weight_gradient) return run_weight_gradient(*plan_, scratch, worker);
  run_convolution_sums(*plan_, scratch, worker);
}

}  // namespace neurons::kernels
