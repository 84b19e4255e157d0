#include "neurons/ops/common/choose.hpp"
#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/indexed.hpp"
#include "neurons/ops/common/move.hpp"

namespace neurons::ops {
namespace {

struct GatherElementsOptions {
  std::int64_t axis = 0;
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("axis", self.axis);
  }
};

IndexedBlocks blocks_of(const Options& options, const Shape& x, const Shape& indices) {
  return IndexedBlocks::along_axis(x, indices, x.normalized_axis(options.as<GatherElementsOptions>().axis));
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
    require_indices_along(context, 1, context.shape(0), context.as<GatherElementsOptions>().axis);
    return {{context.dtype(), context.shape(1)}};
  };
  op.kernels = {{"elements", nullptr, [](const PrepareContext& context) {
                   return gather_call(context,
                                      blocks_of(context.options, context.inputs[0].type.shape, context.inputs[1].type.shape));
                 }}};
  op.reference = [](const ReferenceContext& context) {
    gather_reference(context, blocks_of(context.options, context.inputs[0]->type.shape, context.inputs[1]->type.shape));
  };
  op.gradient = [](GradientContext& context) {
    if (!context.wants(0)) return;
    const Value dy = context.gradient();
    const Value none = expanded(number_like(dy, 0), context.input(0).shape());
    context.set(0, emit_with("ScatterElements", {none, context.input(1), dy},
                             {{"axis", context.as<GatherElementsOptions>().axis}, {"reduction", std::string("add")}}));
  };
  op.samples = samples;
  return {std::move(op)};
}

}  // namespace neurons::ops
