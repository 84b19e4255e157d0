#pragma once
/// Owning block of bytes aligned for the widest vectors, with readable slack after its end.

#include <cstddef>
#include <memory>

namespace neurons {

/// Alignment of every tensor and arena, in bytes: one cache line, which is also the widest vector.
inline constexpr std::size_t kAlignment = 64;

/// A move-only, zero-initialised, 64-byte aligned block.
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  /// Throws RuntimeError if the memory cannot be had.
  explicit AlignedBuffer(std::size_t bytes);

  std::byte* data() noexcept { return data_.get(); }
  const std::byte* data() const noexcept { return data_.get(); }
  std::size_t size() const noexcept { return size_; }

 private:
  struct Release {
    void operator()(std::byte* block) const noexcept;
  };
  std::unique_ptr<std::byte, Release> data_;
  std::size_t size_ = 0;
};

/// `bytes` rounded up to a multiple of kAlignment.
constexpr std::size_t align_up(std::size_t bytes) noexcept { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

}  // namespace neurons
