#include "neurons/ops/common/row_op.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "neurons/ops/common/only_f32.hpp"

namespace neurons::ops {
namespace {

/// [outer, axis, inner]
struct Extents {
  std::int64_t outer = 1, axis = 1, inner = 1;
};

Extents extents_along(const Shape& shape, std::int64_t named) {
  const int axis = shape.normalized_axis(named);
  return {shape.product(0, axis), shape[axis], shape.product(axis + 1, shape.rank())};
}

struct RowCall {
  RowFunction function = nullptr;
  Extents extents;
  const float* x = nullptr;
  float* y = nullptr;
};

void run_row(const RowCall& call, std::byte*, Worker worker) noexcept {
  call.function(call.extents.outer, call.extents.axis, call.extents.inner, call.x, call.y, worker);
}

struct RowGradientCall {
  RowGradientFunction function = nullptr;
  Extents extents;
  const float* dy = nullptr;
  const float* y = nullptr;
  float* dx = nullptr;
};

void run_row_gradient(const RowGradientCall& call, std::byte*, Worker worker) noexcept {
  call.function(call.extents.outer, call.extents.axis, call.extents.inner, call.dy, call.y, call.dx, worker);
}

std::vector<Sample> samples(std::size_t inputs) {
  const std::vector<std::pair<Shape, std::int64_t>> cases = {{{1}, 0},        {{5, 7}, -1}, {{5, 7}, 0},
                                                             {{2, 10, 3}, 1}, {{3, 33}, 1}, {{0, 4}, -1},
                                                             {{4, 0}, -1},    {{13, 1}, 1}, {{2, 3, 17}, -1}};
  std::vector<Sample> result;
  for (const auto& [shape, axis] : cases) {
    const std::vector<Sample::Input> operands(inputs, Sample::Input{{DType::f32, shape}});
    result.push_back({operands, RowOptions{axis}, shape.to_string()});
  }
  return result;
}

OpDef frame(std::string name, std::string summary, std::size_t inputs) {
  OpDef op;
  op.name = std::move(name);
  op.summary = std::move(summary);
  op.source = "https://onnx.ai/onnx/operators/onnx__" + op.name + ".html";
  op.minimum_inputs = inputs;
  op.maximum_inputs = inputs;
  op.default_options = RowOptions{};
  op.infer = [](const InferContext& context) -> std::vector<TensorType> {
    const Shape& shape = context.shape(0);
    const std::int64_t axis = context.as<RowOptions>().axis;
    if (axis < -shape.rank() || axis >= shape.rank()) context.fail("there is no axis {} in {}", axis, shape.to_string());
    for (const TensorType& type : context.inputs) {
      if (type != context.inputs[0]) context.fail("inputs must have one type and shape");
    }
    return {context.inputs[0]};
  };
  op.flops = [](const InferContext& context) { return 4.0 * static_cast<double>(context.shape(0).elements()); };
  op.samples = [inputs] { return samples(inputs); };
  return op;
}

}  // namespace

OpDef row_op(std::string name, std::string summary, std::size_t inputs, RowFunction function) {
  OpDef op = frame(std::move(name), std::move(summary), inputs);
  op.kernels = {{"rows", only_f32, [function](const PrepareContext& context) {
                   const Extents extents = extents_along(context.inputs[0].type.shape, context.as<RowOptions>().axis);
                   const RowCall call{function, extents, context.inputs[0].as<float>(), context.outputs[0].as<float>()};
                   return Call::of<run_row>(call, true);
                 }}};
  return op;
}

OpDef row_op(std::string name, std::string summary, std::size_t inputs, RowGradientFunction function) {
  OpDef op = frame(std::move(name), std::move(summary), inputs);
  op.kernels = {{"rows", only_f32, [function](const PrepareContext& context) {
                   const Extents extents = extents_along(context.inputs[0].type.shape, context.as<RowOptions>().axis);
                   const RowGradientCall call{function, extents, context.inputs[0].as<float>(), context.inputs[1].as<float>(),
                                              context.outputs[0].as<float>()};
                   return Call::of<run_row_gradient>(call, true);
                 }}};
  return op;
}

void for_each_row(const ReferenceContext& context, const std::function<void(std::span<const std::size_t>)>& visit) {
  const Extents extents = extents_along(context.inputs[0]->type.shape, context.as<RowOptions>().axis);
  std::vector<std::size_t> row(static_cast<std::size_t>(extents.axis));
  for (std::int64_t outer = 0; outer < extents.outer; ++outer) {
    for (std::int64_t inner = 0; inner < extents.inner; ++inner) {
      for (std::int64_t i = 0; i < extents.axis; ++i) {
        row[static_cast<std::size_t>(i)] = static_cast<std::size_t>((outer * extents.axis + i) * extents.inner + inner);
      }
      visit(row);
    }
  }
}

double largest_of(const std::vector<double>& x, std::span<const std::size_t> row) {
  double largest = -std::numeric_limits<double>::infinity();
  for (const std::size_t i : row) largest = std::max(largest, x[i]);
  return largest;
}

double shifted_exponentials(const ReferenceContext& context, std::span<const std::size_t> row) {
  const auto& x = context.inputs[0]->data;
  const double largest = largest_of(x, row);
  double sum = 0;
  for (const std::size_t i : row) sum += context.outputs[0].data[i] = std::exp(x[i] - largest);
  return sum;
}

}  // namespace neurons::ops
