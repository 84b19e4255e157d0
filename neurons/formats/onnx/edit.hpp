#pragma once
/// Changes to a model that make it ready to be trained again.

#include <cstdint>
#include <set>
#include <string>

#include "neurons/formats/onnx/model.hpp"

namespace neurons::onnx {

/// Throws InputError if the model has no such output.
void require_output(const GraphData& graph, const std::string& output);

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
