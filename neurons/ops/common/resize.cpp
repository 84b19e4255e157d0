#include "neurons/ops/common/resize.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <type_traits>

#include "neurons/base/suggest.hpp"

namespace neurons::ops {
namespace {

void require_word(std::string_view what, const std::string& word, const std::vector<std::string>& known) {
  if (std::ranges::find(known, word) != known.end()) return;
  const std::string hint = did_you_mean(word, known);
  if (!hint.empty()) fail_input("{} = \"{}\"{}", what, word, hint);
  fail_input("{} = \"{}\", expected \"{}\"", what, word, fmt::join(known, "\", \""));
}

void require_words(const ResizeOptions& options) {
  require_word("mode", options.mode, {"nearest", "linear", "cubic"});
  require_word("coordinate_transformation_mode", options.coordinate_transformation_mode,
               {"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "asymmetric", "align_corners", "tf_half_pixel_for_nn",
                "tf_crop_and_resize"});
  require_word("nearest_mode", options.nearest_mode, {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"});
  require_word("keep_aspect_ratio_policy", options.keep_aspect_ratio_policy, {"stretch", "not_larger", "not_smaller"});
}

bool crops(const ResizeOptions& options) { return options.coordinate_transformation_mode == "tf_crop_and_resize"; }

/// The lists' lengths, and numbers that make no sense.
void require_lists(const ResizeOptions& options, std::size_t count) {
  if (options.scales.empty() == options.sizes.empty()) fail_input("give either scales or sizes");
  if (!options.scales.empty() && options.scales.size() != count) {
    fail_input("{} scales for {} axes", options.scales.size(), count);
  }
  if (!options.sizes.empty() && options.sizes.size() != count) fail_input("{} sizes for {} axes", options.sizes.size(), count);
  for (const float scale : options.scales) {
    if (!(scale > 0 && std::isfinite(scale))) fail_input("a scale of {}: expected a number above 0", scale);
  }
  for (const std::int64_t size : options.sizes) {
    if (size < 1) fail_input("a size of {}: expected at least 1", size);
  }
  if (!crops(options)) return;
  if (options.roi.size() != 2 * count) {
    fail_input("roi has {} numbers: \"tf_crop_and_resize\" takes a start and an end for each of {} axes", options.roi.size(),
               count);
  }
  if (!std::ranges::all_of(options.roi, [](float place) { return std::isfinite(place); })) fail_input("roi must be finite");
}

/// ONNX: floor(input · scale), by single precision as its runtimes do, so that 10 · 0.7 is 7.
std::int64_t scaled(std::int64_t extent, double share, float scale) {
  const float length = std::floor(static_cast<float>(static_cast<double>(extent) * share) * scale);
  if (!(length < 0x1p48F)) fail_input("a scale of {} makes {} larger than 2^48", scale, extent);
  return static_cast<std::int64_t>(std::max(length, 0.0F));
}

/// Where in the input result `i` lies. Which of two inputs is the nearest hangs on rounding: T is float there, and the order of
/// operations ONNX Runtime's (upsamplebase.h), so that 16 / 1.6 is 10.
template <typename T>
T coordinate(const AxisResize& axis, const std::string& mode, std::int64_t i) {
  constexpr T kHalf = 0.5;
  const auto place = static_cast<T>(i);
  const auto last = static_cast<T>(axis.from - 1);
  const auto scale = static_cast<T>(axis.scale);
  const auto from = static_cast<T>(axis.from);
  const auto to = static_cast<T>(axis.to);
  // Of the result: ONNX's own is not whole where scales were given.
  const T length = std::is_same_v<T, float> && mode == "align_corners" ? to : scale * from;
  if (mode == "align_corners") return length == 1 || i == 0 ? 0 : place * last / (length - 1);
  if (mode == "asymmetric") return place / scale;
  if (mode == "tf_half_pixel_for_nn") return (place + kHalf) / scale;
  if (mode == "pytorch_half_pixel" && axis.to == 1) return 0;
  const T offset = mode == "half_pixel_symmetric" ? from / 2 * (1 - to / length) : 0;
  return offset + (place + kHalf) / scale - kHalf;
}

/// "tf_crop_and_resize": the same in the region of interest.
double cropped(const AxisResize& axis, std::int64_t i) {
  const auto last = static_cast<double>(axis.from - 1);
  if (axis.to == 1) return 0.5 * (axis.start + axis.end) * last;
  return axis.start * last + static_cast<double>(i) * (axis.end - axis.start) * last / static_cast<double>(axis.to - 1);
}

std::int64_t nearest(double x, const std::string& mode) {
  if (mode == "floor") return static_cast<std::int64_t>(std::floor(x));
  if (mode == "ceil") return static_cast<std::int64_t>(std::ceil(x));
  constexpr double kHalf = 0.5 + 1e-6;  // what rounding has left of a half counts as one, as in ONNX Runtime
  return static_cast<std::int64_t>(mode == "round_prefer_floor" ? std::ceil(x - kHalf) : std::floor(x + kHalf));
}

/// The filters of linear (a triangle) and cubic interpolation (Keys 1981, coefficient a) at distance x.
double filter(double x, bool cubic, double a) {
  x = std::abs(x);
  if (!cubic) return std::max(0.0, 1 - x);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

/// The terms of a result at `x`, between inputs.
std::vector<Tap> filtered(double x, const AxisResize& axis, const ResizeOptions& options) {
  const bool cubic = options.mode == "cubic";
  const double width = options.antialias ? std::min(1.0, axis.scale) : 1.0;
  const double base = std::ceil(x) - 1;  // the input before x
  const auto start = static_cast<std::int64_t>(std::floor((cubic ? -2 : -1) / width)) + 1;
  std::vector<Tap> taps;
  double sum = 0;
  for (std::int64_t step = start; step < 2 - start; ++step) {
    const std::int64_t place = static_cast<std::int64_t>(base) + step;
    const std::int64_t inside = std::clamp<std::int64_t>(place, 0, axis.from - 1);
    if (options.exclude_outside && place != inside) continue;
    const double weight =
        filter((static_cast<double>(step) - (x - base)) * width, cubic, static_cast<double>(options.cubic_coeff_a));
    if (weight == 0) continue;
    sum += weight;
    if (!taps.empty() && taps.back().place == inside) {
      taps.back().weight += weight;
    } else {
      taps.push_back({inside, weight});
    }
  }
  if (taps.empty()) {  // all outside
    return {{std::clamp<std::int64_t>(nearest(x, "round_prefer_floor"), 0, axis.from - 1), 1}};
  }
  if (options.antialias || options.exclude_outside) {
    for (Tap& tap : taps) tap.weight /= sum;
  }
  return taps;
}

}  // namespace

ResizeOptions ResizeOptions::on_axes(const std::vector<std::int64_t>& moved) const {
  ResizeOptions result = *this;
  const auto rank = static_cast<std::int64_t>(moved.size());
  if (axes.empty()) {
    result.axes = moved;
  } else {
    for (std::int64_t& axis : result.axes) axis = moved[static_cast<std::size_t>(axis < 0 ? axis + rank : axis)];
  }
  return result;
}

std::vector<AxisResize> resolve_resize(const ResizeOptions& options, const Shape& x) {
  require_words(options);
  std::vector<AxisResize> result;
  for (const std::int64_t extent : x.extents()) result.push_back({extent, extent});
  std::vector<int> axes;
  for (const std::int64_t axis : options.axes) {
    axes.push_back(x.normalized_axis(axis));
    if (std::ranges::count(axes, axes.back()) > 1) fail_input("axis {} is named twice", axes.back());
  }
  for (int axis = 0; options.axes.empty() && axis < x.rank(); ++axis) axes.push_back(axis);
  require_lists(options, axes.size());

  double common = 1;  // the scale of all axes where the ratio of the sizes is to be kept
  const bool keeps_ratio = options.keep_aspect_ratio_policy != "stretch";
  if (keeps_ratio && options.sizes.empty()) fail_input("keep_aspect_ratio_policy is of sizes, but scales are given");
  for (std::size_t i = 0; i < axes.size(); ++i) {
    AxisResize& axis = result[static_cast<std::size_t>(axes[i])];
    if (crops(options)) {
      axis.start = static_cast<double>(options.roi[i]);
      axis.end = static_cast<double>(options.roi[i + axes.size()]);
    }
    if (options.sizes.empty()) {
      axis.scale = static_cast<double>(options.scales[i]);
      axis.to = scaled(axis.from, crops(options) ? axis.end - axis.start : 1, options.scales[i]);
    } else {
      if (axis.from == 0) fail_input("axis {} is empty: there is nothing to resize", axes[i]);
      axis.to = options.sizes[i];
      axis.scale = static_cast<double>(axis.to) / static_cast<double>(axis.from);
    }
    const bool larger = options.keep_aspect_ratio_policy == "not_smaller";
    common = i == 0 ? axis.scale : larger ? std::max(common, axis.scale) : std::min(common, axis.scale);
  }
  const bool same = std::ranges::all_of(result, [](const AxisResize& axis) { return axis.to == axis.from; });
  for (AxisResize& axis : result) {  // as runtimes do: a result as large as the input is the input, whatever the scales
    if (same && !keeps_ratio && !crops(options)) axis.scale = 1;
  }
  for (const int place : keeps_ratio ? axes : std::vector<int>{}) {
    AxisResize& axis = result[static_cast<std::size_t>(place)];
    axis.scale = common;
    const double length = std::floor(common * static_cast<double>(axis.from) + 0.5);
    if (length > 0x1p48) fail_input("axis {} would be larger than 2^48, to keep the ratio of all", place);
    axis.to = static_cast<std::int64_t>(length);
  }
  return result;
}

Shape resized(const std::vector<AxisResize>& axes) {
  std::vector<std::int64_t> extents;
  for (const AxisResize& axis : axes) extents.push_back(axis.to);
  return Shape(std::span<const std::int64_t>(extents));
}

AxisTaps taps_of(const AxisResize& axis, const ResizeOptions& options) {
  AxisTaps taps(static_cast<std::size_t>(axis.to));
  for (std::int64_t i = 0; i < axis.to && axis.from > 0; ++i) {
    const std::string& mode = options.coordinate_transformation_mode;
    const bool by_float = options.mode == "nearest";
    const double x = crops(options) ? cropped(axis, i)
                     : by_float     ? static_cast<double>(coordinate<float>(axis, mode, i))
                                    : coordinate<double>(axis, mode, i);
    if (crops(options) && !(x >= 0 && x <= static_cast<double>(axis.from - 1))) continue;
    if (by_float) {
      taps[static_cast<std::size_t>(i)] = {{std::clamp<std::int64_t>(nearest(x, options.nearest_mode), 0, axis.from - 1), 1}};
    } else {
      taps[static_cast<std::size_t>(i)] = filtered(x, axis, options);
    }
  }
  return taps;
}

bool is_identity(const AxisResize& axis, const ResizeOptions& options) {
  if (axis.from != axis.to) return false;
  // Of axes that nobody resizes, which may be as long as a batch, it is known: (i + 0.5) / 1 - 0.5 = i, but for rounding.
  const bool whole = !crops(options) || (axis.start == 0 && axis.end == 1);
  if (axis.scale == 1 && whole && options.coordinate_transformation_mode != "tf_half_pixel_for_nn") return true;
  const AxisTaps taps = taps_of(axis, options);
  for (std::size_t i = 0; i < taps.size(); ++i) {
    if (taps[i] != std::vector<Tap>{{static_cast<std::int64_t>(i), 1}}) return false;
  }
  return true;
}

AxisTaps transposed(const AxisTaps& taps, std::int64_t inputs) {
  AxisTaps result(static_cast<std::size_t>(inputs));
  for (std::size_t i = 0; i < taps.size(); ++i) {
    for (const Tap& tap : taps[i]) {
      result[static_cast<std::size_t>(tap.place)].push_back({static_cast<std::int64_t>(i), tap.weight});
    }
  }
  return result;
}

}  // namespace neurons::ops
