#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/indexed.hpp"
#include "neurons/ops/common/move.hpp"

namespace neurons::ops {
namespace {

struct ScatterNdOptions {
  std::string reduction = "none";  ///< how updates meet what is there: "add", "mul", "min", "max"; "none" replaces it

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("reduction", self.reduction);
  }
};

IndexedBlocks blocks_of(const Options&, const Shape& x, const Shape& indices) { return IndexedBlocks::of_tuples(x, indices, 0); }

std::vector<TensorType> infer(const InferContext& context) {
  require_indices(context, 1);
  const Shape& x = context.shape(0);
  const Shape& indices = context.shape(1);
  if (indices.rank() == 0 || indices[-1] < 1 || indices[-1] > x.rank()) {
    context.fail("expects indices whose last axis names places along up to {} axes", x.rank());
  }
  std::vector<std::int64_t> extents = extents_of(indices);
  extents.pop_back();
  for (auto axis = static_cast<int>(indices[-1]); axis < x.rank(); ++axis) extents.push_back(x[axis]);
  require_updates(context, Shape(std::span<const std::int64_t>(extents)));
  return {context.inputs[0]};
}

void gradient(GradientContext& context) {
  const Value indices = context.input(1);
  differentiate_scatter(context, {[&](Value from) {
                                    return from.graph().emit("GatherND", {from, indices});
                                  },
                                  [&](Value x, Value updates, std::string_view reduction) {
                                    return emit_with("ScatterND", {x, indices, updates}, {{"reduction", std::string(reduction)}});
                                  }});
}

std::vector<Sample> samples() {
  const Tensor once = Tensor::of<std::int64_t>({3, 2}, std::vector<std::int64_t>{0, 1, -1, 2, 2, -4});
  const Tensor rows = Tensor::of<std::int64_t>({2, 1}, std::vector<std::int64_t>{2, -3}).cast(DType::i32);
  const auto given = [](const Tensor& tensor) { return Sample::Input{tensor.type(), Sample::Fill::given, 1, tensor}; };
  std::vector<Sample> result;
  for (const std::string reduction : {"none", "add", "mul", "min", "max"}) {
    const ScatterNdOptions options{reduction};
    const Sample::Fill fill = Sample::Fill::distinct;
    result.push_back(
        {{{{DType::f32, {3, 4}}, fill}, given(once), {{DType::f32, {3}}, Sample::Fill::away_from_0}}, options, "elements"});
    result.push_back(
        {{{{DType::f32, {3, 2, 5}}, fill}, given(rows), {{DType::f32, {2, 2, 5}}, Sample::Fill::away_from_0}}, options, "blocks"});
    result.push_back({{{{DType::i64, {3, 4}}, Sample::Fill::index, 9}, given(once), {{DType::i64, {3}}, Sample::Fill::index, 9}},
                      options,
                      "integers"});
    const Sample::Input none{{DType::i64, {0, 2}}, Sample::Fill::index, 3};
    result.push_back({{{{DType::f32, {3, 4}}}, none, {{DType::f32, {0}}}}, options, "no updates"});
    if (reduction == "none") continue;
    const Sample::Input twice{{DType::i64, {7, 1}}, Sample::Fill::index, 3};
    result.push_back(
        {{{{DType::f32, {3, 2}}, fill}, twice, {{DType::f32, {7, 2}}, Sample::Fill::away_from_0}}, options, "meeting"});
  }
  return result;
}

}  // namespace

/// Without reduction, places should be named once: of several updates the last one stays, but each would receive its gradient. An
/// index out of range changes nothing.
std::vector<OpDef> scatter_nd() {
  OpDef op =
      mover("ScatterND", "The input with the elements or blocks that rows of indices name replaced, or changed by a reduction", 11,
            ScatterNdOptions{});
  make_scatter(op, "blocks", blocks_of);
  op.infer = infer;
  op.gradient = gradient;
  op.samples = samples;
  return {std::move(op)};
}

}  // namespace neurons::ops
