// Models of several outputs as networks: what is trained, and what a saved one keeps.

#include "neurons/formats/onnx/imported_model.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "neurons/base/testing.hpp"
#include "neurons/formats/onnx/model_testing.hpp"

namespace neurons::onnx {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A trunk of three neurons with two heads: probabilities of two classes, whose scores are an output, too, and a size.
Model two_headed() {
  return model(
      {node("Gemm", {"x", "trunk"}, {"h"}), node("Gemm", {"h", "classes", "offsets"}, {"scores"}),
       node("Softmax", {"scores"}, {"class"}), node("BatchNormalization", {"h", "scale", "shift", "mean", "variance"}, {"n"}),
       node("Gemm", {"n", "sizes"}, {"size"})},
      {value("x", {"batch", std::int64_t{2}})}, {"size", "class", "scores"},
      {from_tensor("trunk", f32({2, 3}, {1, -2, 3, -4, 5, -6})), from_tensor("classes", f32({3, 2}, {1, 2, 3, 4, 5, 6})),
       from_tensor("offsets", f32({2}, {0.5F, -0.5F})), from_tensor("sizes", f32({3, 1}, {1, -1, 1})),
       from_tensor("scale", f32({3}, {1, 2, 3})), from_tensor("shift", f32({3}, {0, 1, 0})),
       from_tensor("mean", f32({3}, {0, 1, 0})), from_tensor("variance", f32({3}, {1, 4, 1}))});
}

/// The model for two samples, as a map of outputs.
std::map<std::string, Tensor> outputs_of(const Model& source) {
  const Tensor x = f32({2, 2}, {0.1F, -0.2F, 0.3F, 0.4F});
  const std::vector<Tensor> results = run(source, {{"x", x}}, {.shapes = {{"x", x.shape()}}});
  std::map<std::string, Tensor> outputs;
  for (std::size_t i = 0; i < results.size(); ++i) outputs.emplace(source.graph.outputs[i].name, results[i]);
  return outputs;
}

class TwoHeaded : public ::testing::Test {
 protected:
  Network network(const std::string& output, bool scores = true) const {
    return to_network(std::make_shared<const Model>(back_.model), {.output = output, .scores = scores});
  }
  ReadBack back_{two_headed()};
};

TEST_F(TwoHeaded, TrainsWhatIsBehindTheOutput) {
  std::vector<std::string> trained;
  for (const auto& [name, type] : network("class").trained_parameters()) trained.push_back(name);
  EXPECT_THAT(trained, ElementsAre("trunk", "classes", "offsets"));
  Graph graph(ops::table());
  network("class").build(graph, 2, Mode::training);
  EXPECT_EQ(graph.nodes().size(), 2U) << "the other head has no part in it";
  EXPECT_TRUE(graph.assignments().empty()) << "its statistics stay";
  Graph sizes(ops::table());
  network("size").build(sizes, 2, Mode::training);
  EXPECT_EQ(sizes.assignments().size(), 2U);
}

TEST_F(TwoHeaded, ASavedModelHasAllOutputsInTheirOrder) {
  Network changed = network("class");
  changed.set_parameter("trunk", f32({2, 3}, {2, -4, 6, -8, 10, -12}));
  const Model saved = to_model(changed);
  std::vector<std::string> names;
  for (const ValueData& output : saved.graph.outputs) names.push_back(output.name);
  EXPECT_THAT(names, ElementsAre("size", "class", "scores"));
  Model expected = two_headed();
  expected.graph.initializers[0] = from_tensor("trunk", f32({2, 3}, {2, -4, 6, -8, 10, -12}));
  EXPECT_EQ(outputs_of(saved), outputs_of(expected));
}

TEST_F(TwoHeaded, OutputsThatAreOneValueAreToldApart) {
  const Graph graph = graph_with_all_outputs(network("class"), 1);
  std::vector<std::string> names;
  std::set<int> values;
  for (const NamedOutput& output : graph.outputs()) {
    names.push_back(output.name);
    values.insert(output.value);
  }
  EXPECT_THAT(names, ElementsAre("class", "size", "scores"));
  EXPECT_EQ(values.size(), 3U) << "class are scores here, too";
}

TEST_F(TwoHeaded, AFreshHeadLeavesTheOtherAlone) {
  Network changed = network("class");
  replace_head(changed, 4);
  changed.initialize_missing(1);
  const auto outputs = outputs_of(to_model(changed));
  EXPECT_EQ(outputs.at("class").shape(), (Shape{2, 4}));
  EXPECT_EQ(outputs.at("size"), outputs_of(two_headed()).at("size"));
}

TEST_F(TwoHeaded, OneOutputMustBeNamed) {
  EXPECT_THAT(neurons::testing::message_of([&] { network(""); }),
              HasSubstr("has 3 outputs (size, class, scores); name the one that is meant"));
}

}  // namespace
}  // namespace neurons::onnx
