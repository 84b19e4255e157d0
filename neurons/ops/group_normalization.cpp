#include <array>

#include "neurons/ops/common/channels.hpp"
#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/normalization.hpp"
#include "neurons/ops/common/view.hpp"

namespace neurons::ops {
namespace {

struct GroupNormalizationOptions {
  std::int64_t num_groups = 1;
  float epsilon = 1e-5F;

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("num_groups", self.num_groups);
    visit("epsilon", self.epsilon);
  }
};

/// x [batch, channels, …] in groups of channels; vectors of channels at the places `vectors`.
void require_groups(const InferContext& context, std::initializer_list<std::size_t> vectors) {
  const std::int64_t groups = context.as<GroupNormalizationOptions>().num_groups;
  const Shape& x = context.shape(0);
  if (x.rank() < 2) context.fail("expects x [batch, channels, …]");
  if (groups < 1 || x[1] % groups != 0) context.fail("num_groups = {} does not divide the {} channels", groups, x[1]);
  for (const TensorType& type : context.inputs) {
    if (type.dtype != context.dtype()) context.fail("inputs must have one element type");
  }
  for (const std::size_t i : vectors) {
    if (context.shape(i) != Shape{x[1]}) context.fail("expects one scale and bias for each of the {} channels", x[1]);
  }
  if (x.product(1, x.rank()) == 0) context.fail("has no values to normalise");
}

/// How many values are normalised together.
std::int64_t values_per_group(const Shape& x, std::int64_t groups) { return x.product(1, x.rank()) / groups; }

/// Vectors [batch, groups, channels / group] of the statistics within groups, from those of channels; and forms to use them.
struct Groups {
  std::int64_t batch, groups, channels;  ///< channels of a group
  int rank;                              ///< of x

  Groups(const Shape& x, std::int64_t count) : batch(x[0]), groups(count), channels(x[1] / count), rank(x.rank()) {}
  Value grouped(Value value) const {
    return value.shape().rank() == 1 ? reshaped(value, {groups, channels}) : reshaped(value, {batch, groups, channels});
  }
  Value mean(Value value) const {
    if (channels == 1) return value;
    return emit_with("ReduceMean", {value}, {{"axes", std::vector<std::int64_t>{2}}, {"keep_dims", true}});
  }
  /// [batch, 1, …, channels], which broadcasts to x with channels last.
  Value along_x(Value value) const {
    std::vector<std::int64_t> extents(static_cast<std::size_t>(rank), 1);
    extents.front() = batch;
    extents.back() = groups * channels;
    return reshaped(value, Shape(std::span<const std::int64_t>(extents)));
  }
  Value along_channels(Value value) const {
    return reshaped(expanded(value, {batch, groups, channels}), {batch, groups * channels});
  }
};

struct GroupStatistics {
  Value mean;     ///< [batch, groups, 1]
  Value inverse;  ///< of the standard deviation
};

/// The variance within a group is the mean of its channels' own and of the squares of how far their means lie apart.
GroupStatistics statistics_of(const Groups& groups, Value x_last, float epsilon) {
  const ChannelStatistics known = channel_statistics(x_last, true);
  const Value means = groups.grouped(known.mean);
  const Value mean = groups.mean(means);
  const Value distance = means - mean;
  Value variance = groups.grouped(known.variance);
  if (groups.channels > 1) variance = groups.mean(variance + distance * distance);
  return {mean, inverse_deviation(variance, epsilon)};
}

std::optional<std::vector<Value>> simplify(const RewriteContext& context) {
  const auto& options = context.options.as<GroupNormalizationOptions>();
  const bool spatial = context.inputs[0].shape().rank() > 2;
  if (context.inputs[0].type().dtype != DType::f32) return std::nullopt;
  const Groups groups(context.inputs[0].shape(), options.num_groups);
  const Value x = spatial ? to_channels_last(context.inputs[0]) : context.inputs[0];
  const GroupStatistics known = statistics_of(groups, x, options.epsilon);
  const Value factor = groups.grouped(context.inputs[1]) * known.inverse;
  const Value shift = groups.grouped(context.inputs[2]) - known.mean * factor;
  const Value y = multiply_add(x, groups.along_x(factor), groups.along_x(shift));
  return std::vector{spatial ? to_channels_first(y) : y};
}

std::optional<std::vector<Value>> simplify_gradient(const RewriteContext& context) {
  const auto& options = context.options.as<GroupNormalizationOptions>();
  const bool spatial = context.inputs[0].shape().rank() > 2;
  if (context.inputs[0].type().dtype != DType::f32) return std::nullopt;
  const Groups groups(context.inputs[0].shape(), options.num_groups);
  const Value x = spatial ? to_channels_last(context.inputs[0]) : context.inputs[0];
  const Value dy = spatial ? to_channels_last(context.inputs[1]) : context.inputs[1];
  const GroupStatistics known = statistics_of(groups, x, options.epsilon);
  const ChannelProducts found = channel_products(x, dy, groups.along_channels(known.mean), groups.along_channels(known.inverse));
  const Value scale = groups.grouped(context.inputs[2]);
  const double share =
      -static_cast<double>(groups.channels) / static_cast<double>(values_per_group(context.inputs[0].shape(), options.num_groups));
  const Value sums = groups.mean(groups.grouped(found.sums) * scale) * share;
  const Value products = groups.mean(groups.grouped(found.products) * scale) * share;
  const Value p = scale * known.inverse;
  const Value q = known.inverse * known.inverse * products;
  const Value r = known.inverse * sums - q * known.mean;
  const Shape whole{groups.batch, groups.groups, groups.channels};
  const Value dx = weighted_pair(dy, groups.along_x(p), x, groups.along_x(expanded(q, whole)), groups.along_x(expanded(r, whole)));
  return std::vector{spatial ? to_channels_first(dx) : dx, sum_over(found.products, {0}, false), sum_over(found.sums, {0}, false)};
}

NormalizedElements elements_of(const ReferenceContext& context) {
  const auto& options = context.as<GroupNormalizationOptions>();
  return NormalizedElements::of_channels(context.inputs[0]->type.shape, options.num_groups, options.epsilon);
}

/// x as [batch, groups, channels / group, pixels], where the last two axes are normalised together.
std::vector<Value> decompose_gradient(const RewriteContext& context) {
  const auto& options = context.options.as<GroupNormalizationOptions>();
  const Shape x = context.inputs[0].shape();
  const std::int64_t channels = x[1] / options.num_groups;
  const Shape split{x[0], options.num_groups, channels, x.product(2, x.rank())};
  const Value dy = reshaped(context.inputs[1], split);
  const PlainGradient plain =
      plain_normalization_gradient(reshaped(context.inputs[0], split), dy,
                                   reshaped(context.inputs[2], {options.num_groups, channels, 1}), {2, 3}, true, options.epsilon);
  return {reshaped(plain.dx, x), reshaped(sum_over(plain.slopes, {0, 3}, false), {x[1]}),
          reshaped(sum_over(dy, {0, 3}, false), {x[1]})};
}

const std::vector<std::pair<Shape, std::int64_t>>& sample_shapes() {
  static const std::vector<std::pair<Shape, std::int64_t>> kShapes = {{{3, 8}, 2},       {{2, 6, 5}, 3},        {{2, 8, 3, 5}, 1},
                                                                      {{2, 5, 3, 4}, 5}, {{3, 34, 2, 3, 2}, 2}, {{0, 4, 3}, 2}};
  return kShapes;
}

OpDef gradient_op() {
  OpDef op;
  op.name = "GroupNormalizationGradient";
  op.summary = "dx, dscale and dbias of GroupNormalization; inputs x, dy, scale";
  op.source = "Wu & He, Group Normalization, 2018";
  op.minimum_inputs = op.maximum_inputs = 3;
  op.default_options = GroupNormalizationOptions{};
  op.infer = [](const InferContext& context) -> std::vector<TensorType> {
    if (context.shape(1) != context.shape(0)) context.fail("expects dy of the shape of x");
    require_groups(context, {2});
    return {context.inputs[0], context.inputs[2], context.inputs[2]};
  };
  op.reference = [](const ReferenceContext& context) {
    elements_of(context).differentiate(*context.inputs[0], *context.inputs[1], *context.inputs[2], context.outputs[0],
                                       context.outputs[1], &context.outputs[2]);
  };
  op.decompose = decompose_gradient;
  op.simplify = simplify_gradient;
  op.flops = [](const InferContext& context) { return 9.0 * static_cast<double>(context.shape(0).elements()); };
  op.samples = [] {
    std::vector<Sample> samples;
    for (const auto& [x, groups] : sample_shapes()) {
      samples.push_back(
          {{{{DType::f32, x}}, {{DType::f32, x}}, {{DType::f32, {x[1]}}}}, GroupNormalizationOptions{groups, 1.0F}, x.to_string()});
    }
    return samples;
  };
  return op;
}

}  // namespace

std::vector<OpDef> group_normalization() {
  OpDef op;
  op.name = "GroupNormalization";
  op.summary =
      "y = (x - mean) / √(variance + epsilon) · scale + bias, statistics over each image's groups of channels; inputs x, scale, "
      "bias";
  op.source = "https://onnx.ai/onnx/operators/onnx__GroupNormalization.html";
  op.minimum_inputs = op.maximum_inputs = 3;
  op.default_options = GroupNormalizationOptions{};
  op.infer = [](const InferContext& context) -> std::vector<TensorType> {
    require_groups(context, {1, 2});
    return {context.inputs[0]};
  };
  op.gradient = [](GradientContext& context) {
    const OpDef& gradient = context.graph().table()->find("GroupNormalizationGradient");
    const auto slopes =
        context.graph().emit_all(gradient, std::array{context.input(0), context.gradient(), context.input(1)}, context.options());
    for (std::size_t i = 0; i < slopes.size(); ++i) {
      if (context.wants(i)) context.set(i, slopes[i]);
    }
  };
  op.reference = [](const ReferenceContext& context) {
    const NormalizedElements elements = elements_of(context);
    const ReferenceTensor& x = *context.inputs[0];
    elements.normalize(elements.statistics(x.data), x, *context.inputs[1], context.inputs[2], context.outputs[0]);
  };
  op.simplify = simplify;
  op.flops = [](const InferContext& context) { return 6.0 * static_cast<double>(context.shape(0).elements()); };
  op.onnx = {{"GroupNormalization", 21, ""}};
  op.samples = [] {
    std::vector<Sample> samples;
    for (const auto& [x, groups] : sample_shapes()) {
      const Sample::Input channels{{DType::f32, {x[1]}}};
      samples.push_back({{{{DType::f32, x}}, channels, channels}, GroupNormalizationOptions{groups, 1e-2F}, x.to_string()});
    }
    return samples;
  };
  return {std::move(op), gradient_op()};
}

}  // namespace neurons::ops
