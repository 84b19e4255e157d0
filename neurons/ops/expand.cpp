#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/move.hpp"

namespace neurons::ops {
namespace {

struct ExpandOptions {
  std::vector<std::int64_t> shape;  ///< broadcast against the input's shape, as in ONNX

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("shape", self.shape);
  }
};

std::vector<TensorType> infer(const InferContext& context) {
  const Shape target(std::span<const std::int64_t>(context.as<ExpandOptions>().shape));
  return {{context.dtype(), broadcast(context.shape(0), target)}};
}

Call prepare(const PrepareContext& context) {
  const Shape& shape = context.inputs[0].type.shape;
  const Shape& result = context.outputs[0].type.shape;
  const auto own = shape.strides();
  std::vector<std::int64_t> strides(static_cast<std::size_t>(result.rank()), 0);
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const int place = result.rank() - shape.rank() + axis;
    if (shape[axis] != 1) strides[static_cast<std::size_t>(place)] = own[static_cast<std::size_t>(axis)];
  }
  return copies_call({copy_between(context.inputs[0], 0, strides, context.outputs[0], 0, strides_of(result), result.extents())});
}

void reference(const ReferenceContext& context) {
  const ReferenceTensor& x = *context.inputs[0];
  ReferenceTensor& y = context.outputs[0];
  const Shape& shape = x.type.shape;
  for (std::int64_t place = 0; place < y.elements(); ++place) {
    auto index = index_of(place, y.type.shape);
    index.erase(index.begin(), index.end() - shape.rank());
    for (int axis = 0; axis < shape.rank(); ++axis) index[static_cast<std::size_t>(axis)] %= shape[axis];
    y.data[static_cast<std::size_t>(place)] = x.data[place_of(index, shape)];
  }
}

}  // namespace

std::vector<OpDef> expand() {
  OpDef op = mover("Expand", "The input broadcast to a larger shape", 8, ExpandOptions{});
  op.onnx_inputs = {{1, "shape", 8}};
  op.infer = infer;
  op.kernels = {{"strided copy", nullptr, prepare}};
  op.reference = reference;
  op.gradient = [](GradientContext& context) { context.set(0, sum_to(context.gradient(), context.input(0).shape())); };
  op.simplify = [](const RewriteContext& context) -> std::optional<std::vector<Value>> {
    const Value x = context.inputs[0];
    const Shape target(std::span<const std::int64_t>(context.options.as<ExpandOptions>().shape));
    if (broadcast(x.shape(), target) == x.shape()) return std::vector{x};
    return std::nullopt;
  };
  op.samples = [] {
    return std::vector<Sample>{{{{{DType::f32, {}}}}, ExpandOptions{{2, 3}}, "a scalar"},
                               {{{{DType::f32, {7}}}}, ExpandOptions{{5, 7}}, "a row"},
                               {{{{DType::f32, {5, 1}}}}, ExpandOptions{{5, 7}}, "a column"},
                               {{{{DType::f32, {3, 1, 2}}}}, ExpandOptions{{4, 1, 5, 1}}, "the input's own extents stay"},
                               {{{{DType::f32, {1, 3}}}}, ExpandOptions{{0, 3}}, "to nothing"},
                               {{{{DType::f32, {2, 3}}}}, ExpandOptions{{2, 3}}, "as it is"}};
  };
  return {std::move(op)};
}

}  // namespace neurons::ops
