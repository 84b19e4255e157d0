#include "neurons/training/check_training.hpp"

#include <algorithm>
#include <cmath>

#include "neurons/layers/embedding.hpp"
#include "neurons/training/number_rules.hpp"

namespace neurons {
namespace {

/// The type of the network's first output for that many rows.
TensorType prediction_type(const Network& network, std::int64_t rows) {
  Graph graph(network.table());
  network.build(graph, rows, Mode::inference);
  return graph.info(graph.outputs().front().value).type;
}

void check_shares(const Dataset& data, const Loss& loss) {
  const auto targets = data.targets.values<float>();
  const bool of_steps = data.has_targets_of_steps();
  const auto bad =
      std::ranges::find_if(targets, [&](float share) { return !((share >= 0 && share <= 1) || (of_steps && std::isnan(share))); });
  if (bad == targets.end()) return;
  fail_input(
      "{}: target {} of sample {} (from 0) is no share from 0 to 1, of which loss {} learns; for values use mse, mae or huber",
      data.name(), *bad, (bad - targets.begin()) / data.targets.shape().product(1, data.targets.shape().rank()), loss.kind());
}

void check_targets(const Network& network, const Dataset& data, const Loss& loss) {
  const std::int64_t rows = 1;
  const TensorType prediction = prediction_type(network, rows);
  if (prediction.dtype != DType::f32 && prediction.dtype != DType::f64) {
    fail_input("the network's output is {}: nothing can be learnt through whole numbers; train another output",
               prediction.to_string());
  }
  const bool steps = prediction.shape.rank() == 3;
  const std::int64_t outputs = steps ? prediction.shape[-1] : prediction.shape.elements();
  if (data.is_classification() && data.classes() > std::max<std::int64_t>(2, outputs)) {
    fail_input("{}: has {} classes, the network {} output{}; give the last layer {} units", data.name(), data.classes(), outputs,
               outputs == 1 ? "" : "s", data.classes());
  }
  const TensorType wanted = loss.target_type(prediction, data.is_classification());
  const TensorType given{data.targets.dtype(), data.targets.shape().with(0, rows)};
  if (wanted == given) {
    if (loss.is_of_shares() && !data.is_classification()) check_shares(data, loss);
    return;
  }
  if (data.is_classification()) {
    fail_input("{}: has labels {} for a sample, the network's {} take {}{}", data.name(), given.shape.to_string(),
               prediction.shape.to_string(), wanted.shape.to_string(),
               steps ? "; label every step, or choose one of them (last_step) before the last layer" : "");
  }
  if (data.has_targets_of_steps()) {
    fail_input("{}: has targets {} for a sample, the network gives {}", data.name(), given.shape.to_string(),
               prediction.shape.to_string());
  }
  fail_input("{}: has {} target values a sample, the network gives {}; give the last layer {} units", data.name(), data.outputs(),
             prediction.shape.to_string(), data.outputs());
}

/// Something to learn from, or to judge by.
void check_targets_count(const Dataset& data) {
  if (!data.has_targets_of_steps()) return;
  const bool labels = data.is_classification();
  const bool nothing =
      labels ? std::ranges::all_of(data.targets.values<std::int64_t>(), [](auto label) { return label == kIgnoredLabel; })
             : std::ranges::all_of(data.targets.values<float>(), [](float value) { return std::isnan(value); });
  if (!nothing) return;
  fail_input("{}: every target is {}, which counts nowhere: there is nothing to learn from and to judge by; give some steps a {}",
             data.name(), labels ? fmt::format("{}", kIgnoredLabel) : "NaN", labels ? "label" : "value");
}

/// Class labels become shares of classes where pictures are mixed: not every loss can learn from these.
void check_mixing(const Network& network, const Dataset& data, const Loss& loss) {
  if (!data.is_classification()) return;
  try {
    loss.target_type(prediction_type(network, 1), false);
  } catch (const InputError&) {
    fail_input(
        "augment: mix_up makes class labels shares of classes, of which loss {} cannot learn; use cross_entropy, or leave "
        "mix_up out",
        loss.kind());
  }
}

void check_data(const Network& network, const Dataset& data, const Loss& loss) {
  data.validate();
  if (data.samples() == 0) fail_input("{}: holds no samples", data.name());
  if (data.input_shape().elements() == 0)
    fail_input("{}: its samples {} hold no number", data.name(), data.input_shape().to_string());
  const auto& weights = data.sample_weights;
  if (!weights.empty() && std::ranges::all_of(weights, [](float weight) { return weight == 0; })) {
    fail_input("{}: all sample weights are 0", data.name());
  }
  check_inputs(network, data);
  check_targets_count(data);
  check_targets(network, data, loss);
}

void check_needs(const TrainOptions& options) {
  if (options.resume && !options.run_folder) fail_input("resume: needs the run folder whose checkpoint is to be continued");
  if (options.validation) return;
  const auto needs = [](bool used, std::string_view what) {
    if (used) fail_input("{}: needs validation data, there is none", what);
  };
  needs(options.early_stopping.patience > 0, "early_stopping");
  needs(options.restore_best, "restore_best");
  needs(options.schedule.get<ReduceOnPlateau>() != nullptr, "schedule reduce_on_plateau");
}

/// What the methods that look at all samples before each update have no use for.
void check_full_batch(const TrainOptions& options) {
  const auto refuse = [&](bool given, std::string_view what) {
    if (given) fail_input("{}: has no use for {}; leave it out, or choose a first-order optimizer", options.optimizer.kind(), what);
  };
  refuse(options.schedule.get<Constant>() == nullptr, "a learning rate schedule");
  refuse(options.warm_up_steps > 0, "warm_up_steps");
  refuse(!options.groups.empty(), "parameter groups");
  refuse(options.clip_value > 0, "clip_value");
  refuse(options.clip_norm.value_or(0) > 0, "clip_norm");
  refuse(options.l1 > 0, "l1");
  refuse(options.accumulate != 1, "accumulate");
  refuse(options.drop_last, "drop_last");
  refuse(options.carry_state, "carry_state");
  refuse(options.augment.has_value(), "augmentation");
}

void check_tokens(const Network& network, const Dataset& data) {
  const auto vocabulary = vocabulary_of(network);
  if (!vocabulary) return;
  const auto tokens = data.inputs.values<std::int64_t>();
  const auto bad = std::ranges::find_if(tokens, [&](std::int64_t token) { return token < 0 || token >= *vocabulary; });
  if (bad == tokens.end()) return;
  const std::int64_t place = bad - tokens.begin();
  const std::int64_t width = data.input_shape().elements();
  fail_input("{}: token {} of sample {} (from 0), step {}, is out of range: the embedding's vocabulary is {}, 0 to {}", data.name(),
             *bad, place / width, place % width, *vocabulary, *vocabulary - 1);
}

}  // namespace

void check_inputs(const Network& network, const Dataset& data) {
  if (network.outputs().empty()) fail_input("the network has no output");
  const auto& inputs = network.inputs();
  const bool reads_lengths = inputs.size() == 2 && inputs[1].dtype == DType::i64 && inputs[1].sample == Shape{};
  if (inputs.size() != 1 && !reads_lengths) {
    fail_input(
        "the network has {} inputs, a dataset gives one, and lengths of sequences for a second one i64 []; for others use Learner "
        "and a "
        "loop of your own",
        inputs.size());
  }
  if (!data.lengths.empty() && !reads_lengths && !data.has_targets_of_steps()) {
    fail_input(
        "{}: tells the lengths of its sequences, but the network has no input for them; add one, which recurrent layers, attention "
        "and "
        "pools over time read, or leave the lengths out",
        data.name());
  }
  const auto& input = network.inputs().front();
  if (input.dtype != data.input_type()) {
    fail_input("the network's input \"{}\" is {}, those of {} are {}{}", input.name, name_of(input.dtype), data.name(),
               name_of(data.input_type()), data.has_tokens() ? "; tokens go into an input of i64, which an Embedding reads" : "");
  }
  const Shape sample = data.input_shape();
  if (data.has_tokens()) check_tokens(network, data);
  if (input.sample == sample) return;
  const bool same_count = input.sample.elements() == sample.elements();
  fail_input("the network expects samples of shape {}, those of {} are {}{}", input.sample.to_string(), data.name(),
             sample.to_string(), same_count ? "; give the network the data's shape and begin with Flatten{} or Reshape{}" : "");
}

void check_judged(const Network& network, const Dataset& data, const Dataset& judged, const Loss& loss) {
  const auto kind = [](const Dataset& part) { return part.is_classification() ? "class labels" : "real-valued targets"; };
  if (judged.is_classification() != data.is_classification()) {
    fail_input("{}: has {}, the training data {}", judged.name(), kind(judged), kind(data));
  }
  check_data(network, judged, loss);
}

void check_training(const Network& network, const Dataset& data, const TrainOptions& options) {
  check_numbers(options).require();
  check_needs(options);
  check_data(network, data, options.loss);
  require_free_names(network);
  require_logits(network, Losses(options.loss).of(network));
  if (options.augment) check_augmentation(*options.augment, data);
  if (options.augment && options.augment->mixes()) check_mixing(network, data, options.loss);
  if (options.validation) check_judged(network, data, *options.validation, options.loss);
  if (network.trained_parameters().empty()) {
    fail_input("the network has no parameter to train{}", network.parameter_types().empty() ? "" : ": all are frozen");
  }
  if (options.optimizer.is_full_batch()) return check_full_batch(options);
  if (options.carry_state && options.batch_size > data.samples()) {
    fail_input("carry_state: batch_size = {} asks for as many streams, but {} has only {} windows; choose 1 to {}",
               options.batch_size, data.name(), data.samples(), data.samples());
  }
  if (options.batch_size > data.samples()) {
    fail_input("batch_size = {} is larger than the data: {} has {} samples; choose 1 to {}", options.batch_size, data.name(),
               data.samples(), data.samples());
  }
}

}  // namespace neurons
