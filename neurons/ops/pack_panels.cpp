#include "neurons/ops/common/panels.hpp"

namespace neurons::ops {
namespace {

struct PackCall {
  kernels::PanelShape shape;
  const float* from = nullptr;
  float* to = nullptr;
  std::int64_t input_stride = 0;
  std::int64_t output_stride = 0;
};

void run_pack(const PackCall& call, std::byte*, Worker worker) noexcept {
  kernels::pack_panels(call.shape, call.from, call.input_stride, call.output_stride, call.to, worker);
}

void run_unpack(const PackCall& call, std::byte*, Worker worker) noexcept {
  kernels::unpack_panels(call.shape, call.from, call.to, call.input_stride, call.output_stride, worker);
}

PackCall call_of(const PrepareContext& context) {
  const auto& options = context.as<PanelOptions>();
  return {options.shape(), context.inputs[0].as<float>(), context.outputs[0].as<float>(), options.input_stride(),
          options.output_stride()};
}

/// The plain form of a reference tensor as [inputs][outputs], and back: a transposition where the options say so.
std::vector<double> reorder(const PanelOptions& options, const std::vector<double>& data, bool to_inputs_outputs) {
  if (!options.transposed) return data;
  std::vector<double> result(data.size());
  for (std::int64_t k = 0; k < options.inputs; ++k) {
    for (std::int64_t n = 0; n < options.outputs; ++n) {
      const auto by_input = static_cast<std::size_t>(k * options.outputs + n);
      const auto by_output = static_cast<std::size_t>(n * options.inputs + k);
      result[to_inputs_outputs ? by_input : by_output] = data[to_inputs_outputs ? by_output : by_input];
    }
  }
  return result;
}

/// Pack(Unpack(x)) is x; Pack of a product that is a weight gradient is computed in panels from the start.
std::optional<std::vector<Value>> simplify_pack(const RewriteContext& context) {
  const auto& options = context.options.as<PanelOptions>();
  if (const auto inner = unpacked(context.inputs[0]); inner && inner->options == options) return std::vector{inner->packed};
  const Node* node = producer(context.inputs[0]);
  if (node == nullptr || node->op->name != "Gemm") return std::nullopt;
  const Attributes plain_transposed_a{{"trans_a", true}};
  if (!(node->options == node->op->default_options.with(plain_transposed_a)) || node->inputs.size() != 2) return std::nullopt;
  const Value a = context.graph.value(node->inputs[0]);
  const Value b = context.graph.value(node->inputs[1]);
  const OpDef& weight_gradient = context.graph.table()->find("WeightedSumWeightGradient");
  const std::vector<Value> inputs = options.transposed ? std::vector{b, a} : std::vector{a, b};  // x, dz
  return context.graph.emit_all(weight_gradient, inputs, weight_gradient.default_options, node->name);
}

OpDef base(std::string name, std::string summary) {
  OpDef op;
  op.name = std::move(name);
  op.summary = std::move(summary);
  op.internal = true;
  op.default_options = PanelOptions{};
  op.flops = [](const InferContext&) { return 0.0; };
  return op;
}

}  // namespace

/// PackPanels and its inverse UnpackPanels.
std::vector<OpDef> pack_panels() {
  OpDef pack = base("PackPanels", "Weights in panels of output neurons, the last panel padded with zeros");
  pack.infer = [](const InferContext& context) -> std::vector<TensorType> {
    const auto& options = context.as<PanelOptions>();
    if (context.inputs[0] != TensorType{DType::f32, options.plain_shape()}) {
      context.fail("expects f32{}", options.plain_shape().to_string());
    }
    return {{DType::f32, options.packed_shape()}};
  };
  pack.reference = [](const ReferenceContext& context) {
    const auto& options = context.as<PanelOptions>();
    context.outputs[0].data = panels_from_plain(options, reorder(options, context.inputs[0]->data, true));
  };
  pack.kernels = {{"pack", nullptr, [](const PrepareContext& context) { return Call::of<run_pack>(call_of(context), true); }}};
  pack.simplify = simplify_pack;
  pack.samples = [] {
    std::vector<Sample> samples;
    for (const bool transposed : {false, true}) {
      for (const std::int64_t outputs : {1, 10, 16, 17, 32, 45, 64}) {
        const PanelOptions options{7, outputs, transposed};
        samples.push_back({{{{DType::f32, options.plain_shape()}}}, options, ""});
      }
    }
    return samples;
  };

  OpDef unpack = base("UnpackPanels", "The inverse of PackPanels");
  unpack.infer = [](const InferContext& context) -> std::vector<TensorType> {
    const auto& options = context.as<PanelOptions>();
    if (context.inputs[0] != TensorType{DType::f32, options.packed_shape()}) {
      context.fail("expects f32{}", options.packed_shape().to_string());
    }
    return {{DType::f32, options.plain_shape()}};
  };
  unpack.reference = [](const ReferenceContext& context) {
    const auto& options = context.as<PanelOptions>();
    context.outputs[0].data = reorder(options, plain_from_panels(options, context.inputs[0]->data), false);
  };
  unpack.kernels = {
      {"unpack", nullptr, [](const PrepareContext& context) { return Call::of<run_unpack>(call_of(context), true); }}};
  unpack.simplify = [](const RewriteContext& context) -> std::optional<std::vector<Value>> {
    const Node* node = producer(context.inputs[0]);
    if (node == nullptr || node->op->name != "PackPanels" || !(node->options == context.options)) return std::nullopt;
    return std::vector{context.graph.value(node->inputs[0])};
  };
  unpack.samples = [] {
    std::vector<Sample> samples;
    for (const bool transposed : {false, true}) {
      for (const std::int64_t outputs : {1, 10, 17, 64}) {
        const PanelOptions options{5, outputs, transposed};
        samples.push_back({{{{DType::f32, options.packed_shape()}}}, options, ""});
      }
    }
    return samples;
  };
  return {std::move(pack), std::move(unpack)};
}

}  // namespace neurons::ops
