// Convolutions, pools and what else is done to images, with their gradients, against PyTorch's (tests/fixtures/images.npz): planned
// and run in single precision, on each SIMD target.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "neurons/base/testing/near_largest.hpp"
#include "neurons/data/readers/npy.hpp"
#include "neurons/graph/gradients.hpp"
#include "neurons/kernels/simd_targets_test.hpp"
#include "neurons/ops/ops.hpp"
#include "neurons/plan/plan.hpp"

namespace neurons {
namespace {

using List = std::vector<std::int64_t>;

const std::map<std::string, Tensor>& fixture() {
  static const auto arrays = read_npz(std::filesystem::path(NEURONS_SOURCE_DIR) / "tests/fixtures/images.npz");
  return arrays;
}

struct Case {
  std::string name;
  std::string op;
  Attributes options;
};
std::ostream& operator<<(std::ostream& out, const Case& one) { return out << one.name; }

Attribute list(const char* name, const List& numbers) { return {name, numbers}; }
Attribute word(const char* name, const char* text) { return {name, std::string(text)}; }
Attribute number(const char* name, std::int64_t value) { return {name, value}; }

// clang-format off
const Case kCases[] = {
    {"conv1d", "Conv", {list("strides", {2}), list("pads", {1, 1})}},
    {"conv2d", "Conv", {list("strides", {1, 2}), list("pads", {2, 1, 2, 1})}},
    {"conv2d_dilated", "Conv", {list("dilations", {2, 3}), list("pads", {2, 2, 2, 2})}},
    {"conv2d_1x1", "Conv", {}},
    {"conv2d_1x1_strided", "Conv", {list("strides", {2, 2})}},
    {"conv2d_first", "Conv", {list("pads", {2, 2, 2, 2})}},
    {"conv2d_groups", "Conv", {list("pads", {1, 1, 1, 1}), number("group", 3)}},
    {"conv2d_tiles", "Conv", {list("pads", {1, 1, 1, 1})}},
    {"conv2d_small_tiles", "Conv", {list("pads", {1, 1, 1, 1})}},
    {"conv2d_depthwise", "Conv", {list("pads", {1, 1, 1, 1}), number("group", 5)}},
    {"conv2d_depthwise_strided", "Conv", {list("strides", {2, 2}), list("pads", {1, 1, 1, 1}), number("group", 19)}},
    {"conv2d_depthwise_doubled", "Conv", {list("pads", {1, 1, 1, 1}), number("group", 3)}},
    {"conv3d", "Conv", {list("strides", {2, 1, 2}), list("pads", {1, 1, 0, 1, 1, 0})}},
    {"conv_transpose1d", "ConvTranspose", {list("strides", {2})}},
    {"conv_transpose2d", "ConvTranspose", {list("strides", {2, 3}), list("pads", {1, 1, 1, 1}), list("output_padding", {1, 0})}},
    {"conv_transpose2d_groups", "ConvTranspose", {list("strides", {2, 2}), list("dilations", {1, 2}), number("group", 2)}},
    {"conv_transpose3d", "ConvTranspose", {list("strides", {2, 2, 2})}},
    {"max_pool1d", "MaxPool", {list("kernel_shape", {4}), list("strides", {2}), list("pads", {1, 1})}},
    {"max_pool2d", "MaxPool", {list("kernel_shape", {3, 2}), list("strides", {2, 1}), list("pads", {1, 1, 1, 1})}},
    {"max_pool2d_dilated", "MaxPool", {list("kernel_shape", {2, 2}), list("strides", {2, 2}), list("dilations", {2, 3}), {"ceil_mode", true}}},
    {"max_pool3d", "MaxPool", {list("kernel_shape", {2, 2, 2}), list("strides", {2, 1, 2})}},
    {"average_pool1d", "AveragePool", {list("kernel_shape", {3}), list("strides", {2}), {"ceil_mode", true}}},
    {"average_pool2d", "AveragePool", {list("kernel_shape", {3, 2}), list("strides", {2, 1}), list("pads", {1, 1, 1, 1})}},
    {"average_pool2d_padding_counts", "AveragePool", {list("kernel_shape", {3, 3}), list("strides", {2, 2}), list("pads", {1, 1, 1, 1}), {"count_include_pad", true}}},
    {"average_pool3d", "AveragePool", {list("kernel_shape", {2, 2, 2}), list("strides", {2, 1, 2})}},
    {"global_average_pool", "GlobalAveragePool", {}},
    {"global_max_pool", "GlobalMaxPool", {}},
    {"lp_pool1d", "LpPool", {list("kernel_shape", {3}), list("strides", {2})}},
    {"lp_pool2d", "LpPool", {list("kernel_shape", {2, 3}), list("strides", {2, 2}), number("p", 3)}},
    {"lrn", "LRN", {number("size", 3), {"alpha", 0.3}, {"beta", 0.6}, {"bias", 1.5}}},
    {"depth_to_space", "DepthToSpace", {number("blocksize", 2), word("mode", "CRD")}},
    {"space_to_depth", "SpaceToDepth", {number("blocksize", 2), word("mode", "CRD")}},
    {"pad_constant", "Pad", {list("pads", {0, 0, 1, 2, 0, 0, 3, -1}), {"value", 1.5}}},
    {"pad_reflect", "Pad", {list("pads", {0, 0, 1, 2, 0, 0, 3, 4}), word("mode", "reflect")}},
    {"pad_edge", "Pad", {list("pads", {0, 0, 1, 2, 0, 0, 3, 5}), word("mode", "edge")}},
    {"pad_wrap", "Pad", {list("pads", {0, 0, 1, 2, 0, 0, 3, 4}), word("mode", "wrap")}},
};
// clang-format on

class Image : public ::testing::TestWithParam<Case> {
 protected:
  static const Tensor& at(const std::string& part) { return fixture().at(GetParam().name + "/" + part); }

  /// The op's value and the gradients of all inputs, and which kernels compute them.
  static Plan plan() {
    Graph graph(ops::table());
    std::vector<Value> inputs;
    for (const std::string part : {"x", "w", "b"}) {
      if (fixture().contains(GetParam().name + "/" + part)) inputs.push_back(graph.input(part, at(part).type()));
    }
    const OpDef& op = graph.table()->find(GetParam().op);
    const Value y = graph.emit_all(op, inputs, op.default_options.with(GetParam().options)).front();
    graph.output("value", y);
    const auto slopes = gradients(y, inputs, graph.input("cotangent", y.type()));
    for (std::size_t i = 0; i < inputs.size(); ++i) graph.output(std::string(1, "xwb"[i]) + "_gradient", slopes[i]);
    return compile(graph, std::make_shared<StateStore>(graph.table()));
  }
};

INSTANTIATE_TEST_SUITE_P(PyTorch, Image, ::testing::ValuesIn(kCases), [](const auto& chosen) { return chosen.param.name; });

TEST_P(Image, HasPyTorchsValuesAndGradientsOnEverySimdTarget) {
  for (const std::int64_t target : kernels::simd_targets()) {
    kernels::use_simd_target(target);
    Plan run = plan();
    for (const std::string part : {"x", "w", "b", "cotangent"}) {
      if (fixture().contains(GetParam().name + "/" + part)) run.input(part).assign(at(part));
    }
    run.run();
    kernels::use_simd_target(0);
    for (const std::string part : {"value", "x_gradient", "w_gradient", "b_gradient"}) {
      if (!fixture().contains(GetParam().name + "/" + part)) continue;
      testing::expect_near_largest(run.output(part).values<float>(), at(part).values<float>(),
                                   std::string(kernels::simd_target_name(target)) + ": " + part);
    }
  }
}

/// The fixture has cases for each way to compute a convolution.
TEST(ImagePlans, TakeTheKernelsThatTheirCasesAreFor) {
  const auto kernels_of = [](std::int64_t batch, std::int64_t outputs, std::int64_t height, std::int64_t width) {
    Graph graph(ops::table());
    const Value x = graph.input("x", {DType::f32, {batch, 16, height, width}});
    const Value w = graph.input("w", {DType::f32, {outputs, 16, 3, 3}});
    graph.output("y", emit_with("Conv", {x, w}, {{"pads", List{1, 1, 1, 1}}}));
    std::vector<std::string> names;
    const Plan plan = compile(graph, std::make_shared<StateStore>(graph.table()));
    for (const PlanStep& step : plan.steps()) names.push_back(step.kernel);
    return names;
  };
  EXPECT_THAT(kernels_of(1, 16, 12, 11), ::testing::Contains("winograd 4x4")) << "conv2d_tiles";
  EXPECT_THAT(kernels_of(3, 16, 6, 6), ::testing::Contains("winograd 2x2")) << "conv2d_small_tiles";
}

/// None of the table's cases is forgotten, nor any of the fixture's.
TEST(ImageFixture, IsTestedAsAWhole) {
  std::set<std::string> named;
  for (const Case& one : kCases) named.insert(one.name);
  std::set<std::string> stored;
  for (const auto& [name, tensor] : fixture()) stored.insert(name.substr(0, name.find('/')));
  EXPECT_EQ(named, stored);
}

}  // namespace
}  // namespace neurons
