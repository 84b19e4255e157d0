#pragma once
/// The [data] section: which samples, how they are parted, and how tables become numbers.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "neurons/data/picture_options.hpp"
#include "neurons/data/readers/csv.hpp"
#include "neurons/data/readers/table_encoder.hpp"
#include "neurons/data/sequences/sequence_options.hpp"
#include "neurons/data/sequences/series_options.hpp"
#include "neurons/data/sequences/text_options.hpp"

namespace neurons {

/// Samples that are set apart from the training part. In a spec: a share (`0.2`), a number of samples (`100`), a file or folder of
/// their own (`"test.csv"`), or one fold of a cross-validation (`{ fold = 1, folds = 5 }`).
struct Part {
  double amount = 0;        ///< below 1 a share of the samples, from 1 on their number; 0: none
  std::int64_t fold = 0;    ///< 1 … folds
  std::int64_t folds = 0;   ///< 0: no fold
  std::string source = {};  ///< a path; empty: parted from the training data
  bool operator==(const Part&) const = default;
  bool is_parted() const { return amount > 0 || folds > 0; }
};

/// A column of a table by name or by number (from 0; negative from the end).
struct ColumnName {
  std::string text;
  std::string place{};  ///< where the spec says so, for messages: "spec.toml:5:11: "; empty: nowhere
};

struct DataSpec {
  std::string source;                      ///< the name of a bundled data set, or a path relative to the spec: see source_kind()
  Part test;                               ///< none: the source's own test part, if it has one
  Part validation;                         ///< parted from what the test part leaves
  std::optional<bool> stratified;          ///< true: parts and folds hold the classes in equal shares (for regression: any samples)
  std::optional<std::uint64_t> seed;       ///< 0; of the parting
  std::optional<PictureOptions> pictures;  ///< for pictures only: how they are made what the network sees
  std::optional<SeriesOptions> series;     ///< for tables whose rows follow one another in time: what is forecast from what
  std::optional<TextOptions> text;         ///< for texts: how they are made tokens, and how many the network sees
  std::optional<SequenceOptions> sequences;  ///< for npz files only: arrays are sequences
  // For tables (CSV) only.
  ColumnName target;                         ///< none: the bundled set's own, or the last column
  std::vector<ColumnName> ignore;            ///< columns to leave out, by name
  ColumnName weights;                        ///< column of sample weights; none: all weigh the same
  std::vector<ColumnName> categorical;       ///< columns to take as texts although they look like numbers, by name
  std::optional<CsvOptions::Header> header;  ///< automatic
  std::optional<char> delimiter;             ///< none: found out
  std::optional<char> decimal;               ///< '.'; what stands before the fraction of a number
  std::optional<Task> task;                  ///< automatic
  std::optional<Scaling> scaling;            ///< standardise
  std::optional<MissingValues> missing;      ///< mean
  std::optional<bool> standardise_target;    ///< true: a regression's targets are standardised while it learns

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("source", self.source);
    visit("test", self.test);
    visit("validation", self.validation);
    visit("stratified", self.stratified);
    visit("seed", self.seed);
    visit("pictures", self.pictures);
    visit("series", self.series);
    visit("text", self.text);
    visit("sequences", self.sequences);
    table_fields(self, visit);
  }
  /// The fields that only tables have.
  template <typename Self, typename Visitor>
  static void table_fields(Self& self, Visitor&& visit) {
    visit("target", self.target);
    visit("ignore", self.ignore);
    visit("weights", self.weights);
    visit("categorical", self.categorical);
    visit("header", self.header);
    visit("delimiter", self.delimiter);
    visit("decimal", self.decimal);
    visit("task", self.task);
    visit("scaling", self.scaling);
    visit("missing", self.missing);
    visit("standardise_target", self.standardise_target);
  }
};

}  // namespace neurons
