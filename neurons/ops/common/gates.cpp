#include "neurons/ops/common/gates.hpp"

#include <utility>

#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/panels.hpp"

namespace neurons::ops {

OpDef gate_op(std::string name, std::string summary) {
  OpDef op;
  op.name = std::move(name);
  op.summary = std::move(summary);
  op.internal = true;
  op.default_options = GateOptions{};
  op.flops = [](const InferContext&) { return 0.0; };
  return op;
}

void require_gates(const InferContext& context, const GateOptions& options) {
  const std::int64_t rows = options.gates * options.hidden;
  if (options.gates < 1 || options.hidden < 1 || options.plain_shape().elements() % rows != 0) {
    context.fail("expects {} gates of {} units as rows of {}", options.gates, options.hidden, options.plain_shape().to_string());
  }
}

Value interleaved(Value plain, const kernels::GateShape& gates) {
  const GateOptions options{gates.gates, gates.hidden, extents_of(plain.shape()), gates.separate};
  return plain.graph().emit("InterleaveGates", {plain}, options);
}

Value without_reshape(Value value) {
  const Node* node = producer(value);
  return node != nullptr && node->op->name == "Reshape" ? value.graph().value(node->inputs[0]) : value;
}

}  // namespace neurons::ops
