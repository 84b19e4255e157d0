#pragma once
/// What softmax and its kin have in common: float ops along one axis that keep the shape.

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "neurons/kernels/rows.hpp"
#include "neurons/ops/common/emit.hpp"

namespace neurons::ops {

struct RowOptions {
  std::int64_t axis = -1;
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("axis", self.axis);
  }
};

/// Kernels over the middle axis of [outer, axis, inner].
using RowFunction = void (*)(std::int64_t outer, std::int64_t axis, std::int64_t inner, const float* x, float* y,
                             Worker worker) noexcept;
using RowGradientFunction = void (*)(std::int64_t outer, std::int64_t axis, std::int64_t inner, const float* dy, const float* y,
                                     float* dx, Worker worker) noexcept;

/// An op of one input (or two of the same shape) and one output of that shape. Sets everything but gradient, reference and onnx.
OpDef row_op(std::string name, std::string summary, std::size_t inputs, RowFunction function);
OpDef row_op(std::string name, std::string summary, std::size_t inputs, RowGradientFunction function);

/// For references: calls `visit` with the places of the elements of each row along the axis.
void for_each_row(const ReferenceContext& context, const std::function<void(std::span<const std::size_t>)>& visit);
/// max x over the row.
double largest_of(const std::vector<double>& x, std::span<const std::size_t> row);
/// Writes exp(x - max x) of the row to the output; returns their sum.
double shifted_exponentials(const ReferenceContext& context, std::span<const std::size_t> row);

}  // namespace neurons::ops
