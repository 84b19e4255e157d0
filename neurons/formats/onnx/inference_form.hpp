#pragma once
/// Models that were written in the form of training.

#include "neurons/formats/onnx/model.hpp"

namespace neurons::onnx {

/// Dropout nodes whose training_mode is known to be true, and BatchNormalization nodes of training_mode whose new statistics nobody
/// reads, as exporters leave them when they are asked for a model to be trained: made what they are in inference (nothing is
/// dropped, the running statistics count). `left_out` tells of them.
void to_inference_form(Model& model);

}  // namespace neurons::onnx
