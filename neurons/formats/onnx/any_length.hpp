#pragma once
/// Networks for sequences of any number of steps: into files and out of them.

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

/// Whether the network is an imported model whose first input, [batch, time, features] of numbers or [batch, time] of whole ones,
/// leaves the number of steps open.
bool takes_any_length(const Network& network);

/// Such a network for sequences of so many steps; extents of other inputs that the file calls as it calls that one follow.
/// Parameters keep their values. Throws InputError for other networks, and naming the node that does not take as many.
Network with_steps(const Network& network, std::int64_t steps);

}  // namespace neurons::onnx
