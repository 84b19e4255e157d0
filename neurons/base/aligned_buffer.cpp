#include "neurons/base/aligned_buffer.hpp"

#include <cstring>
#include <new>

#include "neurons/base/error.hpp"
#include "neurons/base/machine_memory.hpp"

namespace neurons {

AlignedBuffer::AlignedBuffer(std::size_t bytes) : size_(bytes) {
  constexpr std::size_t kMaxBytes = std::size_t{1} << 56;  // beyond any memory, and far from where rounding up would wrap round
  if (bytes > kMaxBytes) fail_run("cannot allocate {} bytes", bytes);
  constexpr std::size_t kWorthAsking = std::size_t{64} << 20;  // smaller blocks take less time than the question
  if (bytes > kWorthAsking) require_memory(bytes);             // the kernel gives more than it has, and kills when it is used
  const std::size_t allocated = align_up(bytes) + kAlignment;  // slack: a full vector read at the last element stays inside
  auto* block = static_cast<std::byte*>(::operator new (allocated, std::align_val_t{kAlignment}, std::nothrow));
  if (block == nullptr) fail_run("cannot allocate {} bytes", bytes);
  std::memset(block, 0, allocated);
  data_.reset(block);
}

void AlignedBuffer::Release::operator()(std::byte* block) const noexcept {
  ::operator delete (block, std::align_val_t{kAlignment});
}

}  // namespace neurons
