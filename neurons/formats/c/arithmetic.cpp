#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "neurons/formats/c/emitters.hpp"
#include "neurons/formats/c/strided.hpp"

namespace neurons::c {
namespace {

/// An operation of two numbers: x = x ∘ y for as many y, or for `width` y again and again (one for each channel, or one alone).
struct Operation {
  const char* op;
  std::array<Snippet, 2> forms;  ///< y as many as x; y repeated
  bool commutes = false;
};

Snippet form(const std::string& name, const std::string& expression, bool repeated) {
  if (!repeated) {
    return {fmt::format(R"(static void {}(int count, float *restrict x, const float *restrict y)
{{
    for (int i = 0; i < count; ++i) {{
        x[i] = {};
    }}
}}
)",
                        name, fmt::format(fmt::runtime(expression), "y[i]")),
            {},
            {}};
  }
  return {fmt::format(R"(/* The same numbers for each row of x */
static void {}(int rows, int width, float *restrict x, const float *restrict y)
{{
    for (int row = 0; row < rows; ++row) {{
        for (int i = 0; i < width; ++i) {{
            x[i] = {};
        }}
        x += width;
    }}
}}
)",
                      name, fmt::format(fmt::runtime(expression), "y[i]")),
          {},
          {}};
}

const char* const kNames[][2] = {{"add", "add_to_rows"},    {"subtract", "subtract_from_rows"}, {"multiply", "multiply_rows"},
                                 {"divide", "divide_rows"}, {"maximum", "maximum_of_rows"},     {"minimum", "minimum_of_rows"},
                                 {"prelu", "prelu_rows"}};

const std::vector<Operation>& operations() {
  static const std::vector<Operation> kOperations = [] {
    // What is no number, and so not equal to itself, stays.
    const std::pair<const char*, const char*> expressions[] = {{"Add", "x[i] + {}"},
                                                               {"Sub", "x[i] - {}"},
                                                               {"Mul", "x[i] * {}"},
                                                               {"Div", "x[i] / {}"},
                                                               {"Max", "x[i] > {0} || x[i] != x[i] ? x[i] : {0}"},
                                                               {"Min", "x[i] < {0} || x[i] != x[i] ? x[i] : {0}"},
                                                               {"PRelu", "x[i] > 0.0f ? x[i] : x[i] * {}"}};
    std::vector<Operation> result;
    for (std::size_t i = 0; i < std::size(expressions); ++i) {
      const auto& [op, expression] = expressions[i];
      Operation operation{op, {form(kNames[i][0], expression, false), form(kNames[i][1], expression, true)}, false};
      for (std::size_t f = 0; f < 2; ++f) operation.forms[f].functions = {kNames[i][f]};
      operation.commutes = std::string_view("Add Mul Max Min").find(op) != std::string_view::npos;
      result.push_back(std::move(operation));
    }
    return result;
  }();
  return kOperations;
}

const Snippet kScaleRows{R"(/* x * factors + shifts, one of each for every channel */
static void scale_rows(int rows, int width, const float *restrict factors, const float *restrict shifts, float *restrict x)
{
    for (int row = 0; row < rows; ++row) {
        for (int i = 0; i < width; ++i) {
            x[i] = x[i] * factors[i] + shifts[i];
        }
        x += width;
    }
}
)",
                         {},
                         {"scale_rows"}};

const Snippet kScale{R"(/* x * factor + shift */
static void scale(int count, float factor, float shift, float *x)
{
    for (int i = 0; i < count; ++i) {
        x[i] = x[i] * factor + shift;
    }
}
)",
                     {},
                     {"scale"}};

/// How many numbers of an operand meet the elements of the result again and again: all, those of the last axes, or one. 0: others.
std::int64_t period(const Shape& operand, const Shape& result) {
  if (operand.elements() == result.elements() || operand.elements() == 1) return operand.elements();
  std::int64_t width = 1;
  int axis = 1;
  for (; axis <= operand.rank() && operand[-axis] == result[-axis]; ++axis) width *= operand[-axis];
  return width == operand.elements() ? width : 0;
}

/// x ∘ number as x · factor + shift; nothing where it is not such an operation.
bool scale_by_number(CFunction& function, std::string_view op, std::size_t x, const Tensor& number) {
  const float value = number.values<float>()[0];
  float factor = 1;
  float shift = 0;
  if (op == "Add") {
    shift = value;
  } else if (op == "Sub") {
    shift = -value;
  } else if (op == "Mul") {
    factor = value;
  } else if (op == "Div") {
    factor = 1 / value;
  } else {
    return false;
  }
  function.file().use(kScale);
  const std::string place = function.over(x);
  function.call(fmt::format("scale({}, {}, {}, {});", function.output_shape().elements(), literal(factor), literal(shift), place));
  return true;
}

/// An operand of another shape than the result's, as many numbers as that has: in the result's place, or in room of its own.
std::string repeated(CFunction& function, std::size_t input, const char* what, bool in_result) {
  const std::string from = function.x(input, what);
  const std::string to =
      in_result ? function.y() : function.room(function.output_shape().elements(), fmt::format("{}_{}", what, input));
  write_move(function, broadcast_axes(function.shape(input), function.output_shape()), from, to);
  return to;
}

/// Of two inputs: simplify() has cut those of more.
void binary(CFunction& function) {
  const auto found = std::ranges::find_if(operations(), [&](const Operation& one) { return function.node().op->name == one.op; });
  const Operation& operation = *found;
  const char* const name = kNames[found - operations().begin()][0];
  if (function.graph().info(function.node().outputs[0]).type.dtype != DType::f32) {
    throw Unsupported{"calculates with whole numbers; plain C does so with floats"};
  }
  const Shape& result = function.output_shape();
  const bool swapped = operation.commutes && (function.is_known(0) || function.shape(0).elements() != result.elements());
  const std::size_t first = swapped ? 1 : 0;
  const std::size_t second = 1 - first;
  const std::int64_t width = period(function.shape(second), result);
  const bool has_all = function.shape(first).elements() == result.elements();
  if (has_all && width == 1 && function.is_known(second) &&
      scale_by_number(function, operation.op, first, function.known(second))) {
    return;
  }
  const std::string x = has_all ? function.over(first) : repeated(function, first, name, true);
  const bool in_rows = width != 0 && width != result.elements();
  const Snippet& snippet = operation.forms[in_rows ? 1 : 0];
  const std::string y = width == 0 ? repeated(function, second, name, false) : function.x(second, name);
  function.file().use(snippet);
  const std::string count = in_rows ? fmt::format("{}, {}", result.elements() / width, width) : std::to_string(result.elements());
  function.call(fmt::format("{}({}, {}, {});", snippet.functions.front(), count, x, y));
}

/// x · a + b.
void multiply_add(CFunction& function) {
  const Shape& result = function.output_shape();
  if (function.shape(0).elements() != result.elements()) throw Unsupported{"broadcasts its first input"};
  const Tensor& factors = function.known(1);
  const Tensor& shifts = function.known(2);
  if (factors.elements() == 1 && shifts.elements() == 1) {
    function.file().use(kScale);
    const std::string x = function.over(0);
    return function.call(fmt::format("scale({}, {}, {}, {});", result.elements(), literal(factors.values<float>()[0]),
                                     literal(shifts.values<float>()[0]), x));
  }
  const std::int64_t width = std::max(period(factors.shape(), result), period(shifts.shape(), result));
  if (width == 0) throw Unsupported{"broadcasts its factors"};
  const auto repeated = [&](const Tensor& tensor, const char* what) {
    const auto values = tensor.values<float>();
    std::vector<float> all(static_cast<std::size_t>(width));
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = values[i % values.size()];
    return function.file().array(fmt::format("{}_{}", function.layer(), what), all, "one for each channel");
  };
  function.file().use(kScaleRows);
  const std::string factor_array = repeated(factors, "factors");
  const std::string shift_array = repeated(shifts, "shifts");
  const std::string x = function.over(0);
  function.call(fmt::format("scale_rows({}, {}, {}, {}, {});", result.elements() / width, width, factor_array, shift_array, x));
}

}  // namespace

void add_arithmetic(Emitters& table) {
  for (const Operation& operation : operations()) table[operation.op] = binary;
  table["MultiplyAdd"] = multiply_add;
}

}  // namespace neurons::c
