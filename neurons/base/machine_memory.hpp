#pragma once
/// How much memory there is, so that a job that cannot fit says so instead of being killed by the kernel.

#include <cstddef>

namespace neurons {

/// In bytes; the largest number where it is not known.
struct MachineMemory {
  std::size_t total;      ///< of the machine, or of the control group that holds this process if that is less
  std::size_t available;  ///< what can be had now without taking it from other programs; swap counts
};
MachineMemory machine_memory();

/// Throws RuntimeError unless that many bytes can be had now.
void require_memory(std::size_t bytes);

}  // namespace neurons
