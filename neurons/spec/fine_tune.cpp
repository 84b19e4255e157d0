#include "neurons/spec/fine_tune.hpp"

#include "neurons/base/error.hpp"
#include "neurons/data/picture_shape.hpp"
#include "neurons/data/readers/source.hpp"
#include "neurons/formats/onnx/edit.hpp"
#include "neurons/formats/onnx/imported_model.hpp"
#include "neurons/spec/prepare.hpp"

namespace neurons {

Spec fine_tuning_spec(const std::filesystem::path& path, const FineTuning& how) {
  if (how.data.empty()) fail_input("{}: give what to train it on with --data PATH", path.string());
  const onnx::Model model = onnx::read(path);
  const auto inputs = onnx::inputs_of(model);
  if (inputs.size() != 1) {
    fail_input("{}: has {} inputs; one with several can be trained from a program only (docs/onnx.md)", path.string(),
               inputs.size());
  }
  const Network::Input& input = inputs.front();
  onnx::ImportedModel layer;
  layer.file = std::filesystem::absolute(path).string();
  layer.output = how.output;
  layer.head = how.head;
  layer.scores = true;
  layer.dropout = how.dropout;
  layer.lora = how.lora;
  Spec spec;
  spec.file = path;
  spec.network.inputs = {{input.name, {}, {}}};
  const std::string output = how.output.empty() ? onnx::only_output(model) : how.output;
  LayerSpec only;
  only.layer = layer;
  only.name = output == input.name ? output + "1" : output;
  spec.network.outputs = {only.name};
  spec.network.layers = {std::move(only)};
  spec.training.freeze = how.freeze;
  use_data(spec, how.data);
  const bool pictures = find_bundled(how.data) == nullptr && source_kind(spec.data.source) == SourceKind::pictures;
  if (const auto shape = picture_shape(input.sample); shape && pictures) {
    const std::vector<bool> said = onnx::said_extents(model, input.name);  // of [batch, channels, height, width]
    PictureOptions& options = spec.data.pictures.emplace();
    if (said[2] && said[3]) options.size = {shape->height, shape->width};
    if (said[1]) options.colour = shape->channels == 3 ? PictureOptions::Colour::colour : PictureOptions::Colour::grey;
  }
  return spec;
}

}  // namespace neurons
