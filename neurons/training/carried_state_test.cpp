// Truncated back-propagation through time with the state carried from batch to batch: two epochs against PyTorch's
// (tests/fixtures/carried.npz), and what must hold for any network.

#include "neurons/training/carried_state.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <limits>
#include <map>

#include "neurons/base/testing.hpp"
#include "neurons/base/testing/counting_new.hpp"
#include "neurons/base/testing/near_largest.hpp"
#include "neurons/data/readers/npy.hpp"
#include "neurons/layers/attention.hpp"
#include "neurons/layers/dense.hpp"
#include "neurons/layers/recurrent.hpp"
#include "neurons/training/nonfinite.hpp"
#include "neurons/training/trainer.hpp"

namespace neurons {
namespace {

using ::testing::HasSubstr;
using testing::message_of;

constexpr std::int64_t kStreams = 3, kWindows = 6, kTime = 6, kFeatures = 5, kClasses = 4;
constexpr std::int64_t kSteps = kWindows * kTime;

const std::map<std::string, Tensor>& carried_fixture() {
  static const auto kArrays = read_npz(std::filesystem::path(NEURONS_SOURCE_DIR) / "tests/fixtures/carried.npz");
  return kArrays;
}

Network carried_network(const Layer& layer, std::int64_t time = kTime) {
  Network network;
  const auto all = network.add(layer.with({{"return_sequences", true}}), network.input("x", {time, kFeatures}), "recurrent");
  network.output("y", network.add(Dense{kClasses}, all, "dense"));
  return network;
}

/// The fixture's streams as the samples of a dataset: window after window, stream after stream.
Dataset carried_data() {
  Dataset data;
  data.inputs = carried_fixture().at("inputs").reshaped({kStreams * kWindows, kTime, kFeatures});
  data.targets = carried_fixture().at("labels").reshaped({kStreams * kWindows, kTime});
  data.source = "streams";
  return data;
}

void fill_window(const Batch& batch, std::int64_t window) {
  const auto inputs = carried_fixture().at("inputs").values<float>();
  const auto labels = carried_fixture().at("labels").values<std::int64_t>();
  for (std::int64_t row = 0; row < kStreams; ++row) {
    const std::int64_t first = row * kSteps + window * kTime;
    std::copy_n(inputs.begin() + first * kFeatures, kTime * kFeatures,
                batch.inputs[0].values<float>().begin() + row * kTime * kFeatures);
    std::copy_n(labels.begin() + first, kTime, batch.target.values<std::int64_t>().begin() + row * kTime);
  }
}

struct CarriedLayer {
  std::string name;
  Layer layer;
};
std::ostream& operator<<(std::ostream& out, const CarriedLayer& named) { return out << named.name; }

class Carried : public ::testing::TestWithParam<CarriedLayer> {
 protected:
  const Tensor& own(const std::string& part) const { return carried_fixture().at(GetParam().name + "/" + part); }
  Network start(std::int64_t time = kTime) const {
    Network result = carried_network(GetParam().layer, time);
    for (const auto& [name, type] : result.parameter_types()) result.set_parameter(name, own("initial/" + name));
    return result;
  }
  TrainOptions options(int threads = 1) const {
    return {.optimizer = Sgd{.learning_rate = 0.2F, .momentum = 0.9F},
            .clip_norm = 0,
            .epochs = 2,
            .batch_size = kStreams,
            .carry_state = true,
            .threads = threads};
  }
  LearnerOptions learner_options() const {
    return {.optimizer = Sgd{.learning_rate = 0.2F, .momentum = 0.9F},
            .clip_norm = 0,
            .carry_state = true,
            .team = std::make_shared<ThreadTeam>(1)};
  }
  void expect_final(const Network& network) const {
    for (const auto& [name, tensor] : network.parameters()) {
      testing::expect_near_largest(tensor.values<float>(), own("final/" + name).values<float>(), name);
    }
  }
};

INSTANTIATE_TEST_SUITE_P(PyTorch, Carried,
                         ::testing::Values(CarriedLayer{"lstm", Lstm{.hidden = 12}},
                                           CarriedLayer{"lstm_deep", Lstm{.hidden = 12, .layers = 2}},
                                           CarriedLayer{"gru", Gru{.hidden = 12}},
                                           CarriedLayer{"simple_rnn", SimpleRnn{.hidden = 12}}),
                         [](const auto& chosen) { return chosen.param.name; });

TEST_P(Carried, ALoopOfOnesOwnEndsWherePyTorchsEnds) {
  Learner learner(start(), learner_options());
  const auto losses = own("losses").values<double>();
  for (std::int64_t step = 0; step < 2 * kWindows; ++step) {
    if (step == kWindows) learner.reset_state();
    fill_window(learner.batch(kStreams), step % kWindows);
    EXPECT_NEAR(static_cast<double>(learner.step(kStreams).loss), losses[static_cast<std::size_t>(step)], 1e-5) << step;
  }
  expect_final(learner.network());
}

TEST_P(Carried, TheTrainerEndsWherePyTorchsEnds) {
  Network network = start();
  train(network, carried_data(), options());
  expect_final(network);
}

TEST_P(Carried, IsTheSameBitsAtOneAndTwoThreads) {
  Network alone = start();
  Network together = start();
  train(alone, carried_data(), options(1));
  train(together, carried_data(), options(2));
  EXPECT_EQ(weights_sha256(alone), weights_sha256(together));
}

TEST_P(Carried, WindowsGiveWhatTheWholeStreamGives) {
  Network trained = start();
  for (const auto& [name, type] : trained.parameter_types()) trained.set_parameter(name, own("final/" + name));
  const Tensor said = predict_stream(trained, [] {
    const Dataset all = carried_data();
    const std::vector<std::int64_t> first{0, 1, 2, 3, 4, 5};
    return all.subset(first);
  }());
  const auto whole = own("inference").values<double>().first(kSteps * kClasses);
  testing::expect_near_largest(said.values<float>(), whole, "one stream", 1);
  // The same from a learner, all streams at once, after it has been made to forget what else it saw.
  Learner learner(trained, learner_options());
  fill_window(learner.evaluation_batch(kStreams), 3);
  learner.evaluate(kStreams);
  learner.reset_evaluation_state();
  for (std::int64_t window = 0; window < kWindows; ++window) {
    fill_window(learner.evaluation_batch(kStreams), window);
    const auto scores = learner.evaluate(kStreams).prediction.values<float>();
    for (std::int64_t row = 0; row < kStreams; ++row) {
      const auto part = static_cast<std::size_t>(kTime * kClasses);
      const auto from = static_cast<std::size_t>((row * kSteps + window * kTime) * kClasses);
      testing::expect_near_largest(scores.subspan(static_cast<std::size_t>(row) * part, part),
                                   own("inference").values<double>().subspan(from, part), "a window", 1);
    }
  }
}

TEST_P(Carried, AStepTakesNoMemory) {
  Learner learner(start(), learner_options());
  learner.step(kStreams);
  const long before = testing::allocations_here();
  for (int i = 0; i < 3; ++i) learner.step(kStreams);
  learner.reset_state();
  learner.reset_state(1);
  EXPECT_EQ(testing::allocations_here(), before);
}

/// A step is a function of the weights, the window and the state in front of it alone: whether that state came out of a window or
/// was put there by hand, the gradient is the same.
TEST_P(Carried, NoGradientGoesBackBeyondTheWindow) {
  LearnerOptions plain = learner_options();
  plain.optimizer = Sgd{.learning_rate = 1};
  Learner through(start(), plain);
  fill_window(through.batch(kStreams), 0);
  through.step(kStreams, 0, 0.0);  // moves nothing, remembers
  Learner by_hand(start(), plain);
  by_hand.batch(kStreams);
  for (const std::string& name : through.states().names()) by_hand.states().set(name, through.states().get(name));
  for (Learner* learner : {&through, &by_hand}) {
    fill_window(learner->batch(kStreams), 1);
    learner->step(kStreams);
  }
  EXPECT_EQ(weights_sha256(through.network()), weights_sha256(by_hand.network()));
}

TEST_P(Carried, ARunThatIsCutInsideAnEpochGoesOnBitByBit) {
  const testing::TemporaryFolder folder;
  const Dataset data = carried_data();
  TrainOptions whole = options();
  whole.validation = data;
  whole.accumulate = 2;
  Network at_once = start();
  train(at_once, data, whole);
  TrainOptions parts = whole;
  std::atomic<bool> interrupt{true};  // each call makes one step
  parts.interrupt = &interrupt;
  parts.run_folder = folder.path();
  int calls = 0;
  for (StopReason stop = StopReason::interrupted; stop == StopReason::interrupted; ++calls) {
    ASSERT_LT(calls, 100);
    Network network = start();
    parts.resume = calls > 0;
    const History history = train(network, data, parts);
    stop = history.stop;
    if (stop == StopReason::completed) {
      EXPECT_EQ(weights_sha256(network), weights_sha256(at_once));
    }
  }
  EXPECT_EQ(calls, 2 * kWindows);
}

TEST(CarriedState, OneRowIsForgotten) {
  Network network = carried_network(Lstm{.hidden = 3});
  Learner learner(network, {.carry_state = true});
  fill_window(learner.batch(kStreams), 0);
  learner.step(kStreams);
  const Tensor before = learner.states().get("recurrent.cells");
  learner.reset_state(1);
  const Tensor after = learner.states().get("recurrent.cells");
  EXPECT_EQ(after.shape(), (Shape{1, kStreams, 3}));
  for (std::size_t i = 0; i < 9; ++i) {
    EXPECT_NE(before.values<float>()[i], 0) << i;
    EXPECT_EQ(after.values<float>()[i], i / 3 == 1 ? 0 : before.values<float>()[i]) << i;
  }
  EXPECT_EQ(message_of([&] { learner.reset_state(kStreams); }), "carry_state: there is no row 3 of 3 to forget");
}

TEST(CarriedState, EvaluationRemembersApartFromTraining) {
  Network network = carried_network(Gru{.hidden = 3});
  Learner learner(network, {.carry_state = true, .team = std::make_shared<ThreadTeam>(1)});
  fill_window(learner.evaluation_batch(kStreams), 0);  // before any training, whose rows may be others
  const float first = learner.evaluate(kStreams).loss;
  const float second = learner.evaluate(kStreams).loss;
  EXPECT_NE(first, second) << "the second time it has seen the first";
  learner.batch(2);
  learner.step(2, 0, 0.0);
  learner.reset_state();
  learner.reset_evaluation_state();
  EXPECT_EQ(learner.evaluate(kStreams).loss, first);
  EXPECT_EQ(message_of([&] { learner.batch(3); }),
            "carry_state: each batch goes on where the one before it ended, so all have 2 rows, not 3");
  EXPECT_EQ(message_of([&] { learner.inference(1); }),
            "carry_state: each batch goes on where the one before it ended, so all have 3 rows, not 1");
}

TEST(CarriedState, SaysWhereANumberIsNotFinite) {
  Network network = carried_network(SimpleRnn{.hidden = 2, .activation = "relu"});
  Learner learner(network, {.carry_state = true});
  learner.batch(1);
  Tensor hidden = learner.states().get("recurrent.hidden");
  hidden.values<float>()[0] = std::numeric_limits<float>::infinity();
  learner.states().set("recurrent.hidden", hidden);
  const Batch& batch = learner.batch(1);
  EXPECT_FALSE(learner.step(1).finite);
  const std::vector<std::int64_t> rows{0};
  EXPECT_THAT(explain_nonfinite(learner, batch, rows), HasSubstr("recurrent (RNN)"));
}

TEST(CarriedState, RefusesWhatCannotBeCarried) {
  const auto refusal = [](const Network& network) { return message_of([&] { Learner learner(network, {.carry_state = true}); }); };
  EXPECT_EQ(refusal(carried_network(Lstm{.hidden = 3, .bidirectional = true})),
            "carry_state: recurrent goes backward in time, so its first step needs the last");
  const Network attention = Sequential{{kTime, 4}, MultiHeadAttention{.heads = 2}, Dense{kClasses}};
  EXPECT_EQ(refusal(attention), "carry_state: the network has no recurrent layer, so it remembers nothing from step to step");
}

TEST(CarriedState, TheTrainerRefusesWhatDoesNotGoTogether) {
  const auto refusal = [](TrainOptions options) {
    Network network = carried_network(Lstm{.hidden = 3});
    options.carry_state = true;
    return message_of([&] { train(network, carried_data(), options); });
  };
  EXPECT_EQ(refusal({.batch_size = 19}),
            "carry_state: batch_size = 19 asks for as many streams, but streams has only 18 windows; choose 1 to 18");
  EXPECT_THAT(refusal({.optimizer = Lbfgs{}}), HasSubstr("has no use for carry_state; leave it out"));
}

}  // namespace
}  // namespace neurons
