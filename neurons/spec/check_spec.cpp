#include "neurons/spec/check_spec.hpp"

#include <algorithm>

#include "neurons/base/error.hpp"
#include "neurons/base/random.hpp"
#include "neurons/layers/embedding.hpp"
#include "neurons/plan/sequence_lengths.hpp"

namespace neurons {
namespace {

constexpr std::uint64_t kInputStream = 101;
constexpr std::uint64_t kTargetStream = 102;

struct Samples {
  std::vector<Tensor> inputs;  ///< in the order of the network's
  Tensor targets;              ///< of the first output
};

Samples first_samples(const Network& network, const Dataset& data, std::int64_t rows) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(std::min(rows, data.samples())));
  for (std::size_t i = 0; i < indices.size(); ++i) indices[i] = static_cast<std::int64_t>(i);
  const Dataset some = data.subset(indices);
  Samples samples{{some.scaled_inputs()}, some.targets};
  if (network.inputs().size() > 1) {
    const auto count = static_cast<std::size_t>(some.samples());
    const std::vector<std::int64_t> lengths = some.lengths.empty() ? std::vector(count, some.inputs.shape()[1]) : some.lengths;
    samples.inputs.push_back(Tensor::of<std::int64_t>({some.samples()}, lengths));
  }
  return samples;
}

/// Whether the loss takes a label for each step of a sequence.
bool takes_steps(const Loss& loss, const TensorType& prediction) {
  return prediction.shape.rank() == 3 && loss.kind() == CrossEntropy::kKind;
}

/// Normal inputs, tokens, or lengths up to the steps that there are; targets that any loss takes: labels, or else rows of positive
/// numbers that sum to 1.
Samples random_samples(const Network& network, const Loss& loss, std::int64_t rows, std::uint64_t seed) {
  Graph graph(network.table());
  network.build(graph, rows, Mode::inference);
  const TensorType prediction = graph.value(graph.outputs().front().value).type();
  const bool labels = loss.is_of_classes() && (prediction.shape.rank() == 2 || takes_steps(loss, prediction));
  Samples samples{{}, Tensor(loss.target_type(prediction, labels))};
  RandomStream inputs(seed, kInputStream);
  const std::vector<SequenceLengths> lengths = sequence_lengths(graph);
  for (int i = 0; const auto& input : network.inputs()) {
    Tensor& tensor = samples.inputs.emplace_back(graph.find(input.name).type());
    const auto bounded = std::ranges::find(lengths, input.name, &SequenceLengths::name);
    const std::int64_t numbers = bounded != lengths.end() ? bounded->steps + 1 : vocabulary_of(network, i).value_or(2);
    ++i;
    if (tensor.dtype() == DType::i64) {
      for (std::int64_t& token : tensor.values<std::int64_t>()) {
        token = static_cast<std::int64_t>(inputs.below(static_cast<std::uint64_t>(numbers)));
      }
    } else {
      for (float& value : tensor.values<float>()) value = static_cast<float>(inputs.normal());
    }
  }
  RandomStream targets(seed, kTargetStream);
  const std::int64_t outputs = prediction.shape.elements() / rows;
  if (labels) {
    for (std::int64_t& label : samples.targets.values<std::int64_t>()) {
      label = static_cast<std::int64_t>(targets.below(static_cast<std::uint64_t>(prediction.shape[-1])));
    }
    return samples;
  }
  auto values = samples.targets.values<float>();
  for (std::size_t row = 0; row < static_cast<std::size_t>(rows); ++row) {
    const auto target = values.subspan(row * static_cast<std::size_t>(outputs), static_cast<std::size_t>(outputs));
    float sum = 0;
    for (float& value : target) sum += value = static_cast<float>(targets.uniform(0.1, 1.0));
    for (float& value : target) value /= outputs > 1 ? sum : 1.0F;
  }
  return samples;
}

}  // namespace

std::vector<GradientCheck> check_gradients(const PreparedSpec& prepared, std::int64_t rows, const GradientCheckOptions& options) {
  if (rows < 1) fail_input("gradient check: rows = {} must be at least 1", rows);
  Network network = prepared.network;
  network.initialize(prepared.spec.training.options.seed);
  const Loss loss = prepared.spec.training.loss.value_or(CrossEntropy{});
  const Samples samples =
      prepared.data ? first_samples(network, prepared.data->train, rows) : random_samples(network, loss, rows, options.seed);
  return check_gradients(network, Losses(loss), samples.inputs, {samples.targets}, options);
}

}  // namespace neurons
