#include "neurons/data/dataset.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "neurons/data/picture_shape.hpp"
#include "neurons/data/place_of_value.hpp"

namespace neurons {
namespace {

std::string name_of(const Dataset& data) { return data.source.empty() ? "dataset" : data.source; }

/// The first value that is NaN or infinite, or the end.
std::size_t first_not_finite(std::span<const float> values) {
  const auto found = std::ranges::find_if(values, [](float value) { return !std::isfinite(value); });
  return static_cast<std::size_t>(found - values.begin());
}

void require_finite(const Dataset& data, const Tensor& tensor, std::string_view part,
                    const std::vector<std::string>& column_names) {
  const auto values = tensor.values<float>();
  const std::size_t bad = first_not_finite(values);
  if (bad == values.size()) return;
  fail_input("{}: {}: {} is {}, expected a finite number; repair or leave out the sample", name_of(data), part,
             place_of_value(bad, tensor.shape(), column_names), values[bad]);
}

/// Numbers, or NaN for those of steps that do not count.
void require_targets(const Dataset& data) {
  if (!data.has_targets_of_steps()) return require_finite(data, data.targets, "targets", {});
  const auto values = data.targets.values<float>();
  const auto bad = std::ranges::find_if(values, [](float value) { return std::isinf(value); });
  if (bad == values.end()) return;
  fail_input("{}: targets: {} is {}, expected a finite number, or NaN where a step does not count", name_of(data),
             place_of_value(static_cast<std::size_t>(bad - values.begin()), data.targets.shape()), *bad);
}

/// Calls visit(sample, first, count): `count` steps behind the length of that sample, the first of them step `first` of all.
template <typename Visit>
void for_padding(const Dataset& data, const Visit& visit) {
  const std::int64_t time = data.inputs.shape()[1];
  for (std::size_t i = 0; i < data.lengths.size(); ++i) {
    if (data.lengths[i] < time)
      visit(static_cast<std::int64_t>(i), static_cast<std::int64_t>(i) * time + data.lengths[i], time - data.lengths[i]);
  }
}

void require_lengths_in_data(const Dataset& data) {
  const std::int64_t time = data.inputs.shape()[1];
  const auto bad = std::ranges::find_if(data.lengths, [&](std::int64_t length) { return length < 1 || length > time; });
  if (bad == data.lengths.end()) return;
  fail_input("{}: sequence {} (from 0) has length {}, but the data has {} steps; expected 1 to {}", name_of(data),
             bad - data.lengths.begin(), *bad, time, time);
}

/// Lengths that the data has, and nothing that counts behind them.
void require_lengths(const Dataset& data) {
  require_lengths_in_data(data);
  if (!data.has_targets_of_steps()) return;
  const std::int64_t width = data.is_classification() ? 1 : data.targets.shape()[2];
  for_padding(data, [&](std::int64_t sample, std::int64_t first, std::int64_t count) {
    for (std::int64_t i = first * width; i < (first + count) * width; ++i) {
      const auto place = static_cast<std::size_t>(i);
      const bool ignored = data.is_classification() ? data.targets.values<std::int64_t>()[place] == kIgnoredLabel
                                                    : std::isnan(data.targets.values<float>()[place]);
      if (ignored) continue;
      fail_input("{}: sequence {} (from 0) has length {}, but a target at step {}; leave it out with mark_padding()", name_of(data),
                 sample, data.lengths[static_cast<std::size_t>(sample)], i / width % data.inputs.shape()[1]);
    }
  });
}

/// Sets `count` rows from row `first` on.
template <typename T>
void fill_rows(Tensor& tensor, int axes, std::int64_t first, std::int64_t count, T value) {
  const auto width = static_cast<std::size_t>(tensor.shape().product(axes, tensor.shape().rank()));
  std::ranges::fill(tensor.values<T>().subspan(static_cast<std::size_t>(first) * width, static_cast<std::size_t>(count) * width),
                    value);
}

void require_tokens(const Dataset& data) {
  const auto tokens = data.inputs.values<std::int64_t>();
  const auto bad = std::ranges::find_if(tokens, [](std::int64_t token) { return token < 0; });
  if (bad == tokens.end()) return;
  fail_input("{}: token {} of {} is below 0", name_of(data), *bad,
             place_of_value(static_cast<std::size_t>(bad - tokens.begin()), data.inputs.shape()));
}

void gather_rows(const Tensor& from, std::span<const std::int64_t> indices, Tensor& into) {
  if (into.bytes().empty()) return;
  const std::size_t row = into.bytes().size() / indices.size();
  std::byte* out = into.bytes().data();
  for (const std::int64_t index : indices) {
    std::memcpy(out, from.bytes().data() + static_cast<std::size_t>(index) * row, row);
    out += row;
  }
}

Tensor rows_of(const Tensor& tensor, std::span<const std::int64_t> indices) {
  Tensor result(tensor.dtype(), tensor.shape().with(0, static_cast<std::int64_t>(indices.size())));
  gather_rows(tensor, indices, result);
  return result;
}

}  // namespace

std::int64_t Dataset::samples() const noexcept { return inputs.shape().rank() > 0 ? inputs.shape().extents()[0] : 0; }

Shape Dataset::input_shape() const {
  return inputs.shape().rank() > 0 ? Shape(inputs.shape().extents().subspan(1)) : inputs.shape();
}

std::int64_t Dataset::classes() const {
  if (!is_classification()) return 0;
  if (!class_names.empty()) return static_cast<std::int64_t>(class_names.size());
  std::int64_t largest = -1;
  for (const std::int64_t label : targets.values<std::int64_t>()) largest = std::max(largest, label);
  return std::min(largest, std::numeric_limits<std::int64_t>::max() - 1) + 1;
}

std::int64_t Dataset::outputs() const {
  if (is_classification()) return classes();
  return targets.shape().rank() > 1 ? targets.shape()[-1] : 0;
}

std::vector<Dataset::Scaling> Dataset::scaling() const {
  if (channel_means.empty()) return {{input_scale, input_offset}};
  std::vector<Scaling> channels;
  for (std::size_t c = 0; c < channel_means.size(); ++c) {
    const float deviation = channel_deviations[c];
    channels.push_back({input_scale / deviation, (input_offset - channel_means[c]) / deviation});
  }
  return channels;
}

Tensor Dataset::scaled_inputs() const {
  validate_shapes();
  if (has_tokens()) return inputs;
  Tensor result = inputs.cast(DType::f32);
  const auto channels = scaling();
  const auto values = result.values<float>();
  const std::size_t plane = static_cast<std::size_t>(input_shape().elements()) / channels.size();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Scaling& channel = channels[i / plane % channels.size()];
    values[i] = values[i] * channel.scale + channel.offset;
  }
  return result;
}

Dataset Dataset::subset(std::span<const std::int64_t> indices) const {
  validate_shapes();
  for (std::size_t i = 0; i < indices.size(); ++i) {
    if (indices[i] < 0 || indices[i] >= samples()) {
      fail_input("{}: subset: index {} (at position {}) is out of range; there are {} samples, counted from 0", name_of(*this),
                 indices[i], i, samples());
    }
  }
  Dataset result{.inputs = rows_of(inputs, indices),
                 .targets = rows_of(targets, indices),
                 .class_names = class_names,
                 .feature_names = feature_names,
                 .input_scale = input_scale,
                 .input_offset = input_offset,
                 .channel_means = channel_means,
                 .channel_deviations = channel_deviations,
                 .sample_weights = {},
                 .lengths = {},
                 .source = source};
  for (std::size_t i = 0; !lengths.empty() && i < indices.size(); ++i) {
    result.lengths.push_back(lengths[static_cast<std::size_t>(indices[i])]);
  }
  if (!sample_weights.empty()) {
    for (const std::int64_t index : indices) result.sample_weights.push_back(sample_weights[static_cast<std::size_t>(index)]);
  }
  return result;
}

void Dataset::validate_shapes() const {
  const std::string name = name_of(*this);
  if ((inputs.dtype() != DType::u8 && inputs.dtype() != DType::f32 && !has_tokens()) || inputs.shape().rank() < 2) {
    fail_input("{}: inputs are {}, expected u8 or f32 [samples, features…], or tokens i64[samples, time]", name,
               inputs.type().to_string());
  }
  const int rank = targets.shape().rank();
  const bool labels = targets.dtype() == DType::i64 && (rank == 1 || rank == 2);
  if (!labels && (targets.dtype() != DType::f32 || (rank != 2 && rank != 3))) {
    fail_input(
        "{}: targets are {}, expected class labels i64[samples], labels of steps i64[samples, time], values f32[samples, outputs] "
        "or those of steps f32[samples, time, outputs]",
        name, targets.type().to_string());
  }
  if (targets.shape()[0] != samples()) {
    fail_input("{}: {} samples of inputs, but {} of targets", name, samples(), targets.shape()[0]);
  }
  if (!sample_weights.empty() && static_cast<std::int64_t>(sample_weights.size()) != samples()) {
    fail_input("{}: {} samples, but {} sample weights", name, samples(), sample_weights.size());
  }
  if (!lengths.empty()) {
    if (static_cast<std::int64_t>(lengths.size()) != samples()) {
      fail_input("{}: {} samples, but {} lengths of sequences", name, samples(), lengths.size());
    }
    if (has_targets_of_steps() && targets.shape()[1] != inputs.shape()[1]) {
      fail_input("{}: the sequences have {} steps, but their targets {}", name, inputs.shape()[1], targets.shape()[1]);
    }
  }
  if (!labels && !class_names.empty()) {
    fail_input("{}: {} class names, but the targets are values to regress on", name, class_names.size());
  }
  if (!feature_names.empty() &&
      (inputs.shape().rank() != 2 || static_cast<std::int64_t>(feature_names.size()) != inputs.shape()[1])) {
    fail_input("{}: {} feature names for inputs of {}, expected one for each column", name, feature_names.size(),
               inputs.type().to_string());
  }
  if (channel_means.size() != channel_deviations.size()) {
    fail_input("{}: {} channel means, but {} channel deviations", name, channel_means.size(), channel_deviations.size());
  }
  const auto picture = picture_shape(input_shape());
  if (!channel_means.empty() && (!picture || picture->channels != static_cast<std::int64_t>(channel_means.size()))) {
    fail_input("{}: {} channel means for samples of shape {}, expected one for each channel", name, channel_means.size(),
               input_shape().to_string());
  }
  for (std::size_t c = 0; c < channel_means.size(); ++c) {
    if (std::isfinite(channel_means[c]) && std::isfinite(channel_deviations[c]) && channel_deviations[c] > 0) continue;
    fail_input("{}: channel {} (from 0) has mean {} and deviation {}, expected finite numbers, the deviation above 0", name, c,
               channel_means[c], channel_deviations[c]);
  }
  if (!std::isfinite(input_scale) || !std::isfinite(input_offset)) {
    fail_input("{}: input scale {} and offset {} must be finite", name, input_scale, input_offset);
  }
  if (has_tokens() && (input_scale != 1 || input_offset != 0)) fail_input("{}: tokens are names, they cannot be scaled", name);
}

void mark_padding(Dataset& data) {
  data.validate_shapes();
  require_lengths_in_data(data);
  for_padding(data, [&](std::int64_t, std::int64_t first, std::int64_t count) {
    if (data.has_tokens()) {
      fill_rows<std::int64_t>(data.inputs, 2, first, count, 0);
    } else if (data.inputs.dtype() == DType::u8) {
      fill_rows<std::uint8_t>(data.inputs, 2, first, count, 0);
    } else {
      fill_rows<float>(data.inputs, 2, first, count, 0);
    }
    if (!data.has_targets_of_steps()) return;
    if (data.is_classification()) {
      fill_rows<std::int64_t>(data.targets, 2, first, count, kIgnoredLabel);
    } else {
      fill_rows<float>(data.targets, 2, first, count, std::numeric_limits<float>::quiet_NaN());
    }
  });
}

void Dataset::validate() const {
  validate_shapes();
  if (inputs.dtype() == DType::f32) require_finite(*this, inputs, "inputs", feature_names);
  if (has_tokens()) require_tokens(*this);
  require_lengths(*this);
  if (!is_classification()) require_targets(*this);
  for (std::size_t i = 0; i < sample_weights.size(); ++i) {
    if (!std::isfinite(sample_weights[i]) || sample_weights[i] < 0) {
      fail_input("{}: weight of sample {} (from 0) is {}, expected a finite number of at least 0", name_of(*this), i,
                 sample_weights[i]);
    }
  }
  if (!is_classification()) return;
  const std::int64_t bound = class_names.empty() ? kMaxClasses : classes();
  const bool steps = targets.shape().rank() == 2;
  const auto labels = targets.values<std::int64_t>();
  const auto bad = std::ranges::find_if(
      labels, [bound, steps](std::int64_t label) { return (label < 0 || label >= bound) && !(steps && label == kIgnoredLabel); });
  if (bad == labels.end()) return;
  const std::int64_t width = steps ? targets.shape()[1] : 1;
  const std::int64_t place = bad - labels.begin();
  const std::string step = steps ? fmt::format(", step {}", place % width) : "";
  fail_input("{}: label {} of sample {} (from 0){} is out of range, expected 0 to {}{}", name_of(*this), *bad, place / width, step,
             bound - 1, steps ? fmt::format(", or {} where a step does not count", kIgnoredLabel) : "");
}

}  // namespace neurons
