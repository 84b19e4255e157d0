#include "apps/cli/reports.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "apps/cli/terminal.hpp"
#include "neurons/formats/onnx/any_length.hpp"
#include "neurons/formats/onnx/imported_model.hpp"

namespace neurons::cli {
namespace {

constexpr std::size_t kMostConfusionClasses = 12;
constexpr std::size_t kMostClasses = 100;

Json class_scores(const ClassificationReport& report, const Model* model) {
  Json classes = Json::array();
  for (const ClassScores& scores : report.classes) {
    Json& one = classes.emplace_back(
        Json{{"precision", scores.precision}, {"recall", scores.recall}, {"f1", scores.f1}, {"support", scores.support}});
    if (model != nullptr) one["name"] = model->class_name(std::ssize(classes) - 1);
  }
  return classes;
}

std::string shown_class(const Model& model, std::size_t label) {
  return printable(model.class_name(static_cast<std::int64_t>(label)));
}

std::size_t longest_name(const Model& model, std::size_t classes) {
  std::size_t longest = 5;
  for (std::size_t i = 0; i < classes; ++i) longest = std::max(longest, shown_class(model, i).size());
  return longest;
}

std::string confusion_table(const ClassificationReport& report, const Model& model, std::size_t name_width) {
  std::size_t cell = 5;
  for (std::size_t i = 0; i < report.classes.size(); ++i) {
    cell = std::max(cell, std::min<std::size_t>(12, shown_class(model, i).size()));
  }
  std::string text = fmt::format("\n{:<{}}", "true \\ predicted", std::max<std::size_t>(name_width, 16));
  for (std::size_t i = 0; i < report.classes.size(); ++i) {
    text += fmt::format("  {:>{}.{}}", shown_class(model, i), cell, cell);
  }
  for (std::size_t i = 0; i < report.confusion.size(); ++i) {
    text += fmt::format("\n{:<{}}", shown_class(model, i), std::max<std::size_t>(name_width, 16));
    for (const std::int64_t count : report.confusion[i]) text += fmt::format("  {:>{}}", count, cell);
  }
  return text + "\n";
}

/// "rmse 53.2  mae 42.9  r² 0.497"
std::string errors_of(const RegressionReport& report) {
  const std::string r2 = std::isfinite(report.r2) ? fmt::format("{:.4f}", report.r2) : "undefined (the targets are all the same)";
  return fmt::format("rmse {:.5g}  mae {:.5g}  r² {}", report.rmse, report.mae, r2);
}

/// A model's error beside that of a baseline: "20% less".
std::string compared(double model, double baseline) {
  if (model == baseline) return "the same";
  if (baseline == 0) return "more";
  const double share = model / baseline;
  return share < 1 ? fmt::format("{} less", percent(1 - share)) : fmt::format("{:.3g} times that", share);
}

/// "seasonal naive" of "seasonal_naive".
std::string spaced(std::string name) {
  std::ranges::replace(name, '_', ' ');
  return name;
}

}  // namespace

Json report_json(const Evaluation& evaluation, const Model* model) {
  Json object;
  if (const auto& report = evaluation.classification) {
    object["accuracy"] = report->accuracy;
    object["loss"] = evaluation.loss;
    object["samples"] = evaluation.samples;
    if (evaluation.nats_per_character) object["nats_per_character"] = *evaluation.nats_per_character;
    object["macro_f1"] = report->macro_f1;
    object["roc_auc"] = report->roc_auc;
    object["top_k"] = report->top_k;
    object["classes"] = class_scores(*report, model);
    object["confusion"] = report->confusion;
  }
  if (const auto& report = evaluation.regression) {
    object["rmse"] = report->rmse;
    object["mae"] = report->mae;
    object["r2"] = report->r2;
    object["loss"] = evaluation.loss;
    object["samples"] = evaluation.samples;
    for (const BaselineReport& baseline : evaluation.baselines) object[baseline.name + "_rmse"] = baseline.report.rmse;
    for (const ColumnReport& column : evaluation.columns) {
      Json& errors = object["columns"][column.name];
      errors = {{"rmse", column.report.rmse}, {"mae", column.report.mae}, {"r2", column.report.r2}};
      for (const BaselineReport& baseline : column.baselines) errors[baseline.name + "_rmse"] = baseline.report.rmse;
    }
  }
  return object;
}

std::string one_line(const Evaluation& evaluation) {
  if (evaluation.nats_per_character) {
    return fmt::format("{:.4f} nats per character  accuracy of tokens {}", *evaluation.nats_per_character,
                       percent(evaluation.classification->accuracy));
  }
  if (const auto& report = evaluation.classification) {
    return fmt::format("accuracy {}  loss {:.4f}  macro F1 {:.4f}", percent(report->accuracy), evaluation.loss, report->macro_f1);
  }
  return fmt::format("{}  loss {:.4f}", errors_of(*evaluation.regression), evaluation.loss);
}

std::string forecast_lines(const Evaluation& evaluation, int indent) {
  std::string text;
  for (const BaselineReport& baseline : evaluation.baselines) {
    text += fmt::format("{:{}}rmse {:.5g} of the {} forecast: the model's is {}\n", "", indent, baseline.report.rmse,
                        spaced(baseline.name), compared(evaluation.regression->rmse, baseline.report.rmse));
  }
  for (const ColumnReport& column : evaluation.columns) {
    text += fmt::format("{:{}}{}: {}", "", indent, printable(column.name), errors_of(column.report));
    for (const BaselineReport& baseline : column.baselines) {
      text += fmt::format("  {} rmse {:.5g}", spaced(baseline.name), baseline.report.rmse);
    }
    text += "\n";
  }
  return text;
}

std::string class_table(const Evaluation& evaluation, const Model& model) {
  if (!evaluation.classification || evaluation.nats_per_character || evaluation.classification->classes.size() > kMostClasses)
    return "";
  const ClassificationReport& report = *evaluation.classification;
  const std::size_t width = longest_name(model, report.classes.size());
  std::string text = fmt::format("\n{:<{}}  {:>9}  {:>8}  {:>8}  {:>9}\n", "class", width, "precision", "recall", "F1", "samples");
  for (std::size_t i = 0; i < report.classes.size(); ++i) {
    const ClassScores& scores = report.classes[i];
    text += fmt::format("{:<{}}  {:>9.4f}  {:>8.4f}  {:>8.4f}  {:>9}\n", shown_class(model, i), width, scores.precision,
                        scores.recall, scores.f1, grouped(scores.support));
  }
  if (report.classes.size() <= kMostConfusionClasses) text += confusion_table(report, model, width);
  return text;
}

void note_left_out(const Network& network) {
  if (const std::string text = onnx::left_out_of(network); !text.empty()) complain("note: " + text);
}

void note_output(const Model& model) {
  note_left_out(model.network);
  const std::vector<std::string>& outputs = model.taken_first_of;
  if (outputs.empty()) return;
  complain(fmt::format("note: the model has {} outputs ({}); this is \"{}\", --output NAME takes another", outputs.size(),
                       fmt::join(outputs, ", "), outputs.front()));
}

Model in_window(Model model, const std::optional<std::int64_t>& steps) {
  if (steps) return with_window(std::move(model), *steps);
  const bool in_windows = model.spec.data.text || model.spec.data.series;
  if (in_windows && onnx::takes_any_length(model.network)) {
    complain(
        fmt::format("note: it sees {} steps at once, as in training; --window N makes it see others", model.sample_shape()[0]));
  }
  return model;
}

void note_assumption(const Model& model, bool has_values) {
  if (model.assumption.empty()) return;
  complain(fmt::format("note: {}{}", model.assumption, has_values ? "; --values tells them as they are" : ""));
}

}  // namespace neurons::cli
