// Models of several outputs as networks: what is trained, and what a saved one keeps.

#include "neurons/formats/onnx/imported_model.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "neurons/base/testing.hpp"
#include "neurons/formats/onnx/expand_calls.hpp"
#include "neurons/formats/onnx/model_testing.hpp"
#include "neurons/graph/gradients.hpp"

namespace neurons::onnx {
namespace {

using namespace testing;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

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
  EXPECT_EQ(graph.nodes().size(), 3U) << "the other head has no part in it";
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

Network network_of(const Model& source, const std::string& output = "y") {
  Model named = source;
  named.path = "m.onnx";
  return to_network(std::make_shared<const Model>(named), {.output = output});
}

/// Of the sum of all outputs: the gradient of each trained parameter, by name.
std::map<std::string, Tensor> gradients_of(const Network& network, const Tensor& x) {
  Graph graph(network.table());
  network.build(graph, x.shape()[0], Mode::training);
  std::vector<Value> parameters;
  for (const auto& [name, type] : network.trained_parameters()) parameters.push_back(graph.find(name));
  const std::vector<Value> slopes = gradients(graph.value(graph.outputs().front().value), parameters);
  for (std::size_t i = 0; i < slopes.size(); ++i) graph.output("slope of " + parameters[i].name(), slopes[i]);
  const auto states = std::make_shared<StateStore>(network.table());
  for (const auto& [name, tensor] : network.parameters()) states->set(name, tensor);
  Plan plan = compile(graph, states);
  plan.input("x").assign(x);
  plan.run();
  std::map<std::string, Tensor> result;
  for (const Value& parameter : parameters) {
    const std::string name = parameter.name();
    result.emplace(name, plan.output("slope of " + name).copy());
  }
  return result;
}

void expect_near(const Tensor& actual, const Tensor& expected, float tolerance = 1e-6F) {
  ASSERT_EQ(actual.type(), expected.type());
  for (std::size_t i = 0; i < actual.values<float>().size(); ++i) {
    EXPECT_NEAR(actual.values<float>()[i], expected.values<float>()[i], tolerance) << "element " << i;
  }
}

std::vector<std::string> initializers_of(const Model& source) {
  std::vector<std::string> names;
  for (const TensorData& data : source.graph.initializers) names.push_back(data.name);
  return names;
}

/// Two steps of h' = tanh(h · w + x_t · u), h first a state of one sample: as a Scan with the weights in its body, or written out.
Model steps(bool unrolled) {
  const TensorData w = from_tensor("w", f32({2, 2}, {0.3F, -0.2F, 0.5F, 0.7F}));
  const Tensor u = f32({2, 2}, {-0.4F, 0.6F, 0.1F, 0.2F});
  const TensorData h0 = from_tensor("h0", f32({1, 2}, {0.25F, -0.5F}));
  const std::vector<ValueData> inputs = {value("x", {"batch", std::int64_t{2}, std::int64_t{2}})};
  if (!unrolled) {
    GraphData body;
    body.inputs = {value("h", {}), value("row", {})};
    body.initializers = {w};
    body.nodes = {node("Constant", {}, {"u"}, {tensor("value", u)}), node("MatMul", {"h", "w"}, {"kept"}),
                  node("MatMul", {"row", "u"}, {"new"}), node("Add", {"kept", "new"}, {"sum"}), node("Tanh", {"sum"}, {"next"})};
    body.outputs = {value("next", {})};
    return model(
        {node("Scan", {"h0", "x"}, {"y"}, {graph("body", body), integer("num_scan_inputs", 1), integers("scan_input_axes", {1})})},
        inputs, {"y"}, {h0}, 11);
  }
  std::vector<NodeData> nodes;
  std::string h = "h0";
  for (const std::string step : {"0", "1"}) {
    nodes.push_back(node("Gather", {"x", "step" + step}, {"row" + step}, {integer("axis", 1)}));
    nodes.push_back(node("MatMul", {h, "w"}, {"kept" + step}));
    nodes.push_back(node("MatMul", {"row" + step, "u"}, {"new" + step}));
    nodes.push_back(node("Add", {"kept" + step, "new" + step}, {"sum" + step}));
    h = step == "1" ? "y" : "next";
    nodes.push_back(node("Tanh", {"sum" + step}, {h}));
  }
  return model(nodes, inputs, {"y"},
               {h0, w, from_tensor("u", u), from_tensor("step0", i64({}, {0})), from_tensor("step1", i64({}, {1}))}, 11);
}

const Tensor kSteps = f32({3, 2, 2}, {1, 2, 3, 4, -1, 0.5F, 0.25F, 2, 0, 1, -2, 0.75F});

TEST(WeightsInBodies, HaveTheGradientsOfAllSteps) {
  const Network looped = network_of(steps(false));
  const auto slopes = gradients_of(looped, kSteps);
  const auto expected = gradients_of(network_of(steps(true)), kSteps);
  ASSERT_EQ(slopes.size(), 3U);
  for (const auto& [name, slope] : expected) expect_near(slopes.at(name), slope);
  // Against the difference of the results themselves.
  const auto sum_with = [&](float change) {
    Model moved = steps(false);
    const auto& body = moved.graph.nodes.front().attributes.front().graph;
    Tensor w = to_tensor(body->initializers.front(), {});
    w.values<float>()[1] += change;
    body->initializers.front() = from_tensor("w", w);
    double sum = 0;
    const Tensor y = run(moved, {{"x", kSteps}}, {.shapes = {{"x", kSteps.shape()}}})[0];
    for (const float number : y.values<float>()) sum += static_cast<double>(number);
    return sum;
  };
  EXPECT_NEAR(static_cast<double>(slopes.at("w").values<float>()[1]), (sum_with(0.01F) - sum_with(-0.01F)) / 0.02, 1e-3);
}

TEST(WeightsInBodies, AreSavedWithTheModel) {
  Network changed = network_of(steps(false));
  changed.set_parameter("w", f32({2, 2}, {1, 0, 0, 1}));
  const Model saved = to_model(changed);
  EXPECT_THAT(initializers_of(saved), ::testing::IsSupersetOf({"h0", "u", "w"}));
  Model expected = steps(true);
  expected.graph.initializers[1] = from_tensor("w", f32({2, 2}, {1, 0, 0, 1}));
  const ImportOptions three{.shapes = {{"x", kSteps.shape()}}};
  expect_near(run(saved, {{"x", kSteps}}, three)[0], run(expected, {{"x", kSteps}}, three)[0]);
}

TEST(WeightsInBodies, EqualNamesAreToldApart) {
  const auto branch = [](float weight) {
    GraphData body;
    body.initializers = {from_tensor("w", f32({2}, {weight, weight}))};
    body.nodes = {node("Mul", {"x", "w"}, {"product"})};
    body.outputs = {value("product", {})};
    return body;
  };
  Tensor yes(DType::boolean, Shape{});
  yes.values<bool>()[0] = true;
  const Model source = model({node("If", {"c"}, {"y"}, {graph("then_branch", branch(2)), graph("else_branch", branch(3))})},
                             {value("x", {"batch", std::int64_t{2}})}, {"y"}, {from_tensor("c", yes)});
  const Network network = network_of(source);
  EXPECT_EQ(network.parameter("y.then_branch.w"), f32({2}, {2, 2}));
  EXPECT_EQ(network.parameter("y.else_branch.w"), f32({2}, {3, 3}));
  const auto slopes = gradients_of(network, f32({2, 2}, {1, 2, 3, 4}));
  EXPECT_EQ(slopes.at("y.then_branch.w"), f32({2}, {4, 6}));
  EXPECT_EQ(slopes.at("y.else_branch.w"), f32({2}, {0, 0})) << "is not taken";
}

TEST(WeightsInFunctions, AreOneForAllCalls) {
  Model source = model({node("Twice", {"x"}, {"h"}, {}, "test"), node("Scale", {"h"}, {"y"}, {}, "test")},
                       {value("x", {"batch", std::int64_t{2}})}, {"y"});
  source.functions = {
      function("Twice", {node("Scale", {"a"}, {"c"}, {}, "test"), node("Scale", {"c"}, {"b"}, {}, "test")}),
      function("Scale", {node("Constant", {}, {"k"}, {tensor("value", f32({2}, {2, 3}))}), node("Mul", {"a", "k"}, {"b"})})};
  Network network = network_of(source);
  const Tensor x = f32({1, 2}, {1, 2});
  EXPECT_EQ(gradients_of(network, x).at("Scale.k"), f32({2}, {12, 54})) << "of x · k³";
  network.set_parameter("Scale.k", f32({2}, {1, 2}));
  EXPECT_EQ(run(to_model(network), {{"x", x}})[0], f32({1, 2}, {1, 16}));
}

TEST(WeightsInFunctions, CallsWithoutEndAreRefused) {
  Model source = model({node("F0", {"x"}, {"y"}, {}, "test")}, {value("x", {"batch", std::int64_t{2}})}, {"y"});
  for (int i = 0; i < 20'000; ++i) {  // each calls the next one
    source.functions.push_back(function("F" + std::to_string(i), {node("F" + std::to_string(i + 1), {"a"}, {"b"}, {}, "test")}));
  }
  EXPECT_THAT(neurons::testing::message_of([&] { network_of(source); }), HasSubstr("the function calls itself"));
}

TEST(WeightsInFunctions, StatisticsStay) {
  FunctionData normal;
  normal.name = "Normal";
  normal.domain = "test";
  normal.inputs = {"a", "s", "m"};
  normal.outputs = {"b"};
  normal.nodes = {node("BatchNormalization", {"a", "s", "s", "m", "s"}, {"b"})};
  normal.opsets = {{"", 13}};
  Model source = model({node("Normal", {"x", "scale", "mean"}, {"y"}, {}, "test")}, {value("x", {"batch", std::int64_t{2}})}, {"y"},
                       {from_tensor("scale", f32({2}, {1, 1})), from_tensor("mean", f32({2}, {0, 1}))});
  source.functions = {normal};
  EXPECT_EQ(roles_of(source, *ops::table()).at("mean"), Role::constant);
  Graph graph(ops::table());
  network_of(source).build(graph, 2, Mode::training);
  EXPECT_TRUE(graph.assignments().empty());
}

/// y = Linear(Block(x, w), v), both of functions, as exporters that write modules as functions leave them.
Model of_functions() {
  FunctionData linear =
      function("Linear", {node("Gemm", {"a", "w"}, {"b"}, {of_caller("transB", AttributeData::Type::integer, "rows")})});
  linear.inputs = {"a", "w"};
  FunctionData block = function("Block", {node("Linear", {"a", "w"}, {"inner"}, {}, "test"), node("Tanh", {"inner"}, {"b"})});
  block.inputs = {"a", "w"};
  Model source =
      model({node("Block", {"x", "w"}, {"h"}, {}, "test"), node("Linear", {"h", "v"}, {"y"}, {integer("rows", 1)}, "test")},
            {value("x", {std::string("batch"), std::int64_t{2}})}, {"y"},
            {from_tensor("w", f32({2, 2}, {1, 2, 3, 4})), from_tensor("v", f32({3, 2}, {1, 2, 3, 4, 5, 6}))});
  source.functions = {linear, block};
  source.opsets["test"] = 1;
  return source;
}

TEST(ModelsOfFunctions, AreWhatTheyWereOnceCallsAreExpanded) {
  Model source = of_functions();
  const std::vector<Tensor> before = run(source, {{"x", f32({1, 2}, {0.25F, -0.5F})}});
  expand_calls(source);
  EXPECT_EQ(source.graph.nodes.size(), 3U);
  EXPECT_EQ(run(source, {{"x", f32({1, 2}, {0.25F, -0.5F})}}), before);
  // An input that is passed on, a result that nobody takes, names that are taken, other opsets.
  FunctionData both = function("Both", {node("Neg", {"a"}, {"c"})});
  both.outputs = {"a", "c", "c"};
  FunctionData old = function("Old", {node("Neg", {"a"}, {"b"})});
  old.opsets[""] = 12;
  Model odd = model({node("Both", {"x"}, {"p", "", "q"}, {}, "test"), node("Neg", {"q"}, {"p.c"}),
                     node("Old", {"p"}, {"o"}, {}, "test"), node("Sum", {"p", "q", "p.c", "o"}, {"y"})},
                    {value("x", {std::int64_t{1}})}, {"y"});
  odd.functions = {both, old};
  odd.opsets["test"] = 1;
  const std::vector<Tensor> sum = run(odd, {{"x", f32({1}, {3})}});
  expand_calls(odd);
  EXPECT_EQ(std::ranges::count(odd.graph.nodes, "test", &NodeData::domain), 1) << "the one of another opset";
  EXPECT_EQ(run(odd, {{"x", f32({1}, {3})}}), sum);
}

TEST(ModelsOfFunctions, TakeHeadsAndAdapters) {
  ImportedModel layer;
  layer.model = std::make_shared<const Model>(of_functions());
  layer.head = 5;
  layer.lora = 1;
  Network network;
  network.output("y", network.add(Layer(layer), network.input("x", {2}), "model"));
  network.initialize_missing(1);
  EXPECT_EQ(network.parameter("v").shape(), (Shape{5, 2}));
  std::vector<std::string> trained;
  for (const auto& [name, type] : network.trained_parameters()) trained.push_back(name);
  EXPECT_THAT(trained, UnorderedElementsAre("v", "w.lora_a", "w.lora_b"));
}

TEST(ModelsWithoutMatrices, TakeNoAdapters) {
  ImportedModel layer;
  layer.model =
      std::make_shared<const Model>(model({node("Mul", {"x", "w"}, {"y"})}, {value("x", {std::string("batch"), std::int64_t{2}})},
                                          {"y"}, {from_tensor("w", f32({2}, {1, 2}))}));
  layer.lora = 2;
  Network network;
  const auto x = network.input("x", {2});
  EXPECT_THAT(neurons::testing::message_of([&] {
                network.output("y", network.add(Layer(layer), x, "model"));
                network.parameter_types();
              }),
              HasSubstr("lora = 2: no Gemm or MatMul that leads to \"y\" has a matrix of its own"));
}

TEST(ModelsOfFunctions, ThatGrowWithoutEndAreRefused) {
  Model source = model({node("F8", {"x"}, {"y"}, {}, "test")}, {value("x", {std::int64_t{1}})}, {"y"});
  source.functions = functions_without_end("Neg");
  EXPECT_THAT(neurons::testing::message_of([&] { expand_calls(source); }),
              HasSubstr("has more than 262144 nodes once functions are called"));
}

/// What each sample gives in a batch, and alone.
void expect_same_alone(const Model& source, const Tensor& x) {
  ImportOptions whole{.shapes = {{"x", x.shape()}}};
  const Tensor together = run(source, {{"x", x}}, whole)[0];
  const std::int64_t samples = x.shape()[0];
  const auto part = [&](const Tensor& tensor, std::int64_t sample) {
    const std::int64_t size = tensor.elements() / samples;
    const auto values = tensor.values<float>().subspan(static_cast<std::size_t>(sample * size), static_cast<std::size_t>(size));
    return Tensor::of<float>(tensor.shape().with(0, 1), values);
  };
  for (std::int64_t sample = 0; sample < samples; ++sample) {
    const Tensor one = part(x, sample);
    expect_near(part(together, sample), run(source, {{"x", one}}, {.shapes = {{"x", one.shape()}}})[0]);
  }
}

/// An LSTM of two neurons over three steps, its first states initialisers for so many samples.
Model lstm(const Dim& batch, std::int64_t states) {
  Tensor w(DType::f32, {1, 8, 2});
  for (std::size_t i = 0; i < 16; ++i) w.values<float>()[i] = 0.1F * static_cast<float>(i % 5) - 0.2F;
  Tensor h0(DType::f32, {1, states, 2});
  for (float& number : h0.values<float>()) number = 0.5F;
  return model(
      {node("Transpose", {"x"}, {"steps"}, {integers("perm", {1, 0, 2})}),
       node("LSTM", {"steps", "w", "r", "", "", "h0", "c0"}, {"", "last"}, {integer("hidden_size", 2)}),
       node("Squeeze", {"last", "zero"}, {"y"})},
      {value("x", {batch, std::int64_t{3}, std::int64_t{2}})}, {"y"},
      {from_tensor("w", w), from_tensor("r", w), from_tensor("h0", h0), from_tensor("c0", h0), from_tensor("zero", i64({1}, {0}))});
}

const Tensor kSequences = f32({2, 3, 2}, {1, -2, 3, 4, 0, 1, 2, 2, -1, 0, 0.5F, 3});

TEST(OneSampleInTheFile, FirstStatesServeAllSamples) {
  for (const Dim& batch : {Dim(std::int64_t{1}), Dim("batch")}) {
    const Network network = network_of(lstm(batch, 1));
    EXPECT_EQ(gradients_of(network, kSequences).at("h0").shape(), (Shape{1, 1, 2}));
    expect_same_alone(to_model(network), kSequences);
  }
  const Network for_four = network_of(lstm(std::int64_t{4}, 4));  // the same for each
  EXPECT_EQ(gradients_of(for_four, kSequences).at("h0").shape(), (Shape{1, 1, 2}));
  expect_same_alone(to_model(for_four), kSequences);
  Model others = lstm(std::int64_t{4}, 4);
  Tensor h0(DType::f32, {1, 4, 2});
  h0.values<float>()[1] = 1;
  others.graph.initializers[2] = from_tensor("h0", h0);
  EXPECT_THAT(neurons::testing::message_of([&] { network_of(others); }),
              AllOf(StartsWith("m.onnx: last (LSTM): "), HasSubstr("(the file was written for batches of 4, wanted are 1)")));
}

TEST(OneSampleInTheFile, ATokenStandsBeforeEachSample) {
  const Model source =
      model({node("Expand", {"token", "shape"}, {"first"}), node("Concat", {"first", "x"}, {"y"}, {integer("axis", 1)})},
            {value("x", {std::int64_t{1}, std::int64_t{3}, std::int64_t{2}})}, {"y"},
            {from_tensor("token", f32({1, 1, 2}, {7, 8})), from_tensor("shape", i64({3}, {1, 1, 2}))});
  const Network network = network_of(source);
  EXPECT_EQ(gradients_of(network, kSequences).at("token"), f32({1, 1, 2}, {2, 2}));
  expect_same_alone(to_model(network), kSequences);
}

TEST(OneSampleInTheFile, StatesOfTheShapeOfTheInputAreSavedForAnyBatch) {
  const Model source =
      model({node("Shape", {"x"}, {"shape"}), node("Gather", {"shape", "zero"}, {"batch"}),
             node("Unsqueeze", {"batch", "axes"}, {"n"}), node("Concat", {"n", "width"}, {"of"}, {integer("axis", 0)}),
             node("ConstantOfShape", {"of"}, {"zeros"}, {tensor("value", f32({1}, {3}))}),
             node("Concat", {"x", "zeros"}, {"y"}, {integer("axis", 1)})},
            {value("x", {"batch", std::int64_t{2}})}, {"y"},
            {from_tensor("zero", i64({}, {0})), from_tensor("axes", i64({1}, {0})), from_tensor("width", i64({1}, {1}))});
  const Model saved = to_model(network_of(source));
  const Tensor x = f32({4, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  EXPECT_EQ(run(saved, {{"x", x}}, {.shapes = {{"x", x.shape()}}})[0], f32({4, 3}, {1, 2, 3, 3, 4, 3, 5, 6, 3, 7, 8, 3}));
}

}  // namespace
}  // namespace neurons::onnx
