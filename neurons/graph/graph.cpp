#include "neurons/graph/graph.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "neurons/base/suggest.hpp"

namespace neurons {

void InferContext::fail_text(const std::string& message) const {
  std::string operands;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!present[i]) continue;
    operands += fmt::format("{}{}", operands.empty() ? "" : ", ", inputs[i].to_string());
  }
  const std::string text = options.to_string();
  throw InputError(fmt::format("{}: {}; inputs: {}{}{}", op.name, message, operands, text.empty() ? "" : "; options: ", text));
}

void InferContext::require_rank(std::size_t index, int rank) const {
  if (shape(index).rank() != rank) fail("input {} must have {} dimensions, has {}", index, rank, shape(index).rank());
}

Graph& Value::graph() const {
  if (graph_ == nullptr) fail_input("an absent value was used where one is needed");
  return *graph_;
}
const TensorType& Value::type() const { return graph().info(id_).type; }
const std::string& Value::name() const { return graph().info(id_).name; }

std::string describe(const Node& node) { return node.name.empty() ? node.op->name : node.name + ": " + node.op->name; }

NodeContext::NodeContext(const Graph& graph, const Node& node)
    : types(graph.input_types(node)), context{*node.op, node.options, types, {}} {
  for (const int id : node.inputs) context.present.push_back(id >= 0);
}

Value Graph::add(ValueInfo info) {
  const int id = static_cast<int>(values_.size());
  if (!info.name.empty() && !by_name_.emplace(info.name, id).second) fail_input("graph: the name \"{}\" is taken", info.name);
  values_.push_back(std::move(info));
  return {this, id};
}

Value Graph::input(std::string name, TensorType type) {
  if (name.empty()) fail_input("graph: an input needs a name");
  return add({std::move(name), type, ValueKind::input, -1, 0, nullptr});
}

Value Graph::state(std::string name, TensorType type) {
  if (name.empty()) fail_input("graph: a state needs a name");
  return add({std::move(name), type, ValueKind::state, -1, 0, nullptr});
}

Value Graph::constant(Tensor tensor, std::string name) {
  const TensorType type = tensor.type();
  return add({std::move(name), type, ValueKind::constant, -1, 0, std::make_shared<const Tensor>(std::move(tensor))});
}

namespace {

/// "2 inputs", "1 to 3 inputs", "at least 1 input".
std::string input_count(const OpDef& op) {
  constexpr std::size_t kMany = 1000;
  const auto inputs = [](std::size_t count) { return fmt::format("{} input{}", count, count == 1 ? "" : "s"); };
  if (op.minimum_inputs == op.maximum_inputs) return inputs(op.minimum_inputs);
  if (op.maximum_inputs > kMany) return "at least " + inputs(op.minimum_inputs);
  return fmt::format("{} to {}", op.minimum_inputs, inputs(op.maximum_inputs));
}

/// The outputs' types. What shapes and options refuse by themselves is refused with the op's name and inputs, too.
std::vector<TensorType> inferred(const OpDef& op, const InferContext& context) {
  try {
    return op.infer(context);
  } catch (const InputError& error) {
    const std::string_view message = error.what();
    if (!message.starts_with(op.name + ": ")) context.fail("{}", message);
    throw;
  }
}

}  // namespace

std::vector<Value> Graph::emit_all(const OpDef& op, std::span<const Value> inputs, Options options, std::string name) {
  Node node{&op, name.empty() ? scope_ : std::move(name), std::move(options), {}, {}};
  for (const Value& value : inputs) {
    if (value) require_own(value, describe(node));
    node.inputs.push_back(value ? value.id() : -1);
  }
  while (!node.inputs.empty() && node.inputs.back() < 0) node.inputs.pop_back();
  const std::string where = node.name.empty() ? "" : node.name + ": ";
  if (node.inputs.size() < op.minimum_inputs || (node.inputs.size() > op.maximum_inputs && !op.internal)) {
    fail_input("{}: takes {}, got {}", describe(node), input_count(op), node.inputs.size());
  }
  for (std::size_t i = 0; i < op.minimum_inputs; ++i) {
    if (node.inputs[i] < 0) fail_input("{}: input {} is absent; it takes {}", describe(node), i, input_count(op));
  }
  std::vector<TensorType> types;
  const NodeContext node_context(*this, node);
  try {
    types = inferred(op, node_context.context);
  } catch (const InputError& error) {
    throw InputError(where + error.what());
  }
  std::vector<Value> results;
  for (std::size_t i = 0; i < types.size(); ++i) {
    results.push_back(add({"", types[i], ValueKind::computed, static_cast<int>(nodes_.size()), static_cast<int>(i), nullptr}));
    node.outputs.push_back(results.back().id());
  }
  nodes_.push_back(std::move(node));
  return results;
}

Value Graph::emit(const OpDef& op, std::initializer_list<Value> inputs, Options options) {
  return emit_all(op, std::span(inputs.begin(), inputs.size()), std::move(options)).front();
}

Value Graph::emit(std::string_view op, std::initializer_list<Value> inputs, Options options) {
  return emit(table_->find(op), inputs, std::move(options));
}

Value Graph::emit(std::string_view op, std::initializer_list<Value> inputs) {
  const OpDef& definition = table_->find(op);
  return emit(definition, inputs, definition.default_options);
}

void Graph::require_own(const Value& value, std::string_view what) const {
  if (!value) fail_input("{}: the value is absent", what);
  if (&value.graph() != this) fail_input("{}: the value \"{}\" belongs to another graph", what, value.name());
}

void Graph::output(std::string name, Value value) {
  require_own(value, fmt::format("output \"{}\"", name));
  for (const auto& other : outputs_) {
    if (other.name == name) fail_input("graph: the output name \"{}\" is taken", name);
  }
  outputs_.push_back({std::move(name), value.id()});
}

void Graph::assign(Value state, Value value) {
  require_own(state, "assign");
  require_own(value, fmt::format("assign to \"{}\"", state.name()));
  if (info(state.id()).kind != ValueKind::state) fail_input("assign: \"{}\" is not a state", state.name());
  if (state.type() != value.type()) {
    fail_input("assign: state \"{}\" is {}, the value is {}", state.name(), state.type().to_string(), value.type().to_string());
  }
  for (const auto& assignment : assignments_) {
    if (assignment.state == state.id()) fail_input("assign: state \"{}\" is assigned twice", state.name());
  }
  assignments_.push_back({state.id(), value.id()});
}

void Graph::rename(Value value, std::string name) {
  auto& info = values_[static_cast<std::size_t>(value.id())];
  if (info.name == name) return;
  if (name.empty()) fail_input("graph: a value cannot be renamed to nothing");
  if (!by_name_.emplace(name, value.id()).second) fail_input("graph: the name \"{}\" is taken", name);
  if (!info.name.empty()) by_name_.erase(info.name);
  info.name = std::move(name);
}

Value Graph::find(std::string_view name) {
  if (const auto found = by_name_.find(std::string(name)); found != by_name_.end()) return value(found->second);
  for (const auto& output : outputs_) {
    if (output.name == name) return value(output.value);
  }
  std::vector<std::string> known;
  for (const auto& [key, id] : by_name_) known.push_back(key);
  for (const auto& output : outputs_) known.push_back(output.name);
  std::ranges::sort(known);
  fail_input("graph: there is no value \"{}\"{}", name, did_you_mean(name, known));
}

std::vector<TensorType> Graph::input_types(const Node& node) const {
  std::vector<TensorType> types;
  for (const int id : node.inputs) types.push_back(id < 0 ? TensorType{} : info(id).type);
  return types;
}

Value emit_with(std::string_view op, std::initializer_list<Value> inputs, const Attributes& changed) {
  Graph& graph = inputs.begin()->graph();
  const OpDef& found = graph.table()->find(op);
  return graph.emit(found, inputs, found.default_options.with(changed));
}

namespace {

Value binary(std::string_view op, Value a, Value b) { return a.graph().emit(op, {a, b}); }

/// A scalar of the element type of `value` where that is f64, else an f32.
Value number_beside(Value value, double number) {
  if (value.type().dtype != DType::f64) return value.graph().scalar(number);
  return value.graph().constant(Tensor::of<double>({}, {&number, 1}));
}

}  // namespace

Value operator+(Value a, Value b) { return binary("Add", a, b); }
Value operator-(Value a, Value b) { return binary("Sub", a, b); }
Value operator*(Value a, Value b) { return binary("Mul", a, b); }
Value operator/(Value a, Value b) { return binary("Div", a, b); }
Value operator-(Value a) { return a.graph().emit("Neg", {a}); }
Value operator+(Value a, double b) { return a + number_beside(a, b); }
Value operator-(Value a, double b) { return a - number_beside(a, b); }
Value operator*(Value a, double b) { return a * number_beside(a, b); }
Value operator/(Value a, double b) { return a / number_beside(a, b); }
Value operator-(double a, Value b) { return number_beside(b, a) - b; }
Value operator*(double a, Value b) { return number_beside(b, a) * b; }
Value operator+(double a, Value b) { return number_beside(b, a) + b; }
Value operator/(double a, Value b) { return number_beside(b, a) / b; }

Value sum_to(Value value, const Shape& shape) {
  if (value.shape() == shape) return value;
  std::vector<std::int64_t> axes;
  const int leading = value.shape().rank() - shape.rank();
  for (int axis = 0; axis < value.shape().rank(); ++axis) {
    const std::int64_t kept = axis < leading ? 1 : shape[axis - leading];
    if (axis < leading || (kept == 1 && value.shape()[axis] != 1)) axes.push_back(axis);
  }
  Graph& graph = value.graph();
  const OpDef& reduce = graph.table()->find("ReduceSum");
  const Attributes chosen{{"axes", axes}, {"keep_dims", false}};
  if (!axes.empty()) value = graph.emit(reduce, {value}, reduce.default_options.with(chosen));
  if (value.shape() == shape) return value;
  const OpDef& reshape = graph.table()->find("Reshape");
  const std::vector<std::int64_t> extents(shape.extents().begin(), shape.extents().end());
  return graph.emit(reshape, {value}, reshape.default_options.with({{"shape", extents}, {"allow_zero", true}}));
}

}  // namespace neurons
