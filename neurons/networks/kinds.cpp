#include "neurons/graph/kinds.hpp"

#include "neurons/networks/networks.hpp"

namespace neurons {

const std::map<std::string, Builder>& builder_kinds() {
  static const auto kKinds = table_of_kinds<Builder, LeNet5, ResNet20, ResNet18, MobileNetV2, UNet, Autoencoder>();
  return kKinds;
}

const Builder& builder_of_kind(const std::string& kind) { return find_kind(builder_kinds(), "builder", kind); }

Network build(const Builder& builder, const Shape& sample) {
  Network network;
  network.output("y", builder.add_to(network, network.input("x", sample), sample));
  return network;
}

}  // namespace neurons
