#include "neurons/data/loader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <thread>

#include "neurons/base/testing/counting_new.hpp"
#include "neurons/data/data_testing.hpp"

namespace neurons {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::message_of;

/// Sample i has the inputs i·features, i·features + 1, …, the label i mod 7 and the weight i / 2.
Dataset counting(std::int64_t samples, std::int64_t features = 3) {
  Dataset data{.inputs = Tensor(DType::f32, {samples, features}), .targets = Tensor(DType::i64, {samples}), .source = "counting"};
  std::iota(data.inputs.values<float>().begin(), data.inputs.values<float>().end(), 0.0F);
  for (std::int64_t i = 0; i < samples; ++i) {
    data.targets.values<std::int64_t>()[static_cast<std::size_t>(i)] = i % 7;
    data.sample_weights.push_back(static_cast<float>(i) / 2);
  }
  return data;
}

/// Memory for one batch.
struct Buffers {
  Tensor inputs, targets, weights;
  BatchViews views;
  Buffers(const Dataset& data, std::int64_t rows)
      : inputs(DType::f32, data.inputs.shape().with(0, rows)),
        targets(data.targets.dtype(), data.targets.shape().with(0, rows)),
        weights(DType::f32, {rows}) {
    views = {{DType::f32, inputs.shape(), inputs.bytes().data()},
             {targets.dtype(), targets.shape(), targets.bytes().data()},
             TensorView{DType::f32, weights.shape(), weights.bytes().data()}};
  }
};

/// One batch with all that came with it.
struct Seen {
  Tensor inputs, targets, weights;
  std::vector<std::int64_t> indices;
  std::int64_t epoch, index;
  bool last;
  bool operator==(const Seen&) const = default;
};

Seen next(Loader& loader, const Dataset& data) {
  Buffers buffers(data, loader.next_rows());
  loader.start(buffers.views);
  const BatchInfo info = loader.wait();
  EXPECT_EQ(info.rows, buffers.inputs.shape()[0]);
  return {std::move(buffers.inputs),
          std::move(buffers.targets),
          std::move(buffers.weights),
          {info.indices.begin(), info.indices.end()},
          info.epoch,
          info.index,
          info.last_of_epoch};
}

std::vector<Seen> next(Loader& loader, const Dataset& data, int batches) {
  std::vector<Seen> seen;
  for (int i = 0; i < batches; ++i) seen.push_back(next(loader, data));
  return seen;
}

TEST(Loader, EveryEpochHoldsEverySampleOnceWithItsOwnTargetAndWeight) {
  const Dataset data = counting(10);
  Loader loader(data, {.batch_size = 4, .seed = 3});
  EXPECT_EQ(loader.steps_per_epoch(), 3);
  std::vector<std::vector<std::int64_t>> orders;
  for (std::int64_t epoch = 0; epoch < 4; ++epoch) {
    orders.emplace_back();
    for (std::int64_t index = 0; index < 3; ++index) {
      const Seen batch = next(loader, data);
      EXPECT_EQ(batch.epoch, epoch);
      EXPECT_EQ(batch.index, index);
      EXPECT_EQ(batch.last, index == 2);
      EXPECT_EQ(batch.indices.size(), index == 2 ? 2U : 4U);
      for (std::size_t row = 0; row < batch.indices.size(); ++row) {
        const std::int64_t sample = batch.indices[row];
        orders.back().push_back(sample);
        for (std::size_t column = 0; column < 3; ++column) {
          EXPECT_EQ(batch.inputs.values<float>()[row * 3 + column], static_cast<float>(sample * 3) + static_cast<float>(column));
        }
        EXPECT_EQ(batch.targets.values<std::int64_t>()[row], sample % 7);
        EXPECT_EQ(batch.weights.values<float>()[row], static_cast<float>(sample) / 2);
      }
    }
    EXPECT_EQ(std::set(orders.back().begin(), orders.back().end()).size(), 10U);
  }
  EXPECT_EQ(std::set(orders.begin(), orders.end()).size(), 4U) << "each epoch has an order of its own";
}

TEST(Loader, OrderIsAFunctionOfSeedAndEpoch) {
  const Dataset data = counting(50);
  const auto run = [&](std::uint64_t seed) {
    Loader loader(data, {.batch_size = 16, .seed = seed});
    return next(loader, data, 8);
  };
  EXPECT_EQ(run(1), run(1));
  EXPECT_NE(run(1)[0].indices, run(2)[0].indices);
}

TEST(Loader, WithoutShufflingSamplesComeInOrder) {
  const Dataset data = counting(5);
  Loader loader(data, {.batch_size = 2, .shuffle = false});
  EXPECT_THAT(next(loader, data).indices, ElementsAre(0, 1));
  EXPECT_THAT(next(loader, data).indices, ElementsAre(2, 3));
  EXPECT_THAT(next(loader, data).indices, ElementsAre(4));
  EXPECT_THAT(next(loader, data).indices, ElementsAre(0, 1));
}

TEST(Loader, DropsTheSmallerLastBatchIfAsked) {
  const Dataset data = counting(10);
  Loader loader(data, {.batch_size = 4, .drop_last = true});
  EXPECT_EQ(loader.steps_per_epoch(), 2);
  const auto seen = next(loader, data, 4);
  EXPECT_TRUE(std::ranges::all_of(seen, [](const Seen& batch) { return batch.indices.size() == 4; }));
  EXPECT_TRUE(seen[1].last);
  EXPECT_EQ(seen[2].epoch, 1);
}

TEST(Loader, StreamsGoOnFromBatchToBatch) {
  const Dataset data = counting(11);
  Loader loader(data, {.batch_size = 3, .shuffle = false, .streams = true});
  EXPECT_EQ(loader.steps_per_epoch(), 3) << "streams 0 1 2, 3 4 5 and 6 7 8; 9 and 10 are left out";
  for (int epoch = 0; epoch < 3; ++epoch) {
    EXPECT_THAT(next(loader, data).indices, ElementsAre(0, 3, 6));
    EXPECT_THAT(next(loader, data).indices, ElementsAre(1, 4, 7));
    const Seen last = next(loader, data);
    EXPECT_THAT(last.indices, ElementsAre(2, 5, 8));
    EXPECT_TRUE(last.last);
  }
  Loader alone(data, {.batch_size = 1, .shuffle = false, .streams = true});
  for (std::int64_t i = 0; i < 11; ++i) EXPECT_THAT(next(alone, data).indices, ElementsAre(i));
  EXPECT_EQ(message_of([&] { Loader(data, {.batch_size = 3, .streams = true}); }),
            "loader: streams go on from batch to batch in the order of the data: set shuffle = false");
}

TEST(Loader, ScalesBytesAndFloats) {
  Dataset data{.inputs = Tensor::of<std::uint8_t>({1, 1, 2, 2}, {0, 1, 128, 255}),
               .targets = Tensor::of<float>({1, 2}, {0.5F, -1}),
               .input_scale = 1.0F / 255,
               .input_offset = -0.5F};
  Loader bytes(data, {.batch_size = 1});
  const Seen batch = next(bytes, data);
  EXPECT_THAT(batch.inputs.values<float>(), ElementsAre(-0.5F, 1 * (1.0F / 255) - 0.5F, 128 * (1.0F / 255) - 0.5F, 0.5F));
  EXPECT_THAT(batch.targets.values<float>(), ElementsAre(0.5F, -1));
  EXPECT_THAT(batch.weights.values<float>(), ElementsAre(1)) << "without sample weights, all are 1";

  data.inputs = Tensor::of<float>({1, 3}, {2, -4, 0});
  data.input_scale = 0.5F;
  data.input_offset = 1;
  Loader floats(data, {.batch_size = 1});
  EXPECT_THAT(next(floats, data).inputs.values<float>(), ElementsAre(2, -1, 1));
}

TEST(Loader, TokensAndLabelsOfStepsStayWhatTheyAre) {
  const Dataset data{.inputs = Tensor::of<std::int64_t>({3, 2}, {1, 2, 3, 4, 5, 6}),
                     .targets = Tensor::of<std::int64_t>({3, 2}, {2, 3, 4, 5, 6, kIgnoredLabel})};
  Loader loader(data, {.batch_size = 2, .shuffle = false});
  Tensor inputs(DType::i64, {2, 2});
  Tensor targets(DType::i64, {2, 2});
  const auto view = [](Tensor& tensor, std::int64_t rows) {
    return TensorView{tensor.dtype(), tensor.shape().with(0, rows), tensor.bytes().data()};
  };
  loader.start({view(inputs, 2), view(targets, 2), std::nullopt});
  EXPECT_EQ(loader.wait().rows, 2);
  EXPECT_THAT(inputs.values<std::int64_t>(), ::testing::ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(targets.values<std::int64_t>(), ::testing::ElementsAre(2, 3, 4, 5));
  loader.start({view(inputs, 1), view(targets, 1), std::nullopt});
  EXPECT_EQ(loader.wait().rows, 1);
  EXPECT_THAT(inputs.values<std::int64_t>().first(2), ::testing::ElementsAre(5, 6));
  EXPECT_THAT(targets.values<std::int64_t>().first(2), ::testing::ElementsAre(6, kIgnoredLabel));
  EXPECT_THAT(testing::message_of([&] { Loader(data, {.batch_size = 1, .label_columns = 7}); }),
              ::testing::HasSubstr("has a label for each step: labels cannot become shares of classes"));
}

TEST(Loader, LengthsAndValuesOfStepsComeWithTheirSequence) {
  Dataset data{.inputs = Tensor::of<float>({2, 2, 1}, {1, 2, 3, 4}), .targets = Tensor::of<float>({2, 2, 1}, {5, 6, 7, 8})};
  Tensor inputs(DType::f32, {2, 2, 1}), targets(DType::f32, {2, 2, 1}), lengths(DType::i64, {2});
  const BatchViews views{{DType::f32, inputs.shape(), inputs.bytes().data()},
                         {DType::f32, targets.shape(), targets.bytes().data()},
                         std::nullopt,
                         TensorView{DType::i64, lengths.shape(), lengths.bytes().data()}};
  for (const bool told : {true, false}) {
    if (told) data.lengths = {1, 2};
    if (!told) data.lengths.clear();
    Loader loader(data, {.batch_size = 2, .shuffle = false});
    loader.start(views);
    loader.wait();
    EXPECT_THAT(targets.values<float>(), ElementsAre(5, 6, 7, 8));
    EXPECT_THAT(lengths.values<std::int64_t>(), ElementsAre(told ? 1 : 2, 2));
  }
  Loader loader(data, {.batch_size = 2});
  EXPECT_THAT(message_of([&] {
                BatchViews wrong = views;
                wrong.lengths->dtype = DType::f32;
                loader.start(wrong);
              }),
              HasSubstr("loader: lengths go to a view of f32[2], expected i64[2]"));
}

TEST(Loader, PrefetchingChangesNoBit) {
  const std::int64_t features = 70'000;  // two rows are more than kPrefetchBytes, one is less
  static_assert(2 * 70'000 * sizeof(float) >= Loader::kPrefetchBytes && 70'000 * sizeof(float) < 2 * Loader::kPrefetchBytes);
  const Dataset data = counting(5, features);
  const auto noise = [](const BatchViews& views, RandomStream& random) {
    for (float& value : views.inputs.values<float>()) value += static_cast<float>(random.next_u32() % 16);
  };
  Loader ahead(data, {.batch_size = 2, .seed = 5, .transform = noise});
  Loader plain(data, {.batch_size = 2, .seed = 5, .prefetch = false, .transform = noise});
  EXPECT_EQ(next(ahead, data, 7), next(plain, data, 7));
}

TEST(Loader, SmallBatchesStayOnTheCallersThreadAndLargeOnesDoNot) {
  std::thread::id gathered_on;
  const auto note = [&](const BatchViews&, RandomStream&) { gathered_on = std::this_thread::get_id(); };
  const Dataset small = counting(100);
  Loader inline_loader(small, {.batch_size = 32, .transform = note});
  next(inline_loader, small);
  EXPECT_EQ(gathered_on, std::this_thread::get_id());

  const Dataset large = counting(4, 70'000);
  Loader threaded(large, {.batch_size = 2, .transform = note});
  next(threaded, large);
  EXPECT_NE(gathered_on, std::this_thread::get_id());
  Loader told_not_to(large, {.batch_size = 2, .prefetch = false, .transform = note});
  next(told_not_to, large);
  EXPECT_EQ(gathered_on, std::this_thread::get_id());
}

TEST(Loader, AStepAllocatesNothing) {
  const Dataset data = counting(100);
  Loader loader(data, {.batch_size = 32, .seed = 1});
  Buffers full(data, 32);
  Buffers last(data, 4);
  const long before = testing::allocations_here();
  for (int step = 0; step < 40; ++step) {
    loader.start(loader.next_rows() == 32 ? full.views : last.views);
    loader.wait();
  }
  EXPECT_EQ(testing::allocations_here(), before);
}

TEST(Loader, IndicesOutlastTheStartOfTheNextBatch) {
  const Dataset data = counting(9);
  Loader loader(data, {.batch_size = 9, .seed = 1});
  Buffers a(data, 9);
  Buffers b(data, 9);
  loader.start(a.views);
  for (int epoch = 0; epoch < 5; ++epoch) {
    const BatchInfo info = loader.wait();
    loader.start(b.views);  // the order of the next epoch
    for (std::size_t row = 0; row < 9; ++row) {
      EXPECT_EQ(a.inputs.values<float>()[row * 3], static_cast<float>(info.indices[row] * 3));
    }
    std::swap(a, b);
  }
}

TEST(Loader, ContinuesFromAnyStateBitForBit) {
  EXPECT_TRUE(rc::check([] {
    const Dataset data = counting(*rc::gen::inRange<std::int64_t>(1, 40), *rc::gen::element<std::int64_t>(2, 40'000));
    const auto noise = [](const BatchViews& views, RandomStream& random) {
      views.inputs.values<float>()[0] += static_cast<float>(random.uniform());
    };
    const LoaderOptions options{.batch_size = *rc::gen::inRange<std::int64_t>(1, data.samples() + 1),
                                .shuffle = *rc::gen::arbitrary<bool>(),
                                .seed = *rc::gen::arbitrary<std::uint64_t>(),
                                .drop_last = *rc::gen::arbitrary<bool>(),
                                .transform = noise};
    Loader loader(data, options);
    const int steps = *rc::gen::inRange(0, 12);
    next(loader, data, steps);
    const Loader::State saved = loader.state();
    Buffers ahead(data, loader.next_rows());
    if (*rc::gen::arbitrary<bool>()) loader.start(ahead.views);  // on its way: does not count
    RC_ASSERT(loader.state() == saved);

    Loader uninterrupted(data, options);
    next(uninterrupted, data, steps);
    const auto expected = next(uninterrupted, data, 6);

    LoaderOptions other = options;
    other.seed += 1;  // the state's own seed counts
    Loader fresh(data, other);
    if (*rc::gen::arbitrary<bool>()) next(fresh, data, 2);
    fresh.restore(saved);
    RC_ASSERT(next(fresh, data, 6) == expected);
    loader.restore(saved);
    RC_ASSERT(next(loader, data, 6) == expected);
  }));
}

TEST(Loader, NextRowsLooksBehindTheBatchOnItsWay) {
  const Dataset data = counting(10);
  Loader loader(data, {.batch_size = 8});
  Buffers buffers(data, 8);
  EXPECT_EQ(loader.next_rows(), 8);
  loader.start(buffers.views);
  EXPECT_EQ(loader.next_rows(), 2);
  loader.wait();
  EXPECT_EQ(loader.next_rows(), 2);
}

TEST(Loader, AFailedTransformIsReportedAndItsBatchComesAgain) {
  for (const std::int64_t features : {3, 70'000}) {
    const Dataset data = counting(6, features);
    bool fail = true;
    Loader loader(data, {.batch_size = 2, .seed = 4, .transform = [&](const BatchViews&, RandomStream&) {
                           if (fail) fail_run("no picture");
                         }});
    Buffers buffers(data, 2);
    loader.start(buffers.views);
    EXPECT_THROW(loader.wait(), RuntimeError);
    fail = false;
    EXPECT_EQ(next(loader, data).index, 0);
  }
}

TEST(Loader, MovesWithABatchOnItsWay) {
  const Dataset data = counting(4, 70'000);
  Loader first(data, {.batch_size = 2, .shuffle = false});
  Buffers buffers(data, 2);
  first.start(buffers.views);
  Loader second = std::move(first);
  EXPECT_THAT(second.wait().indices, ElementsAre(0, 1));
  EXPECT_EQ(buffers.inputs.values<float>()[70'000], 70'000.0F);
}

TEST(Loader, RefusesWrongUse) {
  const Dataset data = counting(10);
  EXPECT_EQ(message_of([&] { Loader(data, {.batch_size = 11}); }),
            "loader: batch size 11 does not fit 10 samples of counting; choose 1 to 10");
  EXPECT_THAT(message_of([&] { Loader(data, {.batch_size = 0}); }), HasSubstr("batch size 0"));
  EXPECT_EQ(message_of([&] { Loader(data.subset({}), {.batch_size = 1}); }), "loader: counting holds no samples");
  Dataset broken = counting(10);
  broken.sample_weights.pop_back();
  EXPECT_THAT(message_of([&] { Loader(broken, {}); }), HasSubstr("9 sample weights"));

  Loader loader(data, {.batch_size = 4});
  EXPECT_EQ(message_of([&] { loader.wait(); }), "loader: wait() without a start()");
  Buffers small(data, 3);
  EXPECT_EQ(message_of([&] { loader.start(small.views); }), "loader: inputs go to a view of f32[3, 3], expected f32[4, 3]");
  Buffers right(data, 4);
  BatchViews wrong = right.views;
  wrong.targets.dtype = DType::f32;
  EXPECT_THAT(message_of([&] { loader.start(wrong); }), HasSubstr("targets go to a view of f32[4], expected i64[4]"));
  wrong = right.views;
  wrong.weights->shape = Shape{5};
  EXPECT_THAT(message_of([&] { loader.start(wrong); }), HasSubstr("weights go to a view of f32[5], expected f32[4]"));
  wrong = right.views;
  wrong.inputs.data = nullptr;
  EXPECT_THAT(message_of([&] { loader.start(wrong); }), HasSubstr("without memory"));
  loader.start(right.views);
  EXPECT_THAT(message_of([&] { loader.start(right.views); }), HasSubstr("start() was called twice"));
}

TEST(Loader, RefusesStatesOfOtherData) {
  const Dataset data = counting(10);
  Loader loader(data, {.batch_size = 4});
  for (const Loader::State& state : {Loader::State{0, 0, 3}, {0, 0, 12}, {0, 0, -4}, {0, -1, 0}, {0, 0, 10}}) {
    EXPECT_THAT(message_of([&] { loader.restore(state); }), HasSubstr("no batch of 4 begins there in 10 samples"));
  }
  EXPECT_NO_THROW(loader.restore({9, 123'456'789, 8}));
  EXPECT_EQ(next(loader, data).indices.size(), 2U);
}

}  // namespace
}  // namespace neurons
