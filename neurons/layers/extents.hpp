#pragma once
/// One number for each spatial axis, or one for all of them.

#include <initializer_list>
#include <vector>

#include "neurons/graph/options.hpp"

namespace neurons {

/// `3`, or `{3, 5}`: height, then width. Specs write `3` or `[3, 5]`. None at all where a layer allows it.
class Extents {
 public:
  static constexpr std::string_view kExpected = "an integer, or a list of one for each spatial axis";

  Extents() = default;
  Extents(std::int64_t all) : values_{all} {}  // implicit: `Conv2d{32, 3}`
  Extents(std::initializer_list<std::int64_t> values) : values_(values) {}

  bool empty() const { return values_.empty(); }
  /// One number for each of `axes` axes; `fallback` where there are none. Throws InputError naming `what` where there are neither
  /// one nor `axes` of them, or one is below `least`.
  std::vector<std::int64_t> for_axes(std::string_view what, int axes, std::int64_t least, std::int64_t fallback = 1) const;
  /// One number, 0 or more, for each end of each axis: all begins, then all ends. Both ends have the same where there are one or
  /// `axes` of them. Throws InputError naming `what` where there are neither so many nor 2 · axes, or one is below 0.
  std::vector<std::int64_t> for_ends(std::string_view what, int axes) const;

  AttributeValue to_attribute() const { return values_.size() == 1 ? AttributeValue(values_.front()) : AttributeValue(values_); }
  bool from_attribute(const AttributeValue& value);
  bool operator==(const Extents&) const = default;

 private:
  void require_least(std::string_view what, std::int64_t least) const;

  std::vector<std::int64_t> values_;
};

}  // namespace neurons
