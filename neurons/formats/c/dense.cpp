#include <fmt/format.h>

#include "neurons/formats/c/emitters.hpp"
#include "neurons/graph/option_of.hpp"

namespace neurons::c {

const Snippet& add_weighted() {
  static const Snippet kSnippet{
      R"(/* sums[o] += x[i] * weights[i][o] for all i and o: what every neuron does, whichever inputs it sees */
static void add_weighted(int inputs, int outputs, const float *restrict x,
                         const float *restrict weights, float *restrict sums)
{
    for (int i = 0; i < inputs; ++i) {
        for (int o = 0; o < outputs; ++o) {
            sums[o] += x[i] * weights[i * outputs + o];
        }
    }
}
)",
      {},
      {"add_weighted"}};
  return kSnippet;
}

namespace {

const Snippet kDense{R"(/* Neurons that see all inputs. Weights: [inputs][outputs] */
typedef struct {
    int inputs, outputs;
    const float *weights;
    const float *bias; /* or 0 */
} dense_layer;

static void dense(const dense_layer *layer, int rows, const float *restrict x, float *restrict y)
{
    for (int row = 0; row < rows; ++row) {
        for (int o = 0; o < layer->outputs; ++o) {
            y[o] = layer->bias ? layer->bias[o] : 0.0f;
        }
        add_weighted(layer->inputs, layer->outputs, x, layer->weights, y);
        x += layer->inputs;
        y += layer->outputs;
    }
}
)",
                     {&add_weighted()},
                     {"dense", "dense_layer"}};

/// Weights as [inputs][outputs].
std::vector<float> by_inputs(const Tensor& weights, bool by_outputs) {
  const auto values = weights.values<float>();
  const auto outputs = static_cast<std::size_t>(weights.shape()[by_outputs ? 0 : 1]);
  const std::size_t inputs = values.size() / outputs;
  std::vector<float> result(values.begin(), values.end());
  for (std::size_t i = 0; by_outputs && i < result.size(); ++i) result[i] = values[i % outputs * inputs + i / outputs];
  return result;
}

void write(CFunction& function, const Tensor& weights, bool by_outputs, const float* bias, std::int64_t rows) {
  const std::int64_t outputs = weights.shape()[by_outputs ? 0 : 1];
  const std::int64_t inputs = weights.elements() / outputs;
  CFile& file = function.file();
  const std::string layer = function.layer();
  file.use(kDense);
  const std::string title = fmt::format("{} of {} each", counted(outputs, "neuron"), counted(inputs, "input"));
  const std::string array = file.array(layer + "_weights", by_inputs(weights, by_outputs),
                                       fmt::format("[{}][{}]", counted(inputs, "input"), counted(outputs, "output")));
  std::string bias_array = "0";
  if (bias != nullptr)
    bias_array =
        file.array(layer + "_bias", {bias, static_cast<std::size_t>(outputs)}, fmt::format("[{}]", counted(outputs, "output")));
  const std::string name = file.layer(
      "dense_layer", layer,
      {fmt::format(".inputs = {}", inputs), fmt::format(".outputs = {}", outputs), ".weights = " + array, ".bias = " + bias_array},
      fmt::format("{}: {}", layer, title));
  function.say(rows == 1 ? title : fmt::format("{}, {} times", title, rows));
  const std::string x = function.x(0);
  function.call(fmt::format("dense(&{}, {}, {}, {});", name, rows, x, function.y()));
}

/// simplify() has made ops of their own of scaling, and of adding other than one number for each output.
void gemm(CFunction& function) {
  const Options& options = function.options();
  if (option_of<bool>(options, "trans_a")) throw Unsupported{"its input is transposed"};
  const Tensor& weights = function.known(1);
  const Tensor* bias = function.has_input(2) ? &function.known(2) : nullptr;
  write(function, weights, option_of<bool>(options, "trans_b"), bias == nullptr ? nullptr : bias->values<float>().data(),
        function.shape(0)[0]);
}

void matmul(CFunction& function) {
  const Tensor& weights = function.known(1);
  if (weights.shape().rank() != 2) throw Unsupported{"its second input is no matrix"};
  write(function, weights, false, nullptr, function.shape(0).elements() / weights.shape()[0]);
}

}  // namespace

void add_dense(Emitters& table) {
  table["Gemm"] = gemm;
  table["MatMul"] = matmul;
}

}  // namespace neurons::c
