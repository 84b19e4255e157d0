#include "neurons/training/network_mean_loss.hpp"

#include <algorithm>

#include "neurons/graph/gradients.hpp"

namespace neurons {
namespace {

std::string slope_name(const std::string& parameter) { return parameter + "#slope"; }

/// Forward, loss and backward of one batch.
Graph loss_graph(const Network& network, const Dataset& data, const Loss& loss, std::int64_t rows) {
  Graph graph(network.table());
  network.build(graph, rows, Mode::training);
  const Value prediction = graph.value(graph.outputs().front().value);
  const Value target = graph.input("target", loss.target_type(prediction.type(), data.is_classification()));
  const bool weighted = !data.sample_weights.empty();
  const Value weights = weighted ? graph.input("sample_weights", {DType::f32, {rows}}) : Value{};
  graph.set_scope("loss");
  const BatchLoss batch = batch_loss(loss, prediction, target, weights);
  graph.output("#loss", batch.mean);
  graph.output("#weight", batch.weight);
  std::vector<Value> trained;
  const FlatParameters flat(network);
  for (const auto& entry : flat.entries()) trained.push_back(graph.find(entry.name));
  const auto slopes = gradients(batch.mean, trained);
  for (std::size_t i = 0; i < slopes.size(); ++i) graph.output(slope_name(flat.entries()[i].name), slopes[i]);
  return graph;
}

}  // namespace

NetworkMeanLoss::NetworkMeanLoss(const Network& network, const Dataset& data, const Loss& loss, double l2,
                                 const std::shared_ptr<ThreadTeam>& team)
    : flat_(network),
      decay_(flat_.decay(l2)),
      states_(states_of(network)),
      data_(
          data, network.inputs().front().name, [&](std::int64_t rows) { return loss_graph(network, data, loss, rows); }, states_,
          team) {}

double NetworkMeanLoss::penalty(std::span<const double> point) const {
  double sum = 0;
  for (std::size_t i = 0; i < point.size(); ++i) sum += decay_[i] * point[i] * point[i];
  return sum / 2;
}

double NetworkMeanLoss::operator()(std::span<const double> point, std::span<double> gradient) {
  flat_.write(point, *states_);
  std::ranges::fill(gradient, 0);
  double sum = 0;
  double total = 0;
  for (const auto& batch : data_.batches()) {
    batch.plan->run(batch.slot);
    const auto number = [&](std::string_view name) { return static_cast<double>(batch.plan->output(name).values<float>()[0]); };
    const double weight = number("#weight");
    if (weight == 0) continue;  // a batch of samples that do not count
    total += weight;
    sum += weight * number("#loss");
    for (const auto& entry : flat_.entries()) {
      const auto slopes = batch.plan->output(slope_name(entry.name)).values<float>();
      for (std::size_t i = 0; i < slopes.size(); ++i) gradient[entry.offset + i] += weight * static_cast<double>(slopes[i]);
    }
  }
  const double scale = total > 0 ? 1 / total : 0;
  for (std::size_t i = 0; i < gradient.size(); ++i) gradient[i] = gradient[i] * scale + decay_[i] * point[i];
  return sum * scale + penalty(point);
}

}  // namespace neurons
