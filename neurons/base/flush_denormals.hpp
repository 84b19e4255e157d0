#pragma once
/// Numbers too small for a normal exponent count as 0 while this is alive.

#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace neurons {

/// Sets this thread's floating-point unit to read and write denormal numbers (below about 1e-38) as 0, and puts it back at the end.
/// Averages that decay, such as an optimiser's moments of a neuron that no longer fires, get stuck among the denormals, where every
/// operation can cost a hundred cycles.
class FlushDenormals {
 public:
#if defined(__x86_64__)
  FlushDenormals() noexcept : saved_(_mm_getcsr()) { _mm_setcsr(saved_ | kFlush); }
  ~FlushDenormals() { _mm_setcsr(saved_); }
#elif defined(__aarch64__)
  FlushDenormals() noexcept {
    asm volatile("mrs %0, fpcr" : "=r"(saved_));
    asm volatile("msr fpcr, %0" : : "r"(saved_ | kFlush));
  }
  ~FlushDenormals() { asm volatile("msr fpcr, %0" : : "r"(saved_)); }
#else
  FlushDenormals() noexcept = default;
#endif
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
#if defined(__x86_64__)
  static constexpr unsigned kFlush = 0x8040;  // results to 0 (bit 15), operands as 0 (bit 6)
  unsigned saved_;
#elif defined(__aarch64__)
  static constexpr std::uint64_t kFlush = 1U << 24;  // FZ
  std::uint64_t saved_ = 0;
#endif
};

}  // namespace neurons
