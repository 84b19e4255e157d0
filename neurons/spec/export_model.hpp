#pragma once
/// A model in the form of another program.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "neurons/spec/model.hpp"

namespace neurons {

struct ExportOptions {
  std::filesystem::path folder;  ///< where the files go; made if it is not there
  std::string name = "network";  ///< of the files, and in them
  /// Of ONNX: 13 to 24; 0: the one that the model was imported from, or 21; a later one where that lacks an operator.
  std::int64_t opset = 0;
  bool any_length = false;  ///< of ONNX: sequences of any length are taken, see onnx::SaveOptions
};

/// What an export left.
struct ExportedFiles {
  std::vector<std::filesystem::path> files;
  std::string note;  ///< what to do with them, in a line; may be empty
};

/// A form, by the name that `neurons export --to` takes.
struct ExportFormat {
  std::string name;
  std::string summary;
  ExportedFiles (*write)(const Model& model, const ExportOptions& options);
};

/// All of them.
const std::vector<ExportFormat>& export_formats();

/// Writes the model in the form of that name. Throws InputError for an unknown name (with the nearest one) and where the form
/// cannot hold the model, RuntimeError where the folder cannot be made or written; a folder
/// that it made for nothing is gone then.
ExportedFiles export_model(const Model& model, const std::string& format, const ExportOptions& options);

/// Where a form's file goes. Throws InputError if that is the model itself.
std::filesystem::path export_path(const Model& model, const ExportOptions& options, const std::string& extension);

// Each form's own.
ExportedFiles export_onnx(const Model& model, const ExportOptions& options);
ExportedFiles export_c(const Model& model, const ExportOptions& options);
ExportedFiles export_safetensors(const Model& model, const ExportOptions& options);
ExportedFiles export_npz(const Model& model, const ExportOptions& options);

}  // namespace neurons
