#pragma once
/// Counter-based random streams: the n-th number of a stream is a pure function of (seed, stream, n), so a stream can be saved as
/// three integers, split over threads, or entered in the middle. Philox 4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random
/// numbers: as easy as 1, 2, 3", SC 2011).

#include <array>
#include <cstdint>
#include <span>
#include <utility>

namespace neurons {

/// One Philox block: 128 random bits for a 128-bit counter and a 64-bit key.
std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) noexcept;

/// A stream of random numbers. Copyable; equal streams give equal numbers on every machine.
class RandomStream {
 public:
  /// Everything needed to continue a stream.
  struct State {
    std::uint64_t seed = 0;
    std::uint64_t stream = 0;
    std::uint64_t position = 0;  ///< 32-bit words drawn so far
    bool operator==(const State&) const = default;
  };

  explicit RandomStream(std::uint64_t seed, std::uint64_t stream = 0) : RandomStream(State{seed, stream, 0}) {}
  explicit RandomStream(const State& state);

  const State& state() const noexcept { return state_; }

  std::uint32_t next_u32() noexcept;
  std::uint64_t next_u64() noexcept;
  /// Uniform integer in [0, bound), without bias (Lemire's method). `bound` must be positive.
  std::uint64_t below(std::uint64_t bound) noexcept;
  /// Uniform in [0, 1), 53 bits.
  double uniform() noexcept;
  double uniform(double low, double high) noexcept { return low + (high - low) * uniform(); }
  /// Standard normal (Box–Muller; two words of 64 bits a number, none kept, so that position tells all).
  double normal() noexcept;

  /// Fisher–Yates shuffle.
  template <typename T>
  void shuffle(std::span<T> items) noexcept {
    for (std::size_t i = items.size(); i > 1; --i) {
      const auto j = static_cast<std::size_t>(below(i));
      std::swap(items[i - 1], items[j]);
    }
  }

 private:
  State state_;
  std::array<std::uint32_t, 4> block_{};
};

/// The stream for one thing among many of an epoch (a batch, a sample), far from all others of the same seed; `purpose` keeps
/// those who number their things alike apart.
RandomStream stream_of(std::uint64_t seed, std::array<std::uint32_t, 2> purpose, std::int64_t epoch, std::int64_t index) noexcept;

}  // namespace neurons
