#pragma once
/// Ops that give the same elements, in the same order, another shape.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "neurons/graph/graph.hpp"

namespace neurons::ops {

/// A complete op (but for onnx and samples) whose output has the shape that `target` computes. Any element type. The output may
/// share the input's memory; the gradient is the inverse reshape.
OpDef view_op(std::string name, std::string summary, Options defaults, std::function<Shape(const InferContext&)> target);

/// `value` under another shape (a Reshape node; none if it has that shape).
Value reshaped(Value value, const Shape& shape);

/// A rule for ops whose result has a row for each row of input 0, and none of whose other inputs has: f(view(x)) = view(f(x)). What
/// follows then reads the op itself, and can be its epilogue; with one already, it has more than its `own_inputs`, and stays.
std::optional<std::vector<Value>> rows_before_view(const RewriteContext& context, std::size_t own_inputs);

/// The same for an elementwise op: f(view(a), view(b), c) = view(f(a, b, c)), where a and b have one shape and c is a single number
/// or one for each column.
std::optional<std::vector<Value>> elements_before_view(const RewriteContext& context);

/// A call that copies `bytes` bytes from `from` to `to`, nothing where they are the same memory.
Call copy_call(const std::byte* from, std::byte* to, std::size_t bytes);

}  // namespace neurons::ops
