#include "neurons/layers/emit.hpp"

namespace neurons {

Value single_input(BuildContext& context, const std::vector<Value>& inputs) {
  if (inputs.size() != 1) fail_input("{}: takes one input, got {}", context.graph().scope(), inputs.size());
  return inputs.front();
}

Value sequence_input(BuildContext& context, Value x) {
  if (x.shape().rank() == 3 && x.type().dtype == DType::f32) return x;
  fail_input("{}: expects [batch, time, features], got {}{}", context.graph().scope(), x.type().to_string(),
             x.type().dtype == DType::i64 ? "; add an Embedding before it" : "");
}

Value existing_steps(Value x, Value mask) {
  Graph& graph = x.graph();
  std::vector<std::int64_t> extents(static_cast<std::size_t>(x.shape().rank()), 1);
  extents[0] = x.shape()[0];
  extents[1] = x.shape()[1];
  return graph.emit("Where", {reshape(mask, Shape(std::span<const std::int64_t>(extents))), x, graph.scalar(0)});
}

Value first_steps(Value value, std::int64_t count) {
  const std::vector<std::int64_t> zero{0};
  return emit_with("Slice", {value}, {{"starts", zero}, {"ends", std::vector{count}}, {"axes", zero}});
}

Value reshape(Value value, const Shape& shape) {
  if (value.shape() == shape) return value;
  const std::vector<std::int64_t> extents(shape.extents().begin(), shape.extents().end());
  return emit_with("Reshape", {value}, {{"shape", extents}, {"allow_zero", true}});
}

}  // namespace neurons
