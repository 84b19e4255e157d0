#include "neurons/spec/load_weights.hpp"

#include "neurons/base/error.hpp"
#include "neurons/base/suggest.hpp"
#include "neurons/data/readers/npy.hpp"
#include "neurons/formats/safetensors.hpp"
#include "neurons/formats/torch/torch_names.hpp"

namespace neurons {
namespace {

std::map<std::string, Tensor> read_tensors(const std::filesystem::path& path) {
  if (path.extension() == ".safetensors") return read_safetensors(path).tensors;
  if (path.extension() == ".npz") return read_npz(path);
  fail_input("{}: expected weights in a .safetensors or .npz file", path.string());
}

}  // namespace

WeightNames weight_names_of(const std::string& text) {
  const std::vector<std::string> known{"own-names", "torch-names"};
  if (text == known[0]) return WeightNames::own;
  if (text == known[1]) return WeightNames::torch;
  fail_input("unknown names of weights \"{}\"{}", text, nearest_or_all(text, known));
}

void load_weights(Network& network, const WeightsFile& file) {
  auto tensors = read_tensors(file.path);
  if (file.names == WeightNames::torch) return from_torch(network, tensors, file.path.string());
  const auto types = network.parameter_types();
  for (const auto& [name, type] : types) {
    const auto found = tensors.find(name);
    if (found == tensors.end()) {
      fail_input("{}: the weights \"{}\" are missing; if PyTorch wrote the file, say --from torch-names", file.path.string(), name);
    }
    if (found->second.type() != type) {
      fail_input("{}: the weights \"{}\" are {}, but the network needs {}", file.path.string(), name,
                 found->second.type().to_string(), type.to_string());
    }
  }
  if (tensors.size() != types.size()) {
    for (const auto& [name, type] : types) tensors.erase(name);
    fail_input("{}: the network has no parameter \"{}\"", file.path.string(), tensors.begin()->first);
  }
  for (const auto& [name, type] : types) network.set_parameter(name, tensors.at(name));
}

}  // namespace neurons
