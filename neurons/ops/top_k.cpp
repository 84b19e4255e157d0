#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "neurons/ops/common/choose.hpp"
#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/move.hpp"
#include "neurons/ops/common/only_f32.hpp"

namespace neurons::ops {
namespace {

struct TopKOptions {
  std::int64_t k = 1;
  std::int64_t axis = -1;
  bool largest = true;
  bool sorted = true;  ///< false: any order would do; it is the same

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("k", self.k);
    visit("axis", self.axis);
    visit("largest", self.largest);
    visit("sorted", self.sorted);
  }
};

std::vector<TensorType> infer(const InferContext& context) {
  const auto& options = context.as<TopKOptions>();
  const Shape& x = context.shape(0);
  if (context.dtype() == DType::boolean) context.fail("expects numbers");
  if (options.axis < -x.rank() || options.axis >= x.rank()) context.fail("there is no axis {}", options.axis);
  const int axis = x.normalized_axis(options.axis);
  if (options.k < 0 || options.k > x[axis])
    context.fail("k = {} must be from 0 to the {} elements of axis {}", options.k, x[axis], axis);
  const Shape y = x.with(axis, options.k);
  return {{context.dtype(), y}, {DType::i64, y}};
}

/// The places of the k best of `extent` elements, `inner` apart, best first; of equals the first one; NaN is larger than all.
template <typename T>
void choose_best(const T* x, std::int64_t extent, std::int64_t inner, const TopKOptions& options, std::int64_t* places) noexcept {
  const auto better = [&](std::int64_t a, std::int64_t b) {
    const T left = x[a * inner];
    const T right = x[b * inner];
    const bool nan_left = std::isnan(left);
    const bool nan_right = std::isnan(right);
    if (nan_left || nan_right) {
      if (nan_left != nan_right) return options.largest ? nan_left : nan_right;
    } else if (left != right) {
      return options.largest ? left > right : left < right;
    }
    return a < b;
  };
  std::iota(places, places + extent, 0);
  std::partial_sort(places, places + options.k, places + extent, better);
}

struct TopKCall {
  std::int64_t outer = 0, extent = 0, inner = 0;
  TopKOptions options;
  const float* x = nullptr;
  float* values = nullptr;
  std::int64_t* indices = nullptr;
};

void run(const TopKCall& call, std::byte* scratch, Worker worker) noexcept {
  auto* const places = reinterpret_cast<std::int64_t*>(scratch);
  const auto [begin, end] = split_work(static_cast<std::size_t>(call.outer * call.inner), worker);
  for (auto row = static_cast<std::int64_t>(begin); row < static_cast<std::int64_t>(end); ++row) {
    const float* const x = call.x + row / call.inner * call.extent * call.inner + row % call.inner;
    choose_best(x, call.extent, call.inner, call.options, places);
    const std::int64_t to = row / call.inner * call.options.k * call.inner + row % call.inner;
    for (std::int64_t i = 0; i < call.options.k; ++i) {
      call.values[to + i * call.inner] = x[places[i] * call.inner];
      call.indices[to + i * call.inner] = places[i];
    }
  }
}

Call prepare(const PrepareContext& context) {
  const Shape& shape = context.inputs[0].type.shape;
  TopKCall call;
  call.options = context.as<TopKOptions>();
  const int axis = shape.normalized_axis(call.options.axis);
  call.outer = shape.product(0, axis);
  call.extent = shape[axis];
  call.inner = shape.product(axis + 1, shape.rank());
  call.x = context.inputs[0].as<float>();
  call.values = context.outputs[0].as<float>();
  call.indices = context.outputs[1].as<std::int64_t>();
  return Call::of<run>(call, true, static_cast<std::size_t>(call.extent) * sizeof(std::int64_t));
}

void reference(const ReferenceContext& context) {
  const auto& options = context.as<TopKOptions>();
  const Shape& shape = context.inputs[0]->type.shape;
  const int axis = shape.normalized_axis(options.axis);
  const std::int64_t inner = shape.product(axis + 1, shape.rank());
  std::vector<std::int64_t> places(static_cast<std::size_t>(shape[axis]));
  for (std::int64_t row = 0; row < shape.product(0, axis) * inner; ++row) {
    const double* const x = context.inputs[0]->data.data() + row / inner * shape[axis] * inner + row % inner;
    choose_best(x, shape[axis], inner, options, places.data());
    for (std::int64_t i = 0; i < options.k; ++i) {
      const auto to = static_cast<std::size_t>((row / inner * options.k + i) * inner + row % inner);
      context.outputs[0].data[to] = x[places[static_cast<std::size_t>(i)] * inner];
      context.outputs[1].data[to] = static_cast<double>(places[static_cast<std::size_t>(i)]);
    }
  }
}

std::vector<Sample> samples() {
  const Tensor ties = Tensor::of<float>({2, 5}, std::vector<float>{1, 3, 3, -3, 3, 2, 2, 2, 2, 2});
  return {{{{{DType::f32, {3, 7}}, Sample::Fill::distinct}}, TopKOptions{3}, "rows"},
          {{{{DType::f32, {2, 5, 3}}, Sample::Fill::distinct}}, TopKOptions{2, 1, false}, "the smallest of the middle axis"},
          {{{{DType::f32, {67}}, Sample::Fill::distinct}}, TopKOptions{67, 0}, "all"},
          {{{ties.type(), Sample::Fill::given, 1, ties, false}}, TopKOptions{3}, "ties"},
          {{{{DType::i64, {9}}, Sample::Fill::index, 4}}, TopKOptions{4, 0, true, false}, "integers"},
          {{{{DType::f32, {2, 3}}, Sample::Fill::distinct}}, TopKOptions{0}, "none"},
          {{{{DType::f32, {0, 3}}}}, TopKOptions{2}, "no rows"}};
}

}  // namespace

std::vector<OpDef> top_k() {
  OpDef op = mover("TopK", "The k largest (or smallest) elements along the axis, best first, and their places", 1, TopKOptions{});
  op.onnx_inputs = {{1, "k", 10}};
  op.infer = infer;
  op.kernels = {{"partial sort", only_f32, prepare}};
  op.reference = reference;
  op.gradient = [](GradientContext& context) {
    const Value dy = context.gradient();
    const Value none = expanded(number_like(dy, 0), context.input(0).shape());
    context.set(0, emit_with("ScatterElements", {none, context.output(1), dy},
                             {{"axis", context.as<TopKOptions>().axis}, {"reduction", std::string("add")}}));
  };
  op.flops = nullptr;
  op.samples = samples;
  return {std::move(op)};
}

}  // namespace neurons::ops
