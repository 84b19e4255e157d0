/// neurons evaluate MODEL: how good a model is on data.

#include "apps/cli/arguments.hpp"
#include "apps/cli/reports.hpp"
#include "apps/cli/session.hpp"
#include "neurons/base/error.hpp"
#include "neurons/data/picture_writer.hpp"
#include "neurons/spec/mistakes.hpp"

namespace neurons::cli {
namespace {

struct EvaluateArguments {
  std::filesystem::path model;
  std::filesystem::path data;
  std::filesystem::path mistakes;
  std::string output;
  std::string decimal;
  std::optional<std::int64_t> window;
  int threads = 0;
};

/// Where the sheet of mistakes goes unless --mistakes says so: into the run.
std::filesystem::path sheet_path(const EvaluateArguments& arguments) {
  if (!arguments.mistakes.empty()) return arguments.mistakes;
  std::error_code ignored;
  const bool is_run = std::filesystem::is_directory(arguments.model, ignored);
  return is_run ? arguments.model / "mistakes.png" : std::filesystem::path();
}

/// Writes the worst mistakes as a picture; says so.
void write_mistakes(Session& session, const EvaluateArguments& arguments, const Model& model, const Dataset& data,
                    const Evaluation& evaluation) {
  const std::filesystem::path path = sheet_path(arguments);
  if (path.empty()) return;
  const bool asked = !arguments.mistakes.empty();
  const auto sheet = mistakes_sheet(model, data, evaluation);
  if (!sheet) {
    std::error_code ignored;
    if (!asked) std::filesystem::remove(path, ignored);  // those of an earlier look
    if (asked) complain("note: there is no picture that was read wrongly, so no sheet of mistakes is written");
    return;
  }
  try {
    write_png(path, *sheet);
  } catch (const RuntimeError& error) {  // a run that others keep is judged all the same
    if (asked) throw;
    complain(fmt::format("note: {}", error.what()));
    return;
  }
  session.answer()["mistakes"] = path.string();
  session.say("\nmistakes  {}", path.string());
}

int evaluate_model(Session& session, const EvaluateArguments& arguments) {
  Model opened = in_window(open_model(arguments.model, arguments.output), arguments.window);
  note_output(opened);
  if (!arguments.decimal.empty()) opened.spec.data.decimal = arguments.decimal.front();
  const auto places = Session::places();
  const Dataset data = evaluation_data(opened, arguments.data.empty() ? nullptr : &arguments.data, places);
  const Model model = judged_by(std::move(opened), data);
  note_assumption(model);
  const Evaluation evaluation = evaluate(model, data, arguments.threads);
  session.answer() = report_json(evaluation, &model);
  session.say("{}  ({} samples)", one_line(evaluation), evaluation.samples);
  session.print(forecast_lines(evaluation));
  session.print(class_table(evaluation, model));
  write_mistakes(session, arguments, model, data, evaluation);
  return kDone;
}

}  // namespace

void add_evaluate(CLI::App& app, Session& session) {
  const auto arguments = std::make_shared<EvaluateArguments>();
  CLI::App* command = session.add_command(app, "evaluate", "Say how good a model is on data",
                                          "  neurons evaluate runs/cnn\n"
                                          "  neurons evaluate runs/wine --data new_wines.csv --json\n"
                                          "  neurons evaluate model.onnx --data iris",
                                          [&session, arguments] { return evaluate_model(session, *arguments); });
  command->add_option("MODEL", arguments->model, "A run folder, an .onnx file or a .safetensors file of a run")->required();
  command->add_option("--data", arguments->data,
                      "A bundled name, IDX folder, CSV, npz or pictures by class (the test part of the model's own spec)");
  add_decimal(*command, arguments->decimal);
  command->add_option("--output", arguments->output, kOutputHelp);
  command->add_option("--window", arguments->window, kWindowHelp)->check(whole_number<std::int64_t>(1));
  command->add_option("--mistakes", arguments->mistakes,
                      "Where to write a PNG of the pictures that were read worst (mistakes.png in the run folder)");
  command->add_option("--threads", arguments->threads, "0: one for each core")->check(thread_count());
}

}  // namespace neurons::cli
