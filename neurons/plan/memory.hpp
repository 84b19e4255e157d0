#pragma once
/// Where buffers go in the arena.

#include <cstddef>
#include <span>
#include <vector>

namespace neurons {

/// A buffer is in use from step `first` to step `last`, both included.
struct Lifetime {
  int first = 0;
  int last = 0;
  std::size_t bytes = 0;
};

struct ArenaLayout {
  std::vector<std::size_t> offsets;  ///< one for each lifetime, multiples of kAlignment
  std::size_t bytes = 0;             ///< of the whole arena
};

/// Offsets such that no two buffers in use at the same step overlap. Largest first, each at the lowest offset that is free for its
/// whole life.
ArenaLayout place_buffers(std::span<const Lifetime> lifetimes);

}  // namespace neurons
