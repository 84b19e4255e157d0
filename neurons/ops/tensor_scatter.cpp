#include <numeric>

#include "neurons/ops/common/choose.hpp"
#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/view.hpp"

namespace neurons::ops {
namespace {

constexpr std::size_t kUpdate = 1;
constexpr std::size_t kStarts = 2;

struct TensorScatterOptions {
  std::int64_t axis = -2;       ///< of time; not the first one, which is the batch
  std::string mode = "linear";  ///< or "circular": behind the last place comes the first

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("axis", self.axis);
    visit("mode", self.mode);
  }
};

std::vector<TensorType> infer(const InferContext& context) {
  const auto& options = context.as<TensorScatterOptions>();
  const Shape& cache = context.shape(0);
  const Shape& update = context.shape(kUpdate);
  if (options.mode != "linear" && options.mode != "circular") context.fail("mode must be \"linear\" or \"circular\"");
  if (options.axis < -cache.rank() || options.axis >= cache.rank()) context.fail("there is no axis {}", options.axis);
  const int axis = cache.normalized_axis(options.axis);
  if (axis == 0) context.fail("axis 0 is the batch");
  const bool fits = update.rank() == cache.rank() && update == cache.with(axis, update[axis]) && update[axis] <= cache[axis];
  if (!fits || context.dtype(kUpdate) != context.dtype()) {
    context.fail("expects an update like the cache, with at most its {} places along axis {}", cache[axis], axis);
  }
  const TensorType starts{DType::i64, {cache[0]}};
  if (context.has(kStarts) && context.inputs[kStarts] != starts) context.fail("expects starts of {}", starts.to_string());
  return {context.inputs[0]};
}

/// Where each place of the update goes, for ScatterElements.
std::vector<Value> decompose(const RewriteContext& context) {
  const auto& options = context.options.as<TensorScatterOptions>();
  Graph& graph = context.graph;
  const Shape& cache = context.inputs[0].shape();
  const Value update = context.inputs[kUpdate];
  const int axis = cache.normalized_axis(options.axis);
  std::vector<std::int64_t> extents(static_cast<std::size_t>(cache.rank()), 1);
  extents[static_cast<std::size_t>(axis)] = update.shape()[axis];
  Tensor steps(DType::i64, Shape(std::span<const std::int64_t>(extents)));
  std::iota(steps.values<std::int64_t>().begin(), steps.values<std::int64_t>().end(), 0);
  Value places = graph.constant(std::move(steps));
  if (context.inputs.size() > kStarts && context.inputs[kStarts]) {
    extents.assign(extents.size(), 1);
    extents[0] = cache[0];
    places = graph.emit("Add", {places, reshaped(context.inputs[kStarts], Shape(std::span<const std::int64_t>(extents)))});
  }
  if (options.mode == "circular") places = graph.emit("Mod", {places, number_like(places, static_cast<double>(cache[axis]))});
  return {emit_with("ScatterElements", {context.inputs[0], expanded(places, update.shape()), update},
                    {{"axis", static_cast<std::int64_t>(axis)}})};
}

}  // namespace

std::vector<OpDef> tensor_scatter() {
  OpDef op;
  op.name = "TensorScatter";
  op.summary = "The cache with the update in place of what is there along the axis, from a start of each sample on; starts (0)";
  op.source = "https://onnx.ai/onnx/operators/onnx__TensorScatter.html";
  op.minimum_inputs = 2;
  op.maximum_inputs = 3;
  op.default_options = TensorScatterOptions{};
  op.infer = infer;
  op.decompose = decompose;
  op.flops = [](const InferContext&) { return 0.0; };
  op.onnx = {{"TensorScatter", 24, ""}};
  op.samples = [] {
    const auto of = [](const Shape& shape) { return Sample::Input{{DType::f32, shape}}; };
    const Tensor starts = Tensor::of<std::int64_t>({2}, std::vector<std::int64_t>{1, 4});
    const Sample::Input given{starts.type(), Sample::Fill::given, 1, starts};
    return std::vector<Sample>{
        {{of({2, 3, 5, 2}), of({2, 3, 3, 2})}, TensorScatterOptions{}, "at the beginning"},
        {{of({2, 7, 3}), of({2, 3, 3}), given}, TensorScatterOptions{}, "behind what is there"},
        {{of({2, 5, 3}), of({2, 3, 3}), given}, TensorScatterOptions{1, "circular"}, "around the end"},
        {{{{DType::i64, {2, 5}}, Sample::Fill::index, 9}, {{DType::i64, {2, 1}}, Sample::Fill::index, 9}, given},
         TensorScatterOptions{-1, "linear"},
         "integers along the last axis"}};
  };
  return {std::move(op)};
}

}  // namespace neurons::ops
