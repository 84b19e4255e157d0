// A step takes no memory.

#include <gtest/gtest.h>

#include "neurons/base/testing/counting_new.hpp"
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

}  // namespace
}  // namespace neurons
