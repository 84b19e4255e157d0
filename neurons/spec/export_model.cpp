#include "neurons/spec/export_model.hpp"

#include <algorithm>

#include "neurons/base/error.hpp"
#include "neurons/base/suggest.hpp"

namespace neurons {
namespace fs = std::filesystem;

const std::vector<ExportFormat>& export_formats() {
  static const std::vector<ExportFormat> kFormats = {
      {"onnx", "a model of ONNX, with the batch open", export_onnx},
      {"c", "one C99 file and its header, which need nothing but math.h", export_c},
      {"safetensors", "weights under PyTorch's names and in its layouts", export_safetensors},
      {"npz", "the same as NumPy's arrays", export_npz},
  };
  return kFormats;
}

fs::path export_path(const Model& model, const ExportOptions& options, const std::string& extension) {
  const fs::path path = options.folder / (options.name + extension);
  std::error_code ignored;
  if (fs::equivalent(path, model.file, ignored)) {
    fail_input("{}: is the model itself; give the export another name with --name, or another folder with --out", path.string());
  }
  return path;
}

namespace {

/// A folder that is made, and taken away again unless something was written into it.
class MadeFolder {
 public:
  explicit MadeFolder(const fs::path& folder) {
    std::error_code error;
    for (fs::path path = fs::absolute(folder).lexically_normal(); !fs::exists(path, error) && path.has_relative_path();
         path = path.parent_path()) {
      made_.push_back(path);
    }
    fs::create_directories(folder, error);
    if (error) fail_run("{}: cannot make this folder: {}", folder.string(), error.message());
  }
  void take_away() const noexcept {
    std::error_code ignored;
    for (const fs::path& path : made_) fs::remove(path, ignored);  // only if nothing is in it
  }

 private:
  std::vector<fs::path> made_;  ///< the innermost first
};

}  // namespace

ExportedFiles export_model(const Model& model, const std::string& format, const ExportOptions& options) {
  std::vector<std::string> known;
  for (const ExportFormat& form : export_formats()) known.push_back(form.name);
  const auto found = std::ranges::find(export_formats(), format, &ExportFormat::name);
  if (found == export_formats().end()) fail_input("export: unknown format \"{}\"{}", format, nearest_or_all(format, known));
  const MadeFolder folder(options.folder);
  try {
    return found->write(model, options);
  } catch (...) {
    folder.take_away();
    throw;
  }
}

}  // namespace neurons
