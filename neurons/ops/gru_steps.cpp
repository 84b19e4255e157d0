#include "neurons/kernels/recurrent_gru_before.hpp"
#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/recurrent.hpp"
#include "neurons/ops/common/view.hpp"

namespace neurons::ops {
namespace {

enum Gate : std::int64_t { kUpdate, kReset, kCandidate, kGates };

struct GruStepsOptions : StepsOptions {
  bool resets_before = false;  ///< the candidate sums r · h, not r · (h · R + b)

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    StepsOptions::fields(self, visit);
    visit("resets_before", self.resets_before);
  }
  std::vector<GateFunction> gate_functions() const { return functions({"Sigmoid", "Tanh"}, 2); }
};

enum Input : std::size_t { kSums, kPanels, kBias, kH, kWalkLengths };
/// kRecurrent: h · R + b of the candidate, or r · h where the reset comes before.
enum Output : std::size_t { kY, kLastH, kPrevious, kActivated, kRecurrent };

WalkSizes sizes_of(const InferContext& context) { return walk_sizes(context, kGates, context.as<GruStepsOptions>().hidden); }
WalkSizes sizes_of(const Shape& sums, std::int64_t hidden) { return {sums[0], sums[1], {kGates, hidden}}; }

std::size_t at(std::int64_t index) { return static_cast<std::size_t>(index); }

void reference(const ReferenceContext& context) {
  const auto& options = context.as<GruStepsOptions>();
  const ReferenceTensor& sums = *context.inputs[kSums];
  const WalkSizes sizes = sizes_of(sums.type.shape, options.hidden);
  const kernels::GateShape& gates = sizes.gates;
  const std::int64_t hidden = gates.hidden;
  const auto functions = options.gate_functions();
  const std::vector<double> weights = recurrent_rows(gates, context.inputs[kPanels]->data);
  for (std::int64_t row = 0; row < sizes.batch; ++row) {
    std::vector<double> h(at(gates.padded()), 0.0);
    for (std::int64_t u = 0; u < hidden; ++u) h[at(u)] = number(operand(context, kH), row * hidden + u);
    for_each_step(sizes.steps, options.reverse, [&](std::int64_t step, std::int64_t) {
      const std::int64_t place = step * sizes.batch + row;
      const bool active = is_active(operand(context, kWalkLengths), row, step);
      const double* const own = sums.data.data() + place * gates.columns();
      const auto recurrent = [&](const std::vector<double>& from, Gate gate, std::int64_t u) {
        double sum = 0;
        for (std::int64_t k = 0; k < hidden; ++k) sum += from[at(k)] * weights[at(k * gates.columns() + gates.column(gate, u))];
        return sum;
      };
      double* const activated = context.outputs[kActivated].data.data() + place * gates.columns();
      std::vector<double> update(h.size()), reset(h.size()), reset_h(h.size());
      for (std::int64_t u = 0; u < gates.padded(); ++u) {
        update[at(u)] = functions[0](own[gates.column(kUpdate, u)] + recurrent(h, kUpdate, u));
        reset[at(u)] = functions[0](own[gates.column(kReset, u)] + recurrent(h, kReset, u));
        reset_h[at(u)] = reset[at(u)] * h[at(u)];
        activated[gates.column(kUpdate, u)] = active ? update[at(u)] : 0;
        activated[gates.column(kReset, u)] = active ? reset[at(u)] : 0;
      }
      const std::vector<double> old = h;
      for (std::int64_t u = 0; u < gates.padded(); ++u) {
        const double bias = u < hidden ? number(operand(context, kBias), u) : 0;
        const double inner = options.resets_before ? recurrent(reset_h, kCandidate, u) : recurrent(old, kCandidate, u) + bias;
        const double candidate =
            functions[1](own[gates.column(kCandidate, u)] + (options.resets_before ? inner : reset[at(u)] * inner));
        if (active) h[at(u)] = (1 - update[at(u)]) * candidate + update[at(u)] * old[at(u)];
        activated[gates.column(kCandidate, u)] = active ? candidate : 0;
        if (u >= hidden) continue;
        context.outputs[kPrevious].data[at(place * hidden + u)] = old[at(u)];
        context.outputs[kRecurrent].data[at(place * hidden + u)] = !active ? 0 : options.resets_before ? reset_h[at(u)] : inner;
        context.outputs[kY].data[at(place * hidden + u)] = active ? h[at(u)] : 0;
      }
    });
    for (std::int64_t u = 0; u < hidden; ++u) context.outputs[kLastH].data[at(row * hidden + u)] = h[at(u)];
  }
}

/// The candidate's part of what reached the recurrent sums, summed over steps and rows.
Value bias_gradient(Value recurrent, std::int64_t hidden) {
  const Value sums = reshaped(sum_over(recurrent, {0, 1}, false), {recurrent.shape()[2], 1});
  const Value plain = recurrent.graph().emit("SeparateGates", {sums}, GateOptions{kGates, hidden, {kGates * hidden}});
  return sliced(plain, 0, kCandidate * hidden, (kCandidate + 1) * hidden);
}

void gradient(GradientContext& context) {
  const auto& options = context.as<GruStepsOptions>();
  Graph& graph = context.graph();
  const auto optional = [&](std::size_t index) { return context.has_input(index) ? context.input(index) : Value{}; };
  const auto arriving = [&](std::size_t index) { return context.has_gradient(index) ? context.gradient(index) : Value{}; };
  const std::vector<Value> inputs{turned_panels(context.input(kPanels), {kGates, options.hidden}),
                                  context.output(kPrevious),
                                  context.output(kActivated),
                                  context.output(kRecurrent),
                                  optional(kWalkLengths),
                                  arriving(kY),
                                  arriving(kLastH)};
  const auto slopes = graph.emit_all(graph.table()->find("GruStepsGradient"), inputs, context.options());
  context.set(kSums, slopes[0]);
  if (context.wants(kPanels)) {
    Value weights = graph.emit("WeightedSumWeightGradient", {context.output(kPrevious), slopes[2]});
    if (options.resets_before) {
      weights = weights + graph.emit("WeightedSumWeightGradient", {context.output(kRecurrent), slopes[3]});
    }
    context.set(kPanels, weights);
  }
  if (context.has_input(kBias) && context.wants(kBias)) context.set(kBias, bias_gradient(slopes[2], options.hidden));
  if (context.has_input(kH) && context.wants(kH)) context.set(kH, slopes[1]);
}

std::string refuse(const InferContext& context) {
  const auto& options = context.as<GruStepsOptions>();
  return options.activations.empty() && options.clip == 0.0F ? "" : "only the default activations, not clipped";
}

void run_forward(const kernels::GruForward& call, std::byte* scratch, Worker worker) noexcept {
  kernels::gru(call, scratch, worker);
}

void run_before(const kernels::GruBeforeForward& call, std::byte* scratch, Worker worker) noexcept {
  kernels::gru_before(call, scratch, worker);
}

Call prepare(const PrepareContext& context) {
  const auto& options = context.as<GruStepsOptions>();
  const WalkSizes sizes = sizes_of(context.inputs[kSums].type.shape, options.hidden);
  const auto output = [&](Output index) { return context.outputs[index].as<float>(); };
  kernels::GruBeforeForward call;
  call.shape = recurrent_shape(sizes, options.reverse, context.input(kWalkLengths));
  call.sums = context.inputs[kSums].as<float>();
  call.panels = context.inputs[kPanels].as<float>();
  call.bias = context.input(kBias).as<float>();
  call.initial_h = context.input(kH).as<float>();
  call.y = output(kY);
  call.last_h = output(kLastH);
  call.previous = output(kPrevious);
  call.activated = output(kActivated);
  call.recurrent = output(kRecurrent);
  if (options.resets_before) return Call::of<run_before>(call, true, kernels::scratch_bytes(call));
  const kernels::GruForward& after = call;
  return Call::of<run_forward>(after, true, kernels::scratch_bytes(after));
}

// The walk backwards.

enum SlopeInput : std::size_t { kTurned, kBefore, kSavedGates, kSavedRecurrent, kSlopeLengths, kDy, kLastDh };

WalkSizes slope_sizes(const InferContext& context) {
  const Shape& activated = context.shape(kSavedGates);
  const std::int64_t hidden = context.as<GruStepsOptions>().hidden;
  if (hidden < 1 || activated.rank() != 3) context.fail("expects gates [steps, batch, columns]");
  const WalkSizes sizes = sizes_of(activated, hidden);
  if (activated != sizes.sums() || context.shape(kBefore) != sizes.y() || context.shape(kSavedRecurrent) != sizes.y()) {
    context.fail("expects gates and recurrent sums of {} units", hidden);
  }
  return sizes;
}

void slope_reference(const ReferenceContext& context) {
  const auto& options = context.as<GruStepsOptions>();
  const WalkSizes sizes = sizes_of(context.inputs[kSavedGates]->type.shape, options.hidden);
  const kernels::GateShape& gates = sizes.gates;
  const std::int64_t hidden = gates.hidden;
  const auto functions = options.gate_functions();
  const std::vector<double> turned = plain_from_panels(turned_options(gates), context.inputs[kTurned]->data);
  std::vector<double>& dsums = context.outputs[0].data;
  std::vector<double>& drecurrent = context.outputs[2].data;
  std::vector<double>& dreset = context.outputs[3].data;
  for (auto* all : {&dsums, &drecurrent, &dreset}) std::ranges::fill(*all, 0.0);
  for (std::int64_t row = 0; row < sizes.batch; ++row) {
    std::vector<double> dh(at(hidden));
    for (std::int64_t u = 0; u < hidden; ++u) dh[at(u)] = number(operand(context, kLastDh), row * hidden + u);
    for_each_step(sizes.steps, !options.reverse, [&](std::int64_t step, std::int64_t) {
      if (!is_active(operand(context, kSlopeLengths), row, step)) return;
      const std::int64_t place = step * sizes.batch + row;
      const std::int64_t first = place * gates.columns();
      const auto gate = [&](Gate which, std::int64_t u) {
        return context.inputs[kSavedGates]->data[at(first + gates.column(which, u))];
      };
      const auto old = [&](std::int64_t u) { return context.inputs[kBefore]->data[at(place * hidden + u)]; };
      const auto saved = [&](std::int64_t u) { return context.inputs[kSavedRecurrent]->data[at(place * hidden + u)]; };
      std::vector<double> before(at(hidden));  // what reaches h before the step
      for (std::int64_t u = 0; u < hidden; ++u) {
        const double total = dh[at(u)] + number(operand(context, kDy), place * hidden + u);
        const double z = gate(kUpdate, u);
        const double n = gate(kCandidate, u);
        before[at(u)] = total * z;
        dsums[at(first + gates.column(kUpdate, u))] = total * (old(u) - n) * functions[0].slope(z);
        dsums[at(first + gates.column(kCandidate, u))] = total * (1 - z) * functions[1].slope(n);
      }
      // What reaches r · h through the candidate's weights, or r · (h · R + b) itself.
      const auto through = [&](const std::vector<double>& slopes, std::int64_t u) {
        double sum = 0;
        for (std::int64_t c = 0; c < gates.columns(); ++c) sum += slopes[at(first + c)] * turned[at(c * hidden + u)];
        return sum;
      };
      if (options.resets_before) {
        for (std::int64_t u = 0; u < hidden; ++u) {
          const auto c = at(first + gates.column(kCandidate, u));
          dreset[c] = dsums[c];
        }
      }
      for (std::int64_t u = 0; u < hidden; ++u) {
        const double r = gate(kReset, u);
        const auto c = at(first + gates.column(kCandidate, u));
        const double into = options.resets_before ? through(dreset, u) : dsums[c];
        dsums[at(first + gates.column(kReset, u))] = into * (options.resets_before ? old(u) : saved(u)) * functions[0].slope(r);
        if (options.resets_before) before[at(u)] += into * r;
        drecurrent[c] = options.resets_before ? 0 : into * r;
        for (const Gate which : {kUpdate, kReset}) {
          drecurrent[at(first + gates.column(which, u))] = dsums[at(first + gates.column(which, u))];
        }
      }
      for (std::int64_t u = 0; u < hidden; ++u) dh[at(u)] = before[at(u)] + through(drecurrent, u);
    });
    for (std::int64_t u = 0; u < hidden; ++u) context.outputs[1].data[at(row * hidden + u)] = dh[at(u)];
  }
}

struct BackwardCall {
  kernels::GruBeforeBackward walk;
  bool resets_before = false;
  std::size_t elements = 0;  ///< of dreset, which is 0 where the reset comes after
};
void run_backward(const BackwardCall& call, std::byte* scratch, Worker worker) noexcept {
  if (call.resets_before) return kernels::gru_before_gradient(call.walk, scratch, worker);
  kernels::gru_gradient(call.walk, scratch, worker);
  if (call.walk.dreset != nullptr && worker.index == 0) std::fill_n(call.walk.dreset, call.elements, 0.0F);
}

Call prepare_backward(const PrepareContext& context) {
  const auto& options = context.as<GruStepsOptions>();
  const WalkSizes sizes = sizes_of(context.inputs[kSavedGates].type.shape, options.hidden);
  BackwardCall call;
  call.walk.shape = recurrent_shape(sizes, options.reverse, context.input(kSlopeLengths));
  call.walk.turned = context.inputs[kTurned].as<float>();
  call.walk.previous = context.inputs[kBefore].as<float>();
  call.walk.activated = context.inputs[kSavedGates].as<float>();
  call.walk.recurrent = context.inputs[kSavedRecurrent].as<float>();
  call.walk.dy = context.input(kDy).as<float>();
  call.walk.last_dh = context.input(kLastDh).as<float>();
  call.walk.dsums = context.outputs[0].as<float>();
  call.walk.initial_dh = context.outputs[1].as<float>();
  call.walk.drecurrent = context.outputs[2].as<float>();
  call.walk.dreset = context.outputs[3].as<float>();
  call.resets_before = options.resets_before;
  call.elements = static_cast<std::size_t>(context.outputs[3].type.shape.elements());
  const std::size_t scratch = kernels::scratch_bytes(call.walk);
  return Call::of<run_backward>(call, true, scratch);
}

std::vector<Sample> walk_samples(bool slopes) {
  std::vector<Sample> samples;
  for (const bool before : {false, true}) {
    for (const WalkSample& sample : recurrent_walk_samples()) {
      GruStepsOptions options;
      options.hidden = sample.hidden;
      options.reverse = sample.reverse;
      options.resets_before = before;
      const WalkSizes sizes{sample.steps, sample.batch, {kGates, sample.hidden}};
      const std::string note = (before ? "reset before " : "") + sample.note();
      const Sample::Input state = sample.input(sizes.state(), sample.optional);
      if (slopes) {
        samples.push_back(
            {{sample.input(turned_options(sizes.gates).packed_shape()), sample.input(sizes.y()), sample.input(sizes.sums()),
              sample.input(sizes.y()), sample.lengths(), sample.input(sizes.y(), sample.has_dy()), state},
             options,
             note,
             1e-4});
      } else {
        const PanelOptions panels{sample.hidden, sizes.gates.columns(), true};
        samples.push_back({{sample.input(sizes.sums()), sample.input(panels.packed_shape()),
                            sample.input({sample.hidden}, sample.optional), state, sample.lengths()},
                           options,
                           note});
      }
    }
  }
  return samples;
}

}  // namespace

/// GruSteps, the recurrent part of GRU in one direction, and its gradient.
std::vector<OpDef> gru_steps() {
  OpDef op = walk_op(
      "GruSteps",
      "h step by step; inputs: sums of the inputs [steps, batch, gates interleaved], recurrent weights in panels, bias of the "
      "candidate's recurrent sum, first h, lengths; outputs: y, last h, h before each step, gates, the candidate's recurrent sum",
      GruStepsOptions{}, 5);
  op.minimum_inputs = 2;
  op.maximum_inputs = 5;
  op.infer = [](const InferContext& context) -> std::vector<TensorType> {
    const WalkSizes sizes = sizes_of(context);
    const TensorType y{DType::f32, sizes.y()};
    return {y, {DType::f32, sizes.state()}, y, {DType::f32, sizes.sums()}, y};
  };
  op.reference = reference;
  op.gradient = gradient;
  op.kernels = {{"gru", refuse, prepare}};
  op.flops = [](const InferContext& context) { return walk_flops(sizes_of(context)); };
  op.samples = [] { return walk_samples(false); };

  OpDef back = walk_gradient_op(
      "GruStepsGradient",
      "The walk of GruSteps backwards; inputs: recurrent weights transposed, h before each step, gates, the candidate's recurrent "
      "sum, lengths, dy, d last h; outputs: d sums of the inputs, d first h, d recurrent sums, d recurrent sums of r · h",
      GruStepsOptions{}, 4);
  back.minimum_inputs = 4;
  back.maximum_inputs = 7;
  back.infer = [](const InferContext& context) -> std::vector<TensorType> {
    const WalkSizes sizes = slope_sizes(context);
    const TensorType sums{DType::f32, sizes.sums()};
    return {sums, {DType::f32, sizes.state()}, sums, sums};
  };
  back.reference = slope_reference;
  back.kernels = {{"gru_gradient", refuse, prepare_backward}};
  back.flops = [](const InferContext& context) { return walk_flops(slope_sizes(context)); };
  back.samples = [] { return walk_samples(true); };
  return {std::move(op), std::move(back)};
}

}  // namespace neurons::ops
