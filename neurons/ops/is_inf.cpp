#include <cmath>
#include <limits>

#include "neurons/ops/common/choose.hpp"
#include "neurons/ops/common/comparison.hpp"
#include "neurons/ops/common/emit.hpp"

namespace neurons::ops {
namespace {

struct IsInfOptions {
  bool detect_negative = true;
  bool detect_positive = true;

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("detect_negative", self.detect_negative);
    visit("detect_positive", self.detect_positive);
  }
};

double scalar(const double* x, const Options& given) {
  const auto& options = given.as<IsInfOptions>();
  return std::isinf(*x) && (*x > 0 ? options.detect_positive : options.detect_negative) ? 1 : 0;
}

std::vector<Value> decompose(const RewriteContext& context) {
  const auto& options = context.options.as<IsInfOptions>();
  const Value x = context.inputs[0];
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (!options.detect_positive && !options.detect_negative) return {below(x, -kInfinity)};  // never
  const bool both = options.detect_positive && options.detect_negative;
  const Value found = both ? context.graph.emit("Abs", {x}) : x;
  return {context.graph.emit("Equal", {found, number_like(x, options.detect_positive ? kInfinity : -kInfinity)})};
}

std::vector<Sample> samples() {
  std::vector<Sample> result = unary_samples(Sample::Fill::normal, IsInfOptions{});
  const float infinity = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor x = Tensor::of<float>({6}, std::vector<float>{0, infinity, nan, -infinity, 3e38F, infinity});
  for (const auto& [negative, positive] : {std::pair{true, true}, {true, false}, {false, true}, {false, false}}) {
    for (const DType dtype : kFloats) {
      result.push_back({{{{dtype, {6}}, Sample::Fill::given, 1, x.cast(dtype)}}, IsInfOptions{negative, positive}, "some"});
    }
  }
  return result;
}

}  // namespace

std::vector<OpDef> is_inf() {
  OpDef op = truth_op(
      "IsInf", "y = whether x is infinite, of a sign that is asked for", 1, 10, kFloats,
      [](const InferContext&) { return nullptr; }, scalar);
  op.default_options = IsInfOptions{};
  replace_by(op, decompose);
  op.samples = samples;
  return {std::move(op)};
}

}  // namespace neurons::ops
