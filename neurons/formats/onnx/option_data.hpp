#pragma once
/// Options of ops as ONNX's operators hold them, from opset to opset.

#include <cstdint>
#include <string>
#include <string_view>

#include "neurons/formats/onnx/model.hpp"
#include "neurons/graph/options.hpp"
#include "neurons/tensor/tensor.hpp"

namespace neurons::onnx {

/// Whether ONNX's operators have no default for it: it is written even where it is ours.
bool is_always_written(std::string_view option);
/// Whether it is ours alone. Such an option may say only what ONNX does anyway.
bool is_ours(std::string_view option);

/// The first opset in which the operator has that option; 0: all have it.
std::int64_t option_since(std::string_view op, std::string_view option);
/// The same for an input.
std::int64_t input_since(std::string_view op, std::size_t input);

/// GridSample's word for how it interpolates, which changed with an opset.
std::string grid_sample_mode(const std::string& mode, std::int64_t opset);

bool is_empty(const AttributeValue& value);
/// An option as an attribute.
AttributeData attribute_of(const std::string& name, const AttributeValue& value);
/// An option as the tensor that ONNX takes as an input; a single real number is one of type `number`.
Tensor tensor_of(const AttributeValue& value, DType number);

}  // namespace neurons::onnx
