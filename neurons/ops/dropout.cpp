#include <cmath>

#include "neurons/base/random.hpp"
#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/elementwise.hpp"

namespace neurons::ops {
namespace {

struct DropoutOptions {
  float ratio = 0.5F;     ///< share of elements that become 0
  std::int64_t seed = 0;  ///< of the random stream
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("ratio", self.ratio);
    visit("seed", self.seed);
  }
};

std::vector<TensorType> infer(const InferContext& context) {
  if (context.dtype() != DType::f32 && context.dtype() != DType::f64) context.fail("x must be a float");
  if (context.inputs[1] != TensorType{DType::i64, {}}) context.fail("the step must be an i64 scalar");
  const float ratio = context.as<DropoutOptions>().ratio;
  if (!(ratio >= 0 && ratio < 1)) context.fail("ratio must be in [0, 1)");
  return {context.inputs[0]};
}

/// The element's draw is word (index mod 4) of Philox block (index / 4, step) under the seed.
void reference(const ReferenceContext& context) {
  const auto& options = context.as<DropoutOptions>();
  const auto seed = static_cast<std::uint64_t>(options.seed);
  const auto step = static_cast<std::uint64_t>(context.inputs[1]->data[0]);
  const double threshold = std::floor(static_cast<double>(options.ratio) * 0x1p32);
  const double scale = 1 / (1 - static_cast<double>(options.ratio));
  const auto low = [](std::uint64_t bits) { return static_cast<std::uint32_t>(bits); };
  const auto high = [](std::uint64_t bits) { return static_cast<std::uint32_t>(bits >> 32); };
  for (std::size_t i = 0; i < context.outputs[0].data.size(); ++i) {
    const auto words = philox({low(i / 4), high(i / 4), low(step), high(step)}, {low(seed), high(seed)});
    const bool keep = static_cast<double>(words[i % 4]) >= threshold;
    context.outputs[0].data[i] = keep ? context.inputs[0]->data[i] * scale : 0;
  }
}

std::vector<Sample> samples() {
  std::vector<Sample> samples;
  const Tensor step = Tensor::of<std::int64_t>({}, std::vector<std::int64_t>{(std::int64_t{1} << 33) + 5});
  for (const Shape& shape : {Shape{}, Shape{17}, Shape{5, 7}, Shape{2, 3, 33}, Shape{0, 4}}) {
    for (const float ratio : {0.0F, 0.25F, 0.5F, 0.9F}) {
      samples.push_back({{{{DType::f32, shape}}, {step.type(), Sample::Fill::given, 1, step}},
                         DropoutOptions{ratio, 0x123456789ABCDEF},
                         shape.to_string()});
    }
  }
  return samples;
}

}  // namespace

/// For training only: graphs for inference leave it out. ONNX's Dropout of inference is Identity.
std::vector<OpDef> dropout() {
  OpDef op;
  op.name = "Dropout";
  op.summary = "y = x · keep / (1 - ratio), keep drawn from (seed, step, index of the element); inputs x, step";
  op.source = "Srivastava et al., Dropout: A Simple Way to Prevent Neural Networks from Overfitting, 2014";
  op.minimum_inputs = 2;
  op.maximum_inputs = 2;
  op.default_options = DropoutOptions{};
  op.infer = infer;
  op.reference = reference;
  op.elementwise = Elementwise{[](const InferContext& context) -> kernels::TileFunction {
                                 return context.dtype() == DType::f32 ? kernels::dropout : nullptr;
                               },
                               [](const Options& options) -> std::shared_ptr<const void> {
                                 const auto& given = options.as<DropoutOptions>();
                                 return std::make_shared<const kernels::DropoutOptions>(
                                     kernels::DropoutOptions{given.ratio, static_cast<std::uint64_t>(given.seed)});
                               }};
  op.kernels = {elementwise_kernel()};
  op.gradient = [](GradientContext& context) {  // the same draw: the same elements, by the same factor
    context.set(0, context.graph().emit("Dropout", {context.gradient(), context.input(1)}, context.options()));
  };
  op.simplify = [](const RewriteContext& context) -> std::optional<std::vector<Value>> {
    if (context.options.as<DropoutOptions>().ratio != 0.0F) return std::nullopt;
    return std::vector{context.inputs[0]};
  };
  op.samples = samples;
  return {std::move(op)};
}

}  // namespace neurons::ops
