#include <algorithm>
#include <array>
#include <cmath>

#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/move.hpp"
#include "neurons/ops/common/only_f32.hpp"

namespace neurons::ops {
namespace {

struct GridSampleOptions {
  bool align_corners = false;          ///< -1 and 1 are the middles of the outermost pixels, else their outer edges
  std::string mode = "linear";         ///< or "nearest", "cubic"; ONNX's older words "bilinear" and "bicubic" mean the same
  std::string padding_mode = "zeros";  ///< what pixels outside are: or "border", "reflection" (of the image)

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("align_corners", self.align_corners);
    visit("mode", self.mode);
    visit("padding_mode", self.padding_mode);
  }
};

constexpr std::size_t kMostAxes = 3;
constexpr std::size_t kMostTaps = 4;

/// A pixel that a sample along one axis is a weighted sum of.
struct Tap {
  std::int64_t place = 0;  ///< -1: outside, 0
  double weight = 0;
  double slope = 0;  ///< of the weight by the coordinate in pixels
};
struct Taps {
  std::array<Tap, kMostTaps> taps{};
  std::size_t count = 0;
};

/// Keys' cubic filter with a = -0.75 at distance t, and its slope.
Tap cubic(double t) noexcept {
  constexpr double a = -0.75;
  const double x = std::abs(t);
  const double sign = t < 0 ? -1 : 1;
  if (x <= 1) return {0, ((a + 2) * x - (a + 3)) * x * x + 1, sign * (3 * (a + 2) * x - 2 * (a + 3)) * x};
  return {0, ((a * x - 5 * a) * x + 8 * a) * x - 4 * a, sign * ((3 * a * x - 10 * a) * x + 8 * a)};
}

/// x [batch, channels, spatial…], grid [batch, spatial of y…, axes].
struct Sampler {
  Sampler(const GridSampleOptions& options, const Shape& x, const Shape& grid)
      : nearest(options.mode == "nearest"),
        by_cubic(options.mode == "cubic" || options.mode == "bicubic"),
        align_corners(options.align_corners),
        zeros(options.padding_mode == "zeros"),
        border(options.padding_mode == "border"),
        axes(static_cast<std::size_t>(x.rank() - 2)),
        channels(x[1]),
        pixels(x.product(2, x.rank())),
        points(grid.product(1, grid.rank() - 1)) {
    const auto strides_of_x = x.strides();
    for (std::size_t axis = 0; axis < axes; ++axis) {
      extents[axis] = x[static_cast<int>(axis) + 2];
      strides[axis] = strides_of_x[axis + 2];
    }
  }

  /// Pixels for one step of a coordinate from -1 to 1.
  double scale(std::size_t axis) const noexcept { return static_cast<double>(extents[axis] - (align_corners ? 1 : 0)) / 2; }

  /// Where pixel `i` of an axis is, which may be outside.
  std::int64_t inside(std::int64_t i, std::int64_t extent) const noexcept {
    if (i >= 0 && i < extent) return i;
    if (zeros) return -1;
    if (border) return std::clamp<std::int64_t>(i, 0, extent - 1);
    const std::int64_t period = std::max<std::int64_t>(1, align_corners ? 2 * (extent - 1) : 2 * extent);
    const std::int64_t within = (i % period + period) % period;
    return within < extent ? within : period - within - (align_corners ? 0 : 1);
  }

  /// The taps at a coordinate; NaN weighs NaN.
  Taps taps_of(std::size_t axis, double coordinate) const noexcept {
    constexpr double kFar = 0x1p40;  // beyond all pixels, and a whole number still
    const double x = (coordinate + 1) * scale(axis) - (align_corners ? 0 : 0.5);
    const double bounded = x < -kFar ? -kFar : x > kFar ? kFar : x;
    const double base = nearest ? std::nearbyint(bounded) : std::floor(bounded);
    const std::int64_t first = std::isnan(base) ? 0 : static_cast<std::int64_t>(base);
    const double part = bounded - base;
    Taps result;
    const auto add = [&](std::int64_t step, double weight, double slope) {
      result.taps[result.count++] = {inside(first + step, extents[axis]), weight, slope};
    };
    if (nearest) {
      add(0, std::isnan(part) ? part : 1, 0);
    } else if (by_cubic) {
      for (std::int64_t step = -1; step <= 2; ++step) {
        const Tap filter = cubic(part - static_cast<double>(step));
        add(step, filter.weight, filter.slope);
      }
    } else {
      add(0, 1 - part, -1);
      add(1, part, 1);
    }
    return result;
  }

  /// Calls visit(place in an image's channel or -1, weight, slopes by each coordinate of the grid, which has the last axis first).
  template <typename T, typename Visit>
  void for_each_tap(const T* coordinates, Visit visit) const noexcept {
    std::array<Taps, kMostAxes> along{};
    std::size_t combinations = 1;
    for (std::size_t axis = 0; axis < axes; ++axis) {
      along[axis] = taps_of(axis, static_cast<double>(coordinates[axes - 1 - axis]));
      combinations *= along[axis].count;
    }
    for (std::size_t c = 0; c < combinations; ++c) {
      std::size_t rest = c;
      std::int64_t place = 0;
      double weight = 1;
      std::array<double, kMostAxes> slopes{1, 1, 1};
      for (std::size_t axis = axes; axis-- > 0;) {
        const Tap& tap = along[axis].taps[rest % along[axis].count];
        rest /= along[axis].count;
        place = tap.place < 0 || place < 0 ? -1 : place + tap.place * strides[axis];
        weight *= tap.weight;
        for (std::size_t other = 0; other < axes; ++other) {
          slopes[axes - 1 - other] *= other == axis ? tap.slope * scale(axis) : tap.weight;
        }
      }
      visit(place, weight, slopes);
    }
  }

  template <typename T>
  void forward(const T* x, const T* grid, T* y, std::int64_t point) const noexcept {
    const std::int64_t image = point / points;
    const T* const from = x + image * channels * pixels;
    T* const to = y + image * channels * points + point % points;
    for (std::int64_t c = 0; c < channels; ++c) to[c * points] = 0;
    for_each_tap(grid + point * static_cast<std::int64_t>(axes),
                 [&](std::int64_t place, double weight, const std::array<double, kMostAxes>&) {
                   for (std::int64_t c = 0; c < channels && place >= 0; ++c) {
                     to[c * points] += static_cast<T>(weight) * from[c * pixels + place];
                   }
                 });
  }

  /// dx and dgrid of one image.
  template <typename T>
  void backward(const T* dy, const T* x, const T* grid, T* dx, T* dgrid, std::int64_t image) const noexcept {
    const T* const from = x + image * channels * pixels;
    T* const to = dx + image * channels * pixels;
    std::fill_n(to, channels * pixels, T(0));
    for (std::int64_t point = 0; point < points; ++point) {
      const T* const slopes_of_y = dy + image * channels * points + point;
      const std::int64_t at = (image * points + point) * static_cast<std::int64_t>(axes);
      std::array<double, kMostAxes> sums{};
      for_each_tap(grid + at, [&](std::int64_t place, double weight, const std::array<double, kMostAxes>& slopes) {
        double products = 0;
        for (std::int64_t c = 0; c < channels && place >= 0; ++c) {
          const T slope = slopes_of_y[c * points];
          to[c * pixels + place] += static_cast<T>(weight) * slope;
          products += static_cast<double>(slope * from[c * pixels + place]);
        }
        for (std::size_t axis = 0; axis < axes; ++axis) sums[axis] += products * slopes[axis];
      });
      for (std::size_t axis = 0; axis < axes; ++axis) dgrid[at + static_cast<std::int64_t>(axis)] = static_cast<T>(sums[axis]);
    }
  }

  bool nearest, by_cubic, align_corners, zeros, border;
  std::size_t axes;
  std::array<std::int64_t, kMostAxes> extents{};
  std::array<std::int64_t, kMostAxes> strides{};
  std::int64_t channels, pixels, points;
};

void check(const InferContext& context, const Shape& x, const Shape& grid) {
  const auto& options = context.as<GridSampleOptions>();
  static constexpr std::array<std::string_view, 5> kModes = {"linear", "bilinear", "nearest", "cubic", "bicubic"};
  static constexpr std::array<std::string_view, 3> kPaddings = {"zeros", "border", "reflection"};
  if (std::ranges::find(kModes, options.mode) == kModes.end()) {
    context.fail("mode must be \"linear\", \"nearest\" or \"cubic\", not \"{}\"", options.mode);
  }
  if (std::ranges::find(kPaddings, options.padding_mode) == kPaddings.end()) {
    context.fail("padding_mode must be \"zeros\", \"border\" or \"reflection\", not \"{}\"", options.padding_mode);
  }
  if (x.rank() < 3 || x.rank() > 5) context.fail("expects [batch, channels, one to three spatial axes]");
  if (grid.rank() != x.rank() || grid[0] != x[0] || grid[-1] != x.rank() - 2) {
    context.fail("expects a grid of {} axes: as many images, spatial axes, and {} coordinates", x.rank(), x.rank() - 2);
  }
  for (int axis = 2; axis < x.rank(); ++axis) {
    if (x[axis] == 0) context.fail("axis {} is empty: there is nothing to sample", axis);
  }
}

Shape result_shape(const Shape& x, const Shape& grid) {
  std::vector<std::int64_t> extents = extents_of(grid);
  extents.pop_back();
  extents.insert(extents.begin() + 1, x[1]);
  return Shape(std::span<const std::int64_t>(extents));
}

std::vector<TensorType> infer(const InferContext& context) {
  if (context.dtype(1) != context.dtype(0) || (context.dtype() != DType::f32 && context.dtype() != DType::f64)) {
    context.fail("expects floats of one type");
  }
  check(context, context.shape(0), context.shape(1));
  return {{context.dtype(), result_shape(context.shape(0), context.shape(1))}};
}

std::vector<TensorType> infer_gradient(const InferContext& context) {
  check(context, context.shape(1), context.shape(2));
  const Shape y = result_shape(context.shape(1), context.shape(2));
  if (context.shape(0) != y) context.fail("expects dy {}", y.to_string());
  return {context.inputs[1], context.inputs[2]};
}

struct SampleCall {
  Sampler sampler;
  std::int64_t images = 0;
  const float* x = nullptr;
  const float* grid = nullptr;
  const float* dy = nullptr;
  float* y = nullptr;  ///< or dx
  float* dgrid = nullptr;
};

void run(const SampleCall& call, std::byte*, Worker worker) noexcept {
  const auto [begin, end] = split_work(static_cast<std::size_t>(call.images * call.sampler.points), worker);
  for (auto point = static_cast<std::int64_t>(begin); point < static_cast<std::int64_t>(end); ++point) {
    call.sampler.forward(call.x, call.grid, call.y, point);
  }
}

void run_gradient(const SampleCall& call, std::byte*, Worker worker) noexcept {
  const auto [begin, end] = split_work(static_cast<std::size_t>(call.images), worker);
  for (auto image = static_cast<std::int64_t>(begin); image < static_cast<std::int64_t>(end); ++image) {
    call.sampler.backward(call.dy, call.x, call.grid, call.y, call.dgrid, image);
  }
}

SampleCall call_of(const PrepareContext& context, const Buffer& x, const Buffer& grid) {
  return {Sampler(context.as<GridSampleOptions>(), x.type.shape, grid.type.shape),
          x.type.shape[0],
          x.as<float>(),
          grid.as<float>(),
          context.inputs[0].as<float>(),
          context.outputs[0].as<float>()};
}

/// Coordinates that are away from the steps of their taps, some outside.
Sample::Input grid_of(const Shape& shape) {
  std::vector<float> values;
  for (std::int64_t i = 0; i < shape.elements(); ++i) values.push_back(-1.43F + 0.37F * static_cast<float>((i * 5) % 9));
  return {{DType::f32, shape}, Sample::Fill::given, 1, Tensor::of<float>(shape, values)};
}

std::vector<Sample> samples() {
  std::vector<Sample> result;
  for (const std::string mode : {"linear", "nearest", "cubic"}) {
    for (const std::string padding : {"zeros", "border", "reflection"}) {
      for (const bool corners : {false, true}) {
        result.push_back(
            {{{{DType::f32, {2, 3, 4, 5}}}, grid_of({2, 3, 2, 2})}, GridSampleOptions{corners, mode, padding}, "images"});
      }
    }
    result.push_back({{{{DType::f32, {1, 2, 3, 4, 2}}}, grid_of({1, 2, 1, 3, 3})}, GridSampleOptions{false, mode}, "volumes"});
  }
  result.push_back({{{{DType::f32, {2, 1, 7}}}, grid_of({2, 3, 1})}, GridSampleOptions{true, "bilinear"}, "lines"});
  result.push_back(
      {{{{DType::f32, {1, 2, 1, 1}}}, grid_of({1, 3, 3, 2})}, GridSampleOptions{true, "bicubic", "reflection"}, "a pixel"});
  result.push_back({{{{DType::f32, {0, 2, 3, 3}}}, grid_of({0, 3, 3, 2})}, GridSampleOptions{}, "no images"});
  return result;
}

OpDef gradient_op() {
  OpDef op = mover("GridSampleGradient", "dx and dgrid of GridSample; inputs dy, x, grid", 1, GridSampleOptions{});
  op.source = "the transpose of https://onnx.ai/onnx/operators/onnx__GridSample.html";
  op.onnx.clear();
  op.minimum_inputs = op.maximum_inputs = 3;
  op.infer = infer_gradient;
  op.kernels = {{"taps", only_f32, [](const PrepareContext& context) {
                   SampleCall call = call_of(context, context.inputs[1], context.inputs[2]);
                   call.dgrid = context.outputs[1].as<float>();
                   return Call::of<run_gradient>(call, true);
                 }}};
  op.reference = [](const ReferenceContext& context) {
    const ReferenceTensor& x = *context.inputs[1];
    const ReferenceTensor& grid = *context.inputs[2];
    const Sampler sampler(context.as<GridSampleOptions>(), x.type.shape, grid.type.shape);
    for (std::int64_t image = 0; image < x.type.shape[0]; ++image) {
      sampler.backward(context.inputs[0]->data.data(), x.data.data(), grid.data.data(), context.outputs[0].data.data(),
                       context.outputs[1].data.data(), image);
    }
  };
  op.not_differentiable = "second derivatives of sampling are not written";
  op.flops = nullptr;
  op.samples = [] {
    std::vector<Sample> result;
    for (Sample& sample : samples()) {
      const Shape y = result_shape(sample.inputs[0].type.shape, sample.inputs[1].type.shape);
      sample.inputs.insert(sample.inputs.begin(), Sample::Input{{DType::f32, y}});
      result.push_back(std::move(sample));
    }
    return result;
  };
  return op;
}

}  // namespace

std::vector<OpDef> grid_sample() {
  OpDef op =
      mover("GridSample", "y = x at the places that the grid names, from -1 to 1 along x, y (and z), between pixels by the mode",
            16, GridSampleOptions{});
  op.minimum_inputs = op.maximum_inputs = 2;
  op.infer = infer;
  op.kernels = {{"taps", only_f32, [](const PrepareContext& context) {
                   return Call::of<run>(call_of(context, context.inputs[0], context.inputs[1]), true);
                 }}};
  op.reference = [](const ReferenceContext& context) {
    const ReferenceTensor& x = *context.inputs[0];
    const ReferenceTensor& grid = *context.inputs[1];
    const Sampler sampler(context.as<GridSampleOptions>(), x.type.shape, grid.type.shape);
    for (std::int64_t point = 0; point < x.type.shape[0] * sampler.points; ++point) {
      sampler.forward(x.data.data(), grid.data.data(), context.outputs[0].data.data(), point);
    }
  };
  op.gradient = [](GradientContext& context) {
    const OpDef& back = context.graph().table()->find("GridSampleGradient");
    const auto slopes =
        context.graph().emit_all(back, std::array{context.gradient(), context.input(0), context.input(1)}, context.options());
    if (context.wants(0)) context.set(0, slopes[0]);
    if (context.wants(1)) context.set(1, slopes[1]);
  };
  op.flops = [](const InferContext& context) {
    return 8.0 * static_cast<double>(result_shape(context.shape(0), context.shape(1)).elements());
  };
  op.samples = samples;
  return {std::move(op), gradient_op()};
}

}  // namespace neurons::ops
