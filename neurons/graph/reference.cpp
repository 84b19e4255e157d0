#include "neurons/graph/op.hpp"

namespace neurons {

ReferenceTensor widen(const Tensor& tensor) {
  const Tensor wide = tensor.cast(DType::f64);
  const auto values = wide.values<double>();
  return {tensor.type(), {values.begin(), values.end()}};
}

Tensor narrow(const ReferenceTensor& tensor) { return Tensor::of<double>(tensor.type.shape, tensor.data).cast(tensor.type.dtype); }

}  // namespace neurons
