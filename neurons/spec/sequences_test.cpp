/// Sequences from arrays: tokens and lengths from an npz into a network and out of it again.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "neurons/base/testing.hpp"
#include "neurons/data/readers/npy.hpp"
#include "neurons/spec/check_spec.hpp"
#include "neurons/spec/evaluate.hpp"
#include "neurons/spec/export_model.hpp"
#include "neurons/spec/predict.hpp"
#include "neurons/spec/run.hpp"

namespace neurons {
namespace {

using ::testing::HasSubstr;
using testing::message_of;
using testing::TemporaryFolder;

constexpr std::int64_t kSamples = 90, kTime = 6, kTokens = 5;

class Sequences : public ::testing::Test {
 protected:
  /// Each step's label is the token before it; a sequence's is its last token.
  Sequences() {
    Tensor x(DType::i64, {kSamples, kTime}), y(DType::i64, {kSamples, kTime}), last(DType::i64, {kSamples});
    Tensor lengths(DType::i32, {kSamples});
    RandomStream random(3);
    for (std::size_t s = 0; s < static_cast<std::size_t>(kSamples); ++s) {
      const std::size_t length = 2 + s % 5;
      lengths.values<std::int32_t>()[s] = static_cast<std::int32_t>(length);
      for (std::size_t t = 0; t < static_cast<std::size_t>(kTime); ++t) {
        const std::size_t at = s * kTime + t;
        x.values<std::int64_t>()[at] = t < length ? static_cast<std::int64_t>(random.below(kTokens)) : 99;  // padding is not read
        y.values<std::int64_t>()[at] = t == 0 ? 0 : x.values<std::int64_t>()[at - 1];
      }
      last.values<std::int64_t>()[s] = x.values<std::int64_t>()[s * kTime + length - 1];
    }
    arrays_ = {{"x", x}, {"y", y}, {"lengths", lengths}};
    last_ = last;
  }
  Spec spec(const std::string& data, const std::string& gru, const std::string& training = "epochs = 30") const {
    write_npz(folder_ / "d.npz", arrays_);
    return parse_spec(
        fmt::format("[data]\nsource = \"d.npz\"\ntest = 0.2\n{}\n[network]\nlayers = [\n"
                    "{{ kind = \"embedding\", name = \"words\", vocabulary = 5, width = 8 }},\n"
                    "{{ kind = \"gru\", hidden = 16, {} }},\n{{ kind = \"dense\", units = \"outputs\" }} ]\n[training]\n"
                    "optimizer = {{ kind = \"adam\", learning_rate = 0.02 }}\nbatch_size = 8\nthreads = 1\n{}\n",
                    data, gru, training),
        folder_ / "spec.toml");
  }
  std::string refusal(const std::string& data = kData) const {
    return message_of([&] { prepare(spec(data, kSteps)); });
  }

  static constexpr const char* kData = "sequences = { tokens = true }";
  static constexpr const char* kSteps = "return_sequences = true, from = [\"words\", \"lengths\"]";
  TemporaryFolder folder_;
  std::map<std::string, Tensor> arrays_;
  Tensor last_;
};

TEST_F(Sequences, AreLabelledStepByStep) {
  const RunOutcome outcome = run(spec(kData, kSteps), {.folder = folder_ / "run"});
  EXPECT_EQ(outcome.without_onnx, "");
  EXPECT_GT(outcome.test->classification->accuracy, 0.95);
  for (const char* file : {"run", "run/model.onnx"}) {
    const Model model = open_model(folder_ / file);
    EXPECT_NEAR(evaluate(model, evaluation_data(model, nullptr), 1).loss, outcome.test->loss, 1e-5) << file;
    write_npz(folder_ / "new.npz", {{"x", Tensor::of<std::int64_t>({2, 6}, {4, 3, 0, 7, 7, 7, 2, 1, 2, 4, 0, 0})},
                                    {"lengths", Tensor::of<std::int64_t>({2}, {3, 5})}});
    const std::vector<std::string> input{(folder_ / "new.npz").string()};
    const NamedSamples samples = read_samples(model, input);
    EXPECT_EQ(samples.lengths, (std::vector<std::int64_t>{3, 5}));
    const auto predictions = predict(model, samples.inputs, 1, samples.lengths);
    ASSERT_EQ(predictions.size(), 8U);
    std::vector<std::string> said;
    for (const Prediction& one : predictions) {
      if (one.step > 0) said.push_back(one.class_name);
    }
    EXPECT_THAT(said, ::testing::ElementsAre("4", "3", "2", "1", "2", "4"));
    EXPECT_EQ(predictions[3].sample, 1);
    write_npy(folder_ / "one.npy", Tensor::of<std::int64_t>({6}, {1, 2, 3, 4, 0, 1}));
    const NamedSamples whole = read_samples(model, std::vector<std::string>{(folder_ / "one.npy").string()});
    EXPECT_EQ(predict(model, whole.inputs, 1, whole.lengths).size(), 6U);
  }
}

TEST_F(Sequences, AFileForAnyLengthTakesThatOfItsData) {
  run(spec(kData, kSteps), {.folder = folder_ / "run"});
  export_model(open_model(folder_ / "run"), "onnx", {.folder = folder_ / "files", .name = "any", .any_length = true});
  const Model model = open_model(folder_ / "files/any.onnx");
  EXPECT_EQ(model.sample_shape(), Shape{kTime});
  const auto path_of = [&](const std::string& name) { return (folder_ / name).string(); };
  const auto evaluated = [&](const Tensor& x, const Tensor& y) {
    const auto lengths = Tensor::of<std::int64_t>({2}, {2, x.shape()[1]});
    write_npz(folder_ / "other.npz", {{"x", x}, {"y", y}, {"lengths", lengths}});
    const std::filesystem::path other = folder_ / "other.npz";
    const Dataset data = evaluation_data(model, &other);
    return evaluate(judged_by(model, data), data, 1).classification->accuracy;
  };
  EXPECT_GT(evaluated(Tensor::of<std::int64_t>({2, 9}, {4, 3, 0, 0, 0, 0, 0, 0, 0, 2, 1, 2, 4, 0, 3, 1, 4, 2}),
                      Tensor::of<std::int64_t>({2, 9}, {0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 2, 4, 0, 3, 1, 4})),
            0.9);
  EXPECT_EQ(evaluated(Tensor::of<std::int64_t>({2, 2}, {4, 3, 1, 2}), Tensor::of<std::int64_t>({2, 2}, {0, 4, 0, 1})), 1);

  write_npy(folder_ / "seven.npy", Tensor::of<std::int64_t>({7}, {1, 2, 3, 4, 0, 1, 2}));
  write_npy(folder_ / "sevens.npy", Tensor::of<std::int64_t>({2, 7}, {1, 2, 3, 4, 0, 1, 2, 2, 2, 2, 2, 2, 2, 2}));
  const NamedSamples samples = read_samples(model, std::vector{path_of("seven.npy"), path_of("sevens.npy")});
  EXPECT_EQ(samples.inputs.shape(), (Shape{3, 7}));
  EXPECT_THAT(samples.names,
              ::testing::ElementsAre(path_of("seven.npy"), path_of("sevens.npy") + "[0]", path_of("sevens.npy") + "[1]"));
  const auto predictions = predict(model, samples.inputs, 1, samples.lengths);
  ASSERT_EQ(predictions.size(), 21U);
  EXPECT_EQ(predictions[6].class_name, "1");
  write_npy(folder_ / "ones.npy", Tensor::of<std::int64_t>({3, 1}, {1, 2, 3}));  // three sequences, not one of three steps
  EXPECT_EQ(read_samples(model, std::vector{path_of("ones.npy")}).inputs.shape(), (Shape{3, 1}));
  write_npy(folder_ / "three.npy", Tensor::of<std::int64_t>({3}, {1, 2, 3}));
  EXPECT_THAT(message_of([&] {
                read_samples(model, std::vector{path_of("seven.npy"), path_of("three.npy")});
              }),
              HasSubstr("three.npy: its sequences have 3 steps, those before them 7: give those of one length at a time"));
  EXPECT_THAT(message_of([&] { read_samples(open_model(folder_ / "run"), std::vector{path_of("seven.npy")}); }),
              HasSubstr("the array has shape [7], but the model expects [6] or a list of such"));
  EXPECT_THAT(message_of([&] { with_window(model, 8); }), HasSubstr("was not trained on windows of a text or a series"));
}

TEST_F(Sequences, AreLabelledAsAWhole) {
  arrays_["y"] = last_;
  arrays_["steps"] = arrays_["lengths"];
  arrays_.erase("lengths");
  const RunOutcome outcome = run(spec("sequences = { tokens = true, lengths = \"steps\" }", "from = [\"words\", \"lengths\"]"),
                                 {.folder = folder_ / "run"});
  EXPECT_GT(outcome.test->classification->accuracy, 0.9);
  EXPECT_THAT(message_of([&] {
                run(spec("sequences = { tokens = true, lengths = \"steps\" }", "return_sequences = false"),
                    {.folder = folder_ / "other"});
              }),
              HasSubstr("tells the lengths of its sequences, but the network has no input for them"));
}

TEST_F(Sequences, ValuesOfStepsAreLearnt) {
  Tensor x(DType::f32, {40, 4, 2}), y(DType::f32, {40, 4, 1});
  RandomStream random(1);
  for (float& value : x.values<float>()) value = static_cast<float>(random.uniform(-1, 1));
  for (std::size_t i = 0; i < 160; ++i)
    y.values<float>()[i] = i % 7 == 0 ? NAN : x.values<float>()[2 * i] - x.values<float>()[2 * i + 1];
  write_npz(folder_ / "v.npz", {{"x", x}, {"y", y}});
  const Spec values = parse_spec(
      "[data]\nsource = \"v.npz\"\ntest = 0.25\nsequences = {}\n[network]\nlayers = [{ kind = \"dense\", units = \"outputs\" }]\n"
      "[training]\noptimizer = { kind = \"adam\", learning_rate = 0.05 }\nepochs = 40\nbatch_size = 10\nthreads = 1\n",
      folder_ / "v.toml");
  EXPECT_LT(run(values, {.folder = folder_ / "run"}).test->regression->rmse, 0.01);
}

TEST_F(Sequences, SaysWhatDoesNotFit) {
  arrays_["lengths"].values<std::int32_t>()[4] = 7;
  EXPECT_THAT(refusal(), HasSubstr("sequence 4 (from 0) has length 7, but the data has 6 steps; expected 1 to 6"));
  arrays_["lengths"].values<std::int32_t>()[4] = 0;
  EXPECT_THAT(refusal(), HasSubstr("sequence 4 (from 0) has length 0"));
  const Tensor lengths = std::exchange(arrays_["lengths"], Tensor(DType::f32, {kSamples}));
  EXPECT_THAT(refusal(), HasSubstr("array lengths of lengths is f32[90], expected a whole number for each sample"));
  EXPECT_THAT(refusal("sequences = { tokens = true, lengths = \"len\" }"),
              HasSubstr("holds lengths, x, y, but no array len of lengths"));
  arrays_.erase("lengths");
  arrays_["y"] = last_;
  EXPECT_THAT(message_of([&] { run(spec(kData, kSteps), {.folder = folder_ / "run"}); }),
              HasSubstr("is out of range: the embedding's vocabulary is 5, 0 to 4"));
  const Tensor tokens = std::exchange(arrays_["x"], Tensor(DType::f32, {kSamples, kTime}));
  EXPECT_THAT(refusal(), HasSubstr("array x is f32[90, 6], expected tokens: whole numbers [samples, time]"));
  EXPECT_THAT(refusal("sequences = {}"), HasSubstr("expected numbers [samples, time, features], or with tokens = true"));
  arrays_["x"] = tokens;
  arrays_["y"] = Tensor(DType::i64, {kSamples, 4});
  EXPECT_THAT(refusal(),
              HasSubstr("array y is i64[90, 4], but the sequences have 6 steps; expected labels [samples, time], or [samples]"));
  EXPECT_THAT(refusal("sequences = {}\ntext = {}"), HasSubstr("more than one of pictures, series, text and sequences"));
  EXPECT_THAT(message_of([&] {
                Spec table = spec(kData, kSteps);
                table.data.source = "iris";
                const std::filesystem::path places[] = {NEURONS_SOURCE_DIR};
                prepare(table, places);
              }),
              HasSubstr("[data] sequences is for .npz files, but"));
}

TEST_F(Sequences, AreCheckedForTheirGradients) {
  for (const GradientCheck& check : check_gradients(prepare(spec(kData, kSteps)), 3, {.elements = 4})) {
    EXPECT_LT(check.direction_error, 1e-5) << check.parameter;
  }
}

/// Lengths that are drawn reach the last step, else nothing recurrent is looked at.
TEST(DrawnSequences, AreCheckedWithMoreThanOneStep) {
  const Spec drawn = parse_spec(R"(
[network]
inputs = [{ name = "x", shape = [5, 2] }, { name = "lengths", shape = [], type = "lengths" }]
layers = [{ kind = "gru", hidden = 2, from = ["x", "lengths"] }, { kind = "dense", units = 1 }]
[training]
loss = "mse"
)",
                                "drawn.toml");
  for (const GradientCheck& check : check_gradients(prepare(drawn), 4)) {
    EXPECT_LT(check.direction_error, 1e-5) << check.parameter;
    EXPECT_NE(check.gradient, 0) << check.parameter;
  }
}

}  // namespace
}  // namespace neurons
