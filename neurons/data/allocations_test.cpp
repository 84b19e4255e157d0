// Replaces the test program's operator new by one that counts.
#include <cstdlib>
#include <new>

#include "neurons/data/data_testing.hpp"

namespace {
thread_local std::size_t count = 0;
}  // namespace

std::size_t neurons::testing::allocations() noexcept { return count; }

void* operator new(std::size_t bytes) {
  ++count;
  if (void* block = std::malloc(bytes == 0 ? 1 : bytes)) return block;
  throw std::bad_alloc();
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  ++count;
  return std::malloc(bytes == 0 ? 1 : bytes);
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
