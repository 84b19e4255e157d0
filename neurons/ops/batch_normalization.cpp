#include <array>
#include <cmath>
#include <numeric>

#include "neurons/ops/common/channels.hpp"
#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/normalization.hpp"
#include "neurons/ops/common/view.hpp"

namespace neurons::ops {
namespace {

struct BatchNormalizationOptions {
  float epsilon = 1e-5F;
  float momentum = 0.9F;  ///< share of the old running statistics
  bool training_mode = false;
  bool unbiased = false;  ///< the running variance takes n / (n - 1) of the batch's, as PyTorch's does; ONNX takes the batch's

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("epsilon", self.epsilon);
    visit("momentum", self.momentum);
    visit("training_mode", self.training_mode);
    visit("unbiased", self.unbiased);
  }
  /// What running mean and variance take of a batch's, where each channel has `count` values.
  double mean_share() const { return 1 - static_cast<double>(momentum); }
  double variance_share(double count) const { return mean_share() * (unbiased ? count / (count - 1) : 1); }
};

constexpr std::size_t kInputs = 5;  // x, scale, bias, mean, variance

std::int64_t values_per_channel(const Shape& x) { return x[0] * x.product(2, x.rank()); }

void require_x(const InferContext& context) {
  const Shape& x = context.shape(0);
  if (x.rank() < 2) context.fail("expects x [batch, channels, …]");
  for (const TensorType& type : context.inputs) {
    if (type.dtype != context.dtype()) context.fail("inputs must have one element type");
  }
}

std::vector<TensorType> infer(const InferContext& context) {
  const auto& options = context.as<BatchNormalizationOptions>();
  require_x(context);
  const Shape& x = context.shape(0);
  for (std::size_t i = 1; i < kInputs; ++i) {
    if (context.shape(i) != Shape{x[1]}) context.fail("expects scale, bias, mean and variance of {} channels each", x[1]);
  }
  if (!options.training_mode) return {context.inputs[0]};
  const std::int64_t least = options.unbiased ? 2 : 1;
  if (values_per_channel(x) < least) {
    context.fail("has {} value(s) of each channel, statistics need at least {}: the batch is too small", values_per_channel(x),
                 least);
  }
  return {context.inputs[0], context.inputs[3], context.inputs[4]};
}

NormalizedElements elements_of(const Shape& x, float epsilon) { return NormalizedElements::of_channels(x, 0, epsilon); }

void reference(const ReferenceContext& context) {
  const auto& options = context.as<BatchNormalizationOptions>();
  const ReferenceTensor& x = *context.inputs[0];
  const NormalizedElements elements = elements_of(x.type.shape, options.epsilon);
  NormalizedElements::Statistics known{context.inputs[3]->data, context.inputs[4]->data, {}};
  if (options.training_mode) {
    known = elements.statistics(x.data);
    const auto count = static_cast<double>(values_per_channel(x.type.shape));
    for (std::size_t c = 0; c < elements.groups; ++c) {
      const auto old = static_cast<double>(options.momentum);
      context.outputs[1].data[c] = old * context.inputs[3]->data[c] + options.mean_share() * known.mean[c];
      context.outputs[2].data[c] = old * context.inputs[4]->data[c] + options.variance_share(count) * known.variance[c];
    }
  }
  elements.normalize(known, x, *context.inputs[1], context.inputs[2], context.outputs[0]);
}

/// Axes over which a channel's values lie, and a vector of channels in the shape that broadcasts to x.
std::vector<std::int64_t> axes_of(const Shape& x) {
  std::vector<std::int64_t> axes{0};
  for (std::int64_t axis = 2; axis < x.rank(); ++axis) axes.push_back(axis);
  return axes;
}
Value along_channels(Value channels, const Shape& x) {
  std::vector<std::int64_t> extents(static_cast<std::size_t>(x.rank() - 1), 1);
  extents[0] = x[1];
  return reshaped(channels, Shape(std::span<const std::int64_t>(extents)));
}

/// With given statistics, y is linear in x; its gradient is again a normalisation, with mean and bias 0.
void inference_gradient(GradientContext& context, float epsilon) {
  const Value x = context.input(0);
  const Value scale = context.input(1);
  const Value variance = context.input(4);
  const Value dy = context.gradient();
  if (context.wants(0)) {
    const Value zero = context.graph().constant(Tensor(scale.type()));
    context.set(0, context.graph().emit("BatchNormalization", {dy, scale, zero, zero, variance}, context.options()));
  }
  if (!(context.wants(1) || context.wants(2) || context.wants(3) || context.wants(4))) return;
  const auto axes = axes_of(x.shape());
  const Value inverse = inverse_deviation(variance, epsilon);
  const Value sums = sum_over(dy, axes, false);
  const Value products = sum_over(dy * (x - along_channels(context.input(3), x.shape())), axes, false);
  if (context.wants(1)) context.set(1, products * inverse);
  if (context.wants(2)) context.set(2, sums);
  if (context.wants(3)) context.set(3, -(sums * scale * inverse));
  if (context.wants(4)) context.set(4, products * scale * inverse * inverse * inverse * -0.5);
}

void gradient(GradientContext& context) {
  const auto options = context.as<BatchNormalizationOptions>();
  if (!options.training_mode) return inference_gradient(context, options.epsilon);
  const Value x = context.input(0);
  const auto count = static_cast<double>(values_per_channel(x.shape()));
  Value dx;
  if (context.has_gradient(0)) {
    const OpDef& op = context.graph().table()->find("BatchNormalizationGradient");
    const auto slopes = context.graph().emit_all(op, std::array{x, context.gradient(), context.input(1)},
                                                 op.default_options.with({{"epsilon", static_cast<double>(options.epsilon)}}));
    dx = slopes[0];
    if (context.wants(1)) context.set(1, slopes[1]);
    if (context.wants(2)) context.set(2, slopes[2]);
  }
  const auto add = [&](Value more) { dx = dx ? dx + more : more; };
  if (context.has_gradient(1)) {
    const Value slope = context.gradient(1);
    context.set(3, slope * static_cast<double>(options.momentum));
    add(expanded(along_channels(slope * (options.mean_share() / count), x.shape()), x.shape()));
  }
  if (context.has_gradient(2)) {
    const Value slope = context.gradient(2);
    context.set(4, slope * static_cast<double>(options.momentum));
    const Value mean = emit_with("ReduceMean", {x}, {{"axes", axes_of(x.shape())}, {"keep_dims", true}});
    add((x - mean) * along_channels(slope * (2 * options.variance_share(count) / count), x.shape()));
  }
  if (context.wants(0)) context.set(0, dx);
}

/// Channels last where there are spatial axes, f32 alone: x · a + b.
std::optional<std::vector<Value>> simplify(const RewriteContext& context) {
  const auto& options = context.options.as<BatchNormalizationOptions>();
  const bool spatial = context.inputs[0].shape().rank() > 2;
  if (context.inputs[0].type().dtype != DType::f32) return std::nullopt;
  const Value x = spatial ? to_channels_last(context.inputs[0]) : context.inputs[0];
  ChannelStatistics known{context.inputs[3], context.inputs[4]};
  if (options.training_mode) known = channel_statistics(x, false);
  const Value factor = context.inputs[1] * inverse_deviation(known.variance, options.epsilon);
  const Value y = multiply_add(x, factor, context.inputs[2] - known.mean * factor);
  std::vector<Value> results{spatial ? to_channels_first(y) : y};
  if (!options.training_mode) return results;
  const auto count = static_cast<double>(values_per_channel(context.inputs[0].shape()));
  const auto old = static_cast<double>(options.momentum);
  results.push_back(context.inputs[3] * old + known.mean * options.mean_share());
  results.push_back(context.inputs[4] * old + known.variance * options.variance_share(count));
  return results;
}

std::vector<Shape> sample_shapes() { return {{7, 3}, {4, 5, 6}, {2, 17, 3, 5}, {3, 2, 2, 3, 2}, {40, 33}, {2, 4, 1, 1}}; }

std::vector<Sample> samples() {
  std::vector<Sample> result;
  for (const Shape& shape : sample_shapes()) {
    const TensorType channels{DType::f32, {shape[1]}};
    const std::vector<Sample::Input> inputs{
        {{DType::f32, shape}}, {channels}, {channels}, {channels}, {channels, Sample::Fill::positive}};
    result.push_back({inputs, BatchNormalizationOptions{}, "inference " + shape.to_string()});
    result.push_back({inputs, BatchNormalizationOptions{1e-3F, 0.7F, true, false}, "training " + shape.to_string()});
    result.push_back({inputs, BatchNormalizationOptions{1e-2F, 0.25F, true, true}, "unbiased " + shape.to_string()});
  }
  return result;
}

struct GradientOptions {
  float epsilon = 1e-5F;
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("epsilon", self.epsilon);
  }
};

/// dx = scale · inverse · (dy - mean dy - normal · mean (dy · normal)), in two passes: sums, then each element.
std::optional<std::vector<Value>> simplify_gradient(const RewriteContext& context) {
  const bool spatial = context.inputs[0].shape().rank() > 2;
  if (context.inputs[0].type().dtype != DType::f32) return std::nullopt;
  const Value x = spatial ? to_channels_last(context.inputs[0]) : context.inputs[0];
  const Value dy = spatial ? to_channels_last(context.inputs[1]) : context.inputs[1];
  const ChannelStatistics known = channel_statistics(x, false);
  const Value inverse = inverse_deviation(known.variance, context.options.as<GradientOptions>().epsilon);
  const ChannelProducts found = channel_products(x, dy, known.mean, inverse);
  const double share = 1 / static_cast<double>(values_per_channel(context.inputs[0].shape()));
  const Value p = context.inputs[2] * inverse;
  const Value q = p * inverse * found.products * -share;
  const Value r = -(p * found.sums * share + q * known.mean);
  const Value dx = weighted_pair(dy, p, x, q, r);
  return std::vector{spatial ? to_channels_first(dx) : dx, found.products, found.sums};
}

OpDef gradient_op() {
  OpDef op;
  op.name = "BatchNormalizationGradient";
  op.summary = "dx, dscale and dbias of BatchNormalization in training; inputs x, dy, scale";
  op.source = "Ioffe & Szegedy, Batch Normalization, 2015, section 3";
  op.minimum_inputs = op.maximum_inputs = 3;
  op.default_options = GradientOptions{};
  op.infer = [](const InferContext& context) -> std::vector<TensorType> {
    require_x(context);
    if (context.shape(1) != context.shape(0)) context.fail("expects dy of the shape of x");
    if (context.shape(2) != Shape{context.shape(0)[1]}) context.fail("expects one scale for each channel");
    return {context.inputs[0], context.inputs[2], context.inputs[2]};
  };
  op.reference = [](const ReferenceContext& context) {
    elements_of(context.inputs[0]->type.shape, context.as<GradientOptions>().epsilon)
        .differentiate(*context.inputs[0], *context.inputs[1], *context.inputs[2], context.outputs[0], context.outputs[1],
                       &context.outputs[2]);
  };
  op.decompose = [](const RewriteContext& context) -> std::vector<Value> {
    const Shape x = context.inputs[0].shape();
    const auto axes = axes_of(x);
    const PlainGradient plain =
        plain_normalization_gradient(context.inputs[0], context.inputs[1], along_channels(context.inputs[2], x), axes, true,
                                     context.options.as<GradientOptions>().epsilon);
    return {plain.dx, sum_over(plain.slopes, axes, false), sum_over(context.inputs[1], axes, false)};
  };
  op.simplify = simplify_gradient;
  op.flops = [](const InferContext& context) { return 9.0 * static_cast<double>(context.shape(0).elements()); };
  op.samples = [] {
    std::vector<Sample> result;
    for (const Shape& shape : sample_shapes()) {
      result.push_back(
          {{{{DType::f32, shape}}, {{DType::f32, shape}}, {{DType::f32, {shape[1]}}}}, GradientOptions{1e-2F}, shape.to_string()});
    }
    return result;
  };
  return op;
}

}  // namespace

/// In plans both become sums over channels and elementwise work, which fuses with what is before and behind; without training_mode
/// nothing but an elementwise x · a + b remains, in the epilogue of a convolution before it.
std::vector<OpDef> batch_normalization() {
  OpDef op;
  op.name = "BatchNormalization";
  op.summary =
      "y = (x - mean) / √(variance + epsilon) · scale + bias for each channel, by the given statistics; with training_mode by the "
      "batch's own, and running statistics' = momentum · running + (1 - momentum) · the batch's";
  op.source = "https://onnx.ai/onnx/operators/onnx__BatchNormalization.html";
  op.minimum_inputs = op.maximum_inputs = kInputs;
  op.default_options = BatchNormalizationOptions{};
  op.infer = infer;
  op.gradient = gradient;
  op.reference = reference;
  op.simplify = simplify;
  op.flops = [](const InferContext& context) {
    const bool training = context.as<BatchNormalizationOptions>().training_mode;
    return (training ? 6.0 : 2.0) * static_cast<double>(context.shape(0).elements());
  };
  op.onnx = {{"BatchNormalization", 9, ""}};
  op.samples = samples;
  return {std::move(op), gradient_op()};
}

}  // namespace neurons::ops
