#pragma once
/// Bytes, as pictures are stored, to the floats that a network reads.

#include <cstdint>

namespace neurons::kernels {

/// y[i] = x[i] · scale + offset, rounded after each of the two: every SIMD target gives the same bits.
void scale_bytes(std::int64_t count, const std::uint8_t* x, float scale, float offset, float* y) noexcept;

}  // namespace neurons::kernels
