#pragma once
/// Which operators a model uses, and which of them are known here.

#include <cstdint>
#include <string>
#include <vector>

#include "neurons/formats/onnx/model.hpp"
#include "neurons/graph/op_table.hpp"

namespace neurons::onnx {

/// Functions within functions; a call that is nested deeper is refused.
inline constexpr int kDeepestCall = 64;

/// Nodes of a model once functions are called and loops unrolled.
inline constexpr std::int64_t kMostNodes = 1 << 18;

/// One kind of operator in a model.
struct OperatorUse {
  std::string name;        ///< "Conv", "com.example::Op"
  std::int64_t nodes = 0;  ///< of that kind, in functions and subgraphs too
  bool known = false;
};

/// The name of a node's operator: "Conv", "com.example::Op".
std::string operator_of(const NodeData& node);

/// What messages call a node: its name, or that of its first result.
std::string name_of(const NodeData& node);

/// The function of the model that a node calls, or null.
const FunctionData* find_function(const Model& model, const NodeData& node);

/// The nodes of a function for one call: attributes of the call, or the function's defaults, where its own refer to such.
std::vector<NodeData> body_of(const FunctionData& function, const NodeData& call);

/// All that the model's nodes, their subgraphs and the functions that they call use, by name. Calls of functions are not listed.
std::vector<OperatorUse> operators_of(const Model& model, const OpTable& table);

/// Those that are not known: "uses operators that are not known here: Det, Foo (3 nodes)"; empty where all are.
std::string unknown_operators(const Model& model, const OpTable& table);

}  // namespace neurons::onnx
