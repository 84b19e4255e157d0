#include "neurons/ops/common/reduction.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>
#include <utility>

#include "neurons/kernels/weighted_sum.hpp"
#include "neurons/ops/common/panels.hpp"
#include "neurons/ops/common/plain_loops.hpp"
#include "neurons/ops/common/view.hpp"

namespace neurons::ops {
namespace {

using kernels::Reduction;

/// Neighbouring axes that are all reduced, or all kept, as one.
struct Group {
  std::int64_t extent = 1;
  bool reduced = false;
};

/// The groups of a reduction, outermost first; axes of extent 1 belong to any.
std::vector<Group> groups_of(const Shape& shape, const std::vector<bool>& reduced) {
  std::vector<Group> groups;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const bool reduce = reduced[static_cast<std::size_t>(axis)];
    if (shape[axis] == 1) continue;
    if (groups.empty() || groups.back().reduced != reduce) groups.push_back({1, reduce});
    groups.back().extent *= shape[axis];
  }
  return groups;
}

/// [outer, axis, inner] of a reduction whose reduced axes are neighbours; nullopt where they are scattered.
std::optional<std::array<std::int64_t, 3>> one_axis(const std::vector<Group>& groups) {
  std::array<std::int64_t, 3> extents{1, 1, 1};
  bool found = false;
  for (const Group& group : groups) {
    if (group.reduced && std::exchange(found, true)) return std::nullopt;
    extents[group.reduced ? 1 : (found ? 2 : 0)] = group.extent;
  }
  return extents;
}

struct OneAxisCall {
  Reduction reduction = Reduction::sum;
  std::array<std::int64_t, 3> extents{};
  const float* x = nullptr;
  float* y = nullptr;
};

void run_one_axis(const OneAxisCall& call, std::byte*, Worker worker) noexcept {
  const auto [outer, axis, inner] = call.extents;
  if (call.reduction == Reduction::sum && outer == 1) return kernels::column_sums(axis, inner, call.x, inner, call.y, worker);
  kernels::reduce(call.reduction, outer, axis, inner, call.x, call.y, worker);
}

/// Starts, steps and finishes a reduction of elements of one type, in the accumulator A.
template <typename A>
struct Accumulator {
  A value{};
  explicit Accumulator(Reduction reduction) {
    if (reduction == Reduction::product) value = 1;
    if constexpr (std::is_floating_point_v<A>) {
      if (reduction == Reduction::maximum) value = -std::numeric_limits<A>::infinity();
      if (reduction == Reduction::minimum) value = std::numeric_limits<A>::infinity();
    } else {
      if (reduction == Reduction::maximum) value = std::numeric_limits<A>::min();
      if (reduction == Reduction::minimum) value = std::numeric_limits<A>::max();
    }
  }
  void take(Reduction reduction, A x) noexcept {
    switch (reduction) {
      case Reduction::sum:
      case Reduction::mean:
        value = wrapping(value, x, std::plus<>());
        break;
      case Reduction::maximum:
        value = x > value || x != x ? x : value;
        break;
      case Reduction::minimum:
        value = x < value || x != x ? x : value;
        break;
      case Reduction::product:
        value = wrapping(value, x, std::multiplies<>());
        break;
      case Reduction::sum_of_squares:
        value = wrapping(value, wrapping(x, x, std::multiplies<>()), std::plus<>());
        break;
      case Reduction::sum_of_absolutes:
        value = wrapping(value, x < 0 ? wrapping(A{0}, x, std::minus<>()) : x, std::plus<>());
        break;
    }
  }
};

/// Any axes, any element type: one result after the other.
struct AnyAxesCall {
  Reduction reduction = Reduction::sum;
  std::vector<std::int64_t> kept_extents, kept_strides, reduced_extents, reduced_strides;
  std::int64_t results = 1;
  std::int64_t terms = 1;
  const std::byte* x = nullptr;
  std::byte* y = nullptr;
};

/// Offset of element `index` of the space `extents`, addressed by `strides`.
std::int64_t offset_of(std::int64_t index, const std::vector<std::int64_t>& extents, const std::vector<std::int64_t>& strides) {
  std::int64_t offset = 0;
  for (std::size_t i = extents.size(); i-- > 0;) {
    offset += index % extents[i] * strides[i];
    index /= extents[i];
  }
  return offset;
}

template <typename T, typename A>
void run_any_axes(const AnyAxesCall& call, std::byte*, Worker worker) noexcept {
  const T* x = reinterpret_cast<const T*>(call.x);
  T* y = reinterpret_cast<T*>(call.y);
  const auto [begin, end] = split_work(static_cast<std::size_t>(call.results), worker, 16);
  for (std::size_t result = begin; result < end; ++result) {
    const T* first = x + offset_of(static_cast<std::int64_t>(result), call.kept_extents, call.kept_strides);
    Accumulator<A> sum(call.reduction);
    const std::int64_t run = call.reduced_extents.empty() ? 1 : call.reduced_extents.back();
    const std::int64_t stride = call.reduced_strides.empty() ? 1 : call.reduced_strides.back();
    for (std::int64_t term = 0; term < call.terms; term += run) {
      const T* line = first + offset_of(term, call.reduced_extents, call.reduced_strides);
      for (std::int64_t i = 0; i < run; ++i) sum.take(call.reduction, static_cast<A>(line[i * stride]));
    }
    if (call.reduction == Reduction::mean) {
      if constexpr (std::is_integral_v<A>) {
        sum.value = call.terms == 0 ? 0 : sum.value / call.terms;
      } else {
        sum.value /= static_cast<A>(call.terms);
      }
    }
    y[result] = static_cast<T>(sum.value);
  }
}

Call any_axes_call(AnyAxesCall call, DType dtype) {
  switch (dtype) {
    case DType::f32:
      return Call::of<run_any_axes<float, double>>(std::move(call), true);
    case DType::f64:
      return Call::of<run_any_axes<double, double>>(std::move(call), true);
    case DType::i32:
      return Call::of<run_any_axes<std::int32_t, std::int64_t>>(std::move(call), true);
    case DType::i64:
      return Call::of<run_any_axes<std::int64_t, std::int64_t>>(std::move(call), true);
    default:
      return Call::of<run_any_axes<std::uint8_t, std::int64_t>>(std::move(call), true);
  }
}

Call prepare_one_axis(const PrepareContext& context, Reduction reduction) {
  const Shape& shape = context.inputs[0].type.shape;
  const auto extents = one_axis(groups_of(shape, context.as<ReductionOptions>().reduced(shape)));
  return Call::of<run_one_axis>(OneAxisCall{reduction, *extents, context.inputs[0].as<float>(), context.outputs[0].as<float>()},
                                true);
}

Call prepare_any_axes(const PrepareContext& context, Reduction reduction) {
  const Shape& shape = context.inputs[0].type.shape;
  const auto groups = groups_of(shape, context.as<ReductionOptions>().reduced(shape));
  AnyAxesCall call;
  call.reduction = reduction;
  call.x = context.inputs[0].data;
  call.y = context.outputs[0].data;
  std::int64_t stride = 1;
  for (std::size_t i = groups.size(); i-- > 0;) {
    auto& extents = groups[i].reduced ? call.reduced_extents : call.kept_extents;
    auto& strides = groups[i].reduced ? call.reduced_strides : call.kept_strides;
    extents.insert(extents.begin(), groups[i].extent);
    strides.insert(strides.begin(), stride);
    (groups[i].reduced ? call.terms : call.results) *= groups[i].extent;
    stride *= groups[i].extent;
  }
  return any_axes_call(std::move(call), context.inputs[0].type.dtype);
}

void run_reference(const ReferenceContext& context, const std::function<double(std::span<const double>)>& rule) {
  const ReferenceTensor& x = *context.inputs[0];
  const Shape& shape = x.type.shape;
  const Shape kept = context.as<ReductionOptions>().kept_shape(shape);
  const auto strides = shape.strides();
  const auto kept_strides = kept.strides();
  std::vector<std::vector<double>> terms(context.outputs[0].data.size());
  for (std::int64_t element = 0; element < shape.elements(); ++element) {
    std::int64_t place = 0;
    for (int axis = 0; axis < shape.rank(); ++axis) {
      const auto a = static_cast<std::size_t>(axis);
      if (kept[axis] == shape[axis]) place += element / strides[a] % shape[axis] * kept_strides[a];
    }
    terms[static_cast<std::size_t>(place)].push_back(x.data[static_cast<std::size_t>(element)]);
  }
  const bool is_boolean = x.type.dtype == DType::boolean;
  for (std::size_t i = 0; i < terms.size(); ++i) {
    const double result = rule(terms[i]);
    context.outputs[0].data[i] = is_boolean && result < 0 ? 0 : result;  // -inf, the largest of none
  }
}

Shape result_shape(const ReductionOptions& options, const Shape& shape) {
  if (options.keep_dims) return options.kept_shape(shape);
  const auto reduced = options.reduced(shape);
  std::vector<std::int64_t> extents;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (!reduced[static_cast<std::size_t>(axis)]) extents.push_back(shape[axis]);
  }
  return Shape(std::span<const std::int64_t>(extents));
}

std::vector<TensorType> infer_reduction(const InferContext& context) {
  return {{context.dtype(), result_shape(context.as<ReductionOptions>(), context.shape(0))}};
}

std::vector<Sample> samples(Sample::Fill fill) {
  std::vector<Sample> result;
  const auto add = [&](const Shape& shape, std::vector<std::int64_t> axes, bool keep_dims, std::string note) {
    result.push_back({{{{DType::f32, shape}, fill}}, ReductionOptions{std::move(axes), keep_dims, false}, std::move(note)});
  };
  add({5, 7}, {0}, false, "columns");
  add({5, 7}, {-1}, true, "rows");
  add({3, 4, 5}, {1}, false, "the middle axis");
  add({3, 4, 5}, {}, false, "all");
  add({3, 4, 5}, {0, 2}, true, "scattered axes");
  add({2, 3, 2, 3}, {3, 1}, false, "scattered axes, in any order");
  add({4, 1, 3}, {1}, false, "an axis of one");
  add({17}, {0}, false, "to a scalar");
  add({}, {}, true, "a scalar");
  add({0, 3}, {1}, false, "no rows");
  return result;
}

}  // namespace

std::vector<bool> ReductionOptions::reduced(const Shape& shape) const {
  std::vector<bool> result(static_cast<std::size_t>(shape.rank()), axes.empty() && !noop_with_empty_axes);
  for (const std::int64_t axis : axes) {
    const auto place = static_cast<std::size_t>(shape.normalized_axis(axis));
    if (result[place]) fail_input("axis {} is named twice", axis);
    result[place] = true;
  }
  return result;
}

Shape ReductionOptions::kept_shape(const Shape& shape) const {
  const auto chosen = reduced(shape);
  Shape result = shape;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (chosen[static_cast<std::size_t>(axis)]) result = result.with(axis, 1);
  }
  return result;
}

Value through_floats(Value x, const std::function<Value(Value)>& rule) {
  const DType dtype = x.type().dtype;
  if (dtype == DType::f32 || dtype == DType::f64) return rule(x);
  const auto cast = [](Value value, DType to) { return emit_with("Cast", {value}, {{"to", std::string(name_of(to))}}); };
  return cast(rule(cast(x, DType::f64)), dtype);
}

OpDef reduction_frame(std::string name, std::string summary, Sample::Fill fill) {
  OpDef op;
  op.name = std::move(name);
  op.summary = std::move(summary);
  op.source = "https://onnx.ai/onnx/operators/onnx__" + op.name + ".html";
  op.default_options = ReductionOptions{};
  op.infer = [](const InferContext& context) -> std::vector<TensorType> {
    if (context.dtype() == DType::boolean) context.fail("expects numbers; Cast the truth values to i64 first");
    return infer_reduction(context);
  };
  op.flops = [](const InferContext& context) { return static_cast<double>(context.shape(0).elements()); };
  op.onnx = {{op.name, 1, ""}};
  op.onnx_inputs = {{1, "axes", 18}};
  op.onnx_attributes = {{"keepdims", "keep_dims"}};
  op.samples = [fill] { return samples(fill); };
  return op;
}

namespace {

/// A reduction of ToChannelsFirst(v) that keeps no spatial axis, or not the channels, gives the same elements in the same order as
/// one of v: nothing need be transposed.
std::optional<std::vector<Value>> over_channels_last(const RewriteContext& context) {
  const Value x = context.inputs[0];
  const Node* node = producer(x);
  if (node == nullptr || node->op->name != "ToChannelsFirst") return std::nullopt;
  const auto& options = context.options.as<ReductionOptions>();
  const std::vector<bool> reduced = options.reduced(x.shape());
  const bool keeps_spatial = std::find(reduced.begin() + 2, reduced.end(), false) != reduced.end();
  if (!reduced[1] && keeps_spatial) return std::nullopt;
  std::vector<std::int64_t> axes;
  for (std::int64_t axis = 0; axis < x.shape().rank(); ++axis) {
    if (reduced[static_cast<std::size_t>(axis)]) axes.push_back(axis == 0 ? 0 : axis == 1 ? x.shape().rank() - 1 : axis - 1);
  }
  const Options changed = context.options.with({{"axes", axes}, {"keep_dims", false}});
  const Value value = context.graph.value(node->inputs[0]);
  return std::vector{reshaped(context.graph.emit(context.op, {value}, changed), result_shape(options, x.shape()))};
}

}  // namespace

OpDef reduction_op(ReductionRule rule, Sample::Fill fill) {
  OpDef op = reduction_frame(rule.name, rule.summary, fill);
  const bool compares = rule.reduction == Reduction::maximum || rule.reduction == Reduction::minimum;
  if (compares) op.infer = infer_reduction;  // truth values, too
  op.gradient = std::move(rule.gradient);
  op.reference = [reference = std::move(rule.reference)](const ReferenceContext& context) { run_reference(context, reference); };
  op.kernels = {{"one axis",
                 [](const InferContext& context) -> std::string {
                   if (context.dtype() != DType::f32) return "only f32";
                   const auto reduced = context.as<ReductionOptions>().reduced(context.shape(0));
                   return one_axis(groups_of(context.shape(0), reduced)) ? "" : "the reduced axes are not neighbours";
                 },
                 [reduction = rule.reduction](const PrepareContext& context) { return prepare_one_axis(context, reduction); }},
                {"any axes", nullptr,
                 [reduction = rule.reduction](const PrepareContext& context) { return prepare_any_axes(context, reduction); }}};
  op.simplify = [single = std::move(rule.single)](const RewriteContext& context) -> std::optional<std::vector<Value>> {
    const Value x = context.inputs[0];
    const auto& options = context.options.as<ReductionOptions>();
    if (options.kept_shape(x.shape()) != x.shape()) return std::nullopt;  // only axes of extent 1, or none
    return std::vector{reshaped(single ? single(x) : x, result_shape(options, x.shape()))};
  };
  op.simplify = [own = std::move(op.simplify)](const RewriteContext& context) {
    const auto simpler = own(context);
    return simpler ? simpler : over_channels_last(context);
  };
  return op;
}

Value with_kept_axes(GradientContext& context, Value value) {
  return reshaped(value, context.as<ReductionOptions>().kept_shape(context.input(0).shape()));
}

}  // namespace neurons::ops
