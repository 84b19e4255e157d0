#pragma once
/// Resizing along axes: ONNX's options, and which inputs each result is the weighted sum of.

#include <cstdint>
#include <string>
#include <vector>

#include "neurons/graph/op.hpp"

namespace neurons::ops {

/// One number for each of `axes` in scales and sizes, two in roi; exactly one of scales and sizes is given.
struct ResizeOptions {
  std::string mode = "nearest";  ///< "nearest", "linear", "cubic"
  /// Where in the input the middle of a result lies: "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "asymmetric",
  /// "align_corners", "tf_half_pixel_for_nn", "tf_crop_and_resize".
  std::string coordinate_transformation_mode = "half_pixel";
  std::string nearest_mode = "round_prefer_floor";  ///< or "round_prefer_ceil", "floor", "ceil"
  float cubic_coeff_a = -0.75F;
  bool exclude_outside = false;      ///< linear and cubic: places outside weigh nothing, instead of being the nearest inside
  float extrapolation_value = 0;     ///< "tf_crop_and_resize": of results outside the input
  bool antialias = false;            ///< linear and cubic: the filter is as wide as what a result stands for, where that is more
  std::vector<std::int64_t> axes{};  ///< none: all
  std::string keep_aspect_ratio_policy = "stretch";  ///< of sizes: or "not_larger", "not_smaller"
  std::vector<float> roi{};                          ///< "tf_crop_and_resize": starts, then ends, 0 the first place, 1 the last
  std::vector<float> scales{};
  std::vector<std::int64_t> sizes{};

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("mode", self.mode);
    visit("coordinate_transformation_mode", self.coordinate_transformation_mode);
    visit("nearest_mode", self.nearest_mode);
    visit("cubic_coeff_a", self.cubic_coeff_a);
    visit("exclude_outside", self.exclude_outside);
    visit("extrapolation_value", self.extrapolation_value);
    visit("antialias", self.antialias);
    visit("axes", self.axes);
    visit("keep_aspect_ratio_policy", self.keep_aspect_ratio_policy);
    visit("roi", self.roi);
    visit("scales", self.scales);
    visit("sizes", self.sizes);
  }
  /// The same work on a tensor whose axes have been moved: `moved[i]` is where axis i is then.
  ResizeOptions on_axes(const std::vector<std::int64_t>& moved) const;
};

/// What the options mean along one axis.
struct AxisResize {
  std::int64_t from = 1;
  std::int64_t to = 1;
  double scale = 1;
  double start = 0;  ///< of the region of interest
  double end = 1;
};

/// For each axis of x. Throws InputError where the options contradict themselves or the shape.
std::vector<AxisResize> resolve_resize(const ResizeOptions& options, const Shape& x);
/// The shape of y.
Shape resized(const std::vector<AxisResize>& axes);

/// The terms of each result along one axis; none where the result is extrapolated.
struct Tap {
  std::int64_t place = 0;
  double weight = 1;
  bool operator==(const Tap&) const = default;
};
using AxisTaps = std::vector<std::vector<Tap>>;
AxisTaps taps_of(const AxisResize& axis, const ResizeOptions& options);
/// Whether result i is input i, for all.
bool is_identity(const AxisResize& axis, const ResizeOptions& options);
/// Which results an input is a term of: the taps of the gradient.
AxisTaps transposed(const AxisTaps& taps, std::int64_t inputs);

}  // namespace neurons::ops
