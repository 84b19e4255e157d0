// A model of another program, taught other classes: neurons train MODEL.onnx from C++.

#include "neurons/spec/fine_tune.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "neurons/base/testing.hpp"
#include "neurons/data/readers/idx.hpp"
#include "neurons/data/readers/npy.hpp"
#include "neurons/formats/onnx/imported_model.hpp"
#include "neurons/formats/onnx/model_testing.hpp"
#include "neurons/layers/convolutions.hpp"
#include "neurons/layers/dense.hpp"
#include "neurons/layers/embedding.hpp"
#include "neurons/layers/recurrent.hpp"
#include "neurons/layers/shapes.hpp"
#include "neurons/spec/evaluate.hpp"
#include "neurons/spec/export_model.hpp"
#include "neurons/spec/model.hpp"
#include "neurons/spec/predict.hpp"
#include "neurons/spec/prepare.hpp"
#include "neurons/spec/run.hpp"
#include "neurons/training/trainer.hpp"

namespace neurons::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string fixture(const std::string& name) { return std::string(NEURONS_SOURCE_DIR) + "/tests/fixtures/" + name; }

Tensor predicted(const Network& network, const Tensor& x) {
  Dataset data;
  data.inputs = x;
  data.targets = Tensor(DType::i64, {x.shape()[0]});
  return predict(network, data);
}

/// MNIST's digits 5 to 9 as classes 0 to 4: the first `samples` of the part.
Dataset high_digits(const Dataset& all, std::int64_t samples) {
  const std::size_t pixels = 28 * 28;
  const auto images = all.inputs.values<std::uint8_t>();
  const auto labels = all.targets.values<std::int64_t>();
  std::vector<std::uint8_t> chosen;
  std::vector<std::int64_t> classes;
  for (std::size_t i = 0; i < labels.size() && std::ssize(classes) < samples; ++i) {
    if (labels[i] < 5) continue;
    const auto image = images.subspan(i * pixels, pixels);
    chosen.insert(chosen.end(), image.begin(), image.end());
    classes.push_back(labels[i] - 5);
  }
  Dataset result = all;
  result.inputs = Tensor::of<std::uint8_t>({samples, 1, 28, 28}, chosen);
  result.targets = Tensor::of<std::int64_t>({samples}, classes);
  result.class_names = {"5", "6", "7", "8", "9"};
  return result;
}

TEST(FineTuning, AModelOfPyTorchGivesWhatPyTorchGives) {
  const Network network = onnx::load(fixture("torch_digits.onnx"));
  const auto arrays = read_npz(fixture("torch_digits.npz"));
  const Tensor probabilities = predicted(network, arrays.at("x"));
  ASSERT_EQ(probabilities.shape(), (Shape{3, 5}));
  const auto expected = arrays.at("y").values<float>();
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(probabilities.values<float>()[i], expected[i], 1e-6);
}

TEST(FineTuning, AFreshHeadLearnsOtherDigitsOnFrozenFeatures) {
  Network network = onnx::load(fixture("torch_digits.onnx"));
  onnx::replace_head(network, 5);
  EXPECT_EQ(network.freeze("features*"), 6);
  const Tensor filters = network.parameter("features.0.weight");
  const TrainTest digits = read_mnist(std::string(NEURONS_SOURCE_DIR) + "/data/mnist");
  const Dataset train_part = high_digits(digits.train, 6000);
  const Dataset test_part = high_digits(digits.test, 1000);
  const History history =
      train(network, train_part,
            {.optimizer = Adam{.learning_rate = 3e-3F}, .epochs = 2, .batch_size = 32, .validation = test_part, .seed = 1});
  EXPECT_GT(history.epochs.back().validation_accuracy, 0.93);
  EXPECT_EQ(network.parameter("features.0.weight"), filters);
}

TEST(FineTuning, AdaptersAreMergedWhereTheModelIsSaved) {
  const TemporaryFolder folder;
  Network network = onnx::load(fixture("torch_digits.onnx"));
  onnx::ImportedModel layer = *network.layers().front().layer.as<onnx::ImportedModel>();
  layer.lora = 2;
  Network adapted;
  adapted.output("scores", adapted.add(Layer(layer), adapted.input("image", {1, 28, 28}), "model"));
  adapted.initialize_missing(1);
  std::vector<std::string> trained;
  for (const auto& [name, type] : adapted.trained_parameters()) trained.push_back(name);
  EXPECT_THAT(trained, ElementsAre("classifier.2.weight.lora_a", "classifier.2.weight.lora_b"));
  Tensor b = adapted.parameter("classifier.2.weight.lora_b");
  for (float& value : b.values<float>()) value = 0.25F;
  adapted.set_parameter("classifier.2.weight.lora_b", b);
  const Tensor x = read_npz(fixture("torch_digits.npz")).at("x");
  onnx::save(adapted, folder / "merged.onnx");
  const Network merged = onnx::load(folder / "merged.onnx");
  EXPECT_FALSE(merged.parameters().contains("classifier.2.weight.lora_a"));
  const Tensor expected = predicted(adapted, x);
  const Tensor actual = predicted(merged, x);
  for (std::size_t i = 0; i < 15; ++i) EXPECT_NEAR(actual.values<float>()[i], expected.values<float>()[i], 1e-6);
  EXPECT_NE(expected, predicted(network, x));
}

/// A convolution over [channels, height, width] and three classes.
std::filesystem::path small_convolution(const TemporaryFolder& folder, const Shape& picture) {
  Network network{Sequential{picture, Conv2d{.filters = 2}, Flatten{}, Dense{3}}};
  network.initialize(1);
  onnx::save(network, folder / "convolution.onnx");
  return folder / "convolution.onnx";
}

TEST(FineTuning, ArraysOfBytesArePictures) {
  const TemporaryFolder folder;
  const auto model = small_convolution(folder, {1, 6, 6});
  const auto labels = Tensor::of<std::int64_t>({6}, {0, 1, 2, 0, 1, 2});
  const std::filesystem::path path = folder / "pictures.npz";
  for (const Shape& shape : {Shape{6, 6, 6}, Shape{6, 1, 6, 6}, Shape{6, 3, 6, 6}, Shape{6, 12, 9}}) {
    Tensor pictures(DType::u8, shape);
    std::uint8_t brightness = 0;
    for (std::uint8_t& pixel : pictures.values<std::uint8_t>()) pixel = brightness += 7;
    write_npz(path, {{"x", pictures}, {"y", labels}});
    Spec spec = fine_tuning_spec(model, {.data = path.string()});
    spec.training.options.batch_size = 3;
    spec.training.options.epochs = 1;
    run(spec, {.folder = folder / "run"});
    for (const auto& judged : {model, folder / "run", folder / "run/model.onnx"}) {
      const Model opened = open_model(judged);
      const Dataset data = evaluation_data(opened, &path);
      EXPECT_EQ(data.inputs.shape(), (Shape{6, 1, 6, 6}));
      EXPECT_EQ(data.input_scale, 1.0F / 255);
      EXPECT_EQ(evaluate(opened, data, 1).samples, 6);
    }
  }
  Tensor grey(DType::f32, {6, 6, 6});
  write_npz(path, {{"x", grey}, {"y", labels}});
  EXPECT_EQ(evaluation_data(open_model(model), &path).inputs.shape(), (Shape{6, 1, 6, 6}));
  EXPECT_EQ(prepare(fine_tuning_spec(model, {.data = path.string()})).data->train.inputs.shape(), (Shape{6, 1, 6, 6}));
}

TEST(FineTuning, SequencesOfFloatsAreNoPictures) {
  const TemporaryFolder folder;
  Network network{Sequential{{5, 4}, Lstm{.hidden = 3}, Dense{2}}};
  network.initialize(1);
  onnx::save(network, folder / "steps.onnx");
  write_npz(folder / "steps.npz", {{"x", Tensor(DType::f32, {2, 5, 4})}, {"y", Tensor::of<std::int64_t>({2}, {0, 1})}});
  const std::filesystem::path path = folder / "steps.npz";
  const Model model = open_model(folder / "steps.onnx");
  EXPECT_EQ(evaluate(model, evaluation_data(model, &path), 1).samples, 2);
}

TEST(FineTuning, SaysWhatItCannotDo) {
  const std::string model = fixture("torch_digits.onnx");
  EXPECT_THAT(message_of([&] { fine_tuning_spec(model, {.data = ""}); }), HasSubstr("give what to train it on with --data PATH"));
  EXPECT_THAT(message_of([&] { prepare(fine_tuning_spec(model, {.data = "iris", .output = "logits"})); }),
              HasSubstr("no output \"logits\""));
  EXPECT_THAT(message_of([&] { fine_tuning_spec(fixture("torch_digits.npz"), {.data = "iris"}); }),
              HasSubstr("torch_digits.npz: "));
  EXPECT_THAT(message_of([&] { prepare(fine_tuning_spec(model, {.data = "iris"})); }), HasSubstr("node_Conv_19"));
}

TEST(FineTuning, ARunLeavesAModelThatNeedsNoSpec) {
  const TemporaryFolder folder;
  Tensor images(DType::f32, {60, 1, 28, 28});
  RandomStream random(5);
  for (float& pixel : images.values<float>()) pixel = static_cast<float>(random.uniform());
  std::vector<std::int64_t> labels(60);
  std::iota(labels.begin(), labels.end(), 0);
  for (std::int64_t& label : labels) label %= 10;
  write_npz(folder / "images.npz", {{"x", images}, {"y", Tensor::of<std::int64_t>({60}, labels)}});
  Spec spec = fine_tuning_spec(fixture("torch_digits.onnx"),
                               {.data = (folder / "images.npz").string(), .head = 10, .freeze = {"features*"}});
  spec.training.options.epochs = 1;
  const RunOutcome outcome = run(spec, {.folder = folder / "run", .places = {NEURONS_SOURCE_DIR}});
  EXPECT_EQ(outcome.without_onnx, "");
  const Model model = open_model(folder / "run/model.onnx");
  EXPECT_EQ(model.network.outputs().front().name, "probabilities");
  EXPECT_EQ(model.class_names.size(), 10U);
  const Tensor x = read_npz(fixture("torch_digits.npz")).at("x");
  EXPECT_EQ(predicted(model.network, x), predicted(open_model(folder / "run").network, x));
}

TEST(FineTuning, OtherOutputsComeAlong) {
  const TemporaryFolder folder;
  Network two;
  const auto trunk = two.add(Dense{5, "tanh"}, two.input("x", {4}), "trunk");
  two.output("kind", two.add(Dense{3}, trunk, "kinds"));
  two.output("size", two.add(Dense{2}, trunk, "sizes"));
  two.initialize(1);
  const auto file = folder / "two.onnx";
  onnx::save(two, file);
  EXPECT_THAT(open_model(file).taken_first_of, ElementsAre("kind", "size"));
  Spec spec = fine_tuning_spec(file, {.data = "iris", .output = "kind"});
  spec.training.options.epochs = 2;
  EXPECT_EQ(run(spec, {.folder = folder / "run", .places = {NEURONS_SOURCE_DIR}}).without_onnx, "");
  const Model trained = open_model(folder / "run");
  EXPECT_EQ(trained.network.outputs().front().name, "kind");
  EXPECT_EQ(trained.class_names.size(), 3U);
  EXPECT_THAT(trained.taken_first_of, ElementsAre());
  EXPECT_EQ(trained.network.parameter("sizes.weight"), two.parameter("sizes.weight"));
  EXPECT_NE(trained.network.parameter("trunk.weight"), two.parameter("trunk.weight"));
  const Model other = open_model(folder / "run", "size");
  EXPECT_THAT(other.class_names, ElementsAre());
  const Tensor x(DType::f32, {1, 4});
  EXPECT_EQ(predicted(other.network, x).shape(), (Shape{1, 2}));
  EXPECT_THAT(message_of([&] { open_model(folder / "run", "sizes"); }), HasSubstr("no output \"sizes\"; did you mean \"size\"?"));
}

/// A model that no run has made: its file says nothing of data.
std::filesystem::path foreign_model(const TemporaryFolder& folder, Network network) {
  network.initialize(1);
  onnx::save(network, folder / "foreign.onnx");
  return folder / "foreign.onnx";
}

TEST(ForeignModel, LearnsFromColumnsAsTheyAre) {
  const TemporaryFolder folder;
  const std::filesystem::path model = foreign_model(folder, Sequential{{2}, Dense{1, "identity"}});
  const std::string table = folder.write("table.csv", "a,b,y\n1,0,0.5\n0,100,0.25\n2,300,-1.5\n").string();
  const LoadedData raw = *prepare(fine_tuning_spec(model, {.data = table})).data;
  EXPECT_EQ(raw.train.inputs, Tensor::of<float>({3, 2}, {1, 0, 0, 100, 2, 300}));
  EXPECT_EQ(raw.train.targets, Tensor::of<float>({3, 1}, {0.5F, 0.25F, -1.5F}));
  const LoadedData asked = *prepare(fine_tuning_spec(model, {.data = table, .head = 1, .scaling = Scaling::min_max})).data;
  EXPECT_EQ(asked.train.inputs, Tensor::of<float>({3, 2}, {0.5F, 0, 0, 100 / 300.0F, 1, 1}));
  EXPECT_NE(asked.train.targets, raw.train.targets) << "a fresh head learns standardised targets";
  // A run's model keeps what it was trained with.
  for (const auto& [scaling, expected] :
       {std::pair(Scaling::min_max, asked.train.inputs), std::pair(Scaling::none, raw.train.inputs)}) {
    Spec spec = fine_tuning_spec(model, {.data = table, .scaling = scaling});
    spec.training.options.batch_size = 3;
    spec.training.options.epochs = 1;
    run(spec, {.folder = folder / "run"});
    const LoadedData again = *prepare(fine_tuning_spec(folder / "run/model.onnx", {.data = table})).data;
    EXPECT_EQ(again.train.inputs, expected);
    EXPECT_EQ(again.train.targets, raw.train.targets);
  }
  write_npz(folder / "arrays.npz", {{"x", raw.train.inputs}, {"y", raw.train.targets}});
  EXPECT_THAT(message_of([&] { fine_tuning_spec(model, {.data = (folder / "arrays.npz").string(), .scaling = Scaling::none}); }),
              HasSubstr("--scaling is for columns of tables, but"));
}

TEST(ForeignModel, IsJudgedOnATable) {
  const TemporaryFolder folder;
  Network network = Sequential{{2}, Dense{1, "identity"}};
  const Model opened = open_model(foreign_model(folder, network));
  EXPECT_FALSE(opened.is_classification) << "one number without a Sigmoid";
  const auto weights = opened.network.parameter("dense1.weight").cast(DType::f64);
  const double a = weights.values<double>()[0];
  const double b = weights.values<double>()[1];
  const std::filesystem::path table = folder.write("table.csv", "first,second,y\n1,0,0.5\n0,1,0.25\n2,3,-1.5\n");
  const Dataset data = evaluation_data(opened, &table);
  EXPECT_EQ(data.inputs, Tensor::of<float>({3, 2}, {1, 0, 0, 1, 2, 3}));
  const Evaluation found = evaluate(judged_by(opened, data), data, 1);
  const double squares = std::pow(a - 0.5, 2) + std::pow(b - 0.25, 2) + std::pow(2 * a + 3 * b + 1.5, 2);
  EXPECT_NEAR(found.regression->rmse, std::sqrt(squares / 3), 1e-5);
  EXPECT_NEAR(found.loss, squares / 3, 1e-5);
  const std::vector<std::string> rows = {folder.write("rows.csv", "p,q\n5,7\n").string()};
  EXPECT_NEAR(predict(opened, read_samples(opened, rows).inputs, 1).at(0).values.at(0), 5 * a + 7 * b, 1e-4);
  const std::vector<std::string> more = {table.string()};
  EXPECT_THAT(message_of([&] { read_samples(opened, more); }),
              HasSubstr("table.csv: has 3 columns of inputs (first, second, y), but the model takes 2 numbers, one column each"));
  const std::vector<std::string> pairs = {"first=1"};
  EXPECT_THAT(message_of([&] { read_samples(opened, pairs); }),
              HasSubstr("knows no columns by name; give a .csv file of its 2 numbers"));
  for (const auto& [text, fault] : {std::pair("a,b,y\nred,1,2\nblue,3,4\n", "column a holds texts"),
                                    std::pair("a,b,y\n1,1,2\n,3,4\n", "bad.csv:3: column a: a value is missing"),
                                    std::pair("a,y\n1,2\n3,4\n", "has 1 column of inputs (a), but the model takes 2")}) {
    const std::filesystem::path bad = folder.write("bad.csv", text);
    EXPECT_THAT(message_of([&] { evaluation_data(opened, &bad); }), HasSubstr(fault));
  }
}

TEST(ForeignModel, WhoseOutputIsNoListOfSamplesIsRefused) {
  const TemporaryFolder folder;
  Dataset data;
  data.inputs = Tensor(DType::f32, {5, 5, 4});
  data.targets = Tensor(DType::i64, {5});
  const auto complaint_of = [&](const onnx::NodeData& last, const std::vector<onnx::TensorData>& more) {
    onnx::Model source;
    source.ir_version = 8;
    source.opsets = {{"", 13}};
    source.graph.inputs = {
        {"x", onnx::ElementType::f32, true, std::vector<onnx::Dim>{std::string("N"), std::int64_t{5}, std::int64_t{4}}}};
    source.graph.nodes = {last};
    source.graph.initializers = more;
    source.graph.outputs = {{"y", onnx::ElementType::f32, true, std::nullopt}};
    onnx::write(folder / "odd.onnx", source);
    return message_of([&] { predict(onnx::load(folder / "odd.onnx"), data, 256, 1); });
  };
  const onnx::NodeData flat{"Reshape", "", "", {"x", "shape"}, {"y"}, {}};
  EXPECT_THAT(complaint_of(flat, {onnx::from_tensor("shape", Tensor::of<std::int64_t>({2}, {-1, 4}))}),
              HasSubstr("the network's output \"y\" is f32[25, 4] for a batch of 5, expected f32[5, …]"));
  onnx::AttributeData order;
  order.name = "perm";
  order.type = onnx::AttributeData::Type::integers;
  order.integers = {1, 0, 2};
  EXPECT_THAT(complaint_of({"Transpose", "", "", {"x"}, {"y"}, {order}}, {}),
              HasSubstr("the network's output \"y\" is f32[5, 6, 4] for a batch of 6, expected f32[6, …]"));
  EXPECT_THAT(complaint_of({"ReduceSum", "", "", {"x"}, {"y"}, {}}, {}), HasSubstr("is f32[1, 1, 1] for a batch of 5"));
  EXPECT_THAT(complaint_of({"ArgMax", "", "", {"x"}, {"y"}, {}}, {}), HasSubstr("is i64[1, 5, 4] for a batch of 5"));
}

TEST(ForeignModel, ClassesAreNamedByTheData) {
  const TemporaryFolder folder;
  const Model opened = open_model(foreign_model(folder, Sequential{{4}, Dense{3, "softmax"}}));
  const std::filesystem::path iris = "iris";
  const std::vector<std::filesystem::path> places = {NEURONS_SOURCE_DIR};
  const Dataset data = evaluation_data(opened, &iris, places);
  const Model judged = judged_by(opened, data);
  EXPECT_THAT(judged.class_names, ElementsAre("setosa", "versicolor", "virginica"));
  const Evaluation found = evaluate(judged, data, 1);
  EXPECT_EQ(found.samples, 150);
  EXPECT_GT(found.loss, 0);
  // Probabilities are values where the targets are.
  const std::filesystem::path table = folder.write("values.csv", "a,b,c,d,y\n1,2,3,4,0.5\n4,3,2,1,0.25\n");
  const Dataset values = evaluation_data(opened, &table);
  EXPECT_FALSE(judged_by(opened, values).is_classification);
  const std::vector<std::string> rows = {"iris"};
  EXPECT_EQ(read_samples(opened, rows, places).inputs.shape(), (Shape{150, 4})) << "without the species";
}

/// The network's file with an operator behind its output.
std::filesystem::path with_tail(const TemporaryFolder& folder, const Network& network, const std::string& op) {
  onnx::Model source = onnx::to_model(network);
  onnx::NodeData tail;
  tail.op_type = op;
  tail.inputs = {source.graph.outputs[0].name};
  tail.outputs = {"tail"};
  source.graph.nodes.push_back(tail);
  source.graph.outputs = {{"tail", onnx::ElementType::f32, true, std::nullopt}};
  source.folder = folder.path();
  onnx::write(folder / "tail.onnx", source);
  return folder / "tail.onnx";
}

TEST(ForeignModel, ProbabilitiesThatAnIdentityPassesOnGetNoSecondSoftmax) {
  const TemporaryFolder folder;
  Network network = Sequential{{4}, Dense{3, "softmax"}};
  network.initialize(1);
  const Model passed = open_model(with_tail(folder, network, "Identity"));
  EXPECT_EQ(passed.assumption, "");
  const std::filesystem::path iris = "iris";
  const Dataset data = evaluation_data(passed, &iris, std::vector<std::filesystem::path>{NEURONS_SOURCE_DIR});
  const Model plain = open_model(foreign_model(folder, network));
  EXPECT_EQ(evaluate(judged_by(passed, data), data, 1).loss, evaluate(judged_by(plain, data), data, 1).loss);
  const Tensor x = Tensor::of<float>({1, 4}, {5, 3, 1, 0.5F});
  const auto said = predict(passed, x, 1).at(0).probabilities;
  const Tensor given = predicted(network, x);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(said.at(i), given.values<float>()[i], 1e-6);
}

TEST(ForeignModel, WhatNothingTellsIsAssumedAndSaid) {
  const TemporaryFolder folder;
  Network network = Sequential{{4}, Dense{3}};
  network.initialize(1);
  const auto path = with_tail(folder, network, "Identity");
  EXPECT_THAT(open_model(path).assumption, HasSubstr("taken for scores of classes"));
  const Model values = open_model(path, "", true);
  EXPECT_EQ(values.assumption, "");
  EXPECT_FALSE(values.is_classification);
  const Tensor x = Tensor::of<float>({1, 4}, {5, 3, 1, 0.5F});
  const Tensor given = predicted(network, x);
  const auto said = predict(values, x, 1).at(0).values;
  ASSERT_EQ(said.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(static_cast<float>(said[i]), given.values<float>()[i]);
}

TEST(ForeignModel, SeveralSigmoidsAreProbabilitiesEachForItself) {
  const TemporaryFolder folder;
  Network network = Sequential{{4}, Dense{3, "sigmoid"}};
  network.initialize(1);
  const Model model = open_model(with_tail(folder, network, "Identity"));
  EXPECT_FALSE(model.is_classification);
  const Tensor x = Tensor::of<float>({1, 4}, {5, 3, 1, 0.5F});
  EXPECT_EQ(static_cast<float>(predict(model, x, 1).at(0).values.at(2)), predicted(network, x).values<float>()[2]);
}

/// x · w [batch, 2] as rows of one number, as skl2onnx writes regressions of several values.
TEST(ForeignModel, RowsOfOneSampleAreBesideEachOtherAgain) {
  using namespace onnx::testing;
  onnx::Model source =
      model({node("MatMul", {"x", "w"}, {"h"}), node("Reshape", {"h", "rows"}, {"y"})}, {value("x", {"batch", std::int64_t{2}})},
            {"y"}, {onnx::from_tensor("w", f32({2, 2}, {1, 2, 3, 4})), onnx::from_tensor("rows", i64({2}, {-1, 1}))});
  source.path = "m.onnx";
  const Network network = onnx::to_network(std::make_shared<const onnx::Model>(source));
  const Tensor x = f32({3, 2}, {1, 0, 0, 1, 1, 1});
  EXPECT_EQ(onnx::output_numbers(network).count, 1) << "values, not classes";
  EXPECT_EQ(predicted(network, x), f32({3, 2}, {1, 2, 3, 4, 4, 6}));
  EXPECT_EQ(onnx::testing::run(onnx::to_model(network), {{"x", x}}, {.shapes = {{"x", {3, 2}}}}).at(0).shape(), (Shape{6, 1}))
      << "saved as it was";
  source.graph.nodes = {node("MatMul", {"x", "w"}, {"h"}), node("Concat", {"h", "h"}, {"y"}, {integer("axis", 0)})};
  const Network doubled = onnx::to_network(std::make_shared<const onnx::Model>(source));
  EXPECT_THAT(message_of([&] { predicted(doubled, x); }), HasSubstr("is f32[6, 2] for a batch of 3"));
}

/// Steps along the first axis: plain C would see one step of a sequence, and call it a sample.
TEST(ForeignModel, PlainCTakesSamplesAlongTheFirstAxis) {
  using namespace onnx::testing;
  const TemporaryFolder folder;
  onnx::Model source = model({node("Gather", {"x", "last"}, {"h"}, {integer("axis", 0)}), node("MatMul", {"h", "w"}, {"y"})},
                             {value("x", {std::int64_t{6}, "batch", std::int64_t{2}})}, {"y"},
                             {onnx::from_tensor("w", f32({2, 2}, {1, 2, 3, 4})), onnx::from_tensor("last", i64({}, {-1}))});
  source.folder = folder.path();
  onnx::write(folder / "steps.onnx", source);
  EXPECT_THAT(message_of([&] { export_model(open_model(folder / "steps.onnx"), "c", {.folder = folder / "c", .name = "steps"}); }),
              HasSubstr("c: the output \"y\" is [1, 2] for one sample and [1, 2] for two along the first axis of the input"));
}

TEST(FineTuning, TokensOfArrays) {
  const TemporaryFolder folder;
  Network words;
  const auto tokens = words.add(Embedding{.vocabulary = 9, .width = 4}, words.input("ids", {5}, DType::i64));
  words.output("tag", words.add(Dense{3}, tokens, "tags"));
  words.initialize(1);
  onnx::save(words, folder / "words.onnx");
  std::vector<std::int64_t> numbers;
  std::vector<std::int64_t> tags;
  for (std::int64_t i = 0; i < 60; ++i) {
    numbers.push_back(i * i % 9);
    tags.push_back(i % 10 == 3 ? -100 : numbers.back() % 3);
  }
  const auto ids = Tensor::of<std::int64_t>({12, 5}, numbers);
  const auto labels = Tensor::of<std::int64_t>({12, 5}, tags);
  write_npz(folder / "steps.npz", {{"x_train", ids}, {"y_train", labels}, {"x_test", ids}, {"y_test", labels}});
  Spec spec = fine_tuning_spec(folder / "words.onnx", {.data = (folder / "steps.npz").string()});
  spec.training.options.epochs = 60;
  spec.training.options.batch_size = 4;
  spec.training.options.optimizer = Adam{.learning_rate = 0.1F};
  run(spec, {.folder = folder / "run"});
  const Model model = open_model(folder / "run");
  EXPECT_TRUE(model.takes_tokens());
  const std::filesystem::path path = folder / "steps.npz";
  EXPECT_GT(evaluate(model, evaluation_data(model, &path), 1).classification->accuracy, 0.99);
  EXPECT_GT(evaluate(model, evaluation_data(model, nullptr), 1).classification->accuracy, 0.99) << "by the run's own spec";
  EXPECT_TRUE(open_model(folder / "words.onnx").takes_tokens());
  write_npz(folder / "floats.npz", {{"x", Tensor(DType::f32, {12, 5})}, {"y", labels}});
  EXPECT_THAT(message_of([&] { prepare(fine_tuning_spec(folder / "words.onnx", {.data = (folder / "floats.npz").string()})); }),
              HasSubstr("floats.npz: array x is f32[12, 5], expected tokens: whole numbers [samples, time]"));
}

TEST(FineTuning, NothingIsLearntThroughWholeNumbers) {
  const TemporaryFolder folder;
  Network small = Sequential{{4}, Dense{3}};
  small.initialize(1);
  onnx::Model source = onnx::to_model(small);
  onnx::NodeData best;
  best.op_type = "ArgMax";
  best.inputs = {source.graph.outputs[0].name};
  best.outputs = {"best"};
  source.graph.nodes.push_back(best);
  source.graph.outputs = {{"best", onnx::ElementType::i64, true, std::nullopt}};
  source.folder = folder.path();
  onnx::write(folder / "best.onnx", source);
  const Spec spec = fine_tuning_spec(folder / "best.onnx", {.data = "iris"});
  EXPECT_THAT(message_of([&] { run(spec, {.folder = folder / "run", .places = {NEURONS_SOURCE_DIR}}); }),
              HasSubstr("nothing can be learnt through whole numbers; train another output"));
}

TEST(FineTuning, OutputsWithUnknownOperatorsAreLeftOut) {
  const TemporaryFolder folder;
  Network small = Sequential{{4}, Dense{3}};
  small.initialize(1);
  onnx::Model source = onnx::to_model(small);
  const std::string scores = source.graph.outputs[0].name;
  onnx::NodeData magic;
  magic.op_type = "Enchant";
  magic.inputs = {scores};
  magic.outputs = {"magic"};
  source.graph.nodes.push_back(magic);
  source.graph.outputs.insert(source.graph.outputs.begin(), {"magic", onnx::ElementType::f32, true, std::nullopt});
  source.folder = folder.path();
  onnx::write(folder / "two.onnx", source);
  Spec spec = fine_tuning_spec(folder / "two.onnx", {.data = "iris"});
  spec.training.options.epochs = 1;
  run(spec, {.folder = folder / "run", .places = {NEURONS_SOURCE_DIR}});
  EXPECT_THAT(onnx::left_out_of(open_model(folder / "two.onnx").network), HasSubstr("the output \"magic\" is left out"));
  EXPECT_EQ(onnx::left_out_of(open_model(folder / "run").network), "");
  EXPECT_THAT(message_of([&] { open_model(folder / "two.onnx", "magic"); }), HasSubstr("not known here: Enchant"));
}

TEST(FineTuning, ValuesGoThroughTheModelsOwnActivation) {
  const TemporaryFolder folder;
  Network small = Sequential{{2}, Dense{4, "tanh"}, Dense{1, "sigmoid"}};
  small.initialize(1);
  onnx::save(small, folder / "small.onnx");
  const auto table = folder.write("table.csv", "a,b,y\n0,1,0.2\n1,0,0.9\n0.5,0.5,0.4\n1,1,0.7\n");
  Spec spec = fine_tuning_spec(folder / "small.onnx", {.data = table.string()});
  spec.training.options.epochs = 3;
  spec.training.options.batch_size = 2;
  run(spec, {.folder = folder / "run", .places = {NEURONS_SOURCE_DIR}});
  std::filesystem::remove(folder / "small.onnx");  // a run needs it no more
  const Model model = open_model(folder / "run");
  const Model file = open_model(folder / "run/model.onnx");
  const Tensor x = Tensor::of<float>({1, 2}, {0.3F, 0.7F});
  EXPECT_EQ(predicted(model.network, x), predicted(file.network, x));
  const float y = predicted(file.network, x).values<float>()[0];
  EXPECT_TRUE(y > 0 && y < 1) << y;
}

/// A spec that names a model of ONNX which ends in probabilities: losses of logits take its scores, and what is saved ends as
/// before.
TEST(FineTuning, LossesOfLogitsTakeScores) {
  const TemporaryFolder folder;
  const auto spec_of = [&](const std::string& model, const std::string& source, const std::string& loss) {
    const std::string text = fmt::format(
        "[data]\nsource = \"{}\"\n[network]\nlayers = [{{ kind = \"onnx\", file = \"{}\" }}]\n[training]\nepochs = 1\nbatch_size = "
        "2\nloss = "
        "\"{}\"\n",
        source, (folder / model).string(), loss);
    return parse_spec(text, (folder / "spec.toml").string());
  };
  Network soft = Sequential{{4}, Dense{3, "softmax"}};
  soft.initialize(1);
  onnx::save(soft, folder / "soft.onnx");
  const std::vector<std::filesystem::path> places{NEURONS_SOURCE_DIR};
  const auto takes_scores = [&](const Spec& spec) {
    return prepare(spec, places).spec.network.layers.front().layer.as<onnx::ImportedModel>()->scores;
  };
  EXPECT_TRUE(takes_scores(spec_of("soft.onnx", "iris", "cross_entropy")));

  Network each = Sequential{{4}, Dense{2, "sigmoid"}};
  each.initialize(1);
  onnx::save(each, folder / "each.onnx");
  const Tensor x = Tensor::of<float>({2, 4}, {1, 2, 3, 4, -1, 0, 1, 0});
  const Tensor y = Tensor::of<float>({2, 2}, {1, 0, 0, 0});
  write_npz(folder / "data.npz", {{"x_train", x}, {"y_train", y}, {"x_test", x}, {"y_test", y}});
  EXPECT_FALSE(takes_scores(spec_of("each.onnx", (folder / "data.npz").string(), "mse")));
  const Spec spec = spec_of("each.onnx", (folder / "data.npz").string(), "binary_cross_entropy");
  EXPECT_TRUE(takes_scores(spec));
  run(spec, {.folder = folder / "run"});
  const Model model = open_model(folder / "run");
  const Tensor said = predicted(model.network, x);
  double loss = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const double p = said.values<float>()[i];
    ASSERT_TRUE(p > 0 && p < 1) << p;
    loss -= std::log(y.values<float>()[i] == 1 ? p : 1 - p) / 4;
  }
  const Evaluation found = evaluate(model, evaluation_data(model, nullptr), 1);
  EXPECT_NEAR(found.loss, loss, 1e-5);
  EXPECT_EQ(found.outputs, said);
}

}  // namespace
}  // namespace neurons::testing
