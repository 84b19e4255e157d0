#include "neurons/ops/common/labels.hpp"

#include <limits>
#include <numeric>

#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/view.hpp"

namespace neurons::ops {

Value label_mask(Value labels, std::int64_t classes, std::int64_t ignore_index) {
  Graph& graph = labels.graph();
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(classes));
  std::iota(numbers.begin(), numbers.end(), 0);
  constexpr std::int64_t kNoClass = std::numeric_limits<std::int32_t>::min();
  if (ignore_index >= 0 && ignore_index < classes) numbers[static_cast<std::size_t>(ignore_index)] = kNoClass;
  const Value all = graph.constant(Tensor::of<std::int64_t>({1, classes}, numbers).cast(labels.type().dtype));
  const Value hit = graph.emit("Equal", {reshaped(labels, {labels.shape().elements(), 1}), all});
  return graph.emit("Where", {hit, graph.scalar(1), graph.scalar(0)});
}

Value scores_as_rows(Value scores) {
  const Shape& shape = scores.shape();
  const std::int64_t classes = shape[1];
  std::vector<std::int64_t> classes_last{0};
  for (int axis = 2; axis < shape.rank(); ++axis) classes_last.push_back(axis);
  classes_last.push_back(1);
  const std::int64_t rows = shape[0] * shape.product(2, shape.rank());
  return reshaped(transposed(scores, classes_last), {rows, classes});
}

Value reduce_losses(Value losses, Value row_weights, const std::string& reduction, const Shape& shape) {
  if (reduction == "none") return reshaped(losses, shape);
  const Value sum = sum_over(losses, {0}, false);
  return reduction == "sum" ? sum : sum / sum_over(row_weights, {0}, false);
}

TensorType label_loss_type(const InferContext& context, const std::string& reduction) {
  const Shape& scores = context.shape(0);
  if (reduction != "mean" && reduction != "sum" && reduction != "none") {
    context.fail("reduction \"{}\" is not \"mean\", \"sum\" or \"none\"", reduction);
  }
  if (scores.rank() < 2 || scores[1] == 0) context.fail("expects scores [n, classes, …] of at least one class");
  std::vector<std::int64_t> extents = extents_of(scores);
  extents.erase(extents.begin() + 1);
  const Shape expected{std::span<const std::int64_t>(extents)};
  if (context.dtype(1) != DType::i64 && context.dtype(1) != DType::i32) context.fail("labels must be i64 or i32");
  if (context.shape(1) != expected) context.fail("expects labels {}", expected.to_string());
  if (context.has(2) && context.shape(2) != Shape{scores[1]}) context.fail("expects class weights [{}]", scores[1]);
  return {context.dtype(), reduction == "none" ? expected : Shape{}};
}

}  // namespace neurons::ops
