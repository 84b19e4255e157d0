#pragma once
/// Short forms for the nodes that gradient, decomposition and simplification rules emit most.

#include <functional>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "neurons/graph/graph.hpp"

namespace neurons::ops {

/// The sum of `value` over `axes` (none: the value itself).
Value sum_over(Value value, const std::vector<std::int64_t>& axes, bool keep_dims);

/// `value` with its axes in the order `permutation` (none if that is the order they have).
Value transposed(Value value, const std::vector<std::int64_t>& permutation);
/// `value` with its last two axes exchanged.
Value transposed_last_two(Value value);

/// `value` broadcast to `shape` (none if it has that shape).
Value expanded(Value value, const Shape& shape);

/// The part [start, end) of one axis.
Value sliced(Value value, std::int64_t axis, std::int64_t start, std::int64_t end);

/// Gives the op a decomposition that takes its place in every plan: its reference serves tests alone.
void replace_by(OpDef& op, std::function<std::vector<Value>(const RewriteContext&)> decomposition);

/// The extents of a shape as an attribute.
std::vector<std::int64_t> extents_of(const Shape& shape);

}  // namespace neurons::ops
