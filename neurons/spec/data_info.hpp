#pragma once
/// What is in a file or folder of data, before anything is made of it.

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "neurons/data/readers/csv.hpp"
#include "neurons/data/readers/source.hpp"
#include "neurons/tensor/shape.hpp"

namespace neurons {

/// A column of a table.
struct ColumnInfo {
  std::string name;
  bool is_numeric = true;
  std::int64_t missing = 0;
  double minimum = 0;       ///< of the numbers that are there; NaN if none is
  double mean = 0;          ///< likewise
  double maximum = 0;       ///< likewise
  std::int64_t levels = 0;  ///< of texts: how many different ones
  bool is_empty = false;    ///< no cell holds anything
  bool is_refused = false;  ///< an input of more different texts than training takes (TableEncoder::kMaxLevels)
};

struct DataInfo {
  std::filesystem::path path;
  SourceKind kind = SourceKind::csv;
  std::int64_t samples = 0;       ///< of a text its characters
  std::int64_t test_samples = 0;  ///< in a part of their own, besides `samples`
  std::string target;             ///< of a table: the column that a spec takes unless it names another
  std::vector<ColumnInfo> columns;
  bool is_classification = true;
  std::vector<std::pair<std::string, std::int64_t>> classes;  ///< with their samples (without the test part)
  Shape sample;  ///< of one input, for a table its encoded features without refused columns; of rank 0 where it holds times and one
                 ///< series or no target
  Shape largest;                ///< of pictures of several sizes, where `sample` is the smallest extent on each axis; else rank 0
  std::int64_t characters = 0;  ///< of a text: how many different ones in the whole of it
  double input_minimum = 0;     ///< of arrays and pictures, as they are stored; NaN for pictures of several sizes
  double input_maximum = 0;
};

/// Looks into the data at `path`; `target` is the target column of a table ("": the last one), `csv` how a table is read. What is
/// missing in a table, its target included, is told, not refused. Throws InputError as the readers do.
DataInfo describe_data(const std::filesystem::path& path, const std::string& target = "", const CsvOptions& csv = {});

}  // namespace neurons
