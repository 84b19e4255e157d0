#pragma once
/// Weights that a network begins with, from a file.

#include <filesystem>
#include <string>
#include <vector>

#include "neurons/layers/network.hpp"

namespace neurons {

/// How the tensors of a file are called and laid out.
enum class WeightNames {
  own,    ///< as the network's parameters
  torch,  ///< as PyTorch's state_dict() has them (formats/torch/torch_names.hpp)
};

struct WeightsFile {
  std::filesystem::path path;  ///< .safetensors or .npz
  WeightNames names = WeightNames::own;
};

/// "own-names", "torch-names". Throws InputError for another text, with the nearest one.
WeightNames weight_names_of(const std::string& text);

/// Gives the network all its parameters. Throws InputError for a file of another kind, as its reader does, and where it does not
/// hold exactly what the network needs; the network is then as it was.
void load_weights(Network& network, const WeightsFile& file);

}  // namespace neurons
