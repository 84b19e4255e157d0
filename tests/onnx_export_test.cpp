// Networks of the examples and of the library as ONNX models, and back: the same graph, the same numbers.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "neurons/base/atomic_file.hpp"
#include "neurons/base/random.hpp"
#include "neurons/base/testing.hpp"
#include "neurons/formats/onnx/exporter.hpp"
#include "neurons/formats/onnx/imported_model.hpp"
#include "neurons/formats/onnx/importer.hpp"
#include "neurons/formats/onnx/model_testing.hpp"
#include "neurons/graph/rewrite.hpp"
#include "neurons/layers/activations.hpp"
#include "neurons/layers/attention.hpp"
#include "neurons/layers/convolutions.hpp"
#include "neurons/layers/dense.hpp"
#include "neurons/layers/embedding.hpp"
#include "neurons/layers/normalizations.hpp"
#include "neurons/layers/over_time.hpp"
#include "neurons/layers/pools.hpp"
#include "neurons/layers/recurrent.hpp"
#include "neurons/layers/shapes.hpp"
#include "neurons/layers/step_graph.hpp"
#include "neurons/layers/temporal_conv.hpp"
#include "neurons/layers/time_distributed.hpp"
#include "neurons/layers/transformer.hpp"
#include "neurons/layers/waves.hpp"
#include "neurons/networks/networks.hpp"
#include "neurons/ops/ops.hpp"
#include "neurons/plan/plan.hpp"
#include "neurons/spec/spec.hpp"
#include "neurons/training/trainer.hpp"

namespace neurons {
namespace {

/// The graph as text without the names of values and nodes: inputs and nodes in order, values by number.
std::string canonical(const Graph& graph) {
  std::map<int, std::string> names;
  const auto name_of = [&](int id) {
    if (id < 0) return std::string("-");
    const ValueInfo& info = graph.info(id);
    const auto known = names.find(id);
    if (known != names.end()) return known->second;
    std::string name = info.kind == ValueKind::constant
                           ? fmt::format("constant {} {}", info.type.to_string(), to_string(AttributeValue(*info.constant)))
                           : info.name;
    return names.emplace(id, std::move(name)).first->second;
  };
  std::string text;
  for (const Node& node : graph.nodes()) {
    text += node.op->name + " {" + node.options.to_string() + "}";
    for (const int input : node.inputs) text += " " + name_of(input);
    for (const int output : node.outputs) {
      names[output] = fmt::format("%{}", names.size());
      text += fmt::format(" -> {}", graph.info(output).type.to_string());
    }
    text += "\n";
  }
  for (const NamedOutput& output : graph.outputs()) text += output.name + "\n";
  return text;
}

Graph graph_of(const Network& network, std::int64_t batch) {
  Graph graph(network.table());
  network.build(graph, batch, Mode::inference);
  return graph;
}

std::vector<Tensor> samples_for(const Network& network, std::int64_t batch) {
  std::vector<Tensor> result;
  RandomStream random(7);
  for (const Network::Input& input : network.inputs()) {
    std::vector<std::int64_t> extents(input.sample.extents().begin(), input.sample.extents().end());
    extents.insert(extents.begin(), batch);
    Tensor tensor(DType::f32, Shape(std::span<const std::int64_t>(extents)));
    for (float& value : tensor.values<float>()) {
      value = input.dtype == DType::f32 ? static_cast<float>(random.normal()) : static_cast<float>(random.below(8));
    }
    result.push_back(tensor.cast(input.dtype));
  }
  return result;
}

std::vector<Tensor> run(const Network& network, const std::vector<Tensor>& inputs) {
  const std::int64_t batch = inputs.front().shape()[0];
  const auto states = std::make_shared<StateStore>(network.table());
  for (const auto& [name, type] : network.parameter_types()) states->set(name, network.parameter(name));
  Plan plan = compile(graph_of(network, batch), states);
  for (std::size_t i = 0; i < inputs.size(); ++i) plan.input(network.inputs()[i].name).assign(inputs[i]);
  plan.run();
  std::vector<Tensor> outputs;
  for (const Network::Output& output : network.outputs()) outputs.push_back(plan.output(output.name).copy());
  return outputs;
}

/// Equal but for the order of sums: ops that the opset does not have are written as simpler ones.
void expect_near(const Tensor& actual, const Tensor& expected) {
  ASSERT_EQ(actual.type(), expected.type());
  const auto a = actual.values<float>();
  const auto b = expected.values<float>();
  for (std::size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], 1e-5 * std::max(1.0F, std::abs(b[i]))) << "element " << i;
}

/// Leaves the model as a case of ONNX's tests in the folder that NEURONS_KEEP_CASES names, for scripts/onnxruntime_cases.py.
void keep(const std::string& name, const std::string& model, const std::vector<Tensor>& inputs,
          const std::vector<Tensor>& outputs) {
  const char* folder = std::getenv("NEURONS_KEEP_CASES");
  if (folder == nullptr) return;
  const auto place = std::filesystem::path(folder) / name;
  std::filesystem::create_directories(place / "test_data_set_0");
  write_file_atomically(place / "model.onnx", model);
  const auto write = [&](const std::string& file, const Tensor& tensor) {
    write_file_atomically(place / "test_data_set_0" / file, onnx::format(onnx::from_tensor("", tensor)));
  };
  for (std::size_t i = 0; i < inputs.size(); ++i) write(fmt::format("input_{}.pb", i), inputs[i]);
  for (std::size_t i = 0; i < outputs.size(); ++i) write(fmt::format("output_{}.pb", i), outputs[i]);
}

void expect_round_trip(const std::string& name, Network network, std::int64_t opset = 21) {
  SCOPED_TRACE(name);
  network.initialize(3);
  const std::string bytes = onnx::format(onnx::to_model(network, {.opset = opset, .metadata = {}}));
  const auto again = std::make_shared<const onnx::Model>(onnx::parse(std::as_bytes(std::span(bytes)), name));
  const Network back = onnx::to_network(again, {.output = network.outputs().front().name, .scores = false});
  const auto inputs = samples_for(network, 3);
  const auto outputs = run(network, inputs);
  keep(name, bytes, inputs, outputs);
  expect_near(run(back, inputs).front(), outputs.front());
  // What is written again is the same file but for names that were numbered.
  const std::string twice = onnx::format(onnx::to_model(back, {.opset = opset, .metadata = {}}));
  const auto third = std::make_shared<const onnx::Model>(onnx::parse(std::as_bytes(std::span(twice)), name));
  EXPECT_EQ(canonical(graph_of(back, 2)), canonical(graph_of(onnx::to_network(third), 2)));
}

std::vector<std::filesystem::path> example_specs() {
  std::vector<std::filesystem::path> specs;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(std::string(NEURONS_SOURCE_DIR) + "/examples")) {
    if (entry.path().extension() == ".toml") specs.push_back(entry.path());
  }
  std::ranges::sort(specs);
  return specs;
}

/// The network of an example, for samples of this shape.
struct Known {
  std::string_view folder;
  Shape sample;
  std::int64_t outputs;
  InputType type = InputType::numbers;
};

TEST(OnnxExport, BringsEveryExampleNetworkBack) {
  const std::vector<Known> known = {
      {"adding", {200, 2}, 1},  {"breast_cancer", {30}, 2}, {"denoise", {1, 28, 28}, 784},
      {"diabetes", {10}, 1},    {"digits", {64}, 10},       {"finetune", {1, 28, 28}, 5},
      {"iris", {4}, 3},         {"mnist", {1, 28, 28}, 10}, {"shapes", {3, 64, 64}, 4},
      {"sunspots", {36, 1}, 1}, {"wine", {13}, 3},          {"moby-dick", {128}, 84, InputType::tokens}};
  for (const auto& path : example_specs()) {
    const std::string folder = path.parent_path().filename().string();
    const auto found = std::ranges::find(known, folder, &Known::folder);
    ASSERT_NE(found, known.end()) << folder;
    const Spec spec = read_spec(path);
    Network network;
    try {
      network = make_network(resolve(spec.network, found->sample, found->outputs, found->type));
    } catch (const InputError& error) {
      ADD_FAILURE() << path << ": " << error.what();
      continue;
    }
    try {
      expect_round_trip(folder + "_" + path.stem().string(), std::move(network));
    } catch (const InputError& error) {
      ADD_FAILURE() << path << ": " << error.what();
    }
  }
}

/// The batch stays open though it is folded with the time.
TEST(OnnxExport, WritesLayersAppliedToEachStep) {
  Network network;
  const auto films = network.input("x", {4, 2, 6, 5});
  const TimeDistributed pictures{{Conv2d{3, 3, Padding::same}, Relu{}, GlobalAveragePool{}, Dense{5}}};
  network.output("y", network.add(Gru{.hidden = 2}, pictures.add_to(network, {films})));
  expect_round_trip("time_distributed", network);
}

/// The recurrent nodes of a file carry their state as the layers do that it was written from.
TEST(OnnxExport, WhatComesBackCarriesItsState) {
  Network network = Sequential{{6, 3}, Lstm{.hidden = 5, .layers = 2, .return_sequences = true}, Gru{.hidden = 4}};
  network.initialize(5);
  const std::string bytes = onnx::format(onnx::to_model(network));
  const auto model = std::make_shared<const onnx::Model>(onnx::parse(std::as_bytes(std::span(bytes)), "carried"));
  const Network back = onnx::to_network(model, {.output = "y", .scores = false});
  const Tensor windows = samples_for(network, 5).front();
  Dataset data{.inputs = windows, .targets = Tensor(DType::f32, {5, 4})};
  const Tensor carried = predict_stream(network, data, 1);
  expect_near(predict_stream(back, data, 1), carried);
  const Tensor apart = predict(network, data, 5, 1);
  EXPECT_NE(apart.values<float>()[4], carried.values<float>()[4]) << "the second window has seen the first";
}

TEST(OnnxExport, WritesWhatAnOldOpsetLacksAsSimplerOperators) {
  std::vector<Layer> layers;
  for (const char* kind : {"silu", "gelu", "mish", "hard_swish", "layer_norm", "rms_norm"}) {
    layers.emplace_back(Dense{6});
    layers.push_back(layer_of_kind(kind));
  }
  layers.push_back(layer_of_kind("gelu").with({{"approximate", std::string("tanh")}}));
  const Layer groups = layer_of_kind("group_norm").with({{"groups", std::int64_t{2}}});
  for (const std::int64_t opset : {13, 17, 20, 24}) {
    expect_round_trip(fmt::format("activations_{}", opset), Sequential({5}, layers), opset);
    expect_round_trip(fmt::format("groups_{}", opset), Sequential({8, 4, 3}, {groups}), opset);
    expect_round_trip(fmt::format("groups_of_features_{}", opset), Sequential({8}, {groups}), opset);
  }
}

TEST(OnnxExport, TakesTheLowestOpsetThatHasAllOperators) {
  Network network = Sequential{{3, 4}, MultiHeadAttention{.heads = 2, .rotary = true}};
  network.initialize(1);
  EXPECT_EQ(onnx::to_model(network).opset(), 23);
  EXPECT_THAT(::neurons::testing::message_of([&] { onnx::to_model(network, {.opset = 21, .metadata = {}}); }),
              ::testing::HasSubstr("RotaryEmbedding (opset 23 has it)"));
  expect_round_trip("rotary", network, 23);
  network = Sequential{{3, 4}, MultiHeadAttention{.heads = 2}};
  network.initialize(1);
  EXPECT_EQ(onnx::to_model(network).opset(), 21);
}

/// ONNX Runtime refuses tables of fewer samples than the batch.
TEST(OnnxExport, WritesRotaryTablesOfEachSample) {
  Network network = Sequential{{3, 4}, MultiHeadAttention{.heads = 2, .rotary = true}};
  network.initialize(1);
  const onnx::Model model = onnx::to_model(network);
  int tables = 0;
  for (const onnx::NodeData& node : model.graph.nodes) {
    if (node.op_type != "RotaryEmbedding") continue;
    for (const std::size_t input : {1U, 2U}) {
      const auto made = std::ranges::find_if(
          model.graph.nodes, [&](const auto& other) { return other.outputs == std::vector{node.inputs.at(input)}; });
      ASSERT_NE(made, model.graph.nodes.end()) << node.name << " has a table of one sample";
      EXPECT_EQ(made->op_type, "Expand");
      ++tables;
    }
  }
  EXPECT_EQ(tables, 4);
  const Network back = onnx::to_network(std::make_shared<const onnx::Model>(model));
  EXPECT_EQ(back.trained_parameters().size(), network.trained_parameters().size()) << "tables are no weights";
}

/// One file for sequences of all lengths: its dims, and what it gives for some. The network's own is 6.
void expect_any_length(const std::string& name, Network network, const std::vector<onnx::Dim>& output_dims,
                       const std::vector<std::int64_t>& lengths = {1, 2, 5, 6, 211}) {
  SCOPED_TRACE(name);
  network.initialize(3);
  const onnx::Model model = onnx::to_model(network, {.any_length = true});
  const onnx::ValueData& input = model.graph.inputs.at(0);
  EXPECT_EQ(input.dims->at(0), onnx::Dim("batch"));
  EXPECT_EQ(input.dims->at(1), onnx::Dim("time"));
  EXPECT_EQ(*model.graph.outputs.at(0).dims, output_dims);
  for (const std::int64_t steps : lengths) {
    Network sized = with_time(network, steps);
    for (const auto& [parameter, type] : sized.parameter_types()) sized.set_parameter(parameter, network.parameter(parameter));
    for (const std::int64_t batch : {1, 3}) {
      auto x = samples_for(sized, batch);
      std::map<std::string, Tensor> inputs{{"x", x[0]}};
      onnx::ImportOptions options{.shapes = {{"x", x[0].shape()}}, .open_batch = batch};
      if (x.size() > 1) {
        for (std::int64_t& length : x[1].values<std::int64_t>()) length = std::clamp<std::int64_t>(length, 1, steps);
        inputs.emplace("lengths", x[1]);
      }
      const auto expected = run(sized, x);
      keep(fmt::format("{}_{}x{}", name, batch, steps), onnx::format(model), x, expected);
      expect_near(onnx::testing::run(model, inputs, options).at(0), expected.at(0));
    }
  }
}

Network of_tokens(const std::vector<Layer>& layers) {
  Network network;
  Network::Tap tap = network.input("x", {6}, DType::i64);
  for (const Layer& layer : layers) tap = network.add(layer, tap);
  network.output("y", tap);
  return network;
}

TEST(OnnxExport, WritesSequencesOfAnyLength) {
  const onnx::Dim batch = "batch";
  const onnx::Dim time = "time";
  const auto of = [](std::int64_t extent) { return onnx::Dim(extent); };
  expect_any_length("any_lstm", Sequential{{6, 3}, Lstm{.hidden = 4, .layers = 2, .bidirectional = true}, Dense{2}},
                    {batch, of(2)});
  expect_any_length("any_gru", Sequential{{6, 3}, Gru{.hidden = 4, .return_sequences = true}, Dense{2, "relu"}, MeanOverTime{}},
                    {batch, of(2)});
  expect_any_length("any_rnn",
                    of_tokens({Embedding{.vocabulary = 8, .width = 3}, SimpleRnn{.hidden = 4, .return_sequences = true}, Dense{5}}),
                    {batch, time, of(5)});
  expect_any_length("any_conv", Sequential{{6, 3}, TemporalConv{.filters = 4, .kernel = 3, .dilation = 2}, LastStep{}},
                    {batch, of(4)});
  expect_any_length("any_pool", Sequential{{6, 3}, AttentionPool{}}, {batch, of(3)});
  expect_any_length("any_attention", Sequential{{6, 4}, MultiHeadAttention{.heads = 2}, LayerNorm{}}, {batch, time, of(4)});
  expect_any_length("any_encoder", Sequential{{6, 4}, TransformerEncoder{.heads = 2}, Softmax{}}, {batch, time, of(4)});
  Network each;
  each.output("y", TimeDistributed{{Dense{5, "tanh"}, Dense{2}}}.add_to(each, {each.input("x", {6, 3})}));
  expect_any_length("any_distributed", each, {batch, time, of(2)});
}

/// Tokens as vectors [time, 8] and a mask of them, which go through `add`.
template <typename Add>
Network of_padded_tokens(const Add& add) {
  Network network;
  const Network::Tap tokens = network.input("x", {6}, DType::i64);
  const Network::Tap mask = network.add(PaddingMask{}, tokens);
  network.output("y", add(network, network.add(Embedding{.vocabulary = 8, .width = 8}, tokens), mask));
  return network;
}

/// The same of numbers and their lengths.
template <typename Add>
Network of_lengths(const Add& add) {
  Network network;
  const Network::Tap x = network.input("x", {6, 8});
  network.output("y", add(network, x, network.input("lengths", {}, DType::i64)));
  return network;
}

TEST(OnnxExport, WritesLengthsBesideSequencesOfAnyLength) {
  const std::vector<onnx::Dim> steps{"batch", "time", std::int64_t{8}};
  const std::vector<onnx::Dim> whole{"batch", std::int64_t{8}};
  expect_any_length("any_lengths_block", of_lengths([](Network& network, Network::Tap x, Network::Tap lengths) {
                      return network.add(TransformerEncoder{.heads = 2, .causal = true, .rotary = true}, {x, lengths});
                    }),
                    steps);
  expect_any_length("any_lengths_lstm", of_lengths([](Network& network, Network::Tap x, Network::Tap lengths) {
                      const Lstm both{.hidden = 4, .layers = 2, .bidirectional = true, .return_sequences = true};
                      return network.add(MeanOverTime{}, {network.add(both, {x, lengths}), lengths});
                    }),
                    whole);
  expect_any_length("any_lengths_conv", of_lengths([](Network& network, Network::Tap x, Network::Tap lengths) {
                      const auto seen = network.add(TemporalConv{.filters = 8, .kernel = 3}, {x, lengths});
                      return network.add(LastStep{}, {network.add(PositionalEncoding{}, seen), lengths});
                    }),
                    whole);
}

TEST(OnnxExport, WritesWhereStepsStandForAnyLength) {
  const onnx::Dim batch = "batch";
  const onnx::Dim time = "time";
  const auto of = [](std::int64_t extent) { return onnx::Dim(extent); };
  const std::vector steps{batch, time, of(8)};
  expect_any_length("any_causal", Sequential{{6, 8}, MultiHeadAttention{.heads = 4, .causal = true, .kv_heads = 2}}, steps);
  const std::vector<std::int64_t> far{1, 2, 5, 6, 20011};
  expect_any_length("any_waves", Sequential{{6, 5}, PositionalEncoding{.period = 50}}, {batch, time, of(5)}, far);
  expect_any_length("any_rotary", Sequential{{6, 8}, MultiHeadAttention{.heads = 2, .causal = true, .kv_heads = 1, .rotary = true}},
                    steps);
  const Layer block = TransformerEncoder{.heads = 2, .causal = true};
  const Layer tokens = Embedding{.vocabulary = 8, .width = 8};
  expect_any_length("any_language", of_tokens({tokens, PositionalEncoding{}, block, block, LayerNorm{}, Dense{7}}),
                    {batch, time, of(7)});
  expect_any_length("any_learnt", of_tokens({tokens, LearnedPositions{.length = 6}, block, LastStep{}}), {batch, of(8)},
                    {1, 2, 5, 6});
  expect_any_length("any_padded", of_padded_tokens([&](Network& network, Network::Tap x, Network::Tap mask) {
                      return network.add(MeanOverTime{}, {network.add(block, {x, mask}), mask});
                    }),
                    {batch, of(8)});
  expect_any_length("any_padded_lstm", of_padded_tokens([&](Network& network, Network::Tap x, Network::Tap mask) {
                      const Lstm both{.hidden = 4, .layers = 2, .bidirectional = true, .return_sequences = true};
                      return network.add(both, {x, mask});
                    }),
                    steps);
  expect_any_length("any_decoder", of_padded_tokens([&](Network& network, Network::Tap x, Network::Tap mask) {
                      const Network::Tap memory = network.add(Dense{6, "tanh"}, x);
                      return network.add(TransformerDecoder{.heads = 2, .kv_heads = 1, .rotary = true}, {x, memory, mask, mask});
                    }),
                    steps);
  expect_any_length("any_source", of_padded_tokens([&](Network& network, Network::Tap x, Network::Tap mask) {
                      const Network::Tap source = network.add(TemporalConv{.filters = 6, .kernel = 3}, x);
                      return network.add(MultiHeadAttention{.heads = 2, .causal = true}, {x, source, mask});
                    }),
                    steps);
}

/// Two layers that see the same steps read one table; of all that says where steps stand, nothing is a weight.
TEST(OnnxExport, WritesWhereStepsStandOnce) {
  const Layer block = TransformerEncoder{.heads = 2, .causal = true, .rotary = true};
  Network network = Sequential{{6, 8}, {PositionalEncoding{}, block, block, PositionalEncoding{}, PositionalEncoding{.period = 9}}};
  network.initialize(1);
  const onnx::Model model = onnx::to_model(network, {.any_length = true});
  const auto count = [&](const char* op) { return std::ranges::count(model.graph.nodes, op, &onnx::NodeData::op_type); };
  EXPECT_EQ(count("Range"), 1);
  EXPECT_EQ(count("LessOrEqual"), 1);
  EXPECT_EQ(count("Sin"), 4);
  const Network back = onnx::to_network(std::make_shared<const onnx::Model>(model));
  EXPECT_EQ(back.trained_parameters().size(), network.trained_parameters().size());
}

/// A file of the network's own length, too, holds what causal queries see, and rotary tables, once for all layers.
TEST(OnnxExport, WritesTablesOfStepsOnce) {
  const auto tables = [](std::size_t layers, bool rotary, std::int64_t opset) {
    static constexpr std::int64_t kSteps = 37;
    const std::vector<Layer> blocks(layers, TransformerEncoder{.heads = 2, .causal = true, .rotary = rotary});
    Network network = Sequential{{kSteps, 8}, blocks};
    network.initialize(1);
    const onnx::Model model = onnx::to_model(network, {.opset = opset});
    return std::ranges::count_if(model.graph.initializers, [](const onnx::TensorData& data) {
      return std::ranges::find(data.dims, kSteps) != data.dims.end();
    });
  };
  EXPECT_EQ(tables(1, false, 21), 1);
  EXPECT_EQ(tables(3, false, 21), 1);
  EXPECT_EQ(tables(1, true, 23), 3);
  EXPECT_EQ(tables(3, true, 23), 3);
}

TEST(OnnxExport, LearntPositionsEndWithTheirTable) {
  const auto model = [](std::int64_t length) {
    Network network = Sequential{{6, 3}, LearnedPositions{.length = length}};
    network.initialize(1);
    return onnx::to_model(network, {.any_length = true});
  };
  EXPECT_EQ(onnx::format(model(0)), onnx::format(model(6)));
  const auto run_with = [&](std::int64_t steps) {
    return ::neurons::testing::message_of([&] {
      const Tensor x(DType::f32, {2, steps, 3});
      onnx::testing::run(model(6), {{"x", x}}, {.shapes = {{"x", x.shape()}}});
    });
  };
  EXPECT_EQ(run_with(6), "nothing thrown");
  EXPECT_THAT(run_with(7), ::testing::HasSubstr("learned_positions1"));
}

TEST(OnnxExport, SaysWhatHoldsTheNumberOfSteps) {
  const auto refusal = [](Network network) {
    network.initialize(1);
    return ::neurons::testing::message_of([&] { onnx::to_model(network, {.any_length = true}); });
  };
  EXPECT_EQ(refusal(Sequential{{6, 3}, Flatten{}, Dense{2}}),
            "dense1.weight is another for each number of steps, which a file of ONNX cannot say");
  EXPECT_EQ(refusal(Sequential{{0, 3}, Dense{2}}), "nothing thrown") << "its own sequences are empty";
  EXPECT_THAT(refusal(Sequential{{2}, Dense{2}}), ::testing::HasSubstr("expects a network with one output and one input, "));
  EXPECT_EQ(refusal(Sequential{{1, 3}, LearnedPositions{}}),
            "sequences of any length: layer \"learned_positions1\" has learnt one step alone, which ONNX would add to all");
  EXPECT_THAT(refusal(Sequential{{12, 2}, GroupNorm{.groups = 2}}), ::testing::HasSubstr("with 13 steps in place of 12: "));
  Network dense = Sequential{{6, 3}, Dense{2}};
  dense.initialize(1);
  EXPECT_THAT(refusal(onnx::to_network(std::make_shared<const onnx::Model>(onnx::to_model(dense)))),
              ::testing::HasSubstr("was read from ONNX, where any number may be that of steps; give the run folder"));
}

TEST(OnnxExport, RefusesConstantsThatFollowTheNumberOfStepsInAnotherWay) {
  const auto refusal = [](const std::function<float(std::int64_t place, std::int64_t steps)>& number) {
    std::vector<onnx::Variant> variants;
    for (const auto& [batch, steps] : std::vector<std::pair<std::int64_t, std::int64_t>>{{2, 5}, {3, 5}, {2, 6}, {2, 7}}) {
      std::vector<float> numbers;
      for (std::int64_t i = 0; i < steps; ++i) numbers.push_back(number(i, steps));
      Graph graph(ops::table());
      const Value row = graph.constant(Tensor::of<float>({1, steps}, numbers));
      graph.output("y", graph.emit("Add", {graph.input("x", {DType::f32, {batch, steps}}), row}));
      variants.push_back({std::move(graph), {batch, steps}});
    }
    return ::neurons::testing::message_of([&] { onnx::to_model(variants, [](const std::string&) { return Tensor(); }); });
  };
  const std::string refused = "Add: a constant is another for each number of steps, which a file of ONNX cannot say";
  const auto as = [](std::int64_t number) { return static_cast<float>(number); };
  EXPECT_EQ(refusal([&](auto place, auto steps) { return as(3 * steps - place); }), "nothing thrown");
  EXPECT_EQ(refusal([&](auto place, auto steps) { return as(steps + place); }), "nothing thrown");
  EXPECT_EQ(refusal([&](auto place, auto) { return as(2 * place); }), refused);
  EXPECT_EQ(refusal([&](auto place, auto) { return as(place * place); }), refused);
  EXPECT_EQ(refusal([&](auto place, auto steps) { return as(steps - place) + 0.5F; }), refused);
  EXPECT_THAT(refusal([&](auto place, auto steps) { return as(steps * steps - place); }), ::testing::HasSubstr(refused));
}

TEST(OnnxExport, RefusesWavesOfFeaturesThatFollowTheNumberOfSteps) {
  const auto refusal = [](bool turned) {
    std::vector<onnx::Variant> variants;
    for (const auto& [batch, steps] : std::vector<std::pair<std::int64_t, std::int64_t>>{{2, 5}, {3, 5}, {2, 6}, {2, 7}}) {
      Graph graph(ops::table());
      const Value x = graph.input("x", {DType::f32, {batch, steps}});
      const Shape table = turned ? Shape{3, steps} : Shape{steps, 3};
      graph.output("y", graph.constant(wave_table(table, encoding_waves(table[1], 100))));
      graph.output("z", x);
      variants.push_back({std::move(graph), {batch, steps}});
    }
    onnx::ExportOptions options;
    options.waves = {[](std::int64_t width) { return encoding_waves(width, 100); }};
    return ::neurons::testing::message_of([&] {
      onnx::to_model(
          variants, [](const std::string&) { return Tensor(); }, options);
    });
  };
  EXPECT_EQ(refusal(false), "nothing thrown");
  EXPECT_EQ(refusal(true), "a constant is another for each number of steps, which a file of ONNX cannot say");
}

TEST(OnnxExport, WhatIsComputedOnTheWayMayHaveTheNameOfAnOutput) {
  const auto graph = [](std::int64_t batch) {
    Graph result(ops::table());
    const Value inner = result.emit("Relu", {result.input("x", {DType::f32, {batch, 3}})});
    result.rename(inner, "y");
    result.output("y", result.emit("Neg", {inner}));
    return result;
  };
  const onnx::Model model = onnx::to_model(graph, [](const std::string&) { return Tensor(); });
  const Tensor x = Tensor::of<float>({2, 3}, {-1, 0, 1, 2, -3, 4});
  EXPECT_EQ(onnx::testing::run(model, {{"x", x}}, {.shapes = {{"x", x.shape()}}}).at(0),
            Tensor::of<float>({2, 3}, {-0.0F, -0.0F, -1, -2, -0.0F, -4}));
}

/// What our ops have by default, ONNX's operators want as an input.
TEST(OnnxExport, WritesInputsThatAreOptionsHere) {
  const auto graph = [](std::int64_t batch) {
    Graph result(ops::table());
    const Value largest = result.emit("TopK", {result.input("x", {DType::f32, {batch, 3}})});
    const Value factor = result.constant(Tensor::of<float>({1}, {2}));
    result.output("y", largest * emit_with("Reshape", {factor}, {{"shape", std::vector<std::int64_t>{}}}));
    return result;
  };
  const onnx::Model model = onnx::to_model(graph, [](const std::string&) { return Tensor(); });
  for (const onnx::NodeData& node : model.graph.nodes) {
    EXPECT_EQ(node.inputs.size(), 2U) << node.op_type;
  }
  const Tensor x = Tensor::of<float>({2, 3}, {-1, 0, 1, 2, -3, 4});
  EXPECT_EQ(onnx::testing::run(model, {{"x", x}}, {.shapes = {{"x", x.shape()}}}).at(0), Tensor::of<float>({2, 1}, {2, 8}));
}

TEST(OnnxExport, ListsAllThatAnOpsetLacks) {
  const auto graph = [](std::int64_t batch) {
    Graph result(ops::table());
    const Value x = result.input("x", {DType::f32, {batch, 1, 4, 4}});
    const Value bits = emit_with("BitCast", {result.emit("GridSample", {x, result.input("grid", {DType::f32, {batch, 4, 4, 2}})})},
                                 {{"to", std::string("i32")}});
    result.output("y", bits);
    return result;
  };
  EXPECT_THAT(
      ::neurons::testing::message_of([&] { onnx::to_model(graph, [](const std::string&) { return Tensor(); }, {.opset = 13}); }),
      ::testing::HasSubstr("ONNX's opset 13 has no operators for BitCast (opset 26 has it), GridSample (opset 16 has it)"));
}

TEST(OnnxExport, SaysWhichOpsetHasAnInputOrAnAttribute) {
  const auto written = [](std::int64_t window, std::int64_t opset) {
    const auto graph = [&](std::int64_t batch) {
      Graph result(ops::table());
      const OpDef& op = result.table()->find("Attention");
      std::vector<Value> inputs;
      for (const char* name : {"q", "k", "v"}) inputs.push_back(result.input(name, {DType::f32, {batch, 2, 3, 4}}));
      inputs.resize(6);
      inputs.push_back(result.input("valid", {DType::i64, {batch}}));
      result.output("y", result.emit_all(op, inputs, op.default_options.with({{"left_window_size", window}})).front());
      return result;
    };
    return onnx::to_model(graph, [](const std::string&) { return Tensor(); }, {.opset = opset});
  };
  EXPECT_EQ(written(-1, 24).graph.nodes.front().inputs, (std::vector<std::string>{"q", "k", "v", "", "", "", "valid"}));
  using ::neurons::testing::message_of;
  EXPECT_THAT(message_of([&] { written(-1, 23); }),
              ::testing::HasSubstr("has input 6 of Attention from opset 24 on, this is to be 23"));
  EXPECT_THAT(message_of([&] { written(2, 24); }), ::testing::HasSubstr("has left_window_size of Attention from opset 25 on"));
}

}  // namespace
}  // namespace neurons
