#pragma once
/// From an ONNX model to a spec that trains it.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "neurons/data/dataset.hpp"
#include "neurons/data/picture_options.hpp"
#include "neurons/data/readers/table_encoder.hpp"
#include "neurons/formats/onnx/model.hpp"
#include "neurons/spec/spec.hpp"

namespace neurons {

struct FineTuning {
  std::string data;                      ///< a path or the name of a bundled data set
  std::string output = {};               ///< of the model; "": the only one
  std::int64_t head = 0;                 ///< neurons of a fresh last weighted sum; 0: the model's own
  std::vector<std::string> freeze = {};  ///< patterns of parameters that stay
  std::int64_t lora = 0;                 ///< rank of adapters; 0: none
  double dropout = 0;                    ///< before the last weighted sum; 0: none
  std::optional<Scaling> scaling =
      {};  ///< of a table's columns; none: the one that the model was trained here with, or raw columns
};

/// How pictures become what a model of ONNX takes: of the size and colour that its file says, as far as it does. Nothing where its
/// only input is no picture of one or three channels, or has several.
std::optional<PictureOptions> pictures_for(const onnx::Model& model);

/// The same for arrays: nothing, too, where they are no bytes, or the model's input has no axis of channels.
std::optional<PictureOptions> byte_pictures_for(const onnx::Model& model, const Dataset& data);

/// The spec `neurons train MODEL.onnx` runs: the model as one layer, named after its output; Adam and the loss that suits the data.
/// Pictures become of the size that the model takes; columns of tables stay as they are, as `evaluate` and `predict` give them,
/// unless the model's own metadata or `how` says otherwise, and so do values to predict where the head is the model's own. Throws
/// InputError for a file that is no model, one of several inputs, and data that cannot be found.
Spec fine_tuning_spec(const std::filesystem::path& model, const FineTuning& how);

}  // namespace neurons
