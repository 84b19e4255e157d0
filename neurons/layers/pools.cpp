#include "neurons/layers/pools.hpp"

#include <algorithm>

#include "neurons/layers/emit.hpp"

namespace neurons {
namespace {

/// ONNX's attributes of a pool's window. Throws InputError where it does not fit, and where it could see padding alone.
template <int kAxes, typename AnyPool>
Attributes window_of(const Graph& graph, Value x, const AnyPool& pool) {
  const auto extents = axes_of(graph, pool.size, "size", kAxes, 1);
  const auto dilations = axes_of(graph, pool.dilation, "dilation", kAxes, 1);
  const Attribute border = border_of(graph, pool.padding, pool.pads, kAxes);
  if (!pool.ceil_mode) require_room(graph, x, extents, dilations, border);
  if (const auto* pads = std::get_if<std::vector<std::int64_t>>(&border.value)) {
    for (std::size_t i = 0; i < extents.size(); ++i) {
      const std::int64_t most = std::max((*pads)[i], (*pads)[i + extents.size()]);
      const double span = static_cast<double>(extents[i] - 1) * static_cast<double>(dilations[i]) + 1;
      if (static_cast<double>(most) < span) continue;
      fail_input("{}: pads of {} must be smaller than the window, which is {}, on spatial axis {}: it would see padding alone",
                 graph.scope(), most, span, i);
    }
  }
  return {{"kernel_shape", extents},
          {"strides", axes_of(graph, pool.stride.empty() ? pool.size : pool.stride, "stride", kAxes, 1)},
          {"dilations", dilations},
          {"ceil_mode", pool.ceil_mode},
          border};
}

}  // namespace

template <int kAxes>
Value MaxPool<kAxes>::build(BuildContext& context, const std::vector<Value>& inputs) const {
  const Value x = image_input(context, inputs, kAxes);
  return emit_with("MaxPool", {x}, window_of<kAxes>(context.graph(), x, *this));
}

template struct MaxPool<1>;
template struct MaxPool<2>;
template struct MaxPool<3>;

template <int kAxes>
Value AveragePool<kAxes>::build(BuildContext& context, const std::vector<Value>& inputs) const {
  const Value x = image_input(context, inputs, kAxes);
  Attributes options = window_of<kAxes>(context.graph(), x, *this);
  options.push_back({"count_include_pad", count_include_pad});
  return emit_with("AveragePool", {x}, options);
}

template struct AveragePool<1>;
template struct AveragePool<2>;
template struct AveragePool<3>;

template <int kAxes>
Value LpPool<kAxes>::build(BuildContext& context, const std::vector<Value>& inputs) const {
  const Value x = image_input(context, inputs, kAxes);
  if (p < 1) fail_input("{}: p = {} must be at least 1", context.graph().scope(), p);
  Attributes options = window_of<kAxes>(context.graph(), x, *this);
  options.push_back({"p", p});
  return emit_with("LpPool", {x}, options);
}

template struct LpPool<1>;
template struct LpPool<2>;
template struct LpPool<3>;

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
