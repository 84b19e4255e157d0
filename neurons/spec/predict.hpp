#pragma once
/// What a model says of new samples.

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "neurons/spec/model.hpp"

namespace neurons {

/// What was done to pictures so that the model can take them.
struct InputChange {
  std::string what;                 ///< "resized from 60×80 to 28×28 pixels (stretched) and made grey"
  std::vector<std::string> inputs;  ///< to which
};

/// Samples as a person gives them.
struct NamedSamples {
  Tensor inputs;                      ///< f32 [samples, …] as the network sees them, or i64 [samples, time] tokens
  std::vector<std::int64_t> lengths;  ///< of sequences; empty: all their steps exist
  std::vector<std::string> names;     ///< "flowers.csv:2", "seven.png", "petal_length=4.2 …"
  std::vector<std::string> left_out;  ///< columns of which the pairs say nothing: they count as missing
  std::vector<InputChange> changes;   ///< of pictures
};

/// Samples from `inputs`, in their order: CSV files of rows or the name of a bundled table (found as find_source() does), PNG and
/// JPEG pictures (made of the model's size and colour as its spec says), .npy arrays of one sample or many, .npz files of sequences
/// (see read_npz_inputs), and `column=value` pairs, which together make one sample. A missing cell is filled in as the model was
/// trained to: a number by its mean, a text by the most frequent one, or, with `missing = "error"`, not at all. Networks of tables
/// take no pictures and arrays. A model for any length takes sequences of as many steps as the first has. A foreign model takes the
/// columns of a CSV file in their order, as they are. Throws InputError for what cannot be read or does not fit the model.
NamedSamples read_samples(const Model& model, std::span<const std::string> inputs,
                          std::span<const std::filesystem::path> places = {});

struct Prediction {
  std::int64_t sample = 0;            ///< of which
  std::int64_t step = -1;             ///< of sequences told step by step: of which step, else -1
  std::int64_t label = 0;             ///< classification: the most probable class
  std::string class_name;             ///< classification
  double confidence = 0;              ///< its probability
  std::vector<double> probabilities;  ///< classification: of each class
  std::vector<double> values;         ///< regression: in the target's own units
};

/// One for each sample of `inputs`, f32 [samples, …] as the network sees them, or i64 tokens; where the network tells something at
/// each step, one for each step that exists. Throws InputError for another shape and for lengths that the inputs have not.
std::vector<Prediction> predict(const Model& model, const Tensor& inputs, int threads = 0,
                                const std::vector<std::int64_t>& lengths = {});

/// The same from what the model's network gave, f32 [samples, outputs…] or [samples, time, outputs].
std::vector<Prediction> predictions_of(const Model& model, const Tensor& outputs, const std::vector<std::int64_t>& lengths = {});

}  // namespace neurons
