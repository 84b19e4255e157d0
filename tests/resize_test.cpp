// Resize and its gradient against PyTorch's interpolate (tests/fixtures/resize.npz), planned and run in single precision.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <numeric>

#include "neurons/base/testing.hpp"
#include "neurons/data/readers/npy.hpp"
#include "neurons/graph/gradients.hpp"
#include "neurons/ops/ops.hpp"
#include "neurons/plan/plan.hpp"

namespace neurons {
namespace {

using testing::message_of;

const std::map<std::string, Tensor>& fixture() {
  static const auto arrays = read_npz(std::filesystem::path(NEURONS_SOURCE_DIR) / "tests/fixtures/resize.npz");
  return arrays;
}

struct Resizing {
  std::string name;
  Attributes options;  ///< besides axes and sizes
};
std::ostream& operator<<(std::ostream& out, const Resizing& resizing) { return out << resizing.name; }

const std::string kWhere = "coordinate_transformation_mode";
/// PyTorch's filters that are as wide as a pixel of the result take no places outside; its cubic one then has another coefficient.
const Attributes kWide{{"antialias", true}, {"exclude_outside", true}, {"cubic_coeff_a", -0.5}};

Attributes joined(Attributes first, const Attributes& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

class Resize : public ::testing::TestWithParam<Resizing> {};

INSTANTIATE_TEST_SUITE_P(
    PyTorch, Resize,
    ::testing::Values(Resizing{"nearest", {{kWhere, std::string("asymmetric")}, {"nearest_mode", std::string("floor")}}},
                      Resizing{"nearest_down", {{kWhere, std::string("asymmetric")}, {"nearest_mode", std::string("floor")}}},
                      Resizing{"nearest_exact", {{"nearest_mode", std::string("round_prefer_ceil")}}},
                      Resizing{"linear", {{"mode", std::string("linear")}}},
                      Resizing{"linear_down", {{"mode", std::string("linear")}}},
                      Resizing{"linear_corners", {{"mode", std::string("linear")}, {kWhere, std::string("align_corners")}}},
                      Resizing{"linear_line", {{"mode", std::string("linear")}}},
                      Resizing{"linear_volume", {{"mode", std::string("linear")}}},
                      Resizing{"linear_antialias", joined(kWide, {{"mode", std::string("linear")}})},
                      Resizing{"cubic", {{"mode", std::string("cubic")}}},
                      Resizing{"cubic_corners", {{"mode", std::string("cubic")}, {kWhere, std::string("align_corners")}}},
                      Resizing{"cubic_antialias", joined(kWide, {{"mode", std::string("cubic")}})}),
    [](const auto& chosen) { return chosen.param.name; });

TEST_P(Resize, HasPyTorchsValuesAndGradients) {
  const auto at = [](const std::string& part) -> const Tensor& { return fixture().at(GetParam().name + "/" + part); };
  std::vector<std::int64_t> axes;
  std::vector<std::int64_t> sizes;
  for (int axis = 2; axis < at("value").shape().rank(); ++axis) {
    axes.push_back(axis);
    sizes.push_back(at("value").shape()[axis]);
  }
  Graph graph(ops::table());
  const Value x = graph.input("x", {DType::f32, at("x").shape()});
  const Value y = emit_with("Resize", {x}, joined(GetParam().options, {{"axes", axes}, {"sizes", sizes}}));
  graph.output("value", y);
  graph.output("x_gradient", gradients(y, std::vector<Value>{x}, graph.input("cotangent", y.type())).front());
  Plan plan = compile(graph, std::make_shared<StateStore>(graph.table()));
  for (const std::string name : {"x", "cotangent"}) plan.input(name).assign(at(name).cast(DType::f32));
  plan.run();
  for (const std::string name : {"value", "x_gradient"}) {
    const auto found = plan.output(name).values<float>();
    const auto expected = at(name).values<double>();
    ASSERT_EQ(found.size(), expected.size()) << name;
    for (std::size_t i = 0; i < found.size(); ++i) {
      EXPECT_NEAR(static_cast<double>(found[i]), expected[i], 1e-5 * std::max(1.0, std::abs(expected[i]))) << name << ", " << i;
    }
  }
}

/// Between channels-last neighbours an image is resized in one step, where it is.
TEST(ResizePlan, MovesNoChannelsBetweenConvolutions) {
  Graph graph(ops::table());
  const Value x = graph.input("x", {DType::f32, {2, 3, 8, 8}});
  const Value w = graph.input("w", {DType::f32, {16, 3, 3, 3}});
  const Value v = graph.input("v", {DType::f32, {4, 16, 1, 1}});
  const Value wide = emit_with("Resize", {graph.emit("Conv", {x, w})}, {{"scales", std::vector<double>{1, 1, 2, 2}}});
  graph.output("y", graph.emit("Conv", {wide, v}));
  const Plan plan = compile(graph, std::make_shared<StateStore>(graph.table()));
  std::vector<std::string> steps;
  for (const PlanStep& step : plan.steps()) steps.push_back(step.op);
  EXPECT_THAT(steps, ::testing::UnorderedElementsAre("ToChannelsLast", "PackConvolution", "PackConvolution", "ConvolutionSum",
                                                     "Resize", "ConvolutionSum", "ToChannelsFirst"));
}

/// Of [0, 1, 2, …] resized to the pixel before: which places are taken, and how often each is.
std::pair<std::vector<float>, std::vector<float>> places(std::int64_t extent, double scale) {
  Graph graph(ops::table());
  const Value x = graph.input("x", {DType::f32, {1, 1, extent}});
  const Value y = emit_with(
      "Resize", {x},
      {{kWhere, std::string("asymmetric")}, {"nearest_mode", std::string("floor")}, {"scales", std::vector<double>{1, 1, scale}}});
  graph.output("y", y);
  Tensor ones(y.type());
  std::ranges::fill(ones.values<float>(), 1.0F);
  graph.output("slope", gradients(y, std::vector<Value>{x}, graph.constant(ones)).front());
  Plan plan = compile(graph, std::make_shared<StateStore>(graph.table()));
  Tensor numbers(DType::f32, {1, 1, extent});
  std::iota(numbers.values<float>().begin(), numbers.values<float>().end(), 0.0F);
  plan.input("x").assign(numbers);
  plan.run();
  const auto taken = plan.output("y").values<float>();
  const auto slopes = plan.output("slope").values<float>();
  return {{taken.begin(), taken.end()}, {slopes.begin(), slopes.end()}};
}

/// What torch.nn.Upsample(scale_factor=1.6) exports; places are those of PyTorch and ONNX Runtime.
TEST(ResizeNearest, DividesBySinglePrecisionScales) {
  const auto [taken, slopes] = places(10, 1.6);
  EXPECT_THAT(taken, ::testing::ElementsAre(0, 0, 1, 1, 2, 3, 3, 4, 5, 5, 6, 6, 7, 8, 8, 9));
  EXPECT_THAT(slopes, ::testing::ElementsAre(2, 2, 1, 2, 1, 2, 2, 1, 2, 1));
}

/// 19.5 / 1.3 - 0.5 is a little more than 14.5 in single precision; ONNX Runtime takes 14.
TEST(ResizeNearest, AHalfIsOneWhateverRoundingLeftOfIt) {
  Graph graph(ops::table());
  std::vector<float> numbers(20);
  std::iota(numbers.begin(), numbers.end(), 0.0F);
  const Value x = graph.constant(Tensor::of<float>({20}, numbers));
  graph.output("y", emit_with("Resize", {x}, {{"scales", std::vector<double>{1.3}}}));
  Plan plan = compile(graph, std::make_shared<StateStore>(graph.table()));
  plan.run();
  EXPECT_EQ(plan.output("y").values<float>()[19], 14.0F);
}

/// As in PyTorch and ONNX Runtime.
TEST(ResizeNearest, OfTheSameSizeIsTheInput) {
  EXPECT_THAT(places(9, 1.1).first, ::testing::ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8));
}

/// ONNX's published example of a wide filter, which its test data of the version at hand do not have yet.
TEST(ResizeOnnx, FiltersAsWideAsAPixelOfTheResult) {
  Graph graph(ops::table());
  std::vector<float> numbers(16);
  for (std::size_t i = 0; i < 16; ++i) numbers[i] = static_cast<float>(i + 1);
  const Value x = graph.constant(Tensor::of<float>({1, 1, 4, 4}, numbers));
  graph.output("y",
               emit_with("Resize", {x},
                         {{"mode", std::string("linear")}, {"antialias", true}, {"scales", std::vector<double>{1, 1, 0.6, 0.6}}}));
  Plan plan = compile(graph, std::make_shared<StateStore>(graph.table()));
  plan.run();
  const auto y = plan.output("y").values<float>();
  const std::vector<float> expected{2.875F, 4.5F, 9.375F, 11.0F};
  ASSERT_EQ(y.size(), expected.size());
  for (std::size_t i = 0; i < y.size(); ++i) EXPECT_NEAR(y[i], expected[i], 1e-5F);
}

std::string refusal(const std::string& op, const Attributes& options, DType dtype = DType::f32, const Shape& shape = {1, 8, 4, 6}) {
  return message_of([&] {
    Graph graph(ops::table());
    emit_with(op, {graph.input("x", {dtype, shape})}, options);
  });
}

TEST(ResizeInput, IsRefusedWithOneSentence) {
  using Doubles = std::vector<double>;
  using Integers = std::vector<std::int64_t>;
  const auto message = [](const Attributes& options) { return refusal("Resize", options); };
  const Attribute twice{"scales", Doubles{1, 1, 2, 2}};
  const auto expect = [&](const Attributes& options, const std::string& text) {
    EXPECT_THAT(message(options), ::testing::HasSubstr(text));
  };
  expect({}, "give either scales or sizes");
  expect({twice, {"sizes", Integers{1, 8, 2, 2}}}, "give either scales or sizes");
  expect({{"scales", Doubles{2, 2}}}, "2 scales for 4 axes");
  expect({{"sizes", Integers{2, 2}}, {"axes", Integers{2}}}, "2 sizes for 1 axes");
  expect({{"scales", Doubles{1, 1, -2, 2}}}, "a scale of -2: expected a number above 0");
  expect({{"scales", Doubles{1, 1, NAN, 2}}}, "a scale of nan");
  expect({{"scales", Doubles{1, 1, 1e30, 2}}}, "larger than 2^48");
  expect({{"sizes", Integers{1, 8, 0, 2}}}, "a size of 0: expected at least 1");
  expect({twice, {"axes", Integers{0, 1, 2, 2}}}, "axis 2 is named twice");
  expect({twice, {"axes", Integers{0, 1, 2, 9}}}, "9");
  expect({twice, {"mode", std::string("liner")}}, "mode = \"liner\"; did you mean \"linear\"?");
  expect({twice, {kWhere, std::string("corners")}}, kWhere);
  expect({twice, {"nearest_mode", std::string("up")}}, "nearest_mode = \"up\", expected \"round_prefer_floor\"");
  expect({twice, {"keep_aspect_ratio_policy", std::string("not_larger")}}, "keep_aspect_ratio_policy is of sizes");
  expect({twice, {kWhere, std::string("tf_crop_and_resize")}}, "roi has 0 numbers");
  EXPECT_THAT(refusal("Resize", {twice, {"mode", std::string("linear")}}, DType::i64),
              ::testing::HasSubstr("only mode \"nearest\" takes i64; Cast it to f32 first"));
  EXPECT_THAT(refusal("Resize", {{"sizes", Integers{1, 8, 2, 2}}}, DType::f32, {1, 8, 0, 6}),
              ::testing::HasSubstr("axis 2 is empty: there is nothing to resize"));
}

TEST(BlocksInput, IsRefusedWithOneSentence) {
  const auto side = [](std::int64_t blocksize) { return Attributes{{"blocksize", blocksize}}; };
  EXPECT_THAT(refusal("DepthToSpace", side(3)), ::testing::HasSubstr("blocksize = 3: its square does not divide 8 channels"));
  EXPECT_THAT(refusal("SpaceToDepth", side(4)), ::testing::HasSubstr("blocksize = 4 does not divide 4 × 6 pixels"));
  EXPECT_THAT(refusal("DepthToSpace", side(0)), ::testing::HasSubstr("blocksize = 0 must be from 1"));
  EXPECT_THAT(refusal("DepthToSpace", {{"blocksize", std::int64_t{2}}, {"mode", std::string("CDR")}}),
              ::testing::HasSubstr("mode = \"CDR\", expected \"DCR\" or \"CRD\""));
  EXPECT_THAT(refusal("DepthToSpace", side(2), DType::f32, {8, 4, 6}), ::testing::HasSubstr("DepthToSpace"));
}

}  // namespace
}  // namespace neurons
