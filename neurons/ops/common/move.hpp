#pragma once
/// What ops that only move elements have in common.

#include <span>
#include <string>
#include <vector>

#include "neurons/graph/op.hpp"
#include "neurons/kernels/strided_copy.hpp"

namespace neurons::ops {

/// Runs copies one after the other; each is shared between the workers. Their destinations must not overlap.
Call copies_call(std::vector<kernels::StridedCopy> copies);

/// The copy of `extents` elements between two places, `from_offset` and `to_offset` elements into the buffers.
kernels::StridedCopy copy_between(const Buffer& from, std::int64_t from_offset, std::span<const std::int64_t> from_strides,
                                  const Buffer& to, std::int64_t to_offset, std::span<const std::int64_t> to_strides,
                                  std::span<const std::int64_t> extents);

/// Strides of a row-major shape, as a list.
std::vector<std::int64_t> strides_of(const Shape& shape);

/// The index along each axis of the element at `place` of a row-major shape, for references.
std::vector<std::int64_t> index_of(std::int64_t place, const Shape& shape);
/// The inverse of index_of.
std::size_t place_of(std::span<const std::int64_t> index, const Shape& shape);

/// y's axis i is x's axis permutation[i]: the call, and the reference.
Call permute_call(const PrepareContext& context, std::span<const std::int64_t> permutation);
void permute_reference(const ReferenceContext& context, std::span<const std::int64_t> permutation);

/// Name, summary and the fields that all movers share: no floating-point operations, ONNX's page as source.
OpDef mover(std::string name, std::string summary, int since, Options defaults);

}  // namespace neurons::ops
