#include "neurons/kernels/recurrent_any.hpp"
#include "neurons/ops/common/recurrent.hpp"
#include "neurons/ops/common/view.hpp"

namespace neurons::ops {
namespace {

enum Gate : std::int64_t { kInput, kOutput, kForget, kCandidate, kGates };

struct LstmStepsOptions : StepsOptions {
  bool input_forget = false;

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    StepsOptions::fields(self, visit);
    visit("input_forget", self.input_forget);
  }
  std::vector<GateFunction> gate_functions() const { return functions({"Sigmoid", "Tanh", "Tanh"}, 2); }
  kernels::GateShape gates() const { return {kGates, hidden, separate}; }
  kernels::AnyLstm kernel() const {
    const auto named = gate_functions();
    return {named[0].kernel(), named[1].kernel(), named[2].kernel(), input_forget};
  }
};

enum Input : std::size_t { kSums, kPanels, kH, kC, kWalkLengths, kPeeps };
enum Output : std::size_t { kY, kLastH, kLastC, kPrevious, kActivated, kCells };

WalkSizes sizes_of(const InferContext& context) { return walk_sizes(context, context.as<LstmStepsOptions>().gates()); }
WalkSizes sizes_of(const Shape& sums, const LstmStepsOptions& options) { return {sums[0], sums[1], options.gates()}; }

std::size_t at(std::int64_t index) { return static_cast<std::size_t>(index); }

void reference(const ReferenceContext& context) {
  const auto& options = context.as<LstmStepsOptions>();
  const ReferenceTensor& sums = *context.inputs[kSums];
  const WalkSizes sizes = sizes_of(sums.type.shape, options);
  const kernels::GateShape& gates = sizes.gates;
  const auto functions = options.gate_functions();
  const std::vector<double> weights = recurrent_rows(gates, context.inputs[kPanels]->data);
  const ReferenceTensor* peeps = operand(context, kPeeps);
  for (std::int64_t row = 0; row < sizes.batch; ++row) {
    std::vector<double> h(at(gates.padded()), 0.0);
    std::vector<double> c(h.size(), 0.0);
    for (std::int64_t u = 0; u < gates.hidden; ++u) {
      h[at(u)] = number(operand(context, kH), row * gates.hidden + u);
      c[at(u)] = number(operand(context, kC), row * gates.hidden + u);
    }
    for_each_step(sizes.steps, options.reverse, [&](std::int64_t step, std::int64_t) {
      const std::int64_t place = step * sizes.batch + row;
      const bool active = is_active(operand(context, kWalkLengths), row, step);
      std::vector<double> z(sums.data.begin() + place * gates.columns(), sums.data.begin() + (place + 1) * gates.columns());
      for (std::int64_t k = 0; k < gates.hidden; ++k) {
        context.outputs[kPrevious].data[at(place * gates.hidden + k)] = h[at(k)];
        for (std::int64_t n = 0; n < gates.columns(); ++n) z[at(n)] += h[at(k)] * weights[at(k * gates.columns() + n)];
      }
      for (std::int64_t u = 0; u < gates.padded(); ++u) {
        const auto peep = [&](std::int64_t part) { return u < gates.hidden ? number(peeps, part * gates.hidden + u) : 0.0; };
        const auto sum = [&](Gate gate) { return z[at(gates.column(gate, u))]; };
        const double i = functions[0](sum(kInput) + peep(0) * c[at(u)]);
        const double f = options.input_forget ? 1 - i : functions[0](sum(kForget) + peep(2) * c[at(u)]);
        const double g = functions[1](sum(kCandidate));
        const double cell = f * c[at(u)] + i * g;
        const double o = functions[0](sum(kOutput) + peep(1) * cell);
        if (active) {
          c[at(u)] = cell;
          h[at(u)] = o * functions[2](cell);
        }
        double* const activated = context.outputs[kActivated].data.data() + place * gates.columns();
        activated[gates.column(kInput, u)] = active ? i : 0;
        activated[gates.column(kOutput, u)] = active ? o : 0;
        activated[gates.column(kForget, u)] = active ? f : 0;
        activated[gates.column(kCandidate, u)] = active ? g : 0;
        if (u >= gates.hidden) continue;
        context.outputs[kY].data[at(place * gates.hidden + u)] = active ? h[at(u)] : 0;
        context.outputs[kCells].data[at(place * gates.hidden + u)] = c[at(u)];
      }
    });
    for (std::int64_t u = 0; u < gates.hidden; ++u) {
      context.outputs[kLastH].data[at(row * gates.hidden + u)] = h[at(u)];
      context.outputs[kLastC].data[at(row * gates.hidden + u)] = c[at(u)];
    }
  }
}

void gradient(GradientContext& context) {
  const auto& options = context.as<LstmStepsOptions>();
  Graph& graph = context.graph();
  const auto optional = [&](std::size_t index) { return context.has_input(index) ? context.input(index) : Value{}; };
  const auto arriving = [&](std::size_t index) { return context.has_gradient(index) ? context.gradient(index) : Value{}; };
  const kernels::GateShape gates = options.gates();
  const OpDef& op = graph.table()->find("LstmStepsGradient");
  const std::vector<Value> inputs{turned_panels(context.input(kPanels), gates),
                                  context.output(kActivated),
                                  context.output(kCells),
                                  optional(kC),
                                  optional(kWalkLengths),
                                  arriving(kY),
                                  arriving(kLastH),
                                  arriving(kLastC),
                                  optional(kPeeps)};
  const auto slopes = graph.emit_all(op, inputs, context.options());
  context.set(kSums, slopes[0]);
  if (context.wants(kPanels)) {
    context.set(kPanels, graph.emit("WeightedSumWeightGradient", {context.output(kPrevious), slopes[0]}));
  }
  if (context.has_input(kH) && context.wants(kH)) context.set(kH, slopes[1]);
  if (context.has_input(kC) && context.wants(kC)) context.set(kC, slopes[2]);
  if (context.has_input(kPeeps) && context.wants(kPeeps)) context.set(kPeeps, sum_over(slopes[3], {0}, false));
}

std::string refuse(const InferContext& context, std::size_t peepholes) {
  const auto& options = context.as<LstmStepsOptions>();
  if (options.separate) return "gates lie one after the other";
  if (!options.has_defaults() || options.input_forget) return "only the default activations, not clipped, not coupled";
  return context.has(peepholes) ? "no peepholes" : "";
}

void run_forward(const kernels::LstmForward& call, std::byte* scratch, Worker worker) noexcept {
  kernels::lstm(call, scratch, worker);
}
void run_any(const kernels::AnyLstmForward& call, std::byte* scratch, Worker worker) noexcept {
  kernels::any_lstm(call, scratch, worker);
}

Call prepare(const PrepareContext& context) {
  const auto& options = context.as<LstmStepsOptions>();
  const WalkSizes sizes = sizes_of(context.inputs[kSums].type.shape, options);
  const auto output = [&](Output index) { return context.outputs[index].as<float>(); };
  kernels::AnyLstmForward call;
  call.shape = recurrent_shape(sizes, options.reverse, context.input(kWalkLengths));
  call.sums = context.inputs[kSums].as<float>();
  call.panels = context.inputs[kPanels].as<float>();
  call.initial_h = context.input(kH).as<float>();
  call.initial_c = context.input(kC).as<float>();
  call.y = output(kY);
  call.last_h = output(kLastH);
  call.last_c = output(kLastC);
  call.previous = output(kPrevious);
  call.activated = output(kActivated);
  call.cells = output(kCells);
  if (options.separate) {
    call.kind = options.kernel();
    call.peepholes = context.input(kPeeps).as<float>();
    return Call::of<run_any>(call, true, kernels::scratch_bytes(call));
  }
  const kernels::LstmForward& usual = call;
  return Call::of<run_forward>(usual, true, kernels::scratch_bytes(usual));
}

// The walk backwards.

enum SlopeInput : std::size_t { kTurned, kSavedGates, kSavedCells, kFirstC, kSlopeLengths, kDy, kLastDh, kLastDc, kSlopePeeps };

WalkSizes slope_sizes(const InferContext& context) {
  const Shape& activated = context.shape(kSavedGates);
  const auto& options = context.as<LstmStepsOptions>();
  const std::int64_t hidden = options.hidden;
  if (hidden < 1 || activated.rank() != 3) context.fail("expects gates [steps, batch, columns]");
  const WalkSizes sizes = sizes_of(activated, options);
  if (activated != sizes.sums() || context.shape(kSavedCells) != sizes.y())
    context.fail("expects gates and cells of {} units", hidden);
  return sizes;
}

void slope_reference(const ReferenceContext& context) {
  const auto& options = context.as<LstmStepsOptions>();
  const WalkSizes sizes = sizes_of(context.inputs[kSavedGates]->type.shape, options);
  const kernels::GateShape& gates = sizes.gates;
  const std::int64_t hidden = gates.hidden;
  const auto functions = options.gate_functions();
  const std::vector<double> turned = plain_from_panels(turned_options(gates), context.inputs[kTurned]->data);
  const std::vector<double>& activated = context.inputs[kSavedGates]->data;
  const std::vector<double>& cells = context.inputs[kSavedCells]->data;
  const ReferenceTensor* peeps = operand(context, kSlopePeeps);
  std::vector<double>& dsums = context.outputs[0].data;
  std::vector<double>& dpeeps = context.outputs[3].data;
  std::ranges::fill(dsums, 0.0);
  std::ranges::fill(dpeeps, 0.0);
  for (std::int64_t row = 0; row < sizes.batch; ++row) {
    std::vector<double> dh(at(hidden));
    std::vector<double> dc(at(hidden));
    for (std::int64_t u = 0; u < hidden; ++u) {
      dh[at(u)] = number(operand(context, kLastDh), row * hidden + u);
      dc[at(u)] = number(operand(context, kLastDc), row * hidden + u);
    }
    for_each_step(sizes.steps, !options.reverse, [&](std::int64_t step, std::int64_t) {
      if (!is_active(operand(context, kSlopeLengths), row, step)) return;
      const std::int64_t before = options.reverse ? step + 1 : step - 1;
      const bool first = before < 0 || before >= sizes.steps;
      const std::int64_t place = step * sizes.batch + row;
      for (std::int64_t u = 0; u < hidden; ++u) {
        const auto gate = [&](Gate which) { return activated[at(place * gates.columns() + gates.column(which, u))]; };
        const auto slope = [&](Gate which) -> double& { return dsums[at(place * gates.columns() + gates.column(which, u))]; };
        const double cell_before =
            first ? number(operand(context, kFirstC), row * hidden + u) : cells[at((before * sizes.batch + row) * hidden + u)];
        const double cell = cells[at(place * hidden + u)];
        const double total = dh[at(u)] + number(operand(context, kDy), place * hidden + u);
        const double squashed = functions[2](cell);
        slope(kOutput) = total * squashed * functions[0].slope(gate(kOutput));
        double dcell = dc[at(u)] + total * gate(kOutput) * functions[2].slope(squashed);
        if (peeps != nullptr) dcell += slope(kOutput) * number(peeps, hidden + u);
        const double di = dcell * gate(kCandidate) - (options.input_forget ? dcell * cell_before : 0);
        slope(kInput) = di * functions[0].slope(gate(kInput));
        slope(kForget) = options.input_forget ? 0 : dcell * cell_before * functions[0].slope(gate(kForget));
        slope(kCandidate) = dcell * gate(kInput) * functions[1].slope(gate(kCandidate));
        dc[at(u)] = dcell * gate(kForget);
        if (peeps == nullptr) continue;
        dc[at(u)] += slope(kInput) * number(peeps, u) + slope(kForget) * number(peeps, 2 * hidden + u);
        dpeeps[at(row * 3 * hidden + u)] += slope(kInput) * cell_before;
        dpeeps[at((row * 3 + 1) * hidden + u)] += slope(kOutput) * cell;
        dpeeps[at((row * 3 + 2) * hidden + u)] += slope(kForget) * cell_before;
      }
      std::ranges::fill(dh, 0.0);
      for (std::int64_t n = 0; n < gates.columns(); ++n) {
        for (std::int64_t u = 0; u < hidden; ++u) dh[at(u)] += dsums[at(place * gates.columns() + n)] * turned[at(n * hidden + u)];
      }
    });
    for (std::int64_t u = 0; u < hidden; ++u) {
      context.outputs[1].data[at(row * hidden + u)] = dh[at(u)];
      context.outputs[2].data[at(row * hidden + u)] = dc[at(u)];
    }
  }
}

void run_backward(const kernels::AnyLstmBackward& call, std::byte* scratch, Worker worker) noexcept {
  kernels::lstm_gradient(call, scratch, worker);
  if (call.dpeepholes == nullptr || worker.index > 0) return;
  std::fill_n(call.dpeepholes, call.shape.batch * 3 * call.shape.gates.hidden, 0.0F);
}
void run_any_backward(const kernels::AnyLstmBackward& call, std::byte* scratch, Worker worker) noexcept {
  kernels::any_lstm_gradient(call, scratch, worker);
}

Call prepare_backward(const PrepareContext& context) {
  const auto& options = context.as<LstmStepsOptions>();
  const WalkSizes sizes = sizes_of(context.inputs[kSavedGates].type.shape, options);
  kernels::AnyLstmBackward call;
  call.shape = recurrent_shape(sizes, options.reverse, context.input(kSlopeLengths));
  call.turned = context.inputs[kTurned].as<float>();
  call.activated = context.inputs[kSavedGates].as<float>();
  call.cells = context.inputs[kSavedCells].as<float>();
  call.initial_c = context.input(kFirstC).as<float>();
  call.dy = context.input(kDy).as<float>();
  call.last_dh = context.input(kLastDh).as<float>();
  call.last_dc = context.input(kLastDc).as<float>();
  call.dsums = context.outputs[0].as<float>();
  call.initial_dh = context.outputs[1].as<float>();
  call.initial_dc = context.outputs[2].as<float>();
  call.dpeepholes = context.outputs[3].as<float>();
  if (options.separate) {
    call.kind = options.kernel();
    call.peepholes = context.input(kSlopePeeps).as<float>();
    return Call::of<run_any_backward>(call, true, kernels::scratch_bytes(call));
  }
  const kernels::LstmBackward& usual = call;
  return Call::of<run_backward>(call, true, kernels::scratch_bytes(usual));
}

/// The usual walk of each size, and one of any kind.
std::vector<LstmStepsOptions> sample_options(const WalkSample& sample) {
  LstmStepsOptions usual;
  usual.hidden = sample.hidden;
  usual.reverse = sample.reverse;
  LstmStepsOptions any = usual;
  any.separate = true;
  if (sample.steps == 5) {
    any.activations = {"HardSigmoid", "Softsign", "ScaledTanh"};
    any.alphas = {0.2F, 0, 1.5F};
    any.betas = {0.5F, 0, 0.7F};
  }
  any.input_forget = sample.steps == 3;
  if (sample.steps == 4) any.clip = 0.4F;
  return {usual, any};
}

std::vector<Sample> walk_samples(bool slopes) {
  std::vector<Sample> samples;
  for (const WalkSample& sample : recurrent_walk_samples()) {
    for (const LstmStepsOptions& options : sample_options(sample)) {
      const WalkSizes sizes{sample.steps, sample.batch, options.gates()};
      const Sample::Input state = sample.input(sizes.state(), sample.optional);
      const Sample::Input peepholes = sample.input({3 * sample.hidden}, options.separate && sample.optional);
      if (slopes) {
        samples.push_back(
            {{sample.input(turned_options(sizes.gates).packed_shape()), sample.input(sizes.sums()), sample.input(sizes.y()), state,
              sample.lengths(), sample.input(sizes.y(), sample.has_dy()), state, state, peepholes},
             options,
             sample.note(),
             1e-4});
      } else {
        const PanelOptions panels{sample.hidden, sizes.gates.columns(), true};
        samples.push_back(
            {{sample.input(sizes.sums()), sample.input(panels.packed_shape()), state, state, sample.lengths(), peepholes},
             options,
             sample.note()});
      }
    }
  }
  return samples;
}

}  // namespace

/// LstmSteps, the recurrent part of LSTM in one direction, and its gradient.
std::vector<OpDef> lstm_steps() {
  OpDef op = walk_op("LstmSteps",
                     "h and c step by step; inputs: sums of the inputs [steps, batch, gates interleaved], recurrent weights in "
                     "panels, first h, first c, lengths, peepholes; outputs: y, last h, last c, h before each step, gates, cells",
                     LstmStepsOptions{}, 6);
  op.minimum_inputs = 2;
  op.maximum_inputs = 6;
  op.infer = [](const InferContext& context) -> std::vector<TensorType> {
    const WalkSizes sizes = sizes_of(context);
    const TensorType y{DType::f32, sizes.y()};
    const TensorType state{DType::f32, sizes.state()};
    return {y, state, state, y, {DType::f32, sizes.sums()}, y};
  };
  op.reference = reference;
  op.gradient = gradient;
  op.kernels = {{"lstm", [](const InferContext& context) { return refuse(context, kPeeps); }, prepare},
                {"any_lstm", refuse_interleaved<LstmStepsOptions>, prepare}};
  op.flops = [](const InferContext& context) { return walk_flops(sizes_of(context)); };
  op.samples = [] { return walk_samples(false); };

  OpDef back =
      walk_gradient_op("LstmStepsGradient",
                       "The walk of LstmSteps backwards; inputs: recurrent weights transposed, gates, cells, first c, "
                       "lengths, dy, d last h, d last c, peepholes; outputs: d sums, d first h, d first c, d peepholes of each row",
                       LstmStepsOptions{}, 4);
  back.minimum_inputs = 3;
  back.maximum_inputs = 9;
  back.infer = [](const InferContext& context) -> std::vector<TensorType> {
    const WalkSizes sizes = slope_sizes(context);
    const TensorType state{DType::f32, sizes.state()};
    return {{DType::f32, sizes.sums()}, state, state, {DType::f32, {sizes.batch, 3 * sizes.gates.hidden}}};
  };
  back.reference = slope_reference;
  back.kernels = {{"lstm_gradient", [](const InferContext& context) { return refuse(context, kSlopePeeps); }, prepare_backward},
                  {"any_lstm_gradient", refuse_interleaved<LstmStepsOptions>, prepare_backward}};
  back.flops = [](const InferContext& context) { return walk_flops(slope_sizes(context)); };
  back.samples = [] { return walk_samples(true); };
  return {std::move(op), std::move(back)};
}

}  // namespace neurons::ops
