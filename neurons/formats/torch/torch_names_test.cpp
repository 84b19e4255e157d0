// Networks with the weights of PyTorch's modules say what those say (tests/fixtures/torch_names*, made by make_torch_names.py).

#include "neurons/formats/torch/torch_names.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "neurons/base/testing.hpp"
#include "neurons/base/testing/near_largest.hpp"
#include "neurons/data/readers/npy.hpp"
#include "neurons/formats/safetensors.hpp"
#include "neurons/layers/activations.hpp"
#include "neurons/layers/attention.hpp"
#include "neurons/layers/convolutions.hpp"
#include "neurons/layers/dense.hpp"
#include "neurons/layers/embedding.hpp"
#include "neurons/layers/normalizations.hpp"
#include "neurons/layers/recurrent.hpp"
#include "neurons/layers/run_network_testing.hpp"
#include "neurons/layers/shapes.hpp"
#include "neurons/layers/transformer.hpp"

namespace neurons {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::filesystem::path fixtures() { return std::filesystem::path(NEURONS_SOURCE_DIR) / "tests/fixtures"; }

std::map<std::string, Tensor> state_of(const std::string& module) {
  return read_safetensors(fixtures() / ("torch_names_" + module + ".safetensors")).tensors;
}

struct Named {
  const char* name;
  Layer layer;
};
Network chain(const Shape& sample, DType dtype, const std::vector<Named>& layers) {
  Network network;
  auto tap = network.input("x", sample, dtype);
  for (const auto& [name, layer] : layers) tap = network.add(layer, tap, name);
  network.output("y", tap);
  return network;
}

Network vision() {
  return chain({3, 8, 8}, DType::f32,
               {{"conv1", Conv2d{.filters = 6, .kernel = 3, .padding = Padding::same}},
                {"bn1", BatchNorm{}},
                {"act", PRelu{}},
                {"conv2", DepthwiseConv2d{.kernel = 3, .stride = 2, .bias = false, .pads = 1}},
                {"norm", GroupNorm{.groups = 3}},
                {"up", ConvTranspose2d{.filters = 4, .kernel = 2, .stride = 2}},
                {"flatten", Flatten{}},
                {"fc", Dense{5}}});
}

Network sequence() {
  return chain({9}, DType::i64,
               {{"embedding", Embedding{11, 8}},
                {"lstm", Lstm{.hidden = 6, .layers = 2, .bidirectional = true, .return_sequences = true}},
                {"gru", Gru{.hidden = 7, .return_sequences = true}},
                {"rnn", SimpleRnn{.hidden = 5, .return_sequences = true}},
                {"norm", LayerNorm{}},
                {"fc", Dense{3}}});
}

Network transformer() {
  Network network;
  const auto x = network.add(Dense{8}, network.input("x", {6, 5}), "fc");
  const auto seen = network.add(MultiHeadAttention{.heads = 2}, x, "attention");
  const auto first =
      network.add(TransformerEncoder{.heads = 2, .feed_forward = 12, .activation = "relu", .post_norm = true}, seen, "first");
  const auto memory = network.add(TransformerEncoder{.heads = 4, .feed_forward = 16}, first, "second");
  const TransformerDecoder decoder{.heads = 2, .feed_forward = 12, .activation = "relu", .post_norm = true};
  network.output("y", network.add(decoder, {seen, memory}, "decoder"));
  return network;
}

Network sequential() { return chain({5}, DType::f32, {{"a", Dense{6, "tanh"}}, {"b", Dense{6}}, {"t", Tanh{}}, {"c", Dense{2}}}); }

struct Case {
  std::string module;
  Network (*make)();
};
void PrintTo(const Case& one, std::ostream* out) { *out << one.module; }

class Torch : public ::testing::TestWithParam<Case> {};

TEST_P(Torch, SaysTheSame) {
  Network network = GetParam().make();
  const std::string& module = GetParam().module;
  from_torch(network, state_of(module), module);
  const auto arrays = read_npz(fixtures() / "torch_names.npz");
  const auto said = testing::run_network(network, {{"x", arrays.at(module + "/x")}}).at("y");
  testing::expect_near_largest<float>(said, arrays.at(module + "/y").values<float>(), module);
}

/// What is written has the names and shapes of the module, and reads back as the same network.
TEST_P(Torch, GoesThereAndBack) {
  Network network = GetParam().make();
  const auto state = state_of(GetParam().module);
  from_torch(network, state, "state");
  const auto written = to_torch(network);
  std::size_t known = 0;
  for (const auto& [name, tensor] : state) {
    if (GetParam().module == "sequential" || name.ends_with("num_batches_tracked")) continue;
    ASSERT_TRUE(written.contains(name)) << name;
    EXPECT_EQ(written.at(name).type(), tensor.type()) << name;
    const bool one_of_two = name.find("bias_") != std::string::npos;  // two biases became one
    EXPECT_TRUE(one_of_two || written.at(name) == tensor) << name;
    ++known;
  }
  EXPECT_TRUE(GetParam().module == "sequential" || written.size() == known);
  Network again = GetParam().make();
  from_torch(again, written, "written");
  for (const auto& [name, tensor] : network.parameters()) EXPECT_EQ(again.parameter(name), tensor) << name;
}

INSTANTIATE_TEST_SUITE_P(Modules, Torch,
                         ::testing::Values(Case{"vision", vision}, Case{"sequence", sequence}, Case{"transformer", transformer},
                                           Case{"sequential", sequential}),
                         [](const auto& tested) { return tested.param.module; });

TEST(TorchNames, WhatAllNamesBeginWithIsLeftOut) {
  std::map<std::string, Tensor> wrapped;
  for (const auto& [name, tensor] : state_of("vision")) wrapped.emplace("module.model." + name, tensor);
  Network network = vision();
  from_torch(network, wrapped, "wrapped");
  Network plain = vision();
  from_torch(plain, state_of("vision"), "plain");
  EXPECT_EQ(network.parameters(), plain.parameters());
}

TEST(TorchNames, DoublesAreRounded) {
  std::map<std::string, Tensor> doubles;
  for (const auto& [name, tensor] : state_of("sequential")) doubles.emplace(name, tensor.cast(DType::f64));
  Network network = sequential();
  from_torch(network, doubles, "doubles");
  EXPECT_EQ(network.parameter("c.weight"), state_of("sequential").at("4.weight"));
}

TEST(TorchNames, SaysAllThatDoesNotFit) {
  auto state = state_of("vision");
  state.erase("conv1.bias");
  state.insert_or_assign("fc.weight", Tensor(DType::f32, {5, 4}));
  state.emplace("head.weight", Tensor(DType::f32, {2}));
  state.insert_or_assign("fc.bias", Tensor(DType::i64, {5}));
  Network network = vision();
  const std::string message = testing::message_of([&] { from_torch(network, state, "m.safetensors"); });
  EXPECT_THAT(message, AllOf(HasSubstr("m.safetensors: does not fit the network: it lacks conv1.bias [6]; "),
                             HasSubstr("fc.weight is f32[5, 4], the network needs [5, 256]"),
                             HasSubstr("fc.bias is i64[5], the network needs [5]"), HasSubstr("nothing takes head.weight [2]")));
  EXPECT_TRUE(network.parameters().empty());
  Network other = sequential();
  EXPECT_THAT(testing::message_of([&] { from_torch(other, state_of("sequence"), "it"); }), HasSubstr("and 17 more"));
}

TEST(TorchNames, WhatPyTorchDoesNotHaveIsSaid) {
  Network network = Sequential{{4, 3}, Gru{.hidden = 2, .reset_after = false}};
  network.initialize(1);
  EXPECT_THAT(testing::message_of([&] { to_torch(network); }), HasSubstr("gru1: reset_after = false is no GRU of PyTorch's"));
  const auto refusal = [](const Layer& layer) {
    Network attends = Sequential({3, 4}, {layer});
    attends.initialize(1);
    return testing::message_of([&] { to_torch(attends); });
  };
  EXPECT_EQ(refusal(MultiHeadAttention{.heads = 2, .kv_heads = 1}),
            "multi_head_attention1: kv_heads = 1 of 2 heads: in PyTorch's attention each head has keys and values of its own");
  EXPECT_EQ(refusal(TransformerEncoder{.heads = 2, .rotary = true}),
            "transformer_encoder1: rotary = true: PyTorch's attention has no rotary positions");
  EXPECT_EQ(refusal(MultiHeadAttention{.heads = 2, .kv_heads = 2}), "nothing thrown");
}

}  // namespace
}  // namespace neurons
