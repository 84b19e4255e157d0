#pragma once
/// A trained network with all that it takes to use it on raw data.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "neurons/data/readers/table_encoder.hpp"
#include "neurons/layers/network.hpp"
#include "neurons/spec/load_data.hpp"
#include "neurons/spec/spec.hpp"

namespace neurons {

struct Model : FittedData {
  Network network;
  Spec spec;  ///< resolved: as it was trained
  bool is_classification = true;
  std::vector<std::string> class_names;  ///< may be empty
  /// Of series: what forecasts missed by on windows that were not learnt from, f32 [windows, outputs]; empty: not known.
  Tensor residuals;
  /// What the network saw of byte inputs: raw * input_scale + input_offset. Float inputs are taken as they are.
  float input_scale = 1;
  float input_offset = 0;
  std::filesystem::path file;  ///< where it was read, for messages
  /// Made by another program: what its inputs and outputs are is known as far as its file tells; see foreign_table.hpp for tables.
  bool is_foreign = false;
  /// All outputs of a model of ONNX that has several of which none was named or trained: the first is the network's.
  std::vector<std::string> taken_first_of{};
  /// What is assumed of an output of which nothing in the file tells what it is; "" where that is known.
  std::string assumption{};

  /// Whether windows of its data follow one another, each to be seen after those before it.
  bool carries_state() const { return spec.training.options.carry_state; }
  /// Shape of one sample.
  const Shape& sample_shape() const { return network.inputs().front().sample; }
  /// Its input names things by whole numbers.
  bool takes_tokens() const { return network.inputs().front().dtype == DType::i64; }
  /// "setosa", or the label's number where classes have no names.
  std::string class_name(std::int64_t label) const;
};

/// Cross-entropy for classes, the mean squared error for values.
Loss usual_loss(bool is_classification);

/// What a model file says beside the weights, for TrainOptions::metadata: `resolved` and what was fitted to `data`.
std::map<std::string, std::string> model_metadata(const Spec& resolved, const LoadedData& data);

/// How the model of a file with this metadata took tables, if it was trained here on one. `name` stands for the file in messages.
std::optional<DataSpec> table_of_training(const std::map<std::string, std::string>& metadata, const std::string& name);

/// Model::residuals as a model file keeps them, to be added to its metadata.
std::pair<std::string, std::string> residuals_metadata(const Tensor& residuals);

/// The model in a run folder, in an .onnx file or in a .safetensors file that was written by a run. Throws InputError if it is
/// neither, if the run has not ended, and for files that are damaged or do not say what network they are. `output` names one of a
/// model of ONNX; "": the one that was trained, or the first. Throws InputError if there is none of that name. `as_values`: what
/// the network gives is told as it is, whatever it means.
Model open_model(const std::filesystem::path& path, const std::string& output = "", bool as_values = false);

/// Whether the model takes samples of this shape. One of a file of ONNX for any length (see onnx::takes_any_length) takes those of
/// any number of steps, its own being that of its training.
bool takes_samples(const Model& model, const Shape& sample);

/// A model of a text or a series, of such a file, that sees windows of so many steps. Its forecasts have no intervals: what the
/// model missed by is known of other windows; nor is it compared with a season that reaches further back. Throws InputError for
/// other models.
Model with_window(Model model, std::int64_t steps);

/// What Model::assumption says of a model of another program that is judged by classes.
std::string assumption_of(const Model& model);

}  // namespace neurons
