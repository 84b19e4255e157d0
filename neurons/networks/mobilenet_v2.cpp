#include <algorithm>
#include <array>

#include "neurons/layers/activations.hpp"
#include "neurons/layers/convolutions.hpp"
#include "neurons/layers/dense.hpp"
#include "neurons/layers/dropout.hpp"
#include "neurons/layers/normalizations.hpp"
#include "neurons/layers/pools.hpp"
#include "neurons/networks/networks.hpp"
#include "neurons/networks/parts.hpp"

namespace neurons {
namespace {

/// A row of table 2 of the paper.
struct Stage {
  std::int64_t expansion;
  std::int64_t channels;
  int blocks;
  std::int64_t stride;  ///< of the first block
};
constexpr std::array<Stage, 7> kStages = {
    {{1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2}, {6, 64, 4, 2}, {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}}};

/// `channels` times the factor, as the nearest multiple of 8 that is at least 90% of it.
std::int64_t scaled(std::int64_t channels, double factor) {
  const double wanted = static_cast<double>(channels) * factor;
  const std::int64_t nearest = std::max<std::int64_t>(8, static_cast<std::int64_t>(wanted + 4) / 8 * 8);
  return static_cast<double>(nearest) < 0.9 * wanted ? nearest + 8 : nearest;
}

/// Widen, look at each channel by itself, narrow: the last without activation.
std::vector<Layer> bottleneck(std::int64_t inputs, const Stage& stage, std::int64_t stride, std::int64_t outputs) {
  std::vector<Layer> layers;
  if (stage.expansion != 1) {
    layers = normalized_conv(inputs * stage.expansion, 1);
    layers.emplace_back(Relu6{});
  }
  layers.emplace_back(DepthwiseConv2d{.kernel = 3, .stride = stride, .bias = false, .pads = 1, .initializer = "he_normal"});
  layers.emplace_back(BatchNorm{});
  layers.emplace_back(Relu6{});
  for (const Layer& layer : normalized_conv(outputs, 1)) layers.push_back(layer);
  return layers;
}

}  // namespace

Network::Tap MobileNetV2::add_to(Network& network, Network::Tap x, const Shape& sample) const {
  require_picture(kKind, sample);
  constexpr float kWidest = 64.0F;
  if (!(width > 0 && width <= kWidest)) fail_input("{}: width = {} must be above 0 and at most {}", kKind, width, kWidest);
  const auto factor = static_cast<double>(width);
  const auto add_all = [&](const std::vector<Layer>& layers, const std::string& block) {
    std::map<std::string, int> counts;
    for (const Layer& layer : layers) {
      const std::string name = layer.kind() + std::to_string(++counts[layer.kind()]);
      x = network.add(layer, x, block.empty() ? "" : block + "." + name);
    }
  };
  std::int64_t channels = scaled(32, factor);
  add_all(normalized_conv(channels, 3, 2), "");
  add_all({Relu6{}}, "");
  int number = 0;
  for (const Stage& stage : kStages) {
    const std::int64_t outputs = scaled(stage.channels, factor);
    for (int block = 0; block < stage.blocks; ++block) {
      const std::int64_t stride = block == 0 ? stage.stride : 1;
      const std::string name = "block" + std::to_string(++number);
      const std::vector<Layer> layers = bottleneck(channels, stage, stride, outputs);
      if (stride == 1 && channels == outputs) {
        x = network.add(Residual{.body = layers, .activation = "identity"}, x, name);
      } else {
        add_all(layers, name);
      }
      channels = outputs;
    }
  }
  add_all(normalized_conv(scaled(1280, std::max(1.0, factor)), 1), "");
  add_all({Relu6{}, GlobalAveragePool{}, Dropout{dropout}, Dense{classes_or(kKind, classes, 1000)}}, "");
  return x;
}

}  // namespace neurons
