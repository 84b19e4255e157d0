/// Runs from spec to prediction: what a run leaves, how models are opened, judged and used.

#include "neurons/spec/run.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "neurons/base/atomic_file.hpp"
#include "neurons/base/testing.hpp"
#include "neurons/data/readers/npy.hpp"
#include "neurons/formats/safetensors.hpp"
#include "neurons/layers/dense.hpp"
#include "neurons/spec/export_model.hpp"
#include "neurons/spec/predict.hpp"
#include "neurons/training/run_folder.hpp"

namespace neurons {
namespace {

using ::testing::HasSubstr;
using testing::message_of;
using testing::TemporaryFolder;

constexpr const char* kSpec = R"(
[data]
source = "table.csv"
test = 0.25
validation = 0.25
[network]
layers = [{ kind = "dense", units = 6, activation = "tanh" }, { kind = "dense", units = "outputs" }]
[training]
optimizer = { kind = "adam", learning_rate = 0.05 }
epochs = 30
batch_size = 8
threads = 1
)";

class Run : public ::testing::Test {
 protected:
  Run() {
    std::ofstream file(folder_ / "table.csv");
    file << "x,z,y\n";
    for (int i = 0; i < 64; ++i) file << i << ',' << (i * 7) % 13 << ',' << (i < 32 ? "small" : "large") << '\n';
  }
  Spec spec(const std::string& text = kSpec) const { return parse_spec(text, folder_ / "spec.toml"); }
  RunOutcome train(const Spec& given, bool resume = false) const {
    return run(given, {.folder = folder_ / "run", .resume = resume});
  }

  TemporaryFolder folder_;
};

TEST_F(Run, LeavesAModelThatSaysTheSame) {
  const RunOutcome outcome = train(spec());
  const Model model = open_model(folder_ / "run");
  EXPECT_EQ(weights_sha256(model.network), outcome.history.weights_sha256);
  EXPECT_EQ(model.class_names, (std::vector<std::string>{"large", "small"}));
  ASSERT_TRUE(model.encoder.has_value());
  const Dataset test = evaluation_data(model, nullptr);
  EXPECT_EQ(test.samples(), 16);
  const Evaluation again = evaluate(model, test, 1);
  EXPECT_EQ(again.loss, outcome.test->loss);
  EXPECT_EQ(again.classification->accuracy, outcome.test->classification->accuracy);
  EXPECT_GT(again.classification->accuracy, 0.8);
  EXPECT_EQ(outcome.validation->samples, 12);
}

TEST_F(Run, TheResolvedSpecIsWrittenAndGivesTheSameRun) {
  const RunOutcome first = train(spec());
  const Spec resolved = read_spec(folder_ / "run" / "spec.toml");
  EXPECT_TRUE(is_resolved(resolved.network));
  EXPECT_EQ(resolved.training.loss->kind(), "cross_entropy");
  EXPECT_EQ(resolved.data.task, Task::classification);
  EXPECT_TRUE(std::filesystem::path(resolved.data.source).is_absolute());
  EXPECT_EQ(train(resolved).history.weights_sha256, first.history.weights_sha256);
}

TEST_F(Run, AnEarlierRunIsMovedAside) {
  train(spec());
  std::optional<std::filesystem::path> moved;
  run(spec(), {.folder = folder_ / "run", .on_start = [&](const RunStart& start) { moved = start.moved; }});
  EXPECT_EQ(moved, folder_ / "run.1");
  EXPECT_TRUE(std::filesystem::exists(folder_ / "run.1" / "model.safetensors"));
}

TEST_F(Run, AnInterruptBeforeTheFirstStepLeavesWhatWasThere) {
  train(spec());
  std::string text = kSpec;
  text.replace(text.find("units = 6"), 9, "units = 1000000");  // a checkpoint of more than 32 MB
  std::atomic<bool> interrupt = false;
  bool told = false;
  const auto before = [&] {
    EXPECT_TRUE(std::filesystem::exists(folder_ / "run" / "model.safetensors"));
    EXPECT_FALSE(std::filesystem::exists(folder_ / "run.1")) << "nothing is written before";
    told = interrupt = true;
  };
  const RunOptions options{.folder = folder_ / "run", .before_files = before, .interrupt = &interrupt};
  EXPECT_THROW(run(spec(text), options), Interrupted);
  EXPECT_TRUE(told);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "run" / "model.safetensors"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "run.1"));
  const RunOptions fresh{.folder = folder_ / "fresh", .interrupt = &interrupt};
  EXPECT_THROW(run(spec(text), fresh), Interrupted);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "fresh"));
  const History resumed = run(spec(), {.folder = folder_ / "run", .resume = true, .before_files = before}).history;
  EXPECT_EQ(resumed.stop, StopReason::completed);
}

TEST_F(Run, ATestPartThatDoesNotFitIsRefusedBeforeTraining) {
  const auto arrays = [&](const std::string& name, std::int64_t columns, const std::vector<std::int64_t>& labels) {
    const auto samples = static_cast<std::int64_t>(labels.size());
    write_npz(folder_ / name, {{"x", Tensor(DType::f32, {samples, columns})}, {"y", Tensor::of<std::int64_t>({samples}, labels)}});
  };
  arrays("train.npz", 5, {0, 1, 2, 0});
  arrays("narrow.npz", 4, {0, 1});
  arrays("other.npz", 5, {0, 3});
  const auto complaint = [&](const std::string& test) {
    return message_of([&] {
      train(spec("[data]\nsource = \"train.npz\"\ntest = \"" + test +
                 "\"\n[network]\nlayers = [{ kind = \"dense\", units = \"outputs\" }]\n[training]\nbatch_size = 2\n"));
    });
  };
  EXPECT_THAT(complaint("narrow.npz"), AllOf(HasSubstr("expects samples of shape [5]"), HasSubstr("narrow.npz")));
  EXPECT_THAT(complaint("other.npz"), AllOf(HasSubstr("4 classes"), HasSubstr("other.npz")));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "run"));
}

TEST_F(Run, NoSecondRunWritesIntoTheSameFolder) {
  train(spec());
  const RunLock first(folder_ / "run");
  EXPECT_THAT(message_of([&] { train(spec()); }), HasSubstr("run: another run writes into this folder"));
  EXPECT_THAT(message_of([&] { train(spec(), true); }), HasSubstr("another run writes into this folder"));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "run" / "model.safetensors"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "run.1"));
}

TEST_F(Run, WhatTheTrainerRefusesLeavesTheEarlierRun) {
  train(spec());
  Spec bad = spec();
  bad.training.options.batch_size = 1000;
  EXPECT_THAT(message_of([&] { train(bad); }), HasSubstr("spec.toml:11:1: batch_size = 1000"));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "run" / "model.safetensors"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "run.1"));
}

TEST_F(Run, ResumingWantsTheSameSpec) {
  EXPECT_THAT(message_of([&] { train(spec(), true); }), HasSubstr("there is no run to resume"));
  train(spec());
  Spec changed = spec();
  changed.training.options.seed = 5;
  EXPECT_THAT(message_of([&] { train(changed, true); }), HasSubstr("it says \"seed = 5\", the run \"seed = 0\""));
  changed = spec();
  changed.training.options.epochs = 31;
  EXPECT_EQ(train(changed, true).history.epochs.back().epoch, 31);
}

TEST_F(Run, FewerEpochsThanMadeLeaveTheRunAsItIs) {
  train(spec());
  const std::string before = read_file(folder_ / "run" / "spec.toml");
  Spec fewer = spec();
  fewer.training.options.epochs = 29;
  EXPECT_THAT(message_of<InputError>([&] { train(fewer, true); }), HasSubstr("has made 30 epochs already, more than epochs = 29"));
  EXPECT_EQ(read_file(folder_ / "run" / "spec.toml"), before);
}

TEST_F(Run, ParametersThatAreNotThereAreToldWithTheirPlace) {
  const auto refusal = [&](const std::string& line) { return message_of([&] { prepare(spec(kSpec + line)); }); };
  const std::string place = (folder_ / "spec.toml").string() + ":13:";
  EXPECT_EQ(refusal("groups = [{ pattern = \"*\" }, { pattern = \"dens1*\" }]\n"),
            place + "42: groups[1].pattern = \"dens1*\" matches no parameter; did you mean \"dense1.*\"?");
  EXPECT_EQ(refusal("groups = [{ pattern = \"*\" }, { pattern = \"dense1.*\" }]\n"),
            place +
                "42: groups[1].pattern = \"dense1.*\": no parameter is left for it, since \"*\" before it takes dense1.weight; the "
                "first match counts");
  EXPECT_EQ(
      refusal("groups = [{ rate_factor = 2 }]\n"),
      place +
          "11: groups[0].pattern = \"\" matches no parameter; known are dense1.weight, dense1.bias, dense2.weight, dense2.bias");
  EXPECT_EQ(refusal("freeze = [\"*.bias\", \"dense3.bias\"]\n"),
            place + "21: freeze: no parameter matches \"dense3.bias\"; did you mean \"dense1.bias\"?");
  Spec made = spec();  // by a program: there is no line
  made.training.options.groups = {{"conv*", 1.0, {}}};
  EXPECT_THAT(message_of([&] { prepare(made); }),
              HasSubstr("spec.toml: groups[0].pattern = \"conv*\" matches no parameter; known are"));
}

TEST(Predictions, OfAModelWithoutResultsAreRefused) {
  EXPECT_EQ(message_of([] {
              predictions_of({}, Tensor(DType::f32, {2, 0, 3}));
            }),
            "the model gives no numbers for a sample: its result has shape [2, 0, 3]");
}

TEST_F(Run, NeedsData) {
  Spec without = spec("[network]\ninputs = [{ shape = [2] }]\nlayers = [{ kind = \"dense\", units = 3 }]");
  EXPECT_THAT(message_of([&] { train(without); }), HasSubstr("[data] names no source"));
}

TEST_F(Run, UseDataTakesAllButKeepsTheValidationShare) {
  Spec other = spec();
  use_data(other, folder_ / "table.csv");
  const LoadedData loaded = load_data(other);
  EXPECT_FALSE(loaded.test.has_value());
  EXPECT_EQ(loaded.train.samples() + loaded.validation->samples(), 64);
  EXPECT_THAT(message_of([&] { use_data(other, folder_ / "none.csv"); }), HasSubstr("none.csv"));
  EXPECT_THAT(message_of([&] { use_data(other, "irs"); }), HasSubstr("did you mean \"iris\"?"));
  use_data(other, "iris");
  const std::vector<std::filesystem::path> places = {NEURONS_SOURCE_DIR};
  const LoadedData iris = load_data(other, places);
  EXPECT_EQ(iris.encoder->target_name(), "species") << "a bundled name knows its target";
  EXPECT_EQ(iris.train.samples() + iris.validation->samples(), 150);
}

TEST_F(Run, TakesArraysOfTheShapeItWasTrainedOn) {
  Model model;
  model.network.output("y", model.network.add(Dense{2}, model.network.input("x", {1, 4, 3})));
  const auto samples_in = [&](const Shape& shape) {
    write_npy(folder_ / "array.npy", Tensor(DType::f32, shape));
    const std::vector<std::string> inputs = {folder_ / "array.npy"};
    return read_samples(model, inputs).names.size();
  };
  EXPECT_EQ(samples_in({1, 4, 3}), 1U);
  EXPECT_EQ(samples_in({4, 3}), 1U);
  EXPECT_EQ(samples_in({5, 4, 3}), 5U);
  EXPECT_EQ(samples_in({3, 1, 4, 3}), 3U);
  for (const Shape& wrong :
       {Shape{12}, Shape{5, 12}, Shape{3, 4}, Shape{11}, Shape{2, 6}, Shape{3, 3, 4}, Shape{5, 3, 4}, Shape{5, 2, 6}, Shape{}}) {
    EXPECT_THAT(message_of([&] { samples_in(wrong); }), HasSubstr("but the model expects [1, 4, 3] or a list of such"))
        << wrong.to_string();
  }
  EXPECT_EQ(message_of([&] {
              samples_in({0, 4, 3});
            }),
            (folder_ / "array.npy").string() + ": holds no samples: its array has shape [0, 4, 3]");
  Model flat;
  flat.network.output("y", flat.network.add(Dense{2}, flat.network.input("x", {12})));
  const std::vector<std::string> inputs = {folder_ / "array.npy"};
  for (const Shape& shape : {Shape{12}, Shape{1, 12}, Shape{12, 1}}) {
    write_npy(folder_ / "array.npy", Tensor(DType::f32, shape));
    EXPECT_EQ(read_samples(flat, inputs).names.size(), 1U) << shape.to_string();
  }
  write_npy(folder_ / "array.npy", Tensor(DType::f32, {4, 3}));
  EXPECT_THAT(message_of([&] { read_samples(flat, inputs); }), HasSubstr("has shape [4, 3], but the model expects [12]"));
  write_npy(folder_ / "array.npy", Tensor::of<double>({12}, {0, 0, 1e300, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_THAT(message_of([&] { read_samples(flat, inputs); }), HasSubstr("value 2 (from 0) is 1e+300, beyond float32's range"));
}

TEST_F(Run, PairsOfColumnsWhoseNamesHoldEqualsSigns) {
  std::ofstream file(folder_ / "table.csv");
  file << "a;a=b;y\n";
  for (int i = 0; i < 64; ++i) file << i << ",5;" << (i * 7) % 13 << ';' << (i < 32 ? "small" : "large") << '\n';
  file.close();
  std::string text = kSpec;
  text.insert(text.find("test ="), "decimal = \",\"\n");
  train(spec(text));
  const Model model = open_model(folder_ / "run");
  std::ofstream(folder_ / "rows.csv") << "a;a=b\n2,5;7\n";
  const std::vector<std::string> file_of_rows = {folder_ / "rows.csv"};
  const Tensor expected = read_samples(model, file_of_rows).inputs;
  for (const auto& pairs : {std::vector<std::string>{"a=2,5", "a=b=7"}, std::vector<std::string>{"a=b=7", "a=2.5"}}) {
    const NamedSamples samples = read_samples(model, pairs);
    EXPECT_EQ(samples.inputs, expected);
    EXPECT_TRUE(samples.left_out.empty());
  }
}

TEST_F(Run, IsJudgedWithTheEncoderItWasTrainedWith) {
  train(spec());
  const Model model = open_model(folder_ / "run");
  const Dataset before = evaluation_data(model, nullptr);
  std::ofstream(folder_ / "table.csv") << [] {
    std::string text = "x,z,y\n";
    for (int i = 0; i < 64; ++i) text += fmt::format("{},{},{}\n", 100 * i, (i * 7) % 13, i < 32 ? "small" : "large");
    return text;
  }();
  const Dataset after = evaluation_data(model, nullptr);
  ASSERT_EQ(after.samples(), before.samples());
  const auto& x = model.encoder->rules().front();
  for (std::size_t i = 0; i < static_cast<std::size_t>(2 * after.samples()); i += 2) {
    const auto raw = [&](const Dataset& data) { return static_cast<double>(data.inputs.values<float>()[i]) / x.factor + x.shift; };
    EXPECT_NEAR(raw(after), 100 * raw(before), 1e-2) << i;
  }
  Model other = model;
  other.encoder.reset();
  EXPECT_THAT(message_of([&] { evaluation_data(other, nullptr); }),
              HasSubstr("holds a table, but the network was trained on arrays"));
}

TEST_F(Run, PredictsRowsAndPairs) {
  train(spec());
  const Model model = open_model(folder_ / "run");
  std::ofstream(folder_ / "new.csv") << "z,x\n3,1\n3,60\n";  // the order of columns is free
  const std::vector<std::string> inputs = {folder_ / "new.csv", "x=2", "z=5"};
  const NamedSamples samples = read_samples(model, inputs);
  ASSERT_EQ(samples.names.size(), 3U);
  EXPECT_THAT(samples.names[1], HasSubstr("new.csv:3"));
  EXPECT_EQ(samples.names[2], "x=2 z=5");
  const auto predictions = predict(model, samples.inputs, 1);
  EXPECT_EQ(predictions[0].class_name, "small");
  EXPECT_EQ(predictions[1].class_name, "large");
  EXPECT_EQ(predictions[2].class_name, "small");
  for (const Prediction& prediction : predictions) {
    EXPECT_NEAR(prediction.probabilities[0] + prediction.probabilities[1], 1, 1e-12);
    EXPECT_EQ(prediction.confidence, prediction.probabilities[static_cast<std::size_t>(prediction.label)]);
  }
  const auto refusal = [&](const std::vector<std::string>& wrong) { return message_of([&] { read_samples(model, wrong); }); };
  EXPECT_THAT(refusal({"q=2"}), HasSubstr("q"));
  EXPECT_THAT(refusal({"x=2", "x=3"}), HasSubstr("given twice"));
  EXPECT_THAT(refusal({"nothing"}), HasSubstr("neither a file nor a column=value pair"));
  EXPECT_THAT(refusal({folder_ / "run" / "spec.toml"}), HasSubstr("expected a .csv"));
  EXPECT_THAT(refusal({"y=small"}), HasSubstr("\"y\" is no input column of this network, but what it predicts"));
  EXPECT_THAT(refusal({"x=two"}), HasSubstr("column x"));
  write_npy(folder_ / "row.npy", Tensor::of<float>({2}, {1, 3}));
  EXPECT_THAT(
      refusal({folder_ / "row.npy"}),
      HasSubstr("row.npy: the model was trained on a table, whose columns it scales itself; give a .csv file or column=value "
                "pairs of x, z"));
  std::ofstream(folder_ / "x.png") << "no matter what";
  EXPECT_THAT(refusal({folder_ / "x.png"}), HasSubstr("x.png: the model was trained on a table"));
}

TEST_F(Run, TextsStayTextsWhereTheNetworkIsUsed) {
  std::ofstream file(folder_ / "table.csv");
  file << "zone,size,y\n";
  for (int i = 0; i < 64; ++i)
    file << (i % 4 < 2 ? "01" : "02") << ',' << (i % 3 == 0 ? "7" : "n7") << ',' << (i < 32 ? "1" : "2") << '\n';
  file.close();
  std::string text = kSpec;
  text.insert(text.find("test ="), "categorical = [\"y\", \"zone\"]\n");
  train(spec(text));
  const Model model = open_model(folder_ / "run");
  EXPECT_EQ(model.class_names, (std::vector<std::string>{"1", "2"}));
  const std::string rows = (folder_ / "rows.csv").string();
  std::ofstream(rows) << "size,zone\n7,01\n07,02\n";
  EXPECT_THAT(message_of([&] { read_samples(model, std::vector{rows}); }),
              HasSubstr("rows.csv:3: column size holds \"07\", which no training row does"));
  std::ofstream(rows) << "size,zone\n7,01\n7,02\n";  // numbers all over, and no target
  EXPECT_EQ(read_samples(model, std::vector{rows}).inputs.shape(), (Shape{2, 4}));
  std::ofstream(rows) << "size,zone,y\n7,01,1\n7,02,2\n";
  const std::filesystem::path path = rows;
  EXPECT_EQ(evaluation_data(model, &path).samples(), 2);
}

TEST_F(Run, ColumnsThatAreLeftOutCountAsMissing) {
  train(spec());
  const Model model = open_model(folder_ / "run");
  const std::vector<std::string> one = {"x=2"};
  const NamedSamples samples = read_samples(model, one);
  EXPECT_EQ(samples.left_out, std::vector<std::string>{"z"});
  EXPECT_EQ(samples.inputs.values<float>()[1], 0) << "the mean, standardised";
  EXPECT_NE(samples.inputs.values<float>()[0], 0);
  const std::vector<std::string> both = {"x=2", "z=5"};
  EXPECT_TRUE(read_samples(model, both).left_out.empty());
  Spec strict = spec();
  strict.data.missing = MissingValues::error;
  train(strict);
  EXPECT_THAT(message_of([&] { read_samples(open_model(folder_ / "run"), one); }), HasSubstr("column z: a value is missing"));
}

TEST_F(Run, AWeightCountsAsSoManyRows) {
  std::ofstream weighted(folder_ / "weighted.csv");
  std::ofstream repeated(folder_ / "repeated.csv");
  weighted << "x,times,z,y\n";
  repeated << "x,z,y\n";
  for (int i = 0; i < 12; ++i) {
    const double x = 0.1 * i - 0.5;
    const double z = 0.3 * (i * 5 % 7) - 1;
    const char* y = i * i % 5 < 2 ? "p" : "q";
    weighted << fmt::format("{},{},{},{}\n", x, i % 4, z, y);
    for (int times = 0; times < i % 4; ++times) repeated << fmt::format("{},{},{}\n", x, z, y);
  }
  weighted.close();
  repeated.close();
  const auto network_after = [&](const std::string& data, const std::string& method) {
    train(spec("[data]\n" + data +
               "scaling = \"none\"\n[network]\nlayers = [{ kind = \"dense\", units = 5, activation = \"tanh\" }, "
               "{ kind = \"dense\", units = \"outputs\" }]\n[training]\noptimizer = " +
               method + "\nthreads = 1\n"));
    return open_model(folder_ / "run");
  };
  const std::string with_weights = "source = \"weighted.csv\"\nweights = \"times\"\n";
  const std::string with_rows = "source = \"repeated.csv\"\n";
  // One batch holds all: 12 rows that weigh 18, or 18 rows.
  const std::string sgd = "{ kind = \"sgd\", learning_rate = 0.5, momentum = 0.9 }\nepochs = 20\nbatch_size = ";
  const std::string lbfgs = "\"lbfgs\"\nepochs = 4";  // each iteration makes differences of rounding larger
  for (const auto& [first, second] : {std::pair(sgd + "12", sgd + "18"), std::pair(lbfgs, lbfgs)}) {
    const Model one = network_after(with_weights, first);
    const Model other = network_after(with_rows, second);
    const Model unweighted = network_after("source = \"weighted.csv\"\nignore = [\"times\"]\n", first);
    float moved = 0;
    for (const auto& [name, tensor] : one.network.parameters()) {
      const auto expected = other.network.parameter(name).values<float>();
      const auto without = unweighted.network.parameter(name).values<float>();
      for (std::size_t i = 0; i < expected.size(); ++i) {
        EXPECT_NEAR(tensor.values<float>()[i], expected[i], 2e-4F * (1 + std::abs(expected[i])))
            << name << ' ' << i << ' ' << first;
        moved = std::max(moved, std::abs(expected[i] - without[i]));
      }
    }
    EXPECT_GT(moved, 0.01F) << "or the weights would make no difference";

    // Judged by the same table, the weights count in the loss; a table without them counts each row once.
    const std::filesystem::path same = folder_ / "weighted.csv";
    const std::filesystem::path rows = folder_ / "repeated.csv";
    EXPECT_NEAR(evaluate(one, evaluation_data(one, &same), 1).loss, evaluate(one, evaluation_data(one, &rows), 1).loss, 1e-6);
    EXPECT_EQ(predict(one, read_samples(one, std::vector<std::string>{same}).inputs, 1).size(), 12U);
    EXPECT_EQ(predict(one, read_samples(one, std::vector<std::string>{"x=0.1", "z=-0.2"}).inputs, 1).size(), 1U);
  }
  const Model model = open_model(folder_ / "run");
  EXPECT_THAT(message_of([&] {
                read_samples(model, std::vector<std::string>{"x=0.1", "times=2"});
              }),
              HasSubstr("\"times\" is no input column of this network"));
}

TEST_F(Run, PredictsArrays) {
  Tensor x(DType::u8, {20, 1, 2, 2});
  Tensor y(DType::i64, {20});
  for (std::size_t i = 0; i < 20; ++i) {
    for (std::size_t p = 0; p < 4; ++p) x.values<std::uint8_t>()[4 * i + p] = static_cast<std::uint8_t>(i < 10 ? 20 + i : 220 + i);
    y.values<std::int64_t>()[i] = i < 10 ? 0 : 1;
  }
  write_npz(folder_ / "squares.npz", {{"x", x}, {"y", y}});
  train(spec(
      "[data]\nsource = \"squares.npz\"\n[network]\nlayers = [\"flatten\", { kind = \"dense\", units = \"outputs\" }]\n[training]\n"
      "optimizer = { kind = \"adam\", learning_rate = 0.1 }\nepochs = 40\nbatch_size = 5\n"));
  const Model model = open_model(folder_ / "run" / "model.safetensors");
  EXPECT_FLOAT_EQ(model.input_scale, 1.0F / 255.0F);
  write_npy(folder_ / "one.npy", Tensor::of<std::uint8_t>({2, 2}, {230, 230, 230, 230}));
  write_npy(folder_ / "floats.npy", Tensor::of<float>({2, 2, 2}, {0.1F, 0.1F, 0.1F, 0.1F, 0.9F, 0.9F, 0.9F, 0.9F}));
  write_npy(folder_ / "wrong.npy", Tensor::of<float>({3}, {1, 2, 3}));
  const std::vector<std::string> inputs = {folder_ / "one.npy", folder_ / "floats.npy"};
  const NamedSamples samples = read_samples(model, inputs);
  EXPECT_EQ(samples.inputs.shape(), Shape({3, 1, 2, 2}));
  const auto predictions = predict(model, samples.inputs, 1);
  EXPECT_EQ(predictions[0].label, 1);
  EXPECT_EQ(predictions[1].label, 0);
  EXPECT_EQ(predictions[2].label, 1);
  const std::vector<std::string> wrong = {folder_ / "wrong.npy"};
  EXPECT_THAT(message_of([&] { read_samples(model, wrong); }), HasSubstr("the array has shape [3]"));
  const std::vector<std::string> pair = {"x=2"};
  EXPECT_THAT(message_of([&] { read_samples(model, pair); }), HasSubstr("was not trained on a table"));
  EXPECT_THAT(message_of([&] { predict(model, Tensor(DType::f32, {2, 3})); }), HasSubstr("got [2, 3]"));
}

TEST(ExportModel, LeavesNoFolderBehindAFailure) {
  const TemporaryFolder folder;
  Model model;
  model.network = Sequential{{2}, Dense{3}};
  model.network.initialize(1);
  EXPECT_THAT(message_of([&] { export_model(model, "onnx", {.folder = folder / "new" / "deep", .opset = 99}); }),
              HasSubstr("opset 99 cannot be written"));
  EXPECT_FALSE(std::filesystem::exists(folder / "new"));
  std::filesystem::create_directory(folder / "old");
  EXPECT_ANY_THROW(export_model(model, "onnx", {.folder = folder / "old", .opset = 99}));
  EXPECT_TRUE(std::filesystem::exists(folder / "old"));
  EXPECT_EQ(export_model(model, "onnx", {.folder = folder / "new" / "deep" / ""}).files.size(), 1U);
}

TEST(Predictions, AreOfTheFirstOutput) {
  Model model;
  const auto scores = model.network.add(Dense{3, "softmax"}, model.network.input("x", {2}));
  model.network.output("y", scores);
  model.network.output("z", model.network.add(Dense{3}, scores));
  const auto prediction = predictions_of(model, Tensor::of<float>({1, 3}, {0.25F, 0.5F, 0.25F})).front();
  EXPECT_EQ(prediction.label, 1);
  EXPECT_THAT(prediction.probabilities, ::testing::ElementsAre(0.25, 0.5, 0.25)) << "softmax has made them what they are";
}

TEST(Predictions, NoClassIsToldOfNumbersThatAreNone) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  Model model;
  model.file = "m.onnx";
  model.network = Sequential{{2}, Dense{3}};
  model.network.initialize(1);
  const auto said = [&](const std::vector<float>& scores) {
    return message_of([&] { predictions_of(model, Tensor::of<float>({2, 3}, scores)); });
  };
  const std::string why =
      "every weight is finite, so the sample's numbers grew beyond float32's range; scale them as the training data were";
  EXPECT_EQ(said({1, 2, 3, 1, kNan, 3}), "m.onnx: gives no class for sample 1 (from 0), one of its scores is nan: " + why);
  EXPECT_EQ(said({1, kInfinity, 3, 1, 2, 3}), "m.onnx: gives no class for sample 0 (from 0), one of its scores is inf: " + why);
  EXPECT_EQ(said({1, -kInfinity, 3, 1, 2, 3}), "nothing thrown") << "a class that is impossible";
  model.network.set_parameter("dense1.bias", Tensor::of<float>({3}, {0, kNan, 0}));
  EXPECT_EQ(said({1, kNan, 3, 1, 2, 3}),
            "m.onnx: gives no class for sample 0 (from 0), one of its scores is nan: dense1.bias[1] is nan; take another file of "
            "weights");
  model.is_classification = false;
  EXPECT_EQ(said({1, kNan, 3, 1, 2, 3}), "nothing thrown") << "values are told as they are";
}

TEST_F(Run, RegressionComesBackInItsOwnUnits) {
  std::ofstream file(folder_ / "line.csv");
  file << "x,y\n";
  for (int i = 0; i < 50; ++i) file << i << ',' << 1000 + 4 * i << '\n';
  file.close();
  const RunOutcome outcome = train(spec(
      "[data]\nsource = \"line.csv\"\ntest = 10\nvalidation = 10\n[network]\nlayers = [{ kind = \"dense\", units = \"outputs\" }]\n"
      "[training]\noptimizer = { kind = \"adam\", learning_rate = 0.05 }\nepochs = 150\nbatch_size = 10\n"));
  EXPECT_LT(outcome.test->regression->rmse, 1);
  EXPECT_NEAR(outcome.history.epochs.back().validation_rmse, outcome.validation->regression->rmse, 1e-3);
  const Model model = open_model(folder_ / "run");
  EXPECT_FALSE(model.is_classification);
  const std::vector<std::string> pair = {"x=20"};
  EXPECT_NEAR(predict(model, read_samples(model, pair).inputs).front().values.front(), 1080, 2);
}

TEST_F(Run, ModelsThatAreNone) {
  const auto refusal = [&](const std::filesystem::path& path) { return message_of([&] { open_model(path); }); };
  EXPECT_THAT(refusal(folder_ / "none"), HasSubstr("there is no such file or folder"));
  EXPECT_THAT(refusal(folder_.path()), HasSubstr("no run folder"));
  EXPECT_THAT(refusal(folder_ / "table.csv"), HasSubstr("expected a run folder, an .onnx or a .safetensors file"));
  train(spec());
  const auto path = folder_ / "run" / "model.safetensors";
  TensorFile file = read_safetensors(path);
  const auto with = [&](auto change) {
    TensorFile copy = file;
    change(copy);
    write_safetensors(folder_ / "changed.safetensors", copy);
    return refusal(folder_ / "changed.safetensors");
  };
  EXPECT_THAT(with([](TensorFile& copy) { copy.metadata.erase("spec"); }), HasSubstr("its metadata has no \"spec\""));
  EXPECT_THAT(with([](TensorFile& copy) { copy.metadata["inputs"] = "{"; }), HasSubstr("its metadata \"inputs\" is damaged"));
  EXPECT_THAT(with([](TensorFile& copy) { copy.metadata["spec"] = "[network"; }), HasSubstr("changed.safetensors (spec):1:"));
  EXPECT_THAT(with([](TensorFile& copy) { copy.tensors.erase("dense1.bias"); }),
              HasSubstr("the weights \"dense1.bias\" are missing"));
  EXPECT_THAT(with([](TensorFile& copy) { copy.tensors["dense1.bias"] = Tensor(DType::f32, {7}); }),
              HasSubstr("are f32[7], but the network needs f32[6]"));
}

TEST_F(Run, ClassesAreMatchedByName) {
  train(spec());
  const Model model = open_model(folder_ / "run");
  // Rows of one class only: the encoder knows its label all the same.
  std::ofstream(folder_ / "small.csv") << "x,z,y\n1,3,small\n2,5,small\n";
  const std::filesystem::path path = folder_ / "small.csv";
  const Dataset data = evaluation_data(model, &path);
  EXPECT_EQ(data.targets.values<std::int64_t>()[0], 1);
  EXPECT_EQ(evaluate(model, data).classification->accuracy, 1);
}

}  // namespace
}  // namespace neurons
