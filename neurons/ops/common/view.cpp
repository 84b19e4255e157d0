#include "neurons/ops/common/view.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "neurons/ops/common/panels.hpp"

namespace neurons::ops {
namespace {

struct CopyCall {
  const std::byte* from = nullptr;
  std::byte* to = nullptr;
  std::size_t bytes = 0;
};

/// The same elements under the shape that `value` is a view of; absent if it is no view, or one of the bits of another type.
Value seen_by(const Value& value) {
  const Node* node = producer(value);
  if (node == nullptr || !node->op->view) return {};
  const Value seen = value.graph().value(node->inputs[0]);
  return seen.type().dtype == value.type().dtype ? seen : Value{};
}

std::int64_t rows_of(const Shape& shape) { return shape.product(0, shape.rank() - 1); }

bool has_columns(const Shape& shape, std::int64_t columns) { return shape.rank() >= 1 && shape[-1] == columns; }

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

std::optional<std::vector<Value>> rows_before_view(const RewriteContext& context, std::size_t own_inputs) {
  const Shape& shown = context.inputs[0].shape();
  const Value rows = seen_by(context.inputs[0]);
  if (!rows || context.inputs.size() > own_inputs || !has_columns(rows.shape(), shown[-1])) return std::nullopt;
  if (rows_of(rows.shape()) != rows_of(shown)) return std::nullopt;                // of no columns, any number of rows
  if (rows.shape().product(1, rows.shape().rank() - 1) <= 1) return std::nullopt;  // one row a sample: nothing to gain
  std::vector<Value> inputs(context.inputs.begin(), context.inputs.end());
  inputs[0] = rows;
  const Value result = context.graph.emit_all(context.op, inputs, context.options, context.name).front();
  return std::vector{reshaped(result, shown.with(-1, result.shape()[-1]))};
}

std::optional<std::vector<Value>> elements_before_view(const RewriteContext& context) {
  if (std::ranges::none_of(context.inputs, [](const Value& input) { return static_cast<bool>(seen_by(input)); }))
    return std::nullopt;
  std::vector<TensorType> types;
  std::vector<bool> present;
  for (const Value& input : context.inputs) {
    types.push_back(input ? input.type() : TensorType{});
    present.push_back(static_cast<bool>(input));
  }
  const auto results = context.op.infer({context.op, context.options, types, present});
  const Shape& result = results.front().shape;
  const bool alike = std::ranges::all_of(results, [&](const TensorType& type) {
    return type.shape == result && (type.dtype == DType::f32 || type.dtype == DType::boolean);
  });
  if (!alike) return std::nullopt;
  Value first;
  std::vector<Value> inputs;
  for (const Value& input : context.inputs) {
    inputs.push_back(input);
    if (!input || input.shape() != result) continue;
    inputs.back() = seen_by(input);
    const bool follows = inputs.back() && input.type().dtype == DType::f32;
    if (!follows || (first && inputs.back().shape() != first.shape())) return std::nullopt;
    first = inputs.back();
  }
  if (!first || first.shape().rank() < 1 || rows_of(first.shape()) <= 1) return std::nullopt;  // one row: an update's gradient
  const Shape& shape = first.shape();
  for (const Value& input : context.inputs) {
    if (!input || input.shape() == result) continue;
    const bool is_number = input.shape().elements() == 1 && input.shape().rank() <= shape.rank();  // or Dropout's step
    const bool is_row = input.shape().rank() == 1 && has_columns(shape, input.shape()[0]) && has_columns(result, input.shape()[0]);
    if (!is_number && !is_row) return std::nullopt;
  }
  std::vector<Value> outputs = context.graph.emit_all(context.op, inputs, context.options, context.name);
  for (Value& output : outputs) output = reshaped(output, result);
  return outputs;
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
