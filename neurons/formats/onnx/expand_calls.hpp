#pragma once
/// Functions of a model, written out where they are called.

#include "neurons/formats/onnx/model.hpp"

namespace neurons::onnx {

/// Puts the nodes of its functions in place of the nodes of the model's graph that call them, so that they can be changed as any
/// others; their values are called CALL.NAME. Calls in bodies of nodes stay, and calls of a function that was written for other
/// opsets than the model. Throws InputError for more nodes than can be imported.
void expand_calls(Model& model);

}  // namespace neurons::onnx
