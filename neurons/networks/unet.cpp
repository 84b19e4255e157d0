#include "neurons/layers/activations.hpp"
#include "neurons/layers/convolutions.hpp"
#include "neurons/layers/pools.hpp"
#include "neurons/layers/resizing.hpp"
#include "neurons/layers/shapes.hpp"
#include "neurons/networks/networks.hpp"
#include "neurons/networks/parts.hpp"

namespace neurons {
namespace {

/// Two convolutions with normalisation and rectifier.
Network::Tap add_pair(Network& network, Network::Tap x, std::int64_t filters) {
  for (int i = 0; i < 2; ++i) {
    for (const Layer& layer : normalized_conv(filters, 3)) x = network.add(layer, x);
    x = network.add(Relu{}, x);
  }
  return x;
}

}  // namespace

Network::Tap UNet::add_to(Network& network, Network::Tap x, const Shape& sample) const {
  require_field(kKind, "depth", depth, 1, 10);
  require_field(kKind, "width", width, 1, 1 << 14);
  require_picture(kKind, sample, std::int64_t{1} << depth);
  std::vector<Network::Tap> levels;
  for (std::int64_t level = 0; level < depth; ++level) {
    levels.push_back(add_pair(network, x, width << level));
    x = network.add(MaxPool2d{2}, levels.back());
  }
  x = add_pair(network, x, width << depth);
  for (std::int64_t level = depth; level-- > 0;) {
    const Network::Tap wide = network.add(Upsample2d{2, "linear"}, x);
    x = network.add(Concatenate{1}, {levels[static_cast<std::size_t>(level)], wide});
    x = add_pair(network, x, width << level);
  }
  return network.add(Conv2d{classes_or(kKind, classes, 1), 1}, x);
}

}  // namespace neurons
