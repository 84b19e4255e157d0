// Layers of convolutions and pools against PyTorch's modules of the same options (tests/fixtures/images.npz).

#include <gtest/gtest.h>

#include <filesystem>

#include "neurons/base/testing/near_largest.hpp"
#include "neurons/data/readers/npy.hpp"
#include "neurons/layers/convolutions.hpp"
#include "neurons/layers/network.hpp"
#include "neurons/layers/pools.hpp"
#include "neurons/layers/run_network_testing.hpp"

namespace neurons {
namespace {

struct Case {
  std::string name;
  Layer layer;
};
std::ostream& operator<<(std::ostream& out, const Case& one) { return out << one.name; }

std::vector<Case> cases() {
  return {
      {"conv1d", Conv1d{.filters = 5, .kernel = 4, .stride = 2, .pads = 1}},
      {"conv2d", Conv2d{.filters = 5, .kernel = {3, 2}, .stride = {1, 2}, .pads = {2, 1}}},
      {"conv2d_dilated", Conv2d{.filters = 4, .dilation = {2, 3}, .pads = {2, 2, 2, 2}}},
      {"conv2d_groups", Conv2d{.filters = 9, .groups = 3, .pads = 1}},
      {"conv2d_depthwise_doubled", DepthwiseConv2d{.multiplier = 2, .pads = 1}},
      {"conv3d", Conv3d{.filters = 3, .kernel = {2, 3, 2}, .stride = {2, 1, 2}, .pads = {1, 1, 0}}},
      {"conv_transpose1d", ConvTranspose1d{.filters = 4, .stride = 2}},
      {"conv_transpose2d", ConvTranspose2d{.filters = 4, .stride = {2, 3}, .pads = 1, .output_padding = {1, 0}}},
      {"conv_transpose2d_groups", ConvTranspose2d{.filters = 6, .kernel = {2, 3}, .stride = 2, .groups = 2, .dilation = {1, 2}}},
      {"conv_transpose3d", ConvTranspose3d{.filters = 3, .kernel = 2, .stride = 2}},
      {"max_pool1d", MaxPool1d{.size = 4, .stride = 2, .pads = 1}},
      {"max_pool2d_dilated", MaxPool2d{.size = 2, .dilation = {2, 3}, .ceil_mode = true}},
      {"average_pool1d", AveragePool1d{.size = 3, .stride = 2, .ceil_mode = true}},
      {"average_pool2d", AveragePool2d{.size = {3, 2}, .stride = {2, 1}, .pads = 1}},
      {"average_pool2d_padding_counts", AveragePool2d{.size = 3, .stride = 2, .pads = 1, .count_include_pad = true}},
      {"average_pool3d", AveragePool3d{.size = 2, .stride = {2, 1, 2}}},
      {"lp_pool1d", LpPool1d{.size = 3, .stride = 2}},
  };
}

class ImageLayer : public ::testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(PyTorch, ImageLayer, ::testing::ValuesIn(cases()), [](const auto& chosen) { return chosen.param.name; });

TEST_P(ImageLayer, GivesPyTorchsValues) {
  static const auto kFixture = read_npz(std::filesystem::path(NEURONS_SOURCE_DIR) / "tests/fixtures/images.npz");
  const auto at = [&](const std::string& part) -> const Tensor& { return kFixture.at(GetParam().name + "/" + part); };
  const auto extents = at("x").shape().extents();
  Sequential network(Shape(extents.subspan(1)), {GetParam().layer});
  network.initialize(1);
  const std::string scope = std::string(GetParam().layer.kind()) + "1.";
  if (kFixture.contains(GetParam().name + "/w")) {
    network.set_parameter(scope + "weight", at("w"));
    network.set_parameter(scope + "bias", at("b"));
  }
  testing::expect_near_largest(testing::run_network(network, {{"x", at("x")}}).at("y"), at("value").values<float>(), "value");
}

}  // namespace
}  // namespace neurons
