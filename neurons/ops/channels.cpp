#include "neurons/ops/common/channels.hpp"

#include "neurons/ops/common/move.hpp"
#include "neurons/ops/common/panels.hpp"
#include "neurons/ops/common/view.hpp"

namespace neurons::ops {
namespace {

/// Whether two shapes have as many images and channels; `first`: channels come first in both.
bool same_images(const Shape& a, const Shape& b, bool first) {
  return a.rank() >= 3 && b.rank() >= 3 && a[0] == b[0] && a[first ? 1 : -1] == b[first ? 1 : -1];
}

OpDef channels_op(bool last) {
  OpDef op;
  op.name = last ? "ToChannelsLast" : "ToChannelsFirst";
  const std::string inverse = last ? "ToChannelsFirst" : "ToChannelsLast";
  op.summary = last ? "The same elements with the axis of channels moved to the end" : "The inverse of ToChannelsLast";
  op.internal = true;
  if (!last) op.unpacks = inverse;
  op.permutes_axes = last;
  op.infer = [last](const InferContext& context) -> std::vector<TensorType> {
    if (context.shape(0).rank() < 3) context.fail("expects a batch, channels and at least one spatial axis");
    return {{context.dtype(), last ? channels_last(context.shape(0)) : channels_first(context.shape(0))}};
  };
  op.reference = [last](const ReferenceContext& context) {
    permute_reference(context, channels_order(context.inputs[0]->type.shape.rank(), last));
  };
  op.kernels = {{"strided copy", nullptr, [last](const PrepareContext& context) {
                   return permute_call(context, channels_order(context.inputs[0].type.shape.rank(), last));
                 }}};
  op.flops = [](const InferContext&) { return 0.0; };
  op.simplify = [last, inverse](const RewriteContext& context) -> std::optional<std::vector<Value>> {
    const Value x = context.inputs[0];
    const Node* node = producer(x);
    if (node != nullptr && node->op->name == inverse) return std::vector{context.graph.value(node->inputs[0])};
    // Where only pixels took another shape in between, they take it afterwards.
    if (node != nullptr && node->op->name == "Reshape") {
      const Value before = context.graph.value(node->inputs[0]);
      const Node* first = producer(before);
      if (first != nullptr && first->op->name == inverse && same_images(before.shape(), x.shape(), last)) {
        return std::vector{
            reshaped(context.graph.value(first->inputs[0]), last ? channels_last(x.shape()) : channels_first(x.shape()))};
      }
    }
    // One channel or one pixel: nothing moves.
    const Shape& shape = x.shape();
    const std::int64_t channels = shape[last ? 1 : -1];
    const std::int64_t pixels = last ? shape.product(2, shape.rank()) : shape.product(1, shape.rank() - 1);
    if (channels != 1 && pixels != 1) return std::nullopt;
    return std::vector{reshaped(x, last ? channels_last(shape) : channels_first(shape))};
  };
  op.samples = [] {
    return std::vector<Sample>{{{{{DType::f32, {2, 3, 4, 5}}}}, {}, "two spatial axes"},
                               {{{{DType::f32, {2, 7, 5}}}}, {}, "one spatial axis"},
                               {{{{DType::f32, {1, 3, 2, 5, 4}}}}, {}, "three spatial axes"},
                               {{{{DType::f32, {3, 1, 4, 4}}}}, {}, "one channel"},
                               {{{{DType::f32, {3, 4, 1, 1}}}}, {}, "one pixel"},
                               {{{{DType::f32, {0, 3, 4, 4}}}}, {}, "empty"}};
  };
  return op;
}

}  // namespace

/// ToChannelsLast and its inverse ToChannelsFirst.
std::vector<OpDef> channels() { return {channels_op(true), channels_op(false)}; }

}  // namespace neurons::ops
