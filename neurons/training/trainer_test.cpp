#include "neurons/training/trainer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "neurons/base/testing.hpp"
#include "neurons/data/readers/csv.hpp"
#include "neurons/data/readers/idx.hpp"
#include "neurons/data/readers/table_encoder.hpp"
#include "neurons/data/splits.hpp"
#include "neurons/layers/embedding.hpp"
#include "neurons/layers/normalizations.hpp"
#include "neurons/layers/shapes.hpp"
#include "neurons/layers/transformer.hpp"
#include "neurons/training/nonfinite.hpp"
#include "neurons/training/optimizers.hpp"
#include "neurons/training/tally.hpp"
#include "neurons/training/training_testing.hpp"

namespace neurons {
namespace {

using ::testing::AllOf;
using testing::classifier;
using testing::corners;
using ::testing::HasSubstr;
using testing::message_of;
using testing::products;
using testing::regressor;

std::filesystem::path bundled() { return std::filesystem::path(NEURONS_SOURCE_DIR) / "data"; }

double accuracy_of(const Network& network, const Dataset& data) {
  Tensor said = predict(network, data);
  Tensor truth = data.targets;
  const auto correct =
      count_correct({said.dtype(), said.shape(), said.bytes().data()}, {truth.dtype(), truth.shape(), truth.bytes().data()});
  return static_cast<double>(correct) / static_cast<double>(data.samples());
}

TEST(Train, WineReachesItsAccuracy) {
  const Table table = read_csv(bundled() / "wine" / "wine.csv");
  const TableEncoder labels = TableEncoder::fit(table, {}, {});
  const auto parts = stratified_split(labels.encode(table).targets.values<std::int64_t>(), std::vector{0.7, 0.3}, 1);
  const Dataset all = TableEncoder::fit(table, parts[0], {}).encode(table);
  const Dataset training = all.subset(parts[0]);
  const Dataset test = all.subset(parts[1]);
  Network network = Sequential{{13}, Dense{16}, Relu{}, Dense{3}};
  const History history =
      train(network, training,
            {.optimizer = Adam{.learning_rate = 0.01F}, .epochs = 40, .batch_size = 16, .validation = test, .seed = 3});
  ASSERT_EQ(history.epochs.size(), 40U);
  EXPECT_LT(history.epochs.back().loss, 0.1 * history.epochs.front().loss);
  EXPECT_GE(history.epochs.back().accuracy, 0.99);
  EXPECT_GE(history.epochs.back().validation_accuracy, 0.94);
  EXPECT_EQ(history.epochs.back().validation_accuracy, accuracy_of(network, test));
  EXPECT_TRUE(std::isnan(history.epochs.back().validation_rmse));
  EXPECT_EQ(history.stop, StopReason::completed);
}

TEST(Train, WeightsThatLeaveNothingToLearnFrom) {
  Dataset data = corners(8, 1);
  data.sample_weights.assign(8, 0);
  Network network = classifier();
  EXPECT_THAT(message_of([&] { train(network, data, {.batch_size = 4}); }), HasSubstr("all sample weights are 0"));
  data.sample_weights[3] = -1;
  EXPECT_THAT(message_of([&] { train(network, data, {.batch_size = 4}); }),
              HasSubstr("weight of sample 3 (from 0) is -1, expected a finite number of at least 0"));
}

TEST(Train, PartOfMnistIsLearnt) {
  const TrainTest mnist = read_mnist(bundled() / "mnist");
  Indices some(3000);
  for (std::size_t i = 0; i < some.size(); ++i) some[i] = static_cast<std::int64_t>(i);
  Network network = Sequential{{1, 28, 28}, Flatten{}, Dense{64}, Relu{}, Dense{10}};
  const History history = train(network, mnist.train.subset(some), {.epochs = 4, .batch_size = 64, .seed = 1});
  EXPECT_GE(history.epochs.back().accuracy, 0.9);
  EXPECT_GE(accuracy_of(network, mnist.test), 0.86);
}

TEST(Train, RegressionIsLearnt) {
  Network network = regressor();
  const History history =
      train(network, products(400, 1),
            {.loss = MeanSquaredError{}, .optimizer = Adam{.learning_rate = 0.01F}, .epochs = 60, .validation = products(100, 2)});
  EXPECT_LT(history.epochs.back().validation_rmse, 0.05);
  EXPECT_NEAR(history.epochs.back().validation_rmse, std::sqrt(history.epochs.back().validation_loss), 1e-6);
  EXPECT_TRUE(std::isnan(history.epochs.back().accuracy));
  EXPECT_TRUE(std::isnan(history.epochs.back().validation_accuracy));
}

TEST(Train, WithoutAFolderNoCheckpointIsWritten) {
  const Dataset data = products(20, 1);
  Network by_steps = Sequential{{2}, Dense{1}};
  Network by_time = by_steps;
  const TrainOptions options{.loss = MeanSquaredError{}, .epochs = 2, .batch_size = 5};
  TrainOptions each_step = options;
  each_step.checkpoint_steps = 1;
  TrainOptions each_moment = options;
  each_moment.checkpoint_seconds = 0;
  EXPECT_EQ(train(by_steps, data, each_step).weights_sha256, train(by_time, data, each_moment).weights_sha256);
}

TEST(Train, TheSameSeedGivesTheSameBitsForAnyNumberOfThreads) {
  const TrainTest mnist = read_mnist(bundled() / "mnist");
  Indices some(500);
  for (std::size_t i = 0; i < some.size(); ++i) some[i] = static_cast<std::int64_t>(7 * i);
  const Dataset data = mnist.train.subset(some);
  const auto hash = [&](int threads, std::uint64_t seed) {
    Network network = Sequential{{1, 28, 28}, Flatten{}, Dense{96}, Relu{}, Dropout{0.3F}, Dense{10}};
    return train(network, data, {.clip_norm = 1, .epochs = 2, .batch_size = 64, .seed = seed, .threads = threads}).weights_sha256;
  };
  const std::string one = hash(1, 5);
  EXPECT_EQ(hash(2, 5), one);
  EXPECT_EQ(hash(3, 5), one);
  EXPECT_EQ(hash(2, 5), one);
  EXPECT_NE(hash(1, 6), one);
}

TEST(Train, WeightsThatAreThereAreKept) {
  Network a = classifier();
  a.initialize(9);
  Network b = a;
  const Dataset data = corners(64, 1);
  train(a, data, {.optimizer = Sgd{.learning_rate = 0}, .epochs = 1});
  EXPECT_EQ(weights_sha256(a), weights_sha256(b)) << "a rate of 0 leaves them as they were";
  Network c = classifier();
  train(c, data, {.optimizer = Sgd{.learning_rate = 0}, .epochs = 1, .seed = 9});
  EXPECT_EQ(weights_sha256(c), weights_sha256(b)) << "drawn by the seed";
}

TEST(Train, TheHashIsOverNamesTypesAndBytes) {
  Network network = Sequential{{1}, Dense{1}};
  network.set_parameter("dense1.weight", Tensor::of<float>({1, 1}, std::vector{2.0F}));
  network.set_parameter("dense1.bias", Tensor::of<float>({1}, std::vector{-1.0F}));
  // printf 'dense1.bias\0f32[1]\0\x00\x00\x80\xbfdense1.weight\0f32[1, 1]\0\x00\x00\x00\x40' | sha256sum
  EXPECT_EQ(weights_sha256(network), "9ddb15a44ecccdb03ce68f8a178aaaf4dacfbbaaf7092e885503a1202da0b212");
}

TEST(Train, EarlyStoppingGoesBackToTheBestWeights) {
  Network network = classifier();
  const Dataset validation = corners(40, 8, 1.2);
  const TrainOptions options{.optimizer = Adam{.learning_rate = 0.1F},
                             .epochs = 200,
                             .batch_size = 8,
                             .validation = validation,
                             .early_stopping = {.patience = 5},
                             .seed = 2};
  const History history = train(network, corners(24, 7, 1.2), options);
  EXPECT_EQ(history.stop, StopReason::early);
  EXPECT_EQ(static_cast<std::int64_t>(history.epochs.size()), history.best_epoch + 5);
  const auto& best = history.epochs[static_cast<std::size_t>(history.best_epoch) - 1];
  for (const auto& record : history.epochs) EXPECT_GE(record.validation_loss, best.validation_loss);
  EXPECT_EQ(accuracy_of(network, validation), best.validation_accuracy);
  Network again = classifier();
  TrainOptions until_best = options;
  until_best.epochs = history.best_epoch;
  EXPECT_EQ(train(again, corners(24, 7, 1.2), until_best).weights_sha256, history.weights_sha256);
}

TEST(Train, RestoreBestWithoutStopping) {
  Network network = classifier();
  TrainOptions options{.optimizer = Adam{.learning_rate = 0.1F},
                       .epochs = 12,
                       .batch_size = 8,
                       .validation = corners(40, 8, 1.2),
                       .restore_best = true};
  const History history = train(network, corners(24, 7, 1.2), options);
  EXPECT_EQ(history.stop, StopReason::completed);
  ASSERT_LT(history.best_epoch, 12);
  options.epochs = history.best_epoch;
  Network again = classifier();
  EXPECT_EQ(train(again, corners(24, 7, 1.2), options).weights_sha256, history.weights_sha256);
}

TEST(Train, SampleWeightsAreLikeRepeats) {
  const Dataset data = corners(30, 3);
  Dataset weighted = data;
  Indices repeated;
  for (std::int64_t i = 0; i < 30; ++i) {
    weighted.sample_weights.push_back(static_cast<float>(i % 3));
    for (std::int64_t r = 0; r < i % 3; ++r) repeated.push_back(i);
  }
  const Dataset repeats = data.subset(repeated);
  const auto run = [](const Dataset& set) {
    Network network = Sequential{{2}, Dense{8}, Tanh{}, Dense{4}};
    train(network, set, {.optimizer = Sgd{.learning_rate = 0.3F}, .epochs = 5, .batch_size = set.samples(), .seed = 4});
    return network;
  };
  const Network a = run(weighted);
  const Network b = run(repeats);
  for (const auto& [name, tensor] : a.parameters()) {
    for (std::size_t i = 0; i < tensor.values<float>().size(); ++i) {
      EXPECT_NEAR(tensor.values<float>()[i], b.parameter(name).values<float>()[i], 2e-6) << name;
    }
  }
}

TEST(Train, AccumulationMakesOneUpdateOfSeveralBatches) {
  const Dataset data = corners(50, 3);  // batches of 8: 7 an epoch, by threes 3 updates, the last of one batch
  Network network = classifier();
  const History history = train(network, data, {.accumulate = 3, .epochs = 2, .batch_size = 8});
  EXPECT_EQ(history.epochs[0].step, 3);
  EXPECT_EQ(history.epochs[1].step, 6);
}

TEST(Train, SchedulesWarmUpAndPlateausMoveTheRate) {
  const Dataset data = corners(32, 3);
  Network network = classifier();
  const auto rates = [&](TrainOptions options) {
    options.optimizer = Sgd{.learning_rate = 0.5F};
    options.batch_size = 16;
    Network fresh = classifier();
    std::vector<double> result;
    for (const auto& record : train(fresh, data, options).epochs) result.push_back(record.learning_rate);
    return result;
  };
  EXPECT_THAT(rates({.schedule = StepDecay{.epochs = 1, .decay = 0.5}, .epochs = 3}), ::testing::ElementsAre(0.5, 0.25, 0.125));
  EXPECT_THAT(rates({.warm_up_steps = 4, .epochs = 3}), ::testing::ElementsAre(0.25, 0.5, 0.5));
  const auto plateau =
      rates({.schedule = ReduceOnPlateau{.decay = 0.1, .patience = 1, .threshold = 1}, .epochs = 6, .validation = data});
  EXPECT_LT(plateau.back(), 0.06);
  EXPECT_EQ(plateau.front(), 0.5);
}

TEST(Train, TellsOfStepsAndEpochs) {
  std::vector<EpochRecord> epochs;
  std::int64_t calls = 0;
  Network network = classifier();
  TrainOptions options{.epochs = 3, .batch_size = 10};
  options.on_epoch = [&](const EpochRecord& record) { epochs.push_back(record); };
  options.on_step = [&](const StepRecord& record) {
    ++calls;
    EXPECT_EQ(record.epochs, 3);
    EXPECT_EQ(record.steps, 5);
    EXPECT_GE(record.epoch, 1);
    EXPECT_LE(record.step, 5);
    EXPECT_GT(record.samples_per_second, 0);
    EXPECT_GE(record.seconds_left, 0);
  };
  const History history = train(network, corners(45, 3), options);
  ASSERT_EQ(epochs.size(), 3U);
  EXPECT_EQ(epochs[1].epoch, 2);
  EXPECT_EQ(epochs[1].step, 10);
  EXPECT_LE(calls, 1 + static_cast<std::int64_t>(history.seconds * 10)) << "at most ten a second";
}

TEST(Predict, IsTheNetworkInInferenceModeForAnyBatchSize) {
  Network network = classifier();
  network.initialize(4);
  const Dataset data = corners(23, 3);
  const Tensor whole = predict(network, data, 23, 1);
  EXPECT_EQ(whole.shape(), (Shape{23, 4}));
  for (const std::int64_t size : {1, 7, 64}) {
    const Tensor parts = predict(network, data, size, 1);
    for (std::size_t i = 0; i < whole.values<float>().size(); ++i) {
      EXPECT_NEAR(parts.values<float>()[i], whole.values<float>()[i], 1e-5F);
    }
  }
  // by hand: tanh(x · W1ᵀ + b1) · W2ᵀ + b2, no dropout
  const auto weight1 = network.parameter("dense1.weight").values<float>();
  const auto weight2 = network.parameter("dense2.weight").values<float>();
  double expected = 0;
  for (std::size_t h = 0; h < 16; ++h) {
    const auto x = data.inputs.values<float>();
    expected += std::tanh(static_cast<double>(x[4] * weight1[2 * h] + x[5] * weight1[2 * h + 1])) *
                static_cast<double>(weight2[3 * 16 + h]);
  }
  EXPECT_NEAR(whole.values<float>()[2 * 4 + 3], expected, 1e-5);
}

TEST(Train, OfSeveralOutputsTheFirstIsTrained) {
  const Dataset data = corners(40, 1);
  for (const Method& method : {Method(Adam{.learning_rate = 0.05F}), Method(Lbfgs{})}) {
    Network network;
    const auto hidden = network.add(Dense{.units = 8, .activation = "tanh"}, network.input("x", {2}));
    network.output("corner", network.add(Dense{4}, hidden));
    network.output("other", network.add(Dense{3}, hidden, "aside"));
    network.initialize(1);
    const Tensor before = network.parameter("aside.weight");
    const History history = train(network, data, {.optimizer = method, .epochs = 20, .batch_size = 10});
    EXPECT_GT(history.epochs.back().accuracy, 0.9) << method.kind();
    EXPECT_EQ(network.parameter("aside.weight"), before) << method.kind();
    EXPECT_EQ(predict(network, data).shape(), (Shape{40, 4}));
  }
}

/// Each step's label is the token before it: short sequences end in padding, whose labels do not count.
Dataset echoes(std::int64_t samples, std::int64_t time, std::int64_t tokens) {
  Dataset data;
  data.inputs = Tensor(DType::i64, {samples, time});
  data.targets = Tensor(DType::i64, {samples, time});
  data.source = "echoes";
  RandomStream random(4);
  for (std::int64_t s = 0; s < samples; ++s) {
    const auto x = data.inputs.values<std::int64_t>().subspan(static_cast<std::size_t>(s * time), static_cast<std::size_t>(time));
    const auto y = data.targets.values<std::int64_t>().subspan(static_cast<std::size_t>(s * time), static_cast<std::size_t>(time));
    const auto length = static_cast<std::size_t>(time - s % 3);
    std::ranges::fill(y, kIgnoredLabel);
    for (std::size_t t = 0; t < length; ++t) {
      x[t] = 1 + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(tokens - 1)));
      y[t] = t == 0 ? kIgnoredLabel : x[t - 1];
    }
  }
  return data;
}

Network echo_network(std::int64_t time, std::int64_t tokens) {
  Network network;
  const auto x = network.input("x", {time}, DType::i64);
  const auto steps = network.add(LearnedPositions{.initializer_value = 0.3F}, network.add(Embedding{tokens, 16}, x));
  const auto block = network.add(TransformerEncoder{.heads = 2, .causal = true}, {steps, network.add(PaddingMask{}, x)});
  network.output("y", network.add(Dense{tokens}, network.add(LayerNorm{}, block)));
  return network;
}

TEST(Train, ATransformerLearnsFromTokensWithALabelForEachStep) {
  const Dataset data = echoes(240, 6, 7);
  Network network = echo_network(6, 7);
  const History history =
      train(network, data,
            {.optimizer = Adam{.learning_rate = 0.01F}, .epochs = 12, .batch_size = 16, .validation = echoes(30, 6, 7), .seed = 3});
  EXPECT_GT(history.epochs.back().accuracy, 0.95);
  EXPECT_GT(history.epochs.back().validation_accuracy, 0.99);
}

TEST(Train, TokensThatNoEmbeddingKnowsAreNamed) {
  Dataset data = echoes(9, 6, 7);
  const auto complaint = [&](Network network) { return message_of([&] { train(network, data, {.batch_size = 3}); }); };
  EXPECT_EQ(complaint(Sequential{{6}, Dense{7}}),
            "the network's input \"x\" is f32, those of echoes are i64; tokens go into an input of i64, which an Embedding reads");
  data.inputs.values<std::int64_t>()[8] = 7;
  EXPECT_EQ(complaint(echo_network(6, 7)),
            "echoes: token 7 of sample 1 (from 0), step 2, is out of range: the embedding's vocabulary is 7, 0 to 6");
  data.targets = Tensor(DType::i64, {9});
  data.inputs.values<std::int64_t>()[8] = 1;
  EXPECT_EQ(complaint(echo_network(6, 7)),
            "echoes: has labels [1] for a sample, the network's [1, 6, 7] take [1, 6]; label every step, or choose one of them "
            "(last_step) before the last layer");
  Learner learner(echo_network(6, 7), {.optimizer = Adam{}});
  const Batch& batch = learner.batch(2);
  batch.inputs[0].values<std::int64_t>()[7] = 7;
  EXPECT_FALSE(learner.step(2).finite);
  EXPECT_EQ(
      explain_nonfinite(learner, batch, {}),
      "step 1: input \"x\", step 1, sample 1 of the batch: token 7 is none of the vocabulary's 7, 0 to 6; nothing was updated");
}

TEST(Train, MisfitsAreNamedBeforeAnythingIsDone) {
  const Dataset data = corners(20, 1);
  const auto complaint = [&](TrainOptions options, Network network = classifier()) {
    return message_of([&] { train(network, data, options); });
  };
  EXPECT_THAT(complaint({.batch_size = 21}),
              HasSubstr("batch_size = 21 is larger than the data: corners has 20 samples; choose 1 to 20"));
  EXPECT_THAT(complaint({.batch_size = 0}), HasSubstr("batch_size = 0 must be at least 1"));
  EXPECT_THAT(complaint({.epochs = 0, .batch_size = 5}), HasSubstr("epochs = 0 must be at least 1"));
  EXPECT_THAT(complaint({.batch_size = 5, .early_stopping = {.patience = 2}}), HasSubstr("early_stopping: needs validation data"));
  EXPECT_THAT(complaint({.batch_size = 5, .restore_best = true}), HasSubstr("restore_best: needs validation data"));
  EXPECT_THAT(complaint({.schedule = ReduceOnPlateau{}, .batch_size = 5}), HasSubstr("reduce_on_plateau: needs validation data"));
  EXPECT_THAT(complaint({.batch_size = 5, .resume = true}), HasSubstr("resume: needs the run folder"));
  EXPECT_THAT(complaint({.batch_size = 5, .validation = products(9, 1)}),
              HasSubstr("products: has real-valued targets, the training data class labels"));
  EXPECT_THAT(complaint({.loss = MeanSquaredError{}, .batch_size = 5}), HasSubstr("loss mse: the data has class labels"));
  EXPECT_THAT(complaint({.batch_size = 5}, Sequential{{2}, Dense{3}}), HasSubstr("corners: has 4 classes, the network 3 outputs"));
  EXPECT_THAT(complaint({.batch_size = 5}, Sequential{{3}, Dense{4}}),
              HasSubstr("the network expects samples of shape [3], those of corners are [2]"));
  EXPECT_THAT(complaint({.batch_size = 5}, Sequential{{1, 2}, Flatten{}, Dense{4}}),
              HasSubstr("begin with Flatten{} or Reshape{}"));
  Network joint;
  joint.output("y", joint.add(Dense{4}, joint.add(Add{}, {joint.input("a", {2}), joint.input("b", {2})})));
  for (const Method& method : {Method(Adam{}), Method(Lbfgs{})}) {
    EXPECT_EQ(
        complaint({.optimizer = method, .batch_size = 5}, joint),
        "the network has 2 inputs, a dataset gives one, and lengths of sequences for a second one i64 []; for others use Learner "
        "and a loop of your own");
  }
  Network frozen = classifier();
  frozen.freeze("*");
  EXPECT_THAT(complaint({.batch_size = 5}, frozen), HasSubstr("no parameter to train: all are frozen"));
  Network regression = regressor();
  Dataset wide = products(10, 1);
  wide.targets = Tensor(DType::f32, {10, 3});
  EXPECT_THAT(message_of([&] { train(regression, wide, {.loss = MeanSquaredError{}, .batch_size = 5}); }),
              HasSubstr("products: has 3 target values a sample, the network gives [1, 1]; give the last layer 3 units"));
  Dataset shares = products(10, 1);
  shares.targets = Tensor(DType::f32, {10, 4});
  shares.targets.values<float>()[13] = -0.5F;
  for (const Loss& loss : {Loss(CrossEntropy{}), Loss(BinaryCrossEntropy{}), Loss(KlDivergence{})}) {
    EXPECT_THAT(message_of([&] {
                  Network network = classifier();
                  train(network, shares, {.loss = loss, .batch_size = 5});
                }),
                HasSubstr("products: target -0.5 of sample 3 (from 0) is no share from 0 to 1, of which loss " + loss.kind()));
  }
  EXPECT_THAT(message_of([&] { train(regression, products(10, 1), {.batch_size = 5}); }),
              HasSubstr("loss cross_entropy: needs an output for each class, the network has [1, 1]; for real-valued targets"));
  Dataset empty = corners(20, 1);
  empty.inputs = Tensor(DType::f32, {20, 0});
  EXPECT_THAT(complaint({.batch_size = 5, .validation = empty}), HasSubstr("its samples [0] hold no number"));
  Dataset spoilt = corners(20, 1);
  spoilt.inputs.values<float>()[7] = std::nanf("");
  Network network = classifier();
  EXPECT_THAT(message_of([&] { train(network, spoilt, {.batch_size = 5}); }), AllOf(HasSubstr("sample 3"), HasSubstr("nan")));
}

}  // namespace
}  // namespace neurons
