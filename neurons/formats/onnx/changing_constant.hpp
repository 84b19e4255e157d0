#pragma once
/// Constants that hang on open extents.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "neurons/formats/onnx/file_nodes.hpp"
#include "neurons/formats/onnx/variants.hpp"
#include "neurons/layers/waves.hpp"

namespace neurons::onnx {

/// The constant of each variant.
using ChangingConstant = std::vector<std::shared_ptr<const Tensor>>;

/// Writes nodes that compute such constants for any extents.
class ChangingConstants {
 public:
  /// All must outlive this.
  ChangingConstants(const Variants& variants, const std::vector<Waves>& waves, FileNodes& nodes)
      : variants_(variants), waves_(waves), nodes_(nodes) {}

  /// The name of the value that holds it: `name`, or that of another that is the same. It may be the same for each sample or step,
  /// such as the zeros in which a recurrent network begins, say what a causal query sees, rise or fall by one from step to step, or
  /// hold waves of steps. Throws InputError, about `where`, for any other.
  std::string write(const ChangingConstant& all, const std::string& where, const std::string& name);

 private:
  const Variants& variants_;
  const std::vector<Waves>& waves_;  ///< those that there may be
  FileNodes& nodes_;
  std::vector<std::pair<ChangingConstant, std::string>> tables_;  ///< written so far, for other layers that have the same
};

}  // namespace neurons::onnx
