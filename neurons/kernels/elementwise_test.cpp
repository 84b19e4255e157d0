// Every elementwise function on every SIMD target: against a formula in double, in all layouts, for any cut.
#include "neurons/kernels/elementwise.hpp"

#include <functional>
#include <string>

#include "neurons/kernels/kernel_testing.hpp"

namespace neurons::kernels {
namespace {

using testing::Bound;
using testing::for_each_target;
using testing::is_near;
using testing::same_bits;
using testing::special_values;
using testing::stream;
using testing::varied_values;

using Formula = std::function<double(const double*)>;

struct Case {
  std::string name;
  TileFunction function;
  int inputs;
  Formula formula;
  Bound bound;
  const void* options = nullptr;
  bool gradient = false;  ///< the first input is the upstream gradient
};

const SlopeOptions kSlope{0.3F};
const SeluOptions kSelu;
const HardSigmoidOptions kHardSigmoid;

double d(float value) { return static_cast<double>(value); }
double sigmoid_of(double x) { return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)); }
double softplus_of(double x) { return std::isnan(x) ? x : std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }
double normal_of(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }
double clamp(double x, double low, double high) { return x < low ? low : x > high ? high : x; }
/// x · gate with the limit 0 where the gate has closed.
double gated(double x, double gate) { return gate == 0.0 ? 0.0 : x * gate; }
double gelu_gate(double x) { return 0.5 * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))); }

Case unary(std::string name, TileFunction function, double (*f)(double), Bound bound = {}, const void* options = nullptr) {
  return {std::move(name), function, 1, [f](const double* x) { return f(x[0]); }, bound, options};
}
Case binary(std::string name, TileFunction function, double (*f)(double, double), Bound bound = {}) {
  return {std::move(name), function, 2, [f](const double* x) { return f(x[0], x[1]); }, bound};
}
/// dy · slope(x), where x is first brought to where the limits are reached.
Case gradient(std::string name, TileFunction function, double (*slope)(double), Bound bound = {}, const void* options = nullptr) {
  return {std::move(name), function, 2,   [slope](const double* x) { return x[0] * slope(clamp(x[1], -1e3, 1e3)); },
          bound,           options,  true};
}

/// A gradient with the formula of both.
Case upstream(std::string name, TileFunction function, double (*f)(double, double), Bound bound = {}) {
  return {std::move(name), function, 2, [f](const double* x) { return f(x[0], x[1]); }, bound, nullptr, true};
}

std::vector<Case> unary_cases() {
  return {
      unary("identity", identity, [](double x) { return x; }),
      unary("negate", negate, [](double x) { return -x; }),
      unary("absolute", absolute, [](double x) { return std::abs(x); }),
      unary("sign", sign, [](double x) { return x > 0   ? 1.0
                                                : x < 0 ? -1.0
                                                        : x; }),
      unary("reciprocal", reciprocal, [](double x) { return 1 / x; }),
      unary("square_root", square_root, [](double x) { return std::sqrt(x); }),
      unary("exponential", exponential, [](double x) { return std::exp(x); }, {2}),
      unary("logarithm", logarithm, [](double x) { return std::log(x); }, {2}),
      unary("error_function", error_function, [](double x) { return std::erf(x); }, {0, 3e-7}),
      unary("floor", floor, [](double x) { return std::floor(x); }),
      unary("ceil", ceil, [](double x) { return std::ceil(x); }),
      unary("round", round, [](double x) { return std::nearbyint(x); }),
      unary("sine", sine, [](double x) { return std::sin(x); }, {1}),
      unary("cosine", cosine, [](double x) { return std::cos(x); }, {1}),
      unary("tanh", tanh, [](double x) { return std::tanh(x); }, {3}),
      unary("sigmoid", sigmoid, sigmoid_of, {3}),
      unary("softplus", softplus, softplus_of, {3}),
      unary("relu", relu, [](double x) { return x <= 0 ? 0.0 : x; }),
      unary(
          "elu", elu, [](double x) { return x > 0 ? x : d(0.3F) * std::expm1(x); }, {4}, &kSlope),
      unary(
          "selu", selu, [](double x) { return d(kSelu.gamma) * (x > 0 ? x : d(kSelu.alpha) * std::expm1(x)); }, {4}, &kSelu),
      unary(
          "celu", celu, [](double x) { return x > 0 ? x : d(0.3F) * std::expm1(x / d(0.3F)); }, {4, 1e-7}, &kSlope),
      unary(
          "leaky_relu", leaky_relu, [](double x) { return x > 0 ? x : d(0.3F) * x; }, {0.5}, &kSlope),
      unary("gelu_erf", gelu_erf, [](double x) { return gated(x, normal_of(x)); }, {4, 1e-6}),
      unary("gelu_tanh", gelu_tanh, [](double x) { return gated(x, gelu_gate(x)); }, {4, 1e-6}),
      unary("silu", silu, [](double x) { return gated(x, sigmoid_of(x)); }, {4, 1e-42}),
      unary("mish", mish, [](double x) { return gated(x, std::tanh(softplus_of(x))); }, {6, 1e-42}),
      unary("softsign", softsign, [](double x) { return std::isinf(x) ? std::copysign(1.0, x) : x / (1 + std::abs(x)); }, {2}),
      unary(
          "hard_sigmoid", hard_sigmoid, [](double x) { return clamp(d(kHardSigmoid.alpha) * x + d(kHardSigmoid.beta), 0, 1); },
          {2, 1e-7}, &kHardSigmoid),
      unary("hard_swish", hard_swish, [](double x) { return gated(x, clamp(x / 6 + 0.5, 0, 1)); }, {2, 1e-6}),
  };
}

std::vector<Case> binary_cases() {
  const Bound close{6, 1e-6};
  return {
      binary("add", add, [](double a, double b) { return a + b; }),
      binary("subtract", subtract, [](double a, double b) { return a - b; }),
      binary("multiply", multiply, [](double a, double b) { return a * b; }),
      binary("divide", divide, [](double a, double b) { return a / b; }),
      binary("minimum", minimum, [](double a, double b) { return std::isnan(a) || std::isnan(b) ? NAN : std::min(a, b); }),
      binary("maximum", maximum, [](double a, double b) { return std::isnan(a) || std::isnan(b) ? NAN : std::max(a, b); }),
      binary("power", power, [](double a, double b) { return std::pow(a, b); }, {1}),
      binary("prelu", prelu, [](double x, double slope) { return x > 0 ? x : slope * x; }),
      upstream("relu", relu_gradient_from_output, [](double dy, double y) { return y <= 0 ? 0.0 : dy; }),
      upstream("tanh", tanh_gradient_from_output, [](double dy, double y) { return dy * d(static_cast<float>(1 - y * y)); },
               {2, 1e-6}),
      upstream("sigmoid", sigmoid_gradient_from_output, [](double dy, double y) { return dy * d(static_cast<float>(y * (1 - y))); },
               {3}),
      gradient(
          "leaky_relu", leaky_relu_gradient, [](double x) { return x > 0 ? 1.0 : d(0.3F); }, {1}, &kSlope),
      gradient(
          "elu", elu_gradient, [](double x) { return x > 0 ? 1.0 : d(0.3F) * std::exp(x); }, {4}, &kSlope),
      gradient(
          "selu", selu_gradient, [](double x) { return d(kSelu.gamma) * (x > 0 ? 1 : d(kSelu.alpha) * std::exp(x)); }, {5}, &kSelu),
      gradient(
          "celu", celu_gradient, [](double x) { return x > 0 ? 1.0 : std::exp(x / d(0.3F)); }, {4, 1e-6}, &kSlope),
      gradient("softplus", softplus_gradient, sigmoid_of, {4}),
      gradient("softsign", softsign_gradient, [](double x) { return 1 / ((1 + std::abs(x)) * (1 + std::abs(x))); }, {4, 4e-6}),
      gradient(
          "gelu_erf", gelu_erf_gradient, [](double x) { return normal_of(x) + x * std::exp(-x * x / 2) / std::sqrt(2 * M_PI); },
          close),
      gradient("gelu_tanh", gelu_tanh_gradient,
               [](double x) {
                 const double t = 2 * gelu_gate(x) - 1;
                 return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * std::sqrt(2 / M_PI) * (1 + 3 * 0.044715 * x * x);
               },
               {6, 4e-6}),
      gradient(
          "silu", silu_gradient, [](double x) { return sigmoid_of(x) * (1 + x * (1 - sigmoid_of(x))); }, close),
      gradient(
          "mish", mish_gradient,
          [](double x) {
            const double w = std::tanh(softplus_of(x));
            return w + x * (1 - w * w) * sigmoid_of(x);
          },
          close),
      gradient(
          "hard_sigmoid", hard_sigmoid_gradient,
          [](double x) {
            const double y = d(kHardSigmoid.alpha) * x + d(kHardSigmoid.beta);
            return std::isnan(x) ? x : y > 0 && y < 1 ? d(kHardSigmoid.alpha) : 0.0;
          },
          {1}, &kHardSigmoid),
      gradient("hard_swish", hard_swish_gradient, [](double x) { return x <= -3  ? 0
                                                                        : x >= 3 ? 1
                                                                                 : x / 3 + 0.5; }, {2, 1e-6}),
  };
}

/// Special values (all pairs of them for two inputs) and varied ones; one array an input.
std::vector<std::vector<float>> inputs_for(const Case& test) {
  std::vector<float> first = special_values();
  if (test.inputs == 1) {
    const auto varied = varied_values(997, 1);
    first.insert(first.end(), varied.begin(), varied.end());
    return {first};
  }
  // An infinite upstream gradient times a slope that has underflowed says nothing about the slope.
  const std::vector<float> lefts = test.gradient ? std::vector<float>{-2.0F, 0.0F, 0.5F, 3.0F, NAN} : special_values();
  first.clear();
  std::vector<float> second;
  for (const float left : lefts) {
    for (const float right : special_values()) {
      first.push_back(left);
      second.push_back(right);
    }
  }
  const auto more_first = varied_values(499, 2);
  const auto more_second = varied_values(499, 3);
  first.insert(first.end(), more_first.begin(), more_first.end());
  second.insert(second.end(), more_second.begin(), more_second.end());
  return {first, second};
}

std::vector<float> run_whole(const Case& test, const std::vector<std::vector<float>>& inputs) {
  std::vector<float> y(inputs[0].size(), -7.0F);
  Tile tile;
  tile.rows = 1;
  tile.columns = static_cast<std::int64_t>(y.size());
  tile.options = test.options;
  for (std::size_t i = 0; i < inputs.size(); ++i) tile.streams[i] = stream(inputs[i].data(), 0, 1);
  tile.streams[inputs.size()] = stream(y.data(), 0, 1);
  test.function(tile);
  return y;
}

std::vector<Case> all_cases() {
  auto cases = unary_cases();
  for (auto& test : binary_cases()) cases.push_back(test);
  return cases;
}

TEST(Elementwise, AgreesWithTheFormulaInDouble) {
  for_each_target([] {
    for (const auto& test : all_cases()) {
      const auto inputs = inputs_for(test);
      const auto y = run_whole(test, inputs);
      for (std::size_t e = 0; e < y.size(); ++e) {
        double x[2] = {};
        for (std::size_t i = 0; i < inputs.size(); ++i) x[i] = static_cast<double>(inputs[i][e]);
        const double expected = test.formula(x);
        Bound bound = test.bound;
        // The slope has an absolute error of at least one denormal; the upstream gradient scales it.
        if (test.gradient) bound.absolute = (bound.absolute + 0x1p-148) * std::max(1.0, std::abs(x[0]));
        EXPECT_TRUE(is_near(y[e], expected, bound)) << test.name << (test.gradient ? "_gradient" : "") << "(" << x[0] << ", "
                                                    << x[1] << ") = " << y[e] << ", expected " << expected;
      }
    }
  });
}

TEST(Elementwise, GeluWithItsSlopeIsGelu) {
  for_each_target([] {
    std::vector<float> x = special_values();
    const auto varied = varied_values(997, 1);
    x.insert(x.end(), varied.begin(), varied.end());
    const std::vector<float> ones(x.size(), 1.0F);
    std::vector<float> y(x.size()), slopes(x.size()), expected_y(x.size()), expected_slopes(x.size());
    const auto run = [&](TileFunction function, std::initializer_list<const float*> streams) {
      Tile tile;
      tile.rows = 1;
      tile.columns = static_cast<std::int64_t>(x.size());
      std::size_t s = 0;
      for (const float* data : streams) tile.streams[s++] = stream(data, 0, 1);
      function(tile);
    };
    run(gelu_erf_and_slope, {x.data(), y.data(), slopes.data()});
    run(gelu_erf, {x.data(), expected_y.data()});
    run(gelu_erf_gradient, {ones.data(), x.data(), expected_slopes.data()});
    EXPECT_TRUE(same_bits(y, expected_y));
    for (std::size_t i = 0; i < x.size(); ++i) {
      EXPECT_TRUE(is_near(slopes[i], d(expected_slopes[i]), {0, 2e-36})) << x[i] << ": " << slopes[i];
    }
  });
}

// A result depends on its inputs alone: not on where rows, tails or blocks lie, nor on whether the output replaces an input.
TEST(Elementwise, GivesTheSameBitsForAnyCutAndInPlace) {
  for_each_target([] {
    RandomStream random(5);
    for (const auto& test : all_cases()) {
      const auto inputs = inputs_for(test);
      const auto whole = run_whole(test, inputs);
      std::vector<float> pieces = inputs[0];  // in place of the first input
      for (std::size_t begin = 0; begin < pieces.size();) {
        const std::size_t count = std::min<std::size_t>(1 + random.below(40), pieces.size() - begin);
        Tile tile;
        tile.rows = 1;
        tile.columns = static_cast<std::int64_t>(count);
        tile.options = test.options;
        tile.streams[0] = stream(pieces.data() + begin, 0, 1);
        if (test.inputs == 2) tile.streams[1] = stream(inputs[1].data() + begin, 0, 1);
        tile.streams[test.inputs] = tile.streams[0];
        test.function(tile);
        begin += count;
      }
      EXPECT_TRUE(same_bits(pieces, whole)) << test.name;
    }
  });
}

// Contiguous, padded, transposed, constant along rows, columns or both; the padding of the output stays untouched.
TEST(Elementwise, ReadsEveryLayout) {
  struct Layout {
    std::ptrdiff_t row_stride, column_stride;
  };
  for_each_target([] {
    const std::vector<float> data = varied_values(40 * 40, 11);
    for (const std::int64_t rows : {1, 2, 7, 33}) {
      for (const std::int64_t columns : {1, 3, 16, 31, 37}) {
        for (const Layout a : {Layout{columns, 1}, {40, 1}, {1, 40}, {0, 1}, {1, 0}, {0, 0}, {2, 40}}) {
          for (const Layout b : {Layout{columns, 1}, {0, 1}, {1, 0}, {0, 0}}) {
            for (const std::int64_t y_stride : {columns, columns + 3}) {
              std::vector<float> y(static_cast<std::size_t>(rows * y_stride), -7.0F);
              Tile tile;
              tile.rows = rows;
              tile.columns = columns;
              tile.streams[0] = stream(data.data(), a.row_stride, a.column_stride);
              tile.streams[1] = stream(data.data() + 1, b.row_stride, b.column_stride);
              tile.streams[2] = stream(y.data(), y_stride, 1);
              subtract(tile);
              for (std::int64_t r = 0; r < rows; ++r) {
                for (std::int64_t c = 0; c < y_stride; ++c) {
                  const float expected = c < columns ? at<float>(tile.streams[0], r, c) - at<float>(tile.streams[1], r, c) : -7.0F;
                  ASSERT_EQ(y[static_cast<std::size_t>(r * y_stride + c)], expected)
                      << rows << "×" << columns << " " << r << "," << c;
                }
              }
            }
          }
        }
      }
    }
  });
}

TEST(Elementwise, DoesNothingOnAnEmptyTile) {
  for_each_target([] {
    for (const auto& test : all_cases()) {
      float value = 5.0F;
      Tile tile;
      tile.options = test.options;
      for (auto& operand : tile.streams) operand = stream(&value, 1, 1);
      for (const auto& [rows, columns] : {std::pair{0, 4}, {4, 0}, {0, 0}}) {
        tile.rows = rows;
        tile.columns = columns;
        test.function(tile);
      }
      EXPECT_EQ(value, 5.0F) << test.name;
    }
  });
}

TEST(Elementwise, KeepsItsBoundsOnADenseGrid) {
  for_each_target([] {
    std::vector<float> x;
    for (int i = 0; i < 20'001; ++i) x.push_back(-100.0F + 0.01F * static_cast<float>(i));
    for (int i = 0; i < 20'001; ++i) x.push_back(1e-5F * static_cast<float>(i) * static_cast<float>(i % 29 + 1));
    for (const auto& test : unary_cases()) {
      const auto y = run_whole(test, {x});
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double value = static_cast<double>(x[i]);
        ASSERT_TRUE(is_near(y[i], test.formula(&value), test.bound)) << test.name << "(" << x[i] << ") = " << y[i];
      }
    }
  });
}

}  // namespace
}  // namespace neurons::kernels
