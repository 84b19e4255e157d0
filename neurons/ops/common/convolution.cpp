#include "neurons/ops/common/convolution.hpp"

namespace neurons::ops {
namespace {

kernels::ConvolutionShape::Axes last_three(const std::vector<std::int64_t>& list, std::size_t count, std::int64_t fallback) {
  kernels::ConvolutionShape::Axes axes{fallback, fallback, fallback};
  for (std::size_t i = 0; i < count; ++i) axes[3 - count + i] = list[i];
  return axes;
}

Shape image_shape(std::int64_t batch, std::int64_t channels, std::vector<std::int64_t> spatial) {
  spatial.insert(spatial.begin(), {batch, channels});
  return Shape(std::span<const std::int64_t>(spatial));
}

}  // namespace

kernels::ConvolutionShape ConvolutionOptions::shape(std::int64_t batch) const {
  const std::size_t rank = extents.size();
  kernels::ConvolutionShape result;
  result.batch = batch;
  result.channels = channels;
  result.outputs = outputs;
  result.groups = group;
  result.input = last_three(extents, rank, 1);
  result.kernel = last_three(kernel, rank, 1);
  result.stride = last_three(strides, rank, 1);
  result.dilation = last_three(dilations, rank, 1);
  result.pad = last_three(pads, rank, 0);
  for (std::size_t i = 0; i < rank; ++i) {
    const std::size_t axis = 3 - rank + i;
    const std::int64_t span = (kernel[i] - 1) * dilations[i] + 1;
    result.output[axis] = (extents[i] + pads[i] + pads[rank + i] - span) / strides[i] + 1;
  }
  return result;
}

Shape ConvolutionOptions::x_shape(std::int64_t batch) const { return image_shape(batch, channels, extents); }

Shape ConvolutionOptions::y_shape(std::int64_t batch) const {
  const auto output = shape(batch).output;
  return image_shape(batch, outputs, {output.end() - static_cast<std::ptrdiff_t>(extents.size()), output.end()});
}

Shape ConvolutionOptions::weight_shape() const { return image_shape(outputs, channels / group, kernel); }

Shape ConvolutionOptions::packed_shape() const {
  const auto packed = shape(1).packed();
  return {packed[0], packed[1], packed[2]};
}

Shape ConvolutionOptions::transposed_shape() const {
  const auto transposed = shape(1).transposed();
  return {transposed[0], transposed[1], transposed[2]};
}

double ConvolutionOptions::flops(std::int64_t batch) const {
  const std::int64_t terms = channels / group * shape(1).taps();
  return 2.0 * static_cast<double>(y_shape(batch).elements()) * static_cast<double>(terms);
}

ConvolutionOptions resolve_convolution(const InferContext& context, const WindowOptions& window, std::int64_t group, const Shape& x,
                                       const Shape& w) {
  const int rank = x.rank() - 2;
  if (rank < 1 || rank > 3) context.fail("expects x [batch, channels, 1 to 3 spatial axes]");
  if (w.rank() != x.rank()) context.fail("expects w [outputs, channels / group, kernel…] of the input's rank");
  if (group < 1) context.fail("group = {}, expected at least 1", group);
  if (x[1] % group != 0 || w[0] % group != 0) {
    context.fail("group = {} does not divide {} channels and {} outputs", group, x[1], w[0]);
  }
  if (w[1] != x[1] / group) {
    context.fail("the weights expect {} channels{}, the input has {}", w[1] * group, group > 1 ? " in all groups" : "", x[1]);
  }
  const auto axes = resolve_window(context, window, w.extents().subspan(2), x.extents().subspan(2));
  ConvolutionOptions options;
  options.group = group;
  options.channels = x[1];
  options.outputs = w[0];
  options.extents = list_of(axes, &WindowAxis::input);
  options.kernel = list_of(axes, &WindowAxis::kernel);
  options.strides = list_of(axes, &WindowAxis::stride);
  options.pads = pads_of(axes);
  options.dilations = list_of(axes, &WindowAxis::dilation);
  return options;
}

std::size_t ConvolutionPlaces::packed(const ConvolutionProduct& p) const {
  if (shape.depthwise()) return static_cast<std::size_t>(p.tap * shape.channels + p.output);
  const kernels::PanelShape panels = shape.group_panels();
  const std::int64_t group = p.output / panels.outputs;
  const std::int64_t output = p.output % panels.outputs;
  const std::int64_t row = p.tap * (shape.channels / shape.groups) + p.channel;
  return static_cast<std::size_t>(group * panels.elements() + (output / panels.width() * panels.inputs + row) * panels.width() +
                                  output % panels.width());
}

std::size_t ConvolutionPlaces::transposed(const ConvolutionProduct& p, const std::vector<std::int64_t>& order) const {
  if (shape.depthwise()) return static_cast<std::size_t>(order[static_cast<std::size_t>(p.tap)] * shape.channels + p.output);
  const kernels::PanelShape panels = shape.transposed_panels();
  const std::int64_t outputs = shape.outputs / shape.groups;
  const std::int64_t row = order[static_cast<std::size_t>(p.tap)] * outputs + p.output % outputs;
  return static_cast<std::size_t>(p.output / outputs * panels.elements() +
                                  (p.channel / panels.width() * panels.inputs + row) * panels.width() + p.channel % panels.width());
}

std::vector<std::int64_t> transposed_order(const kernels::ConvolutionShape& shape) {
  const auto taps = kernels::transposed_taps(shape);
  std::vector<std::int64_t> order(taps.size());
  for (std::size_t i = 0; i < taps.size(); ++i) order[static_cast<std::size_t>(taps[i])] = static_cast<std::int64_t>(i);
  return order;
}

ConvolutionOptions weight_options(const ConvolutionOptions& convolution) {
  ConvolutionOptions weights;
  weights.group = convolution.group;
  weights.channels = convolution.channels;
  weights.outputs = convolution.outputs;
  weights.kernel = convolution.kernel;
  weights.extents = convolution.kernel;
  weights.strides = weights.dilations = std::vector<std::int64_t>(convolution.kernel.size(), 1);
  weights.pads = std::vector<std::int64_t>(2 * convolution.kernel.size(), 0);
  return weights;
}

std::vector<ConvolutionSample> convolution_samples() {
  using List = std::vector<std::int64_t>;
  const auto sample = [](std::int64_t batch, std::int64_t channels, std::int64_t outputs, std::int64_t group, List extents,
                         List kernel, List strides, List pads, List dilations, std::string note) {
    return ConvolutionSample{{group, channels, outputs, std::move(extents), std::move(kernel), std::move(strides), std::move(pads),
                              std::move(dilations)},
                             batch,
                             std::move(note)};
  };
  return {
      sample(2, 3, 5, 1, {6, 7}, {3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}, "same size"),
      sample(1, 1, 1, 1, {1, 1}, {1, 1}, {1, 1}, {0, 0, 0, 0}, {1, 1}, "one number"),
      sample(2, 4, 33, 1, {7, 5}, {3, 2}, {2, 1}, {0, 1, 2, 0}, {1, 1}, "strides, lopsided pads"),
      sample(1, 6, 9, 3, {8, 8}, {3, 3}, {1, 2}, {2, 2, 2, 2}, {2, 2}, "groups, dilations"),
      sample(2, 5, 5, 5, {5, 6}, {3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}, "depthwise"),
      sample(2, 35, 35, 35, {7, 10}, {3, 3}, {2, 2}, {1, 1, 0, 1}, {1, 1}, "depthwise, strides"),
      sample(2, 3, 4, 1, {11}, {5}, {3}, {2, 1}, {1}, "one axis"),
      sample(1, 2, 3, 1, {4, 3, 5}, {2, 2, 3}, {1, 2, 2}, {1, 0, 1, 0, 1, 1}, {1, 1, 1}, "three axes"),
      sample(1, 2, 17, 1, {5, 5}, {1, 1}, {2, 2}, {0, 0, 0, 0}, {1, 1}, "1x1 with strides"),
      sample(0, 2, 3, 1, {5, 5}, {3, 3}, {1, 1}, {0, 0, 0, 0}, {1, 1}, "no images"),
  };
}

}  // namespace neurons::ops
