#include "neurons/spec/mistakes.hpp"

#include <algorithm>
#include <cmath>

#include "neurons/data/contact_sheet.hpp"
#include "neurons/data/picture_shape.hpp"
#include "neurons/spec/predict.hpp"

namespace neurons {
namespace {

constexpr Colour kTruth{120, 220, 140};
constexpr Colour kPredicted{255, 140, 120};

/// A sample as bytes [1 or 3, height, width]; floats are stretched from their least to their largest value.
Tensor picture_of(const Dataset& data, const PictureShape& shape, std::int64_t sample) {
  Tensor picture(DType::u8, {shape.channels, shape.height, shape.width});
  const auto to = picture.values<std::uint8_t>();
  const std::size_t first = static_cast<std::size_t>(sample) * shape.elements();
  if (data.inputs.dtype() == DType::u8) {
    std::ranges::copy(data.inputs.values<std::uint8_t>().subspan(first, shape.elements()), to.begin());
    return picture;
  }
  const auto from = data.inputs.values<float>().subspan(first, shape.elements());
  const auto [least, most] = std::ranges::minmax(from);
  const float scale = most > least ? 255 / (most - least) : 0;
  std::ranges::transform(from, to.begin(), [&, low = least](float value) {
    return static_cast<std::uint8_t>(std::clamp((value - low) * scale + 0.5F, 0.0F, 255.0F));
  });
  return picture;
}

}  // namespace

std::vector<Mistake> worst_mistakes(const Model& model, const Dataset& data, const Evaluation& evaluation, std::size_t most) {
  if (!model.is_classification || data.targets.shape().rank() > 1) return {};
  struct Ranked {
    Mistake mistake;
    double truth_probability;
  };
  std::vector<Ranked> ranked;
  const auto labels = data.targets.values<std::int64_t>();
  const auto predictions = predictions_of(model, evaluation.outputs);
  for (std::size_t i = 0; i < predictions.size(); ++i) {
    const Prediction& said = predictions[i];
    if (said.label == labels[i]) continue;
    ranked.push_back({{static_cast<std::int64_t>(i), labels[i], said.label, said.confidence},
                      said.probabilities[static_cast<std::size_t>(labels[i])]});
  }
  std::ranges::stable_sort(ranked, {}, &Ranked::truth_probability);
  std::vector<Mistake> worst;
  for (std::size_t i = 0; i < std::min(most, ranked.size()); ++i) worst.push_back(ranked[i].mistake);
  return worst;
}

std::optional<Tensor> mistakes_sheet(const Model& model, const Dataset& data, const Evaluation& evaluation) {
  const auto shape = picture_shape(data.input_shape());
  if (!shape || (shape->channels != 1 && shape->channels != 3) || !evaluation.classification) return std::nullopt;
  const std::vector<Mistake> worst = worst_mistakes(model, data, evaluation);
  if (worst.empty()) return std::nullopt;
  std::vector<Captioned> pictures;
  for (const Mistake& mistake : worst) {
    pictures.push_back({picture_of(data, *shape, mistake.sample),
                        {{fmt::format("is {}", model.class_name(mistake.truth)), kTruth},
                         {fmt::format("{:.0f}% {}", 100 * mistake.confidence, model.class_name(mistake.predicted)), kPredicted},
                         {fmt::format("sample {}", mistake.sample), {130, 130, 130}}}});
  }
  std::int64_t count = 0;
  const auto& confusion = evaluation.classification->confusion;
  for (std::size_t i = 0; i < confusion.size(); ++i) {
    for (std::size_t j = 0; j < confusion[i].size(); ++j) count += i == j ? 0 : confusion[i][j];
  }
  const std::string title = fmt::format("{} of {} mistakes in {} samples, the worst first", worst.size(), count, data.samples());
  return contact_sheet(title, pictures);
}

}  // namespace neurons
