#pragma once
/// Hints that bring cache lines closer before they are needed.
///
/// Writing to a line that another core has read costs a round trip to that core, about 40 ns, and such writes wait for one another.
/// Asked for in time and all at once, the same lines cost nothing: whoever writes what other workers have read, or what has not
/// been touched since the last step, says so one tile ahead.

#include <cstddef>
#include <cstdint>

#include "neurons/base/aligned_buffer.hpp"

namespace neurons::kernels {

/// The line of `address`, for this core alone: it will be written.
inline void prefetch_to_write(const std::byte* address) noexcept {
#if defined(__x86_64__)
  asm volatile("prefetchw %0" : : "m"(*address));  // the builtin falls back to a shared copy unless compiled for the very machine
#else
  __builtin_prefetch(address, 1);
#endif
}

inline void prefetch_to_read(const std::byte* address) noexcept { __builtin_prefetch(address, 0); }

/// Rows of memory that will soon be needed. Without initial values: each tile has room for several, and most have none.
struct Fetch {
  const std::byte* row;
  std::ptrdiff_t row_bytes;  ///< to the next row
  std::int64_t bytes;        ///< of each row that are needed
  bool to_write;
};

/// Asks for one row and moves on to the next.
inline void fetch_row(Fetch& fetch) noexcept {
  for (std::int64_t at = 0; at < fetch.bytes; at += static_cast<std::int64_t>(kAlignment)) {
    fetch.to_write ? prefetch_to_write(fetch.row + at) : prefetch_to_read(fetch.row + at);
  }
  fetch.row += fetch.row_bytes;
}

}  // namespace neurons::kernels
