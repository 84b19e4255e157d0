#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/gates.hpp"
#include "neurons/ops/common/panels.hpp"

namespace neurons::ops {
namespace {

PanelOptions panels_of(const GateOptions& options) { return {options.row(), options.gate_shape().columns(), true}; }

struct PackCall {
  GateOptions options;
  const float* from = nullptr;
  float* to = nullptr;
};

void run_pack(const PackCall& call, std::byte* scratch, Worker worker) noexcept {
  const PanelOptions panels = panels_of(call.options);
  auto* const rows = reinterpret_cast<float*>(scratch);
  interleave_rows(call.options, call.from, rows);
  kernels::pack_panels(panels.shape(), rows, panels.input_stride(), panels.output_stride(), call.to, worker);
}

void run_unpack(const PackCall& call, std::byte* scratch, Worker worker) noexcept {
  const PanelOptions panels = panels_of(call.options);
  auto* const rows = reinterpret_cast<float*>(scratch);
  kernels::unpack_panels(panels.shape(), call.from, rows, panels.input_stride(), panels.output_stride(), worker);
  separate_rows(call.options, rows, call.to);
}

/// Weights are packed to be loaded and unpacked to be saved: one worker does it in two moves.
template <auto run>
Call prepare(const PrepareContext& context) {
  const auto& options = context.as<GateOptions>();
  const auto floats = static_cast<std::size_t>(options.interleaved_shape().elements());
  return Call::of<run>(PackCall{options, context.inputs[0].as<float>(), context.outputs[0].as<float>()}, false,
                       floats * sizeof(float));
}

/// Pack(x · s) is Pack(x) · s for a single number s: a gradient that is clipped stays in panels.
std::optional<std::vector<Value>> scaled(const RewriteContext& context, const Node& product) {
  const Value x = context.graph.value(product.inputs[0]);
  const Value scale = context.graph.value(product.inputs[1]);
  if (x.type() != context.inputs[0].type() || scale.shape().rank() != 0) return std::nullopt;
  return std::vector{context.graph.emit(context.op, {x}, context.options) * scale};
}

/// Pack(Unpack(x)) is x; what was separated is interleaved already, and its panels are those of any matrix.
std::optional<std::vector<Value>> simplify_pack(const RewriteContext& context) {
  const auto& options = context.options.as<GateOptions>();
  const Value plain = without_reshape(context.inputs[0]);
  const Node* node = producer(plain);
  if (node == nullptr || node->inputs.empty()) return std::nullopt;
  if (node->op->name == "Mul" && plain == context.inputs[0]) return scaled(context, *node);
  const bool separated = node->op->name == "SeparateGates";
  if (!separated && node->op->name != "UnpackGates") return std::nullopt;
  const auto& inner = node->options.as<GateOptions>();
  if (inner.gate_shape() != options.gate_shape()) return std::nullopt;
  const Value packed = context.graph.value(node->inputs[0]);
  return std::vector{separated ? context.graph.emit("PackPanels", {packed}, panels_of(options)) : packed};
}

std::vector<Sample> samples(bool packed) {
  std::vector<Sample> result;
  for (const GateOptions& options : {GateOptions{4, 16, {64, 3}}, GateOptions{3, 5, {1, 15, 7}}, GateOptions{3, 21, {63, 2}, true},
                                     GateOptions{1, 33, {33, 2}}, GateOptions{1, 4, {4, 5}}}) {
    result.push_back({{{{DType::f32, packed ? panels_of(options).packed_shape() : options.plain_shape()}}}, options, ""});
  }
  return result;
}

}  // namespace

/// PackGates and its inverse UnpackGates.
std::vector<OpDef> pack_gates() {
  OpDef pack = gate_op("PackGates", "Weights of gates in panels of interleaved columns: PackPanels of InterleaveGates");
  pack.infer = [](const InferContext& context) -> std::vector<TensorType> {
    const auto& options = context.as<GateOptions>();
    require_gates(context, options);
    if (context.inputs[0] != TensorType{DType::f32, options.plain_shape()}) {
      context.fail("expects f32{}", options.plain_shape().to_string());
    }
    return {{DType::f32, panels_of(options).packed_shape()}};
  };
  pack.reference = [](const ReferenceContext& context) {
    const auto& options = context.as<GateOptions>();
    const std::int64_t columns = options.gate_shape().columns();
    const std::int64_t inputs = options.row();
    std::vector<double> rows(static_cast<std::size_t>(columns * inputs));
    interleave_rows(options, context.inputs[0]->data.data(), rows.data());
    std::vector<double> turned(rows.size());
    for (std::int64_t n = 0; n < columns; ++n) {
      for (std::int64_t k = 0; k < inputs; ++k) {
        turned[static_cast<std::size_t>(k * columns + n)] = rows[static_cast<std::size_t>(n * inputs + k)];
      }
    }
    context.outputs[0].data = panels_from_plain(panels_of(options), turned);
  };
  pack.kernels = {{"pack", nullptr, prepare<run_pack>}};
  pack.simplify = simplify_pack;
  pack.samples = [] { return samples(false); };

  OpDef unpack = gate_op("UnpackGates", "The inverse of PackGates");
  unpack.infer = [](const InferContext& context) -> std::vector<TensorType> {
    const auto& options = context.as<GateOptions>();
    require_gates(context, options);
    if (context.inputs[0] != TensorType{DType::f32, panels_of(options).packed_shape()}) {
      context.fail("expects f32{}", panels_of(options).packed_shape().to_string());
    }
    return {{DType::f32, options.plain_shape()}};
  };
  unpack.reference = [](const ReferenceContext& context) {
    const auto& options = context.as<GateOptions>();
    const std::int64_t columns = options.gate_shape().columns();
    const std::int64_t inputs = options.row();
    const std::vector<double> turned = plain_from_panels(panels_of(options), context.inputs[0]->data);
    std::vector<double> rows(turned.size());
    for (std::int64_t n = 0; n < columns; ++n) {
      for (std::int64_t k = 0; k < inputs; ++k) {
        rows[static_cast<std::size_t>(n * inputs + k)] = turned[static_cast<std::size_t>(k * columns + n)];
      }
    }
    separate_rows(options, rows.data(), context.outputs[0].data.data());
  };
  unpack.kernels = {{"unpack", nullptr, prepare<run_unpack>}};
  unpack.simplify = [](const RewriteContext& context) -> std::optional<std::vector<Value>> {
    const Node* node = producer(context.inputs[0]);
    if (node == nullptr || node->op->name != "PackGates" || !(node->options == context.options)) return std::nullopt;
    return std::vector{context.graph.value(node->inputs[0])};
  };
  unpack.samples = [] { return samples(true); };
  return {std::move(pack), std::move(unpack)};
}

}  // namespace neurons::ops
