#pragma once
/// Changes to a model that make it ready to be trained again.

#include <cstdint>
#include <set>
#include <string>

#include "neurons/formats/onnx/model.hpp"

namespace neurons::onnx {

/// The scores of which an output makes probabilities: what its last Softmax, LogSoftmax or Sigmoid reads, as losses want scores.
/// The output itself if there is no such activation, or if the model's older opset means something by it that a newer one does not.
std::string scores_of(const GraphData& graph, const std::string& output, std::int64_t opset);

/// Makes these scores the output.
void drop_activation(GraphData& graph, const std::string& output, std::int64_t opset);

/// All values that this one is computed from, itself included: initialisers and inputs, too.
std::set<std::string> values_behind(const GraphData& graph, const std::string& value);

/// Gives the last weighted sum before the output (Gemm, MatMul or Conv) as many neurons as `outputs`; their weights and biases are
/// to be drawn anew: their names. Throws InputError where no weighted sum with weights of its own is found.
std::set<std::string> replace_head(GraphData& graph, const std::string& output, std::int64_t outputs);

/// A Dropout node before the last weighted sum, unless the model has one there.
void insert_dropout(GraphData& graph, const std::string& output, float ratio);

/// The only output. Throws InputError, with the file's name and theirs, where there are several.
std::string only_output(const Model& model);

}  // namespace neurons::onnx
