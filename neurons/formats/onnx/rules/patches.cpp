// Parts of images: patches laid out in columns put back, and what is cut or padded about the middle.

#include "neurons/formats/onnx/rules/rules.hpp"

namespace neurons::onnx {
namespace {

using Outputs = std::vector<Value>;
using Extents = std::vector<std::int64_t>;

/// Columns [batch, channels · block, places] as the image that they add up to: a transposed convolution in which each place of the
/// block is a channel of its own.
Outputs col2im(const NodeContext& node) {
  const Value x = node.input(0);
  const Extents image = node.integers(1, "image_shape");
  const Extents block = node.integers(2, "block_shape");
  const std::size_t axes = image.size();
  const auto list = [&](std::string_view name, std::size_t size, std::int64_t otherwise) {
    Extents found = node.integer_list(name);
    if (found.empty()) found.assign(size, otherwise);
    if (found.size() != size) node.fail(fmt::format("{} has {} numbers, expected {}", name, found.size(), size));
    return found;
  };
  if (axes == 0 || block.size() != axes || x.shape().rank() != 3) {
    node.fail("expects columns [batch, channels · block, places], and an image and a block of equally many axes");
  }
  const Extents strides = list("strides", axes, 1);
  const Extents dilations = list("dilations", axes, 1);
  const Extents pads = list("pads", 2 * axes, 0);
  std::int64_t size = 1;
  for (const std::int64_t extent : block) {
    if (extent < 1 || __builtin_mul_overflow(size, extent, &size)) node.fail("block_shape has no end");
  }
  constexpr std::int64_t kMost = 4096;  // the convolution's weights have so many rows and columns
  if (size > kMost) node.fail(fmt::format("a block has {} places, more than the {} that are possible here", size, kMost));
  if (x.shape()[1] % size != 0) node.fail(fmt::format("a block of {} does not divide {}", size, x.shape()[1]));
  const std::int64_t channels = x.shape()[1] / size;
  Extents grid{x.shape()[0] * channels, size};
  Extents extra;  // at the far edge of the image, which no place reaches
  std::int64_t places = 1;
  for (std::size_t i = 0; i < axes; ++i) {
    std::int64_t padded = 0;
    std::int64_t room = 0;  // that a block may move
    const bool fits =
        image[i] >= 1 && strides[i] >= 1 && dilations[i] >= 1 && pads[i] >= 0 && pads[axes + i] >= 0 &&
        !__builtin_add_overflow(image[i], pads[i], &padded) && !__builtin_add_overflow(padded, pads[axes + i], &padded) &&
        !__builtin_mul_overflow(dilations[i], block[i] - 1, &room) && !__builtin_sub_overflow(padded - 1, room, &room) && room >= 0;
    if (!fits) node.fail("the block does not fit the image");
    grid.push_back(room / strides[i] + 1);
    extra.push_back(room % strides[i]);
    if (__builtin_mul_overflow(places, grid.back(), &places)) node.fail("the block does not fit the image");
  }
  if (places != x.shape()[2]) node.fail(fmt::format("a block fits in {} places, there are {}", places, x.shape()[2]));
  Extents one_each{size, 1};
  one_each.insert(one_each.end(), block.begin(), block.end());
  Tensor weight(DType::f32, Shape(std::span<const std::int64_t>(one_each)));
  for (std::int64_t i = 0; i < size; ++i) weight.values<float>()[static_cast<std::size_t>(i * size + i)] = 1;
  const Value y =
      node.emit("ConvTranspose", {node.emit("Reshape", {x}, {{"shape", grid}}), node.constant(weight.cast(x.type().dtype))},
                {{"strides", strides}, {"dilations", dilations}, {"pads", pads}, {"output_padding", extra}});
  Extents result{x.shape()[0], channels};
  result.insert(result.end(), image.begin(), image.end());
  return {node.emit("Reshape", {y}, {{"shape", result}})};
}

Outputs center_crop_pad(const NodeContext& node) {
  Value x = node.input(0);
  const Extents wanted = node.integers(1, "shape");
  Extents axes = node.integer_list("axes");
  for (std::int64_t axis = 0; node.node.attribute("axes") == nullptr && axis < x.shape().rank(); ++axis) axes.push_back(axis);
  if (axes.size() != wanted.size()) node.fail(fmt::format("has {} axes and a shape of {}", axes.size(), wanted.size()));
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::int64_t extent = x.shape()[x.shape().normalized_axis(axes[i])];
    if (wanted[i] < 0) node.fail("its shape must not be negative");
    const std::int64_t more = wanted[i] - extent;
    if (more < 0) {
      const std::int64_t start = -more / 2;
      x = node.emit("Slice", {x}, {{"axes", Extents{axes[i]}}, {"starts", Extents{start}}, {"ends", Extents{start + wanted[i]}}});
    } else if (more > 0) {
      x = node.emit("Pad", {x}, {{"axes", Extents{axes[i]}}, {"pads", Extents{more / 2, more - more / 2}}});
    }
  }
  return {x};
}

}  // namespace

void add_patch_rules(Rules& rules) {
  rules["Col2Im"] = col2im;
  rules["CenterCropPad"] = center_crop_pad;
}

}  // namespace neurons::onnx
