#pragma once
/// What an output's numbers are.

#include <string>

#include "neurons/layers/network.hpp"

namespace neurons {

/// What the numbers of an output of the network went through last: the activation of a layer, or else the layer's kind. Layers that
/// only pass numbers on are looked through. "softmax" where probabilities come out; empty for an input.
std::string last_activation(const Network& network, const std::string& output);

}  // namespace neurons
