#include <limits>

#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/choose.hpp"
#include "neurons/ops/common/plain_loops.hpp"

namespace neurons::ops {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<TensorType> infer(const InferContext& context) {
  if (broadcast_shape(context, kNumbers) != context.shape(0)) context.fail("the bounds do not broadcast to the shape of x");
  return {context.inputs[0]};
}

/// min(max(x, low), high); NaN stays NaN.
template <typename T>
T clipped(T x, T low, T high) {
  const T raised = x < low ? low : x;
  return raised > high ? high : raised;
}

void reference(const ReferenceContext& context) {
  const ReferenceTensor low{{}, {-kInfinity}};
  const ReferenceTensor high{{}, {kInfinity}};
  const auto input = [&](std::size_t i, const ReferenceTensor& otherwise) {
    return i < context.inputs.size() && context.inputs[i] != nullptr ? context.inputs[i] : &otherwise;
  };
  const std::array inputs{context.inputs[0], input(1, low), input(2, high)};
  run_scalar({context.options, inputs, context.outputs},
             [](const double* in, const Options&) { return clipped(in[0], in[1], in[2]); });
}

/// dy goes to x where it lies within the bounds (on them, too), else to the bound that took its place.
void gradient(GradientContext& context) {
  Graph& graph = context.graph();
  const Value dy = context.gradient();
  const Value x = context.input(0);
  const Value low = context.has_input(1) ? context.input(1) : number_like(x, -kInfinity);
  const Value high = context.has_input(2) ? context.input(2) : number_like(x, kInfinity);
  const Value below = graph.emit("Less", {x, low});
  const Value over = graph.emit("Greater", {graph.emit("Max", {x, low}), high});
  if (context.wants(0)) context.set(0, choose(graph.emit("Or", {below, over}), 0.0, dy));
  if (context.has_input(1) && context.wants(1)) {
    const Value raised = graph.emit("And", {below, graph.emit("Not", {over})});
    context.set(1, sum_to(choose(raised, dy, 0.0), low.shape()));
  }
  if (context.has_input(2) && context.wants(2)) context.set(2, sum_to(choose(over, dy, 0.0), high.shape()));
}

/// A missing bound leaves a maximum, a minimum or nothing.
std::optional<std::vector<Value>> simplify(const RewriteContext& context) {
  const Value x = context.inputs[0];
  const bool low = context.inputs.size() > 1 && context.inputs[1];
  const bool high = context.inputs.size() > 2 && context.inputs[2];
  if (low && high) return std::nullopt;
  if (low) return std::vector{context.graph.emit("Max", {x, context.inputs[1]})};
  if (high) return std::vector{context.graph.emit("Min", {x, context.inputs[2]})};
  return std::vector{x};
}

std::vector<Sample> samples() {
  const Tensor low = Tensor::scalar(-0.4375F);
  const Tensor high = Tensor::scalar(0.8125F);
  std::vector<Sample> samples;
  for (const Shape& shape : {Shape{}, Shape{17}, Shape{5, 7}, Shape{2, 3, 33}, Shape{0, 4}}) {
    for (const int bounds : {0, 1, 2, 3}) {
      Sample sample{{{{DType::f32, shape}}}, {}, fmt::format("{}, bounds {:02b}", shape.to_string(), bounds)};
      sample.inputs.push_back({low.type(), Sample::Fill::given, 1, low, true, (bounds & 1) != 0});
      sample.inputs.push_back({high.type(), Sample::Fill::given, 1, high, true, (bounds & 2) != 0});
      samples.push_back(std::move(sample));
    }
  }
  samples.push_back(
      {{{{DType::f32, {5, 7}}}, {high.type(), Sample::Fill::given, 1, high}, {low.type(), Sample::Fill::given, 1, low}},
       {},
       "bounds that cross"});
  samples.push_back({{{{DType::i64, {5, 7}}, Sample::Fill::index, 9},
                      {{DType::i64, {}}, Sample::Fill::index, 3},
                      {{DType::i64, {}}, Sample::Fill::index, 7}},
                     {},
                     "integers"});
  return samples;
}

}  // namespace

std::vector<OpDef> clip() {
  OpDef op = elementwise("Clip", "y = min(max(x, low), high), either bound optional", 1, nullptr, nullptr);
  op.maximum_inputs = 3;
  op.infer = infer;
  op.elementwise->function = [](const InferContext& context) -> kernels::TileFunction {
    if (!context.has(1) || !context.has(2)) return nullptr;
    return context.dtype() == DType::f32 ? kernels::clip
                                         : number_loop<3>(context.dtype(), [](auto x, auto a, auto b) { return clipped(x, a, b); });
  };
  op.reference = reference;
  op.gradient = gradient;
  op.simplify = simplify;
  op.onnx = {{"Clip", 11, ""}};
  op.samples = samples;
  return {std::move(op)};
}

}  // namespace neurons::ops
