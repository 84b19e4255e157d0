#include <algorithm>
#include <functional>

#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/plain_loops.hpp"

namespace neurons::ops {
namespace {

/// Constant zeros of that type.
bool is_zeros(const Value& value, const TensorType& type) {
  const ValueInfo& info = value.graph().info(value.id());
  if (info.kind != ValueKind::constant || info.type != type) return false;
  return std::ranges::all_of(info.constant->bytes(), [](std::byte byte) { return byte == std::byte{0}; });
}

/// x + 0 is x (a -0 stays one): an optional second bias that a layer does not have.
std::optional<std::vector<Value>> simplify(const RewriteContext& context) {
  const Value a = context.inputs[0];
  const Value b = context.inputs[1];
  if (is_zeros(b, a.type())) return std::vector{a};
  if (is_zeros(a, b.type())) return std::vector{b};
  return std::nullopt;
}

}  // namespace

std::vector<OpDef> add() {
  OpDef op = binary("Add", "y = a + b, broadcasting", kernels::add, [](double a, double b) { return a + b; });
  take_all_numbers<2>(op, [](auto a, auto b) { return wrapping(a, b, std::plus<>()); });
  op.onnx = {{"Add", 7, ""}};
  op.gradient = [](GradientContext& context) {
    for (const std::size_t i : {0U, 1U}) {
      if (context.wants(i)) context.set(i, sum_to(context.gradient(), context.input(i).shape()));
    }
  };
  op.simplify = simplify;
  op.samples = [] { return number_samples(Sample::Fill::normal); };
  return {std::move(op)};
}

}  // namespace neurons::ops
