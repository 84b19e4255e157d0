#include <algorithm>

#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/move.hpp"
#include "neurons/ops/common/view.hpp"

namespace neurons::ops {
namespace {

struct AffineGridOptions {
  bool align_corners = false;      ///< -1 and 1 are the middles of the outermost pixels, else their outer edges
  std::vector<std::int64_t> size;  ///< of the images: batch, channels, depth (or none), height, width

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("align_corners", self.align_corners);
    visit("size", self.size);
  }
  /// Spatial extents.
  Shape spatial() const { return Shape(std::span<const std::int64_t>(size).subspan(2)); }
  /// Where pixel `i` of `extent` lies, from -1 to 1.
  double coordinate(std::int64_t i, std::int64_t extent) const {
    const auto pixels = static_cast<double>(extent);
    if (!align_corners) return (2 * static_cast<double>(i) + 1) / pixels - 1;
    return extent == 1 ? 0 : 2 * static_cast<double>(i) / (pixels - 1) - 1;
  }
  /// The coordinates of a pixel, the last axis first, and 1.
  std::vector<double> homogeneous(std::int64_t pixel) const {
    const Shape extents = spatial();
    const auto index = index_of(pixel, extents);
    std::vector<double> result;
    for (int axis = extents.rank() - 1; axis >= 0; --axis) {
      result.push_back(coordinate(index[static_cast<std::size_t>(axis)], extents[axis]));
    }
    result.push_back(1);
    return result;
  }
};

std::vector<TensorType> infer(const InferContext& context) {
  const auto& size = context.as<AffineGridOptions>().size;
  const auto axes = static_cast<std::int64_t>(size.size()) - 2;
  if (axes != 2 && axes != 3) context.fail("size has {} numbers: expected batch, channels and two or three extents", size.size());
  if (std::ranges::any_of(size, [](std::int64_t extent) { return extent < 0; })) context.fail("size must not be negative");
  const Shape theta{size[0], axes, axes + 1};
  if (context.dtype() != DType::f32 && context.dtype() != DType::f64) context.fail("expects floats");
  if (context.shape(0) != theta) context.fail("expects {}", theta.to_string());
  std::vector<std::int64_t> extents(size.begin() + 2, size.end());
  extents.insert(extents.begin(), size[0]);
  extents.push_back(axes);
  return {{context.dtype(), Shape(std::span<const std::int64_t>(extents))}};
}

/// [pixels, axes + 1] · theta' [batch, axes + 1, axes]
std::vector<Value> decompose(const RewriteContext& context) {
  const auto& options = context.options.as<AffineGridOptions>();
  const Value theta = context.inputs[0];
  const std::int64_t pixels = options.spatial().elements();
  std::vector<double> places;
  for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
    for (const double coordinate : options.homogeneous(pixel)) places.push_back(coordinate);
  }
  const Tensor base = Tensor::of<double>({pixels, theta.shape()[2]}, places).cast(theta.type().dtype);
  const Value grid = context.graph.emit("MatMul", {context.graph.constant(base), transposed_last_two(theta)});
  std::vector<std::int64_t> extents(options.size.begin() + 2, options.size.end());
  extents.insert(extents.begin(), options.size[0]);
  extents.push_back(theta.shape()[1]);
  return {reshaped(grid, Shape(std::span<const std::int64_t>(extents)))};
}

void reference(const ReferenceContext& context) {
  const auto& options = context.as<AffineGridOptions>();
  const auto& theta = context.inputs[0]->data;
  const std::int64_t pixels = options.spatial().elements();
  const auto axes = static_cast<std::size_t>(context.outputs[0].type.shape[-1]);
  std::size_t to = 0;
  for (std::size_t image = 0; image < static_cast<std::size_t>(options.size[0]); ++image) {
    for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
      const auto place = options.homogeneous(pixel);
      for (std::size_t axis = 0; axis < axes; ++axis) {
        double sum = 0;
        for (std::size_t i = 0; i <= axes; ++i) sum += theta[(image * axes + axis) * (axes + 1) + i] * place[i];
        context.outputs[0].data[to++] = sum;
      }
    }
  }
}

}  // namespace

std::vector<OpDef> affine_grid() {
  OpDef op = mover("AffineGrid", "Where in an image, from -1 to 1 along x, y (and z), the matrices theta send each pixel", 20,
                   AffineGridOptions{});
  op.onnx_inputs = {{1, "size", 20}};
  op.infer = infer;
  op.reference = reference;
  replace_by(op, decompose);
  op.flops = nullptr;
  op.samples = [] {
    return std::vector<Sample>{{{{{DType::f32, {2, 2, 3}}}}, AffineGridOptions{false, {2, 1, 5, 3}}, "planes"},
                               {{{{DType::f32, {2, 2, 3}}}}, AffineGridOptions{true, {2, 4, 1, 7}}, "corners, one row"},
                               {{{{DType::f64, {1, 3, 4}}}}, AffineGridOptions{true, {1, 1, 2, 3, 5}}, "volumes, in double"},
                               {{{{DType::f32, {0, 2, 3}}}}, AffineGridOptions{false, {0, 1, 2, 2}}, "no images"}};
  };
  return {std::move(op)};
}

}  // namespace neurons::ops
