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
    R"(/* Neurons that see what a window shows. Weights: [kernel rows][kernel columns][channels][filters] */
typedef struct {
    window window;
    int filters;
    const float *weights;
    const float *bias; /* or 0 */
} conv2d_layer;
)",
    {&window_type()},
    {"conv2d_layer"}};

const Snippet kConv2d{R"(static void conv2d(const conv2d_layer *layer, const float *restrict x, float *restrict y)
{
    const window w = layer->window;
    const int filters = layer->filters;
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
                    add_weighted(w.channels, filters,
                                 x + (from_row * w.input_columns + from_column) * w.channels,
                                 layer->weights + (i * w.kernel_columns + j) * w.channels * filters, y);
                }
            }
            y += filters;
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

/// [filters, channels, taps] as [taps][channels][filters].
std::vector<float> by_taps(const Tensor& weights, std::int64_t filters, std::int64_t channels) {
  const auto values = weights.values<float>();
  const std::int64_t taps = weights.elements() / filters / channels;
  std::vector<float> result;
  for (std::int64_t t = 0; t < taps; ++t) {
    for (std::int64_t c = 0; c < channels; ++c) {
      for (std::int64_t f = 0; f < filters; ++f) result.push_back(values[static_cast<std::size_t>((f * channels + c) * taps + t)]);
    }
  }
  return result;
}

void convolution(CFunction& function) {
  const auto& options = function.options().as<ops::ConvolutionSumOptions>();
  const kernels::ConvolutionShape shape = options.shape(1);
  const bool depthwise = shape.groups > 1 && shape.groups == shape.channels;
  if (shape.groups > 1 && !depthwise)
    throw Unsupported{fmt::format("has {} groups of {} channels", shape.groups, shape.channels / shape.groups)};
  std::string window = ".window = {\n";
  for (const std::string& line : window_fields(shape)) window += fmt::format("        {},\n", line);
  window += "    }";
  const int panels = function.node().inputs[1];
  const Node& pack = function.graph().node(function.graph().info(panels).node);
  function.known(1);  // or this is not for plain C
  const Tensor& weights = function.known_value(pack.inputs[0]);
  CFile& file = function.file();
  const std::string layer = function.layer();
  file.use(depthwise ? kDepthwise : kConv2d);
  const std::string kernel = fmt::format("{} x {}", shape.kernel[1], shape.kernel[2]);
  const std::string title = fmt::format("{} of {}{} over {}", counted(shape.outputs, "filter"), kernel,
                                        depthwise ? ", each of one channel," : "", image_text(shape.input, shape.channels));
  const std::string array =
      file.array(layer + "_weights", by_taps(weights, shape.outputs, shape.channels / shape.groups),
                 fmt::format("[{}]{}[{}]", kernel, depthwise ? "" : fmt::format("[{}]", counted(shape.channels, "channel")),
                             counted(shape.outputs, "filter")));
  std::string bias = "0";
  if (function.has_input(2)) {
    bias = file.array(layer + "_bias", function.known(2).values<float>(), fmt::format("[{}]", counted(shape.outputs, "filter")));
  }
  const std::string name = file.layer(
      "conv2d_layer", layer, {window, fmt::format(".filters = {}", shape.outputs), ".weights = " + array, ".bias = " + bias},
      fmt::format("{}: {}", layer, title));
  function.say(fmt::format("{}, give {}", title, image_text(shape.output, shape.outputs)));
  const std::string x = function.x(0);
  function.call(fmt::format("{}(&{}, {}, {});", depthwise ? "depthwise_conv2d" : "conv2d", name, x, function.y()));
}

}  // namespace

void add_convolutions(Emitters& table) { table["ConvolutionSum"] = convolution; }

}  // namespace neurons::c
