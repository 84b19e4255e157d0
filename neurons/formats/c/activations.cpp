#include <fmt/format.h>

#include "neurons/formats/c/emitters.hpp"
#include "neurons/graph/option_of.hpp"

namespace neurons::c {
namespace {

/// A function of each element alone.
struct Activation {
  const char* op;
  const char* function;              ///< its name
  std::vector<std::string> options;  ///< its further arguments
  Snippet snippet;

  /// `expression` is of `v`.
  Activation(const char* of, const char* name, const char* equation, const char* expression,
             std::vector<std::string> arguments = {})
      : op(of), function(name), options(std::move(arguments)) {
    std::string list;
    for (const std::string& option : options) list += fmt::format("float {}, ", option);
    snippet.code = fmt::format(R"(/* {} */
static void {}(int count, {}float *x)
{{
    for (int i = 0; i < count; ++i) {{
        const float v = x[i];
        x[i] = {};
    }}
}}
)",
                               equation, name, list, expression);
    snippet.functions = {name};
  }
};

const std::vector<Activation>& activations() {
  static const std::vector<Activation> kActivations = {
      {"Relu", "relu", "max(x, 0)", "v < 0.0f ? 0.0f : v"},
      {"LeakyRelu", "leaky_relu", "x > 0 ? x : alpha * x", "v > 0.0f ? v : alpha * v", {"alpha"}},
      {"Elu", "elu", "x > 0 ? x : alpha * (exp(x) - 1)", "v > 0.0f ? v : alpha * expm1f(v)", {"alpha"}},
      {"Celu", "celu", "max(x, 0) + min(0, alpha * (exp(x / alpha) - 1))", "v > 0.0f ? v : alpha * expm1f(v / alpha)", {"alpha"}},
      {"Selu",
       "selu",
       "gamma * (x > 0 ? x : alpha * (exp(x) - 1))",
       "gamma * (v > 0.0f ? v : alpha * expm1f(v))",
       {"alpha", "gamma"}},
      {"Sigmoid", "sigmoid", "1 / (1 + exp(-x))", "1.0f / (1.0f + expf(-v))"},
      {"HardSigmoid",
       "hard_sigmoid",
       "max(0, min(1, alpha * x + beta))",
       "alpha * v + beta < 0.0f ? 0.0f : alpha * v + beta > 1.0f ? 1.0f : alpha * v + beta",
       {"alpha", "beta"}},
      {"Tanh", "hyperbolic_tangent", "tanh(x)", "tanhf(v)"},
      {"Softplus", "softplus", "log(1 + exp(x))", "fmaxf(v, 0.0f) + log1pf(expf(-fabsf(v)))"},
      {"Softsign", "softsign", "x / (1 + |x|)", "v / (1.0f + fabsf(v))"},
      {"Swish", "silu", "x / (1 + exp(-x))", "v / (1.0f + expf(-v))"},
      {"HardSwish", "hard_swish", "x * max(0, min(1, x / 6 + 1/2))", "v > 3.0f ? v : v < -3.0f ? 0.0f : v * (v / 6.0f + 0.5f)"},
      {"Mish", "mish", "x * tanh(log(1 + exp(x)))", "v * tanhf(fmaxf(v, 0.0f) + log1pf(expf(-fabsf(v))))"},
      {"Gelu", "gelu", "x times the integral of the normal distribution up to x", "0.5f * v * erfcf(-0.70710678f * v)"},
      {"Neg", "negate", "-x", "-v"},
      {"Abs", "absolute", "|x|", "fabsf(v)"},
      {"Exp", "exponential", "exp(x)", "expf(v)"},
      {"Log", "logarithm", "log(x)", "logf(v)"},
      {"Sqrt", "square_root", "sqrt(x)", "sqrtf(v)"},
      {"Reciprocal", "reciprocal", "1 / x", "1.0f / v"},
      {"Erf", "error_function", "erf(x)", "erff(v)"},
  };
  return kActivations;
}

const Activation kGeluByTanh{"Gelu", "gelu_tanh", "x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))) / 2",
                             "0.5f * v * (1.0f + tanhf(0.79788456f * (v + 0.044715f * v * v * v)))"};
const Activation kClip{
    "Clip", "clip", "min(max(x, low), high)", "v < low ? (low > high ? high : low) : v > high ? high : v", {"low", "high"}};

void apply(CFunction& function, const Activation& activation, const std::vector<float>& arguments) {
  function.file().use(activation.snippet);
  std::string text;
  for (const float argument : arguments) text += literal(argument) + ", ";
  const std::string x = function.over(0);
  function.call(fmt::format("{}({}, {}{});", activation.function, function.output_shape().elements(), text, x));
}

void activation(CFunction& function) {
  for (const Activation& known : activations()) {
    if (function.node().op->name != known.op) continue;
    std::vector<float> arguments;
    for (const std::string& option : known.options) {
      arguments.push_back(static_cast<float>(option_of<double>(function.options(), option)));
    }
    return apply(function, known, arguments);
  }
}

void gelu(CFunction& function) {
  if (option_of<std::string>(function.options(), "approximate") == "tanh") return apply(function, kGeluByTanh, {});
  activation(function);
}

void clip(CFunction& function) {
  const Tensor& low = function.known(1);
  const Tensor& high = function.known(2);
  if (low.elements() != 1 || high.elements() != 1) throw Unsupported{"has bounds that differ from element to element"};
  apply(function, kClip, {low.values<float>()[0], high.values<float>()[0]});
}

}  // namespace

void add_activations(Emitters& table) {
  for (const Activation& known : activations()) table[known.op] = activation;
  table["Gelu"] = gelu;
  table["Clip"] = clip;
}

}  // namespace neurons::c
