/// Texts from a spec to text again: parts in their order, nats per character, generation.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "neurons/base/testing.hpp"
#include "neurons/formats/onnx/model.hpp"
#include "neurons/layers/step_graph.hpp"
#include "neurons/spec/export_model.hpp"
#include "neurons/spec/generate.hpp"
#include "neurons/spec/run.hpp"

namespace neurons {
namespace {

using ::testing::HasSubstr;
using testing::message_of;
using testing::TemporaryFolder;

constexpr const char* kCausal = R"({ kind = "embedding", vocabulary = "outputs", width = 12 },
  { kind = "temporal_conv", filters = 16, kernel = 3, activation = "relu" }, { kind = "dense", units = "outputs" })";

class TextRun : public ::testing::Test {
 protected:
  TextRun() {
    std::ofstream file(folder_ / "song.txt");
    for (int i = 0; i < 200; ++i) file << "abcd efgé.\n";
  }
  Spec spec(const std::string& data = "test = 0.1\ntext = { length = 16 }", const std::string& layers = kCausal) const {
    return parse_spec(
        fmt::format("[data]\nsource = \"song.txt\"\n{}\n[network]\nlayers = [{}]\n[training]\n"
                    "optimizer = {{ kind = \"adam\", learning_rate = 0.01 }}\nepochs = 12\nbatch_size = 8\nthreads = 1\n",
                    data, layers),
        folder_ / "spec.toml");
  }
  std::string refusal(const std::string& data) const {
    return message_of([&] { prepare(spec(data)); });
  }

  TemporaryFolder folder_;
};

TEST_F(TextRun, LearnsToWriteWhatItHasRead) {
  const RunOutcome outcome = run(spec(), {.folder = folder_ / "run"});
  // 11 characters to a line of 12 bytes; the last 220 characters are judged, all but their first.
  EXPECT_NEAR(*outcome.test->nats_per_character, outcome.test->loss, 1e-9);
  EXPECT_LT(outcome.test->loss, 0.1);
  const Model model = open_model(folder_ / "run");
  ASSERT_TRUE(model.tokenizer.has_value());
  EXPECT_EQ(model.tokenizer->vocabulary(), 12);
  EXPECT_EQ(evaluate(model, evaluation_data(model, nullptr), 1).loss, outcome.test->loss);
  EXPECT_EQ(generate(model, {.prompt = "ab", .length = 20, .temperature = 0}), "cd efgé.\nabcd efgé.\n");
  std::string streamed;
  const GenerateOptions wild{.prompt = "a", .length = 60, .temperature = 3, .seed = 5};
  GenerateOptions heard = wild;
  heard.on_text = [&](std::string_view text) { streamed += text; };
  EXPECT_EQ(generate(model, heard), streamed);
  EXPECT_EQ(generate(model, wild), streamed);
  GenerateOptions other = wild;
  other.seed = 6;
  EXPECT_NE(generate(model, other), streamed);
  EXPECT_EQ(
      message_of([&] { generate(model, {.prompt = "abz"}); }),
      "the prompt's character after \"ab\" is none of the 11 characters that the model has learnt from: give a prompt of those");
  EXPECT_THAT(message_of([&] { generate(model, {.prompt = ""}); }), HasSubstr("prompt is empty"));
  EXPECT_EQ(message_of([&] { generate(model, {.top_p = 0}); }), "top_p = 0 must be above 0 and at most 1");
  EXPECT_EQ(message_of([&] { generate(model, {.temperature = -1}); }), "temperature = -1 must be at least 0");
}

TEST_F(TextRun, TheLineEndThatIsThePromptByDefaultMayBeUnknown) {
  std::ofstream file(folder_ / "song.txt");
  for (int i = 0; i < 100; ++i) file << "abcd efg.";
  file.close();
  run(spec(), {.folder = folder_ / "run"});
  const Model model = open_model(folder_ / "run");
  EXPECT_EQ(message_of([&] { generate(model, {}); }),
            "the prompt's line end after \"\" is none of the 9 characters that the model has learnt from: give a prompt of those");
}

/// Recurrent networks keep their state from token to token.
constexpr const char* kRecurrent = R"({ kind = "embedding", vocabulary = "outputs", width = 4 },
  { kind = "simple_rnn", hidden = 1, activation = "relu", return_sequences = true }, { kind = "dense", units = "outputs" })";

TEST_F(TextRun, ARecurrentNetworkRemembersMoreThanAWindow) {
  run(spec("text = { length = 16 }", kRecurrent), {.folder = folder_ / "run"});
  Model model = open_model(folder_ / "run");
  const auto set = [&](const std::string& name, const Shape& shape, const std::vector<float>& values) {
    model.network.set_parameter(name, Tensor::of<float>(shape, values));
  };
  // h counts tokens; "a", the second, is likelier than "b" as long as it is at most 20.
  set("simple_rnn1.weight", {1, 4}, {0, 0, 0, 0});
  set("simple_rnn1.recurrent_weight", {1, 1}, {1});
  set("simple_rnn1.bias", {1}, {1});
  const std::int64_t a = model.tokenizer->encode("a").front();
  const std::int64_t b = model.tokenizer->encode("b").front();
  std::vector<float> weight(static_cast<std::size_t>(model.tokenizer->vocabulary()), 0);
  std::vector<float> bias = weight;
  weight[static_cast<std::size_t>(b)] = 1;
  bias[static_cast<std::size_t>(a)] = 20.5F;
  set("dense1.weight", {model.tokenizer->vocabulary(), 1}, weight);
  set("dense1.bias", {model.tokenizer->vocabulary()}, bias);
  EXPECT_EQ(generate(model, {.prompt = "abc", .length = 22, .temperature = 0}), std::string(18, 'a') + "bbbb");
  EXPECT_EQ(generate(model, {.prompt = std::string(19, 'c'), .length = 3, .temperature = 0}), "aab");
}

TEST_F(TextRun, ARecurrentNetworkWritesWhatItsWindowSays) {
  run(spec("text = { length = 16 }", R"({ kind = "embedding", vocabulary = "outputs", width = 4 },
    { kind = "lstm", hidden = 9, return_sequences = true }, { kind = "dense", units = "outputs" })"),
      {.folder = folder_ / "run"});
  const Model model = open_model(folder_ / "run");
  std::vector<std::int64_t> tokens = model.tokenizer->encode("ef");
  while (tokens.size() < 16) {  // the whole window for each token
    Dataset window{.inputs = Tensor(DType::i64, {1, 16}), .targets = Tensor(DType::f32, {1, 1})};
    std::ranges::copy(tokens, window.inputs.values<std::int64_t>().begin());
    const Tensor y = predict(model.network, window, 1, 1);
    const auto width = static_cast<std::size_t>(y.shape()[-1]);
    const auto logits = y.values<float>().subspan((tokens.size() - 1) * width, width);
    tokens.push_back(std::ranges::max_element(logits) - logits.begin());
  }
  EXPECT_EQ("ef" + generate(model, {.prompt = "ef", .length = 14, .temperature = 0}), model.tokenizer->decode(tokens));
}

TEST_F(TextRun, AFileForAnyLengthIsReadWithThatOfTheTraining) {
  const RunOutcome outcome = run(spec("test = 0.1\ntext = { length = 16 }"), {.folder = folder_ / "run"});
  export_model(open_model(folder_ / "run"), "onnx", {.folder = folder_ / "files", .name = "any", .any_length = true});
  EXPECT_EQ(*onnx::read(folder_ / "files/any.onnx").graph.inputs.at(0).dims, (std::vector<onnx::Dim>{"batch", "time"}));
  const Model model = open_model(folder_ / "files/any.onnx");
  EXPECT_EQ(model.sample_shape(), (Shape{16}));
  EXPECT_NEAR(evaluate(model, evaluation_data(model, nullptr), 1).loss, outcome.test->loss, 1e-6);
  EXPECT_EQ(generate(model, {.prompt = "ab", .length = 20, .temperature = 0}), "cd efgé.\nabcd efgé.\n");
  const Model longer = with_window(model, 40);
  EXPECT_EQ(longer.sample_shape(), (Shape{40}));
  const Dataset windows = evaluation_data(longer, nullptr);
  EXPECT_EQ(windows.input_shape(), (Shape{40}));
  EXPECT_LT(evaluate(longer, windows, 1).loss, outcome.test->loss + 0.1);
  EXPECT_EQ(generate(longer, {.prompt = "ab", .length = 20, .temperature = 0}), "cd efgé.\nabcd efgé.\n");
  EXPECT_THAT(message_of([&] { with_window(model, 1'000'001); }), HasSubstr("window"));
  EXPECT_THAT(message_of([&] { with_window(open_model(folder_ / "run"), 40); }),
              HasSubstr("takes windows of 16 steps alone; neurons export RUN --to onnx --any-length"));
}

TEST_F(TextRun, NatsPerCharacterCountCharactersNotTokens) {
  const RunOutcome outcome = run(spec("test = 0.1\ntext = { tokens = \"byte\", length = 16 }"), {.folder = folder_ / "run"});
  // 20 lines of 12 bytes and 11 characters; the first byte of the part, an "a", is no label.
  EXPECT_NEAR(*outcome.test->nats_per_character, outcome.test->loss * 239 / 219, 1e-9);
  const RunOutcome pairs =
      run(spec("test = 0.1\ntext = { tokens = \"byte_pair\", vocabulary = 260, length = 16 }"), {.folder = folder_ / "pairs"});
  EXPECT_EQ(open_model(folder_ / "pairs").tokenizer->vocabulary(), 260);
  EXPECT_EQ(generate(open_model(folder_ / "pairs"), {.prompt = "abcd", .length = 2, .temperature = 0}).substr(0, 2), " e");
}

TEST_F(TextRun, IsJudgedWithTheTokensItWasTrainedOn) {
  run(spec(), {.folder = folder_ / "run"});
  run(spec("test = 0.1\ntext = { tokens = \"byte_pair\", vocabulary = 260, length = 16 }"), {.folder = folder_ / "pairs"});
  std::ofstream file(folder_ / "song.txt");
  for (int i = 0; i < 400; ++i) file << "bcd efgé.\n";  // no "a", and other pairs are the most frequent
  file.close();
  for (const char* name : {"run", "pairs"}) {
    const Model model = open_model(folder_ / name);
    const Dataset test = evaluation_data(model, nullptr);
    const auto window = test.inputs.values<std::int64_t>().first(16);
    EXPECT_THAT(model.tokenizer->decode({window.begin(), window.end()}), ::testing::StartsWith("bcd efgé.\nbcd ")) << name;
    EXPECT_EQ(test.class_names, model.class_names);
  }
}

TEST_F(TextRun, ANetworkThatLooksAheadDoesNotWrite) {
  run(spec("text = { length = 16 }", R"({ kind = "embedding", vocabulary = "outputs", width = 4 }, "flatten",
    { kind = "dense", units = 192 }, { kind = "reshape", shape = [16, 12] })"),
      {.folder = folder_ / "run"});
  EXPECT_THAT(message_of([&] { generate(open_model(folder_ / "run")); }), HasSubstr("the network looks ahead of the step"));
}

/// The model with NaN or an infinity in place of one number of a parameter.
Model with_one(const std::filesystem::path& folder, const std::string& name, std::size_t element, float value) {
  Model model = open_model(folder);
  Tensor tensor = model.network.parameter(name);
  tensor.values<float>()[element] = value;
  model.network.set_parameter(name, tensor);
  return model;
}

TEST_F(TextRun, AModelThatIsNotFiniteSaysWhere) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const auto said = [&](const Model& model, const std::string& prompt = "abc") {
    std::string text = message_of([&] { generate(model, {.prompt = prompt, .length = 200}); });
    EXPECT_THAT(text, ::testing::EndsWith("; train it again, with a lower learning rate or clipped gradients (clip_norm), or take "
                                          "another file of weights"));
    return text;
  };
  run(spec(), {.folder = folder_ / "run"});
  EXPECT_THAT(said(with_one(folder_ / "run", "dense1.weight", 2 * 16 + 5, kNan)), HasSubstr(": dense1.weight[2, 5] is nan; train"));
  EXPECT_THAT(said(with_one(folder_ / "run", "dense1.bias", 3, kInfinity)), HasSubstr(": dense1.bias[3] is inf; train"));
  EXPECT_THAT(said(with_one(folder_ / "run", "dense1.bias", 3, -kInfinity)), HasSubstr(": dense1.bias[3] is -inf; train"));

  run(spec("text = { length = 16 }", kRecurrent), {.folder = folder_ / "again"});
  Model model = with_one(folder_ / "again", "dense1.weight", 7, kNan);
  EXPECT_THAT(said(model), HasSubstr(": dense1.weight[7, 0] is nan; train"));
  // h doubles with each token: 2^t - 1 is beyond float32 from the 128th on, [127] from 0.
  model = open_model(folder_ / "again");
  model.network.set_parameter("simple_rnn1.weight", Tensor(DType::f32, {1, 4}));
  model.network.set_parameter("simple_rnn1.recurrent_weight", Tensor::of<float>({1, 1}, {2}));
  model.network.set_parameter("simple_rnn1.bias", Tensor::of<float>({1}, {1}));
  EXPECT_THAT(said(model), HasSubstr(": simple_rnn1 (RNN)[127, 0, 0, 0] is inf; train"));
  EXPECT_THAT(said(model, std::string(150, 'c')), HasSubstr(": simple_rnn1 (RNN)[127, 0, 0, 0] is inf; train"));
}

constexpr const char* kLstm = R"({ kind = "embedding", vocabulary = "outputs", width = 6 },
  { kind = "lstm", hidden = 12, return_sequences = true }, { kind = "dense", units = "outputs" })";

TEST_F(TextRun, CarriesItsStateThroughTheWholeText) {
  Spec carried = spec("test = 0.1\nvalidation = 0.1\ntext = { length = 16 }", kLstm);
  carried.training.options.carry_state = true;
  const RunOutcome outcome = run(carried, {.folder = folder_ / "run"});
  EXPECT_LT(outcome.test->loss, outcome.history.epochs.front().validation_loss);
  EXPECT_NEAR(outcome.validation->loss, outcome.history.epochs.back().validation_loss, 1e-5);
  const Model model = open_model(folder_ / "run");
  ASSERT_TRUE(model.carries_state());
  const Dataset test = evaluation_data(model, nullptr);
  EXPECT_EQ(test.samples(), 14) << "219 labels of 220 characters in windows of 16";
  EXPECT_EQ(evaluate(model, test, 1).loss, outcome.test->loss);
  // The same as one long window: the part's 219 labels at once.
  const auto tokens = test.inputs.values<std::int64_t>().first(219);
  Network whole = with_time(model.network, 219);
  for (const auto& [name, type] : whole.parameter_types()) whole.set_parameter(name, model.network.parameter(name));
  Dataset one{.inputs = Tensor::of<std::int64_t>({1, 219}, std::vector(tokens.begin(), tokens.end())),
              .targets = Tensor(DType::f32, {1, 1})};
  const Tensor logits = predict(whole, one, 1, 1);
  const Tensor in_windows = predict_stream(model.network, test, 1);
  for (std::size_t i = 0; i < logits.values<float>().size(); ++i) {
    ASSERT_NEAR(in_windows.values<float>()[i], logits.values<float>()[i], 1e-5) << i;
  }
}

TEST_F(TextRun, CarriedStateIsRefusedWhereItCannotBe) {
  const auto refused = [this](const std::string& data, const std::string& layers) {
    std::string text = to_toml(spec(data, layers));
    const auto at = text.find("carry_state = false");
    text.replace(at, std::string("carry_state = false").size(), "carry_state = true");
    return message_of([&] { run(parse_spec(text, folder_ / "spec.toml"), {.folder = folder_ / "run"}); });
  };
  EXPECT_THAT(refused("text = { length = 16, stride = 8 }", kLstm),
              HasSubstr(": carry_state: each window begins where the one before it ends, so stride = 8 must be length = 16"));
  EXPECT_THAT(refused("text = { length = 16 }", kCausal),
              HasSubstr(": carry_state: the network has no recurrent layer, so it remembers nothing from step to step"));
  EXPECT_THAT(refused("text = { length = 16 }", R"({ kind = "embedding", vocabulary = "outputs", width = 6 },
    { kind = "gru", hidden = 4, bidirectional = true, return_sequences = true }, { kind = "dense", units = "outputs" })"),
              HasSubstr(": carry_state: gru1 goes backward in time, so its first step needs the last"));
  EXPECT_THAT(refused("text = { length = 400 }", kLstm), HasSubstr("carry_state: batch_size = 8 asks for as many streams, but"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "run"));
  EXPECT_THAT(message_of([&] {
                prepare(parse_spec("[data]\nsource = \"iris\"\n[network]\nlayers = [\"relu\"]\n[training]\ncarry_state = true\n",
                                   folder_ / "spec.toml"));
              }),
              ::testing::EndsWith("spec.toml:6:1: carry_state: goes with [data] text or series, whose samples follow one another; "
                                  "those of other data do not"));
}

TEST_F(TextRun, WhatCannotBeIsToldInOneSentence) {
  EXPECT_THAT(refusal("test = 0.1"), HasSubstr("is a text: say in [data] how it is cut into tokens and windows, such as text = {"));
  EXPECT_THAT(refusal("text = { length = 5000 }"), HasSubstr("the training part: 2200 tokens, but a window takes 5000"));
  EXPECT_THAT(refusal("test = 10\ntext = { length = 16 }"), HasSubstr("the test part: 10 tokens, but a window takes 16"));
  EXPECT_THAT(refusal("text = { tokens = \"byte_pair\", vocabulary = 200 }"), HasSubstr("text.vocabulary = 200 must be from 257"));
  EXPECT_THAT(refusal("text = { tokens = \"word\" }"), HasSubstr("expected byte, character, byte_pair"));
  EXPECT_THAT(refusal("text = {}\ntarget = \"x\""), HasSubstr("[data] target is for tables"));
  EXPECT_THAT(refusal("text = {}\nseed = 1"), HasSubstr("[data] seed: the parts of a text follow one another"));
  EXPECT_THAT(refusal("text = {}\nseries = {}"), HasSubstr("more than one of pictures, series, text and sequences"));
  std::ofstream(folder_ / "song.txt") << "caf\xE9 " << std::string(200, 'a');
  EXPECT_THAT(refusal("text = {}"), HasSubstr("song.txt:1: byte 0xe9 is not UTF-8; save the file in UTF-8"));
}

TEST(DrawToken, IsOneOfThemWhateverTheLogits) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  for (const std::vector<float>& logits :
       {std::vector<float>(3, nan), std::vector<float>(3, infinity), std::vector<float>(3, -infinity)}) {
    EXPECT_THAT(draw_token(logits, {}, 0.5), ::testing::AllOf(::testing::Ge(0), ::testing::Lt(3))) << logits[0];
  }
}

TEST(DrawToken, FollowsTheProbabilities) {
  const std::vector<float> logits = {std::log(0.2F), std::log(0.5F), std::log(0.3F)};
  const auto draw = [&](GenerateOptions options, double uniform) { return draw_token(logits, options, uniform); };
  EXPECT_EQ(draw({}, 0.49), 1);
  EXPECT_EQ(draw({}, 0.51), 2);
  EXPECT_EQ(draw({}, 0.81), 0);
  EXPECT_EQ(draw({.temperature = 0}, 0.99), 1);
  EXPECT_EQ(draw({.top_k = 2}, 0.99), 2);
  EXPECT_EQ(draw({.top_k = 2}, 0.62), 1) << "0.5 of 0.8";
  EXPECT_EQ(draw({.top_p = 0.4}, 0.99), 1);
  EXPECT_EQ(draw({.top_p = 0.6}, 0.99), 2);
  EXPECT_EQ(draw({.temperature = 0.5}, 0.65), 1) << "squares: 0.25 of 0.38";
  EXPECT_EQ(draw({.temperature = 0.5}, 0.67), 2);
  EXPECT_EQ(draw({.temperature = 0.5}, 0.9), 0);
}

}  // namespace
}  // namespace neurons
