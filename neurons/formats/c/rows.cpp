#include <fmt/format.h>

#include <algorithm>

#include "neurons/base/at.hpp"
#include "neurons/formats/c/emitters.hpp"
#include "neurons/graph/option_of.hpp"
#include "neurons/ops/common/reduction.hpp"

namespace neurons::c {
namespace {

const Snippet kSoftmax{R"(/* exp(x) / sum of exp(x) of each row */
static void softmax(int rows, int width, float *x)
{
    for (int row = 0; row < rows; ++row) {
        float largest = x[0];
        float sum = 0.0f;
        for (int i = 1; i < width; ++i) {
            largest = x[i] > largest ? x[i] : largest;
        }
        for (int i = 0; i < width; ++i) {
            x[i] = expf(x[i] - largest);
            sum += x[i];
        }
        for (int i = 0; i < width; ++i) {
            x[i] /= sum;
        }
        x += width;
    }
}
)",
                       {},
                       {"softmax"}};

const Snippet kLogSoftmax{R"(/* x - log(sum of exp(x)) of each row */
static void log_softmax(int rows, int width, float *x)
{
    for (int row = 0; row < rows; ++row) {
        float largest = x[0];
        float sum = 0.0f;
        for (int i = 1; i < width; ++i) {
            largest = x[i] > largest ? x[i] : largest;
        }
        for (int i = 0; i < width; ++i) {
            sum += expf(x[i] - largest);
        }
        for (int i = 0; i < width; ++i) {
            x[i] = x[i] - largest - logf(sum);
        }
        x += width;
    }
}
)",
                          {},
                          {"log_softmax"}};

const Snippet kNormalize{R"(/* (x - mean) / sqrt(variance + epsilon) * weights + bias of each row; `weights` and `bias` may be 0 */
static void normalize_rows(int rows, int width, float epsilon, const float *restrict weights,
                           const float *restrict bias, float *restrict x)
{
    for (int row = 0; row < rows; ++row) {
        float mean = 0.0f;
        float variance = 0.0f;
        for (int i = 0; i < width; ++i) {
            mean += x[i] / (float)width;
        }
        for (int i = 0; i < width; ++i) {
            variance += (x[i] - mean) * (x[i] - mean) / (float)width;
        }
        for (int i = 0; i < width; ++i) {
            x[i] = (x[i] - mean) / sqrtf(variance + epsilon);
            if (weights) {
                x[i] = x[i] * weights[i] + bias[i];
            }
        }
        x += width;
    }
}
)",
                         {},
                         {"normalize_rows"}};

const Snippet kRmsNormalize{R"(/* x / sqrt(mean of x^2 + epsilon) * weights of each row */
static void rms_normalize_rows(int rows, int width, float epsilon, const float *restrict weights, float *restrict x)
{
    for (int row = 0; row < rows; ++row) {
        float mean = 0.0f;
        for (int i = 0; i < width; ++i) {
            mean += x[i] * x[i] / (float)width;
        }
        for (int i = 0; i < width; ++i) {
            x[i] = x[i] / sqrtf(mean + epsilon) * weights[i];
        }
        x += width;
    }
}
)",
                            {},
                            {"rms_normalize_rows"}};

/// One number for each column of groups of rows.
Snippet reduction(const char* name, const std::string& comment, const char* begin, const char* each) {
  return {fmt::format(R"(/* {0} of each column of groups of rows */
static void {1}(int groups, int rows, int width, const float *restrict x, float *restrict y)
{{
    for (int group = 0; group < groups; ++group) {{
        for (int i = 0; i < width; ++i) {{
            y[i] = {2};
        }}
        for (int row = 0; row < rows; ++row) {{
            for (int i = 0; i < width; ++i) {{
                y[i] {3};
            }}
            x += width;
        }}
        y += width;
    }}
}}
)",
                      comment, name, begin, each),
          {},
          {name}};
}

struct Reduction {
  const char* op;
  Snippet snippet;
  const char* title;
};

const std::vector<Reduction>& reductions() {
  static const std::vector<Reduction> kReductions = {
      {"ReduceMean", reduction("mean_of_rows", "The mean", "0.0f", "+= x[i] / (float)rows"), "mean"},
      {"ReduceSum", reduction("sum_of_rows", "The sum", "0.0f", "+= x[i]"), "sum"},
      {"ReduceSumSquare", reduction("squares_of_rows", "The sum of the squares", "0.0f", "+= x[i] * x[i]"), "sum of the squares"},
      {"ReduceMax", reduction("largest_of_rows", "The largest", "-HUGE_VALF", "= x[i] > y[i] || x[i] != x[i] ? x[i] : y[i]"),
       "largest"},
      {"ReduceMin", reduction("smallest_of_rows", "The smallest", "HUGE_VALF", "= x[i] < y[i] || x[i] != x[i] ? x[i] : y[i]"),
       "smallest"}};
  return kReductions;
}

/// Elements of an axis that is the last but for axes of 1.
std::int64_t width_of(const CFunction& function) {
  const Shape& shape = function.output_shape();
  const int axis = shape.normalized_axis(option_of<std::int64_t>(function.options(), "axis"));
  if (shape.product(axis + 1, shape.rank()) != 1) throw Unsupported{"goes along an axis that is not the last"};
  return shape[axis];
}

void along_rows(CFunction& function, const Snippet& snippet) {
  const std::int64_t width = width_of(function);
  function.file().use(snippet);
  const std::string x = function.over(0);
  function.call(fmt::format("{}({}, {}, {});", snippet.functions.front(), function.output_shape().elements() / width, width, x));
}

void softmax(CFunction& function) { along_rows(function, kSoftmax); }
void log_softmax(CFunction& function) { along_rows(function, kLogSoftmax); }

/// Layer normalisation, or that of root mean squares.
void row_normalization(CFunction& function, const Snippet& snippet, bool has_bias) {
  const Shape& shape = function.output_shape();
  const int axis = shape.normalized_axis(option_of<std::int64_t>(function.options(), "axis"));
  const std::int64_t width = shape.product(axis, shape.rank());
  const Tensor weights = function.known(1);
  const Tensor bias = function.has_input(2) ? function.known(2) : Tensor(DType::f32, {width});
  if (weights.elements() != width || bias.elements() != width) throw Unsupported{"has weights of another width"};
  CFile& file = function.file();
  file.use(snippet);
  const std::string layer = function.layer();
  const auto all = [](const Tensor& tensor, float value) {
    return std::ranges::all_of(tensor.values<float>(), [value](float one) { return one == value; });
  };
  std::string vectors = "0, 0";
  if (!has_bias || !all(weights, 1) || !all(bias, 0)) {
    vectors = file.array(layer + "_weights", weights.values<float>(), layer + ": weights");
    if (has_bias) vectors += ", " + file.array(layer + "_bias", bias.values<float>(), layer + ": bias");
  }
  const auto epsilon = static_cast<float>(option_of<double>(function.options(), "epsilon"));
  function.say(fmt::format("normalises rows of {}", width));
  const std::string x = function.over(0);
  function.call(fmt::format("{}({}, {}, {}, {}, {});", snippet.functions.front(), shape.elements() / width, width, literal(epsilon),
                            vectors, x));
}

void layer_normalization(CFunction& function) { row_normalization(function, kNormalize, true); }
void rms_normalization(CFunction& function) { row_normalization(function, kRmsNormalize, false); }

/// Over axes that are one block, but for axes of 1: of steps, of pixels, of channels.
void reduce(CFunction& function) {
  if (function.graph().info(function.node().outputs[0]).type.dtype != DType::f32) {
    throw Unsupported{"calculates with whole numbers; plain C does so with floats"};
  }
  const Shape& shape = function.shape(0);
  const auto& options = function.options().as<ops::ReductionOptions>();
  if (options.axes.empty() && options.noop_with_empty_axes) return function.view();
  const std::vector<bool> reduced = options.reduced(shape);
  int first = shape.rank();
  int last = -1;
  std::int64_t rows = 1;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (!reduced[at(axis)] || shape[axis] == 1) continue;
    first = std::min(first, axis);
    last = axis;
    rows *= shape[axis];
  }
  if (last >= 0 && shape.product(first, last + 1) != rows) throw Unsupported{"reduces axes that are not side by side"};
  const std::int64_t groups = last < 0 ? 1 : shape.product(0, first);
  const auto found = std::ranges::find_if(reductions(), [&](const Reduction& one) { return function.node().op->name == one.op; });
  function.file().use(found->snippet);
  function.say(fmt::format("the {} of {} rows", found->title, rows));
  const std::string x = function.x(0);
  function.call(fmt::format("{}({}, {}, {}, {}, {});", found->snippet.functions.front(), groups, rows,
                            shape.elements() / rows / groups, x, function.y()));
}

}  // namespace

void add_rows(Emitters& table) {
  table["Softmax"] = softmax;
  table["LogSoftmax"] = log_softmax;
  table["LayerNormalization"] = layer_normalization;
  table["RMSNormalization"] = rms_normalization;
  for (const Reduction& reduction : reductions()) table[reduction.op] = reduce;
}

}  // namespace neurons::c
