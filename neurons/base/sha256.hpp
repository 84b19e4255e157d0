#pragma once
/// SHA-256 (FIPS 180-4), to name data and weights by what they hold.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace neurons {

/// Incremental hash: update() any number of times, then hex().
class Sha256 {
 public:
  Sha256() noexcept;
  void update(std::span<const std::byte> bytes) noexcept;
  /// The digest of all bytes so far as 64 lower-case hex digits. The object must not be used after.
  std::string hex();

 private:
  void compress(const std::byte* block) noexcept;
  std::array<std::uint32_t, 8> state_;
  std::array<std::byte, 64> pending_{};
  std::uint64_t length_ = 0;
};

}  // namespace neurons
