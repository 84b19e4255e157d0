// A step takes no memory.

#include <gtest/gtest.h>

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
    const std::size_t before = testing::allocations();
    train(network, data, options);
    return testing::allocations() - before;
  };
  for (const int accumulate : {1, 2}) {
    EXPECT_GT(taken(16 * 8 + 5, accumulate), 0U);
    EXPECT_EQ(taken(16 * 8 + 5, accumulate), taken(16 * 800 + 5, accumulate));
  }
}

}  // namespace
}  // namespace neurons
