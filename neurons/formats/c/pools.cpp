#include <fmt/format.h>

#include "neurons/formats/c/emitters.hpp"
#include "neurons/formats/c/window.hpp"
#include "neurons/graph/option_of.hpp"
#include "neurons/ops/common/pool.hpp"

namespace neurons::c {
namespace {

/// A loop over windows, channel by channel: what each begins with, does with what it sees, and ends with.
std::string pool_code(const char* name, const char* parameter, const char* begin, const char* each, const char* end) {
  return fmt::format(R"(static void {}(const window *layer, {}const float *restrict x, float *restrict y)
{{
    const window w = *layer;
    for (int row = 0; row < w.output_rows; ++row) {{
        for (int column = 0; column < w.output_columns; ++column) {{
            {}
            for (int i = 0; i < w.kernel_rows; ++i) {{
                const int from_row = row * w.row_stride + i * w.row_dilation - w.top;
                if (from_row < 0 || from_row >= w.input_rows) {{
                    continue;
                }}
                for (int j = 0; j < w.kernel_columns; ++j) {{
                    const int from_column = column * w.column_stride + j * w.column_dilation - w.left;
                    if (from_column < 0 || from_column >= w.input_columns) {{
                        continue;
                    }}
                    const float *pixel = x + (from_row * w.input_columns + from_column) * w.channels;
                    {}
                }}
            }}
{}            y += w.channels;
        }}
    }}
}}
)",
                     name, parameter, begin, each, end);
}

const Snippet kMaxPool{"/* The largest number that a window shows of each channel */\n" +
                           pool_code("max_pool2d", "", R"(for (int c = 0; c < w.channels; ++c) {
                y[c] = -HUGE_VALF;
            })",
                                     R"(for (int c = 0; c < w.channels; ++c) {
                        y[c] = pixel[c] > y[c] || pixel[c] != pixel[c] ? pixel[c] : y[c];
                    })",
                                     ""),
                       {&window_type()},
                       {"max_pool2d"}};

const Snippet kAveragePool{
    "/* The mean of what a window shows of each channel; `all`, if not 0, is how many numbers it counts beside the image, too "
    "*/\n" +
        pool_code("average_pool2d", "int all, ", R"(int count = 0;
            for (int c = 0; c < w.channels; ++c) {
                y[c] = 0.0f;
            })",
                  R"(++count;
                    for (int c = 0; c < w.channels; ++c) {
                        y[c] += pixel[c];
                    })",
                  R"(            for (int c = 0; c < w.channels; ++c) {
                y[c] /= (float)(all ? all : count);
            }
)"),
    {&window_type()},
    {"average_pool2d"}};

kernels::PoolShape resolved(const CFunction& function) {
  const Options& options = function.options();
  ops::PoolOptions pool;
  pool.auto_pad = option_of<std::string>(options, "auto_pad");
  pool.kernel_shape = option_of<std::vector<std::int64_t>>(options, "kernel_shape");
  pool.strides = option_of<std::vector<std::int64_t>>(options, "strides");
  pool.pads = option_of<std::vector<std::int64_t>>(options, "pads");
  pool.dilations = option_of<std::vector<std::int64_t>>(options, "dilations");
  pool.ceil_mode = option_of<bool>(options, "ceil_mode");
  pool.channels_last = option_of<bool>(options, "channels_last");
  if (!pool.channels_last) throw Unsupported{"its channels are not last"};
  return ops::resolve_pool(pool, function.shape(0)).shape;
}

void pool(CFunction& function, const kernels::PoolShape& shape, const Snippet& snippet, const char* what,
          const std::string& parameter = "") {
  const std::vector<std::string> fields = window_fields(shape);
  CFile& file = function.file();
  file.use(snippet);
  const std::string layer = function.layer();
  const bool whole = shape.output_pixels() == 1 && shape.kernel == shape.input;
  const std::string title = whole ? fmt::format("the {} of each of {} channels", what, shape.channels)
                                  : fmt::format("the {} of windows of {} x {} over {}", what, shape.kernel[1], shape.kernel[2],
                                                image_text(shape.input, shape.channels));
  const std::string name = file.layer("window", layer, fields, fmt::format("{}: {}", layer, title));
  function.say(whole ? title : fmt::format("{}, give {}", title, image_text(shape.output, shape.channels)));
  const std::string x = function.x(0);
  function.call(fmt::format("{}(&{}, {}{}, {});", snippet.functions.front(), name, parameter, x, function.y()));
}

void max_pool(CFunction& function) {
  if (option_of<bool>(function.options(), "indices")) throw Unsupported{"gives the places of the maxima, too"};
  pool(function, resolved(function), kMaxPool, "largest");
}

void average_pool(CFunction& function) {
  const kernels::PoolShape shape = resolved(function);
  const bool pads = shape.pad != kernels::PoolShape::Axes{} || shape.pad_end != kernels::PoolShape::Axes{};
  const bool all = pads && option_of<bool>(function.options(), "count_include_pad");
  for (std::size_t axis = 0; all && axis < 3; ++axis) {
    const std::int64_t reach = (shape.output[axis] - 1) * shape.stride[axis] + (shape.kernel[axis] - 1) * shape.dilation[axis] + 1;
    if (reach > shape.pad[axis] + shape.input[axis] + shape.pad_end[axis]) {
      throw Unsupported{"counts its padding, beyond which a window reaches (ceil_mode)"};
    }
  }
  pool(function, shape, kAveragePool, "mean", fmt::format("{}, ", all ? shape.kernel[1] * shape.kernel[2] : 0));
}

}  // namespace

void add_pools(Emitters& table) {
  table["MaxPool"] = max_pool;
  table["AveragePool"] = average_pool;
}

}  // namespace neurons::c
