#include "neurons/layers/pools.hpp"

#include "neurons/layers/emit.hpp"

namespace neurons {

template <PoolOf kOf, int kAxes>
Value Pool<kOf, kAxes>::build(BuildContext& context, const std::vector<Value>& inputs) const {
  const Value x = image_input(context, inputs, kAxes);
  const Graph& graph = context.graph();
  const Attributes window{{"kernel_shape", axes_of(graph, size, "size", kAxes, 1)},
                          {"strides", axes_of(graph, stride.empty() ? size : stride, "stride", kAxes, 1)},
                          border_of(graph, padding, pads, kAxes)};
  return emit_with(kOf == PoolOf::maximum ? "MaxPool" : "AveragePool", {x}, window);
}

template struct Pool<PoolOf::maximum, 1>;
template struct Pool<PoolOf::maximum, 2>;
template struct Pool<PoolOf::maximum, 3>;
template struct Pool<PoolOf::mean, 1>;
template struct Pool<PoolOf::mean, 2>;
template struct Pool<PoolOf::mean, 3>;

template <PoolOf kOf>
Value GlobalPool<kOf>::build(BuildContext& context, const std::vector<Value>& inputs) const {
  const Value x = single_input(context, inputs);
  if (x.shape().rank() < 3 || x.shape().rank() > 5) {
    fail_input("{}: expects [batch, channels, 1 to 3 spatial axes], got {}", context.graph().scope(), x.shape().to_string());
  }
  const Value y = context.graph().emit(kOf == PoolOf::maximum ? "GlobalMaxPool" : "GlobalAveragePool", {x});
  return neurons::reshape(y, {x.shape()[0], x.shape()[1]});
}

template struct GlobalPool<PoolOf::maximum>;
template struct GlobalPool<PoolOf::mean>;

}  // namespace neurons
