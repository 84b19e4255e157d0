#pragma once
/// One network being trained, step by step: for those who own the loop. The Trainer is built on it.
///
///     Learner learner(network, {.loss = CrossEntropy{}, .optimizer = Adam{}, .batch_size = 32});
///     const Batch& batch = learner.batch(32);
///     fill(batch.inputs[0], batch.target);
///     const StepResult result = learner.step(32);

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "neurons/base/thread_team.hpp"
#include "neurons/layers/network.hpp"
#include "neurons/plan/plan.hpp"
#include "neurons/training/carried_state.hpp"
#include "neurons/training/losses.hpp"
#include "neurons/training/optimizer.hpp"
#include "neurons/training/optimizers.hpp"
#include "neurons/training/output_losses.hpp"
#include "neurons/training/parameter_group.hpp"

namespace neurons {

struct LearnerOptions {
  Losses loss = CrossEntropy{};  ///< of the network's first output, or of several by name
  Optimizer optimizer = Adam{};
  std::vector<ParameterGroup> groups{};
  double clip_value = 0;  ///< each gradient element to [-value, value]; 0: off
  /// The norm over all gradients to at most this; 0: off. None: 1 where the network has recurrent neurons, layers or those of
  /// an ONNX model (Pascanu et al. 2013: their gradients explode now and then), else off.
  std::optional<double> clip_norm{};
  double l1 = 0;                 ///< adds l1 · sign(w) to the gradients of weights (not biases)
  double l2 = 0;                 ///< adds l2 · w to the gradients of weights (not biases)
  int accumulate = 1;            ///< batches of which one update is made: by the gradient of the mean loss over all their rows
  std::optional<bool> labels{};  ///< targets are class labels; by default each loss has its own way: see OutputLoss
  bool sample_weights = false;   ///< batches carry a weight for each sample
  /// Truncated back-propagation through time: recurrent neurons (layers or those of an ONNX model) begin each batch with what they
  /// remember of the one before, row by row, and no gradient goes back beyond it. All batches have the same number of rows.
  bool carry_state = false;
  std::shared_ptr<ThreadTeam> team{};  ///< null: a team of one thread for each core
  bool look_only = false;              ///< its plans are only looked at (CompileOptions::look_only)
};

/// What LearnerOptions::clip_norm means for that network.
double clip_norm_of(const Network& network, const std::optional<double>& clip_norm);

/// Memory to fill with one batch.
struct Batch {
  std::vector<TensorView> inputs;   ///< in the order of Network::inputs
  TensorView target;                ///< of the first loss: i64 [rows] or f32 like the prediction
  std::vector<TensorView> targets;  ///< of all losses, in their order
  TensorView weights;               ///< f32 [rows], null data without sample weights
};

/// What one loss came to over a batch.
struct LossResult {
  float mean = 0;
  float weight = 0;  ///< Σ of the rows' weights, their number where nothing has a weight
};

struct StepResult {
  float loss = 0;       ///< mean over the batch; of several losses, the weighted sum of their means
  float weight = 0;     ///< of the batch in the first loss: see LossResult
  bool finite = true;   ///< false: the loss is NaN or infinite, and nothing was updated
  bool updated = true;  ///< false for the batches before the last of an accumulation
};

class Learner {
 public:
  /// Draws the parameters if the network has none. Throws InputError where shapes, loss and optimiser do not fit together, and as
  /// carry_state() (layers/carry_state.hpp) where the state cannot be carried.
  Learner(Network network, LearnerOptions options);

  /// Buffers of a training batch of that many rows; slots 0 and 1 can be filled and run in turn. `update` says whether the step
  /// that will run on it ends an accumulation; by default every options.accumulate-th step does. The reference stays valid. Throws
  /// InputError for a batch without rows and for another slot, as step() does, and that for a rate_scale that is not finite and for
  /// lengths of sequences that the data does not have.
  const Batch& batch(std::int64_t rows, int slot = 0, std::optional<bool> update = {});
  /// Forward, backward and update on the batch in that slot. `rate_scale` multiplies the learning rate (schedules). Allocates
  /// nothing once batch() was called with the same rows and `update`.
  StepResult step(std::int64_t rows, int slot = 0, double rate_scale = 1.0, std::optional<bool> update = {});
  /// What the network said in the last step, before its update: [rows, …]. Valid until the next step. Throws InputError before the
  /// first.
  const TensorView& prediction() const { return last().predictions.front(); }
  /// The same of each output that has a loss, and what its loss was, in the order of losses().
  std::span<const TensorView> predictions() const { return last().predictions; }
  std::span<const LossResult> loss_results() const { return last().results; }
  /// One for each output that has a loss.
  const std::vector<OutputLoss>& losses() const { return losses_; }

  /// With carry_state: forgets what training has seen, in all rows or in the one whose sequence has ended. Takes no memory. Throws
  /// InputError for a row that is none.
  void reset_state(std::optional<std::int64_t> row = {}) { carried_.reset(row); }
  /// The same of evaluate() and inference(), which remember apart from training.
  void reset_evaluation_state(std::optional<std::int64_t> row = {}) { evaluation_carried_.reset(row); }

  /// Predictions for a batch in inference mode: fill `inputs`, call run, read `output`.
  Plan& inference(std::int64_t rows);
  struct Evaluation {
    float loss = 0;  ///< this and the weight as in StepResult
    float weight = 0;
    TensorView prediction;
    std::span<const TensorView> predictions;  ///< of each output that has a loss; these two are valid until the next evaluation
    std::span<const LossResult> loss_results;
  };
  /// The loss of a batch in inference mode; fill evaluation_batch(rows, slot) first. Throws InputError for lengths as step() does.
  Evaluation evaluate(std::int64_t rows, int slot = 0);
  const Batch& evaluation_batch(std::int64_t rows, int slot = 0);

  /// Updates made so far.
  std::int64_t steps() const { return steps_; }
  /// Batches accumulated since the last update.
  int pending() const { return pending_; }
  /// Goes on where another learner stood, whose states() have been set here. `batches` counts all steps, updating or not: dropout
  /// draws by it.
  void resume(std::int64_t steps, std::int64_t batches, int pending);
  std::int64_t batches() const { return batches_; }
  /// The network with the parameters as they are now.
  const Network& network();
  /// Layers and wiring, with the parameters as they were last asked for.
  const Network& structure() const { return network_; }
  /// Parameters, optimiser state and accumulated gradients, by name.
  StateStore& states() { return *states_; }
  const StateStore& states() const { return *states_; }
  const LearnerOptions& options() const { return options_; }
  /// The plan of a training step, for listings.
  Plan& training_plan(std::int64_t rows);
  const std::shared_ptr<ThreadTeam>& team() const { return options_.team; }
  double rate() const { return options_.optimizer.learning_rate(); }
  /// The training graph (forward, loss, backward, update) for that many rows.
  Graph training_graph(std::int64_t rows, bool update) const;
  /// Names of the parameters that are trained.
  std::vector<std::string> trained() const;
  /// The forward graph with its loss, as in a training step: its outputs are the network's, "loss", and what append_losses adds.
  Graph forward_graph(std::int64_t rows, Mode mode) const;

 private:
  struct Prepared {
    Plan plan;
    std::vector<Batch> slots;
    std::vector<std::vector<float*>> scalars;  ///< [slot][group × scalars of the optimiser]
    std::vector<std::int64_t*> step;           ///< [slot], null where no layer reads the step
    const float* loss = nullptr;
    std::vector<TensorView> predictions;
    std::vector<const float*> means;
    std::vector<const float*> weights;  ///< null where it is the number of rows
    std::vector<LossResult> results;    ///< of the last run
    void take_results(std::int64_t rows);
  };
  Prepared& prepared(std::int64_t rows, bool update);
  /// The network alone, with its memory.
  Graph network_graph(std::int64_t rows, Mode mode) const;
  /// The network's graph in training mode, with loss, gradients and update.
  Graph with_update(Graph graph, std::int64_t rows, bool update) const;
  /// Parameters are stored as a training plan wants them, whatever is compiled first.
  void settle_layouts(std::int64_t rows);
  const Prepared& last() const;
  Prepared prepare(const Graph& graph, const CompileOptions& compile_options) const;
  void check_options() const;
  bool ends_accumulation() const { return pending_ + 1 >= options_.accumulate; }

  Network network_;
  LearnerOptions options_;
  std::vector<OutputLoss> losses_;
  std::shared_ptr<StateStore> states_;
  CarriedState carried_{""};
  CarriedState evaluation_carried_{"#evaluation"};
  std::map<std::pair<std::int64_t, bool>, Prepared> training_;
  std::map<std::int64_t, Prepared> evaluation_;
  std::map<std::int64_t, Plan> inference_;
  Prepared* last_ = nullptr;  ///< the plan of the last step: the same again, as a rule
  std::int64_t last_rows_ = -1;
  bool last_update_ = true;
  std::int64_t steps_ = 0;
  std::int64_t batches_ = 0;  ///< steps made so far, updating or not
  int pending_ = 0;           ///< batches accumulated since the last update
};

}  // namespace neurons
