#pragma once
/// What the tests of training share: small data sets and networks.

#include <cmath>

#include "neurons/base/random.hpp"
#include "neurons/layers/activations.hpp"
#include "neurons/layers/dense.hpp"
#include "neurons/layers/dropout.hpp"
#include "neurons/training/trainer.hpp"

namespace neurons::testing {

inline Tensor floats(const Shape& shape, const std::vector<float>& values) { return Tensor::of<float>(shape, values); }
inline Tensor labels(const std::vector<std::int64_t>& values) {
  return Tensor::of<std::int64_t>({static_cast<std::int64_t>(values.size())}, values);
}

/// Points around the corners of a square, one class for each corner, f32 [samples, 2].
inline Dataset corners(std::int64_t samples, std::uint64_t seed, double spread = 0.5) {
  Dataset data;
  data.inputs = Tensor(DType::f32, {samples, 2});
  data.targets = Tensor(DType::i64, {samples});
  data.class_names = {"a", "b", "c", "d"};
  data.source = "corners";
  RandomStream random(seed);
  for (std::size_t i = 0; i < static_cast<std::size_t>(samples); ++i) {
    const auto corner = static_cast<std::int64_t>(random.below(4));
    data.targets.values<std::int64_t>()[i] = corner;
    data.inputs.values<float>()[2 * i] = static_cast<float>((corner % 2 == 0 ? -1 : 1) + spread * random.normal());
    data.inputs.values<float>()[2 * i + 1] = static_cast<float>((corner < 2 ? -1 : 1) + spread * random.normal());
  }
  return data;
}

/// y = x0 · x1 + ½ x0, f32 [samples, 1].
inline Dataset products(std::int64_t samples, std::uint64_t seed) {
  Dataset data;
  data.inputs = Tensor(DType::f32, {samples, 2});
  data.targets = Tensor(DType::f32, {samples, 1});
  data.source = "products";
  RandomStream random(seed);
  for (std::size_t i = 0; i < static_cast<std::size_t>(samples); ++i) {
    const double a = random.uniform(-1, 1);
    const double b = random.uniform(-1, 1);
    data.inputs.values<float>()[2 * i] = static_cast<float>(a);
    data.inputs.values<float>()[2 * i + 1] = static_cast<float>(b);
    data.targets.values<float>()[i] = static_cast<float>(a * b + 0.5 * a);
  }
  return data;
}

inline Network classifier() { return Sequential{{2}, Dense{16}, Tanh{}, Dropout{0.2F}, Dense{4}}; }
inline Network regressor() { return Sequential{{2}, Dense{16}, Tanh{}, Dense{1}}; }

}  // namespace neurons::testing
