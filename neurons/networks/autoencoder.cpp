#include "neurons/layers/convolutions.hpp"
#include "neurons/layers/resizing.hpp"
#include "neurons/networks/networks.hpp"
#include "neurons/networks/parts.hpp"

namespace neurons {

Network::Tap Autoencoder::add_to(Network& network, Network::Tap x, const Shape& sample) const {
  require_field(kKind, "depth", depth, 1, 10);
  require_field(kKind, "width", width, 1, 1 << 14);
  require_field(kKind, "code", code, 0, 1 << 20);
  require_picture(kKind, sample, std::int64_t{1} << depth);
  const auto conv = [](std::int64_t filters, std::int64_t stride, const char* activation) {
    return Conv2d{.filters = filters, .stride = stride, .activation = activation, .pads = 1};
  };
  for (std::int64_t level = 0; level < depth; ++level) {
    const bool deepest = level + 1 == depth;
    x = network.add(conv(deepest && code > 0 ? code : width << level, 2, "relu"), x);
  }
  for (std::int64_t level = depth; level-- > 0;) {
    x = network.add(Upsample2d{2}, x);
    x = network.add(level == 0 ? conv(sample[0], 1, "identity") : conv(width << (level - 1), 1, "relu"), x);
  }
  return x;
}

}  // namespace neurons
