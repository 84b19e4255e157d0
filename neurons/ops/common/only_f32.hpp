#pragma once
/// The refusal of kernels that compute with floats alone.

#include <string>

#include "neurons/graph/graph.hpp"

namespace neurons::ops {

inline std::string only_f32(const InferContext& context) { return context.dtype() == DType::f32 ? "" : "only f32"; }

}  // namespace neurons::ops
