#include <fmt/format.h>

#include "neurons/formats/c/emitters.hpp"
#include "neurons/formats/c/window.hpp"
#include "neurons/ops/common/convolution_sum.hpp"

namespace neurons::c {

const Snippet& window_type() {
  static const Snippet kSnippet{R"(/* A window that slides over an image [rows][columns][channels] */
typedef struct {
    int input_rows, input_columns, channels;
    int output_rows, output_columns;
    int kernel_rows, kernel_columns;
    int row_stride, column_stride;
    int row_dilation, column_dilation;
    int top, left; /* rows and columns of nothing before the image */
} window;
)",
                                {},
                                {"window"}};
  return kSnippet;
}

std::string image_text(const std::array<std::int64_t, 3>& extents, std::int64_t channels) {
  const std::string columns = fmt::format("{} x {}", extents[2], channels);
  return extents[1] == 1 ? columns : fmt::format("{} x {}", extents[1], columns);
}

namespace {

const Snippet kConvolutionLayer{
    R"(/* Neurons that see what a window shows */
typedef struct {
    window window;
    int filters, groups;
    const float *weights;
    const float *bias; /* or 0 */
} conv2d_layer;
)",
    {&window_type()},
    {"conv2d_layer"}};

const Snippet kConv2d{R"(/* Filters of a group see the channels of their group.
   Weights: [kernel rows][kernel columns][groups][channels of a group][filters of a group] */
static void conv2d(const conv2d_layer *layer, const float *restrict x, float *restrict y)
{
    const window w = layer->window;
    const int groups = layer->groups;
    const int channels = w.channels / groups;
    const int filters = layer->filters / groups;
    for (int row = 0; row < w.output_rows; ++row) {
        for (int column = 0; column < w.output_columns; ++column) {
            for (int f = 0; f < layer->filters; ++f) {
                y[f] = layer->bias ? layer->bias[f] : 0.0f;
            }
            for (int i = 0; i < w.kernel_rows; ++i) {
                const int from_row = row * w.row_stride + i * w.row_dilation - w.top;
                if (from_row < 0 || from_row >= w.input_rows) {
                    continue;
                }
                for (int j = 0; j < w.kernel_columns; ++j) {
                    const int from_column = column * w.column_stride + j * w.column_dilation - w.left;
                    if (from_column < 0 || from_column >= w.input_columns) {
                        continue;
                    }
                    const float *pixel = x + (from_row * w.input_columns + from_column) * w.channels;
                    const float *weights = layer->weights + (i * w.kernel_columns + j) * w.channels * filters;
                    for (int g = 0; g < groups; ++g) {
                        add_weighted(channels, filters, pixel + g * channels, weights + g * channels * filters,
                                     y + g * filters);
                    }
                }
            }
            y += layer->filters;
        }
    }
}
)",
                      {&add_weighted(), &kConvolutionLayer},
                      {"conv2d"}};

const Snippet kDepthwise{R"(/* Each channel has filters of its own, multiplier = filters / channels of them.
   Weights: [kernel rows][kernel columns][filters] */
static void depthwise_conv2d(const conv2d_layer *layer, const float *restrict x, float *restrict y)
{
    const window w = layer->window;
    const int filters = layer->filters;
    const int multiplier = filters / w.channels;
    for (int row = 0; row < w.output_rows; ++row) {
        for (int column = 0; column < w.output_columns; ++column) {
            for (int f = 0; f < filters; ++f) {
                y[f] = layer->bias ? layer->bias[f] : 0.0f;
            }
            for (int i = 0; i < w.kernel_rows; ++i) {
                const int from_row = row * w.row_stride + i * w.row_dilation - w.top;
                if (from_row < 0 || from_row >= w.input_rows) {
                    continue;
                }
                for (int j = 0; j < w.kernel_columns; ++j) {
                    const int from_column = column * w.column_stride + j * w.column_dilation - w.left;
                    if (from_column < 0 || from_column >= w.input_columns) {
                        continue;
                    }
                    const float *pixel = x + (from_row * w.input_columns + from_column) * w.channels;
                    const float *weights = layer->weights + (i * w.kernel_columns + j) * filters;
                    for (int f = 0; f < filters; ++f) {
                        y[f] += pixel[f / multiplier] * weights[f];
                    }
                }
            }
            y += filters;
        }
    }
}
)",
                         {&kConvolutionLayer},
                         {"depthwise_conv2d"}};

const Snippet kTransposed{
    R"(/* The other way round: what a window shows is y, and each pixel of x is spread over it. A bias for each channel of y.
   Weights: [kernel rows][kernel columns][groups][filters of a group][channels of a group] */
static void conv_transpose2d(const conv2d_layer *layer, const float *restrict x, float *restrict y)
{
    const window w = layer->window;
    const int groups = layer->groups;
    const int channels = w.channels / groups;
    const int filters = layer->filters / groups;
    for (int pixel = 0; pixel < w.input_rows * w.input_columns; ++pixel) {
        for (int c = 0; c < w.channels; ++c) {
            y[pixel * w.channels + c] = layer->bias ? layer->bias[c] : 0.0f;
        }
    }
    for (int row = 0; row < w.output_rows; ++row) {
        for (int column = 0; column < w.output_columns; ++column) {
            for (int i = 0; i < w.kernel_rows; ++i) {
                const int to_row = row * w.row_stride + i * w.row_dilation - w.top;
                if (to_row < 0 || to_row >= w.input_rows) {
                    continue;
                }
                for (int j = 0; j < w.kernel_columns; ++j) {
                    const int to_column = column * w.column_stride + j * w.column_dilation - w.left;
                    if (to_column < 0 || to_column >= w.input_columns) {
                        continue;
                    }
                    const float *weights = layer->weights + (i * w.kernel_columns + j) * layer->filters * channels;
                    float *to = y + (to_row * w.input_columns + to_column) * w.channels;
                    for (int g = 0; g < groups; ++g) {
                        add_weighted(filters, channels, x + g * filters, weights + g * filters * channels,
                                     to + g * channels);
                    }
                }
            }
            x += layer->filters;
        }
    }
}
)",
    {&add_weighted(), &kConvolutionLayer},
    {"conv_transpose2d"}};

/// Weights of ONNX, [filters, channels of a group, taps], as [taps][groups][channels of a group][filters of a group]; `transposed`:
/// [taps][groups][filters of a group][channels of a group].
std::vector<float> by_taps(const Tensor& weights, const kernels::ConvolutionShape& shape, bool transposed) {
  const auto values = weights.values<float>();
  const std::int64_t taps = shape.taps();
  const std::int64_t channels = shape.channels / shape.groups;
  const std::int64_t filters = shape.outputs / shape.groups;
  std::vector<float> result;
  for (std::int64_t tap_and_group = 0; tap_and_group < taps * shape.groups; ++tap_and_group) {
    const std::int64_t tap = tap_and_group / shape.groups;
    const std::int64_t group = tap_and_group % shape.groups;
    for (std::int64_t i = 0; i < channels * filters; ++i) {
      const std::int64_t channel = transposed ? i % channels : i / filters;
      const std::int64_t filter = group * filters + (transposed ? i / channels : i % filters);
      result.push_back(values[static_cast<std::size_t>((filter * channels + channel) * taps + tap)]);
    }
  }
  return result;
}

/// The weights that a value is made of by packing alone.
const Tensor& unpacked(CFunction& function, int id) {
  const Node* node = &function.graph().node(function.graph().info(id).node);
  while (node->op->name != "PackConvolution") node = &function.graph().node(function.graph().info(node->inputs[0]).node);
  return function.known_value(node->inputs[0]);
}

void write(CFunction& function, bool transposed) {
  const auto& options = function.options().as<ops::ConvolutionSumOptions>();
  const kernels::ConvolutionShape shape = options.shape(1);
  const bool depthwise = !transposed && shape.groups > 1 && shape.groups == shape.channels;
  std::string window = ".window = {\n";
  for (const std::string& line : window_fields(shape)) window += fmt::format("        {},\n", line);
  window += "    }";
  if (!function.is_known(1)) throw Unsupported{"its weights depend on the network's input"};
  const Tensor& weights = unpacked(function, function.node().inputs[1]);
  CFile& file = function.file();
  const std::string layer = function.layer();
  const Snippet& snippet = transposed ? kTransposed : depthwise ? kDepthwise : kConv2d;
  file.use(snippet);
  const std::string kernel = fmt::format("{} x {}", shape.kernel[1], shape.kernel[2]);
  const std::string x_text = image_text(shape.input, shape.channels);
  const std::string y_text = image_text(shape.output, shape.outputs);
  const std::string groups = depthwise          ? ", each of one channel,"
                             : shape.groups > 1 ? fmt::format(" in {} groups", shape.groups)
                                                : "";
  const std::string title = fmt::format("{} of {}{} {} {}", counted(shape.outputs, "filter"), kernel, groups,
                                        transposed ? "spread" : "over", transposed ? y_text : x_text);
  const std::string array = file.array(layer + "_weights", by_taps(weights, shape, transposed),
                                       fmt::format("[{}] of {} and {}", kernel, counted(shape.channels / shape.groups, "channel"),
                                                   counted(shape.outputs, "filter")));
  std::string bias = "0";
  if (function.has_input(2)) {
    const Tensor& values = function.known(2);
    bias = file.array(layer + "_bias", values.values<float>(),
                      fmt::format("[{}]", counted(values.elements(), transposed ? "channel" : "filter")));
  }
  const std::string name = file.layer(
      "conv2d_layer", layer,
      {window, fmt::format(".filters = {}, .groups = {}", shape.outputs, shape.groups), ".weights = " + array, ".bias = " + bias},
      fmt::format("{}: {}", layer, title));
  function.say(fmt::format("{}, give {}", title, transposed ? x_text : y_text));
  const std::string x = function.x(0);
  function.call(fmt::format("{}(&{}, {}, {});", snippet.functions.front(), name, x, function.y()));
}

void convolution(CFunction& function) { write(function, false); }
void transposed_convolution(CFunction& function) { write(function, true); }

}  // namespace

void add_convolutions(Emitters& table) {
  table["ConvolutionSum"] = convolution;
  table["ConvolutionSumInputGradient"] = transposed_convolution;
}

}  // namespace neurons::c
