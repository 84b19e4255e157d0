#include "neurons/kernels/convolution_plan.hpp"
#include "neurons/kernels/simd_targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "neurons/kernels/convolution_panels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "neurons/kernels/pack-inl.h"

HWY_BEFORE_NAMESPACE();
namespace neurons::kernels::HWY_NAMESPACE {

/// to[o][c] = from[o' panel][c][o in the panel] for the outputs of one group, one tap, one panel of channels.
void transpose_tap(const PanelShape& from_shape, const float* from, std::int64_t columns, std::int64_t width, float* to) {
  const std::int64_t from_width = from_shape.width();
  for (std::int64_t panel = 0; panel < from_shape.panels(); ++panel) {
    const std::int64_t outputs = std::min(from_width, from_shape.outputs - panel * from_width);
    pack_strided(from + panel * from_shape.inputs * from_width, 1, from_width, outputs, columns, width, to);
    for (std::int64_t row = 0; row < outputs; ++row, to += width) std::fill(to + columns, to + width, 0.0F);
  }
}

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace neurons::kernels {

HWY_EXPORT(transpose_tap);

namespace {

/// Calls visit(packed row of `width` floats, first weight, floats between outputs, outputs in the row) for a worker's rows.
template <typename Visit>
void for_each_row(const ConvolutionShape& shape, Worker worker, const Visit& visit) {
  const PanelShape panels = shape.group_panels();
  const std::int64_t channels = shape.channels / shape.groups;
  const std::int64_t output_stride = channels * shape.taps();
  const WorkRange share = split_work(static_cast<std::size_t>(shape.groups * panels.panels() * panels.inputs), worker);
  for (auto row = static_cast<std::int64_t>(share.begin); row < static_cast<std::int64_t>(share.end); ++row) {
    const std::int64_t panel = row / panels.inputs;
    const std::int64_t first = panel % panels.panels() * panels.width();
    const std::int64_t group = panel / panels.panels();
    const std::int64_t tap = row % panels.inputs / channels;
    const std::int64_t channel = row % panels.inputs % channels;
    visit(row * panels.width(), (group * panels.outputs + first) * output_stride + channel * shape.taps() + tap, output_stride,
          std::min(panels.width(), panels.outputs - first));
  }
}

/// The same for the single weights of a depthwise convolution: visit(packed, plain).
template <typename Visit>
void for_each_depthwise(const ConvolutionShape& shape, Worker worker, const Visit& visit) {
  const WorkRange share = split_work(static_cast<std::size_t>(shape.channels), worker);
  for (auto channel = static_cast<std::int64_t>(share.begin); channel < static_cast<std::int64_t>(share.end); ++channel) {
    for (std::int64_t tap = 0; tap < shape.taps(); ++tap) visit(tap * shape.channels + channel, channel * shape.taps() + tap);
  }
}

}  // namespace

void pack_convolution(const ConvolutionShape& shape, const float* weights, float* panels, Worker worker) noexcept {
  if (shape.depthwise()) {
    return for_each_depthwise(shape, worker, [&](std::int64_t packed, std::int64_t plain) { panels[packed] = weights[plain]; });
  }
  const std::int64_t width = shape.group_panels().width();
  for_each_row(shape, worker, [&](std::int64_t packed, std::int64_t first, std::int64_t stride, std::int64_t count) {
    for (std::int64_t o = 0; o < count; ++o) panels[packed + o] = weights[first + o * stride];
    std::fill(panels + packed + count, panels + packed + width, 0.0F);
  });
}

void unpack_convolution(const ConvolutionShape& shape, const float* panels, float* weights, Worker worker) noexcept {
  if (shape.depthwise()) {
    return for_each_depthwise(shape, worker, [&](std::int64_t packed, std::int64_t plain) { weights[plain] = panels[packed]; });
  }
  for_each_row(shape, worker, [&](std::int64_t packed, std::int64_t first, std::int64_t stride, std::int64_t count) {
    for (std::int64_t o = 0; o < count; ++o) weights[first + o * stride] = panels[packed + o];
  });
}

std::vector<std::int64_t> transposed_taps(const ConvolutionShape& shape) {
  std::vector<std::int64_t> taps;
  for (const ConvolutionPass& pass : input_gradient_passes(shape)) {
    for (const std::int64_t z : pass.axes[0].taps) {
      for (const std::int64_t y : pass.axes[1].taps) {
        for (const std::int64_t x : pass.axes[2].taps) taps.push_back((z * shape.kernel[1] + y) * shape.kernel[2] + x);
      }
    }
  }
  return taps;
}

void transpose_convolution(const ConvolutionShape& shape, std::span<const std::int64_t> taps, const float* panels,
                           float* transposed, Worker worker) noexcept {
  if (shape.depthwise()) {
    const WorkRange share = split_work(taps.size(), worker);
    for (std::size_t row = share.begin; row < share.end; ++row) {
      std::copy_n(panels + taps[row] * shape.channels, shape.channels,
                  transposed + static_cast<std::int64_t>(row) * shape.channels);
    }
    return;
  }
  const PanelShape from = shape.group_panels();
  const PanelShape to = shape.transposed_panels();
  const std::int64_t channels = shape.channels / shape.groups;
  const std::int64_t outputs = shape.outputs / shape.groups;
  const WorkRange share = split_work(static_cast<std::size_t>(shape.groups * to.panels()), worker);
  for (auto panel = static_cast<std::int64_t>(share.begin); panel < static_cast<std::int64_t>(share.end); ++panel) {
    const std::int64_t group = panel / to.panels();
    const std::int64_t first = panel % to.panels() * to.width();
    const float* const source = panels + group * from.elements();
    float* target = transposed + panel * to.inputs * to.width();
    for (const std::int64_t tap : taps) {
      HWY_DYNAMIC_DISPATCH(transpose_tap)
      (from, source + (tap * channels + first) * from.width(), std::min(to.width(), channels - first), to.width(), target);
      target += outputs * to.width();
    }
  }
}

}  // namespace neurons::kernels
#endif  // HWY_ONCE
