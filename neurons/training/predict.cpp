#include <algorithm>
#include <functional>
#include <optional>

#include "neurons/data/loader.hpp"
#include "neurons/layers/carry_state.hpp"
#include "neurons/training/check_training.hpp"
#include "neurons/training/trainer.hpp"

namespace neurons {
namespace {

using MakeGraph = std::function<Graph(std::int64_t rows)>;

Graph plain_graph(const Network& network, std::int64_t rows) {
  Graph graph(network.table());
  network.build(graph, rows, Mode::inference);
  return graph;
}

/// Throws unless an output has the numbers of each sample of a batch along its first axis.
void require_samples(const TensorType& type, std::int64_t rows, const std::string& output) {
  const bool samples = type.shape.rank() > 0 && type.shape[0] == rows;
  if (samples && type.dtype == DType::f32) return;
  fail_input("the network's output \"{}\" is {} for a batch of {}, expected f32[{}, …]: {}", output, type.to_string(), rows, rows,
             samples ? "numbers that learn or tell how likely something is; take another output"
                     : "the numbers of each sample along the first axis; let the network end with them, or take another output");
}

/// Whether nothing but a layer of another make can take the samples' axis away.
bool keeps_samples(const Network& network) {
  return std::ranges::all_of(network.layers(), [](const auto& one) { return layer_kinds().contains(one.layer.kind()); });
}

/// The same for one sample more: an axis of its own may be as long as the batch.
void require_samples_of_more(const MakeGraph& make_graph, std::int64_t rows, const std::string& output) {
  std::optional<Graph> graph;
  try {
    graph = make_graph(rows);
  } catch (const InputError&) {  // it takes no other batch
    return;
  }
  const auto found = std::ranges::find(graph->outputs(), output, &NamedOutput::name);
  require_samples(graph->info(found->value).type, rows, output);
}

Tensor predict_by(const MakeGraph& make_graph, const Network& network, const Dataset& data, std::int64_t batch_size, int threads) {
  if (batch_size < 1) fail_input("batch_size = {} must be at least 1", batch_size);
  check_inputs(network, data);
  auto states = std::make_shared<StateStore>(network.table());
  for (const auto& [name, type] : network.parameter_types()) states->set(name, network.parameter(name));
  CompileOptions compile_options;
  compile_options.team = std::make_shared<ThreadTeam>(threads);
  compile_options.slots = 2;
  std::map<std::int64_t, Plan> plans;  // by rows: full batches and the last one
  const auto plan_of = [&](std::int64_t rows) -> Plan& {
    auto found = plans.find(rows);
    if (found == plans.end()) {
      found = plans.emplace(rows, compile(make_graph(rows), states, compile_options)).first;
    }
    return found->second;
  };
  Loader loader(data, {.batch_size = std::min(batch_size, data.samples()), .shuffle = false});
  const std::string& input = network.inputs().front().name;
  const std::string& output = network.outputs().front().name;
  Tensor ignored(data.targets.dtype(), data.targets.shape().with(0, std::min(batch_size, data.samples())));
  const auto start = [&](int slot) {
    const Shape rows = data.targets.shape().with(0, loader.next_rows());
    const Plan& plan = plan_of(loader.next_rows());
    BatchViews views{plan.input(input, slot), {ignored.dtype(), rows, ignored.bytes().data()}, std::nullopt};
    if (network.inputs().size() > 1) views.lengths = plan.input(network.inputs()[1].name, slot);
    loader.start(views);
  };
  const TensorType of_batch{plan_of(loader.next_rows()).output(output).dtype, plan_of(loader.next_rows()).output(output).shape};
  require_samples(of_batch, loader.next_rows(), output);
  if (!keeps_samples(network)) require_samples_of_more(make_graph, loader.next_rows() + 1, output);
  Tensor all(of_batch.dtype, of_batch.shape.with(0, data.samples()));
  std::byte* next = all.bytes().data();
  start(0);
  for (int slot = 0;; slot = 1 - slot) {
    const BatchInfo batch = loader.wait();
    if (!batch.last_of_epoch) start(1 - slot);
    Plan& plan = plan_of(batch.rows);
    plan.run(slot);
    next = std::ranges::copy(plan.output(output).bytes(), next).out;
    if (batch.last_of_epoch) return all;
  }
}

}  // namespace

Tensor predict(const Network& network, const Dataset& data, std::int64_t batch_size, int threads) {
  return predict_by([&](std::int64_t rows) { return plain_graph(network, rows); }, network, data, batch_size, threads);
}

Tensor predict_stream(const Network& network, const Dataset& data, int threads) {
  const auto carried = [&](std::int64_t rows) { return carry_state(plain_graph(network, rows), "carry_state").graph; };
  return predict_by(carried, network, data, 1, threads);
}

}  // namespace neurons
