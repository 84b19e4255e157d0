#pragma once
/// For tests: a network built, planned and run in one call.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "neurons/layers/network.hpp"
#include "neurons/plan/plan.hpp"

namespace neurons::testing {

/// The outputs of `network` by name, for inputs given by name with the batch in front.
inline std::map<std::string, std::vector<float>> run_network(const Network& network, const std::map<std::string, Tensor>& inputs,
                                                             Mode mode = Mode::inference) {
  Graph graph(network.table());
  network.build(graph, inputs.at(network.inputs().front().name).shape()[0], mode);
  auto store = std::make_shared<StateStore>(network.table());
  for (const auto& [name, tensor] : network.parameters()) store->set(name, tensor);
  Plan plan = compile(graph, store);
  for (const auto& [name, tensor] : inputs) plan.input(name).assign(tensor);
  plan.run();
  std::map<std::string, std::vector<float>> outputs;
  for (const auto& output : network.outputs()) {
    const auto values = plan.output(output.name).values<float>();
    outputs.emplace(output.name, std::vector<float>(values.begin(), values.end()));
  }
  return outputs;
}

inline Tensor matrix_of(const Shape& shape, const std::vector<float>& values) { return Tensor::of<float>(shape, values); }

}  // namespace neurons::testing
