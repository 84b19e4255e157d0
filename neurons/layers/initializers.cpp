#include "neurons/layers/initializers.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <vector>

#include "neurons/base/error.hpp"
#include "neurons/base/suggest.hpp"

namespace neurons {
namespace {

const std::vector<std::string> kKinds = {"automatic",    "xavier_normal", "xavier_uniform", "he_normal", "he_uniform",
                                         "lecun_normal", "lecun_uniform", "orthogonal",     "constant",  "normal",
                                         "uniform",      "torch",         "forget_gate"};

/// What "automatic" means before an activation.
std::string suited_to(const std::string& activation) {
  static const std::set<std::string> kRectifiers = {"relu", "leaky_relu", "prelu",    "elu",        "celu", "gelu",
                                                    "silu", "mish",       "softplus", "hard_swish", "relu6"};
  if (kRectifiers.contains(activation)) return "he_normal";
  if (activation == "selu") return "lecun_normal";
  return "xavier_uniform";
}

void fill_normal(std::span<float> values, double deviation, RandomStream& random) {
  for (float& value : values) value = static_cast<float>(deviation * random.normal());
}

void fill_uniform(std::span<float> values, double half_width, RandomStream& random) {
  for (float& value : values) value = static_cast<float>(random.uniform(-half_width, half_width));
}

/// Rows (or columns, whichever are fewer) orthonormal: modified Gram–Schmidt on normal vectors, twice for stability.
void fill_orthogonal(std::span<float> values, std::int64_t rows, std::int64_t columns, double gain, RandomStream& random) {
  const auto count = static_cast<std::size_t>(std::min(rows, columns));
  const auto length = static_cast<std::size_t>(std::max(rows, columns));
  std::vector<std::vector<double>> vectors(count, std::vector<double>(length));
  for (std::size_t i = 0; i < count; ++i) {
    for (double& value : vectors[i]) value = random.normal();
    for (int pass = 0; pass < 2; ++pass) {
      for (std::size_t j = 0; j < i; ++j) {
        double product = 0;
        for (std::size_t k = 0; k < length; ++k) product += vectors[i][k] * vectors[j][k];
        for (std::size_t k = 0; k < length; ++k) vectors[i][k] -= product * vectors[j][k];
      }
    }
    double square = 0;
    for (const double value : vectors[i]) square += value * value;
    for (double& value : vectors[i]) value /= std::sqrt(square);
  }
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < columns; ++c) {
      const auto i = static_cast<std::size_t>(rows <= columns ? r : c);
      const auto k = static_cast<std::size_t>(rows <= columns ? c : r);
      values[static_cast<std::size_t>(r * columns + c)] = static_cast<float>(gain * vectors[i][k]);
    }
  }
}

}  // namespace

void check(const Initializer& initializer) {
  const std::string& kind = initializer.kind;
  if (std::ranges::find(kKinds, kind) == kKinds.end()) {
    fail_input("unknown initializer \"{}\"{}", kind, nearest_or_all(kind, kKinds));
  }
  if (!std::isfinite(initializer.value)) fail_input("initializer \"{}\": value = {} must be finite", kind, initializer.value);
  if ((kind == "normal" || kind == "uniform") && initializer.value <= 0) {
    fail_input("initializer \"{}\": value = {} must be above 0: it is the {}", kind, initializer.value,
               kind == "normal" ? "standard deviation" : "half-width");
  }
}

Tensor initialize(const Initializer& initializer, const Shape& shape, std::int64_t fan_in, std::int64_t fan_out,
                  const Following& following, RandomStream& random) {
  check(initializer);
  const std::string kind = initializer.kind == "automatic" ? suited_to(following.activation) : initializer.kind;
  Tensor tensor(DType::f32, shape);
  const auto values = tensor.values<float>();
  const double in = static_cast<double>(std::max<std::int64_t>(1, fan_in));
  const double out = static_cast<double>(std::max<std::int64_t>(1, fan_out));
  const double he = 2.0 / (1 + following.negative_slope * following.negative_slope) / in;
  const double given = static_cast<double>(initializer.value);
  if (kind == "xavier_normal") {
    fill_normal(values, std::sqrt(2.0 / (in + out)), random);
  } else if (kind == "xavier_uniform") {
    fill_uniform(values, std::sqrt(6.0 / (in + out)), random);
  } else if (kind == "he_normal") {
    fill_normal(values, std::sqrt(he), random);
  } else if (kind == "he_uniform") {
    fill_uniform(values, std::sqrt(3 * he), random);
  } else if (kind == "lecun_normal") {
    fill_normal(values, std::sqrt(1.0 / in), random);
  } else if (kind == "lecun_uniform") {
    fill_uniform(values, std::sqrt(3.0 / in), random);
  } else if (kind == "torch") {
    fill_uniform(values, std::sqrt(1.0 / in), random);
  } else if (kind == "normal") {
    fill_normal(values, given, random);
  } else if (kind == "uniform") {
    fill_uniform(values, given, random);
  } else if (kind == "constant") {
    std::ranges::fill(values, initializer.value);
  } else if (kind == "forget_gate") {
    std::ranges::fill(values.subspan(values.size() / 2, values.size() / 4), initializer.value);
  } else {  // orthogonal
    const std::int64_t rows = shape.rank() == 0 ? 1 : shape[0];
    fill_orthogonal(values, rows, rows == 0 ? 0 : shape.elements() / rows, initializer.value == 0.0F ? 1.0 : given, random);
  }
  return tensor;
}

}  // namespace neurons
