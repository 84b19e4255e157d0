#include "neurons/kernels/few_rows.hpp"

#include "neurons/kernels/simd_targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "neurons/kernels/few_rows.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "neurons/base/aligned_buffer.hpp"
#include "neurons/kernels/pack-inl.h"

HWY_BEFORE_NAMESPACE();
namespace neurons::kernels::HWY_NAMESPACE {

/// Inputs at a time: so many independent sums.
constexpr std::int64_t kInputs = 8;

/// dx[k] = Σ_n dz[n] · W[k, n] for `kCount` neighbours k, dz padded with zeros to whole panels.
template <int kCount>
HWY_INLINE void dot_products(const PanelShape& shape, const float* panels, std::int64_t input, const float* dz, float* dx) {
  const Floats d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const std::int64_t width = shape.width();
  Vector sum[kCount];
  for (int i = 0; i < kCount; ++i) sum[i] = hn::Zero(d);
  for (std::int64_t panel = 0; panel < shape.panels(); ++panel) {
    const float* const weights = panels + (panel * shape.inputs + input) * width;
    for (std::int64_t column = 0; column < width; column += lanes) {
      const Vector gradient = hn::Load(d, dz + panel * width + column);
      for (int i = 0; i < kCount; ++i) sum[i] = hn::MulAdd(gradient, hn::LoadU(d, weights + i * width + column), sum[i]);
    }
  }
  for (int i = 0; i < kCount; ++i) dx[i] = hn::GetLane(hn::SumOfLanes(d, sum[i]));
}

void input_gradient_few_rows(const WeightedSumInputGradient& call, std::byte* scratch, Worker worker) {
  const PanelShape& shape = call.shape;
  const WorkRange share = split_work(static_cast<std::size_t>(shape.inputs), worker, kInputs);
  if (call.rows <= 0 || share.begin == share.end) return;
  const std::int64_t padded = shape.panels() * shape.width();
  float* const dz = reinterpret_cast<float*>(scratch);
  std::byte* const epilogue_scratch = scratch + align_up(static_cast<std::size_t>(call.rows * padded) * sizeof(float));
  for (std::int64_t row = 0; row < call.rows; ++row) {
    const float* const from = call.dz + row * call.dz_row_stride;
    std::copy(from, from + shape.outputs, dz + row * padded);
    std::fill(dz + row * padded + shape.outputs, dz + (row + 1) * padded, 0.0F);
  }
  const auto begin = static_cast<std::int64_t>(share.begin);
  const auto end = static_cast<std::int64_t>(share.end);
  for (std::int64_t input = begin; input < end; input += kInputs) {
    const std::int64_t count = std::min(kInputs, end - input);
    for (std::int64_t row = 0; row < call.rows; ++row) {
      float* const dx = call.dx + row * call.dx_row_stride + input;
      if (count == kInputs) {
        dot_products<kInputs>(shape, call.panels, input, dz + row * padded, dx);
      } else {
        for (std::int64_t i = 0; i < count; ++i) dot_products<1>(shape, call.panels, input + i, dz + row * padded, dx + i);
      }
    }
  }
  if (call.epilogue == nullptr) return;
  const Stream target{reinterpret_cast<std::byte*>(call.dx + begin), call.dx_row_stride, 1};
  call.epilogue->run(0, call.rows, begin, end - begin, target, epilogue_scratch);
}

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace neurons::kernels {

HWY_EXPORT(input_gradient_few_rows);

std::size_t few_rows_scratch_bytes(const WeightedSumInputGradient& call) noexcept {
  const std::int64_t floats = call.rows * call.shape.panels() * call.shape.width();
  return align_up(static_cast<std::size_t>(floats) * sizeof(float)) +
         (call.epilogue == nullptr ? 0 : call.epilogue->scratch_bytes());
}
void run_few_rows(const WeightedSumInputGradient& call, std::byte* scratch, Worker worker) noexcept {
  HWY_DYNAMIC_DISPATCH(input_gradient_few_rows)(call, scratch, worker);
}

}  // namespace neurons::kernels
#endif  // HWY_ONCE
