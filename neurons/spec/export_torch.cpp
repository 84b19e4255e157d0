#include "neurons/base/error.hpp"
#include "neurons/data/readers/npy.hpp"
#include "neurons/formats/safetensors.hpp"
#include "neurons/formats/torch/torch_names.hpp"
#include "neurons/spec/export_model.hpp"

namespace neurons {
namespace {

namespace fs = std::filesystem;

/// Where the weights go. Throws InputError if that is the model itself.
fs::path weights_path(const Model& model, const ExportOptions& options, const std::string& extension) {
  const fs::path path = options.folder / (options.name + extension);
  std::error_code ignored;
  if (fs::equivalent(path, model.file, ignored)) {
    fail_input("{}: is the model itself; give the export another name with --name, or another folder with --out", path.string());
  }
  return path;
}

}  // namespace

ExportedFiles export_safetensors(const Model& model, const ExportOptions& options) {
  const fs::path path = weights_path(model, options, ".safetensors");
  write_safetensors(path, {to_torch(model.network), {{"format", "pt"}}});
  return {{path}, "in Python: module.load_state_dict(safetensors.torch.load_file(\"" + path.string() + "\"))"};
}

ExportedFiles export_npz(const Model& model, const ExportOptions& options) {
  const fs::path path = weights_path(model, options, ".npz");
  write_npz(path, to_torch(model.network));
  return {{path}, ""};
}

}  // namespace neurons
