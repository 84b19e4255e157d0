#include "neurons/spec/model.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "neurons/base/suggest.hpp"
#include "neurons/formats/onnx/any_length.hpp"
#include "neurons/formats/onnx/imported_model.hpp"
#include "neurons/formats/onnx/known_part.hpp"
#include "neurons/formats/safetensors.hpp"
#include "neurons/ops/ops.hpp"
#include "neurons/spec/fine_tune.hpp"

namespace neurons {
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr const char* kSpec = "spec";
constexpr const char* kEncoder = "encoder";
constexpr const char* kInputs = "inputs";
constexpr const char* kSeries = "series";
constexpr const char* kTokenizer = "tokenizer";
constexpr const char* kResiduals = "residuals";

/// How inputs and classes were taken, as one JSON object.
std::string describe_inputs(const Dataset& data) {
  json object;
  object["task"] = data.is_classification() ? "classification" : "regression";
  object["class_names"] = data.class_names;
  object["scale"] = data.input_scale;
  object["offset"] = data.input_offset;
  return object.dump();
}

void read_inputs(const std::string& text, Model& model) {
  const json object = json::parse(text);
  model.is_classification = object.at("task") == "classification";
  model.class_names = object.at("class_names").get<std::vector<std::string>>();
  model.input_scale = object.at("scale").get<float>();
  model.input_offset = object.at("offset").get<float>();
}

Tensor read_residuals(const std::string& text, std::int64_t outputs) {
  const auto values = json::parse(text).get<std::vector<float>>();
  const auto count = static_cast<std::int64_t>(values.size());
  if (outputs < 1 || count % outputs != 0) throw json::other_error::create(501, "residuals that are no table", nullptr);
  return Tensor::of<float>({count / outputs, outputs}, values);
}

/// What was fitted to the data that the model learnt from. `model.spec` is known.
void read_metadata(const std::map<std::string, std::string>& metadata, Model& model) {
  const std::string name = model.file.string();
  const auto required = [&](const char* key) -> const std::string& {
    const auto found = metadata.find(key);
    if (found == metadata.end()) fail_input("{}: its metadata has no \"{}\"", name, key);
    return found->second;
  };
  try {
    read_inputs(required(kInputs), model);
  } catch (const json::exception&) {
    fail_input("{}: its metadata \"{}\" is damaged", name, kInputs);
  }
  if (model.spec.data.text) model.tokenizer = Tokenizer::from_json(required(kTokenizer), name);
  if (model.spec.data.series) {
    model.series = SeriesScaling::from_json(required(kSeries), name);
    try {
      const std::int64_t outputs = model.spec.data.series->horizon * model.series->forecast_columns();
      if (metadata.contains(kResiduals)) model.residuals = read_residuals(metadata.at(kResiduals), outputs);
    } catch (const json::exception&) {
      fail_input("{}: its metadata \"{}\" is damaged", name, kResiduals);
    }
  }
  if (metadata.contains(kEncoder)) model.encoder = TableEncoder::from_json(metadata.at(kEncoder), name);
}

Model from_safetensors(const fs::path& path) {
  const TensorFile file = read_safetensors(path);
  const auto text = [&](const char* key) -> const std::string& {
    const auto found = file.metadata.find(key);
    if (found == file.metadata.end()) {
      fail_input(
          "{}: its metadata has no \"{}\", so the network of these weights is not known; only files written by neurons train say "
          "it",
          path.string(), key);
    }
    return found->second;
  };
  Model model;
  model.file = path;
  model.spec = parse_spec(text(kSpec), path.string() + " (spec)");
  model.network = make_network(model.spec.network);
  read_metadata(file.metadata, model);
  for (const auto& [name, type] : model.network.parameter_types()) {
    const auto found = file.tensors.find(name);
    if (found == file.tensors.end()) fail_input("{}: the weights \"{}\" are missing", path.string(), name);
    if (found->second.type() != type) {
      fail_input("{}: the weights \"{}\" are {}, but the network needs {}", path.string(), name, found->second.type().to_string(),
                 type.to_string());
    }
    model.network.set_parameter(name, found->second);
  }
  return model;
}

std::vector<std::string> outputs_of(const onnx::Model& file) {
  std::vector<std::string> names;
  for (const onnx::ValueData& output : file.graph.outputs) names.push_back(output.name);
  return names;
}

/// The output that the file's own spec has trained; "" if there is no such.
std::string trained_output(const onnx::Model& file, const Spec& spec) {
  std::vector<std::string> candidates;
  if (!spec.network.outputs.empty()) candidates.push_back(spec.network.outputs.front());
  for (const LayerSpec& layer : spec.network.layers) {
    const auto* imported = layer.layer.as<onnx::ImportedModel>();
    if (imported != nullptr) candidates.push_back(imported->output);
  }
  if (!spec.network.layers.empty()) candidates.emplace_back("y");  // where it names none
  const std::vector<std::string> known = outputs_of(file);
  const auto is_known = [&](const std::string& name) { return std::ranges::find(known, name) != known.end(); };
  const auto found = std::ranges::find_if(candidates, is_known);
  return found == candidates.end() ? "" : *found;
}

/// Which output is meant: the wanted one, the one that was trained, or the first.
std::string chosen_output(const onnx::Model& file, const std::string& wanted, const std::string& trained, Model& model) {
  const std::vector<std::string> known = outputs_of(file);
  if (known.empty()) fail_input("{}: the model has no output", file.path);
  if (!wanted.empty() && std::ranges::find(known, wanted) == known.end()) {
    fail_input("{}: the model has no output \"{}\"{}", file.path, wanted, nearest_or_all(wanted, known));
  }
  if (!wanted.empty()) return wanted;
  if (!trained.empty()) return trained;
  if (known.size() > 1) model.taken_first_of = known;
  return known.front();
}

/// What another output than the trained one means is not known.
void forget_target(const std::string& output, const std::string& trained, Model& model) {
  model.class_names.clear();
  const bool units = model.series || (model.encoder && !model.encoder->is_classification());
  if (!units) return;
  fail_input("{}: was trained by its output \"{}\"; in which unit \"{}\" is, is not known", model.file.string(), trained, output);
}

/// Whether the numbers of an output are taken for scores or probabilities of classes: all but a single one that no Sigmoid gives,
/// and several of which each is a probability for itself.
bool gives_classes(const Network& network) {
  const auto [ending, count] = onnx::output_numbers(network);
  if (ending == onnx::Ending::unknown) return count != 1;
  return ending != onnx::Ending::each || count == 1;
}

void give_values(Model& model) {
  model.is_classification = false;
  model.class_names.clear();
}

/// A file for sequences of any length takes those that the network was trained on, until others are given.
std::map<std::string, Shape> trained_samples(const onnx::Model& file, const Spec& spec) {
  std::map<std::string, Shape> samples;
  for (const InputSpec& trained : spec.network.inputs) {
    const auto input = std::ranges::find(file.graph.inputs, trained.name, &onnx::ValueData::name);
    if (input == file.graph.inputs.end() || !input->dims || input->dims->size() != trained.shape.size() + 1) continue;
    std::vector<std::int64_t> extents = input->extents(1);
    for (std::size_t axis = 0; axis < extents.size(); ++axis) {
      if (std::holds_alternative<std::string>((*input->dims)[axis + 1])) extents[axis] = trained.shape[axis];
    }
    samples.emplace(trained.name, Shape(std::span<const std::int64_t>(extents)));
  }
  return samples;
}

/// A model of ONNX: as it was trained, if it was trained here; else with what the file itself tells.
Model from_onnx(const fs::path& path, const std::string& wanted, bool as_values) {
  onnx::Model read = onnx::known_part(onnx::read(path), *ops::table(), wanted);
  Model model;
  model.file = path;
  const auto spec = read.metadata.find(kSpec);
  if (spec != read.metadata.end()) {
    model.spec = parse_spec(spec->second, path.string() + " (spec)");
    read_metadata(read.metadata, model);
  } else {
    model.is_foreign = true;
    model.spec.data.pictures = pictures_for(read);
  }
  const auto file = std::make_shared<const onnx::Model>(std::move(read));
  const std::string trained = trained_output(*file, model.spec);
  const std::string output = chosen_output(*file, wanted, trained, model);
  if (!trained.empty() && output != trained) forget_target(output, trained, model);
  const bool is_trained = output == trained;
  const bool scores = !as_values && (!is_trained || model.is_classification);
  model.network = onnx::to_network(file, {.output = output, .scores = scores, .samples = trained_samples(*file, model.spec)});
  if (as_values) {
    give_values(model);
  } else if (!is_trained) {
    model.is_classification = gives_classes(model.network);
  }
  if (!is_trained || !model.spec.training.loss) model.spec.training.loss = usual_loss(model.is_classification);
  if (scores && !model.is_classification) model.network = onnx::with_scores(model.network, false);
  if (!is_trained && model.is_classification) model.assumption = assumption_of(model);
  if (model.is_foreign && model.takes_tokens()) {
    model.spec.network.inputs = {{model.network.inputs().front().name, {}, InputType::tokens}};
  }
  return model;
}

/// Networks of layers have one output that is told of.
Model of_own_output(Model model, const std::string& wanted, bool as_values) {
  const std::string& own = model.network.outputs().front().name;
  if (as_values) give_values(model);
  if (wanted.empty() || wanted == own) return model;
  fail_input("{}: its output is \"{}\"; only of a model of ONNX can another one be chosen", model.file.string(), own);
}

/// Whether the run is of a model that came from ONNX, and has ended.
bool is_imported(const fs::path& run) {
  std::error_code ignored;
  if (!fs::exists(run / "model.onnx", ignored) || !fs::exists(run / "spec.toml", ignored)) return false;
  const Spec spec = read_spec(run / "spec.toml");
  return std::ranges::any_of(spec.network.layers,
                             [](const LayerSpec& layer) { return layer.layer.as<onnx::ImportedModel>() != nullptr; });
}

}  // namespace

Loss usual_loss(bool is_classification) { return is_classification ? Loss(CrossEntropy{}) : Loss(MeanSquaredError{}); }

std::string Model::class_name(std::int64_t label) const {
  const auto index = static_cast<std::size_t>(label);
  return index < class_names.size() ? class_names[index] : std::to_string(label);
}

std::map<std::string, std::string> model_metadata(const Spec& resolved, const LoadedData& data) {
  std::map<std::string, std::string> metadata = {{kSpec, to_toml(resolved)}, {kInputs, describe_inputs(data.train)}};
  if (data.encoder) metadata[kEncoder] = data.encoder->to_json();
  if (data.series) metadata[kSeries] = data.series->to_json();
  if (data.tokenizer) metadata[kTokenizer] = data.tokenizer->to_json();
  return metadata;
}

std::optional<DataSpec> table_of_training(const std::map<std::string, std::string>& metadata, const std::string& name) {
  const auto spec = metadata.find(kSpec);
  if (spec == metadata.end() || !metadata.contains(kEncoder)) return std::nullopt;
  return parse_spec(spec->second, name + " (spec)").data;
}

std::pair<std::string, std::string> residuals_metadata(const Tensor& residuals) {
  std::string text;
  for (const float value : residuals.values<float>()) text += fmt::format("{}{:.6g}", text.empty() ? "" : ",", value);
  return {kResiduals, "[" + text + "]"};
}

bool takes_samples(const Model& model, const Shape& sample) {
  const Shape& own = model.sample_shape();
  if (sample == own) return true;
  return onnx::takes_any_length(model.network) && sample.rank() == own.rank() && sample.with(0, own[0]) == own;
}

Model with_window(Model model, std::int64_t steps) {
  DataSpec& data = model.spec.data;
  if (!data.text && !data.series) {
    fail_input("{}: was not trained on windows of a text or a series; sequences are taken with as many steps as they have",
               model.file.string());
  }
  if (!onnx::takes_any_length(model.network)) {
    fail_input("{}: takes windows of {} steps alone; neurons export RUN --to onnx --any-length writes a file that takes others",
               model.file.string(), model.sample_shape()[0]);
  }
  NumberCheck check;
  check.between<std::int64_t>("window", steps, 1, 1'000'000);  // as long as windows may be in training
  check.require();
  model.network = onnx::with_steps(model.network, steps);
  if (data.text) data.text->length = steps;
  if (data.series) {
    data.series->length = steps;
    if (data.series->season > steps) data.series->season = 0;
  }
  model.residuals = Tensor();
  return model;
}

std::string assumption_of(const Model& model) {
  if (onnx::imported_in(model.network) == nullptr || onnx::output_numbers(model.network).ending != onnx::Ending::unknown) return "";
  return fmt::format(
      "no operator of the model tells what its output \"{}\" is; its numbers are taken for scores of classes before "
      "their softmax",
      model.network.outputs().front().name);
}

Model open_model(const fs::path& path, const std::string& output, bool as_values) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) fail_input("{}: there is no such file or folder", path.string());
  if (!fs::is_directory(path, ignored)) {
    if (path.extension() == ".onnx") return from_onnx(path, output, as_values);
    if (path.extension() == ".safetensors") return of_own_output(from_safetensors(path), output, as_values);
    fail_input("{}: expected a run folder, an .onnx or a .safetensors file", path.string());
  }
  if (is_imported(path)) return from_onnx(path / "model.onnx", output, as_values);  // the file that it was made from may be gone
  const fs::path weights = path / "model.safetensors";
  if (fs::exists(weights, ignored)) return of_own_output(from_safetensors(weights), output, as_values);
  if (fs::exists(path / "spec.toml", ignored)) {
    fail_input("{}: this run has not ended; continue it with: neurons train {} --out {} --resume", path.string(),
               (path / "spec.toml").string(), path.string());
  }
  fail_input("{}: no run folder: it holds no model.safetensors", path.string());
}

}  // namespace neurons
