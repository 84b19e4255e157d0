#pragma once
/// Parameters under PyTorch's names and in its layouts: what torch.nn.Module.state_dict() gives and load_state_dict() takes.

#include <map>
#include <string>

#include "neurons/layers/network.hpp"

namespace neurons {

/// All parameters of the network: "LAYER.weight", "LAYER.weight_ih_l0", … Where PyTorch has two biases that are added, the second
/// is zeros. Throws InputError where parameters have no value, or mean something else in PyTorch: a GRU that resets before its sum,
/// attention with rotary positions or shared keys.
std::map<std::string, Tensor> to_torch(const Network& network);

/// Gives the network all its parameters from such tensors, found by the names of layers. Of a torch.nn.Sequential, whose modules
/// have numbers, each module with parameters is the next layer with parameters; what all names begin with ("model.") is left out.
/// Doubles are rounded; BatchNorm's num_batches_tracked is left out. `source` stands for the file in messages. Throws InputError
/// with everything that is missing, of another shape or not used, before any parameter is set; and as to_torch().
void from_torch(Network& network, const std::map<std::string, Tensor>& tensors, const std::string& source);

}  // namespace neurons
