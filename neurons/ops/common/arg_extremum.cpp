#include "neurons/ops/common/arg_extremum.hpp"

#include <cmath>

#include "neurons/kernels/rows.hpp"
#include "neurons/ops/common/move.hpp"

namespace neurons::ops {
namespace {

struct ArgOptions {
  std::int64_t axis = 0;
  bool keep_dims = true;
  bool select_last_index = false;

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("axis", self.axis);
    visit("keep_dims", self.keep_dims);
    visit("select_last_index", self.select_last_index);
  }
};

std::vector<TensorType> infer_arg(const InferContext& context) {
  const auto& options = context.as<ArgOptions>();
  const Shape& shape = context.shape(0);
  if (context.dtype() == DType::boolean) context.fail("expects numbers");
  if (options.axis < -shape.rank() || options.axis >= shape.rank()) context.fail("there is no axis {}", options.axis);
  const int axis = shape.normalized_axis(options.axis);
  if (shape[axis] == 0) context.fail("axis {} is empty: it has no extremum", axis);
  std::vector<std::int64_t> extents(shape.extents().begin(), shape.extents().end());
  if (options.keep_dims) {
    extents[static_cast<std::size_t>(axis)] = 1;
  } else {
    extents.erase(extents.begin() + axis);
  }
  return {{DType::i64, Shape(std::span<const std::int64_t>(extents))}};
}

/// Whether `candidate`, met after `best`, takes its place.
bool wins(double candidate, double best, int sign, bool last) {
  if (std::isnan(best)) return last && std::isnan(candidate);
  return std::isnan(candidate) || sign * candidate > sign * best || (last && candidate == best);
}

void reference(const ReferenceContext& context, int sign) {
  const auto& options = context.as<ArgOptions>();
  const ReferenceTensor& x = *context.inputs[0];
  const Shape& shape = x.type.shape;
  const int axis = shape.normalized_axis(options.axis);
  const std::int64_t extent = shape[axis];
  const std::int64_t inner = shape.product(axis + 1, shape.rank());
  for (std::int64_t row = 0; row < context.outputs[0].elements(); ++row) {
    const auto at = [&](std::int64_t place) {
      return x.data[static_cast<std::size_t>((row / inner * extent + place) * inner + row % inner)];
    };
    std::int64_t best = 0;
    for (std::int64_t place = 1; place < extent; ++place) {
      if (wins(at(place), at(best), sign, options.select_last_index)) best = place;
    }
    context.outputs[0].data[static_cast<std::size_t>(row)] = static_cast<double>(best);
  }
}

struct ArgCall {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  const float* x = nullptr;
  std::int64_t* y = nullptr;
};

void run_arg(const ArgCall& call, std::byte*, Worker worker) noexcept {
  kernels::argmax(call.rows, call.columns, call.x, call.y, worker);
}

std::string refuse(const InferContext& context, int sign) {
  const auto& options = context.as<ArgOptions>();
  if (context.dtype() != DType::f32) return "only f32";
  if (sign < 0) return "only the largest";
  if (options.select_last_index) return "only the first of equals";
  return context.shape(0).normalized_axis(options.axis) + 1 == context.shape(0).rank() ? "" : "only the last axis";
}

std::vector<Sample> arg_samples() {
  const float nan = std::nanf("");
  const Tensor ties = Tensor::of<float>({3, 4}, std::vector<float>{1, 3, 3, -3, nan, 2, nan, 5, -1, -1, -1, -1});
  std::vector<Sample> result;
  for (const bool last : {false, true}) {
    const std::string which = last ? ", the last of equals" : "";
    result.push_back({{{{DType::f32, {5, 7}}}}, ArgOptions{-1, true, last}, "rows" + which});
    result.push_back({{{{DType::f32, {2, 5, 3}}}}, ArgOptions{1, false, last}, "the middle axis" + which});
    result.push_back({{{ties.type(), Sample::Fill::given, 1, ties}}, ArgOptions{1, false, last}, "ties and NaN" + which});
    result.push_back({{{{DType::i64, {9}}, Sample::Fill::index, 3}}, ArgOptions{0, false, last}, "integers" + which});
  }
  result.push_back({{{{DType::f32, {0, 3}}}}, ArgOptions{1}, "no rows"});
  result.push_back({{{{DType::f32, {1, 67}}}}, ArgOptions{1}, "one long row"});
  return result;
}

}  // namespace

OpDef arg_extremum(std::string name, std::string summary, int sign) {
  OpDef op = mover(std::move(name), std::move(summary), 1, ArgOptions{});
  op.onnx_attributes = {{"keepdims", "keep_dims"}};
  op.infer = infer_arg;
  op.reference = [sign](const ReferenceContext& context) { reference(context, sign); };
  op.kernels = {{"argmax", [sign](const InferContext& context) { return refuse(context, sign); },
                 [](const PrepareContext& context) {
                   const Shape& shape = context.inputs[0].type.shape;
                   return Call::of<run_arg>(ArgCall{shape.product(0, shape.rank() - 1), shape[-1], context.inputs[0].as<float>(),
                                                    context.outputs[0].as<std::int64_t>()},
                                            true);
                 }}};
  op.not_differentiable = "it steps from one place to the next";
  op.flops = nullptr;
  op.samples = arg_samples;
  return op;
}

}  // namespace neurons::ops
