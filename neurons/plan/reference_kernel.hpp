#pragma once
/// Calls that every plan can fall back on.

#include "neurons/graph/op.hpp"

namespace neurons {

/// The op's own double-precision reference as a kernel: slow, and said so in the plan's listing. Its tensors are allocated when the
/// plan is made.
Kernel reference_kernel();

/// A call that copies one buffer to another of the same size.
Call copy_buffer(const Buffer& from, const Buffer& to);

}  // namespace neurons
