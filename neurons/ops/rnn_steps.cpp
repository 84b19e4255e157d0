#include "neurons/kernels/recurrent_any.hpp"
#include "neurons/ops/common/recurrent.hpp"

namespace neurons::ops {
namespace {

enum Input : std::size_t { kSums, kPanels, kH, kWalkLengths };
enum Output : std::size_t { kY, kLastH, kPrevious };

WalkSizes sizes_of(const InferContext& context) { return walk_sizes(context, {1, context.as<StepsOptions>().hidden}); }
WalkSizes sizes_of(const Shape& sums, std::int64_t hidden) { return {sums[0], sums[1], {1, hidden}}; }

std::size_t at(std::int64_t index) { return static_cast<std::size_t>(index); }

GateFunction function_of(const StepsOptions& options) { return options.functions({"Tanh"}, 1)[0]; }

void reference(const ReferenceContext& context) {
  const auto& options = context.as<StepsOptions>();
  const ReferenceTensor& sums = *context.inputs[kSums];
  const WalkSizes sizes = sizes_of(sums.type.shape, options.hidden);
  const std::int64_t hidden = options.hidden;
  const std::int64_t columns = sizes.gates.columns();
  const GateFunction function = function_of(options);
  const std::vector<double> weights = recurrent_rows(sizes.gates, context.inputs[kPanels]->data);
  for (std::int64_t row = 0; row < sizes.batch; ++row) {
    std::vector<double> h(at(hidden));
    for (std::int64_t u = 0; u < hidden; ++u) h[at(u)] = number(operand(context, kH), row * hidden + u);
    for_each_step(sizes.steps, options.reverse, [&](std::int64_t step, std::int64_t) {
      const std::int64_t place = step * sizes.batch + row;
      const bool active = is_active(operand(context, kWalkLengths), row, step);
      std::vector<double> next = h;
      for (std::int64_t u = 0; u < hidden; ++u) {
        double z = sums.data[at(place * columns + u)];  // one gate: columns are units
        for (std::int64_t k = 0; k < hidden; ++k) z += h[at(k)] * weights[at(k * columns + u)];
        if (active) next[at(u)] = function(z);
        context.outputs[kPrevious].data[at(place * hidden + u)] = h[at(u)];
        context.outputs[kY].data[at(place * hidden + u)] = active ? next[at(u)] : 0;
      }
      h = next;
    });
    for (std::int64_t u = 0; u < hidden; ++u) context.outputs[kLastH].data[at(row * hidden + u)] = h[at(u)];
  }
}

void gradient(GradientContext& context) {
  const auto& options = context.as<StepsOptions>();
  Graph& graph = context.graph();
  const auto optional = [&](std::size_t index) { return context.has_input(index) ? context.input(index) : Value{}; };
  const auto arriving = [&](std::size_t index) { return context.has_gradient(index) ? context.gradient(index) : Value{}; };
  const std::vector<Value> inputs{turned_panels(context.input(kPanels), {1, options.hidden}), context.output(kY),
                                  optional(kWalkLengths), arriving(kY), arriving(kLastH)};
  const auto slopes = graph.emit_all(graph.table()->find("RnnStepsGradient"), inputs, context.options());
  context.set(kSums, slopes[0]);
  if (context.wants(kPanels)) {
    context.set(kPanels, graph.emit("WeightedSumWeightGradient", {context.output(kPrevious), slopes[0]}));
  }
  if (context.has_input(kH) && context.wants(kH)) context.set(kH, slopes[1]);
}

void run_forward(const kernels::RnnForward& call, std::byte* scratch, Worker worker) noexcept {
  kernels::rnn(call, scratch, worker);
}

Call prepare(const PrepareContext& context) {
  const auto& options = context.as<StepsOptions>();
  const WalkSizes sizes = sizes_of(context.inputs[kSums].type.shape, options.hidden);
  kernels::RnnForward call;
  call.shape = recurrent_shape(sizes, options.reverse, context.input(kWalkLengths));
  call.activation = function_of(options).kernel();
  call.sums = context.inputs[kSums].as<float>();
  call.panels = context.inputs[kPanels].as<float>();
  call.initial_h = context.input(kH).as<float>();
  call.y = context.outputs[kY].as<float>();
  call.last_h = context.outputs[kLastH].as<float>();
  call.previous = context.outputs[kPrevious].as<float>();
  return Call::of<run_forward>(call, true, kernels::scratch_bytes(call));
}

// The walk backwards.

enum SlopeInput : std::size_t { kTurned, kSavedY, kSlopeLengths, kDy, kLastDh };

WalkSizes slope_sizes(const InferContext& context) {
  const Shape& y = context.shape(kSavedY);
  const std::int64_t hidden = context.as<StepsOptions>().hidden;
  if (hidden < 1 || y.rank() != 3 || y[2] != hidden) context.fail("expects y [steps, batch, {}]", hidden);
  return sizes_of(y, hidden);
}

void slope_reference(const ReferenceContext& context) {
  const auto& options = context.as<StepsOptions>();
  const std::vector<double>& y = context.inputs[kSavedY]->data;
  const WalkSizes sizes = sizes_of(context.inputs[kSavedY]->type.shape, options.hidden);
  const std::int64_t hidden = options.hidden;
  const std::int64_t columns = sizes.gates.columns();
  const GateFunction function = function_of(options);
  const std::vector<double> turned = plain_from_panels(turned_options(sizes.gates), context.inputs[kTurned]->data);
  std::vector<double>& dsums = context.outputs[0].data;
  std::ranges::fill(dsums, 0.0);
  for (std::int64_t row = 0; row < sizes.batch; ++row) {
    std::vector<double> dh(at(hidden));
    for (std::int64_t u = 0; u < hidden; ++u) dh[at(u)] = number(operand(context, kLastDh), row * hidden + u);
    for_each_step(sizes.steps, !options.reverse, [&](std::int64_t step, std::int64_t) {
      if (!is_active(operand(context, kSlopeLengths), row, step)) return;
      const std::int64_t place = step * sizes.batch + row;
      std::vector<double> before(at(hidden), 0.0);
      for (std::int64_t u = 0; u < hidden; ++u) {
        const double slope =
            (dh[at(u)] + number(operand(context, kDy), place * hidden + u)) * function.slope(y[at(place * hidden + u)]);
        dsums[at(place * columns + u)] = slope;
        for (std::int64_t k = 0; k < hidden; ++k) before[at(k)] += slope * turned[at(u * hidden + k)];
      }
      dh = before;
    });
    for (std::int64_t u = 0; u < hidden; ++u) context.outputs[1].data[at(row * hidden + u)] = dh[at(u)];
  }
}

void run_backward(const kernels::RnnBackward& call, std::byte* scratch, Worker worker) noexcept {
  kernels::rnn_gradient(call, scratch, worker);
}

Call prepare_backward(const PrepareContext& context) {
  const auto& options = context.as<StepsOptions>();
  const WalkSizes sizes = sizes_of(context.inputs[kSavedY].type.shape, options.hidden);
  kernels::RnnBackward call;
  call.shape = recurrent_shape(sizes, options.reverse, context.input(kSlopeLengths));
  call.activation = function_of(options).kernel();
  call.turned = context.inputs[kTurned].as<float>();
  call.y = context.inputs[kSavedY].as<float>();
  call.dy = context.input(kDy).as<float>();
  call.last_dh = context.input(kLastDh).as<float>();
  call.dsums = context.outputs[0].as<float>();
  call.initial_dh = context.outputs[1].as<float>();
  return Call::of<run_backward>(call, true, kernels::scratch_bytes(call));
}

std::vector<Sample> walk_samples(bool slopes) {
  std::vector<Sample> samples;
  for (const WalkSample& sample : recurrent_walk_samples()) {
    StepsOptions options;
    options.hidden = sample.hidden;
    options.reverse = sample.reverse;
    if (sample.hidden == 21) options.activations = {"Relu"};
    if (sample.hidden == 48) options.activations = {"Softplus"};
    if (sample.hidden == 40) options.clip = 0.4F;
    const WalkSizes sizes{sample.steps, sample.batch, {1, sample.hidden}};
    const Sample::Input state = sample.input(sizes.state(), sample.optional);
    if (slopes) {
      samples.push_back({{sample.input(turned_options(sizes.gates).packed_shape()), sample.input(sizes.y()), sample.lengths(),
                          sample.input(sizes.y(), sample.has_dy()), state},
                         options,
                         sample.note(),
                         1e-4});
    } else {
      const PanelOptions panels{sample.hidden, sizes.gates.columns(), true};
      samples.push_back(
          {{sample.input(sizes.sums()), sample.input(panels.packed_shape()), state, sample.lengths()}, options, sample.note()});
    }
  }
  return samples;
}

}  // namespace

/// RnnSteps, the recurrent part of RNN in one direction, and its gradient.
std::vector<OpDef> rnn_steps() {
  OpDef op = walk_op("RnnSteps",
                     "h step by step; inputs: sums of the inputs [steps, batch, units], recurrent weights in panels, first h, "
                     "lengths; outputs: y, last h, h before each step",
                     StepsOptions{}, 3);
  op.minimum_inputs = 2;
  op.maximum_inputs = 4;
  op.infer = [](const InferContext& context) -> std::vector<TensorType> {
    const WalkSizes sizes = sizes_of(context);
    return {{DType::f32, sizes.y()}, {DType::f32, sizes.state()}, {DType::f32, sizes.y()}};
  };
  op.reference = reference;
  op.gradient = gradient;
  op.kernels = {{"rnn", nullptr, prepare}};
  op.flops = [](const InferContext& context) { return walk_flops(sizes_of(context)); };
  op.samples = [] { return walk_samples(false); };

  OpDef back = walk_gradient_op(
      "RnnStepsGradient",
      "The walk of RnnSteps backwards; inputs: recurrent weights transposed, y, lengths, dy, d last h; outputs: d sums, d first h",
      StepsOptions{}, 2);
  back.minimum_inputs = 2;
  back.maximum_inputs = 5;
  back.infer = [](const InferContext& context) -> std::vector<TensorType> {
    const WalkSizes sizes = slope_sizes(context);
    return {{DType::f32, sizes.sums()}, {DType::f32, sizes.state()}};
  };
  back.reference = slope_reference;
  back.kernels = {{"rnn_gradient", nullptr, prepare_backward}};
  back.flops = [](const InferContext& context) { return walk_flops(slope_sizes(context)); };
  back.samples = [] { return walk_samples(true); };
  return {std::move(op), std::move(back)};
}

}  // namespace neurons::ops
