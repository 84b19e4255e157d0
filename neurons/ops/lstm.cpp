#include "neurons/ops/common/recurrent.hpp"

namespace neurons::ops {
namespace {

struct LstmOptions : RecurrentOptions {
  bool input_forget = false;  ///< the forget gate is 1 - the input gate

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    RecurrentOptions::fields(self, visit);
    visit("input_forget", self.input_forget);
  }
};

const RecurrentKind& kind() {
  static const RecurrentKind kKind{4, {"Sigmoid", "Tanh", "Tanh"}, true};
  return kKind;
}

std::vector<Value> decompose(const RewriteContext& context) {
  const auto& options = context.options.as<LstmOptions>();
  const auto bias_of = [](const Direction& direction) {
    return direction.input_bias ? direction.input_bias + direction.recurrent_bias : Value{};
  };
  RecurrentKind own = kind();
  own.separate = options.input_forget;
  return decompose_recurrent(context, options, own, bias_of, [&](const Direction& direction) -> Walked {
    const OpDef& op = context.graph.table()->find("LstmSteps");
    Attributes attributes = attributes_of(direction.options);
    attributes.push_back({"input_forget", options.input_forget});
    const std::vector<Value> inputs{direction.sums,      direction.panels,  direction.initial_h,
                                    direction.initial_c, direction.lengths, direction.peepholes};
    const auto outputs = context.graph.emit_all(op, inputs, op.default_options.with(attributes));
    return {outputs[0], outputs[1], outputs[2]};
  });
}

std::vector<Sample> samples() {
  const auto all = [](std::int64_t directions, std::int64_t layout, bool optional) {
    return recurrent_sample_inputs(kind(), directions, layout, optional);
  };
  const auto with = [](const std::string& direction, std::int64_t layout) {
    LstmOptions options;
    options.direction = direction;
    options.layout = layout;
    return options;
  };
  LstmOptions general = with("forward", 0);
  general.activations = {"HardSigmoid", "ScaledTanh", "Softsign"};
  general.activation_alpha = {0.3F, 1.5F};
  general.activation_beta = {0.4F, 0.7F};
  general.clip = 3.0F;
  LstmOptions coupled = with("forward", 0);
  coupled.input_forget = true;
  coupled.clip = 0.9F;
  return {{all(1, 0, false), with("forward", 0), "plain"},
          {all(1, 0, true), with("reverse", 0), "reverse, all inputs, lengths"},
          {all(2, 1, true), with("bidirectional", 1), "bidirectional, batch first, all inputs"},
          {all(1, 0, true), general, "other activations"},
          {all(1, 0, false), coupled, "coupled and clipped"}};
}

}  // namespace

std::vector<OpDef> lstm() {
  OpDef op;
  op.name = "LSTM";
  op.summary =
      "i, o, f = σ(x · Wᵀ + h · Rᵀ + p · c + b), g = tanh(x · Wᵀ + h · Rᵀ + b), c' = f · c + i · g, h' = o · tanh(c'), step by "
      "step";
  op.source = "https://onnx.ai/onnx/operators/onnx__LSTM.html";
  op.minimum_inputs = 3;
  op.maximum_inputs = 8;
  op.default_options = LstmOptions{};
  op.infer = [](const InferContext& context) { return recurrent_types(context, context.as<LstmOptions>(), kind()); };
  op.decompose = decompose;
  op.remembers = {{kLastHidden, kInitialH}, {kLastCell, kInitialC}};
  op.flops = [](const InferContext& context) { return recurrent_flops(context, context.as<LstmOptions>(), 4); };
  op.onnx = {{"LSTM", 7, ""}};
  op.samples = samples;
  return {std::move(op)};
}

}  // namespace neurons::ops
