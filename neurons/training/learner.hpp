#pragma once
/// One network being trained, step by step: for those who own the loop. The Trainer is built on it.
///
///     Learner learner(network, {.loss = CrossEntropy{}, .optimizer = Adam{}, .batch_size = 32});
///     fill(learner.batch(32).inputs[0], learner.batch(32).target);
///     const StepResult result = learner.step(32);

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "neurons/base/thread_team.hpp"
#include "neurons/layers/network.hpp"
#include "neurons/plan/plan.hpp"
#include "neurons/training/loss.hpp"
#include "neurons/training/losses.hpp"
#include "neurons/training/optimizer.hpp"
#include "neurons/training/optimizers.hpp"

namespace neurons {

/// Parameters whose names match `pattern` (as in Network::freeze) train with their own rate and decay. The first match counts.
struct ParameterGroup {
  std::string pattern;
  double rate_factor = 1.0;
  std::optional<double> weight_decay;  ///< in place of the optimiser's

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("pattern", self.pattern);
    visit("rate_factor", self.rate_factor);
    visit("weight_decay", self.weight_decay);
  }
};

struct LearnerOptions {
  Loss loss = CrossEntropy{};
  Optimizer optimizer = Adam{};
  std::vector<ParameterGroup> groups{};
  double clip_value = 0;               ///< each gradient element to [-value, value]; 0: off
  double clip_norm = 0;                ///< the norm over all gradients to at most this; 0: off
  double l1 = 0;                       ///< adds l1 · sign(w) to the gradients of weights (not biases)
  double l2 = 0;                       ///< adds l2 · w to the gradients of weights (not biases)
  int accumulate = 1;                  ///< micro-batches whose mean gradient makes one update
  bool labels = true;                  ///< targets are class labels
  bool sample_weights = false;         ///< batches carry a weight for each sample
  std::shared_ptr<ThreadTeam> team{};  ///< null: a team of one thread for each core
};

/// Memory to fill with one batch.
struct Batch {
  std::vector<TensorView> inputs;  ///< in the order of Network::inputs
  TensorView target;               ///< i64 [rows] or f32 like the prediction
  TensorView weights;              ///< f32 [rows], null data without sample weights
};

struct StepResult {
  float loss = 0;
  bool finite = true;   ///< false: the loss is NaN or infinite, and nothing was updated
  bool updated = true;  ///< false for the micro-batches before the last of an accumulation
};

class Learner {
 public:
  /// Draws the parameters if the network has none. Throws InputError where shapes, loss and optimiser do not fit together.
  Learner(Network network, LearnerOptions options);

  /// Buffers of a training batch of that many rows; slots 0 and 1 can be filled and run in turn.
  Batch batch(std::int64_t rows, int slot = 0);
  /// Forward, backward and update on the batch in that slot. `rate_scale` multiplies the learning rate (schedules).
  StepResult step(std::int64_t rows, int slot = 0, double rate_scale = 1.0);
  /// Predictions for a batch in inference mode: fill `inputs`, call run, read `output`.
  Plan& inference(std::int64_t rows);
  /// Mean loss of a batch in inference mode; fill batch_for_evaluation first.
  Batch evaluation_batch(std::int64_t rows);
  struct Evaluation {
    float loss = 0;
    TensorView prediction;
  };
  Evaluation evaluate(std::int64_t rows);

  /// Updates made so far.
  std::int64_t steps() const { return steps_; }
  void set_steps(std::int64_t steps) { steps_ = steps; }
  /// The network with the parameters as they are now.
  const Network& network();
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

 private:
  struct Prepared {
    Plan plan;
    std::vector<Batch> slots;
    std::vector<std::vector<float*>> scalars;  ///< [slot][group × scalars of the optimiser]
    std::vector<std::int64_t*> step;           ///< [slot], null where no layer reads the step
    const float* loss = nullptr;
  };
  Prepared& prepared(std::int64_t rows, bool update);
  Prepared prepare(Plan plan, int slots) const;
  Graph evaluation_graph(std::int64_t rows) const;
  std::size_t group_of(const std::string& parameter) const;

  Network network_;
  LearnerOptions options_;
  std::shared_ptr<StateStore> states_;
  std::map<std::pair<std::int64_t, bool>, Prepared> training_;
  std::map<std::int64_t, Prepared> evaluation_;
  std::map<std::int64_t, Plan> inference_;
  Prepared* last_ = nullptr;  ///< the plan of the last step: the same again, as a rule
  std::int64_t last_rows_ = -1;
  bool last_update_ = true;
  std::int64_t steps_ = 0;
  int pending_ = 0;  ///< micro-batches accumulated since the last update
};

}  // namespace neurons
