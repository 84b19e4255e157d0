#include <gtest/gtest.h>

#include <cmath>

#include "neurons/ops/testing.hpp"

namespace neurons::ops::testing {
namespace {

/// An op on x and the indices 1, 7, -9, 0 of an axis of 3 entries, of which two are out of range.
std::vector<std::byte> run_with_bad_indices(std::string_view name, const Tensor& x, const Options& options) {
  const OpDef& op = table()->find(name);
  const Tensor indices = Tensor::of<std::int64_t>({4}, std::vector<std::int64_t>{1, 7, -9, 0});
  const Sample sample{{{x.type(), Sample::Fill::given, 1, x}, {indices.type(), Sample::Fill::given, 1, indices}}, options, "bad"};
  const Case test(op, sample);
  const KernelRun run = run_kernel(op.kernels.front(), test, 2, {});
  EXPECT_TRUE(run.stayed_inside);
  EXPECT_TRUE(run.inputs_unchanged);
  return run.outputs.front();
}

TEST(Gather, IndicesOutOfRangeGiveNaN) {
  const OpDef& op = table()->find("Gather");
  const Tensor x = Tensor::of<float>({3, 2}, std::vector<float>{1, 2, 3, 4, 5, 6});
  const Tensor y = tensor_of({DType::f32, {4, 2}}, run_with_bad_indices("Gather", x, op.default_options));
  const auto values = y.values<float>();
  EXPECT_EQ(values[0], 3.0F);
  EXPECT_EQ(values[7], 2.0F);
  for (const std::size_t bad : {2U, 3U, 4U, 5U}) EXPECT_TRUE(std::isnan(values[bad])) << bad;
}

TEST(Gather, IndicesOutOfRangeGiveZeroForIntegers) {
  const OpDef& op = table()->find("Gather");
  const Tensor x = Tensor::of<std::int64_t>({3}, std::vector<std::int64_t>{5, 6, 7});
  const Tensor y = tensor_of({DType::i64, {4}}, run_with_bad_indices("Gather", x, op.default_options));
  const auto values = y.values<std::int64_t>();
  EXPECT_EQ(std::vector<std::int64_t>(values.begin(), values.end()), (std::vector<std::int64_t>{6, 0, 0, 5}));
}

TEST(Gather, IndicesOutOfRangeReceiveNoGradient) {
  const OpDef& op = table()->find("GatherGradient");
  const Tensor dy = Tensor::of<float>({4}, std::vector<float>{1, 10, 100, 1000});
  const Options options = op.default_options.with({{"extent", std::int64_t{3}}});
  const Tensor dx = tensor_of({DType::f32, {3}}, run_with_bad_indices("GatherGradient", dy, options));
  const auto values = dx.values<float>();
  EXPECT_EQ(std::vector<float>(values.begin(), values.end()), (std::vector<float>{1000, 1, 0}));
}

TEST(GatherElements, IndicesOutOfRangeGiveZero) {
  const OpDef& op = table()->find("GatherElements");
  const Tensor x = Tensor::of<float>({3}, std::vector<float>{1, 2, 3});
  const Tensor y = tensor_of({DType::f32, {4}}, run_with_bad_indices("GatherElements", x, op.default_options));
  const auto values = y.values<float>();
  EXPECT_EQ(std::vector<float>(values.begin(), values.end()), (std::vector<float>{2, 0, 0, 1}));
}

TEST(ScatterElements, IndicesOutOfRangeChangeNothingAndNaNSpreads) {
  const OpDef& op = table()->find("ScatterElements");
  const auto scattered = [&](const std::string& reduction, const std::vector<float>& updates) {
    const std::vector<Tensor> inputs = {Tensor::of<float>({3}, std::vector<float>{5, 6, NAN}),
                                        Tensor::of<std::int64_t>({4}, std::vector<std::int64_t>{1, 3, -4, -1}),
                                        Tensor::of<float>({4}, updates)};
    Sample sample{{}, op.default_options.with({{"reduction", reduction}}), "bad"};
    for (const Tensor& input : inputs) sample.inputs.push_back({input.type(), Sample::Fill::given, 1, input});
    const Tensor y = tensor_of({DType::f32, {3}}, run_kernel(op.kernels.front(), Case(op, sample), 2, {}).outputs.front());
    const auto values = y.values<float>();
    return std::vector<float>(values.begin(), values.end());
  };
  EXPECT_EQ(scattered("none", {1, 2, 3, 4}), (std::vector<float>{5, 1, 4}));
  for (const std::string reduction : {"add", "mul", "min", "max"}) {
    const auto y = scattered(reduction, {NAN, 2, 3, 4});
    EXPECT_EQ(y[0], 5.0F) << reduction;
    EXPECT_TRUE(std::isnan(y[1]) && std::isnan(y[2])) << reduction;
  }
}

}  // namespace
}  // namespace neurons::ops::testing
