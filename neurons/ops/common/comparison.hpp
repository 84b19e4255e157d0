#pragma once
/// Ops whose result is a truth value.

#include <functional>

#include "neurons/ops/common/plain_loops.hpp"

namespace neurons::ops {

/// A complete comparison of two broadcasting inputs of one dtype: f32 by `kernel`, other numbers by a plain loop of `compare`, a
/// function object such as std::less<>.
template <typename Compare>
OpDef comparison(std::string name, std::string summary, int since, kernels::TileFunction kernel, Compare compare);

/// A complete op of `count` broadcasting booleans.
template <std::size_t count, typename Function>
OpDef logical(std::string name, std::string summary, int since, Function function);

/// An op of `inputs` broadcasting inputs of one of the types allowed, computed by `loop` for those that it has one for. Sets
/// everything but samples.
OpDef truth_op(std::string name, std::string summary, std::size_t inputs, int since, std::span<const DType> allowed,
               std::function<kernels::TileFunction(const InferContext&)> loop, ScalarFunction scalar);

namespace detail {
inline constexpr std::array kBoolean{DType::boolean};
std::vector<Sample> comparison_samples();
std::vector<Sample> logical_samples(std::size_t inputs);
}  // namespace detail

template <typename Compare>
OpDef comparison(std::string name, std::string summary, int since, kernels::TileFunction kernel, Compare compare) {
  const auto loop = [kernel, compare](const InferContext& context) {
    return context.dtype() == DType::f32 ? kernel : number_loop<2, bool>(context.dtype(), compare);
  };
  OpDef op = truth_op(std::move(name), std::move(summary), 2, since, kNumbers, loop,
                      [compare](const double* in, const Options&) { return compare(in[0], in[1]) ? 1.0 : 0.0; });
  op.samples = detail::comparison_samples;
  return op;
}

template <std::size_t count, typename Function>
OpDef logical(std::string name, std::string summary, int since, Function function) {
  const auto scalar = [function](const double* in, const Options&) {
    return [&]<std::size_t... i>(std::index_sequence<i...>) { return function((in[i] != 0)...) ? 1.0 : 0.0; }
    (std::make_index_sequence<count>());
  };
  OpDef op = truth_op(
      std::move(name), std::move(summary), count, since, detail::kBoolean,
      [](const InferContext&) -> kernels::TileFunction { return plain_loop<bool, bool, count, Function>; }, scalar);
  op.samples = [] { return detail::logical_samples(count); };
  return op;
}

}  // namespace neurons::ops
