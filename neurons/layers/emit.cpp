#include "neurons/layers/emit.hpp"

namespace neurons {

Value single_input(BuildContext& context, const std::vector<Value>& inputs) {
  if (inputs.size() != 1) fail_input("{}: takes one input, got {}", context.graph().scope(), inputs.size());
  return inputs.front();
}

Value reshape(Value value, const Shape& shape) {
  if (value.shape() == shape) return value;
  const std::vector<std::int64_t> extents(shape.extents().begin(), shape.extents().end());
  return emit_with("Reshape", {value}, {{"shape", extents}, {"allow_zero", true}});
}

}  // namespace neurons
