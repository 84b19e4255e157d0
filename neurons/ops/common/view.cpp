#include "neurons/ops/common/view.hpp"

#include <cstring>
#include <utility>

namespace neurons::ops {
namespace {

struct CopyCall {
  const std::byte* from = nullptr;
  std::byte* to = nullptr;
  std::size_t bytes = 0;
};

void run_copy(const CopyCall& copy, std::byte*, Worker worker) noexcept {
  if (copy.from == copy.to) return;
  constexpr std::size_t kGrain = 4096;
  const auto [begin, end] = split_work(copy.bytes, worker, kGrain);
  if (begin != end) std::memcpy(copy.to + begin, copy.from + begin, end - begin);
}

}  // namespace

Call copy_call(const std::byte* from, std::byte* to, std::size_t bytes) {
  return Call::of<run_copy>(CopyCall{from, to, bytes}, from != to);
}

Value reshaped(Value value, const Shape& shape) {
  if (value.shape() == shape) return value;
  const OpDef& op = value.graph().table()->find("Reshape");
  const std::vector<std::int64_t> extents(shape.extents().begin(), shape.extents().end());
  return value.graph().emit(op, {value}, op.default_options.with({{"shape", extents}, {"allow_zero", true}}));
}

OpDef view_op(std::string name, std::string summary, Options defaults, std::function<Shape(const InferContext&)> target) {
  OpDef op;
  op.name = std::move(name);
  op.summary = std::move(summary);
  op.source = "https://onnx.ai/onnx/operators/onnx__" + op.name + ".html";
  op.default_options = std::move(defaults);
  op.infer = [target = std::move(target)](const InferContext& context) -> std::vector<TensorType> {
    return {{context.dtype(), target(context)}};
  };
  op.gradient = [](GradientContext& context) { context.set(0, reshaped(context.gradient(), context.input(0).shape())); };
  op.reference = [](const ReferenceContext& context) { context.outputs[0].data = context.inputs[0]->data; };
  op.kernels = {{"view", nullptr, [](const PrepareContext& context) {
                   return copy_call(context.inputs[0].data, context.outputs[0].data, context.inputs[0].type.bytes());
                 }}};
  op.view = true;
  op.may_alias = [](const InferContext&) { return std::vector<std::pair<int, int>>{{0, 0}}; };
  op.flops = [](const InferContext&) { return 0.0; };
  op.simplify = [](const RewriteContext& context) -> std::optional<std::vector<Value>> {
    const InferContext infer{context.op, context.options, std::span(&context.inputs[0].type(), 1), {true}};
    const Shape result = context.op.infer(infer).front().shape;
    if (result == context.inputs[0].shape()) return std::vector{context.inputs[0]};
    const int node = context.graph.info(context.inputs[0].id()).node;  // a view of a view is one view
    if (node < 0 || context.graph.node(node).op->name != "Reshape") {
      return context.op.name == "Reshape" ? std::nullopt : std::optional(std::vector{reshaped(context.inputs[0], result)});
    }
    return std::vector{reshaped(context.graph.value(context.graph.node(node).inputs[0]), result)};
  };
  return op;
}

}  // namespace neurons::ops
