#pragma once
/// Operators of ONNX whose attributes and inputs do not map to an op of ours by name: one rule each. The rest need none.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "neurons/formats/onnx/importer.hpp"

namespace neurons::onnx {

using Rules = std::map<std::string, Rule>;  ///< by "Op" or "domain::Op"

void add_shape_rules(Rules& rules);          ///< what is known once shapes are: Constant, Shape, Range, …
void add_old_form_rules(Rules& rules);       ///< operators whose meaning changed between opsets
void add_batch_rules(Rules& rules);          ///< what is written for one batch, where another is wanted
void add_normalization_rules(Rules& rules);  ///< BatchNormalization, Dropout, …
void add_combining_rules(Rules& rules);      ///< Sum, Mean, OneHot, …: several ops of ours
void add_control_flow_rules(Rules& rules);   ///< If, Loop, Scan: unrolled
void add_quantization_rules(Rules& rules);   ///< QuantizeLinear and others of integers that are no bytes
void add_sequence_rules(Rules& rules);       ///< SequenceAt, SplitToSequence, …: lists that are known at import
void add_patch_rules(Rules& rules);          ///< Col2Im, CenterCropPad
void add_signal_rules(Rules& rules);         ///< DFT, STFT, windows
void add_newest_rules(Rules& rules);         ///< of opsets 27 and 28: SwiGLU, …
void add_training_rules(Rules& rules);       ///< Gradient and the optimisers of ai.onnx.preview.training

inline Value reshaped(const NodeContext& node, const Value& value, const std::vector<std::int64_t>& extents) {
  return node.emit("Reshape", {value}, {{"shape", extents}});
}

}  // namespace neurons::onnx
