#include "neurons/spec/load_series.hpp"

#include "neurons/base/error.hpp"
#include "neurons/data/readers/source.hpp"
#include "neurons/spec/chronological.hpp"

namespace neurons {
namespace fs = std::filesystem;

Series read_series(const fs::path& path, const DataSpec& spec) {
  if (source_kind(path) != SourceKind::csv) {
    fail_input("[data] series is for tables, but {} holds {}", path.string(), name_of(source_kind(path)));
  }
  return series_of(read_csv(csv_file_of(path), csv_options(spec)), *spec.series);
}

LoadedData load_series(const fs::path& path, const DataSpec& given, std::string_view bundled_target, const SeriesScaling* fitted) {
  DataSpec spec = given;
  if (spec.series->values.empty() && !bundled_target.empty()) spec.series->values.emplace_back(bundled_target);
  const Series series = read_series(path, spec);
  const ChronologicalParts parts = part_in_order(spec, series.steps(), series.source);
  LoadedData loaded;
  loaded.series =
      fitted != nullptr ? *fitted : SeriesScaling::fit(series, parts.train.last, spec.scaling.value_or(Scaling::standardise));
  const auto windows = [&](const StepRange& range, std::int64_t stride, std::string_view part) {
    return series_windows(series, *loaded.series, *spec.series, range, stride, part);
  };
  loaded.train = windows(parts.train, spec.series->stride, "the training part");
  if (parts.validation.count() > 0) loaded.validation = windows(parts.validation, 1, "the validation part");
  if (parts.test.count() > 0) loaded.test = windows(parts.test, 1, "the test part");
  return loaded;
}

Dataset load_all_windows(const fs::path& path, const DataSpec& spec, const SeriesScaling& scaling) {
  const Series series = read_series(path, spec);
  return series_windows(series, scaling, *spec.series, {0, series.steps()}, 1, "it");
}

}  // namespace neurons
