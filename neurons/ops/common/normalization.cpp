#include "neurons/ops/common/normalization.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "neurons/ops/common/emit.hpp"

namespace neurons::ops {

namespace {

/// `op` on x and more gives partials, which `combine` makes into two vectors of channels.
std::vector<Value> sum_channels(Graph& graph, std::string_view op, std::string_view combine, std::initializer_list<Value> inputs,
                                bool per_image) {
  const Shape& x = inputs.begin()->shape();
  const std::int64_t rows = x.product(per_image ? 1 : 0, x.rank() - 1);
  const Value partials = emit_with(op, inputs, {{"per_image", per_image}});
  const OpDef& found = graph.table()->find(combine);
  return graph.emit_all(found, std::array{partials}, found.default_options.with({{"per_image", per_image}, {"rows", rows}}));
}

}  // namespace

ChannelStatistics channel_statistics(Value x, bool per_image) {
  const auto results = sum_channels(x.graph(), "ChannelMoments", "CombineMoments", {x}, per_image);
  return {results[0], results[1]};
}

ChannelProducts channel_products(Value x, Value dy, Value mean, Value inverse) {
  const bool per_image = mean.shape().rank() == 2;
  const auto results = sum_channels(x.graph(), "ChannelProducts", "CombineProducts", {x, dy, mean, inverse}, per_image);
  return {results[0], results[1]};
}

Value multiply_add(Value x, Value a, Value b) { return x.graph().emit("MultiplyAdd", {x, a, b}); }
Value weighted_pair(Value x, Value p, Value y, Value q, Value r) { return x.graph().emit("WeightedPair", {x, p, y, q, r}); }

Value inverse_deviation(Value variance, float epsilon) {
  return 1.0 / variance.graph().emit("Sqrt", {variance + static_cast<double>(epsilon)});
}

PlainGradient plain_normalization_gradient(Value x, Value dy, Value scale, const std::vector<std::int64_t>& axes, bool centred,
                                           float epsilon) {
  const auto mean_over = [&](Value value) { return emit_with("ReduceMean", {value}, {{"axes", axes}, {"keep_dims", true}}); };
  const Value distance = centred ? x - mean_over(x) : x;
  const Value inverse = inverse_deviation(mean_over(distance * distance), epsilon);
  const Value normal = distance * inverse;
  const Value slope = dy * scale;
  Value dx = slope - normal * mean_over(slope * normal);
  if (centred) dx = dx - mean_over(slope);
  return {dx * inverse, dy * normal};
}

NormalizedElements NormalizedElements::of_channels(const Shape& x, std::int64_t channel_groups, float epsilon) {
  const auto channels = static_cast<std::size_t>(x[1]);
  const auto pixels = static_cast<std::size_t>(x.product(2, x.rank()));
  const auto groups = static_cast<std::size_t>(channel_groups);
  NormalizedElements result;
  result.epsilon = static_cast<double>(epsilon);
  result.scale_of = [=](std::size_t i) { return i / pixels % channels; };
  if (groups == 0) {
    result.groups = channels;
    result.group_of = result.scale_of;
  } else {
    result.groups = static_cast<std::size_t>(x[0]) * groups;
    result.group_of = [=](std::size_t i) { return i / (channels / groups * pixels); };
  }
  return result;
}

NormalizedElements NormalizedElements::of_rows(const Shape& x, std::int64_t axis, float epsilon, bool centred) {
  const int first = x.normalized_axis(axis);
  const auto columns = static_cast<std::size_t>(x.product(first, x.rank()));
  NormalizedElements result;
  result.groups = static_cast<std::size_t>(x.product(0, first));
  result.group_of = [=](std::size_t i) { return i / columns; };
  result.scale_of = [=](std::size_t i) { return i % columns; };
  result.epsilon = static_cast<double>(epsilon);
  result.centred = centred;
  return result;
}

NormalizedElements::Statistics NormalizedElements::statistics(const std::vector<double>& x) const {
  const std::vector<double> zeros(groups, 0.0);
  Statistics known{zeros, zeros, zeros};
  for (std::size_t i = 0; i < x.size(); ++i) {
    known.count[group_of(i)] += 1;
    if (centred) known.mean[group_of(i)] += x[i];
  }
  for (std::size_t g = 0; g < groups; ++g) known.mean[g] /= std::max(1.0, known.count[g]);
  for (std::size_t i = 0; i < x.size(); ++i) known.variance[group_of(i)] += std::pow(x[i] - known.mean[group_of(i)], 2);
  for (std::size_t g = 0; g < groups; ++g) known.variance[g] /= std::max(1.0, known.count[g]);
  return known;
}

double NormalizedElements::inverse(const Statistics& known, std::size_t group) const {
  return 1 / std::sqrt(known.variance[group] + epsilon);
}

void NormalizedElements::normalize(const Statistics& known, const ReferenceTensor& x, const ReferenceTensor& scale,
                                   const ReferenceTensor* bias, ReferenceTensor& y) const {
  for (std::size_t i = 0; i < x.data.size(); ++i) {
    const std::size_t group = group_of(i);
    const double normal = (x.data[i] - known.mean[group]) * inverse(known, group);
    y.data[i] = normal * scale.data[scale_of(i)] + (bias == nullptr ? 0.0 : bias->data[scale_of(i)]);
  }
}

void NormalizedElements::differentiate(const ReferenceTensor& x, const ReferenceTensor& dy, const ReferenceTensor& scale,
                                       ReferenceTensor& dx, ReferenceTensor& dscale, ReferenceTensor* dbias) const {
  const Statistics known = statistics(x.data);
  std::vector<double> slopes(groups, 0.0);    // mean of scale · dy
  std::vector<double> products(groups, 0.0);  // mean of scale · dy · normal
  std::ranges::fill(dscale.data, 0.0);
  if (dbias != nullptr) std::ranges::fill(dbias->data, 0.0);
  const auto normal = [&](std::size_t i) { return (x.data[i] - known.mean[group_of(i)]) * inverse(known, group_of(i)); };
  for (std::size_t i = 0; i < x.data.size(); ++i) {
    const double slope = dy.data[i] * scale.data[scale_of(i)] / known.count[group_of(i)];
    if (centred) slopes[group_of(i)] += slope;
    products[group_of(i)] += slope * normal(i);
    dscale.data[scale_of(i)] += dy.data[i] * normal(i);
    if (dbias != nullptr) dbias->data[scale_of(i)] += dy.data[i];
  }
  for (std::size_t i = 0; i < x.data.size(); ++i) {
    const std::size_t group = group_of(i);
    dx.data[i] = inverse(known, group) * (dy.data[i] * scale.data[scale_of(i)] - slopes[group] - normal(i) * products[group]);
  }
}

}  // namespace neurons::ops
