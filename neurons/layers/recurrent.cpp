#include "neurons/layers/recurrent.hpp"

#include "neurons/layers/emit.hpp"

namespace neurons {
namespace {

/// A layer of any of the three kinds.
struct Kind {
  std::string op;
  std::int64_t gates = 1;
  Attributes attributes;
  Initializer bias{"constant", 0.0F};
  bool has_recurrent_bias = false;  ///< of the last gate
  std::int64_t hidden = 1;
  std::int64_t layers = 1;
  bool bidirectional = false;
  bool return_sequences = false;
  float dropout = 0.0F;
  Initializer weight;

  template <typename Layer>
  Kind(std::string name, std::int64_t count, const Layer& layer)
      : op(std::move(name)),
        gates(count),
        hidden(layer.hidden),
        layers(layer.layers),
        bidirectional(layer.bidirectional),
        return_sequences(layer.return_sequences),
        dropout(layer.dropout),
        weight{layer.initializer, layer.initializer_value} {}
};

Value batch_and_time_swapped(Value value) {
  return emit_with("Transpose", {value}, {{"perm", std::vector<std::int64_t>{1, 0, 2}}});
}

Value joined(const std::vector<Value>& parts, std::int64_t axis) {
  if (parts.size() == 1) return parts.front();
  Graph& graph = parts.front().graph();
  const OpDef& concat = graph.table()->find("Concat");
  return graph.emit_all(concat, parts, concat.default_options.with({{"axis", axis}})).front();
}

void require_options(BuildContext& context, const Kind& kind) {
  const std::string& name = context.graph().scope();
  if (kind.hidden < 1) fail_input("{}: hidden = {} must be at least 1", name, kind.hidden);
  if (kind.layers < 1) fail_input("{}: layers = {} must be at least 1", name, kind.layers);
  if (!(kind.dropout >= 0.0F && kind.dropout < 1.0F)) fail_input("{}: dropout = {} must be in [0, 1)", name, kind.dropout);
}

/// A parameter of one direction of one layer.
Value parameter(BuildContext& context, const std::string& name, const Shape& shape, const Initializer& initializer,
                std::int64_t fan_in, std::int64_t fan_out) {
  ParameterSpec spec;
  spec.shape = shape;
  spec.initializer = initializer;
  spec.fan_in = fan_in;
  spec.fan_out = fan_out;
  spec.following.activation = "tanh";
  return context.parameter(name, spec);
}

/// x as [batch, time, features]; what else comes is said in the user's words.
Value require_sequences(BuildContext& context, const std::vector<Value>& inputs) {
  const std::string& name = context.graph().scope();
  if (inputs.empty() || inputs.size() > 2) {
    fail_input("{}: takes the sequences and, if they are padded, their lengths; got {} inputs", name, inputs.size());
  }
  const Shape& x = inputs[0].shape();
  if (x.rank() != 3) {
    fail_input("{}: expects [batch, time, features], got {}; bring it to time steps first, for example Reshape{{{{28, 28}}}}", name,
               x.to_string());
  }
  if (x[1] < 1) fail_input("{}: the sequences {} are empty", name, x.to_string());
  return inputs[0];
}

Value as(Value value, DType to) { return emit_with("Cast", {value}, {{"to", std::string(name_of(to))}}); }

/// Of each sequence of x [batch, time, …] the steps at `places` i64 [batch, time].
Value steps_at(Value x, Value places) {
  return emit_with("GatherND", {x, reshape(places, {x.shape()[0], x.shape()[1], 1})}, {{"batch_dims", std::int64_t{1}}});
}

bool is_mask(const std::vector<Value>& inputs) {
  const Shape& x = inputs[0].shape();
  return inputs.size() == 2 && inputs[1].type() == TensorType{DType::boolean, {x[0], x[1]}};
}

/// The steps where the mask is true first, both parts in the order that they have: padding may be anywhere.
Value existing_first(Value x, Value mask) {
  const std::int64_t time = x.shape()[1];
  std::vector<float> ranks(static_cast<std::size_t>(2 * time));
  for (std::size_t i = 0; i < ranks.size(); ++i) ranks[i] = static_cast<float>(2 * time) - static_cast<float>(i);
  const std::vector<float> later(ranks.begin() + time, ranks.end());
  ranks.resize(static_cast<std::size_t>(time));
  Graph& graph = x.graph();
  const auto row = [&](const std::vector<float>& values) { return graph.constant(Tensor::of<float>({1, time}, values)); };
  const OpDef& best = graph.table()->find("TopK");
  const std::vector<Value> order{graph.emit("Where", {mask, row(ranks), row(later)})};
  const Value places = graph.emit_all(best, order, best.default_options.with({{"k", time}, {"axis", std::int64_t{1}}}))[1];
  return steps_at(x, places);
}

/// The inverse: each step that exists where the mask has it, 0 where there is none.
Value where_they_were(Value y, Value mask) {
  const Value number = emit_with("CumSum", {as(mask, DType::f32)}, {{"axis", std::int64_t{1}}}) - 1;
  const Value places = as(y.graph().emit("Max", {number, y.graph().scalar(0)}), DType::i64);
  return existing_steps(steps_at(y, places), mask);
}

/// Lengths i32 [batch] as ONNX wants them, from lengths or a mask [batch, time]; absent where there is no second input.
Value require_lengths(BuildContext& context, const std::vector<Value>& inputs) {
  if (inputs.size() < 2) return {};
  const Value given = inputs[1];
  const Shape& x = inputs[0].shape();
  const DType dtype = given.type().dtype;
  if (is_mask(inputs)) {
    const Value count =
        emit_with("ReduceSum", {as(given, DType::f32)}, {{"axes", std::vector<std::int64_t>{1}}, {"keep_dims", false}});
    return as(count, DType::i32);
  }
  if (given.shape() != Shape{x[0]} || (dtype != DType::i32 && dtype != DType::i64)) {
    fail_input("{}: expects the lengths of {} sequences as i32 or i64, or a mask bool{}, got {}", context.graph().scope(), x[0],
               Shape{x[0], x[1]}.to_string(), given.type().to_string());
  }
  return dtype == DType::i32 ? given : as(given, DType::i32);
}

/// One direction of one layer: x [time, batch, features] to all steps [time, batch, hidden] and the last state [batch, hidden].
struct Outputs {
  Value steps;
  Value last;
};
Outputs run_direction(BuildContext& context, const Kind& kind, Value x, Value lengths, const std::string& suffix, bool reverse) {
  Graph& graph = context.graph();
  const std::int64_t hidden = kind.hidden;
  const std::int64_t rows = kind.gates * hidden;
  const std::int64_t features = x.shape()[2];
  const Initializer zero{"constant", 0.0F};
  const Value weight = parameter(context, "weight" + suffix, {rows, features}, kind.weight, features, hidden);
  const Value recurrent =
      parameter(context, "recurrent_weight" + suffix, {rows, hidden}, Initializer{"orthogonal", 1.0F}, hidden, hidden);
  const Value bias = parameter(context, "bias" + suffix, {rows}, kind.bias, features, hidden);
  std::vector<Value> biases{bias};  // ONNX adds a second one
  if (kind.has_recurrent_bias) {
    biases.push_back(graph.constant(Tensor(DType::f32, {rows - hidden})));
    biases.push_back(parameter(context, "recurrent_bias" + suffix, {hidden}, zero, hidden, hidden));
  } else {
    biases.push_back(graph.constant(Tensor(DType::f32, {rows})));
  }
  Attributes attributes = kind.attributes;
  attributes.push_back({"hidden_size", hidden});
  if (reverse) attributes.push_back({"direction", std::string("reverse")});
  const OpDef& op = graph.table()->find(kind.op);
  const std::vector<Value> inputs{x, reshape(weight, {1, rows, features}), reshape(recurrent, {1, rows, hidden}),
                                  reshape(joined(biases, 0), {1, 2 * rows}), lengths};
  const auto outputs = graph.emit_all(op, inputs, op.default_options.with(attributes));
  const std::int64_t batch = x.shape()[1];
  return {reshape(outputs[0], {x.shape()[0], batch, hidden}), reshape(outputs[1], {batch, hidden})};
}

Value build_recurrent(BuildContext& context, const std::vector<Value>& inputs, const Kind& kind) {
  require_options(context, kind);
  const Value sequences = require_sequences(context, inputs);
  const Value lengths = require_lengths(context, inputs);
  const bool masked = is_mask(inputs);
  Value x = batch_and_time_swapped(masked ? existing_first(sequences, inputs[1]) : sequences);
  std::vector<Value> last;
  for (std::int64_t l = 0; l < kind.layers; ++l) {
    const std::string suffix = l == 0 ? "" : "_" + std::to_string(l + 1);
    std::vector<Value> steps;
    last.clear();
    for (const bool reverse : {false, true}) {
      if (reverse && !kind.bidirectional) continue;
      const Outputs outputs = run_direction(context, kind, x, lengths, suffix + (reverse ? "_reverse" : ""), reverse);
      steps.push_back(outputs.steps);
      last.push_back(outputs.last);
    }
    x = joined(steps, 2);
    if (l + 1 == kind.layers || kind.dropout == 0.0F || context.mode() == Mode::inference) continue;
    const auto seed = static_cast<std::int64_t>(context.layer_seed() + static_cast<std::uint64_t>(l));
    x = emit_with("Dropout", {x, context.step()}, {{"ratio", static_cast<double>(kind.dropout)}, {"seed", seed}});
  }
  if (!kind.return_sequences) return joined(last, 1);
  const Value all = batch_and_time_swapped(x);
  return masked ? where_they_were(all, inputs[1]) : all;
}

}  // namespace

Value SimpleRnn::build(BuildContext& context, const std::vector<Value>& inputs) const {
  if (activation != "tanh" && activation != "relu") {
    fail_input("{}: unknown activation \"{}\"; a simple recurrent layer takes \"tanh\" or \"relu\"", context.graph().scope(),
               activation);
  }
  Kind kind("RNN", 1, *this);
  const std::vector<std::string> functions{activation == "relu" ? "Relu" : "Tanh"};
  kind.attributes.push_back({"activations", functions});
  return build_recurrent(context, inputs, kind);
}

Value Lstm::build(BuildContext& context, const std::vector<Value>& inputs) const {
  Kind kind("LSTM", 4, *this);
  kind.bias.kind = "forget_gate";
  kind.bias.value = forget_bias;
  return build_recurrent(context, inputs, kind);
}

Value Gru::build(BuildContext& context, const std::vector<Value>& inputs) const {
  Kind kind("GRU", 3, *this);
  kind.attributes.push_back({"linear_before_reset", reset_after});
  kind.has_recurrent_bias = reset_after;
  return build_recurrent(context, inputs, kind);
}

}  // namespace neurons
