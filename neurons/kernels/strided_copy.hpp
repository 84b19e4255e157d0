#pragma once
/// Moving elements without computing: transpose, broadcast, slice, concatenate, pad and tile are all one copy between two strided
/// layouts.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "neurons/base/thread_team.hpp"

namespace neurons::kernels {

/// to[i · to_strides] = from[i · from_strides] for every index i of the space `extents`.
struct StridedCopy {
  static constexpr std::size_t kMaxRank = 16;

  const std::byte* from = nullptr;
  std::byte* to = nullptr;
  std::size_t element_bytes = 4;  ///< 1, 4 or 8
  std::size_t rank = 0;
  std::array<std::int64_t, kMaxRank> extents{};       ///< outermost first
  std::array<std::int64_t, kMaxRank> from_strides{};  ///< in elements; 0 repeats, negative goes backwards
  std::array<std::int64_t, kMaxRank> to_strides{};    ///< in elements; different indices must not meet
};

/// The same copy over fewer and better ordered dimensions. At most kMaxRank extents; the three lists have one length.
StridedCopy make_strided_copy(const std::byte* from, std::byte* to, std::size_t element_bytes,
                              std::span<const std::int64_t> extents, std::span<const std::int64_t> from_strides,
                              std::span<const std::int64_t> to_strides) noexcept;

/// One worker's share of the copy.
void strided_copy(const StridedCopy& copy, Worker worker) noexcept;

}  // namespace neurons::kernels
