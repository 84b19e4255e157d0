#include "neurons/ops/common/label_loss.hpp"

namespace neurons::ops {

void label_loss_reference(const ReferenceContext& context, const std::vector<double>& log_probabilities, double bad_loss) {
  const auto& options = context.as<LabelLossOptions>();
  const Shape& scores = context.inputs[0]->type.shape;
  const std::int64_t inner = scores.product(2, scores.rank());
  double sum = 0;
  double weights = 0;
  for (std::int64_t row = 0; row < scores[0] * inner; ++row) {
    const double named = context.inputs[1]->data[static_cast<std::size_t>(row)];
    const bool ignored = named == static_cast<double>(options.ignore_index);
    double loss = 0;
    if (!ignored && (named < 0 || named >= static_cast<double>(scores[1]))) {
      loss = bad_loss;
    } else if (!ignored) {
      const auto label = static_cast<std::int64_t>(named);
      const bool weighted = context.inputs.size() > 2 && context.inputs[2] != nullptr;
      const double weight = weighted ? context.inputs[2]->data[static_cast<std::size_t>(label)] : 1.0;
      const auto place = static_cast<std::size_t>((row / inner * scores[1] + label) * inner + row % inner);
      loss = -weight * log_probabilities[place];
      weights += weight;
    }
    sum += loss;
    if (options.reduction == "none") context.outputs[0].data[static_cast<std::size_t>(row)] = loss;
  }
  if (options.reduction != "none") context.outputs[0].data[0] = options.reduction == "sum" ? sum : sum / weights;
}

std::vector<Sample> label_loss_samples() {
  std::vector<Sample> samples;
  for (const std::string reduction : {"mean", "sum", "none"}) {
    const Sample::Input labels{{DType::i64, {7}}, Sample::Fill::index, 5};
    const Sample::Input weights{{DType::f32, {5}}, Sample::Fill::positive, 1, {}, false};
    const Sample::Input picture_labels{{DType::i32, {2, 3, 2}}, Sample::Fill::index, 4};
    samples.push_back({{{{DType::f32, {7, 5}}}, labels}, LabelLossOptions{reduction}, reduction});
    samples.push_back(
        {{{{DType::f32, {7, 5}}}, labels, weights}, LabelLossOptions{reduction, 2}, reduction + ", weighted, one ignored"});
    samples.push_back({{{{DType::f32, {2, 4, 3, 2}}}, picture_labels}, LabelLossOptions{reduction}, reduction + " over pictures"});
  }
  return samples;
}

}  // namespace neurons::ops
