#include "neurons/layers/activations.hpp"
#include "neurons/layers/convolutions.hpp"
#include "neurons/layers/dense.hpp"
#include "neurons/layers/pools.hpp"
#include "neurons/layers/shapes.hpp"
#include "neurons/networks/networks.hpp"
#include "neurons/networks/parts.hpp"

namespace neurons {

Network::Tap LeNet5::add_to(Network& network, Network::Tap x, const Shape& sample) const {
  require_picture(kKind, sample);
  const std::vector<Layer> layers = {Conv2d{.filters = 6, .kernel = 5, .activation = "tanh", .pads = pads},
                                     AveragePool2d{2},
                                     Conv2d{.filters = 16, .kernel = 5, .activation = "tanh"},
                                     AveragePool2d{2},
                                     Flatten{},
                                     Dense{120, "tanh"},
                                     Dense{84, "tanh"},
                                     Dense{classes_or(kKind, classes, 10)}};
  for (const Layer& layer : layers) x = network.add(layer, x);
  return x;
}

}  // namespace neurons
