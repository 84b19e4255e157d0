#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/move.hpp"
#include "neurons/ops/common/only_f32.hpp"
#include "neurons/tensor/convert.hpp"

namespace neurons::ops {
namespace {

struct RoiAlignOptions {
  std::string coordinate_transformation_mode = "half_pixel";  ///< or "output_half_pixel": regions begin half a pixel later
  std::string mode = "avg";                                   ///< or "max"
  std::int64_t output_height = 1;
  std::int64_t output_width = 1;
  std::int64_t sampling_ratio = 0;  ///< samples along each axis of a result; 0: as many as pixels
  float spatial_scale = 1.0F;       ///< pixels of x for one of the image that the regions are of

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("coordinate_transformation_mode", self.coordinate_transformation_mode);
    visit("mode", self.mode);
    visit("output_height", self.output_height);
    visit("output_width", self.output_width);
    visit("sampling_ratio", self.sampling_ratio);
    visit("spatial_scale", self.spatial_scale);
  }
};

constexpr std::int64_t kMostSamplesGiven = 256;               // along an axis of a result, by sampling_ratio
constexpr std::int64_t kMostSamples = std::int64_t{1} << 28;  // by the region's size; the number of a sample is exact as a double

/// Samples along one axis, all over the region: the two pixels that each lies between, and the weight of the second.
struct Axis {
  double start = 0;
  double step = 0;           ///< from one sample to the next
  std::int64_t samples = 1;  ///< of one result
  std::int64_t extent = 1;

  struct Between {
    std::int64_t low = -1;  ///< -1: outside
    std::int64_t high = 0;
    double part = 0;
  };
  double place(std::int64_t sample) const noexcept { return start + (static_cast<double>(sample) + 0.5) * step; }
  bool behind_start(double x) const noexcept { return x >= -1; }
  bool before_end(double x) const noexcept { return x <= static_cast<double>(extent); }
  Between at(std::int64_t sample) const noexcept {
    const double x = place(sample);
    if (!behind_start(x) || !before_end(x)) return {};
    const double bounded = std::clamp(x, 0.0, static_cast<double>(extent - 1));
    const auto low = static_cast<std::int64_t>(bounded);
    return {low, std::min(low + 1, extent - 1), bounded - static_cast<double>(low)};
  }

  struct Range {
    std::int64_t begin = 0;
    std::int64_t end = 0;
  };
  /// The samples of result `index` that are inside, and one at either end for all that are not: those are all the same, and more of
  /// them than a file can pay for where a region is large.
  Range walked(std::int64_t index) const noexcept {
    const std::int64_t first = index * samples;
    const std::int64_t last = first + samples;
    constexpr std::int64_t kFew = 8;
    if (samples <= kFew) return {first, last};  // faster than to find out
    const auto first_where = [&](auto holds) {  // from which on it does
      Range range{first, last};
      while (range.begin < range.end) {
        const std::int64_t middle = range.begin + (range.end - range.begin) / 2;
        if (holds(place(middle))) {
          range.end = middle;
        } else {
          range.begin = middle + 1;
        }
      }
      return range.begin;
    };
    const bool up = step >= 0;
    const std::int64_t begin = first_where([&](double x) { return up ? behind_start(x) : before_end(x); });
    const std::int64_t end = first_where([&](double x) { return !(up ? before_end(x) : behind_start(x)); });
    if (begin >= end) return {first, std::min(first + 1, last)};
    return {std::max(first, begin - 1), std::min(last, end + 1)};
  }
};

/// One of the four pixels around a sample, in its channel.
struct Corner {
  std::int64_t place = 0;
  double weight = 0;
};

/// x [batch, channels, height, width], corners of regions [n, 4], their images [n], y [n, channels, rows, columns].
struct Regions {
  Regions(const RoiAlignOptions& given, const Shape& x)
      : options(given),
        half(given.coordinate_transformation_mode == "half_pixel"),
        largest(given.mode == "max"),
        images(x[0]),
        channels(x[1]),
        height(x[2]),
        width(x[3]) {}

  /// `low` and `high` are corners of a region, `results` how many it is cut into.
  Axis axis(double low, double high, std::int64_t results, std::int64_t extent) const noexcept {
    const auto scale = static_cast<double>(options.spatial_scale);
    const double start = low * scale - (half ? 0.5 : 0);
    double length = (high - low) * scale;
    if (!half) length = std::max(length, 1.0);
    const double share = length / static_cast<double>(results);
    const double wished = options.sampling_ratio > 0 ? static_cast<double>(options.sampling_ratio) : std::ceil(share);
    const auto samples =
        wished > 0 ? static_cast<std::int64_t>(std::min(wished, static_cast<double>(kMostSamples))) : std::int64_t{0};
    return {start, samples > 0 ? share / static_cast<double>(samples) : 0, samples, extent};
  }

  /// The pixels around a sample; those of one outside weigh nothing.
  std::array<Corner, 4> around(const Axis& rows, std::int64_t row, const Axis& columns, std::int64_t column) const noexcept {
    const Axis::Between y = rows.at(row);
    const Axis::Between x = columns.at(column);
    if (y.low < 0 || x.low < 0) return {};
    return {{{y.low * width + x.low, (1 - y.part) * (1 - x.part)},
             {y.low * width + x.high, (1 - y.part) * x.part},
             {y.high * width + x.low, y.part * (1 - x.part)},
             {y.high * width + x.high, y.part * x.part}}};
  }

  /// Calls visit(its place in y, first place of its channel in x, samples, walk) for the results of a region of an image that is
  /// there; walk(take) calls take(corners) for the samples of a result, but for equal ones outside.
  template <typename T, typename Visit>
  void for_each_result(const T* corners, std::int64_t image, std::int64_t region, Visit visit) const noexcept {
    const auto corner = [&](std::int64_t i) { return static_cast<double>(corners[4 * region + i]); };
    const Axis rows = axis(corner(1), corner(3), options.output_height, height);
    const Axis columns = axis(corner(0), corner(2), options.output_width, width);
    for (std::int64_t c = 0; c < channels; ++c) {
      for (std::int64_t i = 0; i < results(); ++i) {
        const Axis::Range row_range = rows.walked(i / options.output_width);
        const Axis::Range column_range = columns.walked(i % options.output_width);
        visit((region * channels + c) * results() + i, (image * channels + c) * height * width, rows.samples * columns.samples,
              [&](auto take) {
                for (std::int64_t row = row_range.begin; row < row_range.end; ++row) {
                  for (std::int64_t column = column_range.begin; column < column_range.end; ++column) {
                    take(around(rows, row, columns, column));
                  }
                }
              });
      }
    }
  }

  template <typename T>
  void forward(const T* x, const T* corners, std::int64_t image, T* y, std::int64_t region) const noexcept {
    std::fill_n(y + region * channels * results(), channels * results(), T(0));
    if (image < 0 || image >= images) return;
    for_each_result(corners, image, region, [&](std::int64_t to, std::int64_t from, std::int64_t samples, auto walk) {
      if (largest) {
        const Corner best = largest_of(x + from, walk);
        y[to] = static_cast<T>(best.weight * static_cast<double>(x[from + best.place]));
        return;
      }
      double sum = 0;
      walk([&](const std::array<Corner, 4>& around_it) {
        for (const Corner& corner : around_it) sum += corner.weight * static_cast<double>(x[from + corner.place]);
      });
      y[to] = static_cast<T>(samples == 0 ? sum : sum / static_cast<double>(samples));
    });
  }

  /// Adds a region's share of dx.
  template <typename T>
  void backward(const T* dy, const T* x, const T* corners, std::int64_t image, T* dx, std::int64_t region) const noexcept {
    if (image < 0 || image >= images) return;
    for_each_result(corners, image, region, [&](std::int64_t to, std::int64_t from, std::int64_t samples, auto walk) {
      const auto slope = static_cast<double>(dy[to]);
      if (largest) {
        const Corner best = largest_of(x + from, walk);
        dx[from + best.place] += static_cast<T>(best.weight * slope);
        return;
      }
      walk([&](const std::array<Corner, 4>& around_it) {
        for (const Corner& corner : around_it) {
          dx[from + corner.place] += static_cast<T>(corner.weight * slope / static_cast<double>(samples));
        }
      });
    });
  }

  /// ONNX's maximum: of all pixels around all samples, times their weights. The first of equals; NaN is the largest.
  template <typename T, typename Walk>
  static Corner largest_of(const T* x, Walk walk) noexcept {
    Corner best;
    double most = 0;
    bool first = true;
    walk([&](const std::array<Corner, 4>& around_it) {
      for (const Corner& corner : around_it) {
        const double value = corner.weight * static_cast<double>(x[corner.place]);
        if (!std::exchange(first, false) && !(value > most) && !std::isnan(value)) continue;
        most = value;
        best = corner;
      }
    });
    return best;
  }

  std::int64_t results() const noexcept { return options.output_height * options.output_width; }

  RoiAlignOptions options;
  bool half, largest;
  std::int64_t images, channels, height, width;
};

void check(const InferContext& context, std::size_t first) {
  const auto& options = context.as<RoiAlignOptions>();
  const Shape& x = context.shape(first);
  const Shape& regions = context.shape(first + 1);
  if (options.mode != "avg" && options.mode != "max") context.fail("mode must be \"avg\" or \"max\", not \"{}\"", options.mode);
  const std::string& transform = options.coordinate_transformation_mode;
  if (transform != "half_pixel" && transform != "output_half_pixel") {
    context.fail("coordinate_transformation_mode must be \"half_pixel\" or \"output_half_pixel\", not \"{}\"", transform);
  }
  constexpr std::int64_t kMost = std::int64_t{1} << 24;
  for (const std::int64_t extent : {options.output_height, options.output_width}) {
    if (extent < 1 || extent > kMost) context.fail("output_height and output_width must be from 1 to 2^24");
  }
  if (options.sampling_ratio < 0 || options.sampling_ratio > kMostSamplesGiven) {
    context.fail("sampling_ratio = {} must be from 0 (as many as pixels) to {}", options.sampling_ratio, kMostSamplesGiven);
  }
  const DType dtype = context.dtype(first);
  if (dtype != context.dtype(first + 1) || (dtype != DType::f32 && dtype != DType::f64)) context.fail("expects floats of one type");
  context.require_rank(first, 4);
  if (x[2] == 0 || x[3] == 0) context.fail("expects images that are not empty");
  if (regions.rank() != 2 || regions[1] != 4) context.fail("expects regions of four numbers: left, top, right, bottom");
  const TensorType images{DType::i64, {regions[0]}};
  if (context.inputs[first + 2] != images) context.fail("expects the regions' images {}", images.to_string());
}

Shape result_shape(const RoiAlignOptions& options, const Shape& x, const Shape& regions) {
  return {regions[0], x[1], options.output_height, options.output_width};
}

struct RoiCall {
  Regions regions;
  std::int64_t count = 0;
  std::size_t elements = 0;  ///< of x
  const float* dy = nullptr;
  const float* x = nullptr;
  const float* corners = nullptr;
  const std::int64_t* images = nullptr;
  float* y = nullptr;  ///< or dx
};

void run(const RoiCall& call, std::byte*, Worker worker) noexcept {
  const auto [begin, end] = split_work(static_cast<std::size_t>(call.count), worker);
  for (auto r = static_cast<std::int64_t>(begin); r < static_cast<std::int64_t>(end); ++r) {
    call.regions.forward(call.x, call.corners, call.images[r], call.y, r);
  }
}

/// On one worker: regions may meet.
void run_gradient(const RoiCall& call, std::byte*, Worker) noexcept {
  std::fill_n(call.y, call.elements, 0.0F);
  for (std::int64_t r = 0; r < call.count; ++r) call.regions.backward(call.dy, call.x, call.corners, call.images[r], call.y, r);
}

/// `first`: the input that is x.
RoiCall call_of(const PrepareContext& context, std::size_t first) {
  const Buffer& x = context.inputs[first];
  return {Regions(context.as<RoiAlignOptions>(), x.type.shape),
          context.inputs[first + 1].type.shape[0],
          static_cast<std::size_t>(x.type.shape.elements()),
          context.inputs[0].as<float>(),
          x.as<float>(),
          context.inputs[first + 1].as<float>(),
          context.inputs[first + 2].as<std::int64_t>(),
          context.outputs[0].as<float>()};
}

std::int64_t image_of(const ReferenceTensor& images, std::int64_t region) {
  return convert<std::int64_t>(images.data[static_cast<std::size_t>(region)]);
}

std::vector<Sample> samples() {
  const Tensor corners =
      Tensor::of<float>({4, 4}, std::vector<float>{0.3F, 0.7F, 4.1F, 3.9F, -2, 1, 3, 9, 2.2F, 2.1F, 2.6F, 2.3F, 5, 4, 1, 2});
  const Tensor images = Tensor::of<std::int64_t>({4}, std::vector<std::int64_t>{0, 1, 1, 0});
  const Tensor strange = Tensor::of<std::int64_t>({4}, std::vector<std::int64_t>{0, 2, -1, 1});
  const auto sample = [&](RoiAlignOptions options, const Tensor& of, std::string note) {
    options.output_height = 2;
    options.output_width = 3;
    return Sample{{{{DType::f32, {2, 3, 5, 6}}, Sample::Fill::distinct},
                   {corners.type(), Sample::Fill::given, 1, corners, false},
                   {of.type(), Sample::Fill::given, 1, of}},
                  options,
                  std::move(note)};
  };
  const Sample::Input no_corners{{DType::f32, {0, 4}}, Sample::Fill::normal, 1, {}, false};
  return {
      sample({"half_pixel"}, images, "means"),
      sample({"output_half_pixel"}, images, "means, half a pixel later"),
      sample({"half_pixel", "max"}, images, "maxima"),
      sample({"output_half_pixel", "max", 1, 1, 3, 0.5F}, images, "maxima of nine, scaled"),
      sample({"half_pixel", "avg", 1, 1, 2, 0.75F}, strange, "images that are not there"),
      {{{{DType::f32, {2, 1, 3, 3}}}, no_corners, {{DType::i64, {0}}, Sample::Fill::index, 2}}, RoiAlignOptions{}, "no regions"}};
}

OpDef gradient_op() {
  OpDef op = mover("RoiAlignGradient", "dx of RoiAlign; inputs dy, x, regions, images", 1, RoiAlignOptions{});
  op.source = "the transpose of https://onnx.ai/onnx/operators/onnx__RoiAlign.html";
  op.onnx.clear();
  op.minimum_inputs = op.maximum_inputs = 4;
  op.infer = [](const InferContext& context) -> std::vector<TensorType> {
    check(context, 1);
    const Shape y = result_shape(context.as<RoiAlignOptions>(), context.shape(1), context.shape(2));
    if (context.shape(0) != y) context.fail("expects dy {}", y.to_string());
    return {context.inputs[1]};
  };
  op.kernels = {
      {"corners", only_f32, [](const PrepareContext& context) { return Call::of<run_gradient>(call_of(context, 1), false); }}};
  op.reference = [](const ReferenceContext& context) {
    const Regions regions(context.as<RoiAlignOptions>(), context.inputs[1]->type.shape);
    std::ranges::fill(context.outputs[0].data, 0.0);
    for (std::int64_t r = 0; r < context.inputs[2]->type.shape[0]; ++r) {
      regions.backward(context.inputs[0]->data.data(), context.inputs[1]->data.data(), context.inputs[2]->data.data(),
                       image_of(*context.inputs[3], r), context.outputs[0].data.data(), r);
    }
  };
  op.not_differentiable = "second derivatives of regions are not written";
  op.flops = nullptr;
  op.samples = [] {
    std::vector<Sample> result;
    for (Sample& sample : samples()) {
      const Shape y = result_shape(sample.options.as<RoiAlignOptions>(), sample.inputs[0].type.shape, sample.inputs[1].type.shape);
      sample.inputs.insert(sample.inputs.begin(), Sample::Input{{DType::f32, y}});
      result.push_back(std::move(sample));
    }
    return result;
  };
  return op;
}

}  // namespace

/// No gradient flows to the regions. An image that is not there gives 0. Of an adaptive region (sampling_ratio 0) at most 2^28
/// samples are taken along each axis of a result.
std::vector<OpDef> roi_align() {
  OpDef op = mover("RoiAlign", "Regions of images, each resampled to one size; inputs x, regions, the regions' images", 16,
                   RoiAlignOptions{});
  op.minimum_inputs = op.maximum_inputs = 3;
  op.infer = [](const InferContext& context) -> std::vector<TensorType> {
    check(context, 0);
    return {{context.dtype(), result_shape(context.as<RoiAlignOptions>(), context.shape(0), context.shape(1))}};
  };
  op.kernels = {{"corners", only_f32, [](const PrepareContext& context) { return Call::of<run>(call_of(context, 0), true); }}};
  op.reference = [](const ReferenceContext& context) {
    const Regions regions(context.as<RoiAlignOptions>(), context.inputs[0]->type.shape);
    for (std::int64_t r = 0; r < context.inputs[1]->type.shape[0]; ++r) {
      regions.forward(context.inputs[0]->data.data(), context.inputs[1]->data.data(), image_of(*context.inputs[2], r),
                      context.outputs[0].data.data(), r);
    }
  };
  op.gradient = [](GradientContext& context) {
    if (!context.wants(0)) return;
    const std::initializer_list<Value> inputs{context.gradient(), context.input(0), context.input(1), context.input(2)};
    context.set(0, context.graph().emit("RoiAlignGradient", inputs, context.options()));
  };
  op.flops = [](const InferContext& context) {
    return 8.0 * static_cast<double>(result_shape(context.as<RoiAlignOptions>(), context.shape(0), context.shape(1)).elements());
  };
  op.samples = samples;
  return {std::move(op), gradient_op()};
}

}  // namespace neurons::ops
