#pragma once
/// Pools that sum, and their gradients: linear, so that each is the other's gradient.

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/pool.hpp"

namespace neurons::ops {

struct SumPoolCall {
  kernels::PoolShape shape;
  kernels::PoolDivisor divisor = kernels::PoolDivisor::one;
  const float* from = nullptr;
  float* to = nullptr;
};
void run_sum_pool(const SumPoolCall& call, std::byte* scratch, Worker worker) noexcept;
void run_sum_pool_gradient(const SumPoolCall& call, std::byte* scratch, Worker worker) noexcept;

/// What a window's sum is divided by.
double divisor_of(const PoolWindow& window, kernels::PoolDivisor divisor);

/// A pool over sums and its gradient. `Pool` is its options struct: PoolOptions and `kernels::PoolDivisor divisor() const`. Sets
/// everything but source and onnx; `variants` are options to try each sample with.
template <typename Pool>
std::vector<OpDef> sum_pool_ops(const std::string& name, std::string summary, std::string gradient_summary,
                                const std::vector<Pool>& variants) {
  using Gradient = PoolGradientOptions<Pool>;
  const std::string gradient_name = name + "Gradient";
  const auto x_of = [](const Gradient& options, const Shape& y) { return pool_input(options, y, options.extents); };

  OpDef op;
  op.name = name;
  op.summary = std::move(summary);
  op.default_options = Pool{};
  op.infer = [](const InferContext& context) -> std::vector<TensorType> {
    return {{context.dtype(), resolve_pool(context, context.as<Pool>(), context.shape(0)).y}};
  };
  op.reference = [](const ReferenceContext& context) {
    const auto& options = context.as<Pool>();
    const ReferenceTensor& x = *context.inputs[0];
    for_each_window(resolve_pool(options, x.type.shape).shape, options.channels_last, [&](const PoolWindow& window) {
      double sum = 0;
      for (const std::size_t place : window.x) sum += x.data[place];
      context.outputs[0].data[window.y] = sum / divisor_of(window, options.divisor());
    });
  };
  op.gradient = [gradient_name](GradientContext& context) {
    const auto& forward = context.as<Pool>();
    std::vector<std::int64_t> extents = extents_of(context.input(0).shape());
    extents.erase(extents.begin());
    extents.erase(forward.channels_last ? extents.end() - 1 : extents.begin());
    context.set(0, context.graph().emit(gradient_name, {context.gradient()}, Gradient{forward, extents}));
  };
  op.kernels = {{"sum_pool", [](const InferContext& context) { return refuse_pool(context, context.as<Pool>()); },
                 [](const PrepareContext& context) {
                   const auto& options = context.as<Pool>();
                   const Buffer& x = context.inputs[0];
                   return Call::of<run_sum_pool>(SumPoolCall{resolve_pool(options, x.type.shape).shape, options.divisor(),
                                                             x.as<float>(), context.outputs[0].as<float>()},
                                                 true);
                 }}};
  op.simplify = pool_channels_last<Pool>;
  op.flops = [](const InferContext& context) { return pool_flops(resolve_pool(context, context.as<Pool>(), context.shape(0))); };
  op.samples = [variants] {
    std::vector<Sample> samples;
    for (const PoolSample& sample : pool_samples()) {
      for (Pool options : variants) {
        static_cast<PoolOptions&>(options) = sample.options;
        samples.push_back({{{{DType::f32, sample.x}}}, options, sample.note});
      }
    }
    return samples;
  };

  OpDef back;
  back.name = gradient_name;
  back.summary = std::move(gradient_summary);
  back.default_options = Gradient{};
  back.infer = [x_of](const InferContext& context) -> std::vector<TensorType> {
    const auto& options = context.as<Gradient>();
    const Shape& dy = context.shape(0);
    if (dy.rank() < 3 || options.extents.size() + 2 != static_cast<std::size_t>(dy.rank())) {
      context.fail("expects dy with as many spatial axes as there are extents of x");
    }
    const Shape x = x_of(options, dy);
    const Shape y = resolve_pool(context, options, x).y;
    if (dy != y) context.fail("expects dy of the shape of y, {}", y.to_string());
    return {{context.dtype(), x}};
  };
  back.reference = [](const ReferenceContext& context) {
    const auto& options = context.as<Gradient>();
    ReferenceTensor& dx = context.outputs[0];
    std::ranges::fill(dx.data, 0.0);
    for_each_window(resolve_pool(options, dx.type.shape).shape, options.channels_last, [&](const PoolWindow& window) {
      const double share = context.inputs[0]->data[window.y] / divisor_of(window, options.divisor());
      for (const std::size_t place : window.x) dx.data[place] += share;
    });
  };
  back.gradient = [name](GradientContext& context) {
    const Pool forward = context.as<Gradient>();
    context.set(0, context.graph().emit(name, {context.gradient()}, forward));
  };
  back.kernels = {{"sum_pool_gradient", [](const InferContext& context) { return refuse_pool(context, context.as<Gradient>()); },
                   [](const PrepareContext& context) {
                     const auto& options = context.as<Gradient>();
                     const Buffer& dx = context.outputs[0];
                     const SumPoolCall call{resolve_pool(options, dx.type.shape).shape, options.divisor(),
                                            context.inputs[0].as<float>(), dx.as<float>()};
                     return Call::of<run_sum_pool_gradient>(call, true);
                   }}};
  back.simplify = pool_channels_last<Gradient>;
  back.flops = [x_of](const InferContext& context) {
    const auto& options = context.as<Gradient>();
    return pool_flops(resolve_pool(context, options, x_of(options, context.shape(0))));
  };
  back.samples = [variants] {
    std::vector<Sample> samples;
    for (const PoolSample& sample : pool_samples()) {
      for (Pool options : variants) {
        static_cast<PoolOptions&>(options) = sample.options;
        std::vector<std::int64_t> extents = extents_of(sample.x);
        extents.erase(extents.begin());
        extents.erase(options.channels_last ? extents.end() - 1 : extents.begin());
        samples.push_back({{{{DType::f32, resolve_pool(options, sample.x).y}}}, Gradient{options, extents}, sample.note});
      }
    }
    return samples;
  };
  return {std::move(op), std::move(back)};
}

}  // namespace neurons::ops
