// Gradients of every op against central differences of its reference, in double precision with a random cotangent.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "neurons/graph/gradients.hpp"
#include "neurons/ops/testing.hpp"

namespace neurons::ops::testing {
namespace {

constexpr double kStep = 1e-5;
constexpr double kRelative = 1e-6;
constexpr double kAbsolute = 1e-8;

/// Elements of one input that are checked, chosen at random where it has more. A sanitizer makes each evaluation ten times as
/// long, and learns no more from many: what is read and written is the same for each element.
constexpr std::size_t kFew = 3;
#ifdef NEURONS_SANITIZED
constexpr std::size_t kMany = kFew;
#else
constexpr std::size_t kMany = 40;
#endif

/// A function of a case's inputs.
using Build = std::function<Value(Graph& graph, std::span<const Value> inputs)>;

std::vector<std::size_t> elements_to_check(std::size_t count, std::size_t most) {
  std::vector<std::size_t> all(count);
  std::iota(all.begin(), all.end(), 0);
  RandomStream(3).shuffle(std::span(all));
  all.resize(std::min(count, most));
  return all;
}

ReferenceTensor random_cotangent(const TensorType& type, std::uint64_t seed) { return filled({type, Sample::Fill::normal}, seed); }

std::vector<std::size_t> differentiated(const Case& test) {
  std::vector<std::size_t> result;
  for (std::size_t i = 0; i < test.inputs.size(); ++i) {
    if (test.present[i] && is_float(test.types[i].dtype) && test.sample.inputs[i].differentiate) result.push_back(i);
  }
  return result;
}

void expect_gradients_match(const Case& test, const Build& build, std::size_t most = kMany) {
  const auto wanted = differentiated(test);
  Graph plain(table());
  const Value y = build(plain, test.values(plain));
  const ReferenceTensor cotangent = random_cotangent(y.type(), 91);
  const auto weighted = [&](const Given& given) { return evaluate(plain, given)[static_cast<std::size_t>(y.id())]; };

  Graph graph(table());
  const auto inputs = test.values(graph);
  const Value result = build(graph, inputs);
  std::vector<Value> with_respect_to;
  for (const std::size_t i : wanted) with_respect_to.push_back(inputs[i]);
  const auto slopes = gradients(result, with_respect_to, graph.input("seed", result.type()));
  Given given = given_of(test);
  given.emplace("seed", cotangent);
  const auto values = evaluate(graph, given);

  for (std::size_t w = 0; w < wanted.size(); ++w) {
    const std::string name = "in" + std::to_string(wanted[w]);
    const ReferenceTensor& analytic = values[static_cast<std::size_t>(slopes[w].id())];
    ASSERT_EQ(analytic.type, test.types[wanted[w]]) << name;
    for (const std::size_t element : elements_to_check(analytic.data.size(), most)) {
      Given moved = given_of(test);
      double& x = moved.at(name).data[element];
      const double middle = x;
      x = middle + kStep;
      const auto above = weighted(moved);
      x = middle - kStep;
      const auto below = weighted(moved);
      double numeric = 0;
      for (std::size_t i = 0; i < above.data.size(); ++i) numeric += cotangent.data[i] * (above.data[i] - below.data[i]);
      numeric /= 2 * kStep;
      const double bound = kRelative * std::max(std::abs(numeric), std::abs(analytic.data[element])) + kAbsolute;
      ASSERT_NEAR(analytic.data[element], numeric, bound) << name << ", element " << element << " of " << analytic.type.to_string();
    }
  }
}

void check_samples(const OpDef& op, const std::function<void(const Case&)>& check) {
  for (const Sample& sample : op.samples()) {
    const std::string options = sample.options.to_string();
    SCOPED_TRACE(op.name + ", sample \"" + sample.note + "\"" + (options.empty() ? "" : " {" + options + "}"));
    try {
      check(Case(op, sample));
    } catch (const std::exception& error) {
      ADD_FAILURE() << "threw: " << error.what();
    }
    if (::testing::Test::HasFailure()) return;
  }
}

Build output_of(const Case& test, std::size_t output) {
  return [&test, output](Graph& graph, std::span<const Value> inputs) {
    return graph.emit_all(test.op, inputs, test.sample.options)[output];
  };
}

class Gradients : public ::testing::TestWithParam<const OpDef*> {};

TEST_P(Gradients, MatchCentralDifferences) {
  check_samples(*GetParam(), [](const Case& test) {
    const auto types = test.op.infer(test.context());
    for (std::size_t o = 0; o < types.size(); ++o) {
      if (is_float(types[o].dtype)) expect_gradients_match(test, output_of(test, o));
    }
  });
}

/// A value used twice gets the sum of what its uses say.
TEST_P(Gradients, AddUpWhereTheyMeet) {
  check_samples(*GetParam(), [](const Case& test) {
    const auto types = test.op.infer(test.context());
    if (!is_float(types[0].dtype) || differentiated(test).empty()) return;
    const auto thrice = [&](Graph& graph, std::span<const Value> inputs) {
      const Value once = output_of(test, 0)(graph, inputs);
      return once + output_of(test, 0)(graph, inputs) + once;
    };
    expect_gradients_match(test, thrice, kFew);
  });
}

std::vector<const OpDef*> differentiable() {
  std::vector<const OpDef*> result;
  for (const OpDef* op : table()->all()) {
    if (!op->internal && op->not_differentiable.empty()) result.push_back(op);
  }
  return result;
}

INSTANTIATE_TEST_SUITE_P(Ops, Gradients, ::testing::ValuesIn(differentiable()),
                         [](const auto& chosen) { return chosen.param->name; });

/// Nothing can hide: each of the ops above has a sample in which a gradient is checked, and each of its float inputs, too, but for
/// those that only say where or how.
TEST(GradientSuite, ReachesEveryOpAndInput) {
  std::set<std::string> left_out;
  for (const OpDef* op : differentiable()) {
    std::map<std::size_t, bool> inputs;  // checked in some sample
    for (const Sample& sample : op->samples()) {
      const Case test(*op, sample);
      const auto checked = differentiated(test);
      for (std::size_t i = 0; i < test.inputs.size(); ++i) {
        if (!test.present[i] || !is_float(test.types[i].dtype)) continue;
        inputs[i] = inputs[i] || (std::ranges::find(checked, i) != checked.end() && test.types[i].shape.elements() > 0);
      }
    }
    EXPECT_TRUE(std::ranges::any_of(inputs, [](const auto& input) { return input.second; })) << op->name << ": nothing is checked";
    for (const auto& [input, checked] : inputs) {
      if (!checked) left_out.insert(op->name + " " + std::to_string(input));
    }
  }
  // Weights of classes, places and angles have no gradient. That of attention is checked by dy: its other inputs hang together.
  EXPECT_THAT(left_out,
              ::testing::ElementsAre("CrossEntropy 2", "CrossEntropyGradient 2", "NegativeLogLikelihoodLoss 2", "RoiAlign 1",
                                     "RotaryEmbedding 1", "RotaryEmbedding 2", "ScaledDotProductAttentionGradient 0",
                                     "ScaledDotProductAttentionGradient 1", "ScaledDotProductAttentionGradient 2",
                                     "ScaledDotProductAttentionGradient 3", "ScaledDotProductAttentionGradient 4",
                                     "ScaledDotProductAttentionGradient 6", "SoftmaxCrossEntropyLoss 2"));
}

class SecondGradients : public ::testing::TestWithParam<std::string> {};

TEST_P(SecondGradients, MatchCentralDifferencesOfTheFirst) {
  check_samples(table()->find(GetParam()), [](const Case& test) {
    for (std::size_t w = 0; w < differentiated(test).size(); ++w) {
      expect_gradients_match(test, [&](Graph& graph, std::span<const Value> inputs) {
        const Value y = output_of(test, 0)(graph, inputs);
        std::vector<Value> with_respect_to;
        for (const std::size_t i : differentiated(test)) with_respect_to.push_back(inputs[i]);
        return gradients(y, with_respect_to, graph.constant(narrow(random_cotangent(y.type(), 92))))[w];
      });
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Ops, SecondGradients,
                         ::testing::Values("Add", "Sub", "Mul", "Div", "Pow", "Exp", "Log", "Sqrt", "Reciprocal", "Sin", "Cos",
                                           "Erf", "Tanh", "Sigmoid", "Swish", "Gelu", "Softplus", "Softsign", "Mish", "Elu", "Selu",
                                           "Celu", "LeakyRelu", "PRelu", "HardSwish", "Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh",
                                           "Asinh", "Acosh", "Atanh", "Mod"),
                         [](const auto& chosen) { return chosen.param; });

}  // namespace
}  // namespace neurons::ops::testing
