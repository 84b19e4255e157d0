#pragma once
/// A layer built alone, without a network around it.

#include <string>

#include "neurons/layers/layer.hpp"

namespace neurons::onnx {

/// Parameters are states of the graph under their own names; none is frozen.
class AloneContext : public BuildContext {
 public:
  AloneContext(Graph& graph, Mode mode) : graph_(graph), mode_(mode) {}

  Graph& graph() override { return graph_; }
  Mode mode() const override { return mode_; }
  Value parameter(const std::string& name, const ParameterSpec& spec) override {
    if (graph_.has(name)) return graph_.find(name);
    const Value state = graph_.state(name, {DType::f32, spec.shape});
    if (spec.trained) trained_.push_back(state);
    return state;
  }
  bool is_frozen(const std::string& /*name*/) const override { return false; }
  std::uint64_t layer_seed() const override { return 0; }
  Value step() override { return graph_.has("step") ? graph_.find("step") : graph_.input("step", {DType::i64, {}}); }
  Following following() const override { return {}; }

  /// Parameters that training changes.
  const std::vector<Value>& trained() const { return trained_; }

 private:
  Graph& graph_;
  Mode mode_;
  std::vector<Value> trained_;
};

}  // namespace neurons::onnx
