#pragma once
/// The extents of a tensor, outermost first.

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace neurons {

/// Up to 8 extents, each ≥ 0, held inline. Row-major: the last one is contiguous.
class Shape {
 public:
  static constexpr int kMaxRank = 8;

  Shape() = default;  ///< rank 0: a scalar, one element
  Shape(std::initializer_list<std::int64_t> extents) : Shape(std::span(extents.begin(), extents.size())) {}
  /// Throws InputError for a negative extent, more than 8 extents, or more than 2^48 elements (extents of 0 left out).
  explicit Shape(std::span<const std::int64_t> extents);

  int rank() const noexcept { return rank_; }
  /// Extent of an axis; negative axes count from the end. Throws InputError if there is no such axis.
  std::int64_t operator[](int axis) const;
  std::int64_t elements() const noexcept;
  std::span<const std::int64_t> extents() const noexcept { return {extents_.data(), static_cast<std::size_t>(rank_)}; }
  /// `axis` counted from the front. Throws InputError if out of range.
  int normalized_axis(std::int64_t axis) const;

  /// The same shape with one extent replaced.
  Shape with(int axis, std::int64_t extent) const;
  /// Elements between two neighbours along each axis.
  std::array<std::int64_t, kMaxRank> strides() const noexcept;
  /// Product of the extents [first, last).
  std::int64_t product(int first, int last) const noexcept;

  bool operator==(const Shape& other) const noexcept;
  /// "[32, 784]"
  std::string to_string() const;

 private:
  std::array<std::int64_t, kMaxRank> extents_{};
  int rank_ = 0;
};

/// The common shape of numpy-style broadcasting. Throws InputError naming both shapes and the axis that does not fit.
Shape broadcast(const Shape& a, const Shape& b);

}  // namespace neurons
