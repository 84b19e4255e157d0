#include <algorithm>

#include "neurons/kernels/weighted_sum.hpp"

namespace neurons::kernels {

void pack_panels(const PanelShape& shape, const float* weights, std::int64_t input_stride, std::int64_t output_stride,
                 float* panels, Worker worker) noexcept {
  const std::int64_t width = shape.width();
  const WorkRange share = split_work(static_cast<std::size_t>(shape.panels() * shape.inputs), worker);
  for (auto row = static_cast<std::int64_t>(share.begin); row < static_cast<std::int64_t>(share.end); ++row) {
    const std::int64_t first = row / shape.inputs * width;
    const std::int64_t count = std::min(width, shape.outputs - first);
    const float* const from = weights + row % shape.inputs * input_stride + first * output_stride;
    float* const to = panels + row * width;
    for (std::int64_t column = 0; column < count; ++column) to[column] = from[column * output_stride];
    std::fill(to + count, to + width, 0.0F);
  }
}

void unpack_panels(const PanelShape& shape, const float* panels, float* weights, std::int64_t input_stride,
                   std::int64_t output_stride, Worker worker) noexcept {
  const std::int64_t width = shape.width();
  const WorkRange share = split_work(static_cast<std::size_t>(shape.panels() * shape.inputs), worker);
  for (auto row = static_cast<std::int64_t>(share.begin); row < static_cast<std::int64_t>(share.end); ++row) {
    const std::int64_t first = row / shape.inputs * width;
    const std::int64_t count = std::min(width, shape.outputs - first);
    float* const to = weights + row % shape.inputs * input_stride + first * output_stride;
    for (std::int64_t column = 0; column < count; ++column) to[column * output_stride] = panels[row * width + column];
  }
}

}  // namespace neurons::kernels
