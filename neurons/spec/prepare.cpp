#include "neurons/spec/prepare.hpp"

#include "neurons/base/error.hpp"
#include "neurons/data/readers/source.hpp"
#include "neurons/formats/onnx/imported_model.hpp"
#include "neurons/spec/fine_tune.hpp"

namespace neurons {
namespace fs = std::filesystem;

namespace {

/// Absolute where it is a path; the name of a bundled data set stays.
std::string settled(const std::string& source, const fs::path& folder) {
  std::error_code ignored;
  return source.empty() || find_bundled(source) != nullptr ? source : fs::weakly_canonical(folder / source, ignored).string();
}

/// Pictures become what a model of ONNX that they reach first takes: of its form and, where they are arrays of bytes, its size.
void fit_pictures(Spec& spec, LoadedData& data) {
  const auto* imported = spec.network.layers.empty() ? nullptr : spec.network.layers.front().layer.as<onnx::ImportedModel>();
  if (imported == nullptr || data.train.has_tokens() || !picture_shape(data.train.input_shape())) return;
  const onnx::Model model = imported->model ? *imported->model : onnx::read(imported->file);
  const std::vector<Network::Input> inputs = onnx::inputs_of(model);
  if (inputs.size() != 1) return;
  const auto options = spec.data.pictures ? std::nullopt : byte_pictures_for(model, data.train);
  for (Dataset* part : {&data.train, data.validation ? &*data.validation : nullptr, data.test ? &*data.test : nullptr}) {
    if (part == nullptr) continue;
    if (options) prepare_pictures(*part, *options);
    set_picture_rank(*part, inputs.front().sample.rank());
  }
  if (options) spec.data.pictures = options;
}

/// "spec.toml:14:20: ", or nothing where the spec was made by a program.
std::string place_of(const TrainingSpec& training, const std::string& key) {
  const auto found = training.places.find(key);
  return found == training.places.end() ? "" : found->second;
}

/// Files of imported models are relative to the spec, too.
void settle_models(NetworkSpec& network, const fs::path& folder) {
  for (LayerSpec& layer : network.layers) {
    const auto* model = layer.layer.as<onnx::ImportedModel>();
    if (model == nullptr || model->file.empty()) continue;
    std::error_code ignored;
    layer.layer = layer.layer.with({{"file", fs::weakly_canonical(folder / model->file, ignored).string()}});
  }
}

void freeze(Network& network, const TrainingSpec& training) {
  for (std::size_t i = 0; i < training.freeze.size(); ++i) {
    try {
      network.freeze(training.freeze[i]);
    } catch (const InputError& error) {
      fail_input("{}{}", place_of(training, fmt::format("freeze[{}]", i)), error.what());
    }
  }
}

void require_groups(const Network& network, const TrainingSpec& training) {
  NumberCheck check;
  check_groups(training.options.groups, network, check);
  if (const auto& bad = check.bad()) check.require(place_of(training, bad->key));
}

/// Throws where samples do not follow one another as carried state asks for.
void require_streams(const Spec& spec) {
  if (!spec.training.options.carry_state) return;
  const std::string place = place_of(spec.training, "carry_state");
  if (!spec.data.text && !spec.data.series) {
    fail_input("{}carry_state: goes with [data] text or series, whose samples follow one another; those of other data do not",
               place);
  }
  const std::int64_t length = spec.data.text ? spec.data.text->length : spec.data.series->length;
  const std::int64_t stride = spec.data.text && spec.data.text->stride == 0 ? length
                              : spec.data.text                              ? spec.data.text->stride
                                                                            : spec.data.series->stride;
  if (stride == length) return;
  fail_input("{}carry_state: each window begins where the one before it ends, so stride = {} must be length = {}", place, stride,
             length);
}

/// Losses of logits take an imported model's scores where the network ends with it; values go through their own last activation.
void settle_scores(Spec& spec, bool classes) {
  const bool logits = spec.training.loss ? spec.training.loss->is_of_logits() : classes;
  const std::vector<std::string>& outputs = spec.network.outputs;
  for (LayerSpec& layer : spec.network.layers) {
    if (layer.layer.as<onnx::ImportedModel>() == nullptr) continue;
    const bool ends =
        outputs.empty() ? &layer == &spec.network.layers.back() : std::ranges::find(outputs, layer.name) != outputs.end();
    if (ends && logits) layer.layer = layer.layer.with({{"scores", true}});
    if (!logits && !classes) layer.layer = layer.layer.with({{"scores", false}});
  }
}

}  // namespace

Spec resolve(Spec spec, const LoadedData& data) {
  const fs::path folder = spec.file.parent_path();
  spec.data.source = settled(spec.data.source, folder);
  spec.data.test.source = settled(spec.data.test.source, folder);
  spec.data.validation.source = settled(spec.data.validation.source, folder);
  if (!data.series && !data.tokenizer) {
    spec.data.stratified = spec.data.stratified.value_or(true);
    spec.data.seed = spec.data.seed.value_or(0);
  }
  if (data.encoder) {
    const bool classes = data.encoder->is_classification();
    spec.data.target.text = data.encoder->target_name();
    spec.data.task = classes ? Task::classification : Task::regression;
    spec.data.scaling = spec.data.scaling.value_or(Scaling::standardise);
    spec.data.missing = spec.data.missing.value_or(MissingValues::mean);
    spec.data.standardise_target = spec.data.standardise_target.value_or(true);
  }
  if (data.series) {
    const auto& columns = data.series->columns();
    spec.data.series->values.assign(columns.begin(), columns.begin() + data.series->forecast_columns());
    spec.data.scaling = spec.data.scaling.value_or(Scaling::standardise);
  }
  if (spec.data.pictures) {
    const PictureShape shape = *picture_shape(data.train.input_shape());
    spec.data.pictures->size = {shape.height, shape.width};
    spec.data.pictures->colour = shape.channels == 3 ? PictureOptions::Colour::colour : PictureOptions::Colour::grey;
    spec.data.pictures->means = data.train.channel_means;
    spec.data.pictures->deviations = data.train.channel_deviations;
  }
  settle_scores(spec, data.train.is_classification());
  spec.network = resolve(std::move(spec.network), data.train.input_shape(), data.train.outputs(),
                         data.train.has_tokens() ? InputType::tokens : InputType::numbers, spec.data.sequences.has_value());
  if (!spec.training.loss) spec.training.loss = data.train.is_classification() ? Loss(CrossEntropy{}) : Loss(MeanSquaredError{});
  return spec;
}

PreparedSpec prepare(Spec spec, std::span<const fs::path> places) {
  PreparedSpec prepared;
  const fs::path file = spec.file;
  require_streams(spec);
  if (!spec.data.source.empty()) prepared.data = load_data(spec, places);
  try {
    settle_models(spec.network, file.parent_path());
    if (prepared.data) fit_pictures(spec, *prepared.data);
    if (prepared.data) spec = resolve(std::move(spec), *prepared.data);
    if (!spec.training.loss) spec.training.loss = CrossEntropy{};
    prepared.network = make_network(spec.network);
    std::optional<double>& clip_norm = spec.training.options.clip_norm;
    if (const double limit = clip_norm_of(prepared.network, clip_norm); limit > 0) clip_norm = limit;
    freeze(prepared.network, spec.training);
    require_groups(prepared.network, spec.training);
  } catch (const InputError& error) {
    const std::string message = error.what();
    if (message.starts_with(file.string() + ":")) throw;
    fail_input("{}: {}", file.string(), message);
  }
  prepared.spec = std::move(spec);
  return prepared;
}

void use_data(Spec& spec, const std::string& source) {
  spec.data.source = find_bundled(source) != nullptr ? source : fs::absolute(find_source(source, "")).string();
  if (spec.data.test.is_parted()) spec.data.test = {};
}

}  // namespace neurons
