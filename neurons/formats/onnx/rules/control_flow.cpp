// If, Loop and Scan. What decides must be known when the model is imported; they are then unrolled.

#include <algorithm>
#include <limits>

#include "neurons/base/error.hpp"
#include "neurons/formats/onnx/rules/rules.hpp"

namespace neurons::onnx {
namespace {

using Outputs = std::vector<Value>;

constexpr std::int64_t kMostSteps = 4096;

Outputs if_else(const NodeContext& node) {
  const Tensor* condition = node.known(0);
  if (condition == nullptr || condition->elements() != 1) {
    node.fail("its condition is known only when the model runs; only one that is known before can be followed");
  }
  const bool holds = condition->cast(DType::i64).values<std::int64_t>()[0] != 0;
  return node.run(node.body(holds ? "then_branch" : "else_branch"), {});
}

/// The value with a new axis of extent 1.
Value with_axis(const NodeContext& node, Value value, std::int64_t axis) {
  return node.emit("Unsqueeze", {value}, {{"axes", std::vector<std::int64_t>{axis}}});
}

/// What the steps gave, one after the other along a new axis.
Value stacked(const NodeContext& node, const std::vector<Value>& steps, std::int64_t axis, bool reversed) {
  const std::int64_t rank = steps.front().shape().rank() + 1;
  const std::int64_t place = axis < 0 ? axis + rank : axis;
  std::vector<Value> parts;
  for (const Value& step : steps) parts.push_back(with_axis(node, step, place));
  if (reversed) std::ranges::reverse(parts);
  return parts.size() == 1 ? parts.front() : node.emit("Concat", parts, {{"axis", place}});
}

/// The same of no step: `one` is what a step would give. Nothing reads the nodes that made it.
Value stacked_none(const NodeContext& node, Value one, std::int64_t axis) {
  const std::int64_t rank = one.shape().rank() + 1;
  const std::int64_t place = axis < 0 ? axis + rank : axis;
  const TensorType single = with_axis(node, one, place).type();
  return node.constant(Tensor(single.dtype, single.shape.with(static_cast<int>(place), 0)));
}

bool is_true(const NodeContext& node, Value condition) {
  if (!condition) node.fail("whether it goes on is a value that is not given");
  const ValueInfo& info = node.graph().info(condition.id());
  if (info.kind != ValueKind::constant) {
    node.fail("whether it goes on is known only when the model runs; only a number of steps that is known before can be unrolled");
  }
  if (info.constant->elements() != 1) node.fail("whether it goes on must be one value");
  return info.constant->cast(DType::i64).values<std::int64_t>()[0] != 0;
}

Outputs loop(const NodeContext& node) {
  const GraphData& body = node.body("body");
  const std::int64_t trips = node.has(0) ? node.whole(0, "number of steps") : std::numeric_limits<std::int64_t>::max();
  Tensor always(DType::boolean, Shape{});
  always.values<bool>()[0] = true;
  Value condition = node.has(1) ? node.input(1) : node.constant(always);
  bool goes_on = trips > 0 && is_true(node, condition);
  std::vector<Value> carried(node.inputs.begin() + std::min<std::ptrdiff_t>(2, static_cast<std::ptrdiff_t>(node.inputs.size())),
                             node.inputs.end());
  const std::size_t states = carried.size();
  if (body.outputs.size() < states + 1) node.fail("its body has fewer outputs than values to carry on");
  std::vector<std::vector<Value>> gathered(body.outputs.size() - 1 - states);
  const auto inputs_of = [&](std::int64_t step) {
    std::vector<Value> given{node.constant(Tensor::of<std::int64_t>({}, std::vector{step})), condition};
    given.insert(given.end(), carried.begin(), carried.end());
    return given;
  };
  for (std::int64_t step = 0; goes_on; ++step) {
    if (step == kMostSteps) node.fail(fmt::format("runs more than {} steps, too many to unroll", kMostSteps));
    const std::vector<Value> results = node.run(body, inputs_of(step));
    condition = results.front();
    for (std::size_t i = 0; i < states; ++i) carried[i] = results[1 + i];
    for (std::size_t i = 0; i < gathered.size(); ++i) gathered[i].push_back(results[1 + states + i]);
    goes_on = step + 1 < trips && is_true(node, condition);
  }
  Outputs outputs = carried;
  std::vector<Value> one;  // step, where none ran
  for (std::size_t i = 0; i < gathered.size(); ++i) {
    outputs.emplace_back();
    if (!node.has_output(states + i)) continue;
    if (gathered[i].empty() && one.empty()) one = node.run(body, inputs_of(0));
    outputs.back() = gathered[i].empty() ? stacked_none(node, one[1 + states + i], 0) : stacked(node, gathered[i], 0, false);
  }
  return outputs;
}

/// The entry of one step, without its axis.
Value entry(const NodeContext& node, Value sequence, std::int64_t axis, std::int64_t step) {
  const Value index = node.constant(Tensor::of<std::int64_t>({}, std::vector{step}));
  return node.emit("Gather", {sequence, index}, {{"axis", axis}});
}

/// What stands for it where there is no step.
Value zeros_of_entry(const NodeContext& node, Value sequence, std::int64_t axis) {
  std::vector<std::int64_t> extents(sequence.shape().extents().begin(), sequence.shape().extents().end());
  extents.erase(extents.begin() + axis);
  return node.emit("Expand", {node.constant(Tensor(sequence.type().dtype, Shape{}))}, {{"shape", extents}});  // of any size
}

/// One sample's scan (opset 9 and later): state variables, then sequences.
Outputs scan_once(const NodeContext& node, std::vector<Value> inputs, std::size_t scanned, const std::string& prefix) {
  const GraphData& body = node.body("body");
  if (scanned == 0 || scanned > inputs.size()) node.fail("num_scan_inputs does not fit its inputs");
  const std::size_t states = inputs.size() - scanned;
  if (body.outputs.size() < states) node.fail("its body has fewer outputs than states");
  const std::size_t gathered = body.outputs.size() - states;
  const auto axes = node.integer_list("scan_input_axes");
  const auto directions = node.integer_list(prefix);
  const auto out_axes = node.integer_list("scan_output_axes");
  const auto out_directions = node.integer_list("scan_output_directions");
  const auto of = [](const std::vector<std::int64_t>& list, std::size_t i) { return i < list.size() ? list[i] : std::int64_t{0}; };
  const auto axis_of = [&](std::size_t i) { return std::int64_t{inputs[states + i].shape().normalized_axis(of(axes, i))}; };
  const auto steps_of = [&](std::size_t i) { return inputs[states + i].shape()[static_cast<int>(axis_of(i))]; };
  const std::int64_t steps = steps_of(0);
  for (std::size_t i = 1; i < scanned; ++i) {
    if (steps_of(i) != steps) node.fail(fmt::format("its sequences have {} and {} steps", steps, steps_of(i)));
  }
  if (steps > kMostSteps) node.fail(fmt::format("runs {} steps, too many to unroll", steps));
  const auto run_with = [&](const auto& entry_of) {
    std::vector<Value> given(inputs.begin(), inputs.begin() + static_cast<std::ptrdiff_t>(states));
    for (std::size_t i = 0; i < scanned; ++i) given.push_back(entry_of(i));
    return node.run(body, given);
  };
  std::vector<std::vector<Value>> results(gathered);
  for (std::int64_t step = 0; step < steps; ++step) {
    const std::vector<Value> outputs = run_with([&](std::size_t i) {
      return entry(node, inputs[states + i], axis_of(i), of(directions, i) != 0 ? steps - 1 - step : step);
    });
    std::copy_n(outputs.begin(), states, inputs.begin());
    for (std::size_t i = 0; i < gathered; ++i) results[i].push_back(outputs[states + i]);
  }
  Outputs outputs(inputs.begin(), inputs.begin() + static_cast<std::ptrdiff_t>(states));
  std::vector<Value> one;  // step, where there is none
  for (std::size_t i = 0; i < gathered; ++i) {
    outputs.emplace_back();
    if (!node.has_output(states + i)) continue;
    if (steps > 0) {
      outputs.back() = stacked(node, results[i], of(out_axes, i), of(out_directions, i) != 0);
      continue;
    }
    if (one.empty()) one = run_with([&](std::size_t scan) { return zeros_of_entry(node, inputs[states + scan], axis_of(scan)); });
    outputs.back() = stacked_none(node, one[states + i], of(out_axes, i));
  }
  return outputs;
}

/// Opset 8 has a batch in front of everything, and an input of lengths before the states.
Outputs scan(const NodeContext& node) {
  constexpr std::int64_t kWithoutBatch = 9;
  const auto scanned = static_cast<std::size_t>(std::max<std::int64_t>(0, node.integer("num_scan_inputs", 0)));
  if (node.opset >= kWithoutBatch) return scan_once(node, node.inputs, scanned, "scan_input_directions");
  if (node.has(0)) node.fail("sequences of different lengths in one batch are not unrolled");
  std::vector<Outputs> samples;
  const std::int64_t batch = node.input(1).shape()[0];
  for (std::int64_t n = 0; n < batch; ++n) {
    std::vector<Value> inputs;
    for (std::size_t i = 1; i < node.inputs.size(); ++i) {
      const Shape& shape = node.input(i).shape();
      if (shape.rank() < 1 || shape[0] != batch) {
        node.fail(fmt::format("input {} is {}, expected one of each of {} samples first", i, shape.to_string(), batch));
      }
      inputs.push_back(entry(node, node.input(i), 0, n));
    }
    samples.push_back(scan_once(node, std::move(inputs), scanned, "directions"));
  }
  Outputs outputs;
  for (std::size_t i = 0; !samples.empty() && i < samples.front().size(); ++i) {
    std::vector<Value> parts;
    for (const Outputs& sample : samples) parts.push_back(sample[i]);
    outputs.push_back(parts.front() ? stacked(node, parts, 0, false) : Value{});
  }
  return outputs;
}

}  // namespace

void add_control_flow_rules(Rules& rules) {
  rules["If"] = if_else;
  rules["Loop"] = loop;
  rules["Scan"] = scan;
}

}  // namespace neurons::onnx
