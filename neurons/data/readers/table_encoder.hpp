#pragma once
/// From a table of numbers and texts to a dataset, with everything that was learnt from the training rows kept for later tables.

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "neurons/data/dataset.hpp"
#include "neurons/data/readers/table.hpp"

namespace neurons {

enum class Task {
  automatic,  ///< classification if the target is text, or whole numbers of at most 20 different values; else regression
  classification,
  regression
};
enum class Scaling {
  standardise,  ///< (x − mean) / standard deviation of the training rows
  min_max,      ///< to 0 … 1 over the training rows
  none
};
enum class MissingValues {
  mean,  ///< the mean of the training rows; for texts their most frequent level
  error  ///< InputError with line and column
};

struct EncoderOptions {
  std::string target = {};               ///< column name, or index from 0 (negative: from the end). Empty: the last column
  std::vector<std::string> ignore = {};  ///< columns to leave out, such as row numbers
  std::string weights = {};              ///< column of sample weights, each at least 0, by name or index; empty: all weigh 1
  Task task = Task::automatic;
  Scaling scaling = Scaling::standardise;
  MissingValues missing = MissingValues::mean;
  bool standardise_target = false;  ///< regression: the network learns (y − mean) / deviation; decode_target() undoes it
};

/// A fitted encoding, stored with the model. Numeric columns give one feature each (scaled, a column that is constant in
/// the training rows gives 0), text columns one feature per level (one-hot, levels sorted). Columns are found by name: their order
/// is free, and columns that the encoder does not know are ignored.
class TableEncoder {
 public:
  static constexpr std::int64_t kMaxLevels = 1000;  ///< of a text column

  /// How one column becomes features.
  struct Rule {
    std::string column = {};
    bool is_numeric = true;
    double shift = 0;   ///< feature = (x − shift) · factor
    double factor = 1;  ///< 0 for a constant column that is scaled
    double mean = 0;    ///< stands in for a missing number
    std::vector<std::string> levels = {};
    std::int64_t usual_level = 0;  ///< stands in for a missing text
    std::int64_t first_feature = 0;
    bool operator==(const Rule&) const = default;
    std::int64_t width() const noexcept { return is_numeric ? 1 : static_cast<std::int64_t>(levels.size()); }
  };

  /// Learns from `training_rows` of `table` only (empty: from all rows). Throws InputError for an unknown target, weight or
  /// ignored column, a text target in a regression, a missing target, a column without any value in the training rows, a text
  /// column of more than 1000 levels, more than 100,000 features, values too large to scale, or no rows or features at all.
  static TableEncoder fit(const Table& table, std::span<const std::int64_t> training_rows, const EncoderOptions& options = {});

  /// Inputs f32[rows, features], targets, and sample weights where the table has their column: one that is only judged may lack it.
  /// Throws InputError naming line and column for text where a number is needed, an unknown level or class, a missing target or
  /// weight, a negative weight, a number too large for single precision, and for a column that is not there.
  Dataset encode(const Table& table) const;
  /// The inputs alone, f32[rows, features]; the target column need not be there.
  Tensor encode_inputs(const Table& table) const;
  /// One sample, f32[1, features], from the text of each column, as a person types it. An unnamed column counts as missing. Throws
  /// InputError for a name that is no column, and as encode() does.
  Tensor encode_row(const std::map<std::string, std::string>& cells) const;
  /// A regression network's output in the target's own units.
  double decode_target(double output) const noexcept { return output * target_deviation_ + target_mean_; }

  std::int64_t features() const noexcept { return static_cast<std::int64_t>(feature_names_.size()); }
  /// "petal_length", "colour=red"
  const std::vector<std::string>& feature_names() const noexcept { return feature_names_; }
  /// Names of the columns that encode_row() understands.
  std::vector<std::string> column_names() const;
  /// Those of them that hold texts.
  std::vector<std::string> text_columns() const;
  /// Of each column, in the order of their features.
  const std::vector<Rule>& rules() const noexcept { return rules_; }
  bool is_classification() const noexcept { return classification_; }
  const std::vector<std::string>& class_names() const noexcept { return class_names_; }
  const std::string& target_name() const noexcept { return target_; }

  /// Everything as one JSON object; from_json gives an equal encoder, bit for bit.
  std::string to_json() const;
  /// Throws InputError naming `source` if the text is not what to_json gives.
  static TableEncoder from_json(std::string_view text, const std::string& source);

  bool operator==(const TableEncoder&) const = default;

 private:
  static Rule fit_numbers(const Table& table, const Column& column, std::span<const std::int64_t> rows,
                          const EncoderOptions& options);
  static Rule fit_texts(const Table& table, const Column& column, std::span<const std::int64_t> rows,
                        const EncoderOptions& options);
  void fit_target(const Table& table, const Column& column, std::span<const std::int64_t> rows, const EncoderOptions& options);
  void name_features();
  void encode_column(const Rule& rule, const Table& table, const Column& column, std::span<float> features) const;
  Tensor encode_targets(const Table& table, const Column& column) const;
  std::vector<float> encode_weights(const Table& table) const;

  std::string target_;
  std::string weights_;  ///< column of sample weights; empty: none
  bool classification_ = true;
  MissingValues missing_ = MissingValues::mean;
  double target_mean_ = 0;
  double target_deviation_ = 1;
  std::vector<std::string> class_names_;
  std::vector<Rule> rules_;
  std::vector<std::string> feature_names_;
};

}  // namespace neurons
