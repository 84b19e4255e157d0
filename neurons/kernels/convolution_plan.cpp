#include "neurons/kernels/convolution_plan.hpp"

#include <algorithm>
#include <tuple>

namespace neurons::kernels {
namespace {

/// Floats of copied rows that are at work at a time: a quarter of a second-level cache of 1 MB.
constexpr std::int64_t kBandFloats = 64 * 1024;

/// Rows of so few positions fill no tiles: they are brought together, which costs a copy. Longer ones are read where they lie.
constexpr std::int64_t kFewPositions = 16;
/// … of windows of several places, whose pixels are copied for each place in a row: with many channels and few places that costs
/// little.
constexpr std::int64_t kFewWindows = 8;
constexpr std::int64_t kManyChannels = 16;
constexpr std::int64_t kFewTaps = 64;
/// Floats of such a copy at most: half a second-level cache.
constexpr std::int64_t kGatheredFloats = 128 * 1024;

AxisTaps forward_axis(const ConvolutionShape& shape, std::size_t axis) {
  AxisTaps taps;
  taps.positions = shape.output[axis];
  taps.step = shape.stride[axis];
  taps.origin = -shape.pad[axis];
  taps.extent = shape.input[axis];
  for (std::int64_t k = 0; k < shape.kernel[axis]; ++k) {
    taps.offsets.push_back(k * shape.dilation[axis]);
    taps.taps.push_back(k);
  }
  return taps;
}

/// The inputs phase + q · stride: each is seen by the outputs (phase + q · stride + pad - k · dilation) / stride for the k where
/// that divides.
AxisTaps gradient_axis(const ConvolutionShape& shape, std::size_t axis, std::int64_t phase) {
  const std::int64_t stride = shape.stride[axis];
  AxisTaps taps;
  taps.positions = (shape.input[axis] - phase + stride - 1) / stride;
  taps.extent = shape.output[axis];
  taps.out_first = phase;
  taps.out_step = stride;
  for (std::int64_t k = shape.kernel[axis] - 1; k >= 0; --k) {
    const std::int64_t distance = phase + shape.pad[axis] - k * shape.dilation[axis];
    if (distance % stride != 0) continue;
    if (taps.offsets.empty()) taps.origin = distance / stride;
    taps.offsets.push_back(distance / stride - taps.origin);
    taps.taps.push_back(k);
  }
  return taps;
}

std::int64_t count(const AxisTaps& axis) { return static_cast<std::int64_t>(axis.offsets.size()); }

/// The part of the copy that a place of the window sees.
std::vector<Gathered>::iterator part_of(std::vector<Gathered>& parts, std::int64_t column, std::int64_t row) {
  return std::ranges::find_if(parts, [&](const Gathered& part) { return part.column == column && part.row == row; });
}

/// What is copied of whole images where pixels are gathered, in rows of `pitch` floats.
std::vector<Gathered> gathered_windows(const AxisTaps& rows, const AxisTaps& columns, std::int64_t pitch) {
  std::vector<Gathered> parts;
  for (const std::int64_t column : columns.offsets) {
    for (const std::int64_t row : rows.offsets) {
      auto part = part_of(parts, column, row % rows.step);
      if (part == parts.end()) part = parts.insert(part, {column, row % rows.step, 0, 0});
      part->more = std::max(part->more, row / rows.step);
    }
  }
  std::int64_t floats = 0;
  for (Gathered& part : parts) {
    part.begin = floats;
    floats += (rows.positions + part.more) * pitch;
  }
  return parts;
}

/// Gathers what all positions see, where a row has few and the copy fits the cache: rows then merge. False: the pass is as it was.
bool gather_windows(ConvolutionPass& pass, std::int64_t groups, std::int64_t channels) {
  const auto& [planes, rows, columns] = pass.axes;
  const bool few = columns.positions > 1 && columns.positions <= kFewWindows && rows.positions > 1;
  const bool flat = count(planes) == 1 && planes.stays_inside() && rows.out_step == 1 && columns.out_step == 1;
  const bool cheap = pass.taps <= kFewTaps && groups == 1 && channels >= kManyChannels;
  if (!few || !flat || !cheap || pass.taps < 2 || columns.step == 1) return false;
  const std::int64_t pitch = columns.positions * channels;
  std::vector<Gathered> parts = gathered_windows(rows, columns, pitch);
  const std::int64_t floats = parts.back().begin + (rows.positions + parts.back().more) * pitch;
  if (floats > kGatheredFloats) return false;
  pass.gathers = true;
  pass.band = rows.positions;
  pass.row_pitch = pitch;
  pass.plane_pitch = floats;
  for (const std::int64_t row : rows.offsets) {
    for (const std::int64_t column : columns.offsets) {
      pass.segments.push_back(part_of(parts, column, row % rows.step)->begin + row / rows.step * pitch);
    }
  }
  pass.steps = channels;
  pass.gathered = std::move(parts);
  return true;
}

/// Segments of windows whose pixels are read in rows, in place or in a copy of whole rows.
void lay_segments(ConvolutionPass& pass, std::int64_t groups, std::int64_t channels) {
  const auto& [planes, rows, columns] = pass.axes;
  bool adjacent = groups == 1;
  for (std::size_t i = 0; i < columns.offsets.size(); ++i) adjacent &= columns.offsets[i] == static_cast<std::int64_t>(i);
  pass.steps = adjacent ? count(columns) * channels : channels;
  for (std::size_t z = 0; z < planes.offsets.size(); ++z) {
    const std::int64_t plane = pass.copies ? static_cast<std::int64_t>(z) : planes.offsets[z];
    for (const std::int64_t row : rows.offsets) {
      const std::int64_t begin = plane * pass.plane_pitch + row * pass.row_pitch;
      if (adjacent) {
        pass.segments.push_back(begin);
      } else {
        for (const std::int64_t column : columns.offsets) pass.segments.push_back(begin + column * groups * channels);
      }
    }
  }
}

/// What follows from the axes, for pixels of `groups` × `channels` floats.
void complete(ConvolutionPass& pass, std::int64_t groups, std::int64_t channels, bool gathers) {
  const auto& [planes, rows, columns] = pass.axes;
  const std::int64_t pixel = groups * channels;
  const bool stay_inside = planes.stays_inside() && rows.stays_inside() && columns.stays_inside();
  pass.taps = count(planes) * count(rows) * count(columns);
  const bool windows = gathers && gather_windows(pass, groups, channels);
  if (pass.taps == 1 && columns.step > 1 && columns.positions <= kFewPositions && stay_inside) {
    pass.gathers = true;
    pass.gathered = {{}};
  }
  pass.copies = pass.gathers || !stay_inside;
  pass.position_pitch = pass.gathers ? pixel : columns.step * pixel;
  const std::int64_t row_step = pass.gathers ? 1 : rows.step;
  if (!windows) {
    pass.row_pitch = (pass.gathers ? columns.positions : pass.copies ? columns.span(columns.positions) : columns.extent) * pixel;
    pass.band = std::max<std::int64_t>(1, rows.positions);
    if (pass.taps == 0) return;
    const std::int64_t fits = kBandFloats / std::max<std::int64_t>(1, pass.row_pitch * count(planes));
    pass.band =
        std::clamp<std::int64_t>((fits - rows.offsets.back() - 1) / row_step + 1, 1, std::max<std::int64_t>(1, rows.positions));
    pass.plane_pitch = (pass.gathers ? pass.band : pass.copies ? rows.span(pass.band) : rows.extent) * pass.row_pitch;
    lay_segments(pass, groups, channels);
  }
  pass.merges = (pass.gathers || pass.taps == 1) && rows.out_step == 1 && columns.out_step == 1 &&
                (pass.copies || rows.positions == rows.extent) &&
                row_step * pass.row_pitch == columns.positions * pass.position_pitch;
  for (std::int64_t row = 0; row < pass.band; ++row) pass.rows_of_band.push_back(row * row_step * pass.row_pitch);
}

}  // namespace

std::vector<ConvolutionPass> forward_passes(const ConvolutionShape& shape, bool gathers) {
  ConvolutionPass pass;
  for (std::size_t axis = 0; axis < 3; ++axis) pass.axes[axis] = forward_axis(shape, axis);
  complete(pass, shape.groups, shape.channels / shape.groups, gathers);
  return {std::move(pass)};
}

std::vector<ConvolutionPass> input_gradient_passes(const ConvolutionShape& shape) {
  std::vector<ConvolutionPass> passes;
  std::int64_t taps = 0;
  for (std::int64_t z = 0; z < shape.stride[0]; ++z) {
    for (std::int64_t y = 0; y < shape.stride[1]; ++y) {
      for (std::int64_t x = 0; x < shape.stride[2]; ++x) {
        ConvolutionPass pass;
        pass.axes = {gradient_axis(shape, 0, z), gradient_axis(shape, 1, y), gradient_axis(shape, 2, x)};
        complete(pass, shape.groups, shape.outputs / shape.groups, false);
        pass.tap_begin = taps;
        taps += pass.taps;
        passes.push_back(std::move(pass));
      }
    }
  }
  return passes;
}

}  // namespace neurons::kernels
