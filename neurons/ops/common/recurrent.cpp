#include "neurons/ops/common/recurrent.hpp"

#include <algorithm>
#include <numeric>

#include "neurons/base/suggest.hpp"
#include "neurons/ops/common/choose.hpp"
#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/view.hpp"

namespace neurons::ops {
namespace {

std::int64_t directions_of(const RecurrentOptions& options) { return options.direction == "bidirectional" ? 2 : 1; }

/// Extents of an ONNX node, of inputs that have been checked.
struct Sizes {
  std::int64_t directions, steps, batch, features, hidden;

  Sizes(const RecurrentOptions& options, const Shape& x, const Shape& recurrent)
      : directions(directions_of(options)),
        steps(x[options.layout == 0 ? 0 : 1]),
        batch(x[options.layout == 0 ? 1 : 0]),
        features(x[2]),
        hidden(recurrent[2]) {}
  Shape state(std::int64_t layout) const {
    return layout == 0 ? Shape{directions, batch, hidden} : Shape{batch, directions, hidden};
  }
};

void require_attributes(const InferContext& context, const RecurrentOptions& options, const RecurrentKind& kind) {
  static const std::vector<std::string> kDirections{"forward", "reverse", "bidirectional"};
  if (std::ranges::find(kDirections, options.direction) == kDirections.end()) {
    context.fail("unknown direction \"{}\"{}", options.direction, nearest_or_all(options.direction, kDirections));
  }
  if (options.layout != 0 && options.layout != 1) context.fail("layout = {}, expected 0 or 1", options.layout);
  if (!(options.clip >= 0)) context.fail("clip = {} must be at least 0", options.clip);
  const std::size_t count = static_cast<std::size_t>(directions_of(options)) * kind.activations.size();
  if (!options.activations.empty() && options.activations.size() != count) {
    context.fail("names {} activations, {} direction(s) take {}", options.activations.size(), directions_of(options), count);
  }
  resolve_functions(options.activations, options.activation_alpha, options.activation_beta);
}

void require_input(const InferContext& context, std::size_t index, const char* name, const Shape& shape) {
  if (!context.has(index)) return;
  if (context.shape(index) != shape)
    context.fail("expects {} {}, got {}", name, shape.to_string(), context.shape(index).to_string());
}

/// Rows `direction` of the first axis, without that axis.
Value of_direction(Value value, std::int64_t direction) {
  if (!value) return value;
  const Value part = value.shape()[0] == 1 ? value : sliced(value, 0, direction, direction + 1);
  return reshaped(part, Shape(part.shape().extents().subspan(1)));
}

/// Constant lengths that are no lengths are an error of the graph; those that are inputs are looked at when a plan runs, others cut
/// to the data.
void require_lengths(const RewriteContext& context, Value lengths, std::int64_t steps) {
  if (!lengths) return;
  const ValueInfo& info = context.graph.info(lengths.id());
  if (info.kind != ValueKind::constant) return;
  const auto values = info.constant->values<std::int32_t>();
  for (std::size_t row = 0; row < values.size(); ++row) {
    if (values[row] >= 0 && values[row] <= steps) continue;
    fail_input("{}{}: sequence_lens[{}] = {}, the data has {} steps", context.name.empty() ? "" : context.name + ": ",
               context.op.name, row, values[row], steps);
  }
}

/// x [steps, batch, features] with 0 in the steps that do not exist: NaN that stands there would reach the weights as 0 · NaN.
Value existing_steps(Value x, Value lengths) {
  if (!lengths) return x;
  const Shape& shape = x.shape();
  std::vector<std::int32_t> numbers(static_cast<std::size_t>(shape[0]));
  std::iota(numbers.begin(), numbers.end(), 0);
  const Value step = x.graph().constant(Tensor::of<std::int32_t>({shape[0], 1, 1}, numbers));
  return choose(x.graph().emit("Less", {step, reshaped(lengths, {1, shape[1], 1})}), x, 0.0);
}

}  // namespace

std::vector<GateFunction> StepsOptions::functions(const std::vector<std::string>& defaults, std::size_t clipped) const {
  const bool complete = alphas.size() == activations.size() && betas.size() == activations.size();
  const GateFunctionNames named = activations.empty() ? resolve_functions(defaults, {}, {})
                                  : complete          ? GateFunctionNames{activations, alphas, betas}
                                                      : resolve_functions(activations, {}, {});
  std::vector<GateFunction> result;
  for (std::size_t i = 0; i < named.names.size(); ++i) {
    result.emplace_back(named.names[i], static_cast<double>(named.alphas[i]), static_cast<double>(named.betas[i]),
                        i < clipped ? static_cast<double>(clip) : 0.0);
  }
  return result;
}

std::vector<TensorType> recurrent_types(const InferContext& context, const RecurrentOptions& options, const RecurrentKind& kind) {
  require_attributes(context, options, kind);
  for (std::size_t i = 0; i < context.inputs.size(); ++i) {
    const DType expected = i == kLengths ? DType::i32 : DType::f32;
    if (context.has(i) && context.dtype(i) != expected) {
      context.fail("expects {}, input {} is {}", name_of(expected), i, name_of(context.dtype(i)));
    }
  }
  if (context.shape(kX).rank() != 3) {
    context.fail("expects x [{}, features], got {}", options.layout == 0 ? "steps, batch" : "batch, steps",
                 context.shape(kX).to_string());
  }
  if (context.shape(kR).rank() != 3) {
    context.fail("expects recurrent weights [directions, {}·hidden, hidden], got {}", kind.gates, context.shape(kR).to_string());
  }
  const Sizes sizes(options, context.shape(kX), context.shape(kR));
  if (sizes.steps < 1) context.fail("the sequence is empty: x {} has no steps", context.shape(kX).to_string());
  if (options.hidden_size != 0 && options.hidden_size != sizes.hidden) {
    context.fail("hidden_size = {}, the recurrent weights {} have {}", options.hidden_size, context.shape(kR).to_string(),
                 sizes.hidden);
  }
  if (sizes.hidden < 1) context.fail("the recurrent weights {} have no units", context.shape(kR).to_string());
  const std::int64_t rows = kind.gates * sizes.hidden;
  require_input(context, kR, "recurrent weights", {sizes.directions, rows, sizes.hidden});
  require_input(context, kW, "weights", {sizes.directions, rows, sizes.features});
  require_input(context, kB, "biases", {sizes.directions, 2 * rows});
  require_input(context, kLengths, "sequence_lens", {sizes.batch});
  require_input(context, kInitialH, "initial_h", sizes.state(options.layout));
  require_input(context, kInitialC, "initial_c", sizes.state(options.layout));
  require_input(context, kPeepholes, "peepholes", {sizes.directions, 3 * sizes.hidden});
  const Shape y = options.layout == 0 ? Shape{sizes.steps, sizes.directions, sizes.batch, sizes.hidden}
                                      : Shape{sizes.batch, sizes.steps, sizes.directions, sizes.hidden};
  const TensorType state{DType::f32, sizes.state(options.layout)};
  std::vector<TensorType> types{{DType::f32, y}, state};
  if (kind.has_cells) types.push_back(state);
  return types;
}

std::vector<Value> decompose_recurrent(const RewriteContext& context, const RecurrentOptions& options, const RecurrentKind& kind,
                                       const std::function<Value(const Direction&)>& bias_of,
                                       const std::function<Walked(const Direction&)>& walk) {
  const auto input = [&](std::size_t index) { return index < context.inputs.size() ? context.inputs[index] : Value{}; };
  const Sizes sizes(options, input(kX).shape(), input(kR).shape());
  const bool batch_first = options.layout == 1;
  require_lengths(context, input(kLengths), sizes.steps);
  const Value x = existing_steps(batch_first ? transposed(input(kX), {1, 0, 2}) : input(kX), input(kLengths));
  const Value rows = reshaped(x, {sizes.steps * sizes.batch, sizes.features});
  const auto state = [&](std::size_t index) {
    return batch_first && input(index) ? transposed(input(index), {1, 0, 2}) : input(index);
  };
  const std::size_t count = kind.activations.size();
  const GateFunctionNames functions = resolve_functions(options.activations, options.activation_alpha, options.activation_beta);
  Graph& graph = context.graph;
  std::vector<Value> ys, last_hs, last_cs;
  for (std::int64_t d = 0; d < sizes.directions; ++d) {
    Direction direction;
    direction.options.hidden = sizes.hidden;
    direction.options.reverse = d == 1 || options.direction == "reverse";
    direction.options.clip = options.clip;
    for (std::size_t i = static_cast<std::size_t>(d) * count;
         !functions.names.empty() && i < (static_cast<std::size_t>(d) + 1) * count; ++i) {
      direction.options.activations.push_back(functions.names[i]);
      direction.options.alphas.push_back(functions.alphas[i]);
      direction.options.betas.push_back(functions.betas[i]);
    }
    if (direction.options.activations == kind.activations) {  // the defaults, spelt out
      direction.options.activations.clear();
      direction.options.alphas.clear();
      direction.options.betas.clear();
    }
    const bool usual = direction.options.has_defaults() && !input(kPeepholes) && !kind.separate;
    direction.options.separate = kind.gates > 1 && !usual;
    const kernels::GateShape gates{kind.gates, sizes.hidden, direction.options.separate};
    if (const Value both = of_direction(input(kB), d)) {
      const std::int64_t half = both.shape()[0] / 2;
      direction.input_bias = sliced(both, 0, 0, half);
      direction.recurrent_bias = sliced(both, 0, half, 2 * half);
    }
    direction.lengths = input(kLengths);
    direction.initial_h = of_direction(state(kInitialH), d);
    direction.initial_c = of_direction(state(kInitialC), d);
    direction.peepholes = of_direction(input(kPeepholes), d);
    const Value weights = interleaved(of_direction(input(kW), d), gates);
    const Value plain_bias = bias_of(direction);
    const Value bias = plain_bias ? reshaped(interleaved(plain_bias, gates), {gates.columns()}) : Value{};
    const OpDef& gemm = graph.table()->find("Gemm");
    const Value sums = graph.emit(gemm, {rows, weights, bias}, gemm.default_options.with({{"trans_b", true}}));
    direction.sums = reshaped(sums, {sizes.steps, sizes.batch, gates.columns()});
    direction.panels = graph.emit("PackPanels", {interleaved(of_direction(input(kR), d), gates)},
                                  PanelOptions{sizes.hidden, gates.columns(), true});
    const Walked walked = walk(direction);
    ys.push_back(reshaped(walked.y, {sizes.steps, 1, sizes.batch, sizes.hidden}));
    last_hs.push_back(reshaped(walked.last_h, {1, sizes.batch, sizes.hidden}));
    if (kind.has_cells) last_cs.push_back(reshaped(walked.last_c, {1, sizes.batch, sizes.hidden}));
  }
  const auto joined = [&](const std::vector<Value>& parts, std::int64_t axis, const std::vector<std::int64_t>& batch_first_order) {
    const OpDef& concat = graph.table()->find("Concat");
    const Value all =
        parts.size() == 1 ? parts[0] : graph.emit_all(concat, parts, concat.default_options.with({{"axis", axis}})).front();
    return batch_first ? transposed(all, batch_first_order) : all;
  };
  std::vector<Value> results{joined(ys, 1, {2, 0, 1, 3}), joined(last_hs, 0, {1, 0, 2})};
  if (kind.has_cells) results.push_back(joined(last_cs, 0, {1, 0, 2}));
  return results;
}

std::vector<Sample::Input> recurrent_sample_inputs(const RecurrentKind& kind, std::int64_t directions, std::int64_t layout,
                                                   bool optional) {
  constexpr std::int64_t kSteps = 4, kBatch = 3, kFeatures = 2, kHidden = 5;
  const Shape state = layout == 0 ? Shape{directions, kBatch, kHidden} : Shape{kBatch, directions, kHidden};
  const auto f32 = [](const Shape& shape) { return Sample::Input{{DType::f32, shape}}; };
  std::vector<Sample::Input> inputs{f32(layout == 0 ? Shape{kSteps, kBatch, kFeatures} : Shape{kBatch, kSteps, kFeatures}),
                                    f32({directions, kind.gates * kHidden, kFeatures}),
                                    f32({directions, kind.gates * kHidden, kHidden})};
  if (!optional) return inputs;
  inputs.push_back(f32({directions, 2 * kind.gates * kHidden}));
  Sample::Input lengths{{DType::i32, {kBatch}}, Sample::Fill::given};
  lengths.value = Tensor::of<std::int32_t>({kBatch}, {3, 4, 0});
  inputs.push_back(lengths);
  inputs.push_back(f32(state));
  if (!kind.has_cells) return inputs;
  inputs.push_back(f32(state));
  inputs.push_back(f32({directions, 3 * kHidden}));
  return inputs;
}

double recurrent_flops(const InferContext& context, const RecurrentOptions& options, std::int64_t gates) {
  const Sizes sizes(options, context.shape(kX), context.shape(kR));
  return 2.0 * static_cast<double>(sizes.directions * sizes.steps * sizes.batch * gates * sizes.hidden) *
         static_cast<double>(sizes.features + sizes.hidden);
}

WalkSizes walk_sizes(const InferContext& context, const kernels::GateShape& gates) {
  const WalkSizes sizes{context.shape(0).rank() == 3 ? context.shape(0)[0] : 0,
                        context.shape(0).rank() == 3 ? context.shape(0)[1] : 0, gates};
  if (gates.hidden < 1 || context.shape(0) != sizes.sums()) {
    context.fail("expects sums [steps, batch, {}] of {} units", gates.columns(), gates.hidden);
  }
  return sizes;
}

std::vector<double> recurrent_rows(const kernels::GateShape& gates, const std::vector<double>& panels) {
  return plain_from_panels({gates.hidden, gates.columns(), true}, panels);
}

PanelOptions turned_options(const kernels::GateShape& gates) { return {gates.columns(), gates.hidden, false}; }

Value turned_panels(Value panels, const kernels::GateShape& gates) {
  const Value plain = panels.graph().emit("UnpackPanels", {panels}, PanelOptions{gates.hidden, gates.columns(), true});
  return panels.graph().emit("PackPanels", {plain}, turned_options(gates));
}

Sample::Input WalkSample::input(const Shape& shape, bool present) const {
  Sample::Input made{{DType::f32, shape}, Sample::Fill::unit};
  made.present = present;
  return made;
}

Sample::Input WalkSample::lengths() const {
  Sample::Input made{{DType::i32, {batch}}, Sample::Fill::index, steps + 1};
  made.present = optional;
  return made;
}

const std::vector<WalkSample>& recurrent_walk_samples() {
  static const std::vector<WalkSample> kSamples{{1, 1, 1, false, false},  {3, 2, 16, false, true},  {5, 7, 21, true, true},
                                                {2, 19, 48, false, true}, {4, 13, 40, true, false}, {2, 0, 3, false, true},
                                                {6, 1, 37, false, true},  {9, 4, 5, true, true},    {8, 3, 17, false, false}};
  return kSamples;
}

const ReferenceTensor* operand(const ReferenceContext& context, std::size_t index) {
  return index < context.inputs.size() ? context.inputs[index] : nullptr;
}

double number(const ReferenceTensor* tensor, std::int64_t index) {
  return tensor == nullptr ? 0.0 : tensor->data[static_cast<std::size_t>(index)];
}

bool is_active(const ReferenceTensor* lengths, std::int64_t row, std::int64_t step) {
  return lengths == nullptr || static_cast<double>(step) < lengths->data[static_cast<std::size_t>(row)];
}

OpDef walk_op(std::string name, std::string summary, Options options, int outputs) {
  OpDef op;
  op.name = std::move(name);
  op.summary = std::move(summary);
  op.internal = true;
  op.default_options = std::move(options);
  op.may_alias = [outputs](const InferContext&) {
    std::vector<std::pair<int, int>> pairs;
    for (int output = 0; output < outputs; ++output) pairs.emplace_back(output, -1);
    return pairs;
  };
  return op;
}

OpDef walk_gradient_op(std::string name, std::string summary, Options options, int outputs) {
  OpDef op = walk_op(std::move(name), std::move(summary), std::move(options), outputs);
  op.not_differentiable = "second derivatives of recurrent layers are not provided";
  return op;
}

double walk_flops(const WalkSizes& sizes) {
  return 2.0 * static_cast<double>(sizes.steps * sizes.batch * sizes.gates.gates * sizes.gates.hidden) *
         static_cast<double>(sizes.gates.hidden);
}

kernels::RecurrentShape recurrent_shape(const WalkSizes& sizes, bool reverse, const Buffer& lengths) {
  return {sizes.steps, sizes.batch, sizes.gates, reverse, lengths.as<std::int32_t>()};
}

}  // namespace neurons::ops
