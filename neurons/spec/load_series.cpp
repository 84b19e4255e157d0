#include "neurons/spec/load_series.hpp"

#include "neurons/base/error.hpp"
#include "neurons/data/readers/source.hpp"
#include "neurons/spec/chronological.hpp"

namespace neurons {
namespace fs = std::filesystem;

namespace {

/// Steps from one window to judge by to the next.
std::int64_t judged_stride(const Spec& spec) { return spec.training.options.carry_state ? spec.data.series->length : 1; }

}  // namespace

Series read_series(const fs::path& path, const DataSpec& spec) {
  if (source_kind(path) != SourceKind::csv) {
    fail_input("[data] series is for tables, but {} holds {}", path.string(), name_of(source_kind(path)));
  }
  return series_of(read_csv(csv_file_of(path), csv_options(spec)), *spec.series);
}

LoadedData load_series(const fs::path& path, const Spec& whole, std::string_view bundled_target, const SeriesScaling* fitted) {
  DataSpec spec = whole.data;
  if (spec.series->values.empty() && !bundled_target.empty()) spec.series->values.emplace_back(bundled_target);
  const Series series = read_series(path, spec);
  const ChronologicalParts parts = part_in_order(spec, series.steps(), series.source);
  LoadedData loaded;
  loaded.series =
      fitted != nullptr ? *fitted : SeriesScaling::fit(series, parts.train.last, spec.scaling.value_or(Scaling::standardise));
  const auto windows = [&](const StepRange& range, std::int64_t every, std::string_view part) {
    return series_windows(series, *loaded.series, *spec.series, range, every, part);
  };
  loaded.train = windows(parts.train, spec.series->stride, "the training part");
  const std::int64_t stride = judged_stride(whole);
  if (parts.validation.count() > 0) loaded.validation = windows(parts.validation, stride, "the validation part");
  if (parts.test.count() > 0) loaded.test = windows(parts.test, stride, "the test part");
  return loaded;
}

Dataset load_all_windows(const fs::path& path, const Spec& spec, const SeriesScaling& scaling) {
  const Series series = read_series(path, spec.data);
  return series_windows(series, scaling, *spec.data.series, {0, series.steps()}, judged_stride(spec), "it");
}

}  // namespace neurons
