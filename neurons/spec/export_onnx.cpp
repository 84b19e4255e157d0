#include "neurons/formats/onnx/imported_model.hpp"
#include "neurons/formats/safetensors.hpp"
#include "neurons/spec/export_model.hpp"

namespace neurons {

/// With all that the model's own file says beside its weights, so that `evaluate` and `predict` need no spec.
ExportedFiles export_onnx(const Model& model, const ExportOptions& options) {
  onnx::SaveOptions how;
  how.opset = options.opset;
  how.any_length = options.any_length;
  if (model.file.extension() == ".safetensors") how.metadata = read_safetensors(model.file).metadata;
  const std::filesystem::path path = export_path(model, options, ".onnx");
  onnx::save(model.network, path, how);
  return {{path}, ""};
}

}  // namespace neurons
