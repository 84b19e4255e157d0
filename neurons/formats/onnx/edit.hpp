#pragma once
/// Changes to a model that make it ready to be trained again.

#include <cstdint>
#include <set>
#include <string>

#include "neurons/formats/onnx/model.hpp"

namespace neurons::onnx {

/// Weights that stand in Constant nodes become initialisers of the same names.
void lift_constants(GraphData& graph);

/// Leaves out the activation that turns the output's scores into probabilities (Softmax, LogSoftmax or Sigmoid), as losses want
/// scores. Returns the node that is left out, as opset 13 writes it; its op_type is empty if there is none, or if the model's older
/// opset means something by it that a newer one does not.
NodeData peel(GraphData& graph, const std::string& output, std::int64_t opset);

/// Gives the last weighted sum before the output (Gemm, MatMul or Conv) as many neurons as `outputs`; their weights and biases are
/// to be drawn anew: their names. Throws InputError where no weighted sum with weights of its own is found.
std::set<std::string> replace_head(GraphData& graph, const std::string& output, std::int64_t outputs);

/// A Dropout node before the last weighted sum, unless the model has one there.
void insert_dropout(GraphData& graph, const std::string& output, float ratio);

/// The only output. Throws InputError, with the file's name and theirs, where there are several.
std::string only_output(const Model& model);

}  // namespace neurons::onnx
