#include "neurons/ops/common/recurrent.hpp"

#include <fmt/format.h>

#include "neurons/formats/c/emitters.hpp"
#include "neurons/formats/c/strided.hpp"
#include "neurons/graph/option_of.hpp"

namespace neurons::c {
namespace {

const Snippet kLogistic{R"(static float logistic(float x)
{
    return 1.0f / (1.0f + expf(-x));
}
)",
                        {},
                        {"logistic"}};

const Snippet kRecurrentLayer{R"(/* Neurons that see the inputs of a step and what they all said one step before.
   Weights: [inputs][gates * units]; recurrent weights: [units][gates * units] */
typedef struct {
    int inputs, units;
    int width;    /* of y: where this is one of two directions, the other's units lie between its own */
    int backward; /* the last step first */
    const float *weights;
    const float *recurrent_weights;
    const float *bias;           /* [gates * units] */
    const float *recurrent_bias; /* GRU: [units], inside of the reset; else 0 */
    const float *candidate_weights; /* GRU that resets before its sum: [units][units], apart from the gates'; else 0 */
} recurrent_layer;
)",
                              {},
                              {"recurrent_layer"}};

const Snippet kRnn{R"(/* Goes on from the state h, through `steps` of x: h = tanh(W x + R h + bias), a rectifier instead if `relu`.
   y, if not 0, is h after each step; sums has room for `units`. */
static void rnn(const recurrent_layer *layer, int relu, int steps, const float *restrict x, float *restrict y,
                float *restrict h, float *restrict sums)
{
    const int units = layer->units;
    for (int s = 0; s < steps; ++s) {
        const int t = layer->backward ? steps - 1 - s : s;
        for (int u = 0; u < units; ++u) {
            sums[u] = layer->bias[u];
        }
        add_weighted(layer->inputs, units, x + t * layer->inputs, layer->weights, sums);
        add_weighted(units, units, h, layer->recurrent_weights, sums);
        for (int u = 0; u < units; ++u) {
            h[u] = !relu ? tanhf(sums[u]) : sums[u] > 0.0f ? sums[u] : 0.0f;
            if (y) {
                y[t * layer->width + u] = h[u];
            }
        }
    }
}
)",
                   {&add_weighted(), &kRecurrentLayer},
                   {"rnn"}};

const Snippet kLstm{R"(/* Goes on from the state h and the cells c, through `steps` of x. Gates: input, output, forget, candidate:
   c = forget * c + input * candidate, h = output * tanh(c).
   y, if not 0, is h after each step; sums has room for 4 * units. */
static void lstm(const recurrent_layer *layer, int steps, const float *restrict x, float *restrict y,
                 float *restrict h, float *restrict c, float *restrict sums)
{
    const int units = layer->units;
    for (int s = 0; s < steps; ++s) {
        const int t = layer->backward ? steps - 1 - s : s;
        for (int u = 0; u < 4 * units; ++u) {
            sums[u] = layer->bias[u];
        }
        add_weighted(layer->inputs, 4 * units, x + t * layer->inputs, layer->weights, sums);
        add_weighted(units, 4 * units, h, layer->recurrent_weights, sums);
        for (int u = 0; u < units; ++u) {
            const float input_gate = logistic(sums[u]);
            const float output_gate = logistic(sums[units + u]);
            const float forget_gate = logistic(sums[2 * units + u]);
            c[u] = forget_gate * c[u] + input_gate * tanhf(sums[3 * units + u]);
            h[u] = output_gate * tanhf(c[u]);
            if (y) {
                y[t * layer->width + u] = h[u];
            }
        }
    }
}
)",
                    {&add_weighted(), &kLogistic, &kRecurrentLayer},
                    {"lstm"}};

const Snippet kGru{R"(/* Goes on from the state h, through `steps` of x. Gates: update, reset, candidate:
   h = (1 - update) * tanh(W x + reset * (R h + recurrent_bias) + bias) + update * h.
   y, if not 0, is h after each step; sums has room for 6 * units. */
static void gru(const recurrent_layer *layer, int steps, const float *restrict x, float *restrict y,
                float *restrict h, float *restrict sums)
{
    const int units = layer->units;
    float *const recurrent = sums + 3 * units;
    for (int s = 0; s < steps; ++s) {
        const int t = layer->backward ? steps - 1 - s : s;
        for (int u = 0; u < 3 * units; ++u) {
            sums[u] = layer->bias[u];
            recurrent[u] = u < 2 * units ? 0.0f : layer->recurrent_bias[u - 2 * units];
        }
        add_weighted(layer->inputs, 3 * units, x + t * layer->inputs, layer->weights, sums);
        add_weighted(units, 3 * units, h, layer->recurrent_weights, recurrent);
        for (int u = 0; u < units; ++u) {
            const float update = logistic(sums[u] + recurrent[u]);
            const float reset = logistic(sums[units + u] + recurrent[units + u]);
            const float candidate = tanhf(sums[2 * units + u] + reset * recurrent[2 * units + u]);
            h[u] = (1.0f - update) * candidate + update * h[u];
            if (y) {
                y[t * layer->width + u] = h[u];
            }
        }
    }
}
)",
                   {&add_weighted(), &kLogistic, &kRecurrentLayer},
                   {"gru"}};

const Snippet kGruResettingFirst{R"(/* Goes on from the state h, through `steps` of x. Gates: update, reset, candidate:
   h = (1 - update) * tanh(W x + R (reset * h) + bias) + update * h.
   y, if not 0, is h after each step; sums has room for 4 * units. */
static void gru_resetting_first(const recurrent_layer *layer, int steps, const float *restrict x, float *restrict y,
                                float *restrict h, float *restrict sums)
{
    const int units = layer->units;
    float *const kept = sums + 3 * units;
    for (int s = 0; s < steps; ++s) {
        const int t = layer->backward ? steps - 1 - s : s;
        for (int u = 0; u < 3 * units; ++u) {
            sums[u] = layer->bias[u];
        }
        add_weighted(layer->inputs, 3 * units, x + t * layer->inputs, layer->weights, sums);
        add_weighted(units, 2 * units, h, layer->recurrent_weights, sums);
        for (int u = 0; u < units; ++u) {
            kept[u] = logistic(sums[units + u]) * h[u];
        }
        add_weighted(units, units, kept, layer->candidate_weights, sums + 2 * units);
        for (int u = 0; u < units; ++u) {
            const float update = logistic(sums[u]);
            h[u] = (1.0f - update) * tanhf(sums[2 * units + u]) + update * h[u];
            if (y) {
                y[t * layer->width + u] = h[u];
            }
        }
    }
}
)",
                                 {&add_weighted(), &kLogistic, &kRecurrentLayer},
                                 {"gru_resetting_first"}};

/// One of the four.
struct Kind {
  const Snippet& snippet;
  std::int64_t gates;
  std::int64_t room;  ///< for sums, times units
  const char* title;
  std::vector<std::string> activations;
  bool resets_first = false;
};

/// Rows [rows, inputs] as [inputs][rows].
std::vector<float> turned(std::span<const float> values, std::int64_t rows) {
  const std::size_t inputs = values.size() / static_cast<std::size_t>(rows);
  std::vector<float> result;
  for (std::size_t i = 0; i < inputs; ++i) {
    for (std::size_t row = 0; row < static_cast<std::size_t>(rows); ++row) result.push_back(values[row * inputs + i]);
  }
  return result;
}

void require_plain(CFunction& function, const Kind& kind) {
  const Options& options = function.options();
  if (option_of<double>(options, "clip") != 0) throw Unsupported{"clips its sums"};
  const auto activations = option_of<std::vector<std::string>>(options, "activations");
  for (std::size_t i = 0; i < activations.size(); ++i) {  // those of one direction, then those of the other
    const bool rectifier = kind.gates == 1 && activations[i] == "Relu" && activations[i] == activations[0];
    if (activations[i] != kind.activations[i % kind.activations.size()] && !rectifier)
      throw Unsupported{"has activations of its own"};
  }
  if (function.has_input(ops::kLengths)) throw Unsupported{"takes lengths of sequences"};
  if (function.has_input(ops::kPeepholes)) throw Unsupported{"has peepholes"};
}

/// Where a state is before the first step: where the node finds it after the last one.
std::string state(CFunction& function, std::size_t output, std::size_t input, std::int64_t floats) {
  const std::string place = function.y(output);
  if (function.remembers(output, input)) return place;
  if (function.has_input(input)) {
    function.file().use(copy());
    function.call(fmt::format("copy({}, {}, {});", floats, function.x(input), place));
  } else {
    function.file().use(fill());
    function.call(fmt::format("fill({}, 0.0f, {});", floats, place));
  }
  return place;
}

/// `values` without those of other directions.
Tensor of_direction(const Tensor& tensor, std::int64_t direction, std::int64_t directions) {
  const std::int64_t count = tensor.elements() / directions;
  return Tensor::of<float>(
      {count}, tensor.values<float>().subspan(static_cast<std::size_t>(direction * count), static_cast<std::size_t>(count)));
}

/// The constant of one direction, and the call that walks with it; the states' names have been made.
class Direction {
 public:
  Direction(CFunction& function, const Kind& kind, std::int64_t index, std::int64_t count)
      : function_(function),
        kind_(kind),
        index_(index),
        count_(count),
        units_(function.shape(ops::kR)[2]),
        inputs_(function.shape(ops::kX)[2]),
        backward_(index == 1 || option_of<std::string>(function.options(), "direction") == "reverse") {}

  std::string title() const {
    return fmt::format("{} {}, {} a step{}", kind_.title, counted(units_, "unit"), counted(inputs_, "input"),
                       backward_ ? ", backward" : "");
  }

  /// The name of the constant.
  std::string constant() const {
    CFile& file = function_.file();
    const std::int64_t rows = kind_.gates * units_;
    const std::string layer = function_.layer() + (index_ == 1 ? "_backward" : "");
    const auto array = [&](const char* what, std::span<const float> values, const std::string& extents) {
      return file.array(layer + what, values, extents);
    };
    /// Rows [first, end) of an input, as [inputs][rows].
    const auto weights = [&](std::size_t input, std::int64_t first, std::int64_t end) {
      const Tensor whole = of_direction(function_.known(input), index_, count_);
      const std::int64_t row = whole.elements() / rows;
      const auto part =
          whole.values<float>().subspan(static_cast<std::size_t>(first * row), static_cast<std::size_t>((end - first) * row));
      return turned(part, end - first);
    };
    const std::int64_t with_state = kind_.resets_first ? 2 * units_ : rows;
    const auto [bias, recurrent_bias] = biases();
    std::vector<std::string> lines{
        fmt::format(".inputs = {}, .units = {}", inputs_, units_),
        fmt::format(".width = {}", count_ * units_),
        fmt::format(".backward = {}", backward_ ? 1 : 0),
        ".weights = " + array("_weights", weights(ops::kW, 0, rows), fmt::format("[{}][{} sums]", counted(inputs_, "input"), rows)),
        ".recurrent_weights = " + array("_recurrent_weights", weights(ops::kR, 0, with_state),
                                        fmt::format("[{}][{} sums]", counted(units_, "unit"), with_state)),
        ".bias = " + array("_bias", bias, fmt::format("[{} sums]", rows))};
    if (kind_.resets_first) {
      lines.push_back(".candidate_weights = " + array("_candidate_weights", weights(ops::kR, with_state, rows),
                                                      fmt::format("[{0}][{0}]", counted(units_, "unit"))));
    } else if (has_bias_apart()) {
      lines.push_back(".recurrent_bias = " +
                      array("_recurrent_bias", recurrent_bias, fmt::format("[{}]", counted(units_, "unit"))));
    }
    return file.layer("recurrent_layer", layer, lines, fmt::format("{}: {}", layer, title()));
  }

 private:
  bool has_bias_apart() const { return kind_.gates == 3 && !kind_.resets_first; }

  /// ONNX's two, added up but for that of the candidate whose recurrent sum is reset.
  std::pair<std::vector<float>, std::vector<float>> biases() const {
    std::vector<float> bias(static_cast<std::size_t>(kind_.gates * units_));
    std::vector<float> recurrent_bias(static_cast<std::size_t>(units_));
    if (!function_.has_input(ops::kB)) return {bias, recurrent_bias};
    const Tensor both = of_direction(function_.known(ops::kB), index_, count_);
    const auto values = both.values<float>();
    for (std::size_t i = 0; i < bias.size(); ++i) {
      const float second = values[bias.size() + i];
      const bool apart = has_bias_apart() && i >= static_cast<std::size_t>(2 * units_);
      bias[i] = values[i] + (apart ? 0.0F : second);
      if (apart) recurrent_bias[i - static_cast<std::size_t>(2 * units_)] = second;
    }
    return {bias, recurrent_bias};
  }

  CFunction& function_;
  const Kind& kind_;
  std::int64_t index_;
  std::int64_t count_;
  std::int64_t units_;
  std::int64_t inputs_;
  bool backward_;
};

void write(CFunction& function, const Kind& kind) {
  require_plain(function, kind);
  const Options& options = function.options();
  const bool batch_first = option_of<std::int64_t>(options, "layout") == 1;
  const std::int64_t steps = function.shape(ops::kX)[batch_first ? 1 : 0];
  const std::int64_t units = function.shape(ops::kR)[2];
  const std::int64_t count = function.shape(ops::kR)[0];
  function.file().use(kind.snippet);
  std::vector<std::string> constants;
  for (std::int64_t index = 0; index < count; ++index) {
    const Direction direction(function, kind, index, count);
    constants.push_back(direction.constant());
    function.say(steps == 1 ? direction.title() : fmt::format("{}, {} steps", direction.title(), steps));
  }
  const std::string x = function.x(ops::kX);
  const std::string y = function.is_used(0) ? function.y(0) : "0";
  const std::string h = state(function, 1, ops::kInitialH, count * units);
  const std::string c = kind.gates == 4 ? state(function, 2, ops::kInitialC, count * units) : "";
  const std::string sums = function.room(kind.room * units, "sums");
  const auto activations = option_of<std::vector<std::string>>(options, "activations");
  const bool relu = !activations.empty() && activations.front() == "Relu";
  const std::string rectifier = kind.gates == 1 ? (relu ? "1, " : "0, ") : "";
  for (std::int64_t index = 0; index < count; ++index) {
    const auto part = [&](const std::string& place) { return place == "0" ? place : at_offset(place, index * units); };
    function.call(fmt::format("{}(&{}, {}{}, {}, {}, {}, {}{});", kind.snippet.functions.front(),
                              constants[static_cast<std::size_t>(index)], rectifier, steps, x, part(y), part(h),
                              c.empty() ? "" : part(c) + ", ", sums));
  }
}

void rnn(CFunction& function) { write(function, {kRnn, 1, 1, "recurrent:", {"Tanh"}}); }
void lstm(CFunction& function) { write(function, {kLstm, 4, 4, "LSTM:", {"Sigmoid", "Tanh", "Tanh"}}); }
void gru(CFunction& function) {
  const bool resets_first = !option_of<bool>(function.options(), "linear_before_reset");
  write(function, {resets_first ? kGruResettingFirst : kGru, 3, resets_first ? 4 : 6, "GRU:", {"Sigmoid", "Tanh"}, resets_first});
}

}  // namespace

void add_recurrent(Emitters& table) {
  table["RNN"] = rnn;
  table["LSTM"] = lstm;
  table["GRU"] = gru;
}

}  // namespace neurons::c
