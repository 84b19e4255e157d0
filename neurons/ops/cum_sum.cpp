#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/move.hpp"
#include "neurons/ops/common/only_f32.hpp"

namespace neurons::ops {
namespace {

struct CumSumOptions {
  std::int64_t axis = 0;
  bool exclusive = false;  ///< a sum leaves its own element out
  bool reverse = false;    ///< sums from the end

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("axis", self.axis);
    visit("exclusive", self.exclusive);
    visit("reverse", self.reverse);
  }
};

std::vector<TensorType> infer(const InferContext& context) {
  const std::int64_t axis = context.as<CumSumOptions>().axis;
  const Shape& x = context.shape(0);
  if (context.dtype() == DType::boolean || context.dtype() == DType::u8) context.fail("expects floats, i32 or i64");
  if (axis < -x.rank() || axis >= x.rank()) context.fail("there is no axis {}", axis);
  return {context.inputs[0]};
}

/// Walks the axis of [outer, axis, inner] in the order of the sums; `sum` is kept in the type of the sums.
template <typename Sum, typename X, typename Y>
void sum_row(const X* x, Y* y, std::int64_t axis, std::int64_t inner, const CumSumOptions& options) noexcept {
  Sum sum = 0;
  for (std::int64_t i = 0; i < axis; ++i) {
    const std::int64_t at = (options.reverse ? axis - 1 - i : i) * inner;
    const Sum before = sum;
    sum += static_cast<Sum>(x[at]);
    y[at] = static_cast<Y>(options.exclusive ? before : sum);
  }
}

struct CumSumCall {
  std::int64_t outer = 0, axis = 0, inner = 0;
  CumSumOptions options;
  const float* x = nullptr;
  float* y = nullptr;
};

void run(const CumSumCall& call, std::byte*, Worker worker) noexcept {
  const auto [begin, end] = split_work(static_cast<std::size_t>(call.outer * call.inner), worker);
  for (auto row = static_cast<std::int64_t>(begin); row < static_cast<std::int64_t>(end); ++row) {
    const std::int64_t at = row / call.inner * call.axis * call.inner + row % call.inner;
    sum_row<float>(call.x + at, call.y + at, call.axis, call.inner, call.options);
  }
}

Call prepare(const PrepareContext& context) {
  const Shape& shape = context.inputs[0].type.shape;
  CumSumCall call;
  call.options = context.as<CumSumOptions>();
  const int axis = shape.normalized_axis(call.options.axis);
  call.outer = shape.product(0, axis);
  call.axis = shape[axis];
  call.inner = shape.product(axis + 1, shape.rank());
  call.x = context.inputs[0].as<float>();
  call.y = context.outputs[0].as<float>();
  return Call::of<run>(call, true);
}

void reference(const ReferenceContext& context) {
  const Shape& shape = context.inputs[0]->type.shape;
  const int axis = shape.normalized_axis(context.as<CumSumOptions>().axis);
  const std::int64_t inner = shape.product(axis + 1, shape.rank());
  for (std::int64_t row = 0; row < shape.product(0, axis) * inner; ++row) {
    const std::int64_t at = row / inner * shape[axis] * inner + row % inner;
    sum_row<double>(context.inputs[0]->data.data() + at, context.outputs[0].data.data() + at, shape[axis], inner,
                    context.as<CumSumOptions>());
  }
}

std::vector<Sample> samples() {
  return {{{{{DType::f32, {5}}}}, CumSumOptions{}, "a vector"},
          {{{{DType::f32, {3, 7}}}}, CumSumOptions{1, true}, "rows, each without itself"},
          {{{{DType::f32, {2, 5, 3}}}}, CumSumOptions{-2, false, true}, "the middle axis from the end"},
          {{{{DType::f32, {2, 5, 3}}}}, CumSumOptions{1, true, true}, "the middle axis from the end, without itself"},
          {{{{DType::i64, {3, 4}}, Sample::Fill::index, 9}}, CumSumOptions{1}, "integers"},
          {{{{DType::f32, {0, 3}}}}, CumSumOptions{0}, "nothing"}};
}

}  // namespace

std::vector<OpDef> cum_sum() {
  OpDef op = mover("CumSum", "y[i] = x[0] + … + x[i] along the axis", 11, CumSumOptions{});
  op.onnx_inputs = {{1, "axis", 11}};
  op.infer = infer;
  op.kernels = {{"running sums", only_f32, prepare}};
  op.reference = reference;
  op.gradient = [](GradientContext& context) {
    CumSumOptions back = context.as<CumSumOptions>();
    back.reverse = !back.reverse;
    context.set(0, context.graph().emit("CumSum", {context.gradient()}, back));
  };
  op.may_alias = [](const InferContext&) { return std::vector<std::pair<int, int>>{{0, 0}}; };
  op.flops = [](const InferContext& context) { return static_cast<double>(context.shape(0).elements()); };
  op.samples = samples;
  return {std::move(op)};
}

}  // namespace neurons::ops
