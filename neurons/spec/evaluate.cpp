#include "neurons/spec/evaluate.hpp"

#include <algorithm>

#include "neurons/base/error.hpp"
#include "neurons/base/suggest.hpp"
#include "neurons/data/picture_options.hpp"
#include "neurons/data/readers/source.hpp"
#include "neurons/data/sequences/baselines.hpp"
#include "neurons/formats/onnx/any_length.hpp"
#include "neurons/formats/onnx/imported_model.hpp"
#include "neurons/plan/plan.hpp"
#include "neurons/spec/fine_tune.hpp"
#include "neurons/spec/foreign_table.hpp"
#include "neurons/training/trainer.hpp"

namespace neurons {
namespace {

/// The same data with labels as the model numbers its classes.
void match_classes(const Model& model, Dataset& data) {
  if (model.class_names.empty() || data.class_names.empty() || data.class_names == model.class_names) return;
  std::vector<std::int64_t> label_of;
  for (const std::string& name : data.class_names) {
    const auto found = std::ranges::find(model.class_names, name);
    if (found == model.class_names.end()) {
      fail_input("{}: the model knows no class \"{}\"{}", data.source, name, did_you_mean(name, model.class_names));
    }
    label_of.push_back(found - model.class_names.begin());
  }
  for (std::int64_t& label : data.targets.values<std::int64_t>()) {
    if (label != kIgnoredLabel) label = label_of[static_cast<std::size_t>(label)];
  }
  data.class_names = model.class_names;
}

void require_fit(const Model& model, const Dataset& data) {
  if (data.samples() == 0) fail_input("{}: holds no samples", data.source);
  if (!takes_samples(model, data.input_shape())) {
    fail_input("{}: its samples have shape {}, but the model expects {}", data.source, data.input_shape().to_string(),
               model.sample_shape().to_string());
  }
  if (data.is_classification() != model.is_classification && !model.is_foreign) {
    fail_input("{}: its targets are {}, but the model was trained on {}", data.source,
               data.is_classification() ? "class labels" : "values", model.is_classification ? "class labels" : "values");
  }
}

/// The mean of the model's loss over all samples.
double loss_of(const Loss& loss, const Network& network, const Tensor& predictions, const Dataset& data) {
  Graph graph(network.table());
  const Value prediction = graph.input("prediction", predictions.type());
  const TensorType wanted = loss.target_type(predictions.type(), data.is_classification());
  const Value target = graph.input("target", wanted);
  const bool weighted = !data.sample_weights.empty();
  const Value weights = weighted ? graph.input("weights", {DType::f32, {data.samples()}}) : Value{};
  graph.output("loss", mean_loss(loss, prediction, target, weights));
  Plan plan = compile(graph, std::make_shared<StateStore>(graph.table()));
  plan.input("prediction").assign(predictions);
  plan.input("target").assign(wanted.dtype == DType::i64 ? data.targets : data.targets.reshaped(wanted.shape));
  if (weighted) plan.input("weights").assign(Tensor::of<float>({data.samples()}, data.sample_weights));
  plan.run();
  return static_cast<double>(plan.output("loss").values<float>().front());
}

/// Of predictions [samples, time, classes] the report on all steps whose labels count.
ClassificationReport report_of(const Tensor& predictions, const Tensor& targets) {
  if (targets.shape().rank() == 1) return classification_report(predictions, targets);
  const auto classes = static_cast<std::size_t>(predictions.shape()[-1]);
  const auto scores = predictions.values<float>();
  std::vector<float> kept;
  std::vector<std::int64_t> labels;
  for (std::size_t step = 0; const std::int64_t label : targets.values<std::int64_t>()) {
    const auto row = scores.subspan(step++ * classes, classes);
    if (label == kIgnoredLabel) continue;
    kept.insert(kept.end(), row.begin(), row.end());
    labels.push_back(label);
  }
  const auto count = static_cast<std::int64_t>(labels.size());
  return classification_report(Tensor::of<float>({count, predictions.shape()[-1]}, kept),
                               Tensor::of<std::int64_t>({count}, labels));
}

/// Of targets and predictions of steps [samples, time, outputs] the steps as rows.
RegressionReport report_of_values(const Tensor& predictions, const Tensor& targets) {
  if (targets.shape().rank() == 2) return regression_report(predictions, targets);
  const std::int64_t outputs = targets.shape()[-1];
  const Shape rows{targets.elements() / std::max<std::int64_t>(1, outputs), outputs};
  return regression_report(predictions.reshaped(rows), targets.reshaped(rows));
}

/// The loss is a mean over tokens, which may be several characters or parts of one.
double nats_per_character(const Tokenizer& tokenizer, double loss, const Tensor& labels) {
  std::vector<std::int64_t> judged;
  std::ranges::copy_if(labels.values<std::int64_t>(), std::back_inserter(judged),
                       [](auto label) { return label != kIgnoredLabel; });
  const auto characters = static_cast<double>(std::max<std::int64_t>(1, count_characters(tokenizer.decode(judged))));
  return loss * static_cast<double>(judged.size()) / characters;
}

/// In the target's own units.
Tensor decoded(const Model& model, Tensor values) {
  const std::int64_t outputs = values.elements() / std::max<std::int64_t>(1, values.shape()[0]);
  std::int64_t i = 0;
  for (float& value : values.values<float>()) value = static_cast<float>(model.decode(static_cast<double>(value), i++ % outputs));
  return values;
}

/// Of outputs [samples, horizon · columns] those of one column.
Tensor of_column(const Tensor& outputs, std::int64_t column, std::int64_t columns) {
  Tensor result(DType::f32, outputs.shape().with(1, outputs.shape()[1] / columns));
  auto at = static_cast<std::size_t>(column);
  for (float& value : result.values<float>()) {
    value = outputs.values<float>()[at];
    at += static_cast<std::size_t>(columns);
  }
  return result;
}

/// Adds the baselines, and the errors of each column where there are several. All in the columns' own units.
void judge_forecast(const Model& model, const Dataset& data, const Tensor& predictions, const Tensor& targets, Evaluation& result) {
  const std::int64_t count = model.series->forecast_columns();
  std::vector<Baseline> without_network = baselines(data.inputs, *model.spec.data.series, count);
  for (Baseline& baseline : without_network) {
    baseline.predictions = decoded(model, std::move(baseline.predictions));
    result.baselines.push_back({baseline.name, regression_report(baseline.predictions, targets)});
  }
  if (count == 1) return;
  for (std::int64_t column = 0; column < count; ++column) {
    const Tensor wanted = of_column(targets, column, count);
    const auto report = [&](const Tensor& said) { return regression_report(of_column(said, column, count), wanted); };
    ColumnReport& one = result.columns.emplace_back();
    one.name = model.series->columns()[static_cast<std::size_t>(column)];
    one.report = report(predictions);
    for (const Baseline& baseline : without_network) one.baselines.push_back({baseline.name, report(baseline.predictions)});
  }
}

/// Arrays for a model of another program: pictures of bytes are made what it takes, floats are as they are.
Dataset read_foreign_arrays(const Model& model, const std::filesystem::path& place) {
  Spec plain = model.spec;
  plain.data.pictures.reset();
  Dataset data = load_all(place, model, plain);
  const onnx::ImportedModel* imported = onnx::imported_in(model.network);
  const auto options = imported == nullptr ? std::nullopt : byte_pictures_for(*imported->model, data);
  if (options) prepare_pictures(data, *options);
  return data;
}

Dataset read_for(const Model& model, const std::filesystem::path& place, std::string_view target) {
  const SourceKind kind = source_kind(place);
  if (model.is_foreign && kind == SourceKind::csv) return read_foreign_table(model, place, std::string(target));
  return model.is_foreign && kind == SourceKind::npz ? read_foreign_arrays(model, place) : load_all(place, model, model.spec);
}

}  // namespace

Dataset evaluation_data(const Model& model, const std::filesystem::path* path, std::span<const std::filesystem::path> places) {
  Dataset data;
  if (path != nullptr) {
    const auto place = find_source(path->string(), "", places);
    const BundledData* bundled = find_bundled(path->string());
    data = read_for(model, place, bundled == nullptr ? "" : bundled->target);
    data.validate();
  } else {
    LoadedData loaded = load_data(model.spec, places, &model);
    if (!loaded.test) {
      fail_input("{}: its spec keeps no test part; give --data PATH, or set test in [data] and train again", model.file.string());
    }
    data = std::move(*loaded.test);
  }
  set_picture_rank(data, model.sample_shape().rank());
  require_fit(model, data);
  if (data.is_classification()) match_classes(model, data);
  return data;
}

Model judged_by(Model model, const Dataset& data) {
  const bool has_other_length = data.input_shape() != model.sample_shape() && takes_samples(model, data.input_shape());
  if (has_other_length) model.network = onnx::with_steps(model.network, data.input_shape()[0]);
  if (!model.is_foreign || onnx::imported_in(model.network) == nullptr) return model;
  const bool classes = data.is_classification();
  if (classes != model.is_classification) {
    model.network = onnx::with_scores(model.network, classes);
    model.is_classification = classes;
    model.spec.training.loss = usual_loss(classes);
    model.assumption = classes ? assumption_of(model) : "";
  }
  if (classes) model.class_names = data.class_names;
  return model;
}

Evaluation evaluate(const Model& model, const Dataset& data, int threads) {
  Evaluation result;
  result.samples = data.samples();
  const auto said_by = [&](const Network& network) {
    return model.carries_state() ? predict_stream(network, data, threads) : predict(network, data, 256, threads);
  };
  const Loss loss = model.spec.training.loss.value_or(usual_loss(model.is_classification));
  const bool by_scores = !model.is_classification && loss.is_of_logits() && onnx::imported_in(model.network) != nullptr;
  if (by_scores) {  // values are judged as the model gives them, the loss by what makes them
    const Network scores = onnx::with_scores(model.network, true);
    result.loss = loss_of(loss, scores, said_by(scores), data);
  }
  result.outputs = said_by(by_scores ? onnx::with_scores(model.network, false) : model.network);
  const Tensor& predictions = result.outputs;
  if (!by_scores) result.loss = loss_of(loss, model.network, predictions, data);
  if (model.is_classification) {
    result.classification = report_of(predictions, data.targets);
    if (model.tokenizer) result.nats_per_character = nats_per_character(*model.tokenizer, result.loss, data.targets);
  } else {
    const Tensor targets = decoded(model, data.targets);
    const Tensor said = decoded(model, predictions);
    result.regression = report_of_values(said, targets);
    if (model.series) judge_forecast(model, data, said, targets, result);
  }
  return result;
}

}  // namespace neurons
