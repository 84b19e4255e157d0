#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "neurons/ops/testing.hpp"

namespace neurons::ops::testing {
namespace {

/// RoiAlign of `x` over one region [left, top, right, bottom], by the kernel; the reference says the same.
std::vector<double> aligned(const Tensor& x, const std::vector<float>& region, const Attributes& options) {
  const OpDef& op = table()->find("RoiAlign");
  const Tensor corners = Tensor::of<float>({1, 4}, region);
  const Tensor images(DType::i64, {1});
  const Sample sample{{{x.type(), Sample::Fill::given, 1, x},
                       {corners.type(), Sample::Fill::given, 1, corners},
                       {images.type(), Sample::Fill::given, 1, images}},
                      op.default_options.with(options),
                      "one region"};
  const Case test(op, sample);
  const ReferenceTensor expected = reference_of(test).front();
  const KernelRun run = run_kernel(op.kernels.front(), test, 1, {});
  const ReferenceTensor result = widen(tensor_of(expected.type, run.outputs.front()));
  expect_near(result, expected, 1e-6, "kernel");
  return result.data;
}

/// Of 2 000 000 samples along each axis, a pixel apart, those at -1, 0, 1 and 2 are in or beside the image.
TEST(RoiAlign, RegionsFarLargerThanTheImageCountAllTheirSamples) {
  const Tensor ones = Tensor::of<float>({1, 1, 2, 2}, std::vector<float>{1, 1, 1, 1});
  const std::vector<float> region{-1e6F, -1e6F, 1e6F, 1e6F};
  EXPECT_NEAR(aligned(ones, region, {}).front(), 16 / 4e12, 1e-18);
  const Tensor negative = Tensor::of<float>({1, 1, 2, 2}, std::vector<float>{-1, -2, -3, -4});
  EXPECT_EQ(aligned(negative, region, {{"mode", std::string("max")}}).front(), 0.0);  // as of samples outside
}

TEST(RoiAlign, TheNumberOfSamplesIsBounded) {
  Graph graph(table());
  const Value x = graph.input("x", {DType::f32, {1, 1, 2, 2}});
  const Value regions = graph.input("regions", {DType::f32, {1, 4}});
  const Value images = graph.input("images", {DType::i64, {1}});
  try {
    emit_with("RoiAlign", {x, regions, images}, {{"sampling_ratio", std::int64_t{257}}});
    ADD_FAILURE() << "was taken";
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), ::testing::StartsWith("RoiAlign: sampling_ratio = 257 must be from 0 (as many as pixels) to 256;"));
  }
}

}  // namespace
}  // namespace neurons::ops::testing
