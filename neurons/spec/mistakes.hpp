#pragma once
/// The samples that a classifier reads worst, as a picture to look at.

#include <cstdint>
#include <optional>
#include <vector>

#include "neurons/spec/evaluate.hpp"

namespace neurons {

struct Mistake {
  std::int64_t sample = 0;
  std::int64_t truth = 0;
  std::int64_t predicted = 0;
  double confidence = 0;  ///< in the class that was predicted
};

/// The samples whose predicted class is not theirs, the one whose own class seemed least probable first; at most so many.
std::vector<Mistake> worst_mistakes(const Model& model, const Dataset& data, const Evaluation& evaluation, std::size_t most = 36);

/// They as a picture u8 [3, height, width], each with what it is and what was said of it. None where the data are no pictures, the
/// model no classifier, or there is no mistake.
std::optional<Tensor> mistakes_sheet(const Model& model, const Dataset& data, const Evaluation& evaluation);

}  // namespace neurons
