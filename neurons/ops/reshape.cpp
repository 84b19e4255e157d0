#include "neurons/ops/common/view.hpp"

namespace neurons::ops {
namespace {

struct ReshapeOptions {
  std::vector<std::int64_t> shape;  ///< 0 keeps the input's extent, one -1 takes what is left
  bool allow_zero = false;          ///< 0 means an extent of 0

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("shape", self.shape);
    visit("allow_zero", self.allow_zero);
  }
};

Shape target(const InferContext& context) {
  const auto& options = context.as<ReshapeOptions>();
  std::vector<std::int64_t> extents = options.shape;
  std::ptrdiff_t open = -1;
  for (std::size_t i = 0; i < extents.size(); ++i) {
    if (extents[i] == 0 && !options.allow_zero) {
      if (static_cast<int>(i) >= context.shape(0).rank()) context.fail("extent 0 at {} has no input dimension to copy", i);
      extents[i] = context.shape(0)[static_cast<int>(i)];
    }
    if (extents[i] == -1) {
      if (open >= 0) context.fail("more than one extent is -1");
      open = static_cast<std::ptrdiff_t>(i);
      extents[i] = 1;
    }
  }
  const std::int64_t known = Shape(std::span<const std::int64_t>(extents)).elements();
  const std::int64_t elements = context.shape(0).elements();
  if (open >= 0) {
    if (known == 0 || elements % known != 0) context.fail("{} elements do not divide into blocks of {}", elements, known);
    extents[static_cast<std::size_t>(open)] = elements / known;
  }
  const Shape shape{std::span<const std::int64_t>(extents)};
  if (shape.elements() != elements) context.fail("{} elements cannot take shape {}", elements, shape.to_string());
  return shape;
}

}  // namespace

std::vector<OpDef> reshape() {
  OpDef op = view_op("Reshape", "The same elements under another shape", ReshapeOptions{}, target);
  op.onnx = {{"Reshape", 1, ""}};
  op.onnx_inputs = {{1, "shape", 5}};
  op.onnx_attributes = {{"allowzero", "allow_zero"}};
  op.samples = [] {
    return std::vector<Sample>{{{{{DType::f32, {2, 3, 4}}}}, ReshapeOptions{{4, -1}, false}, "one extent open"},
                               {{{{DType::f32, {2, 3, 4}}}}, ReshapeOptions{{0, 12}, false}, "one extent kept"},
                               {{{{DType::f32, {0, 3}}}}, ReshapeOptions{{3, 0}, true}, "empty"},
                               {{{{DType::f32, {1}}}}, ReshapeOptions{{}, false}, "to a scalar"}};
  };
  return {std::move(op)};
}

}  // namespace neurons::ops
