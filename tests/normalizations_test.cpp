// Normalisations and their gradients against PyTorch's (tests/fixtures/normalizations.npz), planned and run in single precision.

#include "neurons/layers/normalizations.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "neurons/data/readers/npy.hpp"
#include "neurons/graph/gradients.hpp"
#include "neurons/layers/network.hpp"
#include "neurons/plan/plan.hpp"

namespace neurons {
namespace {

const std::map<std::string, Tensor>& fixture() {
  static const auto arrays = read_npz(std::filesystem::path(NEURONS_SOURCE_DIR) / "tests/fixtures/normalizations.npz");
  return arrays;
}

void expect_near(std::span<const float> found, const std::string& name) {
  const auto expected = fixture().at(name).values<double>();
  ASSERT_EQ(found.size(), expected.size()) << name;
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_NEAR(static_cast<double>(found[i]), expected[i], 1e-5 * std::max(1.0, std::abs(expected[i])))
        << name << ", element " << i;
  }
}

struct Named {
  std::string name;
  Layer layer;
};
std::ostream& operator<<(std::ostream& out, const Named& named) { return out << named.name; }

class Normalization : public ::testing::TestWithParam<Named> {
 protected:
  const Tensor& at(const std::string& part) const { return fixture().at(GetParam().name + "/" + part); }
  Network network() const {
    Network result;
    const Shape& x = at("x").shape();
    result.output("y", result.add(GetParam().layer, result.input("x", Shape(x.extents().subspan(1))), "layer"));
    for (const auto& [name, type] : result.parameter_types()) {
      result.set_parameter(name, at(name.substr(name.find('.') + 1)).cast(DType::f32));
    }
    return result;
  }
  std::shared_ptr<StateStore> states() const {
    const Network named = network();
    auto store = std::make_shared<StateStore>(named.table());
    for (const auto& [name, tensor] : named.parameters()) store->set(name, tensor);
    return store;
  }
};

INSTANTIATE_TEST_SUITE_P(PyTorch, Normalization,
                         ::testing::Values(Named{"batch_norm", BatchNorm{0.3F, 1e-3F}},
                                           Named{"batch_norm_rows", BatchNorm{0.3F, 1e-3F}},
                                           Named{"group_norm", GroupNorm{3, 1e-3F}}, Named{"instance_norm", InstanceNorm{1e-3F}},
                                           Named{"layer_norm", LayerNorm{-1, 1e-3F}},
                                           Named{"layer_norm_image", LayerNorm{1, 1e-3F}}, Named{"rms_norm", RmsNorm{-1, 1e-3F}}),
                         [](const auto& chosen) { return chosen.param.name; });

TEST_P(Normalization, HasPyTorchsValuesGradientsAndStatistics) {
  const Network described = network();
  Graph graph(described.table());
  described.build(graph, at("x").shape()[0], Mode::training);
  std::vector<std::string> names{"x"};
  for (const auto& [name, type] : described.trained_parameters()) names.push_back(name);
  std::vector<Value> wanted;
  for (const std::string& name : names) wanted.push_back(graph.find(name));
  const auto slopes = gradients(graph.find("y"), wanted, graph.input("cotangent", {DType::f32, at("x").shape()}));
  for (std::size_t i = 0; i < names.size(); ++i) graph.output(names[i] + "#slope", slopes[i]);
  const auto store = states();
  Plan plan = compile(graph, store);
  plan.input("x").assign(at("x").cast(DType::f32));
  plan.input("cotangent").assign(at("cotangent").cast(DType::f32));
  plan.run();
  const std::string prefix = GetParam().name + "/";
  expect_near(plan.output("y").values<float>(), prefix + "value");
  for (const std::string& name : names) {
    const std::string part = name.substr(name.find('.') == std::string::npos ? 0 : name.find('.') + 1);
    expect_near(plan.output(name + "#slope").values<float>(), prefix + part + "_gradient");
  }
  for (const std::string part : {"running_mean", "running_var"}) {
    if (store->has("layer." + part)) expect_near(store->get("layer." + part).values<float>(), prefix + "new_" + part);
  }
}

TEST_P(Normalization, HasPyTorchsInference) {
  const Network described = network();
  Graph graph(described.table());
  described.build(graph, at("x").shape()[0], Mode::inference);
  Plan plan = compile(graph, states());
  plan.input("x").assign(at("x").cast(DType::f32));
  plan.run();
  const bool by_statistics = fixture().contains(GetParam().name + "/inference");
  expect_near(plan.output("y").values<float>(), GetParam().name + (by_statistics ? "/inference" : "/value"));
}

}  // namespace
}  // namespace neurons
