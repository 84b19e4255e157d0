#pragma once
/// For tests: random graphs of real ops, with numbers for their inputs and states.

#include <rapidcheck.h>

#include <array>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "neurons/base/random.hpp"
#include "neurons/graph/gradients.hpp"
#include "neurons/graph/graph.hpp"
#include "neurons/ops/ops.hpp"
#include "neurons/plan/interpret.hpp"

namespace neurons::testing {

/// A number in [0, count), small ones first when RapidCheck shrinks.
inline int pick(int count) { return *rc::gen::resize(100, rc::gen::inRange(0, count)); }

template <typename T>
const T& pick_of(const std::vector<T>& items) {
  return items[static_cast<std::size_t>(pick(static_cast<int>(items.size())))];
}

/// A graph that grows by random nodes. Numbers stay near 1 and away from what single precision makes discontinuous.
class RandomGraph {
 public:
  /// A forward graph with dense layers, elementwise ops, reductions and moves. `large` is enough work to wake a team.
  explicit RandomGraph(bool large) : large_(large) {
    static const std::vector<std::int64_t> kSmall = {1, 2, 3, 7, 17, 33};
    static const std::vector<std::int64_t> kLarge = {64, 96, 130};
    const auto extent = [&] { return pick_of(large ? kLarge : kSmall); };
    batch_ = extent();
    features_ = {extent(), extent()};
    step_ = graph.input("step", {DType::i64, {}});
    numbers.emplace("step", ReferenceTensor{{DType::i64, {}}, {3}});
    const int inputs = 1 + pick(2);
    for (int i = 0; i < inputs; ++i) add(input({batch_, pick_of(features_)}));
    const int nodes = 1 + pick(large ? 6 : 14);
    for (int i = 0; i < nodes; ++i) grow();
  }

  /// Appends a loss, its gradients and updates of the states it depends on.
  void train() {
    const Value last = values_.back();
    const Value loss = emit("ReduceMean", {last * last}, {{"keep_dims", false}});
    graph.output("loss", loss);
    if (states_.empty()) return;
    const auto slopes = gradients(loss, states_);
    const Value rate = input({});
    const bool momentum = pick(2) == 1;
    for (std::size_t i = 0; i < states_.size(); ++i) {
      const Value weight = states_[i];
      if (!momentum) {
        graph.assign(weight, weight - slopes[i] * 0.1);
        continue;
      }
      const Value kept = state(weight.shape());
      const OpDef& op = graph.table()->find("MomentumUpdate");
      const auto updated = graph.emit_all(op, std::array{slopes[i], weight, kept, rate, graph.scalar(0.5)}, op.default_options);
      graph.assign(weight, updated[0]);
      graph.assign(kept, updated[1]);
    }
  }

  /// Gives some values a name, and some states a new value of their type, whatever it is.
  void name_outputs() {
    const int outputs = 1 + pick(3);
    for (int i = 0; i < outputs; ++i) graph.output("y" + std::to_string(i), i == 0 ? values_.back() : pick_of(values_));
    if (!states_.empty() && pick(4) == 0) graph.output("state", pick_of(states_));
  }
  void assign_anything() {
    for (const Value& state : states_) {
      std::vector<Value> fitting;
      for (const auto& list : {values_, states_}) {
        for (const Value& value : list) {
          if (value.type() == state.type()) fitting.push_back(value);
        }
      }
      if (pick(2) == 0) graph.assign(state, pick(2) == 0 ? pick_of(fitting) : state * pick_of(fitting) * 0.5);
    }
  }

  Graph graph{ops::table()};
  ReferenceValues numbers;

 private:
  Value emit(std::string_view op, std::initializer_list<Value> inputs, const Attributes& options = {}) {
    const OpDef& definition = graph.table()->find(op);
    return graph.emit(definition, inputs, definition.default_options.with(options));
  }
  void add(Value value) { values_.push_back(value); }

  Value filled(Value value) {
    RandomStream random(7, numbers.size());
    ReferenceTensor tensor{value.type(), {}};
    const double scale = 1 / std::sqrt(static_cast<double>(value.shape().rank() == 2 ? value.shape()[-1] : 1));
    for (std::int64_t i = 0; i < value.shape().elements(); ++i) tensor.data.push_back(scale * random.normal());
    numbers.emplace(value.name(), widen(narrow(tensor)));
    return value;
  }
  Value input(const Shape& shape) { return filled(graph.input("x" + std::to_string(numbers.size()), {DType::f32, shape})); }
  Value state(const Shape& shape) { return filled(graph.state("w" + std::to_string(numbers.size()), {DType::f32, shape})); }
  /// A new state of that shape, or one that is there already.
  Value weight(const Shape& shape) {
    for (const Value& known : states_) {
      if (known.shape() == shape && pick(3) == 0) return known;
    }
    states_.push_back(state(shape));
    return states_.back();
  }
  Value matrix() {
    std::vector<Value> matrices;
    for (const Value& value : values_) {
      if (value.shape().rank() == 2) matrices.push_back(value);
    }
    return pick_of(matrices);
  }

  void grow() {
    static const std::vector<std::string> kSmooth = {"Tanh", "Sigmoid", "Softplus", "Gelu", "Swish", "Softsign", "Sin", "Neg"};
    const Value any = pick_of(values_);
    switch (pick(large_ ? 6 : 14)) {
      case 0:
      case 1:
        return dense(true);
      case 2:
        return dense(false);
      case 3:
        return add(emit(pick_of(kSmooth), {any}));
      case 4:
        return join(any);
      case 5:
        return add(pick(2) == 0 ? any * 0.75 : 1.5 - any);
      case 6:
        return add(any + weight({any.shape().rank() > 0 ? any.shape()[-1] : 1}));
      case 7: {
        if (any.shape().rank() == 0) return;
        const std::vector<std::int64_t> axes{pick(any.shape().rank())};
        const std::string op = pick(2) == 0 ? "ReduceMean" : "ReduceLogSumExp";
        return add(emit(op, {any}, {{"axes", axes}, {"keep_dims", pick(3) > 0}}));
      }
      case 8:
        if (any.shape().rank() > 0) add(emit(pick(2) == 0 ? "Softmax" : "LogSoftmax", {any}, {{"axis", std::int64_t{-1}}}));
        return;
      case 9:
        return add(emit("Transpose", {matrix()}));
      case 10: {
        const Value m = matrix();
        return add(emit("Concat", {m, pick(2) == 0 ? m : m * 2}, {{"axis", std::int64_t{pick(2)}}}));
      }
      case 11: {
        const std::vector<std::int64_t> flat{any.shape().elements()};
        return add(emit("Reshape", {any}, {{"shape", flat}}));
      }
      case 12:
        return add(emit("Dropout", {any, step_}, {{"ratio", 0.25}, {"seed", std::int64_t{pick(9)}}}));
      default:
        return add(emit("Where", {emit("Greater", {any, graph.scalar(0.123)}), any * 0.5, any}));
    }
  }

  void dense(bool bias) {
    const Value x = matrix();
    const std::int64_t units = pick_of(features_);
    Value sums;
    if (bias) {
      sums = emit("Gemm", {x, weight({units, x.shape()[1]}), weight({units})}, {{"trans_b", true}});
    } else {
      sums = pick(2) == 0 ? emit("MatMul", {x, weight({x.shape()[1], units})})
                          : emit("Gemm", {x, weight({x.shape()[1], units})}, {{"alpha", 0.5}});
    }
    static const std::vector<std::string> kActivations = {"Relu", "Tanh", "LeakyRelu", "Elu", "Identity"};
    add(sums);
    add(emit(pick_of(kActivations), {sums}));
  }

  /// Adds, multiplies or subtracts another value that broadcasts with it.
  void join(Value any) {
    std::vector<Value> fitting;
    for (const Value& other : values_) {
      try {
        if (broadcast(any.shape(), other.shape()).elements() < 40'000) fitting.push_back(other);
      } catch (const InputError&) {
      }
    }
    const Value other = pick_of(fitting);
    const int kind = pick(3);
    add(kind == 0 ? (any + other) * 0.7 : kind == 1 ? any * 0.5 * other : any - other * 0.3);
  }

  bool large_;
  std::int64_t batch_ = 1;
  std::vector<std::int64_t> features_;
  Value step_;
  std::vector<Value> values_;
  std::vector<Value> states_;
};

}  // namespace neurons::testing
