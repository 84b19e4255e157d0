#pragma once
/// For tests: an op's samples as numbers, its references run on them, and its kernels run between red zones.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "neurons/base/random.hpp"
#include "neurons/graph/graph.hpp"
#include "neurons/ops/ops.hpp"

namespace neurons::ops::testing {

inline bool is_float(DType dtype) { return dtype == DType::f32 || dtype == DType::f64; }

/// What `input` asks for, exact in its own type. Equal seeds give equal numbers.
inline ReferenceTensor filled(const Sample::Input& input, std::uint64_t seed) {
  using Fill = Sample::Fill;
  if (input.fill == Fill::given) return widen(input.value);
  RandomStream random(seed);
  ReferenceTensor result{input.type, std::vector<double>(static_cast<std::size_t>(input.type.shape.elements()))};
  std::vector<double>& data = result.data;
  const auto fill = [&](auto draw) { std::ranges::generate(data, draw); };
  switch (input.fill) {
    case Fill::normal:
      fill([&] { return random.normal(); });
      break;
    case Fill::positive:
      fill([&] { return random.uniform(0.1, 2); });
      break;
    case Fill::unit:
      fill([&] { return random.uniform(-0.9, 0.9); });
      break;
    case Fill::away_from_0:
      fill([&] { return (random.below(2) == 0 ? -1 : 1) * random.uniform(0.2, 2); });
      break;
    case Fill::distinct:
      std::iota(data.begin(), data.end(), -static_cast<double>(data.size()) / 2);
      std::ranges::for_each(data, [](double& value) { value *= 0.15; });
      random.shuffle(std::span(data));
      break;
    case Fill::probability: {
      fill([&] { return random.uniform(0.1, 1); });
      const auto row = static_cast<std::size_t>(input.type.shape.rank() == 0 ? 1 : input.type.shape[-1]);
      for (std::size_t begin = 0; begin < data.size(); begin += row) {
        const auto values = std::span(data).subspan(begin, row);
        const double sum = std::accumulate(values.begin(), values.end(), 0.0);
        for (double& value : values) value /= sum;
      }
      break;
    }
    case Fill::index:
      fill([&] { return static_cast<double>(random.below(static_cast<std::uint64_t>(input.limit))); });
      break;
    case Fill::boolean:
      fill([&] { return static_cast<double>(random.below(2)); });
      break;
    case Fill::given:
      break;
  }
  return widen(narrow(result));
}

inline ReferenceTensor unwritten(const TensorType& type) {
  return {type, std::vector<double>(static_cast<std::size_t>(type.shape.elements()), std::numeric_limits<double>::quiet_NaN())};
}

/// A sample with its numbers. Absent inputs at the end are dropped, as graphs do.
struct Case {
  const OpDef& op;
  const Sample& sample;
  std::vector<ReferenceTensor> inputs;
  std::vector<TensorType> types;
  std::vector<bool> present;

  Case(const OpDef& definition, const Sample& chosen) : op(definition), sample(chosen) {
    std::size_t count = sample.inputs.size();
    while (count > 0 && !sample.inputs[count - 1].present) --count;
    for (std::size_t i = 0; i < count; ++i) {
      present.push_back(sample.inputs[i].present);
      inputs.push_back(present[i] ? filled(sample.inputs[i], 17 + i) : ReferenceTensor{});
      types.push_back(present[i] ? sample.inputs[i].type : TensorType{});
    }
  }
  InferContext context() const { return {op, sample.options, types, present}; }
  std::vector<const ReferenceTensor*> pointers() const {
    std::vector<const ReferenceTensor*> result;
    for (std::size_t i = 0; i < inputs.size(); ++i) result.push_back(present[i] ? &inputs[i] : nullptr);
    return result;
  }
  /// The inputs as values of `graph`: constants where `constant` says so, else its inputs "in0", "in1", …
  template <typename Predicate>
  std::vector<Value> values(Graph& graph, Predicate constant) const {
    std::vector<Value> result;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const std::string name = "in" + std::to_string(i);
      if (!present[i]) {
        result.emplace_back();
      } else if (constant(i)) {
        result.push_back(graph.constant(narrow(inputs[i]), name));
      } else {
        result.push_back(graph.input(name, types[i]));
      }
    }
    return result;
  }
  std::vector<Value> values(Graph& graph) const {
    return values(graph, [](std::size_t) { return false; });
  }
};

using Given = std::map<std::string, ReferenceTensor>;

/// Every value of `graph` in double precision, node by node with the ops' references or decompositions.
inline std::vector<ReferenceTensor> evaluate(const Graph& graph, const Given& given) {
  std::vector<ReferenceTensor> values(graph.values().size());
  for (std::size_t id = 0; id < values.size(); ++id) {
    const ValueInfo& info = graph.values()[id];
    if (info.kind == ValueKind::constant) values[id] = widen(*info.constant);
    if (info.kind == ValueKind::input) values[id] = given.at(info.name);
  }
  for (const Node& node : graph.nodes()) {
    std::vector<const ReferenceTensor*> inputs;
    for (const int id : node.inputs) inputs.push_back(id < 0 ? nullptr : &values[static_cast<std::size_t>(id)]);
    std::vector<ReferenceTensor> outputs;
    for (const int id : node.outputs) outputs.push_back(unwritten(graph.info(id).type));
    if (node.op->reference) {
      node.op->reference({node.options, inputs, outputs});
    } else {
      Graph inner(graph.table());
      Given inner_given;
      std::vector<Value> inner_inputs;
      for (std::size_t i = 0; i < inputs.size(); ++i) {
        const std::string name = "in" + std::to_string(i);
        inner_inputs.push_back(inputs[i] == nullptr ? Value{} : inner.input(name, inputs[i]->type));
        if (inputs[i] != nullptr) inner_given.emplace(name, *inputs[i]);
      }
      const auto results = node.op->decompose({inner, *node.op, node.options, inner_inputs, node.name});
      const auto all = evaluate(inner, inner_given);
      for (std::size_t o = 0; o < outputs.size(); ++o) outputs[o] = all[static_cast<std::size_t>(results[o].id())];
    }
    for (std::size_t o = 0; o < outputs.size(); ++o) values[static_cast<std::size_t>(node.outputs[o])] = std::move(outputs[o]);
  }
  return values;
}

inline Given given_of(const Case& test) {
  Given given;
  for (std::size_t i = 0; i < test.inputs.size(); ++i) {
    if (test.present[i]) given.emplace("in" + std::to_string(i), test.inputs[i]);
  }
  return given;
}

/// The op's outputs in double precision.
inline std::vector<ReferenceTensor> reference_of(const Case& test) {
  Graph graph(table());
  const auto outputs = graph.emit_all(test.op, test.values(graph), test.sample.options);
  const auto all = evaluate(graph, given_of(test));
  std::vector<ReferenceTensor> result;
  for (const Value& output : outputs) result.push_back(all[static_cast<std::size_t>(output.id())]);
  return result;
}

/// Memory between two red zones; new elements are NaN (or, for other types, a pattern).
class GuardedMemory {
 public:
  explicit GuardedMemory(std::size_t bytes) : bytes_(bytes), block_(kZone + align_up(bytes) + kZone) {
    std::memset(block_.data(), kGuard, block_.size());
    std::memset(data(), kFresh, bytes);
  }
  std::byte* data() { return block_.data() + kZone; }
  std::vector<std::byte> contents() { return {data(), data() + bytes_}; }
  bool intact() const {
    const auto guarded = [](std::byte value) { return value == std::byte{kGuard}; };
    const std::byte* begin = block_.data();
    return std::all_of(begin, begin + kZone, guarded) && std::all_of(begin + kZone + bytes_, begin + block_.size(), guarded);
  }

 private:
  static constexpr std::size_t kZone = 256;
  static constexpr unsigned char kGuard = 0xA5;
  static constexpr unsigned char kFresh = 0xFF;  // a NaN in every float type
  std::size_t bytes_;
  AlignedBuffer block_;
};

struct KernelRun {
  std::vector<std::vector<std::byte>> outputs;
  bool stayed_inside = true;     ///< no red zone was written
  bool inputs_unchanged = true;  ///< but for those that an output replaces
};

/// Runs a kernel with `workers` workers, one after the other. `aliases` pairs an output with the input whose memory it takes.
inline KernelRun run_kernel(const Kernel& kernel, const Case& test, int workers, const std::vector<std::pair<int, int>>& aliases) {
  std::vector<GuardedMemory> memory;
  std::vector<Buffer> inputs;
  std::vector<Tensor> originals;
  for (std::size_t i = 0; i < test.inputs.size(); ++i) {
    originals.push_back(test.present[i] ? narrow(test.inputs[i]) : Tensor());
    if (!test.present[i]) {
      inputs.emplace_back();
      continue;
    }
    const auto bytes = originals.back().bytes();
    memory.emplace_back(bytes.size());
    if (!bytes.empty()) std::memcpy(memory.back().data(), bytes.data(), bytes.size());
    inputs.push_back({memory.back().data(), test.types[i]});
  }
  std::vector<Buffer> outputs;
  std::vector<bool> replaced(inputs.size(), false);
  for (const TensorType& type : test.op.infer(test.context())) {
    const auto alias = std::ranges::find(aliases, static_cast<int>(outputs.size()), &std::pair<int, int>::first);
    if (alias != aliases.end()) {
      outputs.push_back({inputs[static_cast<std::size_t>(alias->second)].data, type});
      replaced[static_cast<std::size_t>(alias->second)] = true;
      continue;
    }
    memory.emplace_back(type.bytes());
    outputs.push_back({memory.back().data(), type});
  }
  const Call call = kernel.prepare({test.op, test.sample.options, inputs, outputs});
  const int count = call.splits ? workers : 1;
  for (int index = 0; index < count; ++index) {
    GuardedMemory& scratch = memory.emplace_back(call.scratch_bytes);
    call.function(call.arguments.get(), scratch.data(), {index, count});
  }
  KernelRun run;
  run.stayed_inside = std::ranges::all_of(memory, [](const GuardedMemory& part) { return part.intact(); });
  for (const Buffer& output : outputs) run.outputs.emplace_back(output.data, output.data + output.type.bytes());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!test.present[i] || replaced[i] || originals[i].bytes().empty()) continue;
    run.inputs_unchanged =
        run.inputs_unchanged && std::memcmp(inputs[i].data, originals[i].bytes().data(), originals[i].bytes().size()) == 0;
  }
  return run;
}

inline Tensor tensor_of(const TensorType& type, const std::vector<std::byte>& bytes) {
  Tensor tensor(type);
  if (!bytes.empty()) std::memcpy(tensor.bytes().data(), bytes.data(), bytes.size());
  return tensor;
}

/// Which outputs may replace which inputs, as the planner reads OpDef::may_alias (but for those that may have no memory).
inline std::vector<std::pair<int, int>> allowed_aliases(const Case& test) {
  if (test.op.may_alias) {
    auto allowed = test.op.may_alias(test.context());
    std::erase_if(allowed, [](const auto& pair) { return pair.second < 0; });
    return allowed;
  }
  std::vector<std::pair<int, int>> pairs;
  if (!test.op.elementwise) return pairs;
  const auto outputs = test.op.infer(test.context());
  for (std::size_t o = 0; o < outputs.size(); ++o) {
    for (std::size_t i = 0; i < test.types.size(); ++i) {
      if (test.present[i] && test.types[i] == outputs[o]) pairs.emplace_back(static_cast<int>(o), static_cast<int>(i));
    }
  }
  return pairs;
}

/// At most `tolerance` apart, relative to max(1, |expected|); NaN equals NaN.
inline void expect_near(const ReferenceTensor& actual, const ReferenceTensor& expected, double tolerance, const std::string& what) {
  ASSERT_EQ(actual.data.size(), expected.data.size()) << what;
  for (std::size_t i = 0; i < expected.data.size(); ++i) {
    const double a = actual.data[i];
    const double b = expected.data[i];
    const bool same = a == b || (std::isnan(a) && std::isnan(b));
    ASSERT_TRUE(same || std::abs(a - b) <= tolerance * std::max(1.0, std::abs(b)))
        << what << ", element " << i << " of " << expected.type.to_string() << ": " << a << " instead of " << b;
  }
}

}  // namespace neurons::ops::testing
