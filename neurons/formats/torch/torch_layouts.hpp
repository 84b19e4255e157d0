#pragma once
/// How the parameters of each kind of layer are named and laid out in PyTorch.

#include <map>
#include <string>
#include <vector>

#include "neurons/tensor/tensor.hpp"

namespace neurons {

/// Rows of a parameter: part `part` of `parts` equal ones.
struct ParameterRows {
  std::string parameter;  ///< its name within the layer: "weight"
  std::int64_t part = 0;
  std::int64_t parts = 1;
};

/// A tensor of PyTorch's: rows of parameters, one upon the other. Where several tensors of a layer have the same rows, what they
/// say is added up, and the first says it all.
struct TorchTensor {
  std::string name;  ///< within its module: "weight_ih_l0"
  std::vector<ParameterRows> rows;
};

/// The tensors of the module of PyTorch's that a layer of that kind is, whose parameters have those names and shapes. Layers that
/// PyTorch does not have, and those that have the same names and layouts there, keep both. Throws InputError, naming `layer`, for
/// one whose parameters mean something else in PyTorch (a GRU that resets before its sum).
std::vector<TorchTensor> torch_tensors(const std::string& layer, const std::string& kind,
                                       const std::map<std::string, Shape>& parameters);

}  // namespace neurons
