#include "neurons/layers/last_activation.hpp"

#include <algorithm>
#include <array>

namespace neurons {

std::string last_activation(const Network& network, const std::string& output) {
  constexpr std::array<std::string_view, 4> kPassOn = {"identity", "flatten", "reshape", "dropout"};
  int next = std::ranges::find(network.outputs(), output, &Network::Output::name)->call;
  for (;;) {
    const Network::Call& call = network.calls()[static_cast<std::size_t>(next)];
    if (call.layer < 0) return "";
    const Layer& layer = network.layers()[static_cast<std::size_t>(call.layer)].layer;
    const Attributes attributes = layer.attributes();
    const auto own = std::ranges::find(attributes, "activation", &Attribute::name);
    const std::string activation = own == attributes.end() ? "identity" : std::get<std::string>(own->value);
    if (activation != "identity") return activation;
    if (std::ranges::find(kPassOn, layer.kind()) == kPassOn.end()) return layer.kind();
    next = call.from.front();
  }
}

}  // namespace neurons
