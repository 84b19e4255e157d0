#pragma once
/// Weights of a model, wherever they stand, as initialisers of its graph.

#include "neurons/formats/onnx/model.hpp"

namespace neurons::onnx {

/// Float tensors with axes that stand in Constant nodes, in bodies of If, Loop and Scan and in functions become initialisers of the
/// model's graph: once for all steps of a loop, all calls of a function. They keep their names where no other value has them;
/// others are called "NODE.body.NAME" and "FUNCTION.NAME". Values that a function is given by its caller stay.
void lift_weights(Model& model);

}  // namespace neurons::onnx
