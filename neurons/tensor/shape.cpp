#include "neurons/tensor/shape.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "neurons/base/error.hpp"

namespace neurons {
namespace {

constexpr std::int64_t kMaxElements = std::int64_t{1} << 48;

}  // namespace

Shape::Shape(std::span<const std::int64_t> extents) {
  if (extents.size() > kMaxRank) fail_input("shape of {} dimensions: at most {} are supported", extents.size(), kMaxRank);
  for (const std::int64_t extent : extents) {
    if (extent < 0) fail_input("shape [{}]: a dimension must not be negative", fmt::join(extents, ", "));
  }
  std::int64_t elements = 1;  // of the dimensions that are not 0, so that products of some of them do not overflow either
  for (const std::int64_t extent : extents) {
    extents_[static_cast<std::size_t>(rank_++)] = extent;
    if (extent == 0) continue;
    if (extent > kMaxElements / elements) fail_input("shape [{}]: more than 2^48 elements", fmt::join(extents, ", "));
    elements *= extent;
  }
}

int Shape::normalized_axis(std::int64_t axis) const {
  if (axis < -rank_ || axis >= rank_) fail_input("axis {} is out of range for shape {}", axis, to_string());
  return static_cast<int>(axis < 0 ? axis + rank_ : axis);
}

std::int64_t Shape::operator[](int axis) const { return extents_[static_cast<std::size_t>(normalized_axis(axis))]; }

std::int64_t Shape::elements() const noexcept { return product(0, rank_); }

std::int64_t Shape::product(int first, int last) const noexcept {
  std::int64_t product = 1;
  for (int axis = first; axis < last; ++axis) product *= extents_[static_cast<std::size_t>(axis)];
  return product;
}

Shape Shape::with(int axis, std::int64_t extent) const {
  auto extents = extents_;
  extents[static_cast<std::size_t>(normalized_axis(axis))] = extent;
  return Shape(std::span(extents.data(), static_cast<std::size_t>(rank_)));
}

std::array<std::int64_t, Shape::kMaxRank> Shape::strides() const noexcept {
  std::array<std::int64_t, kMaxRank> strides{};
  std::int64_t stride = 1;
  for (int axis = rank_ - 1; axis >= 0; --axis) {
    strides[static_cast<std::size_t>(axis)] = stride;
    stride *= extents_[static_cast<std::size_t>(axis)];
  }
  return strides;
}

bool Shape::operator==(const Shape& other) const noexcept { return std::ranges::equal(extents(), other.extents()); }

std::string Shape::to_string() const { return fmt::format("[{}]", fmt::join(extents(), ", ")); }

Shape broadcast(const Shape& a, const Shape& b) {
  const int rank = std::max(a.rank(), b.rank());
  std::array<std::int64_t, Shape::kMaxRank> extents{};
  for (int axis = 1; axis <= rank; ++axis) {
    const std::int64_t left = axis <= a.rank() ? a[-axis] : 1;
    const std::int64_t right = axis <= b.rank() ? b[-axis] : 1;
    if (left != right && left != 1 && right != 1) {
      fail_input("shapes {} and {} do not broadcast: {} against {} in dimension {} from the end", a.to_string(), b.to_string(),
                 left, right, axis);
    }
    extents[static_cast<std::size_t>(rank - axis)] = left == 1 ? right : left;
  }
  return Shape(std::span(extents.data(), static_cast<std::size_t>(rank)));
}

}  // namespace neurons
