/// neurons export MODEL --to FORMAT: a model in the form of another program.

#include "apps/cli/reports.hpp"
#include "apps/cli/session.hpp"
#include "apps/cli/terminal.hpp"
#include "neurons/base/error.hpp"
#include "neurons/spec/export_model.hpp"

namespace neurons::cli {
namespace {

namespace fs = std::filesystem;

struct ExportArguments {
  fs::path model;
  std::string format;
  fs::path out;
  std::string name;
  std::int64_t opset = 0;
  bool values = false;
  bool any_length = false;
};

/// The folder of a run, or the name of a file: what the files are called.
std::string name_of(const fs::path& model) {
  std::error_code ignored;
  const fs::path path = fs::weakly_canonical(model, ignored);
  return fs::is_directory(path, ignored) ? path.filename().string() : path.stem().string();
}

int export_as(Session& session, const ExportArguments& arguments) {
  if (arguments.values && arguments.format != "c") fail_input("export: --values is for --to c");
  const Model model = open_model(arguments.model, "", arguments.values);
  note_left_out(model.network);
  if (arguments.format == "c") note_assumption(model, true);
  if (arguments.opset != 0 && arguments.format != "onnx") fail_input("export: --opset is for --to onnx");
  if (arguments.any_length && arguments.format != "onnx") fail_input("export: --any-length is for --to onnx");
  const ExportOptions options{.folder = arguments.out.empty() ? fs::absolute(model.file).parent_path() : arguments.out,
                              .name = arguments.name.empty() ? name_of(arguments.model) : arguments.name,
                              .opset = arguments.opset,
                              .any_length = arguments.any_length};
  const ExportedFiles exported = export_model(model, arguments.format, options);
  Json files = Json::array();
  for (const fs::path& file : exported.files) {
    files.push_back(file.string());
    std::error_code ignored;
    session.say("{}  {} bytes", printable(file.string()), grouped(static_cast<std::int64_t>(fs::file_size(file, ignored))));
  }
  if (!exported.note.empty()) session.say("{}", printable(exported.note));
  session.answer() = {{"format", arguments.format}, {"files", files}};
  return kDone;
}

}  // namespace

void add_export(CLI::App& app, Session& session) {
  const auto arguments = std::make_shared<ExportArguments>();
  std::string formats;
  for (const ExportFormat& format : export_formats()) {
    formats += fmt::format("{}{}: {}", formats.empty() ? "" : "; ", format.name, format.summary);
  }
  CLI::App* command = session.add_command(app, "export", "Write a model for another program",
                                          "  neurons export runs/cnn --to c --out firmware\n"
                                          "  neurons export runs/cnn --to onnx --opset 17",
                                          [&session, arguments] { return export_as(session, *arguments); });
  command->add_option("MODEL", arguments->model, "A run folder, or an .onnx or .safetensors file")->required();
  command->add_option("--to", arguments->format, formats)->required();
  command->add_option("--out", arguments->out, "The folder for the files (the model's own); made if it is not there");
  command->add_option("--opset", arguments->opset, "Of ONNX, 13 to 24 (21, or the one that the model was imported from)");
  command->add_flag("--any-length", arguments->any_length, "Of ONNX: sequences of any length, not those of the training alone");
  command->add_flag("--values", arguments->values, "Of C: what the network gives as it is, without a softmax");
  command->add_option("--name", arguments->name, "Of the files and, in C, of functions (the run folder's)");
}

}  // namespace neurons::cli
