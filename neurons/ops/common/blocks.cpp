#include "neurons/ops/common/blocks.hpp"

#include "neurons/ops/common/channels.hpp"
#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/view.hpp"

namespace neurons::ops {
namespace {

struct BlockOptions {
  std::int64_t blocksize = 1;  ///< side of a block, in pixels
  std::string mode = "DCR";    ///< channels of a block: its pixels one after the other ("DCR"), or its channels ("CRD")

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("blocksize", self.blocksize);
    visit("mode", self.mode);
  }
};

std::vector<TensorType> infer(const InferContext& context, bool to_space) {
  const auto& options = context.as<BlockOptions>();
  const std::int64_t side = options.blocksize;
  context.require_rank(0, 4);
  const Shape& x = context.shape(0);
  constexpr std::int64_t kMost = 1 << 20;
  if (side < 1 || side > kMost) context.fail("blocksize = {} must be from 1 to {}", side, kMost);
  if (options.mode != "DCR" && options.mode != "CRD") {
    context.fail("mode = \"{}\", expected \"DCR\" or \"CRD\"", options.mode);
  }
  if (to_space) {
    if (x[1] % (side * side) != 0) context.fail("blocksize = {}: its square does not divide {} channels", side, x[1]);
    return {{context.dtype(), {x[0], x[1] / (side * side), x[2] * side, x[3] * side}}};
  }
  if (x[2] % side != 0 || x[3] % side != 0) context.fail("blocksize = {} does not divide {} × {} pixels", side, x[2], x[3]);
  return {{context.dtype(), {x[0], x[1] * side * side, x[2] / side, x[3] / side}}};
}

/// x as blocks, moved, and joined again. Channels last the same, with the channels behind.
Value emit(Value x, const BlockOptions& options, bool to_space, bool last) {
  const std::int64_t b = options.blocksize;
  const bool pixels_first = options.mode == "DCR";
  const Shape& shape = x.shape();
  const std::int64_t n = shape[0];
  const std::int64_t c = to_space ? shape[last ? 3 : 1] / (b * b) : shape[last ? 3 : 1];
  const std::int64_t h = to_space ? shape[last ? 1 : 2] : shape[last ? 1 : 2] / b;
  const std::int64_t w = to_space ? shape[last ? 2 : 3] : shape[last ? 2 : 3] / b;
  if (last) {
    const Shape deep{n, h, w, c * b * b};
    const Shape wide{n, h * b, w * b, c};
    if (to_space) {
      const Value blocks = reshaped(x, pixels_first ? Shape{n, h, w, b, b, c} : Shape{n, h, w, c, b, b});
      return reshaped(transposed(blocks, pixels_first ? std::vector<std::int64_t>{0, 1, 3, 2, 4, 5}
                                                      : std::vector<std::int64_t>{0, 1, 4, 2, 5, 3}),
                      wide);
    }
    const Value blocks = reshaped(x, {n, h, b, w, b, c});
    return reshaped(transposed(blocks, pixels_first ? std::vector<std::int64_t>{0, 1, 3, 2, 4, 5}
                                                    : std::vector<std::int64_t>{0, 1, 3, 5, 2, 4}),
                    deep);
  }
  if (to_space) {
    const Value blocks = reshaped(x, pixels_first ? Shape{n, b, b, c, h, w} : Shape{n, c, b, b, h, w});
    return reshaped(transposed(blocks, pixels_first ? std::vector<std::int64_t>{0, 3, 4, 1, 5, 2}
                                                    : std::vector<std::int64_t>{0, 1, 4, 2, 5, 3}),
                    {n, c, h * b, w * b});
  }
  const Value blocks = reshaped(x, {n, c, h, b, w, b});
  return reshaped(
      transposed(blocks, pixels_first ? std::vector<std::int64_t>{0, 3, 5, 1, 2, 4} : std::vector<std::int64_t>{0, 1, 3, 5, 2, 4}),
      {n, c * b * b, h, w});
}

/// Channels last, where f32 images are kept so.
std::optional<std::vector<Value>> simplify(const RewriteContext& context, bool to_space) {
  const Value x = context.inputs[0];
  const auto& options = context.options.as<BlockOptions>();
  if (options.blocksize == 1) return std::vector{x};
  if (x.type().dtype != DType::f32 || x.shape().elements() == 0) return std::nullopt;
  return std::vector{to_channels_first(emit(to_channels_last(x), options, to_space, true))};
}

}  // namespace

OpDef blocks_op(bool to_space) {
  OpDef op;
  op.name = to_space ? "DepthToSpace" : "SpaceToDepth";
  op.source = "https://onnx.ai/onnx/operators/onnx__" + op.name + ".html";
  op.default_options = BlockOptions{};
  op.infer = [to_space](const InferContext& context) { return infer(context, to_space); };
  op.decompose = [to_space](const RewriteContext& context) {
    return std::vector{emit(context.inputs[0], context.options.as<BlockOptions>(), to_space, false)};
  };
  op.simplify = [to_space](const RewriteContext& context) { return simplify(context, to_space); };
  op.flops = [](const InferContext&) { return 0.0; };
  op.samples = [to_space] {
    std::vector<Sample> result;
    for (const std::string mode : {"DCR", "CRD"}) {
      const Shape two = to_space ? Shape{2, 12, 3, 5} : Shape{2, 3, 6, 10};
      const Shape three = to_space ? Shape{1, 18, 2, 1} : Shape{1, 2, 6, 3};
      result.push_back({{{{DType::f32, two}}}, BlockOptions{2, mode}, mode});
      result.push_back({{{{DType::f32, three}}}, BlockOptions{3, mode}, mode + ", blocks of 3"});
      result.push_back({{{{DType::i64, two}, Sample::Fill::index, 99}}, BlockOptions{2, mode}, mode + ", integers"});
      result.push_back({{{{DType::f32, {2, 3, 4, 5}}}}, BlockOptions{1, mode}, mode + ", blocks of one"});
    }
    result.push_back({{{{DType::f32, {0, 4, 4, 2}}}}, BlockOptions{2, "DCR"}, "empty"});
    return result;
  };
  return op;
}

}  // namespace neurons::ops
