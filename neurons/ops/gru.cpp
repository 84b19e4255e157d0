#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/recurrent.hpp"

namespace neurons::ops {
namespace {

struct GruOptions : RecurrentOptions {
  bool linear_before_reset = false;

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    RecurrentOptions::fields(self, visit);
    visit("linear_before_reset", self.linear_before_reset);
  }
};

const RecurrentKind& kind() {
  static const RecurrentKind kKind{3, {"Sigmoid", "Tanh"}, false};
  return kKind;
}

/// Where the reset comes after the candidate's recurrent sum, that sum has a bias of its own.
std::vector<Value> decompose(const RewriteContext& context) {
  const auto& options = context.options.as<GruOptions>();
  Graph& graph = context.graph;
  const auto bias_of = [&](const Direction& direction) {
    if (!direction.input_bias) return Value{};
    const Value both = direction.input_bias + direction.recurrent_bias;
    if (!options.linear_before_reset) return both;
    const std::int64_t hidden = direction.options.hidden;
    return emit_with("Concat", {sliced(both, 0, 0, 2 * hidden), sliced(direction.input_bias, 0, 2 * hidden, 3 * hidden)},
                     {{"axis", std::int64_t{0}}});
  };
  RecurrentKind own = kind();
  own.separate = !options.linear_before_reset;
  return decompose_recurrent(context, options, own, bias_of, [&](const Direction& direction) -> Walked {
    const OpDef& op = graph.table()->find("GruSteps");
    Attributes attributes = attributes_of(direction.options);
    attributes.push_back({"resets_before", !options.linear_before_reset});
    const std::int64_t hidden = direction.options.hidden;
    const bool has_bias = options.linear_before_reset && direction.recurrent_bias;
    const Value bias = has_bias ? sliced(direction.recurrent_bias, 0, 2 * hidden, 3 * hidden) : Value{};
    const std::vector<Value> inputs{direction.sums, direction.panels, bias, direction.initial_h, direction.lengths};
    const auto outputs = graph.emit_all(op, inputs, op.default_options.with(attributes));
    return {outputs[0], outputs[1], {}};
  });
}

std::vector<Sample> samples() {
  std::vector<Sample> result;
  for (const bool after : {false, true}) {
    GruOptions options;
    options.linear_before_reset = after;
    result.push_back({recurrent_sample_inputs(kind(), 1, 0, false), options, "plain"});
    options.direction = "reverse";
    result.push_back({recurrent_sample_inputs(kind(), 1, 0, true), options, "reverse, all inputs, lengths"});
    options.direction = "bidirectional";
    options.layout = 1;
    result.push_back({recurrent_sample_inputs(kind(), 2, 1, true), options, "bidirectional, batch first, all inputs"});
    options.direction = "forward";
    options.layout = 0;
    options.activations = {"HardSigmoid", "Elu"};
    options.activation_alpha = {0.3F, 0.7F};
    options.clip = 1.1F;
    result.push_back({recurrent_sample_inputs(kind(), 1, 0, true), options, "other activations"});
  }
  return result;
}

}  // namespace

std::vector<OpDef> gru() {
  OpDef op;
  op.name = "GRU";
  op.summary =
      "z, r = σ(x · Wᵀ + h · Rᵀ + b), n = tanh(x · Wᵀ + (r · h) · Rᵀ + b) or tanh(x · Wᵀ + r · (h · Rᵀ + b) + b), "
      "h' = (1 - z) · n + z · h, step by step";
  op.source = "https://onnx.ai/onnx/operators/onnx__GRU.html";
  op.minimum_inputs = 3;
  op.maximum_inputs = 6;
  op.default_options = GruOptions{};
  op.infer = [](const InferContext& context) { return recurrent_types(context, context.as<GruOptions>(), kind()); };
  op.decompose = decompose;
  op.remembers = {{kLastHidden, kInitialH}};
  op.flops = [](const InferContext& context) { return recurrent_flops(context, context.as<GruOptions>(), 3); };
  op.onnx = {{"GRU", 7, ""}};
  op.samples = samples;
  return {std::move(op)};
}

}  // namespace neurons::ops
