#include "neurons/ops/common/pool.hpp"

namespace neurons::ops {
namespace {

struct LpPoolOptions : WindowOptions {
  bool ceil_mode = false;
  std::int64_t p = 2;

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    WindowOptions::fields(self, visit);
    visit("ceil_mode", self.ceil_mode);
    visit("p", self.p);
  }
  PoolOptions pool() const { return {*this, ceil_mode, false}; }
};

/// |x|^power.
Value magnitude_to(Value x, std::int64_t power) {
  Graph& graph = x.graph();
  if (power == 2) return x * x;
  const Value magnitude = graph.emit("Abs", {x});
  return power == 1 ? magnitude : graph.emit("Pow", {magnitude, graph.scalar(static_cast<double>(power))});
}

Attributes window_of(const LpPoolOptions& options) { return attributes_of(options.pool()); }

std::vector<Value> decompose(const RewriteContext& context) {
  const auto& options = context.options.as<LpPoolOptions>();
  const Value sum = emit_with("SumPool", {magnitude_to(context.inputs[0], options.p)}, window_of(options));
  if (options.p == 1) return {sum};
  if (options.p == 2) return {context.graph.emit("Sqrt", {sum})};
  return {context.graph.emit("Pow", {sum, context.graph.scalar(1.0 / static_cast<double>(options.p))})};
}

/// dx = sign(x) |x|^(p-1) Σ dy / y^(p-1) over the windows that show x, and 0 where y is.
void gradient(GradientContext& context) {
  const auto& options = context.as<LpPoolOptions>();
  Graph& graph = context.graph();
  const Value x = context.input(0);
  Value share = context.gradient();
  if (options.p > 1) {
    const Value y = context.output();
    const Value safe = y + (1.0 - graph.emit("Sign", {y}));  // 1 where y is 0
    share = share / (options.p == 2 ? safe : magnitude_to(safe, options.p - 1));
  }
  Attributes window = window_of(options);
  const auto extents = x.shape().extents().subspan(2);
  window.push_back({"extents", std::vector<std::int64_t>(extents.begin(), extents.end())});
  const Value sum = emit_with("SumPoolGradient", {share}, window);
  const Value slope = options.p == 2 ? x : graph.emit("Sign", {x});
  context.set(0, options.p < 3 ? slope * sum : slope * magnitude_to(x, options.p - 1) * sum);
}

}  // namespace

std::vector<OpDef> lp_pool() {
  OpDef op;
  op.name = "LpPool";
  op.summary = "y[n, c, p] = (Σ |x|^p)^(1/p) over the window at p";
  op.source = "https://onnx.ai/onnx/operators/onnx__LpPool.html";
  op.default_options = LpPoolOptions{};
  op.infer = [](const InferContext& context) -> std::vector<TensorType> {
    const auto& options = context.as<LpPoolOptions>();
    require_norm(context, options.p);
    return {{context.dtype(), resolve_pool(context, options.pool(), context.shape(0)).y}};
  };
  op.decompose = decompose;
  op.gradient = gradient;
  op.flops = [](const InferContext& context) {
    return 2 * pool_flops(resolve_pool(context, context.as<LpPoolOptions>().pool(), context.shape(0)));
  };
  op.onnx = {{"LpPool", 2, ""}};
  op.samples = [] {
    std::vector<Sample> samples;
    for (const PoolSample& sample : pool_samples()) {
      if (sample.options.channels_last) continue;
      for (const std::int64_t p : {1, 2, 3}) {
        const LpPoolOptions options{sample.options, sample.options.ceil_mode, p};
        samples.push_back({{{{DType::f32, sample.x}, Sample::Fill::away_from_0}}, options, sample.note});
      }
    }
    return samples;
  };
  return {std::move(op)};
}

}  // namespace neurons::ops
