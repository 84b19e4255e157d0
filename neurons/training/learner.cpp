#include "neurons/training/learner.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "neurons/graph/gradients.hpp"
#include "neurons/training/number_rules.hpp"

namespace neurons {
namespace {

constexpr std::string_view kTarget = "target";
constexpr std::string_view kWeights = "sample_weights";
constexpr std::string_view kLoss = "loss";
constexpr int kSlots = 2;

void require_slot(int slot) {
  if (slot < 0 || slot >= kSlots) fail_input("there is no slot {} of buffers for batches, only 0 and 1", slot);
}

std::string scalar_name(std::size_t group, int index) { return "optimizer" + std::to_string(group) + "." + std::to_string(index); }

Value sum_of_squares(Value value) { return emit_with("ReduceSumSquare", {value}, {{"keep_dims", false}}); }

/// Scales all gradients so that their common norm is at most `limit` (PyTorch's clip_grad_norm_).
void clip_by_norm(Graph& graph, std::vector<Value>& gradients, double limit) {
  Value square = sum_of_squares(gradients.front());
  for (std::size_t i = 1; i < gradients.size(); ++i) square = square + sum_of_squares(gradients[i]);
  const Value scale = graph.emit("Min", {graph.scalar(limit) / (graph.emit("Sqrt", {square}) + 1e-6), graph.scalar(1)});
  for (Value& gradient : gradients) gradient = gradient * scale;
}

}  // namespace

double clip_norm_of(const Network& network, const std::optional<double>& clip_norm) {
  constexpr double kOfRecurrent = 1;
  if (clip_norm) return *clip_norm;
  Graph graph(network.table());
  network.build(graph, 1, Mode::inference);
  const bool recurrent = std::ranges::any_of(graph.nodes(), [](const Node& node) { return !node.op->remembers.empty(); });
  return recurrent ? kOfRecurrent : 0;
}

Learner::Learner(Network network, LearnerOptions options)
    : network_(std::move(network)), options_(std::move(options)), states_(std::make_shared<StateStore>(network_.table())) {
  if (!options_.team) options_.team = std::make_shared<ThreadTeam>();
  losses_ = options_.loss.of(network_);
  require_free_names(network_);
  require_logits(network_, losses_);
  for (OutputLoss& part : losses_) {
    if (!part.labels) part.labels = options_.labels;
  }
  check_options();
  network_.initialize_missing(network_.seed());
  for (const auto& [name, tensor] : network_.parameters()) states_->set(name, tensor);
}

void Learner::check_options() const {
  NumberCheck check;
  check.at_least("learning_rate", rate(), 0.0);
  check_learning(options_, check);
  check_groups(options_.groups, network_, check);
  check.require();
  if (options_.carry_state) network_graph(1, Mode::inference);  // throws where it cannot be
}

std::vector<std::string> Learner::trained() const {
  std::vector<std::string> names;
  for (const auto& [name, type] : network_.trained_parameters()) names.push_back(name);
  return names;
}

namespace {

/// Makes of the slopes of this batch's mean loss those of the mean over all batches of an accumulation: the states "NAME#gradient"
/// and "accumulated#weight" hold Σ weight · slope and Σ weight of the batches before it. Without `update` they are added to.
void accumulate(Graph& graph, const std::vector<std::string>& names, std::vector<Value>& slopes, Value weight, bool update) {
  const auto zero = [&](Value state) { graph.assign(state, graph.constant(Tensor(state.type()))); };
  const Value weight_before = graph.state("accumulated#weight", {DType::f32, {}});
  const Value total_weight = weight_before + weight;
  const Value scale = 1.0 / graph.emit("Max", {total_weight, graph.scalar(1e-30)});
  update ? zero(weight_before) : graph.assign(weight_before, total_weight);
  for (std::size_t i = 0; i < slopes.size(); ++i) {
    const Value before = graph.state(names[i] + "#gradient", slopes[i].type());
    const Value total = before + slopes[i] * weight;
    update ? zero(before) : graph.assign(before, total);
    slopes[i] = total * scale;
  }
}

}  // namespace

Graph Learner::network_graph(std::int64_t rows, Mode mode) const {
  if (options_.carry_state) return (mode == Mode::training ? carried_ : evaluation_carried_).build(network_, rows, mode);
  Graph graph(network_.table());
  network_.build(graph, rows, mode);
  return graph;
}

Graph Learner::forward_graph(std::int64_t rows, Mode mode) const {
  Graph graph = network_graph(rows, mode);
  append_losses(graph, losses_, options_.sample_weights, rows);
  return graph;
}

Graph Learner::training_graph(std::int64_t rows, bool update) const {
  return with_update(network_graph(rows, Mode::training), rows, update);
}

Graph Learner::with_update(Graph graph, std::int64_t rows, bool update) const {
  const AppendedLosses loss = append_losses(graph, losses_, options_.sample_weights, rows);
  const std::vector<std::string> names = trained();
  if (names.empty()) return graph;
  std::vector<Value> weights;
  for (const auto& name : names) weights.push_back(graph.find(name));
  std::vector<Value> slopes = gradients(loss.sum, weights);
  graph.set_scope("update");
  if (options_.accumulate > 1 && !loss.even) {
    fail_input(
        "accumulate = {}: of several losses, one weighs its rows by class_weights, so batches weigh differently in each; "
        "leave out class_weights, or use sample weights",
        options_.accumulate);
  }
  if (options_.accumulate > 1) accumulate(graph, names, slopes, loss.weight, update);
  if (!update) return graph;
  if (const double limit = clip_norm_of(network_, options_.clip_norm); limit > 0) clip_by_norm(graph, slopes, limit);
  std::vector<std::vector<Value>> scalars(options_.groups.size() + 1);
  for (std::size_t i = 0; i < slopes.size(); ++i) {
    const std::size_t group = group_of(options_.groups, names[i]);
    if (scalars[group].empty()) {
      for (int s = 0; s < options_.optimizer.scalar_count(); ++s) {
        scalars[group].push_back(graph.input(scalar_name(group, s), {DType::f32, {}}));
      }
    }
    if (options_.clip_value > 0) {
      slopes[i] = graph.emit("Clip", {slopes[i], graph.scalar(-options_.clip_value), graph.scalar(options_.clip_value)});
    }
    const bool penalised = weights[i].shape().rank() > 1;  // biases and scales are left free
    double decay = options_.optimizer.weight_decay();
    if (group > 0) decay = options_.groups[group - 1].weight_decay.value_or(decay);
    double l2 = options_.optimizer.decoupled_decay() ? 0 : decay;
    if (penalised) l2 += options_.l2;
    if (l2 > 0) slopes[i] = slopes[i] + weights[i] * l2;
    if (penalised && options_.l1 > 0) slopes[i] = slopes[i] + graph.emit("Sign", {weights[i]}) * options_.l1;
    UpdateContext context{graph, names[i], weights[i], slopes[i], scalars[group]};
    graph.set_scope(names[i]);
    options_.optimizer.update(context);
  }
  return graph;
}

Learner::Prepared Learner::prepare(const Graph& graph, const CompileOptions& compile_options) const {
  Prepared prepared{compile(graph, states_, compile_options), {}, {}, {}, nullptr, {}, {}, {}, {}};
  const auto has = [&](std::string_view name) { return prepared.plan.graph().has(name); };
  for (int slot = 0; slot < compile_options.slots; ++slot) {
    Batch batch;
    for (const auto& input : network_.inputs()) batch.inputs.push_back(prepared.plan.input(input.name, slot));
    for (std::size_t i = 0; i < losses_.size(); ++i) {
      batch.targets.push_back(prepared.plan.input(name_of_part(kTarget, i, losses_), slot));
    }
    batch.target = batch.targets.front();
    if (options_.sample_weights) batch.weights = prepared.plan.input(kWeights, slot);
    prepared.slots.push_back(batch);
    auto& scalars = prepared.scalars.emplace_back();
    for (std::size_t group = 0; group <= options_.groups.size(); ++group) {
      for (int s = 0; s < options_.optimizer.scalar_count(); ++s) {
        const std::string name = scalar_name(group, s);
        scalars.push_back(has(name) ? prepared.plan.input(name, slot).values<float>().data() : nullptr);
      }
    }
    prepared.step.push_back(has("step") ? prepared.plan.input("step", slot).values<std::int64_t>().data() : nullptr);
  }
  prepared.loss = prepared.plan.output(kLoss).values<float>().data();
  const auto number = [&](const std::string& name, const float* otherwise) {
    const auto& outputs = prepared.plan.graph().outputs();
    const bool there = std::ranges::find(outputs, name, &NamedOutput::name) != outputs.end();
    return there ? prepared.plan.output(name).values<float>().data() : otherwise;
  };
  for (const OutputLoss& part : losses_) {
    prepared.predictions.push_back(prepared.plan.output(part.output));
    prepared.means.push_back(number("loss." + part.output, prepared.loss));
    prepared.weights.push_back(number("loss_weight." + part.output, nullptr));
  }
  prepared.results.resize(losses_.size());
  return prepared;
}

const Learner::Prepared& Learner::last() const {
  if (last_ == nullptr) fail_input("there is no step yet whose predictions and losses could be told");
  return *last_;
}

void Learner::Prepared::take_results(std::int64_t rows) {
  for (std::size_t i = 0; i < results.size(); ++i) {
    results[i] = {*means[i], weights[i] != nullptr ? *weights[i] : static_cast<float>(rows)};
  }
}

Learner::Prepared& Learner::prepared(std::int64_t rows, bool update) {
  if (last_ != nullptr && last_rows_ == rows && last_update_ == update) return *last_;
  const auto key = std::pair(rows, update);
  auto found = training_.find(key);
  if (found == training_.end()) {
    if (rows < 1) fail_input("a batch of {} rows cannot be trained on", rows);
    if (!update && options_.accumulate == 1) fail_input("a step without update needs accumulate above 1, to keep its gradients");
    CompileOptions compile_options;
    compile_options.team = options_.team;
    compile_options.look_only = options_.look_only;
    compile_options.slots = kSlots;
    compile_options.guard = kLoss;
    found = training_.emplace(key, prepare(training_graph(rows, update), compile_options)).first;
    if (options_.carry_state) carried_.bind(network_, rows, *states_);
  }
  last_ = &found->second;
  last_rows_ = rows;
  last_update_ = update;
  return *last_;
}

const Batch& Learner::batch(std::int64_t rows, int slot, std::optional<bool> update) {
  require_slot(slot);
  return prepared(rows, update.value_or(ends_accumulation())).slots[static_cast<std::size_t>(slot)];
}

Plan& Learner::training_plan(std::int64_t rows) { return prepared(rows, true).plan; }

void Learner::resume(std::int64_t steps, std::int64_t batches, int pending) {
  steps_ = steps;
  batches_ = batches;
  pending_ = pending;
}

StepResult Learner::step(std::int64_t rows, int slot, double rate_scale, std::optional<bool> ends) {
  require_slot(slot);
  if (!std::isfinite(rate_scale)) fail_input("a learning rate cannot be {} times itself", rate_scale);
  const bool update = ends.value_or(ends_accumulation());
  Prepared& ready = prepared(rows, update);
  const auto place = static_cast<std::size_t>(slot);
  const int count = options_.optimizer.scalar_count();
  for (std::size_t group = 0; update && group <= options_.groups.size(); ++group) {
    std::array<float, kMaxScalars> values{};
    StepNumbers numbers{options_.optimizer.learning_rate() * rate_scale, steps_ + 1, options_.optimizer.weight_decay()};
    if (group > 0) {
      numbers.rate *= options_.groups[group - 1].rate_factor;
      numbers.weight_decay = options_.groups[group - 1].weight_decay.value_or(numbers.weight_decay);
    }
    options_.optimizer.scalars(numbers, values);
    for (int s = 0; s < count; ++s) {
      float* target = ready.scalars[place][group * static_cast<std::size_t>(count) + static_cast<std::size_t>(s)];
      if (target != nullptr) *target = values[static_cast<std::size_t>(s)];
    }
  }
  if (ready.step[place] != nullptr) *ready.step[place] = batches_;
  StepResult result;
  result.finite = ready.plan.run(slot);
  ready.take_results(rows);
  result.loss = *ready.loss;
  result.weight = ready.results.front().weight;
  result.updated = result.finite && update;
  if (result.finite) {
    ++batches_;
    pending_ = update ? 0 : pending_ + 1;
    steps_ += update ? 1 : 0;
  }
  return result;
}

void Learner::settle_layouts(std::int64_t rows) {
  if (!training_.empty()) return;
  if (!options_.carry_state) {
    prepared(rows, true);
    return;
  }
  Graph graph(network_.table());  // without memory: how many rows training has is not known yet
  network_.build(graph, rows, Mode::training);
  CompileOptions compile_options;
  compile_options.team = options_.team;
  compile_options.look_only = true;
  compile(with_update(std::move(graph), rows, true), states_, compile_options);
}

const Batch& Learner::evaluation_batch(std::int64_t rows, int slot) {
  require_slot(slot);
  auto found = evaluation_.find(rows);
  if (found == evaluation_.end()) {
    settle_layouts(rows);
    CompileOptions compile_options;
    compile_options.team = options_.team;
    compile_options.look_only = options_.look_only;
    compile_options.slots = kSlots;
    found = evaluation_.emplace(rows, prepare(forward_graph(rows, Mode::inference), compile_options)).first;
    if (options_.carry_state) evaluation_carried_.bind(network_, rows, *states_);
  }
  return found->second.slots[static_cast<std::size_t>(slot)];
}

Learner::Evaluation Learner::evaluate(std::int64_t rows, int slot) {
  evaluation_batch(rows, slot);
  Prepared& ready = evaluation_.at(rows);
  ready.plan.run(slot);
  ready.take_results(rows);
  return {*ready.loss, ready.results.front().weight, ready.predictions.front(), ready.predictions, ready.results};
}

Plan& Learner::inference(std::int64_t rows) {
  auto found = inference_.find(rows);
  if (found == inference_.end()) {
    CompileOptions compile_options;
    compile_options.team = options_.team;
    compile_options.look_only = options_.look_only;
    found = inference_.emplace(rows, compile(network_graph(rows, Mode::inference), states_, compile_options)).first;
    if (options_.carry_state) evaluation_carried_.bind(network_, rows, *states_);
  }
  return found->second;
}

const Network& Learner::network() {
  for (const auto& [name, type] : network_.parameter_types()) network_.set_parameter(name, states_->get(name));
  return network_;
}

}  // namespace neurons
