#include "neurons/kernels/short_sums.hpp"

#include "neurons/kernels/convolution_rows.hpp"
#include "neurons/kernels/simd_targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "neurons/kernels/short_sums.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "neurons/kernels/short_sums-inl.h"

HWY_BEFORE_NAMESPACE();
namespace neurons::kernels::HWY_NAMESPACE {

using Plan = PreparedConvolution::Plan;

TileHeights tile_heights(std::int64_t inputs) {
  return inputs <= kWrittenOut ? TileHeights{kLeastWrittenOut, kMostWrittenOut} : TileHeights{1, kMaxRows};
}

template <int kVectors>
SumTiles kernel_of(std::int64_t inputs, std::int64_t height) {
  if constexpr (kWrittenOut > 0) {
    const auto i = static_cast<std::size_t>(inputs - 1);
    if (inputs <= kWrittenOut) {
      return height == kLeastWrittenOut ? kSumTilesWrittenOut<kLeastWrittenOut, kVectors>[i]
                                        : kSumTilesWrittenOut<kMostWrittenOut, kVectors>[i];
    }
  }
  return kSumTiles<kVectors>[static_cast<std::size_t>(height - 1)];
}
SumTiles kernel_of(std::int64_t inputs, std::int64_t height, [[maybe_unused]] int vectors) {
  if constexpr (kTileVectors * kLanes > kShortSumColumns) {
    if (vectors == 1) return kernel_of<1>(inputs, height);
  }
  return kernel_of<kTileVectors>(inputs, height);
}

/// Rows of positions, the first of which see `a` and give `c`; one panel of results.
void sum_short_rows(const Plan& plan, const float* a, std::int64_t rows, std::int64_t panel, float* c) {
  const PanelShape shape = plan.group_panels();
  const PanelPlace place = place_of(plan, panel);
  TileRun run;
  run.a = a + place.group * plan.group_inputs;
  run.a_stride = plan.passes.front().position_pitch;
  run.offsets = plan.short_sums->offsets.data();
  run.inputs = shape.inputs;
  run.b_stride = shape.width();
  run.c_stride = plan.out_pixel();
  const int vectors = place.columns % (kTileVectors * kLanes) == 0 ? kTileVectors : 1;
  for (std::int64_t column = 0; column < place.columns; column += vectors * kLanes) {
    run.b = plan.panels + panel * shape.inputs * shape.width() + column;
    run.c = c + place.result + column;
    run.bias = plan.bias == nullptr ? nullptr : plan.bias + place.result + column;
    for (const ShortSums::Tiles& tiles : plan.short_sums->tiles) {
      if (tiles.of_row == 0) continue;
      run.places = tiles.places.data();
      run.tiles = rows * tiles.of_row;
      kernel_of(shape.inputs, tiles.height, vectors)(run);
    }
  }
}

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace neurons::kernels {

HWY_EXPORT(tile_heights);
HWY_EXPORT(sum_short_rows);

namespace {

using Plan = PreparedConvolution::Plan;

/// A row of positions in tiles: of two neighbouring heights, or, where those would be too low, of the least height with some upon
/// one another, which compute the same.
struct RowOfTiles {
  std::int64_t height = 0;              ///< of the later tiles; those before are one higher
  std::int64_t high = 0;                ///< how many are
  std::vector<std::int64_t> positions;  ///< where each tile begins
};
RowOfTiles tiles_of_row(std::int64_t positions, const TileHeights& heights) {
  RowOfTiles row;
  const std::int64_t count = (positions + heights.most - 1) / heights.most;
  row.height = std::max(positions / count, heights.least);
  row.high = std::max<std::int64_t>(0, positions - count * row.height);
  for (std::int64_t tile = 0; tile < count; ++tile) {
    row.positions.push_back(std::min(tile * row.height + std::min(tile, row.high), positions - row.height));
  }
  return row;
}

}  // namespace

std::optional<ShortSums> short_sums(const Plan& plan) {
  constexpr std::int64_t kMostInputs = 36;
  constexpr std::int64_t kResults = 32 * 1024;         // at a time
  constexpr std::int64_t kEpilogueResults = 8 * 1024;  // … where an epilogue follows: they stay in the first-level cache
  if (plan.depthwise || plan.passes.size() != 1 || plan.group_outputs % kShortSumColumns != 0) return std::nullopt;
  const std::int64_t inputs = plan.group_panels().inputs;
  const ConvolutionPass& pass = plan.passes.front();
  const std::int64_t positions = pass.axes[2].positions;
  if (inputs == 0 || inputs > kMostInputs) return std::nullopt;
  const TileHeights heights = HWY_DYNAMIC_DISPATCH(tile_heights)(inputs);
  if (positions < heights.least) return std::nullopt;
  const RowOfTiles row = tiles_of_row(positions, heights);
  ShortSums sums;
  const std::int64_t results = positions * plan.out_pixel();
  const std::int64_t most = plan.epilogue == nullptr ? kResults : kEpilogueResults;
  const std::int64_t times = std::clamp<std::int64_t>(pass.band * results / most, 1, pass.band);
  sums.rows = (pass.band + times - 1) / times;
  for (const std::int64_t segment : pass.segments) {
    for (std::int64_t step = 0; step < pass.steps; ++step) sums.offsets.push_back(segment + step);
  }
  const auto high = static_cast<std::size_t>(row.high);
  sums.tiles[0] = {row.height + 1, row.high, {}};
  sums.tiles[1] = {row.height, static_cast<std::int64_t>(row.positions.size()) - row.high, {}};
  for (std::int64_t r = 0; r < sums.rows; ++r) {
    for (std::size_t tile = 0; tile < row.positions.size(); ++tile) {
      const std::int64_t position = row.positions[tile];
      sums.tiles[tile < high ? 0 : 1].places.push_back(
          {pass.rows_of_band[static_cast<std::size_t>(r)] + position * pass.position_pitch,
           (r * positions + position) * plan.out_pixel()});
    }
  }
  return sums;
}

void run_short_sums(const Plan& plan, std::byte* scratch, Worker worker) noexcept {
  const ConvolutionPass& pass = plan.passes.front();
  float* const copy = reinterpret_cast<float*>(scratch);
  const auto share = share_of_sums(plan, pass, worker);
  const Range panels = share.panels;
  if (panels.begin == panels.end) return;
  for_each_band(plan, pass, share.rows, copy, [&](std::int64_t image, std::int64_t plane, const Range& band, const float* x) {
    for (std::int64_t row = band.begin; row < band.end; row += plan.short_sums->rows) {
      const std::int64_t count = std::min(plan.short_sums->rows, band.end - row);
      const std::int64_t first = ((image * plan.out[0] + plane) * plan.out[1] + row) * plan.out[2];
      float* const c = plan.y + first * plan.out_pixel();
      const float* const a = x + pass.rows_of_band[static_cast<std::size_t>(row - band.begin)];
      for (std::int64_t panel = panels.begin; panel < panels.end; ++panel) {
        HWY_DYNAMIC_DISPATCH(sum_short_rows)(plan, a, count, panel, c);
        if (plan.epilogue == nullptr) continue;
        const PanelPlace place = place_of(plan, panel);
        plan.epilogue->run(first, count * plan.out[2], place.result, place.columns,
                           {reinterpret_cast<std::byte*>(c + place.result), plan.out_pixel(), 1}, scratch + plan.copy_bytes);
      }
    }
  });
}

}  // namespace neurons::kernels
#endif  // HWY_ONCE
