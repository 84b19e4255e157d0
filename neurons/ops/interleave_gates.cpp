#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/gates.hpp"
#include "neurons/ops/common/only_f32.hpp"
#include "neurons/ops/common/panels.hpp"
#include "neurons/ops/common/view.hpp"

namespace neurons::ops {
namespace {

struct MoveCall {
  GateOptions options;
  const float* from = nullptr;
  float* to = nullptr;
};
void run_interleave(const MoveCall& call, std::byte*, Worker) noexcept { interleave_rows(call.options, call.from, call.to); }
void run_separate(const MoveCall& call, std::byte*, Worker) noexcept { separate_rows(call.options, call.from, call.to); }

template <auto run>
Call prepare(const PrepareContext& context) {
  return Call::of<run>(MoveCall{context.as<GateOptions>(), context.inputs[0].as<float>(), context.outputs[0].as<float>()}, false);
}

/// Weights are stored in panels, biases in interleaved order.
std::optional<Layout> wants_layout(const InferContext& context, std::size_t) {
  const auto& options = context.as<GateOptions>();
  if (context.dtype() != DType::f32) return std::nullopt;
  if (options.row() == 1) return Layout{"InterleaveGates", "SeparateGates", options};
  return Layout{"PackGates", "UnpackGates", options};
}

/// What was separated is interleaved; packed gates are panels of interleaved columns.
std::optional<std::vector<Value>> simplify_interleave(const RewriteContext& context) {
  const auto& options = context.options.as<GateOptions>();
  const Value plain = without_reshape(context.inputs[0]);
  if (plain != context.inputs[0]) {
    GateOptions of_plain = options;
    of_plain.shape = extents_of(plain.shape());
    return std::vector{context.graph.emit(context.op, {plain}, of_plain)};
  }
  const Node* node = producer(plain);
  if (node == nullptr || !(node->options == context.options)) return std::nullopt;
  const Value inner = context.graph.value(node->inputs[0]);
  if (node->op->name == "SeparateGates") return std::vector{inner};
  if (node->op->name != "UnpackGates") return std::nullopt;
  return std::vector{
      context.graph.emit("UnpackPanels", {inner}, PanelOptions{options.row(), options.gate_shape().columns(), true})};
}

/// What was interleaved is separated; a product that is a weight gradient is computed in panels from the start, where an update can
/// take it.
std::optional<std::vector<Value>> simplify_separate(const RewriteContext& context) {
  const Node* node = producer(context.inputs[0]);
  if (node == nullptr) return std::nullopt;
  Graph& graph = context.graph;
  if (node->op->name == "InterleaveGates" && node->options == context.options) return std::vector{graph.value(node->inputs[0])};
  if (node->op->name != "Gemm" || node->inputs.size() != 2 || context.inputs[0].type().dtype != DType::f32) return std::nullopt;
  if (!(node->options == node->op->default_options.with({{"trans_a", true}}))) return std::nullopt;
  const Value dz = graph.value(node->inputs[0]);
  const Value x = graph.value(node->inputs[1]);
  const Value packed = graph.emit("WeightedSumWeightGradient", {x, dz});
  const Value plain = graph.emit("UnpackPanels", {packed}, PanelOptions{x.shape()[1], dz.shape()[1], true});
  return std::vector{graph.emit(context.op, {plain}, context.options)};
}

std::vector<Sample> samples(bool interleaved) {
  std::vector<Sample> result;
  for (const GateOptions& options : {GateOptions{4, 16, {64, 3}}, GateOptions{3, 5, {1, 15, 7}}, GateOptions{1, 33, {33, 2}},
                                     GateOptions{4, 20, {1, 80}}, GateOptions{3, 21, {63, 2}, true}, GateOptions{1, 1, {1}}}) {
    result.push_back({{{{DType::f32, interleaved ? options.interleaved_shape() : options.plain_shape()}}}, options, ""});
  }
  return result;
}

}  // namespace

/// InterleaveGates and its inverse SeparateGates.
std::vector<OpDef> interleave_gates() {
  OpDef to = gate_op("InterleaveGates", "Rows of gates in interleaved order: those of the same sixteen units together");
  to.infer = [](const InferContext& context) -> std::vector<TensorType> {
    const auto& options = context.as<GateOptions>();
    require_gates(context, options);
    if (context.shape(0) != options.plain_shape()) context.fail("expects {}", options.plain_shape().to_string());
    return {{context.dtype(), options.interleaved_shape()}};
  };
  to.reference = [](const ReferenceContext& context) {
    interleave_rows(context.as<GateOptions>(), context.inputs[0]->data.data(), context.outputs[0].data.data());
  };
  to.gradient = [](GradientContext& context) {
    context.set(0, context.graph().emit("SeparateGates", {context.gradient()}, context.options()));
  };
  to.kernels = {{"interleave", only_f32, prepare<run_interleave>}};
  to.simplify = simplify_interleave;
  to.wants_layout = wants_layout;
  to.samples = [] { return samples(false); };

  OpDef back = gate_op("SeparateGates", "The inverse of InterleaveGates");
  back.infer = [](const InferContext& context) -> std::vector<TensorType> {
    const auto& options = context.as<GateOptions>();
    require_gates(context, options);
    if (context.shape(0) != options.interleaved_shape()) context.fail("expects {}", options.interleaved_shape().to_string());
    return {{context.dtype(), options.plain_shape()}};
  };
  back.reference = [](const ReferenceContext& context) {
    separate_rows(context.as<GateOptions>(), context.inputs[0]->data.data(), context.outputs[0].data.data());
  };
  back.gradient = [](GradientContext& context) {
    context.set(0, context.graph().emit("InterleaveGates", {context.gradient()}, context.options()));
  };
  back.kernels = {{"separate", only_f32, prepare<run_separate>}};
  back.simplify = simplify_separate;
  back.samples = [] { return samples(true); };
  return {std::move(to), std::move(back)};
}

}  // namespace neurons::ops
