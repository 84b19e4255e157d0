// An npz file as a dataset.
#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "neurons/data/place_of_value.hpp"
#include "neurons/data/readers/npy.hpp"
#include "neurons/data/readers/numbered_classes.hpp"

namespace neurons {
namespace {

using Arrays = std::map<std::string, Tensor>;

std::string names_of(const Arrays& arrays) {
  std::string names;
  for (const auto& [name, tensor] : arrays) names += (names.empty() ? "" : ", ") + name;
  return names.empty() ? "nothing" : names;
}

bool is_whole(DType dtype) noexcept { return dtype != DType::f32 && dtype != DType::f64; }

/// Numbers as f32. Throws InputError for those of f64 that are beyond its range; infinite ones stay so.
Tensor floats_of(const Tensor& tensor, const std::string& name) {
  Tensor floats = tensor.cast(DType::f32);
  if (tensor.dtype() != DType::f64) return floats;
  const auto values = tensor.values<double>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i]) || std::isfinite(floats.values<float>()[i])) continue;
    fail_input("{}: {} is {}, beyond float32's range (±3.4e38); scale the values, or leave the sample out", name,
               place_of_value(i, tensor.shape()), values[i]);
  }
  return floats;
}

/// Labels, or values to regress on.
Tensor make_targets(const Tensor& tensor, const std::string& name) {
  const Shape shape = tensor.shape();
  const bool one_each = shape.rank() == 1 || (shape.rank() == 2 && shape[1] == 1);
  if (!one_each) return floats_of(tensor, name);
  if (is_whole(tensor.dtype())) return tensor.cast(DType::i64).reshaped({shape[0]});
  return floats_of(tensor, name).reshaped({shape[0], 1});
}

/// Tokens, or numbers for each step.
Tensor make_sequences(const Tensor& tensor, const std::string& name, bool tokens) {
  const int rank = tensor.shape().rank();
  if (tokens && (rank != 2 || !is_whole(tensor.dtype()))) {
    fail_input("{} is {}, expected tokens: whole numbers [samples, time]", name, tensor.type().to_string());
  }
  if (!tokens && rank < 3) {
    fail_input("{} is {}, expected numbers [samples, time, features], or with tokens = true whole numbers [samples, time]", name,
               tensor.type().to_string());
  }
  return tokens ? tensor.cast(DType::i64) : floats_of(tensor, name);
}

/// Of sequences of so many steps: labels [samples, time] or values [samples, time, values] of steps, or targets of whole sequences.
Tensor make_step_targets(const Tensor& tensor, const std::string& name, std::int64_t time) {
  const Shape shape = tensor.shape();
  const bool labels = shape.rank() == 2 && shape[1] != 1 && is_whole(tensor.dtype());
  if ((labels || shape.rank() == 3) && shape[1] != time) {
    fail_input("{} is {}, but the sequences have {} steps; expected {}", name, tensor.type().to_string(), time,
               labels ? "labels [samples, time], or [samples]" : "values [samples, time, values]");
  }
  return labels ? tensor.cast(DType::i64) : make_targets(tensor, name);
}

/// The lengths in array `lengths` or what the options call it, with `part` behind; none where there is no such array and none is
/// asked for.
std::vector<std::int64_t> make_lengths(const Arrays& arrays, const SequenceOptions& sequences, std::string_view part,
                                       const std::string& name) {
  const std::string array = (sequences.lengths.empty() ? "lengths" : sequences.lengths) + std::string(part);
  const auto found = arrays.find(array);
  if (found == arrays.end()) {
    if (!sequences.lengths.empty()) fail_input("{}: holds {}, but no array {} of lengths", name, names_of(arrays), array);
    return {};
  }
  const Tensor& tensor = found->second;
  if (tensor.shape().rank() != 1 || !is_whole(tensor.dtype())) {
    fail_input("{}: array {} of lengths is {}, expected a whole number for each sample", name, array, tensor.type().to_string());
  }
  const Tensor lengths = tensor.cast(DType::i64);
  return {lengths.values<std::int64_t>().begin(), lengths.values<std::int64_t>().end()};
}

std::vector<float> make_weights(const Tensor& tensor, const std::string& name) {
  const Shape& shape = tensor.shape();
  if (shape.rank() != 1) fail_input("{} of sample weights is {}, expected one number a sample", name, tensor.type().to_string());
  const Tensor weights = floats_of(tensor, name);
  return {weights.values<float>().begin(), weights.values<float>().end()};
}

/// What the arrays of one part are called: "x", "y", "w"; "x_train", …
struct PartNames {
  std::string inputs, targets, weights;
  std::string_view part{};  ///< behind the name of the lengths
};

/// Weights and lengths need not be there.
Dataset make_part(Arrays& arrays, const PartNames& names, const std::string& name, const SequenceOptions* sequences) {
  const auto x = arrays.find(names.inputs);
  const auto y = arrays.find(names.targets);
  if (x == arrays.end() || y == arrays.end()) {
    fail_input("{}: holds {}; expected arrays x and y, inputs and targets, or x_train, y_train, x_test and y_test", name,
               names_of(arrays));
  }
  Dataset part;
  part.source = fmt::format("{} ({}, {})", name, names.inputs, names.targets);
  const auto described = [&](const std::string& array) { return fmt::format("{}: array {}", name, array); };
  for (const auto& found : {x, y}) {
    if (found->second.shape().rank() > 0) continue;
    fail_input("{} is {}, a single number, expected one or several for each sample; save it with an axis of samples in front",
               described(found->first), found->second.type().to_string());
  }
  if (sequences != nullptr) {
    part.inputs = make_sequences(x->second, described(names.inputs), sequences->tokens);
    part.targets = make_step_targets(y->second, described(names.targets), part.inputs.shape()[1]);
    part.lengths = make_lengths(arrays, *sequences, names.part, name);
  } else {
    const bool bytes = x->second.dtype() == DType::u8;
    part.inputs = bytes ? std::move(x->second) : floats_of(x->second, described(names.inputs));
    part.targets = make_targets(y->second, described(names.targets));
    part.input_scale = bytes ? 1.0F / 255 : 1.0F;
  }
  if (const auto w = arrays.find(names.weights); w != arrays.end())
    part.sample_weights = make_weights(w->second, described(names.weights));
  if (!part.lengths.empty()) mark_padding(part);
  part.validate();
  return part;
}

}  // namespace

TrainTest read_npz_data(const std::filesystem::path& path, const SequenceOptions* sequences) {
  Arrays arrays = read_npz(path);
  const std::string name = path.string();
  TrainTest data;
  if (arrays.contains("x_train") || arrays.contains("x_test")) {
    data.train = make_part(arrays, {"x_train", "y_train", "w_train", "_train"}, name, sequences);
    data.test = make_part(arrays, {"x_test", "y_test", "w_test", "_test"}, name, sequences);
    if (data.train.input_shape() != data.test.input_shape() || data.train.is_classification() != data.test.is_classification() ||
        (!data.train.is_classification() && data.train.outputs() != data.test.outputs()) ||
        data.train.has_targets_of_steps() != data.test.has_targets_of_steps() ||
        data.train.inputs.dtype() != data.test.inputs.dtype()) {
      fail_input("{}: the two parts differ: training {} with targets {}, test {} with targets {}", name,
                 data.train.inputs.type().to_string(), data.train.targets.type().to_string(), data.test.inputs.type().to_string(),
                 data.test.targets.type().to_string());
    }
  } else if (arrays.contains("inputs")) {
    data.train = make_part(arrays, {"inputs", "targets", "weights"}, name, sequences);
  } else {
    data.train = make_part(arrays, {"x", "y", "w"}, name, sequences);
  }
  if (data.train.samples() == 0) fail_input("{}: holds no samples", data.train.source);
  name_numbered_classes(data.train, data.test);
  return data;
}

Dataset read_npz_inputs(const std::filesystem::path& path, const SequenceOptions& sequences) {
  const Arrays arrays = read_npz(path);
  const std::string name = path.string();
  const std::string array = arrays.contains("inputs") ? "inputs" : "x";
  const auto found = arrays.find(array);
  if (found == arrays.end()) fail_input("{}: holds {}; expected an array x or inputs", name, names_of(arrays));
  Dataset data;
  data.source = name;
  data.inputs = make_sequences(found->second, fmt::format("{}: array {}", name, array), sequences.tokens);
  data.targets = Tensor(DType::i64, {data.samples()});
  data.lengths = make_lengths(arrays, sequences, "", name);
  if (!data.lengths.empty()) mark_padding(data);
  data.validate();
  return data;
}

}  // namespace neurons
