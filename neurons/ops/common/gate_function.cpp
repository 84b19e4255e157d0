#include "neurons/ops/common/gate_function.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>

#include "neurons/base/error.hpp"
#include "neurons/base/suggest.hpp"

namespace neurons::ops {
namespace {

/// Names in the order of kernels::GateKind, with ONNX's defaults of alpha and beta and whether the lists hold one for it.
struct Known {
  const char* name;
  bool has_alpha;
  bool has_beta;
  double alpha;
  double beta;
};
constexpr std::array kKnown{Known{"Affine", true, true, 1, 0},          Known{"Elu", true, false, 1, 0},
                            Known{"HardSigmoid", true, true, 0.2, 0.5}, Known{"LeakyRelu", true, false, 0.01, 0},
                            Known{"Relu", false, false, 0, 0},          Known{"ScaledTanh", true, true, 1, 1},
                            Known{"Sigmoid", false, false, 0, 0},       Known{"Softplus", false, false, 0, 0},
                            Known{"Softsign", false, false, 0, 0},      Known{"Tanh", false, false, 0, 0},
                            Known{"ThresholdedRelu", true, false, 1, 0}};

const Known& find(const std::string& name) {
  const auto same = [&](const Known& known) {
    return std::ranges::equal(name, std::string(known.name), [](char a, char b) { return std::tolower(a) == std::tolower(b); });
  };
  const auto found = std::ranges::find_if(kKnown, same);
  if (found == kKnown.end()) {
    std::vector<std::string> names;
    for (const Known& known : kKnown) names.emplace_back(known.name);
    fail_input("unknown activation \"{}\"{}", name, nearest_or_all(name, names));
  }
  return *found;
}

}  // namespace

GateFunction::GateFunction(const std::string& name, double alpha, double beta, double clip)
    : kind_(static_cast<Kind>(&find(name) - kKnown.data())), alpha_(alpha), beta_(beta), clip_(clip) {}

double GateFunction::value(double sum) const {
  switch (kind_) {
    case Kind::affine:
      return alpha_ * sum + beta_;
    case Kind::elu:
      return sum >= 0 ? sum : alpha_ * std::expm1(sum);
    case Kind::hard_sigmoid:
      return std::clamp(alpha_ * sum + beta_, 0.0, 1.0);
    case Kind::leaky_relu:
      return sum >= 0 ? sum : alpha_ * sum;
    case Kind::relu:
      return std::max(sum, 0.0);
    case Kind::scaled_tanh:
      return alpha_ * std::tanh(beta_ * sum);
    case Kind::sigmoid:
      return 1 / (1 + std::exp(-sum));
    case Kind::softplus:
      return std::max(sum, 0.0) + std::log1p(std::exp(-std::abs(sum)));
    case Kind::softsign:
      return sum / (1 + std::abs(sum));
    case Kind::tanh:
      return std::tanh(sum);
    case Kind::thresholded_relu:
      return sum > alpha_ ? sum : 0;
  }
  return sum;
}

double GateFunction::operator()(double sum) const { return value(clip_ > 0 ? std::clamp(sum, -clip_, clip_) : sum); }

kernels::GateActivation GateFunction::kernel() const {
  return kernels::GateActivation(kind_, static_cast<float>(alpha_), static_cast<float>(beta_), static_cast<float>(clip_));
}

double GateFunction::slope(double y) const {
  if (clip_ > 0) {
    const double low = value(-clip_);
    const double high = value(clip_);
    if (y == low || y == high) return 0;
  }
  switch (kind_) {
    case Kind::affine:
      return alpha_;
    case Kind::elu:
      return y >= 0 ? 1 : y + alpha_;
    case Kind::hard_sigmoid:
      return y > 0 && y < 1 ? alpha_ : 0;
    case Kind::leaky_relu:
      return y >= 0 ? 1 : alpha_;
    case Kind::relu:
    case Kind::thresholded_relu:
      return y > 0 ? 1 : 0;
    case Kind::scaled_tanh:
      return beta_ * (alpha_ - y * y / alpha_);
    case Kind::sigmoid:
      return y * (1 - y);
    case Kind::softplus:
      return -std::expm1(-y);
    case Kind::softsign:
      return (1 - std::abs(y)) * (1 - std::abs(y));
    case Kind::tanh:
      return 1 - y * y;
  }
  return 1;
}

GateFunctionNames resolve_functions(const std::vector<std::string>& names, const std::vector<float>& alphas,
                                    const std::vector<float>& betas) {
  GateFunctionNames result;
  std::size_t alpha = 0;
  std::size_t beta = 0;
  for (const std::string& name : names) {
    const Known& known = find(name);
    result.names.emplace_back(known.name);
    result.alphas.push_back(known.has_alpha && alpha < alphas.size() ? alphas[alpha++] : static_cast<float>(known.alpha));
    result.betas.push_back(known.has_beta && beta < betas.size() ? betas[beta++] : static_cast<float>(known.beta));
  }
  return result;
}

}  // namespace neurons::ops
