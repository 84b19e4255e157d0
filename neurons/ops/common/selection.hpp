#pragma once
/// Max and Min, which differ in a sign.

#include "neurons/ops/common/plain_loops.hpp"

namespace neurons::ops {

/// The largest (`sign` = 1) or smallest (-1) of any number of broadcasting inputs, by `kernel` for two of f32 and by a plain loop
/// of `choose` for two of other types; more become a row of pairs. The gradient is shared equally between equal winners.
template <typename Choose>
OpDef selection(std::string name, std::string summary, double sign, kernels::TileFunction kernel, Choose choose);

namespace detail {
OpDef selection_op(std::string name, std::string summary, double sign);
}  // namespace detail

template <typename Choose>
OpDef selection(std::string name, std::string summary, double sign, kernels::TileFunction kernel, Choose choose) {
  OpDef op = detail::selection_op(std::move(name), std::move(summary), sign);
  op.elementwise->function = [kernel, choose](const InferContext& context) -> kernels::TileFunction {
    if (context.inputs.size() != 2) return nullptr;
    return context.dtype() == DType::f32 ? kernel : number_loop<2>(context.dtype(), choose);
  };
  return op;
}

}  // namespace neurons::ops
