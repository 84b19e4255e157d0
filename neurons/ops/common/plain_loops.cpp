#include "neurons/ops/common/plain_loops.hpp"

namespace neurons::ops {

std::vector<Sample> integer_samples() {
  std::vector<Sample> samples;
  for (const DType dtype : {DType::i64, DType::i32, DType::u8}) {
    samples.push_back({{{{dtype, {5, 7}}, Sample::Fill::index, 12}, {{dtype, {7}}, Sample::Fill::index, 9}},
                       NoOptions{},
                       std::string(name_of(dtype))});
  }
  const Sample::Fill fill = Sample::Fill::away_from_0;
  samples.push_back({{{{DType::f64, {5, 7}}, fill, 1, {}, false}, {{DType::f64, {7}}, fill, 1, {}, false}}, NoOptions{}, "f64"});
  return samples;
}

Sample signed_integers() {
  const Tensor values = Tensor::of<std::int64_t>({5}, std::vector<std::int64_t>{-3, 0, 7, -(std::int64_t{1} << 40), 1});
  return {{{values.type(), Sample::Fill::given, 1, values}}, NoOptions{}, "integers"};
}

std::vector<Sample> number_samples(Sample::Fill fill) {
  std::vector<Sample> samples = binary_samples(fill);
  for (Sample& sample : integer_samples()) samples.push_back(std::move(sample));
  return samples;
}

}  // namespace neurons::ops
