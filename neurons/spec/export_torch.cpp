#include "neurons/data/readers/npy.hpp"
#include "neurons/formats/onnx/imported_model.hpp"
#include "neurons/formats/safetensors.hpp"
#include "neurons/formats/torch/torch_names.hpp"
#include "neurons/spec/export_model.hpp"

namespace neurons {
namespace {

/// Under PyTorch's names; an imported model's under its own, which are PyTorch's if that exported it.
std::map<std::string, Tensor> weights_of(const Network& network) {
  return onnx::imported_in(network) != nullptr ? network.parameters() : to_torch(network);
}

}  // namespace

ExportedFiles export_safetensors(const Model& model, const ExportOptions& options) {
  const std::filesystem::path path = export_path(model, options, ".safetensors");
  write_safetensors(path, {weights_of(model.network), {{"format", "pt"}}});
  return {{path}, "in Python: module.load_state_dict(safetensors.torch.load_file(\"" + path.string() + "\"))"};
}

ExportedFiles export_npz(const Model& model, const ExportOptions& options) {
  const std::filesystem::path path = export_path(model, options, ".npz");
  write_npz(path, weights_of(model.network));
  return {{path}, ""};
}

}  // namespace neurons
