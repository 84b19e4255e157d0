#pragma once
/// For tests: how much memory is taken. Programs that link neurons_counting_new have an operator new that counts.

namespace neurons::testing {

/// Blocks that the calling thread, or any thread, has taken by operator new so far.
long allocations_here() noexcept;
long allocations_anywhere() noexcept;

}  // namespace neurons::testing
