#include "neurons/data/dataset.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "neurons/data/data_testing.hpp"

namespace neurons {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::message_of;

Dataset flowers() {
  return {.inputs = Tensor::of<float>({3, 2}, {1, 2, 3, 4, 5, 6}),
          .targets = Tensor::of<std::int64_t>({3}, {0, 2, 1}),
          .class_names = {"a", "b", "c"},
          .feature_names = {"length", "width"},
          .sample_weights = {1, 0.5F, 2},
          .source = "flowers.csv"};
}

Dataset values() {
  return {.inputs = Tensor::of<std::uint8_t>({2, 1, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8}),
          .targets = Tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6})};
}

TEST(Dataset, KnowsItsShape) {
  const Dataset data = flowers();
  EXPECT_EQ(data.samples(), 3);
  EXPECT_EQ(data.input_shape(), Shape({2}));
  EXPECT_TRUE(data.is_classification());
  EXPECT_EQ(data.classes(), 3);
  EXPECT_EQ(data.outputs(), 3);
  EXPECT_EQ(values().input_shape(), Shape({1, 2, 2}));
  EXPECT_FALSE(values().is_classification());
  EXPECT_EQ(values().classes(), 0);
  EXPECT_EQ(values().outputs(), 3);
  EXPECT_EQ(Dataset{}.samples(), 0);
}

TEST(Dataset, ScalesEachChannelByItsMeanAndDeviation) {
  Dataset data{.inputs = Tensor::of<std::uint8_t>({2, 2, 1, 2}, {0, 10, 20, 30, 40, 50, 60, 70}),
               .targets = Tensor::of<float>({2, 1}, {1, 2}),
               .input_scale = 0.5F,
               .input_offset = 1};
  EXPECT_EQ(data.scaling(), (std::vector<Dataset::Scaling>{{0.5F, 1}}));
  EXPECT_THAT(data.scaled_inputs().values<float>(), ElementsAre(1, 6, 11, 16, 21, 26, 31, 36));
  data.channel_means = {1, 3};
  data.channel_deviations = {0.5F, 2};
  EXPECT_EQ(data.scaling(), (std::vector<Dataset::Scaling>{{1, 0}, {0.25F, -1}}));
  EXPECT_THAT(data.scaled_inputs().values<float>(), ElementsAre(0, 10, 4, 6.5F, 40, 50, 14, 16.5F));
  const std::vector<std::int64_t> second = {1};
  EXPECT_THAT(data.subset(second).scaled_inputs().values<float>(), ElementsAre(40, 50, 14, 16.5F));
  EXPECT_EQ(data.subset({}).scaled_inputs().type(), (TensorType{DType::f32, {0, 2, 1, 2}}));

  data.channel_means = {1};
  EXPECT_EQ(message_of([&] { data.validate(); }), "dataset: 1 channel means, but 2 channel deviations");
  data.channel_deviations = {1};
  EXPECT_EQ(message_of([&] { data.validate(); }),
            "dataset: 1 channel means for samples of shape [2, 1, 2], expected one for each channel");
  data.channel_means = {1, 2};
  data.channel_deviations = {1, 0};
  EXPECT_EQ(message_of([&] { data.validate(); }),
            "dataset: channel 1 (from 0) has mean 2 and deviation 0, expected finite numbers, the deviation above 0");
}

TEST(Dataset, CountsClassesByLabelsWithoutNames) {
  Dataset data = flowers();
  data.class_names = {};
  data.targets = Tensor::of<std::int64_t>({3}, {0, 6, 1});
  EXPECT_EQ(data.classes(), 7);
  data.targets = Tensor::of<std::int64_t>({3}, {0, std::numeric_limits<std::int64_t>::max(), 1});
  EXPECT_EQ(data.classes(), std::numeric_limits<std::int64_t>::max());
}

TEST(Dataset, HoldsTokensAndALabelForEachStep) {
  Dataset data{.inputs = Tensor::of<std::int64_t>({2, 3}, {1, 2, 0, 3, 1, 1}),
               .targets = Tensor::of<std::int64_t>({2, 3}, {2, 0, kIgnoredLabel, 1, 1, 4}),
               .source = "text"};
  data.validate();
  EXPECT_TRUE(data.has_tokens());
  EXPECT_EQ(data.input_type(), DType::i64);
  EXPECT_EQ(data.classes(), 5);
  EXPECT_EQ(data.scaled_inputs(), data.inputs);
  const std::vector<std::int64_t> second = {1};
  EXPECT_THAT(data.subset(second).targets.values<std::int64_t>(), ElementsAre(1, 1, 4));
  const auto refused = [](Dataset changed) { return message_of([&] { changed.validate(); }); };
  Dataset other = data;
  other.inputs.values<std::int64_t>()[4] = -1;
  EXPECT_EQ(refused(other), "text: token -1 of sample 1 (from 0), column 1 is below 0");
  other = data;
  other.targets.values<std::int64_t>()[1] = -2;
  EXPECT_EQ(
      refused(other),
      "text: label -2 of sample 0 (from 0), step 1 is out of range, expected 0 to 999999, or -100 where a step does not count");
  other = data;
  other.input_scale = 0.5F;
  EXPECT_EQ(refused(other), "text: tokens are names, they cannot be scaled");
}

/// Two sequences of three steps, the first of which has two.
Dataset padded(Tensor inputs, Tensor targets) {
  return {.inputs = std::move(inputs), .targets = std::move(targets), .lengths = {2, 3}, .source = "padded"};
}

TEST(Dataset, MarksWhatLiesBehindASequence) {
  Dataset data = padded(Tensor::of<std::int64_t>({2, 3}, {1, 2, 3, 4, 5, 6}), Tensor::of<std::int64_t>({2, 3}, {1, 0, 7, 1, 1, 0}));
  EXPECT_EQ(message_of([&] { data.validate(); }),
            "padded: sequence 0 (from 0) has length 2, but a target at step 2; leave it out with mark_padding()");
  mark_padding(data);
  data.validate();
  EXPECT_THAT(data.inputs.values<std::int64_t>(), ElementsAre(1, 2, 0, 4, 5, 6));
  EXPECT_THAT(data.targets.values<std::int64_t>(), ElementsAre(1, 0, kIgnoredLabel, 1, 1, 0));
  EXPECT_EQ(data.classes(), 2);
  EXPECT_EQ(data.subset(std::vector<std::int64_t>{1, 0, 1}).lengths, (std::vector<std::int64_t>{3, 2, 3}));

  const float nan = std::nanf("");
  data = padded(Tensor::of<float>({2, 3, 2}, {1, 2, 3, 4, nan, nan, 5, 6, 7, 8, 9, 10}),
                Tensor::of<float>({2, 3, 1}, {1, 2, 3, 4, nan, 6}));
  mark_padding(data);
  data.validate();
  EXPECT_THAT(data.inputs.values<float>(), ElementsAre(1, 2, 3, 4, 0, 0, 5, 6, 7, 8, 9, 10));
  EXPECT_TRUE(std::isnan(data.targets.values<float>()[2]));
  EXPECT_EQ(data.targets.values<float>()[5], 6);
  EXPECT_EQ(data.outputs(), 1);
  EXPECT_TRUE(data.has_targets_of_steps());
  data.targets.values<float>()[3] = std::numeric_limits<float>::infinity();
  EXPECT_EQ(
      message_of([&] { data.validate(); }),
      "padded: targets: sample 1 (from 0), element [0, 0] is inf, expected a finite number, or NaN where a step does not count");

  // A target for a whole sequence stays.
  data = padded(Tensor::of<std::uint8_t>({2, 3}, {1, 2, 3, 4, 5, 6}), Tensor::of<float>({2, 1}, {7, 8}));
  mark_padding(data);
  data.validate();
  EXPECT_THAT(data.inputs.values<std::uint8_t>(), ElementsAre(1, 2, 0, 4, 5, 6));
  EXPECT_THAT(data.targets.values<float>(), ElementsAre(7, 8));
}

TEST(Dataset, RefusesLengthsThatItDoesNotHave) {
  const auto refusal = [](std::vector<std::int64_t> lengths) {
    Dataset data = padded(Tensor(DType::i64, {2, 3}), Tensor(DType::i64, {2}));
    data.lengths = std::move(lengths);
    const std::string message = message_of([&] { data.validate(); });
    EXPECT_EQ(message_of([&] { mark_padding(data); }), message);
    return message;
  };
  EXPECT_EQ(refusal({3, 4}), "padded: sequence 1 (from 0) has length 4, but the data has 3 steps; expected 1 to 3");
  EXPECT_EQ(refusal({0, 3}), "padded: sequence 0 (from 0) has length 0, but the data has 3 steps; expected 1 to 3");
  EXPECT_EQ(refusal({-1, 3}), "padded: sequence 0 (from 0) has length -1, but the data has 3 steps; expected 1 to 3");
  EXPECT_EQ(refusal({3}), "padded: 2 samples, but 1 lengths of sequences");
  EXPECT_EQ(message_of([] {
              padded(Tensor(DType::i64, {2, 3}), Tensor(DType::i64, {2, 4})).validate();
            }),
            "padded: the sequences have 3 steps, but their targets 4");
}

TEST(Dataset, SubsetKeepsOrderRepeatsAndAllThatIsKnown) {
  const std::vector<std::int64_t> chosen = {2, 0, 2};
  const Dataset part = flowers().subset(chosen);
  EXPECT_THAT(part.inputs.values<float>(), ElementsAre(5, 6, 1, 2, 5, 6));
  EXPECT_THAT(part.targets.values<std::int64_t>(), ElementsAre(1, 0, 1));
  EXPECT_THAT(part.sample_weights, ElementsAre(2, 1, 2));
  EXPECT_EQ(part.class_names, flowers().class_names);
  EXPECT_EQ(part.feature_names, flowers().feature_names);
  EXPECT_EQ(part.source, "flowers.csv");

  Dataset bytes = values();
  bytes.input_scale = 0.25F;
  bytes.input_offset = -1;
  const Dataset second = bytes.subset(std::vector<std::int64_t>{1});
  EXPECT_THAT(second.inputs.values<std::uint8_t>(), ElementsAre(5, 6, 7, 8));
  EXPECT_THAT(second.targets.values<float>(), ElementsAre(4, 5, 6));
  EXPECT_EQ(second.input_scale, 0.25F);
  EXPECT_EQ(second.input_offset, -1.0F);
  EXPECT_TRUE(second.sample_weights.empty());

  EXPECT_EQ(values().subset({}).samples(), 0);
}

TEST(Dataset, SubsetRefusesIndicesOutOfRange) {
  for (const std::int64_t index : {std::int64_t{3}, std::int64_t{-1}}) {
    EXPECT_EQ(
        message_of([&] {
          flowers().subset(std::vector<std::int64_t>{0, index});
        }),
        fmt::format("flowers.csv: subset: index {} (at position 1) is out of range; there are 3 samples, counted from 0", index));
  }
}

TEST(Dataset, RefusesPartsThatDoNotFit) {
  const auto message_after = [](auto&& change) {
    Dataset data = flowers();
    change(data);
    return message_of([&] { data.validate_shapes(); });
  };
  EXPECT_NO_THROW(flowers().validate_shapes());
  EXPECT_NO_THROW(values().validate());
  EXPECT_EQ(message_after([](Dataset& d) {
              d.inputs = Tensor(DType::f64, {3, 2});
            }),
            "flowers.csv: inputs are f64[3, 2], expected u8 or f32 [samples, features…], or tokens i64[samples, time]");
  EXPECT_THAT(message_after([](Dataset& d) { d.inputs = Tensor(DType::f32, {3}); }), HasSubstr("inputs are f32[3]"));
  EXPECT_THAT(message_after([](Dataset& d) { d.inputs = Tensor(); }), HasSubstr("inputs are f32[]"));
  EXPECT_EQ(message_after([](Dataset& d) {
              d.targets = Tensor(DType::i64, {3, 1, 1});
            }),
            "flowers.csv: targets are i64[3, 1, 1], expected class labels i64[samples], labels of steps i64[samples, time], values "
            "f32[samples, outputs] or those of steps f32[samples, time, outputs]");
  EXPECT_EQ(message_after([](Dataset& d) { d.targets = Tensor(DType::i64, {4}); }),
            "flowers.csv: 3 samples of inputs, but 4 of targets");
  EXPECT_EQ(message_after([](Dataset& d) { d.sample_weights.pop_back(); }), "flowers.csv: 3 samples, but 2 sample weights");
  EXPECT_THAT(message_after([](Dataset& d) { d.targets = Tensor(DType::f32, {3, 1}); }), HasSubstr("3 class names, but"));
  EXPECT_EQ(message_after([](Dataset& d) { d.feature_names.pop_back(); }),
            "flowers.csv: 1 feature names for inputs of f32[3, 2], expected one for each column");
  EXPECT_THAT(message_after([](Dataset& d) { d.input_scale = NAN; }), HasSubstr("must be finite"));
}

TEST(Dataset, NamesTheFirstBadValue) {
  const float inf = std::numeric_limits<float>::infinity();
  Dataset data = flowers();
  EXPECT_NO_THROW(data.validate());
  data.inputs.values<float>()[3] = NAN;
  EXPECT_EQ(
      message_of([&] { data.validate(); }),
      "flowers.csv: inputs: sample 1 (from 0), column width is nan, expected a finite number; repair or leave out the sample");
  data = flowers();
  data.sample_weights[2] = -1;
  EXPECT_EQ(message_of([&] { data.validate(); }),
            "flowers.csv: weight of sample 2 (from 0) is -1, expected a finite number of at least 0");

  data = values();
  data.targets.values<float>()[5] = -inf;
  EXPECT_THAT(message_of([&] { data.validate(); }), HasSubstr("dataset: targets: sample 1 (from 0), column 2 is -inf"));
  data = values();
  data.inputs = Tensor(DType::f32, {2, 3, 4, 5});
  data.inputs.values<float>()[60 + 20 + 5 + 3] = inf;
  EXPECT_THAT(message_of([&] { data.validate(); }), HasSubstr("inputs: sample 1 (from 0), element [1, 1, 3] is inf"));
}

TEST(Dataset, NamesTheFirstLabelThatIsNoClass) {
  Dataset data = flowers();
  data.targets = Tensor::of<std::int64_t>({3}, {0, 3, 1});
  EXPECT_EQ(message_of([&] { data.validate(); }), "flowers.csv: label 3 of sample 1 (from 0) is out of range, expected 0 to 2");
  data.targets = Tensor::of<std::int64_t>({3}, {0, 1, -1});
  EXPECT_THAT(message_of([&] { data.validate(); }), HasSubstr("label -1 of sample 2"));
  data.class_names = {};
  data.targets = Tensor::of<std::int64_t>({3}, {0, 1, kMaxClasses});
  EXPECT_THAT(message_of([&] { data.validate(); }), HasSubstr("label 1000000 of sample 2"));
}

}  // namespace
}  // namespace neurons
