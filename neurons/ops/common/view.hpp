#pragma once
/// Ops that give the same elements, in the same order, another shape.

#include <functional>
#include <string>

#include "neurons/graph/graph.hpp"

namespace neurons::ops {

/// A complete op (but for onnx and samples) whose output has the shape that `target` computes. Any element type. The output may
/// share the input's memory; the gradient is the inverse reshape.
OpDef view_op(std::string name, std::string summary, Options defaults, std::function<Shape(const InferContext&)> target);

/// `value` under another shape (a Reshape node; none if it has that shape).
Value reshaped(Value value, const Shape& shape);

/// A call that copies `bytes` bytes from `from` to `to`, nothing where they are the same memory.
Call copy_call(const std::byte* from, std::byte* to, std::size_t bytes);

}  // namespace neurons::ops
