#include "neurons/training/output_losses.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "neurons/base/suggest.hpp"
#include "neurons/layers/last_activation.hpp"

namespace neurons {
namespace {

std::vector<std::string> names_of_outputs(const Network& network) {
  std::vector<std::string> names;
  for (const auto& output : network.outputs()) names.push_back(output.name);
  return names;
}

/// The value of that output's name.
Value prediction_of(Graph& graph, const std::string& output) {
  return graph.value(std::ranges::find(graph.outputs(), output, &NamedOutput::name)->value);
}

/// As Loss::target_type; the message begins with the output where a network has several losses.
TensorType target_type(const OutputLoss& part, const TensorType& prediction, bool alone) {
  const bool labels = part.labels.value_or(part.loss.is_of_classes());
  try {
    return part.loss.target_type(prediction, labels);
  } catch (const InputError& error) {
    if (alone) throw;
    fail_input("output \"{}\": {}", part.output, error.what());
  }
}

}  // namespace

std::vector<OutputLoss> Losses::of(const Network& network) const {
  const std::vector<std::string> names = names_of_outputs(network);
  if (names.empty()) fail_input("the network has no output");
  if (parts_.empty()) fail_input("no output has a loss; give one, such as {{\"{}\", CrossEntropy{{}}}}", names.front());
  std::vector<OutputLoss> found;
  for (OutputLoss part : parts_) {
    if (part.output.empty()) part.output = names.front();
    if (std::ranges::find(names, part.output) == names.end()) {
      const std::string hint = did_you_mean(part.output, names);
      fail_input("loss {}: the network has no output \"{}\"{}", part.loss.kind(), part.output,
                 hint.empty() ? fmt::format("; it has {}", fmt::join(names, ", ")) : hint);
    }
    if (std::ranges::find(found, part.output, &OutputLoss::output) != found.end()) {
      fail_input("the output \"{}\" has two losses; leave one out", part.output);
    }
    if (!(part.weight >= 0 && std::isfinite(part.weight))) {
      fail_input("output \"{}\": the weight {} of its loss must be at least 0", part.output, part.weight);
    }
    found.push_back(std::move(part));
  }
  return found;
}

void require_logits(const Network& network, const std::vector<OutputLoss>& losses) {
  for (const OutputLoss& part : losses) {
    const std::string last = last_activation(network, part.output);
    if (!part.loss.is_of_logits() || (last != "softmax" && last != "sigmoid")) continue;
    fail_input(
        "loss {} takes logits and makes probabilities of them itself, but the network's output \"{}\" ends in {}; leave that out",
        part.loss.kind(), part.output, last);
  }
}

void require_free_names(const Network& network) {
  const auto require = [](std::string_view what, const std::string& name, std::initializer_list<std::string_view> own) {
    const bool taken =
        std::ranges::any_of(own, [&](std::string_view one) { return name == one || name.starts_with(fmt::format("{}.", one)); });
    if (taken) fail_input("the network's {} \"{}\" is called as one of training's own is; give it another name", what, name);
  };
  for (const auto& input : network.inputs()) require("input", input.name, {"target", "sample_weights", "optimizer0"});
  for (const auto& output : network.outputs()) require("output", output.name, {"loss", "loss_weight"});
}

std::string name_of_part(std::string_view part, std::size_t index, const std::vector<OutputLoss>& losses) {
  return losses.size() == 1 ? std::string(part) : fmt::format("{}.{}", part, losses[index].output);
}

AppendedLosses append_losses(Graph& graph, const std::vector<OutputLoss>& losses, bool sample_weights, std::int64_t rows) {
  const bool alone = losses.size() == 1;
  std::vector<Value> predictions;
  std::vector<Value> targets;
  for (std::size_t i = 0; i < losses.size(); ++i) {
    predictions.push_back(prediction_of(graph, losses[i].output));
    targets.push_back(graph.input(name_of_part("target", i, losses), target_type(losses[i], predictions[i].type(), alone)));
  }
  const Value weights = sample_weights ? graph.input("sample_weights", {DType::f32, {rows}}) : Value{};
  AppendedLosses result{.sum = {}, .weight = {}, .even = true};
  std::vector<std::pair<std::string, Value>> outputs;
  for (std::size_t i = 0; i < losses.size(); ++i) {
    graph.set_scope(name_of_part("loss", i, losses));
    const BatchLoss loss = batch_loss(losses[i].loss, predictions[i], targets[i], weights);
    const Value share = losses[i].weight == 1 ? loss.mean : loss.mean * losses[i].weight;
    result.sum = i == 0 ? share : result.sum + share;
    if (i == 0) result.weight = loss.weight;
    result.even = result.even && !loss.rows_differ;
    if (share.id() != loss.mean.id() || !alone) outputs.emplace_back("loss." + losses[i].output, loss.mean);
    if (graph.info(loss.weight.id()).kind == ValueKind::computed)
      outputs.emplace_back("loss_weight." + losses[i].output, loss.weight);
  }
  result.even = result.even || alone;
  graph.set_scope("");
  graph.output("loss", result.sum);
  for (const auto& [name, value] : outputs) graph.output(name, value);
  return result;
}

}  // namespace neurons
