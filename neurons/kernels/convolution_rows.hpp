#pragma once
/// How convolutions walk over rows of positions: private to their kernels.

#include <algorithm>
#include <cstring>

#include "neurons/kernels/convolution_plan.hpp"

namespace neurons::kernels {

struct Range {
  std::int64_t begin = 0;
  std::int64_t end = 0;
};
inline Range share_of(std::int64_t items, Worker worker) {
  const WorkRange range = split_work(static_cast<std::size_t>(items), worker);
  return {static_cast<std::int64_t>(range.begin), static_cast<std::int64_t>(range.end)};
}

/// A panel of results.
struct PanelPlace {
  std::int64_t group;
  std::int64_t panel;    ///< in its group
  std::int64_t columns;  ///< of the panel that exist
  std::int64_t result;   ///< its first result in a pixel
};
/// The panels of all groups are counted through.
inline PanelPlace place_of(const PreparedConvolution::Plan& plan, std::int64_t panel) {
  const PanelShape shape = plan.group_panels();
  PanelPlace place{panel / shape.panels(), panel % shape.panels(), 0, 0};
  place.columns = std::min(shape.width(), shape.outputs - place.panel * shape.width());
  place.result = place.group * shape.outputs + place.panel * shape.width();
  return place;
}

/// What one worker computes of sums that a single pass makes: positions fall to the workers in equal runs; where there are few,
/// panels of results do.
struct SumsShare {
  Range rows;  ///< of positions, counted through planes and images
  Range panels;
};
inline SumsShare share_of_sums(const PreparedConvolution::Plan& plan, const ConvolutionPass& pass, Worker worker) {
  constexpr std::int64_t kRowsEach = 4;
  const std::int64_t rows = plan.batch * pass.axes[0].positions * pass.axes[1].positions;
  const std::int64_t panels = plan.groups * plan.panels_per_group();
  if (rows >= kRowsEach * worker.count) return {share_of(rows, worker), {0, panels}};
  return {{0, rows}, share_of(panels, worker)};
}

/// The pixels that these rows of positions see, tap by tap one after the other; zeros in the padding.
inline const float* gather_rows(const PreparedConvolution::Plan& plan, const ConvolutionPass& pass, std::int64_t image,
                                std::int64_t plane, const Range& rows, float* copy) {
  const auto& [planes, heights, columns] = pass.axes;
  const std::int64_t pixel = plan.in_pixel();
  const std::int64_t z = planes.origin + plane * planes.step;
  for (const Gathered& part : pass.gathered) {
    float* to = copy + part.begin;
    for (std::int64_t row = rows.begin; row < rows.end + part.more; ++row) {
      const std::int64_t y = heights.origin + part.row + row * heights.step;
      const std::int64_t line = ((image * planes.extent + z) * heights.extent + y) * columns.extent;
      std::int64_t x = columns.origin + part.column;
      for (std::int64_t position = 0; position < columns.positions; ++position, to += pixel, x += columns.step) {
        if (y >= 0 && y < heights.extent && x >= 0 && x < columns.extent) {
          std::memcpy(to, plan.x + (line + x) * pixel, static_cast<std::size_t>(pixel) * sizeof(float));
        } else {
          std::fill(to, to + pixel, 0.0F);
        }
      }
    }
  }
  return copy;
}

/// The first float that the positions of these rows see: in place, or in `copy` with zeros around them.
inline const float* rows_seen(const PreparedConvolution::Plan& plan, const ConvolutionPass& pass, std::int64_t image,
                              std::int64_t plane, const Range& rows, float* copy) {
  const auto& [planes, heights, columns] = pass.axes;
  const std::int64_t pixel = plan.in_pixel();
  const float* const x = plan.x + image * plan.in_pixels() * pixel;
  const std::int64_t first_row = heights.origin + rows.begin * heights.step;
  const std::int64_t first_plane = planes.origin + plane * planes.step;
  if (pass.gathers) return gather_rows(plan, pass, image, plane, rows, copy);
  if (!pass.copies) return x + ((first_plane * heights.extent + first_row) * columns.extent + columns.origin) * pixel;
  const std::int64_t before = std::clamp<std::int64_t>(-columns.origin * pixel, 0, pass.row_pitch);
  const std::int64_t skipped = std::max<std::int64_t>(0, columns.origin);
  const std::int64_t count = std::clamp<std::int64_t>((columns.extent - skipped) * pixel, 0, pass.row_pitch - before);
  for (std::size_t p = 0; p < planes.offsets.size(); ++p) {
    const std::int64_t z = first_plane + planes.offsets[p];
    float* const plane_copy = copy + static_cast<std::int64_t>(p) * pass.plane_pitch;
    float* zeros = plane_copy;  // from here on, up to the next row that exists
    const std::int64_t count_rows = heights.span(rows.end - rows.begin);
    for (std::int64_t r = 0; r < count_rows; ++r) {
      const std::int64_t y = first_row + r;
      if (z < 0 || z >= planes.extent || y < 0 || y >= heights.extent || count == 0) continue;
      float* const to = plane_copy + r * pass.row_pitch + before;
      std::fill(zeros, to, 0.0F);
      std::memcpy(to, x + ((z * heights.extent + y) * columns.extent + skipped) * pixel,
                  static_cast<std::size_t>(count) * sizeof(float));
      zeros = to + count;
    }
    std::fill(zeros, plane_copy + count_rows * pass.row_pitch, 0.0F);
  }
  return copy;
}

/// Calls visit(image, plane, band, inputs) for rows [begin, end) of positions, counted through planes and images, band by band.
template <typename Visit>
void for_each_band(const PreparedConvolution::Plan& plan, const ConvolutionPass& pass, const Range& rows, float* copy,
                   const Visit& visit) {
  const std::int64_t heights = pass.axes[1].positions;
  const std::int64_t planes = pass.axes[0].positions;
  if (pass.axes[2].positions == 0) return;
  for (std::int64_t row = rows.begin; row < rows.end;) {
    const std::int64_t y = row % heights;
    const std::int64_t plane = row / heights % planes;
    const std::int64_t image = row / heights / planes;
    const Range band{y, std::min({heights, y + pass.band, y + rows.end - row})};
    visit(image, plane, band, pass.taps == 0 ? nullptr : rows_seen(plan, pass, image, plane, band, copy));
    row += band.end - band.begin;
  }
}

}  // namespace neurons::kernels
