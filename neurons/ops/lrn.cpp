#include "neurons/kernels/lrn.hpp"

#include <algorithm>
#include <cmath>

#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/only_f32.hpp"

namespace neurons::ops {
namespace {

struct LrnOptions {
  std::int64_t size = 5;
  float alpha = 1e-4F;
  float beta = 0.75F;
  float bias = 1.0F;

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("size", self.size);
    visit("alpha", self.alpha);
    visit("beta", self.beta);
    visit("bias", self.bias);
  }
  /// Channels of the window before and after its own.
  std::int64_t before() const { return (size - 1) / 2; }
  std::int64_t after() const { return size - 1 - before(); }
  double share() const { return static_cast<double>(alpha) / static_cast<double>(size); }
};

void reference(const ReferenceContext& context) {
  const auto& options = context.as<LrnOptions>();
  const auto& x = context.inputs[0]->data;
  const Shape& shape = context.inputs[0]->type.shape;
  const std::int64_t pixels = shape.product(2, shape.rank());
  for (std::int64_t i = 0; i < shape.elements(); ++i) {
    const std::int64_t channel = i / pixels % shape[1];
    double sum = 0;
    for (std::int64_t c = std::max<std::int64_t>(0, channel - options.before());
         c <= std::min(shape[1] - 1, channel + options.after()); ++c) {
      sum += std::pow(x[static_cast<std::size_t>(i + (c - channel) * pixels)], 2);
    }
    const double base = static_cast<double>(options.bias) + options.share() * sum;
    context.outputs[0].data[static_cast<std::size_t>(i)] =
        x[static_cast<std::size_t>(i)] * std::pow(base, -static_cast<double>(options.beta));
  }
}

void run(const kernels::LocalResponse& call, std::byte*, Worker worker) noexcept { kernels::local_response(call, worker); }

Call prepare(const PrepareContext& context) {
  const auto& options = context.as<LrnOptions>();
  const Shape& shape = context.inputs[0].type.shape;
  kernels::LocalResponse call;
  call.batch = shape[0];
  call.channels = shape[1];
  call.pixels = shape.product(2, shape.rank());
  call.before = options.before();
  call.after = options.after();
  call.share = static_cast<float>(options.share());
  call.beta = options.beta;
  call.bias = options.bias;
  call.x = context.inputs[0].as<float>();
  call.y = context.outputs[0].as<float>();
  return Call::of<run>(call, true);
}

/// The window's sum is that of shifted slices of the squares, padded with channels of 0.
std::vector<Value> decompose(const RewriteContext& context) {
  const auto& options = context.options.as<LrnOptions>();
  const Value x = context.inputs[0];
  const std::int64_t channels = x.shape()[1];
  const Value padded =
      emit_with("Pad", {x * x},
                {{"pads", std::vector<std::int64_t>{options.before(), options.after()}}, {"axes", std::vector<std::int64_t>{1}}});
  Value sum = sliced(padded, 1, 0, channels);
  for (std::int64_t shift = 1; shift < options.size; ++shift) sum = sum + sliced(padded, 1, shift, channels + shift);
  const Value base = sum * options.share() + static_cast<double>(options.bias);
  const Value logarithm = context.graph.emit("Log", {base});
  return {x * context.graph.emit("Exp", {logarithm * -static_cast<double>(options.beta)})};
}

}  // namespace

std::vector<OpDef> lrn() {
  OpDef op;
  op.name = "LRN";
  op.summary = "y = x / (bias + alpha / size · Σ of x² over `size` neighbouring channels)^beta; x [batch, channels, …]";
  op.source = "https://onnx.ai/onnx/operators/onnx__LRN.html";
  op.default_options = LrnOptions{};
  op.infer = [](const InferContext& context) -> std::vector<TensorType> {
    const auto& options = context.as<LrnOptions>();
    if (context.shape(0).rank() < 2) context.fail("expects x [batch, channels, …]");
    if (options.size < 1) context.fail("size = {} must be at least 1", options.size);
    if (!(options.bias > 0 && options.alpha >= 0)) context.fail("bias must be above 0, alpha at least 0");
    return {context.inputs[0]};
  };
  op.decompose = decompose;
  op.reference = reference;
  op.kernels = {{"local_response", only_f32, prepare}};
  op.flops = [](const InferContext& context) {
    return static_cast<double>((context.as<LrnOptions>().size + 4) * context.shape(0).elements());
  };
  op.onnx = {{"LRN", 1, ""}};
  op.samples = [] {
    return std::vector<Sample>{{{{{DType::f32, {2, 7, 3, 5}}}}, LrnOptions{3, 0.3F, 0.75F, 1.0F}, "three of seven channels"},
                               {{{{DType::f32, {3, 4, 5}}}}, LrnOptions{4, 0.5F, 0.5F, 2.0F}, "an even window"},
                               {{{{DType::f32, {2, 3}}}}, LrnOptions{9, 1.0F, 0.75F, 0.5F}, "a window wider than the channels"},
                               {{{{DType::f32, {0, 3, 4}}}}, LrnOptions{}, "empty"}};
  };
  return {std::move(op)};
}

}  // namespace neurons::ops
