#pragma once
/// A series as samples: windows of earlier steps as inputs, the steps after them as targets.

#include <cstdint>

#include "neurons/data/dataset.hpp"
#include "neurons/data/sequences/series_options.hpp"
#include "neurons/data/sequences/series_scaling.hpp"

namespace neurons {

/// Steps first … last − 1 of a series.
struct StepRange {
  std::int64_t first = 0;
  std::int64_t last = 0;
  std::int64_t count() const noexcept { return last - first; }
};

/// Inputs f32 [samples, length, columns] and targets f32 [samples, horizon · forecast columns] (step by step), scaled, of all
/// windows whose targets lie in `range`, every `stride` steps; what a window sees may lie before the range. Throws InputError where
/// there is none, and as SeriesScaling::require_spacing(); `part` is what messages call the range: "the test part".
Dataset series_windows(const Series& series, const SeriesScaling& scaling, const SeriesOptions& options, const StepRange& range,
                       std::int64_t stride, std::string_view part);

/// The last `length` steps, f32 [1, length, columns] scaled. Throws InputError if there are fewer, and as
/// SeriesScaling::require_spacing().
Tensor last_window(const Series& series, const SeriesScaling& scaling, std::int64_t length);
/// All whole windows that follow one another up to the last step: [windows, length, columns]. Throws as last_window() does.
Tensor windows_to_end(const Series& series, const SeriesScaling& scaling, std::int64_t length);

}  // namespace neurons
