#pragma once
/// Blocks of elements that are named by indices known only when the plan runs: what gathers and scatters share.

#include <array>
#include <vector>

#include "neurons/graph/graph.hpp"

namespace neurons::ops {

/// Blocks of neighbouring elements of a tensor, one for each of `count` places among the indices.
struct IndexedBlocks {
  static constexpr std::int64_t kBad = -1;

  /// Each row of the last axis of `indices` names a block by its place along the axes of `x` after the first `batch_axes`; those
  /// are walked together.
  static IndexedBlocks of_tuples(const Shape& x, const Shape& indices, int batch_axes);
  /// Each index names the element at its own place, but for that along `axis`.
  static IndexedBlocks along_axis(const Shape& x, const Shape& indices, int axis);

  /// The first element of block i, or kBad where an index is out of range. Negative indices count from the end.
  std::int64_t place(const Buffer& indices, std::int64_t i) const noexcept;

  std::int64_t count = 0;
  std::int64_t block = 1;  ///< elements of one
  int axes = 0;            ///< that are indexed, of these extents and strides in x
  std::array<std::int64_t, Shape::kMaxRank> extents{};
  std::array<std::int64_t, Shape::kMaxRank> strides{};
  std::int64_t per_batch = 1;     ///< blocks of one batch
  std::int64_t batch_stride = 0;  ///< elements of one batch
  int named = -1;                 ///< along_axis: which axis; the others' extents among the indices:
  std::array<std::int64_t, Shape::kMaxRank> walked{};
};

/// Throws through context.fail unless input `index` holds i64 or i32.
void require_indices(const InferContext& context, std::size_t index);
/// The same for indices along an axis, which have as many axes as x and are not beyond it along the others.
void require_indices_along(const InferContext& context, std::size_t index, const Shape& x, std::int64_t axis);

/// Indices in double precision as kernels see them.
struct ReferenceIndices {
  explicit ReferenceIndices(const ReferenceTensor& indices);
  Buffer buffer;

 private:
  std::vector<std::int64_t> values_;
};

/// The blocks one after the other, and the reference of that. Bad indices give 0: a plan cannot throw while it runs.
Call gather_call(const PrepareContext& context, const IndexedBlocks& blocks);
void gather_reference(const ReferenceContext& context, const IndexedBlocks& blocks);

/// What becomes of an element that is written to.
enum class Scatter : std::uint8_t { replace, add, multiply, minimum, maximum };
/// By ONNX's word in a scatter's option "reduction". Throws InputError for another.
Scatter scatter_of(const Options& options);

/// Throws through context.fail unless input 2 is of x's type and has the shape, and the option "reduction" is a word of ONNX's.
void require_updates(const InferContext& context, const Shape& updates);

/// Of x (input 0), the blocks that indices (input 1) name.
using BlocksOf = IndexedBlocks (*)(const Options& options, const Shape& x, const Shape& indices);
/// Gives an op of x, indices and updates its kernel, its reference and all that scatters share but infer, gradient and samples: the
/// output is x with these blocks changed by those of the updates (input 2), in their order. Bad indices change nothing.
void make_scatter(OpDef& op, std::string kernel, BlocksOf blocks_of);

/// States the gradients of a scatter, where `gather` reads what the indices name, and `scattered` is the same op with another
/// reduction.
struct ScatterGradient {
  std::function<Value(Value from)> gather;
  std::function<Value(Value x, Value updates, std::string_view reduction)> scattered;
};
void differentiate_scatter(GradientContext& context, const ScatterGradient& rule);

}  // namespace neurons::ops
