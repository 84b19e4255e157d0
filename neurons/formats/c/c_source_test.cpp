// Generated C is compiled by the system's compiler, without a warning, and says what the library says.

#include "neurons/formats/c/c_source.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "neurons/base/testing.hpp"
#include "neurons/base/testing/near_largest.hpp"
#include "neurons/formats/c/run_c_testing.hpp"
#include "neurons/layers/activations.hpp"
#include "neurons/layers/attention.hpp"
#include "neurons/layers/convolutions.hpp"
#include "neurons/layers/dense.hpp"
#include "neurons/layers/dropout.hpp"
#include "neurons/layers/embedding.hpp"
#include "neurons/layers/normalizations.hpp"
#include "neurons/layers/over_time.hpp"
#include "neurons/layers/pools.hpp"
#include "neurons/layers/recurrent.hpp"
#include "neurons/layers/resizing.hpp"
#include "neurons/layers/run_network_testing.hpp"
#include "neurons/layers/shapes.hpp"
#include "neurons/layers/step_graph.hpp"
#include "neurons/layers/temporal_conv.hpp"

namespace neurons {
namespace {

using c::testing::Generated;
using c::testing::kPredict;
using c::testing::kStrict;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::int64_t kSamples = 3;

/// With parameters and running statistics that are all random.
Network initialized(Network network, std::uint64_t seed = 3) {
  network.initialize(seed);
  RandomStream random(seed);
  for (const auto& [name, type] : network.parameter_types()) {
    Tensor tensor = network.parameter(name);
    const bool variance = name.ends_with("running_var");
    if (type.shape.rank() > 1) continue;
    for (float& value : tensor.values<float>())
      value = static_cast<float>(variance ? 0.5 + random.uniform() : 0.6 * random.normal());
    network.set_parameter(name, std::move(tensor));
  }
  return network;
}

Tensor random_samples(const Network& network) {
  const Network::Input& input = network.inputs().front();
  std::vector<std::int64_t> extents(input.sample.extents().begin(), input.sample.extents().end());
  extents.insert(extents.begin(), kSamples);
  Tensor samples(DType::f32, Shape(std::span<const std::int64_t>(extents)));
  RandomStream random(11);
  for (float& value : samples.values<float>())
    value = static_cast<float>(input.dtype == DType::i64 ? static_cast<double>(random.below(7)) : random.normal());
  return samples;
}

void expect_same(const Network& network, const std::string& flags = "-O1") {
  const Tensor samples = random_samples(network);
  const Network::Input& input = network.inputs().front();
  const auto expected = testing::run_network(network, {{input.name, samples.cast(input.dtype)}}).at(network.outputs().front().name);
  const CSource source = to_c(network);
  const Generated program(source, flags, kPredict);
  testing::expect_near_largest<float>(program.run(samples.values<float>(), expected.size()), expected,
                                      source.source.substr(0, 200));
}

TEST(PlainC, DenseNetworks) {
  expect_same(initialized(Sequential{{5}, Dense{7, "relu"}, Dense{.units = 4, .activation = "softmax", .bias = false}}));
}

TEST(PlainC, ImagesWithBatchNormalization) {
  expect_same(
      initialized(Sequential{{3, 9, 7},
                             BatchNorm{},
                             Conv2d{.filters = 5, .kernel = 3, .padding = Padding::same},
                             BatchNorm{},
                             Relu{},
                             MaxPool2d{2},
                             Conv2d{.filters = 6, .kernel = {2, 3}, .stride = {1, 2}, .activation = "leaky_relu", .bias = false},
                             Flatten{},
                             Dropout{0.3F},
                             Dense{8},
                             BatchNorm{},
                             Tanh{},
                             Dense{3}}));
}

TEST(PlainC, WindowsOfEveryKind) {
  expect_same(initialized(Sequential{{4, 11, 10},
                                     Conv2d{.filters = 4, .kernel = 3, .groups = 1, .dilation = 2},
                                     DepthwiseConv2d{.kernel = 3, .padding = Padding::same, .stride = 2, .multiplier = 2},
                                     SeparableConv2d{.filters = 5, .kernel = 2, .activation = "elu"},
                                     AveragePool2d{.size = 2, .stride = 1},
                                     PRelu{},
                                     GlobalAveragePool{},
                                     Dense{3, "sigmoid"}}));
  expect_same(initialized(Sequential{{4, 11, 10}, Conv2d{.filters = 3, .kernel = 3}, GlobalMaxPool{}}));
  expect_same(initialized(
      Sequential{{2, 12}, Conv1d{.filters = 3, .kernel = 3, .padding = Padding::same}, MaxPool1d{3}, Flatten{}, Dense{2}}));
}

TEST(PlainC, ImagesThatAreNotFlattened) {
  expect_same(initialized(Sequential{{3, 6, 5}, Conv2d{.filters = 4, .kernel = 3}, Relu{}}));
}

TEST(PlainC, WaysAround) {
  Network network;
  const auto x = network.input("x", {3, 6, 6});
  const auto a = network.add(Conv2d{.filters = 4, .kernel = 3, .padding = Padding::same}, x);
  const auto b = network.add(Relu{}, a);
  const auto c = network.add(Conv2d{.filters = 4, .kernel = 1}, b);
  const auto sum = network.add(Add{}, {a, c});
  const auto both = network.add(Concatenate{.axis = 1}, {sum, b});
  const auto scaled = network.add(Multiply{}, {both, both});
  network.output("y", network.add(Dense{2}, network.add(Flatten{}, scaled)));
  expect_same(initialized(network));
}

TEST(PlainC, Activations) {
  Network network;
  auto x = network.input("x", {6});
  for (const auto& [kind, layer] : layer_kinds()) {
    if (layer.is_activation() && kind != "softmax" && kind != "log_softmax" && kind != "prelu")
      x = network.add(layer, network.add(Dense{6}, x));
  }
  network.output("y", network.add(LogSoftmax{}, network.add(Gelu{"tanh"}, x)));
  expect_same(initialized(network));
}

TEST(PlainC, RecurrentNetworks) {
  for (const Layer& layer : {Layer(SimpleRnn{.hidden = 5, .layers = 2}), Layer(SimpleRnn{.hidden = 4, .activation = "relu"}),
                             Layer(Lstm{.hidden = 6, .layers = 2, .return_sequences = true}), Layer(Gru{.hidden = 5}),
                             Layer(Lstm{.hidden = 4, .bidirectional = true}),
                             Layer(Gru{.hidden = 3, .bidirectional = true, .return_sequences = true})}) {
    expect_same(initialized(Sequential{{7, 3}, layer, Dense{2}}));
  }
}

TEST(PlainC, StepsOfTime) {
  expect_same(
      initialized(Sequential{{8, 3}, TemporalConv{.filters = 4, .kernel = 3, .dilation = 2}, LayerNorm{}, LastStep{}, Dense{2}}));
  expect_same(initialized(Sequential{{8, 3}, Gru{.hidden = 4, .return_sequences = true}, MeanOverTime{}, Dense{2}}));
  expect_same(initialized(Sequential{{8, 3}, Gru{.hidden = 5, .bidirectional = true, .reset_after = false}, Dense{2}}));
  Network tokens;
  const auto x = tokens.input("x", {6}, DType::i64);
  tokens.output("y", tokens.add(Dense{7}, tokens.add(Lstm{.hidden = 5, .return_sequences = true}, tokens.add(Embedding{7, 4}, x))));
  expect_same(initialized(tokens));
}

/// AddressSanitizer and UndefinedBehaviorSanitizer see nothing wrong.
TEST(PlainC, Sanitized) {
  const std::string flags = "-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all";
  expect_same(initialized(Sequential{{2, 8, 8},
                                     Conv2d{.filters = 3, .kernel = 3, .padding = Padding::same},
                                     BatchNorm{},
                                     MaxPool2d{2},
                                     Relu{},
                                     Flatten{},
                                     Dense{5},
                                     Softmax{}}),
              flags);
  expect_same(initialized(Sequential{{7, 3}, Lstm{.hidden = 6, .layers = 2}, Dense{2}}), flags);
}

TEST(PlainC, StepByStep) {
  const Network network = initialized(Sequential{{9, 3},
                                                 Lstm{.hidden = 5, .return_sequences = true},
                                                 Gru{.hidden = 4, .return_sequences = true},
                                                 SimpleRnn{.hidden = 3, .return_sequences = true},
                                                 Dense{2, "tanh"}});
  Graph graph(network.table());
  network.build(graph, 1, Mode::inference);
  const CarriedGraph step = step_graph(network);
  const CSource source = to_c(graph, network.parameters(), {}, &step.graph);
  const Generated program(source, "-O1 -fsanitize=address,undefined", R"(
    static float memory[NETWORK_MEMORY], scratch[NETWORK_STEP_SCRATCH + 1];
    while (fread(input, sizeof(float), NETWORK_STEP_INPUTS, stdin) == NETWORK_STEP_INPUTS) {
        network_step(memory, scratch, input, output);
        fwrite(output, sizeof(float), NETWORK_STEP_OUTPUTS, stdout);
    }
)");
  const Tensor samples = random_samples(network);
  const auto expected = testing::run_network(network, {{"x", samples}}).at("y");
  const std::size_t one = expected.size() / kSamples;
  const auto said = program.run(samples.values<float>().first(static_cast<std::size_t>(samples.elements() / kSamples)), one);
  testing::expect_near_largest<float>(said, std::span(expected).first(one), "steps");
  EXPECT_THAT(source.header, HasSubstr("#define NETWORK_MEMORY 17"));  // 5 + 5, 4, 3
}

TEST(PlainC, ScratchOfTheCallers) {
  const Network network = initialized(Sequential{{4}, Dense{9, "relu"}, Dense{2}});
  const CSource source = to_c(network);
  const Generated program(source, "-O1", R"(
    static float scratch[NETWORK_SCRATCH];
    while (fread(input, sizeof(float), NETWORK_INPUTS, stdin) == NETWORK_INPUTS) {
        network_predict_in(scratch, input, output);
        fwrite(output, sizeof(float), NETWORK_OUTPUTS, stdout);
    }
)");
  const Tensor samples = random_samples(network);
  const auto expected = testing::run_network(network, {{"x", samples}}).at("y");
  testing::expect_near_largest<float>(program.run(samples.values<float>(), expected.size()), expected, "scratch");
  EXPECT_EQ(source.scratch, 16U);  // nine floats, and what makes the next ones aligned
}

TEST(PlainC, NamesAreMadeIdentifiers) {
  Network network;
  const auto x = network.input("x", {2});
  const auto h = network.add(Dense{3}, x, "while");
  network.output("y", network.add(Dense{2}, h,
                                  "naïve */ /* ?"
                                  "?/ dense"));
  const CSource source = to_c(initialized(network), {.name = "2 words", .class_names = {"\"a\"\n", "é?"}});
  EXPECT_EQ(source.name, "network_2_words");
  EXPECT_THAT(source.source, AllOf(HasSubstr("while_2"), HasSubstr(R"("\"a\"\012")"), HasSubstr(R"("\303\251\?")")));
  const testing::TemporaryFolder folder;
  folder.write("network_2_words.c", source.source);
  folder.write("network_2_words.h", source.header);
  EXPECT_EQ(std::system(("cd '" + folder.path().string() + "' && cc " + kStrict + " -c network_2_words.c").c_str()), 0)
      << source.source;
}

TEST(PlainC, StepsHaveClassesInCommon) {
  const Network network = initialized(Sequential{{6, 3}, Lstm{.hidden = 4, .return_sequences = true}, Dense{2}});
  const CSource source = to_c(network, {.class_names = {"quiet", "loud"}});
  EXPECT_THAT(source.header, AllOf(HasSubstr("#define NETWORK_OUTPUTS 12 /* 6 x 2 */"),
                                   HasSubstr("network_classes[NETWORK_CLASSES]"), HasSubstr("#define NETWORK_CLASSES 2\n")));
}

TEST(PlainC, EqualNetworksGiveEqualFiles) {
  const Network network = initialized(Sequential{{3, 6, 5}, Conv2d{.filters = 4, .kernel = 3}, Relu{}, Flatten{}, Dense{2}});
  EXPECT_EQ(to_c(network).source, to_c(Network(network)).source);
  EXPECT_THAT(to_c(network).source, AllOf(Not(HasSubstr("malloc")), Not(HasSubstr("#include <math.h>"))));
}

TEST(PlainC, AnArrayForEachOutput) {
  Network network;
  const auto h = network.add(Dense{5, "tanh"}, network.input("x", {3}));
  const auto wide = network.add(Dense{4}, h);
  network.output("class", network.add(Dense{2}, h));
  network.output("Copy", wide);
  network.output("again", wide);
  const CSource source = to_c(initialized(network));
  EXPECT_THAT(source.header, AllOf(HasSubstr("#define NETWORK_OUTPUTS 2\n#define NETWORK_OUTPUTS_COPY 4\n"),
                                   HasSubstr("output_copy: the network's output \"Copy\""),
                                   HasSubstr("network_predict(const float *input, float *output, float *output_copy, ")));
  const Generated program(source, "-O1", R"(
    static float copy[NETWORK_OUTPUTS_COPY], again[NETWORK_OUTPUTS_AGAIN];
    while (fread(input, sizeof(float), NETWORK_INPUTS, stdin) == NETWORK_INPUTS) {
        network_predict(input, output, copy, again);
        fwrite(output, sizeof(float), NETWORK_OUTPUTS, stdout);
        fwrite(copy, sizeof(float), NETWORK_OUTPUTS_COPY, stdout);
        fwrite(again, sizeof(float), NETWORK_OUTPUTS_AGAIN, stdout);
    }
)");
  const Tensor samples = random_samples(initialized(network));
  const auto said = testing::run_network(initialized(network), {{"x", samples}});
  std::vector<float> expected;
  for (std::size_t sample = 0; sample < kSamples; ++sample) {
    for (const auto& [name, width] : {std::pair("class", 2U), std::pair("Copy", 4U), std::pair("again", 4U)}) {
      const auto first = said.at(name).begin() + static_cast<std::ptrdiff_t>(sample * width);
      expected.insert(expected.end(), first, first + static_cast<std::ptrdiff_t>(width));
    }
  }
  testing::expect_near_largest<float>(program.run(samples.values<float>(), expected.size()), expected, "three outputs");
}

TEST(PlainC, SaysAllThatItCannotDo) {
  const auto message = [](const Network& network) { return testing::message_of([&] { to_c(network); }); };
  EXPECT_THAT(message(initialized(
                  Sequential{{8, 4}, MultiHeadAttention{.heads = 2}, RmsNorm{}, MultiHeadAttention{}, Flatten{}, Dense{2}})),
              AllOf(HasSubstr("ScaledDotProductAttention (multi_head_attention1)"),
                    HasSubstr("ScaledDotProductAttention (multi_head_attention2)"), HasSubstr("it can do Abs, Add")));
  EXPECT_THAT(message(initialized(Sequential{{1, 4, 4, 4}, Conv3d{.filters = 2, .kernel = 3}})),
              HasSubstr("Conv (conv3d1): has three spatial axes; plain C has two"));
  EXPECT_THAT(message(Sequential{{4}, Dense{2}}), HasSubstr("the network has no parameters yet"));
  Network two;
  two.output("y", two.add(Add{}, {two.input("a", {3}), two.input("b", {3})}));
  EXPECT_THAT(message(two), HasSubstr("a second input, \"b\""));
  Network broken = initialized(Sequential{{2}, Dense{1}});
  broken.set_parameter("dense1.bias", Tensor::of<float>({1}, {std::numeric_limits<float>::infinity()}));
  EXPECT_THAT(message(broken), HasSubstr("dense1_bias: number 0 of 1 is inf"));
}

}  // namespace
}  // namespace neurons
