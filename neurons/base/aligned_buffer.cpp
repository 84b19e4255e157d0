#include "neurons/base/aligned_buffer.hpp"

#include <sys/mman.h>

#include <cstdint>
#include <cstring>
#include <new>

#include "neurons/base/error.hpp"
#include "neurons/base/machine_memory.hpp"

namespace neurons {
namespace {

/// Large blocks ask for huge pages: a stride through an image or a batch of rows meets a new small page at every step, and there
/// are more of them than the processor remembers.
constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr std::size_t kWorthHugePage = kHugePage * 3 / 8;

constexpr std::uintptr_t round_up(std::uintptr_t value, std::size_t unit) { return (value + unit - 1) / unit * unit; }

/// Just before each block stands where its memory begins.
std::byte*& origin_of(std::byte* block) { return reinterpret_cast<std::byte**>(block)[-1]; }

}  // namespace

AlignedBuffer::AlignedBuffer(std::size_t bytes) : size_(bytes) {
  constexpr std::size_t kMaxBytes = std::size_t{1} << 56;  // beyond any memory, and far from where rounding up would wrap round
  if (bytes > kMaxBytes) fail_run("cannot allocate {} bytes", bytes);
  constexpr std::size_t kWorthAsking = std::size_t{64} << 20;  // smaller blocks take less time than the question
  if (bytes > kWorthAsking) require_memory(bytes);             // the kernel gives more than it has, and kills when it is used
  const std::size_t used = align_up(bytes) + kAlignment;       // slack: a full vector read at the last element stays inside
  const bool huge = bytes >= kWorthHugePage;
  const std::size_t reserved = huge ? round_up(used, kHugePage) + kHugePage : used;  // beyond `used` it is never touched
  auto* origin = static_cast<std::byte*>(::operator new (reserved + kAlignment, std::align_val_t{kAlignment}, std::nothrow));
  if (origin == nullptr) fail_run("cannot allocate {} bytes", bytes);
  const auto first = reinterpret_cast<std::uintptr_t>(origin) + kAlignment;
  std::byte* block = origin + kAlignment + (huge ? round_up(first, kHugePage) - first : 0);
#ifdef MADV_HUGEPAGE
  if (huge) static_cast<void>(::madvise(block, round_up(used, kHugePage), MADV_HUGEPAGE));  // refused: small pages, as ever
#endif
  origin_of(block) = origin;
  std::memset(block, 0, used);
  data_.reset(block);
}

void AlignedBuffer::Release::operator()(std::byte* block) const noexcept {
  ::operator delete (origin_of(block), std::align_val_t{kAlignment});
}

}  // namespace neurons
