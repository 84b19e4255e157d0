#pragma once
/// What can be done with a model here: run it, train it, write it again.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "neurons/formats/onnx/model.hpp"
#include "neurons/graph/op_table.hpp"

namespace neurons::onnx {

/// One node of the model.
struct NodeVerdict {
  std::string name;  ///< the node's, or its first result's
  std::string op;    ///< "Conv", "com.example::Op"
  bool runs = true;
  bool trains = true;  ///< gradients pass
  bool exports = true;
  std::string reason;  ///< why not, and what to do instead; empty where all is well
};

struct CheckedValue {
  std::string name;
  std::string type;  ///< "f32[1, 3, 224, 224]"; what is in its way where it cannot be had
};

struct Check {
  std::int64_t opset = 0;
  std::string producer;
  std::vector<NodeVerdict> nodes;
  std::vector<CheckedValue> inputs;
  std::vector<CheckedValue> outputs;
  bool runs = false;
  bool trains = false;
  bool exports = false;
  std::vector<std::string> notes;  ///< what the whole has in its way, and what is done otherwise than the file says
  std::int64_t parameters = 0;     ///< numbers that can be trained
  std::int64_t fixed = 0;          ///< other numbers that are stored
  double flops = 0;                ///< of a run
  std::size_t bytes_to_run = 0;    ///< stored numbers, inputs and what is computed; 0 where it does not run
  std::size_t bytes_to_train = 0;  ///< the same with gradients and Adam's two numbers for each parameter; 0 where it does not
  std::string trained_output;      ///< by which training was tried, and with how many samples at once
  std::int64_t trained_batch = 0;
};

struct CheckOptions {
  /// First extent of inputs where the file leaves it open; 0: that of the shapes that are given, or 1. Of training at least 2.
  std::int64_t batch = 0;
  std::map<std::string, Shape> shapes{};  ///< of inputs, by name; open extents of others that are called as theirs follow
};

/// Looks at each node as far as what it reads is known, and builds what training would; nothing is computed, weights are not read.
/// Throws InputError, naming the file, for what is no graph, an opset of the future, and shapes for inputs that there are not.
Check check(const Model& model, const std::shared_ptr<const OpTable>& table, const CheckOptions& options = {});

}  // namespace neurons::onnx
