#include "neurons/ops/common/choose.hpp"
#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/indexed.hpp"
#include "neurons/ops/common/move.hpp"

namespace neurons::ops {
namespace {

struct GatherNdOptions {
  std::int64_t batch_dims = 0;  ///< leading axes that x and the indices share

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("batch_dims", self.batch_dims);
  }
};

std::vector<TensorType> infer(const InferContext& context) {
  require_indices(context, 1);
  const Shape& x = context.shape(0);
  const Shape& indices = context.shape(1);
  const std::int64_t batch = context.as<GatherNdOptions>().batch_dims;
  if (indices.rank() == 0) context.fail("expects indices with an axis of places");
  if (batch < 0 || batch >= indices.rank() || batch >= x.rank()) context.fail("batch_dims = {} leaves no axis", batch);
  std::vector<std::int64_t> extents = extents_of(indices);
  const std::int64_t named = extents.back();
  if (named < 1 || batch + named > x.rank()) context.fail("a place of {} indices in {} axes", named, x.rank() - batch);
  for (int axis = 0; axis < batch; ++axis) {
    if (x[axis] != indices[axis]) context.fail("the batch axis {} differs: {} and {}", axis, x[axis], indices[axis]);
  }
  extents.pop_back();
  for (auto axis = static_cast<int>(batch + named); axis < x.rank(); ++axis) extents.push_back(x[axis]);
  return {{context.dtype(), Shape(std::span<const std::int64_t>(extents))}};
}

IndexedBlocks blocks_of(const Options& options, const Shape& x, const Shape& indices) {
  return IndexedBlocks::of_tuples(x, indices, static_cast<int>(options.as<GatherNdOptions>().batch_dims));
}

/// The indices with their own places along the batch axes before them: the same without batch axes.
Value with_batch_places(Value indices, std::int64_t batch) {
  const Shape& shape = indices.shape();
  if (batch == 0) return indices;
  const Shape own = shape.with(shape.rank() - 1, batch);
  std::vector<std::int64_t> places(static_cast<std::size_t>(own.elements()));
  for (std::size_t i = 0; i < places.size(); ++i) {
    const auto index = index_of(static_cast<std::int64_t>(i), own);
    places[i] = index[static_cast<std::size_t>(index.back())];
  }
  const Value batches = indices.graph().constant(Tensor::of<std::int64_t>(own, places).cast(indices.type().dtype));
  return emit_with("Concat", {batches, indices}, {{"axis", std::int64_t{shape.rank() - 1}}});
}

void gradient(GradientContext& context) {
  if (!context.wants(0)) return;
  const Value dy = context.gradient();
  const Value indices = with_batch_places(context.input(1), context.as<GatherNdOptions>().batch_dims);
  const Value none = expanded(number_like(dy, 0), context.input(0).shape());
  context.set(0, emit_with("ScatterND", {none, indices, dy}, {{"reduction", std::string("add")}}));
}

std::vector<Sample> samples() {
  const auto indices = [](const Shape& shape, std::int64_t limit) {
    return Sample::Input{{DType::i64, shape}, Sample::Fill::index, limit};
  };
  const Tensor ends = Tensor::of<std::int64_t>({2, 2}, std::vector<std::int64_t>{-1, 0, 1, -3}).cast(DType::i32);
  return {{{{{DType::f32, {3, 4}}}, indices({5, 2}, 3)}, GatherNdOptions{}, "elements, some twice"},
          {{{{DType::f32, {3, 5}}}, indices({2, 2, 1}, 3)}, GatherNdOptions{}, "rows"},
          {{{{DType::f32, {2, 5, 3}}}, indices({2, 4, 1}, 5)}, GatherNdOptions{1}, "rows of each in a batch"},
          {{{{DType::f32, {2, 3, 5}}}, indices({2, 3, 2, 1}, 5)}, GatherNdOptions{2}, "elements of each of two batch axes"},
          {{{{DType::f32, {2, 3}}}, {ends.type(), Sample::Fill::given, 1, ends}}, GatherNdOptions{}, "from the end, i32"},
          {{{{DType::i64, {3, 2}}, Sample::Fill::index, 99}, indices({1}, 3)}, GatherNdOptions{}, "of integers, one row"},
          {{{{DType::f32, {3, 2}}}, indices({0, 1}, 3)}, GatherNdOptions{}, "nothing"}};
}

}  // namespace

/// An index that is out of range gives 0 and no gradient: a plan cannot throw while it runs.
std::vector<OpDef> gather_nd() {
  OpDef op = mover("GatherND", "The elements or blocks at places that rows of indices name; negative ones count from the end", 11,
                   GatherNdOptions{});
  op.minimum_inputs = op.maximum_inputs = 2;
  op.infer = infer;
  op.kernels = {{"blocks", nullptr, [](const PrepareContext& context) {
                   return gather_call(context,
                                      blocks_of(context.options, context.inputs[0].type.shape, context.inputs[1].type.shape));
                 }}};
  op.reference = [](const ReferenceContext& context) {
    gather_reference(context, blocks_of(context.options, context.inputs[0]->type.shape, context.inputs[1]->type.shape));
  };
  op.gradient = gradient;
  op.samples = samples;
  return {std::move(op)};
}

}  // namespace neurons::ops
