// A step takes no memory.

#include <gtest/gtest.h>

#include "neurons/base/testing/counting_new.hpp"
#include "neurons/layers/recurrent.hpp"
#include "neurons/training/learner.hpp"
#include "neurons/training/optimizers.hpp"
#include "neurons/training/training_testing.hpp"

namespace neurons {
namespace {

TEST(Allocations, ALongEpochTakesNoMoreOfThemThanAShortOne) {
  const auto taken = [](std::int64_t samples, int accumulate) {
    const Dataset data = testing::corners(samples, 1);
    Network network = testing::classifier();
    network.initialize(1);
    const TrainOptions options{
        .schedule = Cosine{}, .clip_norm = 1, .accumulate = accumulate, .epochs = 2, .batch_size = 16, .threads = 1};
    const long before = testing::allocations_here();
    train(network, data, options);
    return testing::allocations_here() - before;
  };
  for (const int accumulate : {1, 2}) {
    EXPECT_GT(taken(16 * 8 + 5, accumulate), 0);
    EXPECT_EQ(taken(16 * 8 + 5, accumulate), taken(16 * 800 + 5, accumulate));
  }
}

TEST(Allocations, AStepThroughRecurrentLayersTakesNone) {
  for (const Layer& layer : {Layer(Lstm{.hidden = 5}), Layer(Gru{.hidden = 5}), Layer(Gru{.hidden = 5, .reset_after = false}),
                             Layer(SimpleRnn{.hidden = 5})}) {
    Network network;
    const auto x = network.input("x", {4, 3});
    network.output("y", network.add(layer.with({{"bidirectional", true}}), {x, network.input("lengths", {}, DType::i64)}));
    Learner learner(network, {.loss = MeanSquaredError{}, .team = std::make_shared<ThreadTeam>(1)});
    learner.batch(2).inputs[1].assign(Tensor::of<std::int64_t>({2}, {2, 4}));
    learner.step(2);
    const long before = testing::allocations_here();
    for (int i = 0; i < 3; ++i) learner.step(2);
    EXPECT_EQ(testing::allocations_here(), before) << layer.kind();
  }
}

}  // namespace
}  // namespace neurons
