#pragma once
/// ONNX's two losses on class labels, which differ in what their scores are.

#include <string>
#include <vector>

#include "neurons/graph/op.hpp"

namespace neurons::ops {

struct LabelLossOptions {
  std::string reduction = "mean";    ///< "mean" (weighted by the labels' classes), "sum", "none"
  std::int64_t ignore_index = -100;  ///< a label that counts nowhere

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("reduction", self.reduction);
    visit("ignore_index", self.ignore_index);
  }
};

/// Writes output 0 from log-probabilities [n, classes, …]; labels and class weights are inputs 1 and 2. A label that is no class
/// and not ignored costs `bad_loss`, of weight 0.
void label_loss_reference(const ReferenceContext& context, const std::vector<double>& log_probabilities, double bad_loss);

std::vector<Sample> label_loss_samples();

}  // namespace neurons::ops
