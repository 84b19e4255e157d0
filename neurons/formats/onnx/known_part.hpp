#pragma once
/// What can be had of a model where some of its operators are not known.

#include <string>

#include "neurons/formats/onnx/model.hpp"
#include "neurons/graph/op_table.hpp"

namespace neurons::onnx {

/// The model without outputs that need operators which are not known here, and without what only those need; `left_out` of the
/// result says so. As it is, where all are known, where every output needs such operators, or where the wanted one does.
Model known_part(Model model, const OpTable& table, const std::string& wanted = "");

}  // namespace neurons::onnx
