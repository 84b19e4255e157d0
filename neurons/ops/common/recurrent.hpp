#pragma once
/// What RNN, GRU and LSTM have in common: ONNX's attributes and inputs, and how the three are made of one weighted sum over all
/// time steps and an op that walks through the steps.

#include <string>
#include <vector>

#include "neurons/ops/common/gate_function.hpp"
#include "neurons/ops/common/gates.hpp"
#include "neurons/ops/common/panels.hpp"

namespace neurons::ops {

/// ONNX's attributes. `hidden_size` 0: as the recurrent weights say.
struct RecurrentOptions {
  std::vector<std::string> activations;  ///< of each direction; none: the op's defaults
  std::vector<float> activation_alpha;
  std::vector<float> activation_beta;
  float clip = 0.0F;  ///< sums are clipped to [-clip, clip]; 0: not
  std::string direction = "forward";
  std::int64_t hidden_size = 0;
  std::int64_t layout = 0;  ///< 0: x [steps, batch, features]; 1: x [batch, steps, features]

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("activations", self.activations);
    visit("activation_alpha", self.activation_alpha);
    visit("activation_beta", self.activation_beta);
    visit("clip", self.clip);
    visit("direction", self.direction);
    visit("hidden_size", self.hidden_size);
    visit("layout", self.layout);
  }
};

/// Options of the ops that walk through the steps in one direction.
struct StepsOptions {
  std::int64_t hidden = 0;
  bool reverse = false;                  ///< the last step first
  std::vector<std::string> activations;  ///< each with its alpha and beta; none: the op's defaults
  std::vector<float> alphas;
  std::vector<float> betas;
  float clip = 0.0F;
  bool separate = false;  ///< gates lie one after the other, for the walks of any kind (kernels/recurrent_any.hpp)

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("hidden", self.hidden);
    visit("reverse", self.reverse);
    visit("activations", self.activations);
    visit("alphas", self.alphas);
    visit("betas", self.betas);
    visit("clip", self.clip);
    visit("separate", self.separate);
  }
  bool has_defaults() const { return activations.empty() && clip == 0.0F; }
  /// The functions, or those of `defaults`. The first `clipped` ones read clipped sums.
  std::vector<GateFunction> functions(const std::vector<std::string>& defaults, std::size_t clipped) const;
};

/// Which inputs and outputs of an ONNX node mean what.
enum RecurrentInput : std::size_t { kX, kW, kR, kB, kLengths, kInitialH, kInitialC, kPeepholes };
enum RecurrentOutput : std::size_t { kEachHidden, kLastHidden, kLastCell };

/// One of the three ops.
struct RecurrentKind {
  std::int64_t gates = 1;
  std::vector<std::string> activations;  ///< defaults
  bool has_cells = false;
  bool separate = false;  ///< a node whose gates are not of the usual kind
};

/// What one direction's walk through the steps reads.
struct Direction {
  StepsOptions options;
  Value sums;        ///< [steps, batch, columns]
  Value panels;      ///< recurrent weights, interleaved, packed
  Value input_bias;  ///< the two halves of B, each [gates · hidden]; absent where B is
  Value recurrent_bias;
  Value lengths;
  Value initial_h;  ///< [batch, hidden]
  Value initial_c;
  Value peepholes;  ///< [3 · hidden]
};

/// What it gives.
struct Walked {
  Value y;  ///< [steps, batch, hidden]
  Value last_h;
  Value last_c;
};

/// Types of an ONNX node's outputs. Throws through `context`, in the user's words, where inputs or attributes do not fit.
std::vector<TensorType> recurrent_types(const InferContext& context, const RecurrentOptions& options, const RecurrentKind& kind);

/// The outputs of an ONNX node. `bias_of` says which bias [gates · hidden] goes into the weighted sum (absent: none); `walk` emits
/// the op that walks through the steps. Throws InputError for constant lengths beyond the data.
std::vector<Value> decompose_recurrent(const RewriteContext& context, const RecurrentOptions& options, const RecurrentKind& kind,
                                       const std::function<Value(const Direction&)>& bias_of,
                                       const std::function<Walked(const Direction&)>& walk);

/// Inputs for a sample of four steps, three rows, two features and five units; `optional`: all there are, lengths 3, 4 and 0.
std::vector<Sample::Input> recurrent_sample_inputs(const RecurrentKind& kind, std::int64_t directions, std::int64_t layout,
                                                   bool optional);

/// Floating-point operations of a node: those of its products.
double recurrent_flops(const InferContext& context, const RecurrentOptions& options, std::int64_t gates);

/// Sizes of the ops that walk, from their sums [steps, batch, columns]; checks sums and panels (inputs 0 and 1).
struct WalkSizes {
  std::int64_t steps = 0;
  std::int64_t batch = 0;
  kernels::GateShape gates;

  Shape y() const { return {steps, batch, gates.hidden}; }
  Shape state() const { return {batch, gates.hidden}; }
  Shape sums() const { return {steps, batch, gates.columns()}; }
};
WalkSizes walk_sizes(const InferContext& context, const kernels::GateShape& gates);

/// The recurrent weights in panels as rows [hidden inputs][columns], in double precision.
std::vector<double> recurrent_rows(const kernels::GateShape& gates, const std::vector<double>& panels);

/// The weights of `panels` transposed: panels of `hidden` outputs, for the walk backwards.
Value turned_panels(Value panels, const kernels::GateShape& gates);
PanelOptions turned_options(const kernels::GateShape& gates);

/// A case of a walk, forwards or backwards: sizes around blocks of units, both directions, with and without what is optional.
struct WalkSample {
  std::int64_t steps, batch, hidden;
  bool reverse;
  bool optional;

  Sample::Input input(const Shape& shape, bool present = true) const;
  Sample::Input lengths() const;
  /// A walk backwards may start from the last state alone.
  bool has_dy() const { return batch != 19 || !optional; }
  std::string note() const { return optional ? "with lengths" : ""; }
};
const std::vector<WalkSample>& recurrent_walk_samples();

/// Calls visit(step, step before or -1) in the order of the walk.
template <typename Visit>
void for_each_step(std::int64_t steps, bool reverse, const Visit& visit) {
  for (std::int64_t i = 0; i < steps; ++i) {
    const std::int64_t t = reverse ? steps - 1 - i : i;
    visit(t, i == 0 ? std::int64_t{-1} : (reverse ? t + 1 : t - 1));
  }
}

/// Reading optional operands of references: the operand or null, its number or 0, whether a row has that step.
const ReferenceTensor* operand(const ReferenceContext& context, std::size_t index);
double number(const ReferenceTensor* tensor, std::int64_t index);
bool is_active(const ReferenceTensor* lengths, std::int64_t row, std::int64_t step);

/// The frame of an op that walks: internal, with these options; its kernels leave out each of its `outputs` that nobody reads. The
/// rest is the caller's.
OpDef walk_op(std::string name, std::string summary, Options options, int outputs);
/// The same of its walk backwards, which is not differentiated again.
OpDef walk_gradient_op(std::string name, std::string summary, Options options, int outputs);

/// Why the walks of any kind refuse: gates that do not lie one after the other. A single gate always does.
template <typename Options>
std::string refuse_interleaved(const InferContext& context) {
  return context.as<Options>().separate ? "" : "gates lie side by side";
}

/// Floating-point operations of a walk's products.
double walk_flops(const WalkSizes& sizes);

/// A walk's shape as kernels take it; `lengths` may be absent.
kernels::RecurrentShape recurrent_shape(const WalkSizes& sizes, bool reverse, const Buffer& lengths);

}  // namespace neurons::ops
