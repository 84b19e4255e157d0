#pragma once
/// A network for sequences of any number of steps.

#include <vector>

#include "neurons/formats/onnx/variants.hpp"
#include "neurons/layers/network.hpp"
#include "neurons/layers/waves.hpp"

namespace neurons::onnx {

/// The network for several batches, and for its own number of steps and longer ones. Several, since what follows the steps by a
/// remainder (the padding of strides) may be the same for two of them; a long one, for what is the same up to some length. Throws
/// InputError for a network that takes no other number, and for other networks than SaveOptions::any_length says.
std::vector<Variant> variants_of_length(const Network& network);

/// The waves by which the network's layers tell steps apart.
std::vector<Waves> waves_in(const Network& network);

}  // namespace neurons::onnx
