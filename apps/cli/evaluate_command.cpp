/// neurons evaluate MODEL: how good a model is on data.

#include "apps/cli/arguments.hpp"
#include "apps/cli/reports.hpp"
#include "apps/cli/session.hpp"

namespace neurons::cli {
namespace {

struct EvaluateArguments {
  std::filesystem::path model;
  std::filesystem::path data;
  int threads = 0;
};

int evaluate_model(Session& session, const EvaluateArguments& arguments) {
  const Model model = open_model(arguments.model);
  const auto places = Session::places();
  const Dataset data = evaluation_data(model, arguments.data.empty() ? nullptr : &arguments.data, places);
  const Evaluation evaluation = evaluate(model, data, arguments.threads);
  session.answer() = to_json(evaluation);
  session.say("{}  ({} samples)", one_line(evaluation), evaluation.samples);
  session.print(class_table(evaluation, model));
  return kDone;
}

}  // namespace

void add_evaluate(CLI::App& app, Session& session) {
  const auto arguments = std::make_shared<EvaluateArguments>();
  CLI::App* command = session.add_command(app, "evaluate", "Say how good a model is on data",
                                          "  neurons evaluate runs/mlp\n"
                                          "  neurons evaluate runs/wine --data new_wines.csv --json",
                                          [&session, arguments] { return evaluate_model(session, *arguments); });
  command->add_option("MODEL", arguments->model, "A run folder or a .safetensors file of a run")->required();
  command->add_option("--data", arguments->data,
                      "IDX folder, CSV, npz or pictures by class (the test part of the model's own spec)");
  command->add_option("--threads", arguments->threads, "0: one for each core")->check(whole_number(0));
}

}  // namespace neurons::cli
