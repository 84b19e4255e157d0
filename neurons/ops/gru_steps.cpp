#include "neurons/kernels/recurrent_any.hpp"
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
  kernels::GateShape gates() const { return {kGates, hidden, separate}; }
  kernels::AnyGru kernel() const {
    const auto named = gate_functions();
    return {named[0].kernel(), named[1].kernel(), resets_before};
  }
};

enum Input : std::size_t { kSums, kPanels, kBias, kH, kWalkLengths };
/// kRecurrent: h · R + b of the candidate, or r · h where the reset comes before.
enum Output : std::size_t { kY, kLastH, kPrevious, kActivated, kRecurrent };

WalkSizes sizes_of(const InferContext& context) { return walk_sizes(context, context.as<GruStepsOptions>().gates()); }
WalkSizes sizes_of(const Shape& sums, const GruStepsOptions& options) { return {sums[0], sums[1], options.gates()}; }

std::size_t at(std::int64_t index) { return static_cast<std::size_t>(index); }

void reference(const ReferenceContext& context) {
  const auto& options = context.as<GruStepsOptions>();
  const ReferenceTensor& sums = *context.inputs[kSums];
  const WalkSizes sizes = sizes_of(sums.type.shape, options);
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
Value bias_gradient(Value recurrent, const kernels::GateShape& gates) {
  const std::int64_t hidden = gates.hidden;
  const Value sums = reshaped(sum_over(recurrent, {0, 1}, false), {recurrent.shape()[2], 1});
  const Value plain =
      recurrent.graph().emit("SeparateGates", {sums}, GateOptions{kGates, hidden, {kGates * hidden}, gates.separate});
  return sliced(plain, 0, kCandidate * hidden, (kCandidate + 1) * hidden);
}

/// Of the panels: h of the step before times what reached the recurrent sums. Where the reset comes before, the candidate's panels
/// have seen r · h instead.
Value weight_gradient(GradientContext& context, const GruStepsOptions& options, const std::vector<Value>& slopes) {
  Graph& graph = context.graph();
  if (!options.resets_before) return graph.emit("WeightedSumWeightGradient", {context.output(kPrevious), slopes[2]});
  const std::int64_t candidate = options.gates().column(kCandidate, 0);
  const auto joined = [](std::initializer_list<Value> parts, std::int64_t axis) {
    return emit_with("Concat", parts, {{"axis", axis}});
  };
  const Value gates = graph.emit("WeightedSumWeightGradient", {context.output(kPrevious), sliced(slopes[0], 2, 0, candidate)});
  Value own = graph.emit("WeightedSumWeightGradient",
                         {context.output(kRecurrent), sliced(slopes[0], 2, candidate, options.gates().columns())});
  if (own.shape()[2] < gates.shape()[2])
    own = joined({own, graph.constant(Tensor(DType::f32, own.shape()))}, 2);  // one narrow panel
  return joined({gates, own}, 0);
}

void gradient(GradientContext& context) {
  const auto& options = context.as<GruStepsOptions>();
  Graph& graph = context.graph();
  const auto optional = [&](std::size_t index) { return context.has_input(index) ? context.input(index) : Value{}; };
  const auto arriving = [&](std::size_t index) { return context.has_gradient(index) ? context.gradient(index) : Value{}; };
  const std::vector<Value> inputs{turned_panels(context.input(kPanels), options.gates()),
                                  context.output(kPrevious),
                                  context.output(kActivated),
                                  context.output(kRecurrent),
                                  optional(kWalkLengths),
                                  arriving(kY),
                                  arriving(kLastH)};
  const auto slopes = graph.emit_all(graph.table()->find("GruStepsGradient"), inputs, context.options());
  context.set(kSums, slopes[0]);
  if (context.wants(kPanels)) context.set(kPanels, weight_gradient(context, options, slopes));
  if (context.has_input(kBias) && context.wants(kBias)) context.set(kBias, bias_gradient(slopes[2], options.gates()));
  if (context.has_input(kH) && context.wants(kH)) context.set(kH, slopes[1]);
}

std::string refuse(const InferContext& context) {
  const auto& options = context.as<GruStepsOptions>();
  if (options.separate) return "gates lie one after the other";
  if (options.resets_before) return "only a reset behind the sum";
  return options.has_defaults() ? "" : "only the default activations, not clipped";
}

void run_forward(const kernels::GruForward& call, std::byte* scratch, Worker worker) noexcept {
  kernels::gru(call, scratch, worker);
}

void run_any(const kernels::AnyGruForward& call, std::byte* scratch, Worker worker) noexcept {
  kernels::any_gru(call, scratch, worker);
}

Call prepare(const PrepareContext& context) {
  const auto& options = context.as<GruStepsOptions>();
  const WalkSizes sizes = sizes_of(context.inputs[kSums].type.shape, options);
  const auto output = [&](Output index) { return context.outputs[index].as<float>(); };
  kernels::AnyGruForward call;
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
  if (options.separate) {
    call.kind = options.kernel();
    return Call::of<run_any>(call, true, kernels::scratch_bytes(call));
  }
  const kernels::GruForward& usual = call;
  return Call::of<run_forward>(usual, true, kernels::scratch_bytes(usual));
}

// The walk backwards.

enum SlopeInput : std::size_t { kTurned, kBefore, kSavedGates, kSavedRecurrent, kSlopeLengths, kDy, kLastDh };

WalkSizes slope_sizes(const InferContext& context) {
  const Shape& activated = context.shape(kSavedGates);
  const auto& options = context.as<GruStepsOptions>();
  const std::int64_t hidden = options.hidden;
  if (hidden < 1 || activated.rank() != 3) context.fail("expects gates [steps, batch, columns]");
  const WalkSizes sizes = sizes_of(activated, options);
  if (activated != sizes.sums() || context.shape(kBefore) != sizes.y() || context.shape(kSavedRecurrent) != sizes.y()) {
    context.fail("expects gates and recurrent sums of {} units", hidden);
  }
  return sizes;
}

void slope_reference(const ReferenceContext& context) {
  const auto& options = context.as<GruStepsOptions>();
  const WalkSizes sizes = sizes_of(context.inputs[kSavedGates]->type.shape, options);
  const kernels::GateShape& gates = sizes.gates;
  const std::int64_t hidden = gates.hidden;
  const auto functions = options.gate_functions();
  const std::vector<double> turned = plain_from_panels(turned_options(gates), context.inputs[kTurned]->data);
  std::vector<double>& dsums = context.outputs[0].data;
  std::vector<double>& drecurrent = context.outputs[2].data;
  for (auto* all : {&dsums, &drecurrent}) std::ranges::fill(*all, 0.0);
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
      // What slopes of gates [begin, end) give through the weights.
      const auto through = [&](const std::vector<double>& slopes, std::int64_t begin, std::int64_t end, std::int64_t u) {
        double sum = 0;
        for (std::int64_t g = begin; g < end; ++g) {
          for (std::int64_t k = 0; k < hidden; ++k) {
            const std::int64_t column = gates.column(g, k);
            sum += slopes[at(first + column)] * turned[at(column * hidden + u)];
          }
        }
        return sum;
      };
      for (std::int64_t u = 0; u < hidden; ++u) {
        const double r = gate(kReset, u);
        const auto column = [&](Gate which) { return at(first + gates.column(which, u)); };
        const double slope = dsums[column(kCandidate)];
        const double into = options.resets_before ? through(dsums, kCandidate, kGates, u) : slope;
        dsums[column(kReset)] = into * (options.resets_before ? old(u) : saved(u)) * functions[0].slope(r);
        if (options.resets_before) before[at(u)] += into * r;
        drecurrent[column(kUpdate)] = dsums[column(kUpdate)];
        drecurrent[column(kReset)] = dsums[column(kReset)];
        drecurrent[column(kCandidate)] = options.resets_before ? slope : slope * r;
      }
      const std::int64_t end = options.resets_before ? kCandidate : kGates;
      for (std::int64_t u = 0; u < hidden; ++u) dh[at(u)] = before[at(u)] + through(drecurrent, kUpdate, end, u);
    });
    for (std::int64_t u = 0; u < hidden; ++u) context.outputs[1].data[at(row * hidden + u)] = dh[at(u)];
  }
}

void run_backward(const kernels::GruBackward& call, std::byte* scratch, Worker worker) noexcept {
  kernels::gru_gradient(call, scratch, worker);
}
void run_any_backward(const kernels::AnyGruBackward& call, std::byte* scratch, Worker worker) noexcept {
  kernels::any_gru_gradient(call, scratch, worker);
}

Call prepare_backward(const PrepareContext& context) {
  const auto& options = context.as<GruStepsOptions>();
  const WalkSizes sizes = sizes_of(context.inputs[kSavedGates].type.shape, options);
  kernels::AnyGruBackward call;
  call.shape = recurrent_shape(sizes, options.reverse, context.input(kSlopeLengths));
  call.turned = context.inputs[kTurned].as<float>();
  call.previous = context.inputs[kBefore].as<float>();
  call.activated = context.inputs[kSavedGates].as<float>();
  call.recurrent = context.inputs[kSavedRecurrent].as<float>();
  call.dy = context.input(kDy).as<float>();
  call.last_dh = context.input(kLastDh).as<float>();
  call.dsums = context.outputs[0].as<float>();
  call.initial_dh = context.outputs[1].as<float>();
  call.drecurrent = context.outputs[2].as<float>();
  if (options.separate) {
    call.kind = options.kernel();
    return Call::of<run_any_backward>(call, true, kernels::scratch_bytes(call));
  }
  const kernels::GruBackward& usual = call;
  return Call::of<run_backward>(usual, true, kernels::scratch_bytes(usual));
}

/// The usual walk of each size, and those of any kind.
std::vector<GruStepsOptions> sample_options(const WalkSample& sample) {
  GruStepsOptions usual;
  usual.hidden = sample.hidden;
  usual.reverse = sample.reverse;
  GruStepsOptions before = usual;
  before.separate = true;
  before.resets_before = true;
  GruStepsOptions other = usual;
  other.separate = true;
  other.activations = {"HardSigmoid", "Elu"};
  other.alphas = {0.3F, 0.7F};
  other.betas = {0.4F, 0};
  if (sample.steps == 4) other.clip = 0.4F;
  return {usual, before, other};
}

std::vector<Sample> walk_samples(bool slopes) {
  std::vector<Sample> samples;
  for (const WalkSample& sample : recurrent_walk_samples()) {
    for (const GruStepsOptions& options : sample_options(sample)) {
      const WalkSizes sizes{sample.steps, sample.batch, options.gates()};
      const Sample::Input state = sample.input(sizes.state(), sample.optional);
      if (slopes) {
        samples.push_back(
            {{sample.input(turned_options(sizes.gates).packed_shape()), sample.input(sizes.y()), sample.input(sizes.sums()),
              sample.input(sizes.y()), sample.lengths(), sample.input(sizes.y(), sample.has_dy()), state},
             options,
             sample.note(),
             1e-4});
      } else {
        const PanelOptions panels{sample.hidden, sizes.gates.columns(), true};
        const bool has_bias = sample.optional && !options.resets_before;
        samples.push_back({{sample.input(sizes.sums()), sample.input(panels.packed_shape()),
                            sample.input({sample.hidden}, has_bias), state, sample.lengths()},
                           options,
                           sample.note()});
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
  op.kernels = {{"gru", refuse, prepare}, {"any_gru", refuse_interleaved<GruStepsOptions>, prepare}};
  op.flops = [](const InferContext& context) { return walk_flops(sizes_of(context)); };
  op.samples = [] { return walk_samples(false); };

  OpDef back = walk_gradient_op(
      "GruStepsGradient",
      "The walk of GruSteps backwards; inputs: recurrent weights transposed, h before each step, gates, the candidate's recurrent "
      "sum, lengths, dy, d last h; outputs: d sums of the inputs, d first h, d recurrent sums",
      GruStepsOptions{}, 3);
  back.minimum_inputs = 4;
  back.maximum_inputs = 7;
  back.infer = [](const InferContext& context) -> std::vector<TensorType> {
    const WalkSizes sizes = slope_sizes(context);
    const TensorType sums{DType::f32, sizes.sums()};
    return {sums, {DType::f32, sizes.state()}, sums};
  };
  back.reference = slope_reference;
  back.kernels = {{"gru_gradient", refuse, prepare_backward},
                  {"any_gru_gradient", refuse_interleaved<GruStepsOptions>, prepare_backward}};
  back.flops = [](const InferContext& context) { return walk_flops(slope_sizes(context)); };
  back.samples = [] { return walk_samples(true); };
  return {std::move(op), std::move(back)};
}

}  // namespace neurons::ops
