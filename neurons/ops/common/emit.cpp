#include "neurons/ops/common/emit.hpp"

#include <numeric>
#include <optional>
#include <utility>

namespace neurons::ops {

Value sum_over(Value value, const std::vector<std::int64_t>& axes, bool keep_dims) {
  if (axes.empty()) return value;
  return emit_with("ReduceSum", {value}, {{"axes", axes}, {"keep_dims", keep_dims}});
}

Value transposed(Value value, const std::vector<std::int64_t>& permutation) {
  bool same = true;
  for (std::size_t i = 0; i < permutation.size(); ++i) same = same && permutation[i] == static_cast<std::int64_t>(i);
  return same ? value : emit_with("Transpose", {value}, {{"perm", permutation}});
}

Value transposed_last_two(Value value) {
  std::vector<std::int64_t> permutation(static_cast<std::size_t>(value.shape().rank()));
  std::iota(permutation.begin(), permutation.end(), 0);
  std::swap(permutation[permutation.size() - 2], permutation.back());
  return transposed(value, permutation);
}

Value expanded(Value value, const Shape& shape) {
  return value.shape() == shape ? value : emit_with("Expand", {value}, {{"shape", extents_of(shape)}});
}

Value sliced(Value value, std::int64_t axis, std::int64_t start, std::int64_t end) {
  using List = std::vector<std::int64_t>;
  return emit_with("Slice", {value}, {{"starts", List{start}}, {"ends", List{end}}, {"axes", List{axis}}});
}

void replace_by(OpDef& op, std::function<std::vector<Value>(const RewriteContext&)> decomposition) {
  op.simplify = [](const RewriteContext& context) { return std::optional(context.op.decompose(context)); };
  op.decompose = std::move(decomposition);
}

std::vector<std::int64_t> extents_of(const Shape& shape) { return {shape.extents().begin(), shape.extents().end()}; }

}  // namespace neurons::ops
