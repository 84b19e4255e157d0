#include "neurons/ops/common/comparison.hpp"

namespace neurons::ops {

OpDef truth_op(std::string name, std::string summary, std::size_t inputs, int since, std::span<const DType> allowed,
               std::function<kernels::TileFunction(const InferContext&)> loop, ScalarFunction scalar) {
  OpDef op = elementwise(std::move(name), std::move(summary), inputs, nullptr, std::move(scalar));
  op.infer = [types = std::vector<DType>(allowed.begin(), allowed.end())](const InferContext& context) -> std::vector<TensorType> {
    return {{DType::boolean, broadcast_shape(context, types)}};
  };
  op.elementwise->function = std::move(loop);
  op.not_differentiable = "the result is a truth value";
  op.onnx = {{op.name, since, ""}};
  return op;
}

namespace detail {

std::vector<Sample> comparison_samples() {
  std::vector<Sample> samples = number_samples(Sample::Fill::normal);
  const Tensor some = Tensor::of<float>({5}, std::vector<float>{-1, -0.0F, 0, 2, 3});
  const Tensor others = Tensor::of<float>({5}, std::vector<float>{-1, 0, 1, 2, -3});
  samples.push_back({{{some.type(), Sample::Fill::given, 1, some}, {others.type(), Sample::Fill::given, 1, others}}, {}, "ties"});
  return samples;
}

std::vector<Sample> logical_samples(std::size_t inputs) {
  std::vector<Sample> samples;
  for (const Shape& shape : {Shape{}, Shape{17}, Shape{5, 7}, Shape{0, 4}}) {
    Sample sample{{{{DType::boolean, shape}, Sample::Fill::boolean}}, {}, shape.to_string()};
    if (inputs == 2)
      sample.inputs.push_back({{DType::boolean, shape.rank() < 2 ? shape : Shape{shape[-1]}}, Sample::Fill::boolean});
    samples.push_back(std::move(sample));
  }
  return samples;
}

}  // namespace detail
}  // namespace neurons::ops
