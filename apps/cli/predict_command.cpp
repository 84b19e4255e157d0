/// neurons predict MODEL INPUT…: what a model says of new samples, or of the future.

#include <fmt/ranges.h>

#include <algorithm>

#include "apps/cli/arguments.hpp"
#include "apps/cli/reports.hpp"
#include "apps/cli/session.hpp"
#include "apps/cli/terminal.hpp"
#include "neurons/base/error.hpp"
#include "neurons/spec/forecast.hpp"
#include "neurons/spec/predict.hpp"

namespace neurons::cli {
namespace {

struct PredictArguments {
  std::filesystem::path model;
  std::vector<std::string> inputs;
  std::string output;
  std::string decimal;
  std::optional<std::int64_t> window;
  bool values = false;
  std::optional<std::int64_t> steps;
  std::optional<double> level;
  std::uint64_t seed = 0;
  int threads = 0;
};

Json to_json(const Model& model, const std::string& name, const Prediction& prediction) {
  Json object = {{"input", name}};
  if (prediction.step >= 0) object["step"] = prediction.step;
  if (!model.is_classification) {
    if (prediction.values.size() == 1) {
      object["value"] = prediction.values.front();
    } else {
      object["values"] = prediction.values;
    }
    return object;
  }
  object["class"] = prediction.class_name;
  object["label"] = prediction.label;
  object["confidence"] = prediction.confidence;
  object["probabilities"] = prediction.probabilities;
  return object;
}

std::string values_text(const std::vector<double>& values) {
  std::string text;
  for (const double value : values) text += fmt::format("{}{:.6g}", text.empty() ? "" : "  ", value);
  return text;
}

/// The next steps of a series, a line each.
int forecast_steps(Session& session, const Model& model, const PredictArguments& arguments) {
  if (arguments.inputs.size() > 1)
    fail_input("a forecast goes on from one series, but {} inputs are given", arguments.inputs.size());
  const std::filesystem::path path = arguments.inputs.empty() ? "" : arguments.inputs.front();
  const Series series = forecast_series(model, path.empty() ? nullptr : &path, Session::places());
  const ForecastOptions options{
      .steps = arguments.steps.value_or(0), .level = arguments.level, .seed = arguments.seed, .threads = arguments.threads};
  const auto steps = forecast(model, series, options);
  const auto& columns = model.spec.data.series->values;
  const std::optional<double> level = interval_level(model, options);
  if (const std::string doubt = interval_doubt(model, options); !doubt.empty()) complain("note: " + doubt);
  std::size_t width = 4;
  for (const ForecastStep& step : steps) width = std::max(width, printable(step.time).size());
  std::string header = fmt::format("{:<{}}", "time", width);
  for (const std::string& column : columns) {
    header += fmt::format("  {:>12}", printable(column));
    if (level) header += fmt::format("  {:>26}", fmt::format("{:g}% interval", 100 * *level));
  }
  session.say("{}", header);
  Json list = Json::array();
  for (const ForecastStep& step : steps) {
    std::string line = fmt::format("{:<{}}", printable(step.time), width);
    Json values = Json::object();
    for (std::size_t i = 0; i < columns.size(); ++i) {
      line += fmt::format("  {:>12.6g}", step.values[i]);
      values[columns[i]] = {{"value", step.values[i]}};
      if (!level) continue;
      line += fmt::format("  {:>12.6g}  {:>12.6g}", step.low[i], step.high[i]);
      values[columns[i]].update({{"low", step.low[i]}, {"high", step.high[i]}});
    }
    session.say("{}", line);
    list.push_back({{"time", step.time}, {"columns", values}});
  }
  session.answer() = {{"level", level ? Json(*level) : Json()}, {"forecast", list}};
  return kDone;
}

int predict_inputs(Session& session, const PredictArguments& arguments) {
  Model model = in_window(open_model(arguments.model, arguments.output, arguments.values), arguments.window);
  if (!arguments.decimal.empty()) model.spec.data.decimal = arguments.decimal.front();
  note_output(model);
  note_assumption(model, true);
  if (model.series) return forecast_steps(session, model, arguments);
  if (model.tokenizer) fail_input("{}: was trained on a text; neurons generate writes with it", arguments.model.string());
  if (arguments.steps || arguments.level) {
    fail_input("--steps and --level are for models of series, but {} was not trained on one", arguments.model.string());
  }
  if (arguments.inputs.empty()) fail_input("INPUT is missing: give files or column=value pairs to predict");
  const NamedSamples samples = read_samples(model, arguments.inputs, Session::places());
  if (!samples.left_out.empty()) {
    complain(fmt::format("note: nothing is given for {}; the usual value of each is taken", fmt::join(samples.left_out, ", ")));
  }
  for (const InputChange& change : samples.changes) {
    const std::size_t others = change.inputs.size() - 1;
    const std::string more = others == 0 ? "" : fmt::format(" and {} more", others);
    complain(fmt::format("note: {}{}: {}", change.inputs.front(), more, change.what));
  }
  const auto predictions = predict(model, samples.inputs, arguments.threads, samples.lengths);
  const auto name_of = [&](const Prediction& prediction) {
    const std::string& sample = samples.names[static_cast<std::size_t>(prediction.sample)];
    return prediction.step < 0 ? sample : fmt::format("{} step {}", sample, prediction.step);
  };
  const Terminal terminal = Terminal::of(stdout);
  std::size_t width = 0;
  std::size_t class_width = 0;
  for (const Prediction& prediction : predictions) width = std::max(width, printable(name_of(prediction)).size());
  for (const Prediction& prediction : predictions) class_width = std::max(class_width, printable(prediction.class_name).size());
  Json list = Json::array();
  for (std::size_t i = 0; i < predictions.size(); ++i) {
    const Prediction& prediction = predictions[i];
    const std::string name = printable(name_of(prediction));
    list.push_back(to_json(model, samples.names[static_cast<std::size_t>(prediction.sample)], prediction));
    if (model.is_classification) {
      session.say("{:<{}}  {}  {:>6.2f}%", name, width,
                  terminal.bold(fmt::format("{:<{}}", printable(prediction.class_name), class_width)), 100 * prediction.confidence);
    } else {
      session.say("{:<{}}  {}", name, width, terminal.bold(values_text(prediction.values)));
    }
  }
  session.answer() = {{"predictions", list}};
  return kDone;
}

}  // namespace

void add_predict(CLI::App& app, Session& session) {
  const auto arguments = std::make_shared<PredictArguments>();
  CLI::App* command =
      session.add_command(app, "predict", "Say what a model makes of new samples: class and confidence, or value",
                          "  neurons predict runs/iris flowers.csv\n"
                          "  neurons predict runs/iris petal_length=4.7 petal_width=1.4 sepal_length=6.1 sepal_width=2.9\n"
                          "  neurons predict runs/cnn seven.png three.jpg\n"
                          "  neurons predict model.onnx flowers.csv\n"
                          "  neurons predict runs/sunspots --steps 24",
                          [&session, arguments] { return predict_inputs(session, *arguments); });
  command->add_option("MODEL", arguments->model, "A run folder, an .onnx file or a .safetensors file of a run")->required();
  command->add_option(
      "INPUT", arguments->inputs,
      "CSV files of rows, a bundled table by name or column=value pairs of one sample, for a model of a table (what "
      "is missing counts as its mean, or "
      "as the most frequent text); a CSV to go on from, for a model of a series (its own one); PNG or JPEG pictures, .npy "
      "arrays of one sample or many or .npz files of sequences, for others");
  add_decimal(*command, arguments->decimal);
  command->add_option("--output", arguments->output, kOutputHelp);
  command->add_flag("--values", arguments->values, kValuesHelp);
  command->add_option("--window", arguments->window, kWindowHelp)->check(whole_number<std::int64_t>(1));
  command->add_option("--steps", arguments->steps, "Steps to forecast, for a model of a series (its horizon)")
      ->check(whole_number<std::int64_t>(1));
  command
      ->add_option("--level", arguments->level,
                   "Share of the futures that the intervals of a forecast are to hold (0.9, if the run keeps errors enough)")
      ->check(positive_number());
  command->add_option("--seed", arguments->seed, "Of the errors drawn for forecasts behind the horizon (0)")
      ->check(whole_number<std::uint64_t>(0));
  command->add_option("--threads", arguments->threads, "0: one for each core")->check(thread_count());
}

}  // namespace neurons::cli
