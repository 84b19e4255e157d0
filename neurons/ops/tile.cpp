#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/move.hpp"
#include "neurons/ops/common/view.hpp"

namespace neurons::ops {
namespace {

struct TileOptions {
  std::vector<std::int64_t> repeats;  ///< of each axis

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("repeats", self.repeats);
  }
};

std::vector<TensorType> infer(const InferContext& context) {
  const auto& repeats = context.as<TileOptions>().repeats;
  constexpr std::int64_t kMost = std::int64_t{1} << 48;
  std::vector<std::int64_t> extents = extents_of(context.shape(0));
  if (repeats.size() != extents.size()) context.fail("{} repeats for {} axes", repeats.size(), extents.size());
  for (std::size_t i = 0; i < extents.size(); ++i) {
    if (repeats[i] < 0) context.fail("repeats must not be negative, axis {} has {}", i, repeats[i]);
    if (extents[i] > 0 && repeats[i] > kMost / extents[i]) context.fail("axis {} gets more than 2^48 elements", i);
    extents[i] *= repeats[i];
  }
  return {{context.dtype(), Shape(std::span<const std::int64_t>(extents))}};
}

/// Axis by axis, the elements from that axis on are broadcast along a new one before it.
std::vector<Value> decompose(const RewriteContext& context) {
  const auto& repeats = context.options.as<TileOptions>().repeats;
  Value y = context.inputs[0];
  for (int axis = 0; axis < y.shape().rank(); ++axis) {
    const std::int64_t repeat = repeats[static_cast<std::size_t>(axis)];
    if (repeat == 1) continue;
    const Shape shape = y.shape();
    const std::int64_t outer = shape.product(0, axis);
    const std::int64_t inner = shape.product(axis, shape.rank());
    y = expanded(reshaped(y, {outer, 1, inner}), {outer, repeat, inner});
    y = reshaped(y, shape.with(axis, shape[axis] * repeat));
  }
  return {y};
}

void reference(const ReferenceContext& context) {
  const ReferenceTensor& x = *context.inputs[0];
  ReferenceTensor& y = context.outputs[0];
  for (std::int64_t place = 0; place < y.elements(); ++place) {
    auto index = index_of(place, y.type.shape);
    for (std::size_t axis = 0; axis < index.size(); ++axis) index[axis] %= x.type.shape[static_cast<int>(axis)];
    y.data[static_cast<std::size_t>(place)] = x.data[place_of(index, x.type.shape)];
  }
}

}  // namespace

std::vector<OpDef> tile() {
  OpDef op = mover("Tile", "The input again and again along each axis", 6, TileOptions{});
  op.onnx_inputs = {{1, "repeats", 6}};
  op.infer = infer;
  op.reference = reference;
  replace_by(op, decompose);
  op.samples = [] {
    return std::vector<Sample>{{{{{DType::f32, {2, 3}}}}, TileOptions{{2, 3}}, "both axes"},
                               {{{{DType::f32, {2, 1, 5}}}}, TileOptions{{1, 7, 1}}, "the middle axis"},
                               {{{{DType::f32, {3}}}}, TileOptions{{1}}, "once"},
                               {{{{DType::f32, {3, 2}}}}, TileOptions{{2, 0}}, "to nothing"},
                               {{{{DType::f32, {0, 2}}}}, TileOptions{{3, 2}}, "of nothing"},
                               {{{{DType::f32, {}}}}, TileOptions{{}}, "a scalar"},
                               {{{{DType::i64, {3}}, Sample::Fill::index, 9}}, TileOptions{{3}}, "integers"},
                               {{{{DType::boolean, {3}}, Sample::Fill::boolean}}, TileOptions{{2}}, "truth values"}};
  };
  return {std::move(op)};
}

}  // namespace neurons::ops
