#include <algorithm>

#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/move.hpp"
#include "neurons/ops/common/only_f32.hpp"

namespace neurons::ops {
namespace {

struct GatherElementsOptions {
  std::int64_t axis = 0;
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("axis", self.axis);
  }
};

struct GatherElementsGradientOptions {
  std::int64_t axis = 0;
  std::vector<std::int64_t> shape;  ///< of what was gathered from
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("axis", self.axis);
    visit("shape", self.shape);
  }
};

void require_indices(const InferContext& context, const Shape& x, std::int64_t axis) {
  const Shape& indices = context.shape(1);
  if (context.dtype(1) != DType::i64 && context.dtype(1) != DType::i32) context.fail("indices must be i64 or i32");
  if (axis < -x.rank() || axis >= x.rank()) context.fail("there is no axis {}", axis);
  bool fits = indices.rank() == x.rank();
  for (int i = 0; fits && i < x.rank(); ++i) fits = i == x.normalized_axis(axis) || indices[i] <= x[i];
  if (!fits) context.fail("indices {} reach beyond {} along another axis than {}", indices.to_string(), x.to_string(), axis);
}

/// Visits each place of the indices with that of the element it names, or -1 where there is none.
template <typename Index, typename Visit>
void for_each_place(const Shape& x, const Shape& indices, std::int64_t named, Index index, Visit visit) {
  const auto axis = static_cast<std::size_t>(x.normalized_axis(named));
  const std::int64_t extent = x[static_cast<int>(axis)];
  for (std::int64_t place = 0; place < indices.elements(); ++place) {
    auto at = index_of(place, indices);
    const std::int64_t given = index(place);
    at[axis] = given < 0 ? given + extent : given;
    visit(static_cast<std::size_t>(place), at[axis] >= 0 && at[axis] < extent ? static_cast<std::int64_t>(place_of(at, x)) : -1);
  }
}

auto indices_of(const ReferenceContext& context) {
  return [&context](std::int64_t place) {
    return static_cast<std::int64_t>(context.inputs[1]->data[static_cast<std::size_t>(place)]);
  };
}

std::vector<Sample> samples() {
  const auto indices = [](const Shape& shape, std::int64_t limit) {
    return Sample::Input{{DType::i64, shape}, Sample::Fill::index, limit};
  };
  const Tensor ends = Tensor::of<std::int64_t>({2, 2}, std::vector<std::int64_t>{-1, 0, -3, 2}).cast(DType::i32);
  return {{{{{DType::f32, {3, 4}}}, indices({2, 4}, 3)}, GatherElementsOptions{0}, "rows"},
          {{{{DType::f32, {2, 5, 3}}}, indices({2, 7, 3}, 5)}, GatherElementsOptions{-2}, "the middle axis, more than there are"},
          {{{{DType::f32, {2, 3}}}, {ends.type(), Sample::Fill::given, 1, ends}}, GatherElementsOptions{1}, "from the end, i32"},
          {{{{DType::f32, {0, 3}}}, indices({0, 3}, 1)}, GatherElementsOptions{1}, "nothing"}};
}

}  // namespace

/// An index that is out of range gives 0 and no gradient: a plan cannot throw while it runs.
std::vector<OpDef> gather_elements() {
  OpDef op = mover("GatherElements", "y[i][j] = x[indices[i][j]][j], of axis 0; the place along one axis is looked up", 11,
                   GatherElementsOptions{});
  op.minimum_inputs = op.maximum_inputs = 2;
  op.infer = [](const InferContext& context) -> std::vector<TensorType> {
    require_indices(context, context.shape(0), context.as<GatherElementsOptions>().axis);
    return {{context.dtype(), context.shape(1)}};
  };
  op.reference = [](const ReferenceContext& context) {
    for_each_place(context.inputs[0]->type.shape, context.inputs[1]->type.shape, context.as<GatherElementsOptions>().axis,
                   indices_of(context), [&](std::size_t to, std::int64_t from) {
                     context.outputs[0].data[to] = from < 0 ? 0 : context.inputs[0]->data[static_cast<std::size_t>(from)];
                   });
  };
  op.gradient = [](GradientContext& context) {
    if (!context.wants(0)) return;
    const GatherElementsGradientOptions back{context.as<GatherElementsOptions>().axis, extents_of(context.input(0).shape())};
    context.set(0, context.graph().emit("GatherElementsGradient", {context.gradient(), context.input(1)}, back));
  };
  op.samples = samples;

  OpDef back =
      mover("GatherElementsGradient", "dx: the sum of dy over the places that each element was gathered to; inputs dy, indices", 11,
            GatherElementsGradientOptions{});
  back.source = op.source;
  back.onnx.clear();
  back.minimum_inputs = back.maximum_inputs = 2;
  back.infer = [](const InferContext& context) -> std::vector<TensorType> {
    const auto& options = context.as<GatherElementsGradientOptions>();
    const Shape x{std::span<const std::int64_t>(options.shape)};
    require_indices(context, x, options.axis);
    if (context.shape(0) != context.shape(1)) context.fail("expects dy of the shape of the indices");
    return {{context.dtype(), x}};
  };
  back.reference = [](const ReferenceContext& context) {
    std::ranges::fill(context.outputs[0].data, 0.0);
    for_each_place(context.outputs[0].type.shape, context.inputs[1]->type.shape, context.as<GatherElementsGradientOptions>().axis,
                   indices_of(context), [&](std::size_t from, std::int64_t to) {
                     if (to >= 0) context.outputs[0].data[static_cast<std::size_t>(to)] += context.inputs[0]->data[from];
                   });
  };
  back.gradient = [](GradientContext& context) {
    if (!context.wants(0)) return;
    const GatherElementsOptions forward{context.as<GatherElementsGradientOptions>().axis};
    context.set(0, context.graph().emit("GatherElements", {context.gradient(), context.input(1)}, forward));
  };
  back.flops = [](const InferContext& context) { return static_cast<double>(context.shape(0).elements()); };
  back.samples = [] {
    std::vector<Sample> result;
    for (const Sample& forward : samples()) {
      Sample sample = forward;
      sample.inputs[0].type.shape = forward.inputs[1].type.shape;
      sample.options =
          GatherElementsGradientOptions{forward.options.as<GatherElementsOptions>().axis, extents_of(forward.inputs[0].type.shape)};
      result.push_back(std::move(sample));
    }
    return result;
  };
  return {std::move(op), std::move(back)};
}

}  // namespace neurons::ops
