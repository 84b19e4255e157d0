#pragma once
/// Turns an elementwise program into a call.

#include "neurons/graph/op.hpp"
#include "neurons/kernels/program.hpp"

namespace neurons::ops {

/// A call that runs the whole program, its rows (or, for a single row, its columns) split between workers.
Call call_of(kernels::Program program);

}  // namespace neurons::ops
