#pragma once
/// Data as a spec asks for them: found, read, parted, turned into numbers.

#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include "neurons/data/dataset.hpp"
#include "neurons/data/readers/table_encoder.hpp"
#include "neurons/data/sequences/series_scaling.hpp"
#include "neurons/data/sequences/tokenizer.hpp"
#include "neurons/spec/spec.hpp"

namespace neurons {

/// What was learnt from the training part alone, and turns later data into the same numbers; kept with the model.
struct FittedData {
  std::optional<TableEncoder> encoder;  ///< of tables
  std::optional<SeriesScaling> series;  ///< of series
  std::optional<Tokenizer> tokenizer;   ///< of texts

  /// Output number `output` of a network that predicts values, in the target's own units.
  double decode(double value, std::int64_t output) const {
    return encoder ? encoder->decode_target(value) : series ? series->decode(value, output) : value;
  }
};

struct LoadedData : FittedData {
  Dataset train;
  std::optional<Dataset> validation;
  std::optional<Dataset> test;
};

/// Where `source` is: the name of a bundled data set, looked for in a folder data/ at or above `folder` or one of `places`; else a
/// path, itself or relative to `folder` (a file that is called like a bundled data set is "./NAME"). Throws InputError saying where
/// it looked, with the nearest bundled name.
std::filesystem::path find_source(const std::string& source, const std::filesystem::path& folder,
                                  std::span<const std::filesystem::path> places = {});

/// Reads and parts the data of `spec`; paths are relative to the folder of `spec.file`. All values are checked. What turns them
/// into numbers is fitted to the training part, or is what was `fitted` when a model was trained, which is to be judged by what the
/// source holds now. Throws InputError as the readers do, for parts that would take all samples, for samples to learn from of one
/// class only, for fields that this kind of data does not have, for a test part asked of data that come with one, and for data of
/// another kind than `fitted` was fitted to.
LoadedData load_data(const Spec& spec, std::span<const std::filesystem::path> places = {}, const FittedData* fitted = nullptr);

/// How to read the spec's tables; columns that held texts when `encoder` (null: none) was fitted hold texts, and none need be
/// there.
CsvOptions csv_options(const DataSpec& spec, const TableEncoder* encoder = nullptr);

/// Data that come as arrays or pictures, these made what `pictures` say (null: as they are; they are not standardised here);
/// `test` is empty where they have no test part. With `sequences`, arrays of an npz are those. Throws InputError for a table, and
/// for sequences in anything but an npz.
TrainTest read_arrays(const std::filesystem::path& path, const PictureOptions* pictures = nullptr,
                      const SequenceOptions* sequences = nullptr);

/// All samples at `path`, or its test part where it comes in two, made numbers as `fitted` made them in training.
/// `spec` says how to read tables and pictures, with means and deviations that were found in training, whether windows of series
/// and texts follow one another (carry_state), and whether arrays hold tokens.
Dataset load_all(const std::filesystem::path& path, const FittedData& fitted, const Spec& spec);

}  // namespace neurons
