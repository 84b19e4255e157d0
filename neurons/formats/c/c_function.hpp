#pragma once
/// A graph written as the body of one C function: which call computes each node, and where its results are.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "neurons/formats/c/c_file.hpp"
#include "neurons/formats/c/known_values.hpp"
#include "neurons/graph/graph.hpp"

namespace neurons::c {

/// Why an op cannot be written.
struct Unsupported {
  std::string reason;
};

/// A function of `input` and `output` (of several outputs, the others are `output_NAME`), with `scratch` to work in and `memory`
/// that outlives the call.
class CFunction {
 public:
  /// Writes the graph's nodes, what they share into `file`. What cannot be written is in unsupported().
  CFunction(const Graph& graph, CFile& file);

  /// "LayerNormalization (norm1)", with the reason where the op can be written in other cases.
  const std::vector<std::string>& unsupported() const { return unsupported_; }
  /// The arrays of the outputs, in the graph's order; the first is "output".
  const std::vector<std::string>& outputs() const { return outputs_; }
  /// The statements.
  const std::string& body() const { return body_; }
  bool reads_input() const { return reads_input_; }
  std::size_t scratch() const { return scratch_; }  ///< floats
  std::size_t memory() const { return memory_; }    ///< floats

  // What emitters ask for, of the node that is being written.
  const Graph& graph() const { return graph_; }
  const Node& node() const { return *node_; }
  const Options& options() const { return node_->options; }
  bool has_input(std::size_t index) const { return index < node_->inputs.size() && node_->inputs[index] >= 0; }
  const TensorType& type(std::size_t index) const { return graph_.info(node_->inputs[index]).type; }
  const Shape& shape(std::size_t index) const { return type(index).shape; }
  const Shape& output_shape(std::size_t index = 0) const { return graph_.info(node_->outputs[index]).type.shape; }
  /// How the layer is called in comments.
  std::string layer() const;
  bool is_known(std::size_t index) const { return known_.has(node_->inputs[index]); }
  /// An input that does not depend on the function's. Throws Unsupported if it does.
  const Tensor& known(std::size_t index);
  const Tensor& known_value(int id) { return known_[id]; }
  CFile& file() { return file_; }

  /// Where an input is, and where an output shall be: expressions. An input that is known becomes an array LAYER_WHAT.
  std::string x(std::size_t index, std::string_view what = "constant");
  std::string y(std::size_t index = 0);
  bool is_used(std::size_t output) const;
  /// The output's memory is what the caller's memory holds for input `index`, a state that the output is assigned to.
  bool remembers(std::size_t output, std::size_t index) const;
  /// Output 0 is the bytes of input `index`.
  void view(std::size_t index = 0);
  /// Output 0 begins as a copy of input `index`, in its memory if nobody else needs it: where it is.
  std::string over(std::size_t index);
  /// Room for so many floats while this node runs.
  std::string room(std::int64_t floats, const std::string& what);
  void say(const std::string& comment);
  void call(const std::string& statement);

 private:
  /// A piece of memory, and from which node to which it is needed.
  struct Room {
    std::string name;
    std::string place;  ///< an expression; empty: in scratch
    std::int64_t floats = 0;
    int first = 0;
    int last = 0;
  };
  void write(int index);
  /// The name of a value's room, for reading.
  const std::string& place_of(int id);
  int room_of(int id) const { return rooms_of_[static_cast<std::size_t>(id)]; }
  int add_room(std::string_view name, std::int64_t floats);
  void put(int id, int room);
  /// The node that reads a value first; -1 if none does.
  int first_use(int id) const;
  /// The state that the value becomes at the end; -1 if none.
  int state_of(int id) const;
  void place_signature();
  std::string place_outputs();
  void finish();

  const Graph& graph_;
  CFile& file_;
  KnownValues known_;
  const Node* node_ = nullptr;
  int step_ = 0;
  std::vector<int> last_;      ///< node that uses a value last
  std::vector<int> rooms_of_;  ///< of each value; -1: none yet
  std::vector<Room> rooms_;
  std::vector<std::string> texts_;  ///< of each node
  std::set<std::string> names_;     ///< local ones
  std::vector<std::string> outputs_;
  std::vector<std::string> unsupported_;
  std::string body_;
  std::size_t scratch_ = 0;
  std::size_t memory_ = 0;
  bool reads_input_ = false;
};

}  // namespace neurons::c
