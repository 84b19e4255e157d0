#include "neurons/ops/common/channels.hpp"
#include "neurons/ops/common/panels.hpp"

namespace neurons::ops {
namespace {

struct PackCall {
  PanelOptions options;
  const float* from = nullptr;
  float* to = nullptr;
};

/// Calls visit(place in [inputs][outputs] in the order of the packed inputs, place in the plain form) for every weight.
template <typename Visit>
void for_each_place(const PanelOptions& options, const Visit& visit) {
  for (std::int64_t k = 0; k < options.inputs; ++k) {
    const std::int64_t plain = options.plain_input(k) * options.input_stride();
    for (std::int64_t n = 0; n < options.outputs; ++n) {
      visit(static_cast<std::size_t>(k * options.outputs + n), static_cast<std::size_t>(plain + n * options.output_stride()));
    }
  }
}

void run_pack(const PackCall& call, std::byte* scratch, Worker worker) noexcept {
  const PanelOptions& options = call.options;
  if (options.channels == 0) {
    return kernels::pack_panels(options.shape(), call.from, options.input_stride(), options.output_stride(), call.to, worker);
  }
  auto* const rows = reinterpret_cast<float*>(scratch);
  for_each_place(options, [&](std::size_t by_input, std::size_t plain) { rows[by_input] = call.from[plain]; });
  kernels::pack_panels(options.shape(), rows, options.outputs, 1, call.to, worker);
}

void run_unpack(const PackCall& call, std::byte* scratch, Worker worker) noexcept {
  const PanelOptions& options = call.options;
  if (options.channels == 0) {
    return kernels::unpack_panels(options.shape(), call.from, call.to, options.input_stride(), options.output_stride(), worker);
  }
  auto* const rows = reinterpret_cast<float*>(scratch);
  kernels::unpack_panels(options.shape(), call.from, rows, options.outputs, 1, worker);
  for_each_place(options, [&](std::size_t by_input, std::size_t plain) { call.to[plain] = rows[by_input]; });
}

/// Weights are packed to be loaded and unpacked to be saved: where their inputs change places too, one worker does it in two moves.
template <auto run>
Call prepare(const PrepareContext& context) {
  const auto& options = context.as<PanelOptions>();
  const bool moves = options.channels != 0;
  const std::size_t scratch = moves ? static_cast<std::size_t>(options.inputs * options.outputs) * sizeof(float) : 0;
  return Call::of<run>(PackCall{options, context.inputs[0].as<float>(), context.outputs[0].as<float>()}, !moves, scratch);
}

/// The plain form of a reference tensor as [inputs][outputs], and back.
std::vector<double> reorder(const PanelOptions& options, const std::vector<double>& data, bool to_inputs_outputs) {
  std::vector<double> result(data.size());
  for_each_place(options, [&](std::size_t by_input, std::size_t plain) {
    result[to_inputs_outputs ? by_input : plain] = data[to_inputs_outputs ? plain : by_input];
  });
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
  const std::string name = node->name;
  const OpDef& weight_gradient = context.graph.table()->find("WeightedSumWeightGradient");
  const Value x = rows_channels_last(options.transposed ? b : a, options.channels);
  const std::vector<Value> inputs{x, options.transposed ? a : b};
  return context.graph.emit_all(weight_gradient, inputs, weight_gradient.default_options, name);
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
  pack.gradient = [](GradientContext& context) {
    context.set(0, context.graph().emit("UnpackPanels", {context.gradient()}, context.options()));
  };
  pack.kernels = {{"pack", nullptr, prepare<run_pack>}};
  pack.simplify = simplify_pack;
  pack.samples = [] {
    std::vector<Sample> samples;
    for (const bool transposed : {false, true}) {
      for (const std::int64_t outputs : {1, 10, 16, 17, 32, 45, 64}) {
        const PanelOptions options{7, outputs, transposed};
        samples.push_back({{{{DType::f32, options.plain_shape()}}}, options, ""});
      }
      const PanelOptions image{15, 17, transposed, 3};
      samples.push_back({{{{DType::f32, image.plain_shape()}}}, image, "channels last"});
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
  unpack.kernels = {{"unpack", nullptr, prepare<run_unpack>}};
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
      const PanelOptions image{15, 33, transposed, 5};
      samples.push_back({{{{DType::f32, image.packed_shape()}}}, image, "channels last"});
    }
    return samples;
  };
  return {std::move(pack), std::move(unpack)};
}

}  // namespace neurons::ops
