// An npz file as a dataset.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

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

/// Labels, or values to regress on; with `steps`, whole numbers [samples, time] are labels, too.
Tensor make_targets(Tensor tensor, bool steps) {
  const Shape shape = tensor.shape();
  if (steps && shape.rank() == 2 && shape[1] > 1 && is_whole(tensor.dtype())) return tensor.cast(DType::i64);
  const bool one_each = shape.rank() == 1 || (shape.rank() == 2 && shape[1] == 1);
  if (!one_each) return tensor.cast(DType::f32);
  if (is_whole(tensor.dtype())) return tensor.cast(DType::i64).reshaped({shape[0]});
  return tensor.cast(DType::f32).reshaped({shape[0], 1});
}

std::vector<float> make_weights(const Tensor& tensor, const std::string& array, const std::string& name) {
  const Shape& shape = tensor.shape();
  if (shape.rank() != 1)
    fail_input("{}: array {} of sample weights is {}, expected one number a sample", name, array, tensor.type().to_string());
  const Tensor weights = tensor.cast(DType::f32);
  return {weights.values<float>().begin(), weights.values<float>().end()};
}

Tensor make_tokens(const Tensor& tensor, const std::string& array, const std::string& name) {
  if (!is_whole(tensor.dtype())) {
    fail_input("{}: the network takes tokens, but array {} is {}; expected whole numbers", name, array, tensor.type().to_string());
  }
  return tensor.cast(DType::i64);
}

/// `weights` need not be there.
Dataset make_part(Arrays& arrays, const std::string& inputs, const std::string& targets, const std::string& weights,
                  const std::string& name, bool tokens) {
  const auto x = arrays.find(inputs);
  const auto y = arrays.find(targets);
  if (x == arrays.end() || y == arrays.end()) {
    fail_input("{}: holds {}; expected arrays x and y, inputs and targets, or x_train, y_train, x_test and y_test", name,
               names_of(arrays));
  }
  const bool bytes = !tokens && x->second.dtype() == DType::u8;
  Dataset part{.inputs = tokens  ? make_tokens(x->second, inputs, name)
                         : bytes ? std::move(x->second)
                                 : x->second.cast(DType::f32),
               .targets = make_targets(std::move(y->second), tokens),
               .input_scale = bytes ? 1.0F / 255 : 1.0F,
               .source = fmt::format("{} ({}, {})", name, inputs, targets)};
  if (const auto w = arrays.find(weights); w != arrays.end()) part.sample_weights = make_weights(w->second, weights, name);
  part.validate();
  return part;
}

}  // namespace

TrainTest read_npz_data(const std::filesystem::path& path, bool tokens) {
  Arrays arrays = read_npz(path);
  const std::string name = path.string();
  TrainTest data;
  if (arrays.contains("x_train") || arrays.contains("x_test")) {
    data.train = make_part(arrays, "x_train", "y_train", "w_train", name, tokens);
    data.test = make_part(arrays, "x_test", "y_test", "w_test", name, tokens);
    if (data.train.input_shape() != data.test.input_shape() || data.train.is_classification() != data.test.is_classification() ||
        (!data.train.is_classification() && data.train.outputs() != data.test.outputs()) ||
        data.train.inputs.dtype() != data.test.inputs.dtype()) {
      fail_input("{}: the two parts differ: training {} with targets {}, test {} with targets {}", name,
                 data.train.inputs.type().to_string(), data.train.targets.type().to_string(), data.test.inputs.type().to_string(),
                 data.test.targets.type().to_string());
    }
  } else if (arrays.contains("inputs")) {
    data.train = make_part(arrays, "inputs", "targets", "weights", name, tokens);
  } else {
    data.train = make_part(arrays, "x", "y", "w", name, tokens);
  }
  if (data.train.samples() == 0) fail_input("{}: holds no samples", data.train.source);
  name_numbered_classes(data.train, data.test);
  return data;
}

}  // namespace neurons
