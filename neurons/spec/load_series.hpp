#pragma once
/// Series as a spec asks for them: read, parted in the order of time, scaled, cut into windows.

#include <filesystem>

#include "neurons/data/sequences/series.hpp"
#include "neurons/spec/load_data.hpp"

namespace neurons {

/// The columns of the table at `path` that the spec's series names. Throws InputError as series_of() and read_csv() do, and for a
/// path that is no table.
Series read_series(const std::filesystem::path& path, const DataSpec& spec);

/// Parts that the spec asks for by share or number; the scaling is `fitted`, or (null) fitted on the steps to learn from.
/// `bundled_target` is the column to forecast of a bundled series, empty for others.
LoadedData load_series(const std::filesystem::path& path, const Spec& spec, std::string_view bundled_target,
                       const SeriesScaling* fitted = nullptr);

/// All windows of the series at `path`, scaled as in training; those that follow one another where state is carried.
Dataset load_all_windows(const std::filesystem::path& path, const Spec& spec, const SeriesScaling& scaling);

}  // namespace neurons
