#include <algorithm>
#include <cmath>
#include <numeric>

#include "neurons/ops/common/choose.hpp"
#include "neurons/ops/common/move.hpp"
#include "neurons/ops/common/row_op.hpp"

namespace neurons::ops {
namespace {

std::vector<TensorType> infer(const InferContext& context) {
  const std::int64_t axis = context.as<RowOptions>().axis;
  const int rank = context.shape(0).rank();
  if (context.dtype() != DType::f32 && context.dtype() != DType::f64) context.fail("expects floats");
  if (axis < -rank || axis >= rank) context.fail("there is no axis {}", axis);
  return {context.inputs[0]};
}

std::vector<Value> decompose(const RewriteContext& context) {
  const Value x = context.inputs[0];
  if (x.shape().elements() == 0) return {x};
  const int axis = x.shape().normalized_axis(context.options.as<RowOptions>().axis);
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(x.shape()[axis]));
  std::iota(numbers.begin(), numbers.end(), 0);
  std::vector<std::int64_t> along(static_cast<std::size_t>(x.shape().rank() - axis), 1);
  along[0] = x.shape()[axis];
  const Value places = context.graph.constant(Tensor::of<std::int64_t>(Shape(std::span<const std::int64_t>(along)), numbers));
  const Value best = emit_with("ArgMax", {x}, {{"axis", std::int64_t{axis}}});
  return {choose(context.graph.emit("Equal", {best, places}), number_like(x, 1), 0.0)};
}

void reference(const ReferenceContext& context) {
  const auto& x = context.inputs[0]->data;
  for_each_row(context, [&](std::span<const std::size_t> row) {
    const auto best = std::ranges::max_element(
        row, [&](std::size_t a, std::size_t b) { return std::isnan(x[b]) ? !std::isnan(x[a]) : x[a] < x[b]; });
    for (const std::size_t i : row) context.outputs[0].data[i] = i == *best ? 1 : 0;
  });
}

}  // namespace

/// NaN is larger than all, as to ArgMax.
std::vector<OpDef> hardmax() {
  OpDef op = mover("Hardmax", "y = 1 at the first of the largest elements along the axis, else 0", 13, RowOptions{});
  op.infer = infer;
  op.reference = reference;
  replace_by(op, decompose);
  op.gradient = [](GradientContext& context) { context.set_zero(); };
  op.flops = nullptr;
  op.samples = [] {
    const Tensor ties = Tensor::of<float>({2, 4}, std::vector<float>{1, 3, 3, -3, 2, 2, 2, 2});
    return std::vector<Sample>{{{{{DType::f32, {3, 7}}, Sample::Fill::distinct}}, RowOptions{}, "rows"},
                               {{{{DType::f32, {2, 5, 3}}, Sample::Fill::distinct}}, RowOptions{1}, "the middle axis"},
                               {{{{DType::f64, {3, 2}}, Sample::Fill::distinct}}, RowOptions{-2}, "columns of doubles"},
                               {{{ties.type(), Sample::Fill::given, 1, ties, false}}, RowOptions{}, "ties"},
                               {{{{DType::f32, {0, 3}}}}, RowOptions{}, "no rows"}};
  };
  return {std::move(op)};
}

}  // namespace neurons::ops
