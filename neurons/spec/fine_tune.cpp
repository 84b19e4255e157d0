#include "neurons/spec/fine_tune.hpp"

#include "neurons/base/error.hpp"
#include "neurons/data/picture_shape.hpp"
#include "neurons/data/readers/source.hpp"
#include "neurons/formats/onnx/edit.hpp"
#include "neurons/formats/onnx/imported_model.hpp"
#include "neurons/formats/onnx/known_part.hpp"
#include "neurons/ops/ops.hpp"
#include "neurons/spec/model.hpp"
#include "neurons/spec/prepare.hpp"

namespace neurons {

std::optional<PictureOptions> pictures_for(const onnx::Model& model) {
  const auto inputs = onnx::inputs_of(model);
  const auto shape = inputs.size() == 1 ? picture_shape(inputs.front().sample) : std::nullopt;
  if (!shape) return std::nullopt;
  const std::vector<onnx::Dim>& dims = *model.graph.given_inputs().front()->dims;  // [batch, (channels,) height, width]
  const auto is_said = [&](std::size_t axis) { return std::holds_alternative<std::int64_t>(dims[axis]); };
  const std::size_t rows = dims.size() - 2;
  PictureOptions options;
  if (is_said(rows) && is_said(rows + 1)) options.size = {shape->height, shape->width};
  if (rows == 1 || is_said(1)) {
    if (shape->channels != 1 && shape->channels != 3) return std::nullopt;
    options.colour = shape->channels == 3 ? PictureOptions::Colour::colour : PictureOptions::Colour::grey;
  }
  return options;
}

std::optional<PictureOptions> byte_pictures_for(const onnx::Model& model, const Dataset& data) {
  const auto inputs = onnx::inputs_of(model);
  const auto given = picture_shape(data.input_shape());
  const bool pictures = data.inputs.dtype() == DType::u8 && given && (given->channels == 1 || given->channels == 3);
  return pictures && inputs.size() == 1 && inputs.front().sample.rank() == 3 ? pictures_for(model) : std::nullopt;
}

namespace {

/// A model of another program knows nothing of means and deviations that are found here.
void take_columns(DataSpec& data, const onnx::Model& model, const FineTuning& how) {
  const std::optional<DataSpec> own = table_of_training(model.metadata, model.path);
  data.scaling = how.scaling ? *how.scaling : own ? own->scaling.value_or(Scaling::standardise) : Scaling::none;
  if (how.head == 0) data.standardise_target = own && own->standardise_target.value_or(true);
}

}  // namespace

Spec fine_tuning_spec(const std::filesystem::path& path, const FineTuning& how) {
  if (how.data.empty()) fail_input("{}: give what to train it on with --data PATH", path.string());
  const auto read = std::make_shared<const onnx::Model>(onnx::known_part(onnx::read(path), *ops::table(), how.output));
  const onnx::Model& model = *read;
  const auto inputs = onnx::inputs_of(model);
  if (inputs.size() != 1) {
    fail_input("{}: has {} inputs; one with several can be trained from a program only (docs/onnx.md)", path.string(),
               inputs.size());
  }
  const Network::Input& input = inputs.front();
  onnx::ImportedModel layer;
  layer.file = std::filesystem::absolute(path).string();
  layer.model = read;  // whose messages name the file as the caller does
  layer.output = how.output;
  layer.head = how.head;
  layer.scores = true;
  layer.dropout = how.dropout;
  layer.lora = how.lora;
  Spec spec;
  spec.file = path;
  const bool tokens = input.dtype == DType::i64 || input.dtype == DType::i32;
  spec.network.inputs = {{input.name, {}, tokens ? std::optional(InputType::tokens) : std::nullopt}};
  const std::string output = how.output.empty() ? onnx::only_output(model) : how.output;
  LayerSpec only;
  only.layer = layer;
  only.name = output == input.name ? output + "1" : output;
  spec.network.outputs = {only.name};
  spec.network.layers = {std::move(only)};
  spec.training.freeze = how.freeze;
  use_data(spec, how.data);
  const BundledData* bundled = find_bundled(how.data);
  const SourceKind kind = bundled == nullptr ? source_kind(spec.data.source) : bundled->kind;
  if (kind == SourceKind::csv) {
    take_columns(spec.data, model, how);
  } else if (how.scaling) {
    fail_input("--scaling is for columns of tables, but {} holds {}", how.data, name_of(kind));
  }
  if (bundled == nullptr && kind == SourceKind::pictures) spec.data.pictures = pictures_for(model);
  return spec;
}

}  // namespace neurons
