// Activations and their derivatives against PyTorch's (tests/fixtures/activations.npz), planned and run in single precision.

#include "neurons/layers/activations.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <filesystem>

#include "neurons/data/readers/npy.hpp"
#include "neurons/graph/gradients.hpp"
#include "neurons/layers/network.hpp"
#include "neurons/ops/ops.hpp"
#include "neurons/plan/plan.hpp"

namespace neurons {
namespace {

const std::map<std::string, Tensor>& fixture() {
  static const auto arrays = read_npz(std::filesystem::path(NEURONS_SOURCE_DIR) / "tests/fixtures/activations.npz");
  return arrays;
}

/// At most a few units in the last place of the largest number that goes into a result: float activations see a rounded input.
void expect_near(std::span<const float> actual, const Tensor& expected, const Tensor& x, double tolerance) {
  const auto values = expected.values<double>();
  const auto inputs = x.values<double>();
  ASSERT_EQ(actual.size(), values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto found = static_cast<double>(actual[i]);
    const double wanted = static_cast<double>(static_cast<float>(values[i]));  // 3.4e38 · 1.05 is infinite in single precision
    const bool same = found == wanted || (std::isnan(found) && std::isnan(wanted));
    EXPECT_TRUE(same || std::abs(found - wanted) <= tolerance * std::max(1.0, std::abs(wanted)))
        << "at x = " << inputs[i % inputs.size()] << ": " << found << " instead of " << wanted;
  }
}

struct ValueAndGradient {
  std::vector<float> value;
  std::vector<float> gradient;
};

/// The value and, for `cotangent` (ones if empty), the gradient with respect to x.
ValueAndGradient run(const Layer& layer, const Tensor& x, const Tensor& cotangent,
                     const std::map<std::string, Tensor>& parameters = {}) {
  Network network;
  const Shape sample(x.shape().extents().subspan(1));
  network.output("y", network.add(layer, network.input("x", sample), "layer"));
  Graph graph(network.table());
  network.build(graph, x.shape()[0], Mode::training);
  const Value slope =
      gradients(graph.find("y"), std::array{graph.find("x")}, graph.input("cotangent", {DType::f32, x.shape()})).front();
  graph.output("slope", slope);
  auto store = std::make_shared<StateStore>(network.table());
  for (const auto& [name, tensor] : parameters) store->set("layer." + name, tensor.cast(DType::f32));
  Plan plan = compile(graph, store);
  plan.input("x").assign(x.cast(DType::f32));
  plan.input("cotangent").assign(cotangent.cast(DType::f32));
  plan.run();
  const auto y = plan.output("y").values<float>();
  const auto dx = plan.output("slope").values<float>();
  return {{y.begin(), y.end()}, {dx.begin(), dx.end()}};
}

Tensor ones_like(const Tensor& x) {
  Tensor ones(DType::f32, x.shape());
  std::ranges::fill(ones.values<float>(), 1.0F);
  return ones;
}

TEST(Relu6, IsFlatAtBothEnds) {
  const Tensor x = Tensor::of<double>({1, 6}, {-HUGE_VAL, -1, 0.5, 5.5, 7, HUGE_VAL});
  const ValueAndGradient found = run(Relu6{}, x, ones_like(x));
  EXPECT_EQ(found.value, (std::vector<float>{0, 0, 0.5F, 5.5F, 6, 6}));
  EXPECT_EQ(found.gradient, (std::vector<float>{0, 0, 1, 1, 0, 0}));
}

struct Named {
  std::string name;
  Layer layer;
};

std::ostream& operator<<(std::ostream& out, const Named& named) { return out << named.name; }

class ElementwiseActivation : public ::testing::TestWithParam<Named> {};

INSTANTIATE_TEST_SUITE_P(PyTorch, ElementwiseActivation,
                         ::testing::Values(Named{"identity", Identity{}}, Named{"relu", Relu{}}, Named{"leaky_relu", LeakyRelu{}},
                                           Named{"elu", Elu{}}, Named{"elu_alpha_half", Elu{0.5F}}, Named{"selu", Selu{}},
                                           Named{"celu", Celu{}}, Named{"celu_alpha_half", Celu{0.5F}}, Named{"gelu", Gelu{}},
                                           Named{"gelu_tanh", Gelu{"tanh"}}, Named{"silu", Silu{}}, Named{"mish", Mish{}},
                                           Named{"softplus", Softplus{}}, Named{"softsign", Softsign{}},
                                           Named{"sigmoid", Sigmoid{}}, Named{"hard_sigmoid", HardSigmoid{}}, Named{"tanh", Tanh{}},
                                           Named{"hard_swish", HardSwish{}}),
                         [](const auto& chosen) { return chosen.param.name; });

Tensor column(const Tensor& x) { return x.reshaped({x.elements(), 1}); }

TEST_P(ElementwiseActivation, HasPyTorchsValuesAndDerivatives) {
  const Tensor& x = fixture().at("x");
  const ValueAndGradient result = run(GetParam().layer, column(x), column(ones_like(x)));
  expect_near(result.value, fixture().at(GetParam().name + "/value"), x, 2e-6);
  expect_near(result.gradient, fixture().at(GetParam().name + "/derivative"), x, 2e-6);
}

TEST_P(ElementwiseActivation, HasPyTorchsValuesAtTheExtremes) {
  const Tensor& x = fixture().at("extreme_x");
  const ValueAndGradient result = run(GetParam().layer, column(x), column(ones_like(x)));
  expect_near(result.value, fixture().at(GetParam().name + "/extreme"), x, 2e-6);
  for (std::size_t i = 0; i < result.gradient.size(); ++i) {
    EXPECT_TRUE(std::isfinite(result.gradient[i])) << "derivative at x = " << x.values<double>()[i];
  }
}

TEST(Activations, PReluIsPyTorchs) {
  const auto& f = fixture();
  const ValueAndGradient result = run(PRelu{}, f.at("prelu/x"), f.at("prelu/cotangent"), {{"slope", f.at("prelu/slope")}});
  expect_near(result.value, f.at("prelu/value"), f.at("prelu/x"), 2e-6);
  expect_near(result.gradient, f.at("prelu/x_gradient"), f.at("prelu/x"), 2e-6);
}

TEST(Activations, SoftmaxAndLogSoftmaxArePyTorchs) {
  const auto& f = fixture();
  const ValueAndGradient soft = run(Softmax{}, f.at("softmax/x"), f.at("softmax/cotangent"));
  expect_near(soft.value, f.at("softmax/value"), f.at("softmax/x"), 2e-6);
  expect_near(soft.gradient, f.at("softmax/x_gradient"), f.at("softmax/x"), 5e-6);
  const ValueAndGradient logs = run(LogSoftmax{}, f.at("softmax/x"), f.at("softmax/cotangent"));
  expect_near(logs.value, f.at("log_softmax/value"), f.at("softmax/x"), 2e-6);
  expect_near(logs.gradient, f.at("log_softmax/x_gradient"), f.at("softmax/x"), 5e-6);
}

}  // namespace
}  // namespace neurons
