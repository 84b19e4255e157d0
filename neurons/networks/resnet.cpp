#include "neurons/layers/activations.hpp"
#include "neurons/layers/dense.hpp"
#include "neurons/layers/pools.hpp"
#include "neurons/networks/networks.hpp"
#include "neurons/networks/parts.hpp"

namespace neurons {
namespace {

constexpr std::int64_t kWidest = 1 << 16;

/// Two convolutions of 3 × 3 around which x is led, by a projection where stride or channels change.
Residual basic_block(std::int64_t filters, std::int64_t stride, bool projects) {
  Residual block{.body = normalized_conv(filters, 3, stride)};
  block.body.emplace_back(Relu{});
  for (const Layer& layer : normalized_conv(filters, 3)) block.body.push_back(layer);
  if (projects) block.projection = normalized_conv(filters, 1, stride);
  return block;
}

/// Stages of `blocks` blocks: from the second on, each halves height and width and doubles the channels. Then the mean over all
/// places, and the classes.
Network::Tap add_stages(Network& network, Network::Tap x, int stages, int blocks, std::int64_t width, std::int64_t classes) {
  for (int stage = 0; stage < stages; ++stage) {
    for (int block = 0; block < blocks; ++block) {
      const bool shrinks = stage > 0 && block == 0;
      x = network.add(basic_block(width << stage, shrinks ? 2 : 1, shrinks), x,
                      "stage" + std::to_string(stage + 1) + ".block" + std::to_string(block + 1));
    }
  }
  return network.add(Dense{classes}, network.add(GlobalAveragePool{}, x));
}

}  // namespace

Network::Tap ResNet20::add_to(Network& network, Network::Tap x, const Shape& sample) const {
  require_picture(kKind, sample);
  require_field(kKind, "width", width, 1, kWidest);
  for (const Layer& layer : normalized_conv(width, 3)) x = network.add(layer, x);
  return add_stages(network, network.add(Relu{}, x), 3, 3, width, classes_or(kKind, classes, 10));
}

Network::Tap ResNet18::add_to(Network& network, Network::Tap x, const Shape& sample) const {
  require_picture(kKind, sample);
  require_field(kKind, "width", width, 1, kWidest);
  for (const Layer& layer : normalized_conv(width, 7, 2)) x = network.add(layer, x);
  x = network.add(MaxPool2d{.size = 3, .stride = 2, .pads = 1}, network.add(Relu{}, x));
  return add_stages(network, x, 4, 2, width, classes_or(kKind, classes, 1000));
}

}  // namespace neurons
