#include <algorithm>
#include <numeric>

#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/move.hpp"

namespace neurons::ops {
namespace {

struct TransposeOptions {
  std::vector<std::int64_t> perm;  ///< output axis i is input axis perm[i]; none: all axes reversed

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("perm", self.perm);
  }
  /// The permutation for a tensor of that rank.
  std::vector<std::int64_t> permutation(int rank) const {
    if (!perm.empty()) return perm;
    std::vector<std::int64_t> reversed(static_cast<std::size_t>(rank));
    std::iota(reversed.rbegin(), reversed.rend(), 0);
    return reversed;
  }
};

std::vector<TensorType> infer(const InferContext& context) {
  const Shape& shape = context.shape(0);
  const auto permutation = context.as<TransposeOptions>().permutation(shape.rank());
  std::vector<std::int64_t> sorted = permutation;
  std::ranges::sort(sorted);
  std::vector<std::int64_t> extents;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (sorted[i] != static_cast<std::int64_t>(i)) context.fail("perm must name each axis from 0 once");
  }
  if (static_cast<int>(sorted.size()) != shape.rank()) {
    context.fail("perm names {} axes, the input has {}", sorted.size(), shape.rank());
  }
  for (const std::int64_t axis : permutation) extents.push_back(shape[static_cast<int>(axis)]);
  return {{context.dtype(), Shape(std::span<const std::int64_t>(extents))}};
}

Call prepare(const PrepareContext& context) {
  return permute_call(context, context.as<TransposeOptions>().permutation(context.inputs[0].type.shape.rank()));
}

void reference(const ReferenceContext& context) {
  permute_reference(context, context.as<TransposeOptions>().permutation(context.inputs[0]->type.shape.rank()));
}

/// Nothing moves under an identity; the transposition of a transposition is one.
std::optional<std::vector<Value>> simplify(const RewriteContext& context) {
  const Value x = context.inputs[0];
  const auto permutation = context.options.as<TransposeOptions>().permutation(x.shape().rank());
  if (std::ranges::is_sorted(permutation)) return std::vector{x};
  const int producer = context.graph.info(x.id()).node;
  if (producer < 0 || context.graph.node(producer).op->name != "Transpose") return std::nullopt;
  const Node& node = context.graph.node(producer);
  const auto inner = node.options.as<TransposeOptions>().permutation(x.shape().rank());
  std::vector<std::int64_t> both;
  for (const std::int64_t axis : permutation) both.push_back(inner[static_cast<std::size_t>(axis)]);
  return std::vector{transposed(context.graph.value(node.inputs[0]), both)};
}

}  // namespace

std::vector<OpDef> transpose() {
  OpDef op = mover("Transpose", "The same elements with the axes in another order", 1, TransposeOptions{});
  op.infer = infer;
  op.kernels = {{"strided copy", nullptr, prepare}};
  op.reference = reference;
  op.simplify = simplify;
  op.gradient = [](GradientContext& context) {
    const auto permutation = context.as<TransposeOptions>().permutation(context.input(0).shape().rank());
    std::vector<std::int64_t> inverse(permutation.size());
    for (std::size_t i = 0; i < permutation.size(); ++i) {
      inverse[static_cast<std::size_t>(permutation[i])] = static_cast<std::int64_t>(i);
    }
    context.set(0, transposed(context.gradient(), inverse));
  };
  op.samples = [] {
    return std::vector<Sample>{{{{{DType::f32, {5, 7}}}}, TransposeOptions{}, "matrix"},
                               {{{{DType::f32, {67, 33}}}}, TransposeOptions{{1, 0}}, "matrix of several blocks"},
                               {{{{DType::f32, {2, 35, 3, 40}}}}, TransposeOptions{{0, 3, 1, 2}}, "channels first"},
                               {{{{DType::f32, {2, 3, 4, 5}}}}, TransposeOptions{{0, 2, 3, 1}}, "channels last"},
                               {{{{DType::f32, {2, 3, 5}}}}, TransposeOptions{{2, 1, 0}}, "reversed"},
                               {{{{DType::f32, {3, 2, 5}}}}, TransposeOptions{{1, 0, 2}}, "rows stay whole"},
                               {{{{DType::f32, {0, 3}}}}, TransposeOptions{}, "empty"},
                               {{{{DType::f32, {}}}}, TransposeOptions{}, "a scalar"},
                               {{{{DType::f32, {1, 7, 1}}}}, TransposeOptions{{2, 0, 1}}, "extents of one"}};
  };
  return {std::move(op)};
}

}  // namespace neurons::ops
