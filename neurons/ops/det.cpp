#include <algorithm>
#include <cmath>

#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/only_f32.hpp"

namespace neurons::ops {
namespace {

/// The determinant of `a`, n × n, which is overwritten: Gauss's elimination with partial pivots.
double determinant(double* a, std::int64_t n) noexcept {
  double product = 1;
  for (std::int64_t k = 0; k < n; ++k) {
    std::int64_t pivot = k;
    for (std::int64_t i = k + 1; i < n; ++i) {
      if (std::abs(a[i * n + k]) > std::abs(a[pivot * n + k])) pivot = i;
    }
    if (pivot != k) {
      std::swap_ranges(a + k * n, a + (k + 1) * n, a + pivot * n);
      product = -product;
    }
    product *= a[k * n + k];
    if (a[k * n + k] == 0) return product;
    for (std::int64_t i = k + 1; i < n; ++i) {
      const double factor = a[i * n + k] / a[k * n + k];
      for (std::int64_t j = k; j < n; ++j) a[i * n + j] -= factor * a[k * n + j];
    }
  }
  return product;
}

template <typename T>
double determinant_of(const T* x, std::int64_t n, double* scratch) noexcept {
  for (std::int64_t i = 0; i < n * n; ++i) scratch[i] = static_cast<double>(x[i]);
  return determinant(scratch, n);
}

/// dx[i][j] = dy · the cofactor of x[i][j]: defined where x has no inverse, too.
template <typename T>
void differentiate(T dy, const T* x, T* dx, std::int64_t n, double* scratch) noexcept {
  for (std::int64_t row = 0; row < n; ++row) {
    for (std::int64_t column = 0; column < n; ++column) {
      double* to = scratch;
      for (std::int64_t i = 0; i < n; ++i) {
        for (std::int64_t j = 0; i != row && j < n; ++j) {
          if (j != column) *to++ = static_cast<double>(x[i * n + j]);
        }
      }
      const double minor = determinant(scratch, n - 1);
      dx[row * n + column] = static_cast<T>(static_cast<double>(dy) * ((row + column) % 2 == 0 ? minor : -minor));
    }
  }
}

void check(const InferContext& context, const Shape& x) {
  if (context.dtype() != DType::f32 && context.dtype() != DType::f64) context.fail("expects floats");
  if (x.rank() < 2 || x[-1] != x[-2]) context.fail("expects square matrices");
}

Shape batch_of(const Shape& x) { return Shape(x.extents().first(static_cast<std::size_t>(x.rank() - 2))); }

struct DetCall {
  std::int64_t count = 0, n = 0;
  const float* x = nullptr;
  const float* dy = nullptr;
  float* y = nullptr;  ///< or dx
};

void run(const DetCall& call, std::byte* scratch, Worker worker) noexcept {
  const auto [begin, end] = split_work(static_cast<std::size_t>(call.count), worker);
  for (auto i = static_cast<std::int64_t>(begin); i < static_cast<std::int64_t>(end); ++i) {
    call.y[i] = static_cast<float>(determinant_of(call.x + i * call.n * call.n, call.n, reinterpret_cast<double*>(scratch)));
  }
}

void run_gradient(const DetCall& call, std::byte* scratch, Worker worker) noexcept {
  const auto [begin, end] = split_work(static_cast<std::size_t>(call.count), worker);
  for (auto i = static_cast<std::int64_t>(begin); i < static_cast<std::int64_t>(end); ++i) {
    const std::int64_t at = i * call.n * call.n;
    differentiate(call.dy[i], call.x + at, call.y + at, call.n, reinterpret_cast<double*>(scratch));
  }
}

Call call_of(const PrepareContext& context, const Buffer& x, bool gradient) {
  const Shape& shape = x.type.shape;
  const DetCall call{batch_of(shape).elements(), shape[-1], x.as<float>(), context.inputs[0].as<float>(),
                     context.outputs[0].as<float>()};
  const auto scratch = static_cast<std::size_t>(call.n * call.n) * sizeof(double);
  return gradient ? Call::of<run_gradient>(call, true, scratch) : Call::of<run>(call, true, scratch);
}

std::vector<Shape> shapes() { return {{1, 1}, {2, 2}, {2, 3, 3}, {5, 2, 4, 4}, {7, 7}, {0, 3, 3}, {2, 0, 0}}; }

OpDef gradient_op(const OpDef& forward) {
  OpDef op;
  op.name = "DetGradient";
  op.summary = "dx = dy · the cofactors of x; inputs dy, x";
  op.source = forward.source;
  op.minimum_inputs = op.maximum_inputs = 2;
  op.infer = [](const InferContext& context) -> std::vector<TensorType> {
    check(context, context.shape(1));
    if (context.shape(0) != batch_of(context.shape(1))) context.fail("expects dy {}", batch_of(context.shape(1)).to_string());
    return {context.inputs[1]};
  };
  op.kernels = {{"minors", only_f32, [](const PrepareContext& context) { return call_of(context, context.inputs[1], true); }}};
  op.reference = [](const ReferenceContext& context) {
    const ReferenceTensor& x = *context.inputs[1];
    const std::int64_t n = x.type.shape[-1];
    std::vector<double> scratch(static_cast<std::size_t>(n * n));
    for (std::int64_t i = 0; i < context.inputs[0]->elements(); ++i) {
      differentiate(context.inputs[0]->data[static_cast<std::size_t>(i)], x.data.data() + i * n * n,
                    context.outputs[0].data.data() + i * n * n, n, scratch.data());
    }
  };
  op.not_differentiable = "second derivatives of determinants are not written";
  op.flops = [](const InferContext& context) {
    const auto n = static_cast<double>(context.shape(1)[-1]);
    return static_cast<double>(context.shape(1).elements()) * n * n * n / 1.5;
  };
  op.samples = [] {
    std::vector<Sample> samples;
    for (const Shape& x : shapes()) samples.push_back({{{{DType::f32, batch_of(x)}}, {{DType::f32, x}}}, {}, x.to_string()});
    return samples;
  };
  return op;
}

}  // namespace

/// The gradient takes n⁵ steps: it is for small matrices.
std::vector<OpDef> det() {
  OpDef op;
  op.name = "Det";
  op.summary = "The determinant of each matrix of the last two axes";
  op.source = "https://onnx.ai/onnx/operators/onnx__Det.html";
  op.infer = [](const InferContext& context) -> std::vector<TensorType> {
    check(context, context.shape(0));
    return {{context.dtype(), batch_of(context.shape(0))}};
  };
  op.kernels = {
      {"elimination", only_f32, [](const PrepareContext& context) { return call_of(context, context.inputs[0], false); }}};
  op.reference = [](const ReferenceContext& context) {
    const ReferenceTensor& x = *context.inputs[0];
    const std::int64_t n = x.type.shape[-1];
    std::vector<double> scratch(static_cast<std::size_t>(n * n));
    for (std::int64_t i = 0; i < context.outputs[0].elements(); ++i) {
      context.outputs[0].data[static_cast<std::size_t>(i)] = determinant_of(x.data.data() + i * n * n, n, scratch.data());
    }
  };
  op.gradient = [](GradientContext& context) {
    context.set(0, context.graph().emit("DetGradient", {context.gradient(), context.input(0)}));
  };
  op.flops = [](const InferContext& context) {
    return static_cast<double>(context.shape(0).elements()) * static_cast<double>(context.shape(0)[-1]) / 1.5;
  };
  op.onnx = {{"Det", 11, ""}};
  op.samples = [] {
    std::vector<Sample> samples;
    for (const Shape& x : shapes()) samples.push_back({{{{DType::f32, x}}}, {}, x.to_string()});
    return samples;
  };
  std::vector<OpDef> ops;
  ops.push_back(gradient_op(op));
  ops.push_back(std::move(op));
  return ops;
}

}  // namespace neurons::ops
