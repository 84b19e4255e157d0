#include "neurons/formats/onnx/ending.hpp"

#include <algorithm>
#include <limits>
#include <optional>

#include "neurons/graph/option_of.hpp"
#include "neurons/layers/emit.hpp"
#include "neurons/ops/common/panels.hpp"

namespace neurons::onnx {
namespace {

constexpr int kDeepest = 64;  // operators behind each other

bool is_float(Value x) { return x.type().dtype == DType::f32 || x.type().dtype == DType::f64; }

Value input_of(Value y, const Node& node, std::size_t index = 0) { return y.graph().value(node.inputs[index]); }

/// The same operator on another value.
Value again(Value y, const Node& node, Value x) { return y.graph().emit(*node.op, {x}, node.options); }

/// Along which axis of x the entries lie that a view of it has along `axis`; -1 where they lie along none.
int axis_before(const Shape& x, const Shape& view, int axis) {
  const std::int64_t stride = view.product(axis + 1, view.rank());
  for (int from = 0; from < x.rank(); ++from) {
    if (x[from] == view[axis] && x.product(from + 1, x.rank()) == stride) return from;
  }
  return -1;
}

int axis_before(const Node& transpose, int axis, int rank) {
  const auto perm = option_of<std::vector<std::int64_t>>(transpose.options, "perm");
  return perm.empty() ? rank - 1 - axis : static_cast<int>(perm[static_cast<std::size_t>(axis)]);
}

/// Behind all operators that give what they take.
Value origin_of(Value y) {
  for (int depth = 0; depth < kDeepest; ++depth) {
    const Node* node = ops::producer(y);
    if (node == nullptr || (node->op->name != "Identity" && node->op->name != "Dropout")) return y;
    y = input_of(y, *node);
  }
  return y;
}

bool is_one(Value x) {
  const std::shared_ptr<const Tensor> known = x.graph().info(x.id()).constant;
  return known && known->elements() == 1 && known->dtype() == DType::f32 && known->values<float>()[0] == 1;
}

/// Whether q is 1 - p.
bool is_rest_of(Value q, Value p) {
  q = origin_of(q);
  const Node* node = ops::producer(q);
  return node != nullptr && node->op->name == "Sub" && is_one(input_of(q, *node)) &&
         origin_of(input_of(q, *node, 1)) == origin_of(p);
}

std::optional<Scores> behind(Value y, int axis, int depth);

/// [1 - p, p] is the softmax of [-z / 2, z / 2] where p = σ(z), and always that of its own logarithm.
std::optional<Scores> of_pair(Value y, const Node& node, int axis, int depth) {
  if (node.inputs.size() != 2 || y.shape()[axis] != 2) return std::nullopt;
  if (y.shape().normalized_axis(option_of<std::int64_t>(node.options, "axis")) != axis) return std::nullopt;
  const Value first = input_of(y, node);
  const Value second = input_of(y, node, 1);
  const bool rest_first = is_rest_of(first, second);
  if (first.shape() != second.shape() || (!rest_first && !is_rest_of(second, first))) return std::nullopt;
  const auto z = behind(rest_first ? second : first, axis, depth + 1);
  if (!z || z->ending != Ending::each) {
    const Value least = y.graph().scalar(static_cast<double>(std::numeric_limits<float>::min()));
    return Scores{Ending::shares, y.graph().emit("Log", {y.graph().emit("Max", {y, least})})};
  }
  const Value half = z->value * 0.5;
  const std::vector<Value> pair = rest_first ? std::vector{-half, half} : std::vector{half, -half};
  return Scores{Ending::shares, y.graph().emit_all(*node.op, pair, node.options).front()};
}

std::optional<Scores> behind(Value y, int axis, int depth) {
  const Node* node = ops::producer(y);
  if (node == nullptr || depth > kDeepest || node->inputs.empty() || node->inputs[0] < 0 || !is_float(y)) return std::nullopt;
  const std::string& op = node->op->name;
  const Value x = input_of(y, *node);
  if (op == "Softmax" || op == "LogSoftmax" || op == "Sigmoid") {
    if (ops::producer(x) == nullptr) return std::nullopt;  // nothing was learnt behind it
    if (op == "Sigmoid") return Scores{Ending::each, x};
    if (x.shape().normalized_axis(option_of<std::int64_t>(node->options, "axis")) != axis) return std::nullopt;
    return Scores{op == "Softmax" ? Ending::shares : Ending::logarithms, x};
  }
  if (op == "Concat") return of_pair(y, *node, axis, depth);
  std::optional<Scores> found;
  const auto look = [&](int from) { return from >= 0 ? behind(x, from, depth + 1) : std::nullopt; };
  if (op == "Identity" || op == "Dropout") return look(axis);
  if (op == "Log" || op == "Exp") {
    const bool log = op == "Log";
    found = look(axis);
    if (!found || found->ending != (log ? Ending::shares : Ending::logarithms)) return std::nullopt;
    found->ending = log ? Ending::logarithms : Ending::shares;
  } else if (op == "Cast") {
    found = look(axis);
    if (found && found->value.type().dtype != y.type().dtype) found->value = again(y, *node, found->value);
  } else if (op == "Transpose") {
    found = look(axis_before(*node, axis, y.shape().rank()));
    if (found) found->value = again(y, *node, found->value);
  } else if (op == "Reshape" || op == "Flatten" || op == "Squeeze" || op == "Unsqueeze") {
    found = look(axis_before(x.shape(), y.shape(), axis));
    if (found) found->value = reshape(found->value, y.shape());
  }
  return found;
}

}  // namespace

Scores scores_of(Value y) {
  int axis = y.shape().rank() - 1;
  while (axis > 1 && y.shape()[axis] == 1) --axis;
  if (axis < 0) return {Ending::unknown, y};
  return behind(y, axis, 0).value_or(Scores{Ending::unknown, y});
}

}  // namespace neurons::onnx
