#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/indexed.hpp"
#include "neurons/ops/common/move.hpp"

namespace neurons::ops {
namespace {

struct ScatterElementsOptions {
  std::int64_t axis = 0;
  std::string reduction = "none";  ///< how updates meet what is there: "add", "mul", "min", "max"; "none" replaces it

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("axis", self.axis);
    visit("reduction", self.reduction);
  }
};

IndexedBlocks blocks_of(const Options& options, const Shape& x, const Shape& indices) {
  return IndexedBlocks::along_axis(x, indices, x.normalized_axis(options.as<ScatterElementsOptions>().axis));
}

std::vector<TensorType> infer(const InferContext& context) {
  const auto& options = context.as<ScatterElementsOptions>();
  require_indices_along(context, 1, context.shape(0), options.axis);
  require_updates(context, context.shape(1));
  return {context.inputs[0]};
}

void gradient(GradientContext& context) {
  const Value indices = context.input(1);
  const std::int64_t axis = context.as<ScatterElementsOptions>().axis;
  differentiate_scatter(
      context,
      {[&](Value from) {
         return emit_with("GatherElements", {from, indices}, {{"axis", axis}});
       },
       [&](Value x, Value updates, std::string_view reduction) {
         return emit_with("ScatterElements", {x, indices, updates}, {{"axis", axis}, {"reduction", std::string(reduction)}});
       }});
}

std::vector<Sample> samples() {
  const Tensor once = Tensor::of<std::int64_t>({2, 3}, std::vector<std::int64_t>{0, -1, 2, 2, 1, -3});
  const Tensor narrow = Tensor::of<std::int64_t>({2, 3}, std::vector<std::int64_t>{0, -2, 2, 2, 1, -3}).cast(DType::i32);
  const auto given = [](const Tensor& tensor) { return Sample::Input{tensor.type(), Sample::Fill::given, 1, tensor}; };
  std::vector<Sample> result;
  for (const std::string reduction : {"none", "add", "mul", "min", "max"}) {
    const Sample::Fill fill = Sample::Fill::distinct;
    const Sample::Input updates{{DType::f32, {2, 3}}, Sample::Fill::away_from_0};
    result.push_back({{{{DType::f32, {3, 5}}, fill}, given(once), updates}, ScatterElementsOptions{0, reduction}, "rows"});
    result.push_back({{{{DType::f32, {2, 3}}, fill}, given(narrow), updates}, ScatterElementsOptions{-1, reduction}, "columns"});
    result.push_back({{{{DType::i64, {3, 3}}, Sample::Fill::index, 9}, given(once), {{DType::i64, {2, 3}}, Sample::Fill::index, 9}},
                      ScatterElementsOptions{0, reduction},
                      "integers"});
    result.push_back({{{{DType::f32, {3, 4}}}, {{DType::i64, {0, 4}}, Sample::Fill::index, 3}, {{DType::f32, {0, 4}}}},
                      ScatterElementsOptions{0, reduction},
                      "no updates"});
    if (reduction == "none") continue;
    const Sample::Input twice{{DType::i64, {2, 7, 3}}, Sample::Fill::index, 4};
    const Sample::Input many{{DType::f32, {2, 7, 3}}, Sample::Fill::away_from_0};
    result.push_back({{{{DType::f32, {2, 4, 3}}, fill}, twice, many}, ScatterElementsOptions{1, reduction}, "meeting"});
  }
  return result;
}

}  // namespace

/// Without reduction, elements should be named once: of several updates the last one stays, but each would receive its gradient. An
/// index out of range changes nothing.
std::vector<OpDef> scatter_elements() {
  OpDef op = mover("ScatterElements", "The input with y[indices[i][j]][j] = updates[i][j], of axis 0, or changed by a reduction",
                   11, ScatterElementsOptions{});
  make_scatter(op, "elements", blocks_of);
  op.infer = infer;
  op.gradient = gradient;
  op.samples = samples;
  return {std::move(op)};
}

}  // namespace neurons::ops
