#include <algorithm>

#include "neurons/ops/common/view.hpp"

namespace neurons::ops {
namespace {

struct BitCastOptions {
  DType to = DType::i32;

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("to", self.to);
  }
};

std::vector<TensorType> infer(const InferContext& context) {
  const DType to = context.as<BitCastOptions>().to;
  if ((to == DType::boolean) != (context.dtype() == DType::boolean)) context.fail("truth values are no numbers");
  if (size_of(to) != size_of(context.dtype())) {
    context.fail("{} has {} bytes, {} has {}", name_of(to), size_of(to), name_of(context.dtype()), size_of(context.dtype()));
  }
  return {{to, context.shape(0)}};
}

Call prepare(const PrepareContext& context) {
  const Buffer& x = context.inputs[0];
  const auto bytes = static_cast<std::size_t>(x.type.shape.elements()) * size_of(x.type.dtype);
  return copy_call(x.data, context.outputs[0].data, bytes);
}

void reference(const ReferenceContext& context) {
  const Tensor x = narrow(*context.inputs[0]);
  Tensor y(context.outputs[0].type);
  std::ranges::copy(x.bytes(), y.bytes().begin());
  context.outputs[0].data = widen(y).data;
}

}  // namespace

std::vector<OpDef> bit_cast() {
  OpDef op;
  op.name = "BitCast";
  op.summary = "The bits of x as another element type of the same size";
  op.source = "https://onnx.ai/onnx/operators/onnx__BitCast.html";
  op.default_options = BitCastOptions{};
  op.infer = infer;
  op.reference = reference;
  op.kernels = {{"copy", nullptr, prepare}};
  op.may_alias = [](const InferContext&) { return std::vector<std::pair<int, int>>{{0, 0}}; };
  op.view = true;
  op.not_differentiable = "bits are no numbers";
  op.flops = [](const InferContext&) { return 0.0; };
  op.onnx = {{"BitCast", 26, ""}};
  op.samples = [] {
    const auto given = [](const Tensor& tensor) { return Sample::Input{tensor.type(), Sample::Fill::given, 1, tensor}; };
    const Tensor reals = Tensor::of<float>({2, 2}, std::vector<float>{1, -0.0F, 3e38F, -1e-40F});
    const Tensor bits = Tensor::of<std::int32_t>({3}, std::vector<std::int32_t>{0x3f800000, -1065353216, 1});
    const Tensor wide = Tensor::of<double>({3}, std::vector<double>{0, 5e-324, 1e-310});  // whose bits are numbers up to 2^53
    return std::vector<Sample>{{{given(reals)}, BitCastOptions{DType::i32}, "f32 to i32"},
                               {{given(bits)}, BitCastOptions{DType::f32}, "i32 to f32"},
                               {{given(wide)}, BitCastOptions{DType::i64}, "f64 to i64"},
                               {{{{DType::u8, {5}}, Sample::Fill::index, 256}}, BitCastOptions{DType::u8}, "bytes"}};
  };
  return {std::move(op)};
}

}  // namespace neurons::ops
