#include <algorithm>
#include <functional>

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
  Tensor all(plan_of(loader.next_rows()).output(output).dtype,
             plan_of(loader.next_rows()).output(output).shape.with(0, data.samples()));
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
