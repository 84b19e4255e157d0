// Spectra against ONNX's reference (onnx 1.23.2) and NumPy's irfft.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "neurons/formats/onnx/model_testing.hpp"

namespace neurons::onnx {
namespace {

using namespace testing;
using ::testing::FloatNear;
using ::testing::HasSubstr;
using ::testing::Pointwise;

/// The model of one node that reads x and numbers that are known.
Model with_known(NodeData only, const Tensor& x, const std::map<std::string, Tensor>& known, std::int64_t opset) {
  std::vector<TensorData> stored;
  for (const auto& [name, tensor] : known) stored.push_back(from_tensor(name, tensor));
  const auto extents = x.shape().extents();
  return model({std::move(only)}, {value("x", {extents.begin(), extents.end()})}, {"y"}, std::move(stored), opset);
}

void expect_near(const Model& source, const Tensor& x, const Shape& shape, const std::vector<float>& expected) {
  const Tensor y = run(source, {{"x", x}})[0];
  ASSERT_EQ(y.type(), (TensorType{DType::f32, shape}));
  EXPECT_THAT(y.values<float>(), Pointwise(FloatNear(2e-6F), expected));
}

Tensor whole(std::int64_t number) { return i64({}, {number}); }

TEST(Signals, DiscreteFourierTransforms) {
  const Tensor x = f32({1, 5, 1}, {1, 2, -1, 0.5F, 3});
  expect_near(with_known(node("DFT", {"x"}, {"y"}, {integer("axis", 1)}), x, {}, 17), x, {1, 5, 2},
              {5.5F, 0, 2.949594F, 1.832734F, -3.199594F, -0.8388F, -3.199594F, 0.8388F, 2.949594F, -1.832734F});
  const NodeData half = node("DFT", {"x", "n"}, {"y"}, {integer("axis", 1), integer("onesided", 1)});
  expect_near(with_known(half, x, {{"n", whole(6)}}, 17), x, {1, 4, 2}, {5.5F, 0, 0.5F, 1.732051F, -0.5F, -5.196152F, 0.5F, 0});
  const NodeData newer = node("DFT", {"x", "n"}, {"y"}, {integer("onesided", 1)});
  expect_near(with_known(newer, x, {{"n", whole(3)}}, 20), x, {1, 2, 2}, {2, 0, 0.5F, -2.598076F});
  const Tensor complex = f32({1, 3, 2}, {1, 2, 0, -1, 0.5F, 3});
  expect_near(with_known(node("DFT", {"x"}, {"y"}, {integer("inverse", 1)}), complex, {}, 17), complex, {1, 3, 2},
              {0.5F, 1.333333F, 1.404701F, 0.188996F, -0.904701F, 0.477671F});
  const Tensor square = f32({2, 2, 1}, {1, 2, 3, 5});
  expect_near(with_known(node("DFT", {"x", "", "a"}, {"y"}), square, {{"a", whole(0)}}, 20), square, {2, 2, 2},
              {4, 0, 7, 0, -2, 0, -3, 0});
}

TEST(Signals, RealInverses) {
  const Tensor half = f32({1, 3, 2}, {1, 2, 0, -1, 0.5F, 3});
  const auto inverse = [&](const std::map<std::string, Tensor>& known, const std::string& length) {
    return with_known(node("DFT", {"x", length}, {"y"}, {integer("inverse", 1), integer("onesided", 1)}), half, known, 20);
  };
  expect_near(inverse({{"n", whole(5)}}, "n"), half, {1, 5, 1}, {0.4F, -0.2867231F, 1.6381854F, -1.1145786F, 0.3631163F});
  expect_near(inverse({}, ""), half, {1, 4, 1}, {0.375F, 0.625F, 0.375F, -0.375F});
}

TEST(Signals, ShortTransforms) {
  const Tensor x = f32({1, 6, 1}, {1, 2, -1, 0.5F, 3, 0});
  const std::map<std::string, Tensor> known = {{"s", whole(2)}, {"w", f32({4}, {0.5F, 1, 0.5F, 0.25F})}};
  expect_near(with_known(node("STFT", {"x", "s", "w"}, {"y"}), x, known, 17), x, {1, 2, 3, 2},
              {2.125F, 0, 1, -1.875F, -2.125F, 0, 1.5F, 0, -2, -0.5F, 0.5F, 0});
}

TEST(Signals, WindowsAndBands) {
  const auto made = [](const std::string& op, const std::vector<std::pair<std::string, Tensor>>& given,
                       const std::vector<AttributeData>& attributes = {}) {
    std::vector<std::string> names;
    std::vector<TensorData> stored;
    for (const auto& [name, tensor] : given) names.push_back(name), stored.push_back(from_tensor(name, tensor));
    const Tensor result = run(model({node(op, names, {"y"}, attributes)}, {}, {"y"}, stored, 17), {})[0];
    return std::vector<float>(result.values<float>().begin(), result.values<float>().end());
  };
  const auto near = [](const std::vector<float>& expected) { return Pointwise(FloatNear(1e-6F), expected); };
  EXPECT_THAT(made("HannWindow", {{"n", whole(4)}}), near({0, 0.5F, 1, 0.5F}));
  EXPECT_THAT(made("HammingWindow", {{"n", whole(4)}}, {integer("periodic", 0)}),
              near({0.0869565F, 0.7717391F, 0.7717391F, 0.0869565F}));
  EXPECT_THAT(made("BlackmanWindow", {{"n", whole(4)}}), near({0, 0.34F, 1, 0.34F}));
  EXPECT_THAT(made("MelWeightMatrix",
                   {{"a", whole(2)}, {"b", whole(8)}, {"c", whole(4000)}, {"d", Tensor::scalar(100)}, {"e", Tensor::scalar(1500)}}),
              near({1, 0, 0, 1, 0, 0, 0, 0, 0, 0}));
}

TEST(Signals, WhatCannotBe) {
  const Tensor x = f32({1, 5, 1}, {1, 2, -1, 0.5F, 3});
  const auto fault = [&](const NodeData& only, const std::map<std::string, Tensor>& known = {}) {
    return fault_of(with_known(only, x, known, 17));
  };
  EXPECT_THAT(fault(node("DFT", {"x"}, {"y"}, {integer("axis", 2)})), HasSubstr("the last axis holds real and imaginary parts"));
  EXPECT_THAT(fault(node("DFT", {"x"}, {"y"}, {integer("axis", 1), integer("onesided", 1), integer("inverse", 1)})),
              HasSubstr("onesided is for real numbers, or for the inverse"));
  EXPECT_THAT(fault(node("DFT", {"x", "n"}, {"y"}), {{"n", whole(0)}}), HasSubstr("dft_length = 0 must be at least 1"));
  EXPECT_THAT(fault(node("DFT", {"x", "n"}, {"y"}), {{"n", whole(std::int64_t{1} << 60)}}), HasSubstr("too many for a product"));
  EXPECT_THAT(fault(node("STFT", {"x", "n"}, {"y"}), {{"n", whole(2)}}), HasSubstr("neither a window nor a frame_length"));
  EXPECT_THAT(fault(node("STFT", {"x", "n", "", "l"}, {"y"}), {{"n", whole(0)}, {"l", whole(3)}}),
              HasSubstr("frames of 3 every 0 do not fit a signal of 5 steps"));
  EXPECT_THAT(fault(node("STFT", {"x", "n", "", "l"}, {"y"}), {{"n", whole(1)}, {"l", whole(9)}}), HasSubstr("frames of 9"));
  EXPECT_THAT(fault(node("HannWindow", {"n"}, {"y"}), {{"n", whole(-1)}}), HasSubstr("size = -1 must be from 1"));
}

}  // namespace
}  // namespace neurons::onnx
