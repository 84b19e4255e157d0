#include "neurons/layers/dense.hpp"

#include "neurons/layers/emit.hpp"

namespace neurons {

Value Dense::build(BuildContext& context, const std::vector<Value>& inputs) const {
  const Value x = single_input(context, inputs);
  Graph& graph = context.graph();
  const int rank = x.shape().rank();
  if (units < 1) fail_input("{}: units = {} must be at least 1", graph.scope(), units);
  if (rank != 2 && rank != 3) {
    fail_input("{}: expects [batch, features] or [batch, time, features], got {}; add Flatten{{}} before it", graph.scope(),
               x.shape().to_string());
  }
  const std::int64_t features = x.shape()[-1];
  const Layer& after = activation_of_kind(activation);
  const Following follows = activation == "identity" ? context.following() : Following{activation, after.negative_slope()};
  const ParameterSpec weight_spec{{units, features}, {initializer, initializer_value}, features, units, follows};
  const Value weight = context.parameter("weight", weight_spec);
  const Value b = bias ? context.parameter("bias", {{units}, {"constant", 0.0F}, features, units, follows}) : Value{};
  const OpDef& gemm = graph.table()->find("Gemm");
  const Value rows = reshape(x, {x.shape().product(0, rank - 1), features});
  const Value sums = graph.emit(gemm, {rows, weight, b}, gemm.default_options.with({{"trans_b", true}}));
  return reshape(after.build(context, {sums}), x.shape().with(-1, units));  // so that the activation is part of the sums' epilogue
}

}  // namespace neurons
