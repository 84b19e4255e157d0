#include "neurons/layers/waves.hpp"

#include <cmath>

namespace neurons {

std::vector<Wave> encoding_waves(std::int64_t width, double period) {
  std::vector<Wave> waves;
  for (std::int64_t i = 0; i < width; ++i) {
    const double exponent = static_cast<double>(i - i % 2) / static_cast<double>(width);
    waves.push_back({std::pow(period, exponent), i % 2 != 0});
  }
  return waves;
}

std::vector<Wave> rotary_waves(std::int64_t pairs, bool cosines) {
  constexpr double kPeriod = 10000;
  std::vector<Wave> waves;
  for (std::int64_t i = 0; i < pairs; ++i) {
    waves.push_back({std::pow(kPeriod, static_cast<double>(i) / static_cast<double>(pairs)), cosines});
  }
  return waves;
}

Tensor wave_table(const Shape& shape, const std::vector<Wave>& waves) {
  std::vector<float> values;
  values.reserve(static_cast<std::size_t>(shape.elements()));
  for (std::int64_t t = 0; t < shape[-2]; ++t) {
    for (const Wave& wave : waves) {
      const double angle = static_cast<double>(t) / wave.radian;
      values.push_back(static_cast<float>(wave.cosine ? std::cos(angle) : std::sin(angle)));
    }
  }
  return Tensor::of<float>(shape, values);
}

}  // namespace neurons
