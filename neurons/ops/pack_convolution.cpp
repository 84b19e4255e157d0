#include <algorithm>

#include "neurons/ops/common/convolution.hpp"
#include "neurons/ops/common/panels.hpp"

namespace neurons::ops {
namespace {

struct PackCall {
  kernels::ConvolutionShape shape;
  const float* from = nullptr;
  float* to = nullptr;
};
PackCall call_of(const PrepareContext& context) {
  return {context.as<ConvolutionOptions>().shape(1), context.inputs[0].as<float>(), context.outputs[0].as<float>()};
}
void run_pack(const PackCall& call, std::byte*, Worker worker) noexcept {
  kernels::pack_convolution(call.shape, call.from, call.to, worker);
}
void run_unpack(const PackCall& call, std::byte*, Worker worker) noexcept {
  kernels::unpack_convolution(call.shape, call.from, call.to, worker);
}
struct TransposeCall {
  PackCall pack;
  std::vector<std::int64_t> taps;
};
void run_transpose(const TransposeCall& call, std::byte*, Worker worker) noexcept {
  kernels::transpose_convolution(call.pack.shape, call.taps, call.pack.from, call.pack.to, worker);
}

/// Calls visit(places, weight) once for each weight.
template <typename Visit>
void for_each_weight(const ConvolutionOptions& options, const Visit& visit) {
  const ConvolutionPlaces at{options.shape(1)};
  const std::int64_t channels = options.channels / options.group;
  for (std::int64_t o = 0; o < options.outputs; ++o) {
    for (std::int64_t c = 0; c < channels; ++c) {
      for (std::int64_t t = 0; t < at.shape.taps(); ++t) {
        visit(at, ConvolutionProduct{0, 0, 0, 0, o, c, t});
      }
    }
  }
}

/// Pack(Unpack(x)) is x.
std::optional<std::vector<Value>> simplify_pack(const RewriteContext& context) {
  const Node* node = producer(context.inputs[0]);
  if (node == nullptr || node->op->name != "UnpackConvolution" || !(node->options == context.options)) return std::nullopt;
  return std::vector{context.graph.value(node->inputs[0])};
}

OpDef base(std::string name, std::string summary) {
  OpDef op;
  op.name = std::move(name);
  op.summary = std::move(summary);
  op.internal = true;
  op.default_options = ConvolutionOptions{};
  op.flops = [](const InferContext&) { return 0.0; };
  return op;
}

/// The op's input and output are f32 of these shapes.
auto infer_as(Shape (ConvolutionOptions::*from)() const, Shape (ConvolutionOptions::*to)() const) {
  return [from, to](const InferContext& context) -> std::vector<TensorType> {
    const auto& options = context.as<ConvolutionOptions>();
    const TensorType expected{DType::f32, (options.*from)()};
    if (context.inputs[0] != expected) context.fail("expects {}", expected.to_string());
    return {{DType::f32, (options.*to)()}};
  };
}

std::vector<Sample> samples_of(Shape (ConvolutionOptions::*from)() const) {
  std::vector<Sample> samples;
  for (const ConvolutionSample& sample : convolution_samples()) {
    samples.push_back({{{{DType::f32, (sample.options.*from)()}}}, sample.options, sample.note});
  }
  return samples;
}

OpDef pack() {
  OpDef op = base("PackConvolution", "A convolution's weights in panels of outputs for each group, padded with zeros");
  op.infer = infer_as(&ConvolutionOptions::weight_shape, &ConvolutionOptions::packed_shape);
  op.reference = [](const ReferenceContext& context) {
    std::ranges::fill(context.outputs[0].data, 0.0);
    for_each_weight(context.as<ConvolutionOptions>(), [&](const ConvolutionPlaces& at, const ConvolutionProduct& weight) {
      context.outputs[0].data[at.packed(weight)] = context.inputs[0]->data[at.w(weight)];
    });
  };
  op.kernels = {{"pack", nullptr, [](const PrepareContext& context) { return Call::of<run_pack>(call_of(context), true); }}};
  op.simplify = simplify_pack;
  op.wants_layout = [](const InferContext& context, std::size_t) {
    return std::optional(Layout{"PackConvolution", "UnpackConvolution", context.options});
  };
  op.samples = [] { return samples_of(&ConvolutionOptions::weight_shape); };
  return op;
}

OpDef unpack() {
  OpDef op = base("UnpackConvolution", "The inverse of PackConvolution");
  op.unpacks = "PackConvolution";
  op.infer = infer_as(&ConvolutionOptions::packed_shape, &ConvolutionOptions::weight_shape);
  op.reference = [](const ReferenceContext& context) {
    for_each_weight(context.as<ConvolutionOptions>(), [&](const ConvolutionPlaces& at, const ConvolutionProduct& weight) {
      context.outputs[0].data[at.w(weight)] = context.inputs[0]->data[at.packed(weight)];
    });
  };
  op.kernels = {{"unpack", nullptr, [](const PrepareContext& context) { return Call::of<run_unpack>(call_of(context), true); }}};
  op.simplify = [](const RewriteContext& context) -> std::optional<std::vector<Value>> {
    const Node* node = producer(context.inputs[0]);
    if (node == nullptr || node->op->name != "PackConvolution" || !(node->options == context.options)) return std::nullopt;
    return std::vector{context.graph.value(node->inputs[0])};
  };
  op.samples = [] { return samples_of(&ConvolutionOptions::packed_shape); };
  return op;
}

OpDef transpose() {
  OpDef op = base("TransposeConvolution", "A convolution's panels as its input gradient reads them");
  op.infer = infer_as(&ConvolutionOptions::packed_shape, &ConvolutionOptions::transposed_shape);
  op.reference = [](const ReferenceContext& context) {
    const auto& options = context.as<ConvolutionOptions>();
    const auto order = transposed_order(options.shape(1));
    std::ranges::fill(context.outputs[0].data, 0.0);
    for_each_weight(options, [&](const ConvolutionPlaces& at, const ConvolutionProduct& weight) {
      context.outputs[0].data[at.transposed(weight, order)] = context.inputs[0]->data[at.packed(weight)];
    });
  };
  op.kernels = {{"transpose", nullptr, [](const PrepareContext& context) {
                   const PackCall pack = call_of(context);
                   return Call::of<run_transpose>(TransposeCall{pack, kernels::transposed_taps(pack.shape)}, true);
                 }}};
  op.samples = [] { return samples_of(&ConvolutionOptions::packed_shape); };
  return op;
}

}  // namespace

/// PackConvolution, its inverse UnpackConvolution, and TransposeConvolution.
std::vector<OpDef> pack_convolution() { return {pack(), unpack(), transpose()}; }

}  // namespace neurons::ops
