#pragma once
/// The intermediate representation: a directed acyclic graph of ops over named, typed values. Nodes are only ever appended, each
/// after the nodes whose values it reads, so the order of nodes is an order of execution.

#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "neurons/graph/op.hpp"
#include "neurons/graph/op_table.hpp"
#include "neurons/tensor/tensor.hpp"

namespace neurons {

/// A value of a graph: a light handle. The graph must outlive it.
class Value {
 public:
  Value() = default;  ///< no value (an absent optional input)
  Value(Graph* graph, int id) : graph_(graph), id_(id) {}

  explicit operator bool() const { return graph_ != nullptr; }
  int id() const { return id_; }
  /// These throw InputError for the absent value.
  Graph& graph() const;
  const TensorType& type() const;
  const Shape& shape() const { return type().shape; }
  const std::string& name() const;
  bool operator==(const Value&) const = default;

 private:
  Graph* graph_ = nullptr;
  int id_ = -1;
};

/// Where a value comes from.
enum class ValueKind : std::uint8_t {
  input,     ///< given for each run
  state,     ///< kept between runs: parameters, optimiser state, running statistics
  constant,  ///< part of the graph
  computed,  ///< output of a node
};

struct ValueInfo {
  std::string name;
  TensorType type;
  ValueKind kind = ValueKind::computed;
  int node = -1;   ///< the node that computes it, or -1
  int output = 0;  ///< which of its outputs
  std::shared_ptr<const Tensor> constant;
};

struct Node {
  const OpDef* op = nullptr;
  std::string name;  ///< for messages: the layer or ONNX node it came from
  Options options;
  std::vector<int> inputs;  ///< value ids, -1 where absent
  std::vector<int> outputs;
};

struct Assignment {
  int state = -1;
  int value = -1;
  bool operator==(const Assignment&) const = default;
};

struct NamedOutput {
  std::string name;
  int value = -1;
};

class Graph {
 public:
  explicit Graph(std::shared_ptr<const OpTable> table) : table_(std::move(table)) {}

  /// A value given for each run. Throws InputError if the name is taken or empty.
  Value input(std::string name, TensorType type);
  /// A value kept between runs. Throws InputError if the name is taken or empty.
  Value state(std::string name, TensorType type);
  Value constant(Tensor tensor, std::string name = "");
  Value scalar(double value) { return constant(Tensor::scalar(static_cast<float>(value))); }

  /// Appends a node. Its output types are inferred; errors name the node. Absent optional inputs are `Value{}`.
  std::vector<Value> emit_all(const OpDef& op, std::span<const Value> inputs, Options options, std::string name = "");
  /// The same for an op of the table, by name, returning its first output.
  Value emit(std::string_view op, std::initializer_list<Value> inputs, Options options);
  Value emit(std::string_view op, std::initializer_list<Value> inputs);  ///< with the op's default options
  Value emit(const OpDef& op, std::initializer_list<Value> inputs, Options options);

  /// Names a result. Throws InputError if the name is taken or the value not of this graph.
  void output(std::string name, Value value);
  /// At the end of a run `state` becomes `value`. At most once for each state; types must agree.
  void assign(Value state, Value value);
  /// Nodes made from now on carry this name (a layer's) for messages and listings.
  void set_scope(std::string scope) { scope_ = std::move(scope); }
  const std::string& scope() const { return scope_; }
  void rename(Value value, std::string name);

  /// What these refer to stays where it is while values and nodes are added.
  const std::deque<ValueInfo>& values() const { return values_; }
  const std::deque<Node>& nodes() const { return nodes_; }
  const std::vector<NamedOutput>& outputs() const { return outputs_; }
  const std::vector<Assignment>& assignments() const { return assignments_; }
  const ValueInfo& info(int id) const { return values_[static_cast<std::size_t>(id)]; }
  const Node& node(int index) const { return nodes_[static_cast<std::size_t>(index)]; }
  Value value(int id) { return {this, id}; }
  /// The value of that name. Throws InputError with the nearest name.
  Value find(std::string_view name);
  bool has(std::string_view name) const { return by_name_.contains(std::string(name)); }
  const std::shared_ptr<const OpTable>& table() const { return table_; }

  /// What shape inference sees of a node.
  std::vector<TensorType> input_types(const Node& node) const;

 private:
  Value add(ValueInfo info);
  void require_own(const Value& value, std::string_view what) const;
  std::shared_ptr<const OpTable> table_;
  std::deque<ValueInfo> values_;  // a deque: rules hold shapes of values while they emit more
  std::deque<Node> nodes_;
  std::vector<NamedOutput> outputs_;
  std::vector<Assignment> assignments_;
  std::unordered_map<std::string, int> by_name_;
  std::string scope_;
};

/// What messages call a node: "dense1: MatMul", or the op alone where the node has no name.
std::string describe(const Node& node);

/// The context in which a node's infer, flops and refuse functions run.
struct NodeContext {
  NodeContext(const Graph& graph, const Node& node);
  std::vector<TensorType> types;
  InferContext context;
};

/// A node of the op of that name, with its default options but for `changed`; its first output. The first input must not be absent.
Value emit_with(std::string_view op, std::initializer_list<Value> inputs, const Attributes& changed);
/// Arithmetic on values emits the ONNX op of that name (broadcasting). The value and the number must be float.
Value operator+(Value a, Value b);
Value operator-(Value a, Value b);
Value operator*(Value a, Value b);
Value operator/(Value a, Value b);
Value operator-(Value a);
Value operator+(Value a, double b);
Value operator-(Value a, double b);
Value operator*(Value a, double b);
Value operator/(Value a, double b);
Value operator-(double a, Value b);
Value operator*(double a, Value b);
Value operator+(double a, Value b);
Value operator/(double a, Value b);
/// `value` summed over the axes along which `shape` was broadcast to it: the gradient of broadcasting.
Value sum_to(Value value, const Shape& shape);

}  // namespace neurons
