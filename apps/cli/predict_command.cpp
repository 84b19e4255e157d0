/// neurons predict MODEL INPUT…: what a model says of new samples.

#include <fmt/ranges.h>

#include <algorithm>

#include "apps/cli/arguments.hpp"
#include "apps/cli/session.hpp"
#include "apps/cli/terminal.hpp"
#include "neurons/spec/predict.hpp"

namespace neurons::cli {
namespace {

struct PredictArguments {
  std::filesystem::path model;
  std::vector<std::string> inputs;
  int threads = 0;
};

Json to_json(const Model& model, const std::string& name, const Prediction& prediction) {
  Json object = {{"input", name}};
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

int predict_inputs(Session& session, const PredictArguments& arguments) {
  const Model model = open_model(arguments.model);
  const NamedSamples samples = read_samples(model, arguments.inputs, Session::places());
  if (!samples.left_out.empty()) {
    complain(fmt::format("note: nothing is given for {}; the usual value of each is taken", fmt::join(samples.left_out, ", ")));
  }
  for (const InputChange& change : samples.changes) {
    const std::size_t others = change.inputs.size() - 1;
    const std::string more = others == 0 ? "" : fmt::format(" and {} more", others);
    complain(fmt::format("note: {}{}: {}", change.inputs.front(), more, change.what));
  }
  const auto predictions = predict(model, samples.inputs, arguments.threads);
  const Terminal terminal = Terminal::of(stdout);
  std::size_t width = 0;
  std::size_t class_width = 0;
  for (const std::string& name : samples.names) width = std::max(width, printable(name).size());
  for (const Prediction& prediction : predictions) class_width = std::max(class_width, printable(prediction.class_name).size());
  Json list = Json::array();
  for (std::size_t i = 0; i < predictions.size(); ++i) {
    const Prediction& prediction = predictions[i];
    const std::string name = printable(samples.names[i]);
    list.push_back(to_json(model, samples.names[i], prediction));
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
                          "  neurons predict runs/cnn seven.png three.jpg",
                          [&session, arguments] { return predict_inputs(session, *arguments); });
  command->add_option("MODEL", arguments->model, "A run folder or a .safetensors file of a run")->required();
  command
      ->add_option("INPUT", arguments->inputs,
                   "CSV files of rows, a bundled table by name or column=value pairs of one sample, for a model of a table (what "
                   "is missing counts as its mean, or "
                   "as the most frequent text); PNG or JPEG pictures or .npy arrays of one sample or many, for others")
      ->required();
  command->add_option("--threads", arguments->threads, "0: one for each core")->check(whole_number(0));
}

}  // namespace neurons::cli
