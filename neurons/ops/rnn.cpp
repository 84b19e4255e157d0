#include "neurons/ops/common/recurrent.hpp"

namespace neurons::ops {
namespace {

const RecurrentKind& kind() {
  static const RecurrentKind kKind{1, {"Tanh"}, false};
  return kKind;
}

std::vector<Value> decompose(const RewriteContext& context) {
  const auto bias_of = [](const Direction& direction) {
    return direction.input_bias ? direction.input_bias + direction.recurrent_bias : Value{};
  };
  return decompose_recurrent(
      context, context.options.as<RecurrentOptions>(), kind(), bias_of, [&](const Direction& direction) -> Walked {
        const OpDef& op = context.graph.table()->find("RnnSteps");
        const std::vector<Value> inputs{direction.sums, direction.panels, direction.initial_h, direction.lengths};
        const auto outputs = context.graph.emit_all(op, inputs, op.default_options.with(attributes_of(direction.options)));
        return {outputs[0], outputs[1], {}};
      });
}

std::vector<Sample> samples() {
  RecurrentOptions plain;
  RecurrentOptions reverse;
  reverse.direction = "reverse";
  RecurrentOptions both;
  both.direction = "bidirectional";
  both.layout = 1;
  RecurrentOptions rectifier;
  rectifier.activations = {"Relu"};
  RecurrentOptions general;
  general.activations = {"Affine"};
  general.activation_alpha = {0.6F};
  general.activation_beta = {0.1F};
  general.clip = 1.5F;
  return {{recurrent_sample_inputs(kind(), 1, 0, false), plain, "plain"},
          {recurrent_sample_inputs(kind(), 1, 0, true), reverse, "reverse, all inputs, lengths"},
          {recurrent_sample_inputs(kind(), 2, 1, true), both, "bidirectional, batch first, all inputs"},
          {recurrent_sample_inputs(kind(), 1, 0, true), rectifier, "rectifiers"},
          {recurrent_sample_inputs(kind(), 1, 0, true), general, "other activations, clipped"}};
}

}  // namespace

std::vector<OpDef> rnn() {
  OpDef op;
  op.name = "RNN";
  op.summary = "h' = tanh(x · Wᵀ + h · Rᵀ + b), step by step";
  op.source = "https://onnx.ai/onnx/operators/onnx__RNN.html";
  op.minimum_inputs = 3;
  op.maximum_inputs = 6;
  op.default_options = RecurrentOptions{};
  op.infer = [](const InferContext& context) { return recurrent_types(context, context.as<RecurrentOptions>(), kind()); };
  op.decompose = decompose;
  op.remembers = {{kLastHidden, kInitialH}};
  op.flops = [](const InferContext& context) { return recurrent_flops(context, context.as<RecurrentOptions>(), 1); };
  op.onnx = {{"RNN", 7, ""}};
  op.samples = samples;
  return {std::move(op)};
}

}  // namespace neurons::ops
