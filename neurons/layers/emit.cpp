#include "neurons/layers/emit.hpp"

#include <numeric>

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

bool is_step_mask(const Value& given) { return given.type().dtype != DType::f32; }

Value step_mask(BuildContext& context, Value x, Value given) {
  const TensorType mask{DType::boolean, {x.shape()[0], x.shape()[1]}};
  if (given.type() == mask) return given;
  const DType dtype = given.type().dtype;
  const Shape lengths{x.shape()[0]};
  if (given.shape() != lengths || (dtype != DType::i64 && dtype != DType::i32)) {
    fail_input("{}: expects a mask {} or lengths {}, got {}", context.graph().scope(), mask.to_string(),
               TensorType{DType::i64, lengths}.to_string(), given.type().to_string());
  }
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(x.shape()[1]));
  std::iota(numbers.begin(), numbers.end(), 0);
  const Value step = context.graph().constant(Tensor::of<std::int64_t>({1, x.shape()[1]}, numbers).cast(dtype));
  return context.graph().emit("Less", {step, reshape(given, {x.shape()[0], 1})});
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
