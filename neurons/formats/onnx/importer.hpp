#pragma once
/// From a file's nodes to a graph.

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "neurons/formats/onnx/model.hpp"
#include "neurons/formats/onnx/narrow_integers.hpp"
#include "neurons/graph/graph.hpp"

namespace neurons::onnx {

/// The opsets of ONNX that are read, and the one that is written unless another is asked for.
inline constexpr std::int64_t kOldestOpset = 1;
inline constexpr std::int64_t kNewestOpset = 28;

/// What an initialiser is for.
enum class Role : std::uint8_t {
  constant,   ///< integers, single numbers, what shapes hang on
  parameter,  ///< numbers that could be trained
  statistic,  ///< running mean and variance of a batch normalisation
};

struct ImportOptions {
  /// Types of the model's inputs, by name; those that are not here have the types of the file, whose open extents are 1.
  std::map<std::string, Shape> shapes{};
  std::int64_t open_batch = 1;  ///< first extent of the others where the file leaves it open
  /// Inputs that are known now, and become constants: shapes and axes that the file leaves to be given.
  std::map<std::string, Tensor> known{};
  /// The value that stands for an initialiser that is no constant; null: all are constants.
  std::function<Value(Graph&, const TensorData&, const TensorType&, Role)> initializer{};
  /// What roles_of says of the model, from one who has it already; must outlive the import. Null: it is asked where it matters.
  const std::map<std::string, Role>* roles = nullptr;
  /// Single values of double precision become those of single precision.
  bool single_precision = false;
  /// Batch normalisation uses and updates the statistics of its batch, whatever the file says (for training).
  std::function<bool(const std::string& statistic)> trains_statistic{};
  /// What a Dropout node gives while the model is trained; null: its input.
  std::function<Value(Value x, double ratio)> drop{};
  /// Sees each node of the model's own graph: the first of the graph's nodes that it became, and why it could not be imported
  /// (empty where it could). Where this is set, the import goes on after faults: results that are missing are inputs of the graph
  /// where the file gives their types.
  std::function<void(const NodeData& node, std::size_t first, const std::string& fault)> watch{};
  /// The batch that is wanted, and the one that the file was written for (0: it leaves that open), which becomes the wanted one in
  /// shapes. States and tokens of one sample serve all samples.
  struct Batch {
    std::int64_t wanted = 0;
    std::int64_t written = 0;
  };
  std::optional<Batch> batch{};
};

class Importer;

/// One node while it is being imported: what conversion rules see.
class NodeContext {
 public:
  NodeContext(Importer& importer, const NodeData& of, std::int64_t version, std::vector<Value> values, std::string title)
      : node(of), opset(version), inputs(std::move(values)), name(std::move(title)), importer_(importer) {}

  const NodeData& node;
  std::int64_t opset;  ///< of the node's domain
  std::vector<Value> inputs;
  std::string name;

  Graph& graph() const;
  const ImportOptions& options() const;
  bool has(std::size_t index) const { return index < inputs.size() && inputs[index]; }
  /// The input. Throws InputError if it is absent.
  Value input(std::size_t index) const;
  /// What is known of the input when the graph is made, or null.
  const Tensor* known(std::size_t index) const;
  /// The same as integers, one number, one integer. Throws InputError where it is known only when the model runs; `what` is what it
  /// says.
  std::vector<std::int64_t> integers(std::size_t index, std::string_view what) const;
  double number(std::size_t index, std::string_view what) const;
  std::int64_t whole(std::size_t index, std::string_view what) const;

  std::int64_t integer(std::string_view attribute, std::int64_t otherwise) const;
  double real(std::string_view attribute, double otherwise) const;
  std::string text(std::string_view attribute, const std::string& otherwise) const;
  std::vector<std::int64_t> integer_list(std::string_view attribute) const;
  Tensor tensor(std::string_view attribute) const;
  /// A list of values as one: it may go wherever values go, until someone asks for its items.
  Value sequence(std::vector<Value> items) const;
  bool is_sequence(std::size_t index) const;
  /// The items of an input that is a sequence. Throws InputError if it is none.
  const std::vector<Value>& items(std::size_t index) const;
  /// What the file calls the input's integers, where they have fewer bits there.
  std::optional<ElementType> narrow_type(std::size_t index) const;
  bool has_output(std::size_t index) const { return index < node.outputs.size() && !node.outputs[index].empty(); }

  /// A node of ours, folded where all its inputs are known and its results small.
  std::vector<Value> emit_all(std::string_view op, const std::vector<Value>& values, const Attributes& changed = {}) const;
  Value emit(std::string_view op, const std::vector<Value>& values, const Attributes& changed = {}) const {
    return emit_all(op, values, changed).front();
  }
  /// The node as the op whose ONNX name it has: attributes by name, known inputs as options.
  std::vector<Value> as_it_is(const Attributes& changed = {}, const std::vector<std::string>& dropped = {}) const;
  Value constant(const Tensor& tensor) const;
  Value integers_constant(const std::vector<std::int64_t>& values) const;
  /// Runs a subgraph of this node on values for its inputs.
  std::vector<Value> run(const GraphData& body, std::span<const Value> given) const;
  const GraphData& body(std::string_view attribute) const;
  [[noreturn]] void fail(const std::string& message) const;
  /// How the node counts among gradients: value → name is known to the importer.
  Value named(const std::string& value) const;

 private:
  Importer& importer_;
};

/// Converts one node; returns its outputs in ONNX's order (absent ones at the end may be left out).
using Rule = std::function<std::vector<Value>(const NodeContext&)>;
/// The rule for an operator where attributes by name are not enough, or null.
const Rule* find_rule(const std::string& domain, const std::string& op_type);

/// The ops of a table by their ONNX names.
class OpNames {
 public:
  explicit OpNames(const OpTable& table);
  /// The op of that name, or null.
  const OpDef* find(const std::string& domain, const std::string& op_type) const;

 private:
  std::unordered_map<std::string, const OpDef*> ops_;  ///< by "Op" or "domain::Op"
};

/// Roles of a model's initialisers, by how its nodes use them.
std::map<std::string, Role> roles_of(const Model& model, const OpTable& table);

class Importer {
 public:
  Importer(const Model& model, Graph& graph, ImportOptions options);

  /// Imports all nodes. The model's inputs become the graph's unless `given` holds them; outputs are in the model's order.
  std::vector<Value> run(const std::map<std::string, Value>& given = {});
  /// After that: the value of that name. Throws InputError if the model has none.
  Value value(const std::string& name) const;
  /// Values that are missing, and why (see ImportOptions::watch).
  const std::map<std::string, std::string>& faults() const { return lost_; }

 private:
  friend class NodeContext;
  using Scope = std::unordered_map<std::string, Value>;

  void require_known_operators() const;
  void add_initializers(const GraphData& graph, Scope& scope, bool main);
  void add_inputs(const std::map<std::string, Value>& given);
  void run_nodes(const std::vector<NodeData>& nodes, const std::map<std::string, std::int64_t>& opsets, bool main);
  void run_node(const NodeData& node, const std::map<std::string, std::int64_t>& opsets, bool main);
  void run_watched(const NodeData& node, const std::map<std::string, std::int64_t>& opsets);
  void unless_watched(bool main, const std::string& name, const std::function<void()>& add);
  TensorType type_of(const ValueData& input) const;
  void lose(const std::string& name, const std::string& fault);
  std::vector<Value> call_function(const FunctionData& function, const NodeData& node, const std::vector<Value>& inputs);
  std::vector<Value> run_body(const GraphData& body, std::span<const Value> given);
  Value find(const std::string& name, const NodeData& node) const;
  std::vector<Value> emit(const OpDef& op, const std::vector<Value>& inputs, const Options& options, const std::string& name);
  Tensor tensor(const TensorData& data) const;

  const Model& model_;
  Graph& graph_;
  ImportOptions options_;
  OpNames names_;
  NarrowIntegers integers_;
  std::map<int, std::vector<Value>> sequences_;  ///< items, by the id of the constant that stands for the list
  std::vector<Scope> scopes_;
  std::vector<const std::map<std::string, std::int64_t>*> opsets_;
  int depth_ = 0;                            ///< of the function that is being called
  std::map<std::string, std::string> lost_;  ///< see faults()
  std::int64_t steps_ = 0;                   ///< nodes so far, those of functions and loops each time
};

/// The whole model as a graph: inputs, initialisers as constants or states, outputs, with the file's names. Throws InputError, with
/// the file's name, for operators that are not known (all of them at once), an opset from the future, a value that nothing
/// computes, a cycle, and whatever a node's own op refuses.
Graph to_graph(const Model& model, const std::shared_ptr<const OpTable>& table, ImportOptions options = {});
/// The graph for inputs like these. As few of them as it takes are known before it runs: none, small ones of integers (on which
/// shapes hang), or all small ones.
Graph to_graph(const Model& model, const std::shared_ptr<const OpTable>& table, const std::map<std::string, Tensor>& inputs);

}  // namespace neurons::onnx
