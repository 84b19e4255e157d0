#include <cmath>
#include <numeric>

#include "neurons/ops/common/choose.hpp"
#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/move.hpp"
#include "neurons/ops/common/view.hpp"

namespace neurons::ops {
namespace {

struct OneHotOptions {
  std::int64_t depth = 1;
  std::int64_t axis = -1;  ///< of the result: where the new axis stands
  float off = 0.0F;
  float on = 1.0F;
  DType to = DType::f32;

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("depth", self.depth);
    visit("axis", self.axis);
    visit("off", self.off);
    visit("on", self.on);
    visit("to", self.to);
  }
};

int axis_of(const OneHotOptions& options, const Shape& indices) {
  return static_cast<int>(options.axis < 0 ? options.axis + indices.rank() + 1 : options.axis);
}

/// `shape` with one more axis of that extent.
Shape with_axis(const Shape& shape, int axis, std::int64_t extent) {
  std::vector<std::int64_t> extents = extents_of(shape);
  extents.insert(extents.begin() + axis, extent);
  return Shape(std::span<const std::int64_t>(extents));
}

std::vector<TensorType> infer(const InferContext& context) {
  const auto& options = context.as<OneHotOptions>();
  const Shape& indices = context.shape(0);
  const int axis = axis_of(options, indices);
  if (context.dtype() == DType::boolean) context.fail("expects numbers");
  if (options.depth < 1) context.fail("depth must be at least 1");
  if (axis < 0 || axis > indices.rank()) context.fail("the result has no axis {}", options.axis);
  if (indices.rank() == Shape::kMaxRank) context.fail("expects at most {} axes", Shape::kMaxRank - 1);
  return {{options.to, with_axis(indices, axis, options.depth)}};
}

std::vector<Value> decompose(const RewriteContext& context) {
  const auto& options = context.options.as<OneHotOptions>();
  const Value indices = context.inputs[0];
  const int axis = axis_of(options, indices.shape());
  Shape along{options.depth};
  for (int i = axis; i < indices.shape().rank(); ++i) along = with_axis(along, along.rank(), 1);
  Tensor numbers(DType::i64, along);
  std::iota(numbers.values<std::int64_t>().begin(), numbers.values<std::int64_t>().end(), 0);
  const Value classes = context.graph.constant(numbers.cast(indices.type().dtype));
  const Value column = reshaped(indices, with_axis(indices.shape(), axis, 1));
  const Value from_end = context.graph.emit("Less", {column, number_like(column, 0)});
  const Value depth = number_like(column, static_cast<double>(options.depth));
  const Value place = choose(from_end, context.graph.emit("Add", {column, depth}), column);
  const auto constant = [&](float value) { return context.graph.constant(Tensor::scalar(value).cast(options.to)); };
  return {choose(context.graph.emit("Equal", {place, classes}), constant(options.on), constant(options.off))};
}

void reference(const ReferenceContext& context) {
  const auto& options = context.as<OneHotOptions>();
  const ReferenceTensor& indices = *context.inputs[0];
  ReferenceTensor& y = context.outputs[0];
  const auto axis = static_cast<std::size_t>(axis_of(options, indices.type.shape));
  for (std::int64_t place = 0; place < y.elements(); ++place) {
    auto index = index_of(place, y.type.shape);
    const auto number = static_cast<double>(index[axis]);
    index.erase(index.begin() + static_cast<std::ptrdiff_t>(axis));
    const double wanted = indices.data[place_of(index, indices.type.shape)];
    const bool hit = (wanted < 0 ? wanted + static_cast<double>(options.depth) : wanted) == number;
    y.data[static_cast<std::size_t>(place)] = static_cast<double>(hit ? options.on : options.off);
  }
}

std::vector<Sample> samples() {
  const Tensor some = Tensor::of<std::int64_t>({5}, std::vector<std::int64_t>{-1, 0, 3, 9, -5});
  return {{{{{DType::i64, {5}}, Sample::Fill::index, 7}}, OneHotOptions{7}, "labels"},
          {{{{DType::i32, {2, 3}}, Sample::Fill::index, 4}}, OneHotOptions{4, 1, -1, 2}, "the middle axis"},
          {{{{DType::f32, {2, 3}}, Sample::Fill::boolean}}, OneHotOptions{2, 0}, "the first axis, of floats"},
          {{{some.type(), Sample::Fill::given, 1, some}}, OneHotOptions{4, -1, 0, 1, DType::i64}, "from the end and out of range"},
          {{{{DType::i64, {0}}, Sample::Fill::index, 3}}, OneHotOptions{3}, "nothing"},
          {{{{DType::i64, {}}, Sample::Fill::index, 3}}, OneHotOptions{3}, "one"}};
}

}  // namespace

/// An index that is out of range gives a row of `off`.
std::vector<OpDef> one_hot() {
  OpDef op = mover("OneHot", "y = on where the index along the new axis is the given one, else off", 9, OneHotOptions{});
  op.infer = infer;
  op.decompose = decompose;
  op.reference = reference;
  op.simplify = [](const RewriteContext& context) -> std::optional<std::vector<Value>> { return decompose(context); };
  op.not_differentiable = "it steps from one class to the next";
  op.samples = samples;
  return {std::move(op)};
}

}  // namespace neurons::ops
