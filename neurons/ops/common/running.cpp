#include "neurons/ops/common/running.hpp"

#include <functional>
#include <utility>

#include "neurons/ops/common/move.hpp"
#include "neurons/ops/common/plain_loops.hpp"

namespace neurons::ops {
namespace {

std::vector<TensorType> infer_running(const InferContext& context) {
  const std::int64_t axis = context.as<RunningOptions>().axis;
  const Shape& x = context.shape(0);
  if (context.dtype() == DType::boolean || context.dtype() == DType::u8) context.fail("expects floats, i32 or i64");
  if (axis < -x.rank() || axis >= x.rank()) context.fail("there is no axis {}", axis);
  return {context.inputs[0]};
}

/// x as [outer, axis, inner], and how to walk the axis.
struct Walk {
  Walk(const Shape& shape, const RunningOptions& given, bool by_product) : options(given), product(by_product) {
    const int place = shape.normalized_axis(options.axis);
    outer = shape.product(0, place);
    axis = shape[place];
    inner = shape.product(place + 1, shape.rank());
  }
  std::int64_t rows() const { return outer * inner; }
  /// Where a row begins.
  std::int64_t place(std::int64_t row) const { return row / inner * axis * inner + row % inner; }

  template <typename T>
  void run(const T* x, T* y) const noexcept {
    T so_far = product ? 1 : 0;
    for (std::int64_t i = 0; i < axis; ++i) {
      const std::int64_t at = (options.reverse ? axis - 1 - i : i) * inner;
      const T before = so_far;
      so_far = product ? wrapping(so_far, x[at], std::multiplies<>()) : wrapping(so_far, x[at], std::plus<>());
      y[at] = options.exclusive ? before : so_far;
    }
  }

  RunningOptions options;
  bool product = false;
  std::int64_t outer = 0, axis = 0, inner = 0;
};

struct RunningCall {
  Walk walk;
  const std::byte* x = nullptr;
  std::byte* y = nullptr;
};

template <typename T>
void run_walk(const RunningCall& call, std::byte*, Worker worker) noexcept {
  const T* x = reinterpret_cast<const T*>(call.x);
  T* y = reinterpret_cast<T*>(call.y);
  const auto [begin, end] = split_work(static_cast<std::size_t>(call.walk.rows()), worker);
  for (auto row = static_cast<std::int64_t>(begin); row < static_cast<std::int64_t>(end); ++row) {
    call.walk.run(x + call.walk.place(row), y + call.walk.place(row));
  }
}

Call prepare_running(const PrepareContext& context, bool product) {
  const RunningCall call{Walk(context.inputs[0].type.shape, context.as<RunningOptions>(), product), context.inputs[0].data,
                         context.outputs[0].data};
  switch (context.inputs[0].type.dtype) {
    case DType::f64:
      return Call::of<run_walk<double>>(call, true);
    case DType::i32:
      return Call::of<run_walk<std::int32_t>>(call, true);
    case DType::i64:
      return Call::of<run_walk<std::int64_t>>(call, true);
    default:
      return Call::of<run_walk<float>>(call, true);
  }
}

std::vector<Sample> running_samples() {
  const Sample::Fill fill = Sample::Fill::away_from_0;
  return {{{{{DType::f32, {5}}, fill}}, RunningOptions{}, "a vector"},
          {{{{DType::f32, {3, 7}}, fill}}, RunningOptions{1, true}, "rows, each without itself"},
          {{{{DType::f32, {2, 5, 3}}, fill}}, RunningOptions{-2, false, true}, "the middle axis from the end"},
          {{{{DType::f32, {2, 5, 3}}, fill}}, RunningOptions{1, true, true}, "the middle axis from the end, without itself"},
          {{{{DType::i64, {3, 4}}, Sample::Fill::index, 9}}, RunningOptions{1}, "integers"},
          {{{{DType::i32, {3, 4}}, Sample::Fill::index, 9}}, RunningOptions{0}, "integers of 32 bits"},
          {{{{DType::f64, {3, 4}}, fill}}, RunningOptions{0}, "in double"},
          {{{{DType::f32, {0, 3}}}}, RunningOptions{0}, "nothing"}};
}

}  // namespace

OpDef running_op(std::string name, std::string summary, int since, bool product) {
  OpDef op = mover(std::move(name), std::move(summary), since, RunningOptions{});
  op.onnx_inputs = {{1, "axis", since}};
  op.infer = infer_running;
  op.kernels = {{product ? "running products" : "running sums", nullptr,
                 [product](const PrepareContext& context) { return prepare_running(context, product); }}};
  op.reference = [product](const ReferenceContext& context) {
    const Walk walk(context.inputs[0]->type.shape, context.as<RunningOptions>(), product);
    for (std::int64_t row = 0; row < walk.rows(); ++row) {
      walk.run(context.inputs[0]->data.data() + walk.place(row), context.outputs[0].data.data() + walk.place(row));
    }
  };
  op.may_alias = [](const InferContext&) { return std::vector<std::pair<int, int>>{{0, 0}}; };
  op.flops = [](const InferContext& context) { return static_cast<double>(context.shape(0).elements()); };
  op.samples = running_samples;
  return op;
}

}  // namespace neurons::ops
