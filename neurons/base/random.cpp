#include "neurons/base/random.hpp"

#include <cmath>
#include <numbers>

namespace neurons {

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) noexcept {
  constexpr std::uint64_t kMultiplier0 = 0xD2511F53;
  constexpr std::uint64_t kMultiplier1 = 0xCD9E8D57;
  constexpr std::uint32_t kWeyl0 = 0x9E3779B9;
  constexpr std::uint32_t kWeyl1 = 0xBB67AE85;
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = kMultiplier0 * counter[0];
    const std::uint64_t product1 = kMultiplier1 * counter[2];
    counter = {static_cast<std::uint32_t>(product1 >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(product1),
               static_cast<std::uint32_t>(product0 >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(product0)};
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  return counter;
}

namespace {

std::array<std::uint32_t, 4> block_at(const RandomStream::State& state) noexcept {
  const std::uint64_t block = state.position / 4;
  return philox({static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32),
                 static_cast<std::uint32_t>(state.stream), static_cast<std::uint32_t>(state.stream >> 32)},
                {static_cast<std::uint32_t>(state.seed), static_cast<std::uint32_t>(state.seed >> 32)});
}

}  // namespace

RandomStream::RandomStream(const State& state) : state_(state), block_(block_at(state)) {}

std::uint32_t RandomStream::next_u32() noexcept {
  const auto word = static_cast<std::size_t>(state_.position % 4);
  if (word == 0) block_ = block_at(state_);
  ++state_.position;
  return block_[word];
}

std::uint64_t RandomStream::next_u64() noexcept {
  const std::uint64_t high = next_u32();
  return high << 32 | next_u32();
}

std::uint64_t RandomStream::below(std::uint64_t bound) noexcept {
  __extension__ using Wide = unsigned __int128;
  Wide product = static_cast<Wide>(next_u64()) * bound;
  if (static_cast<std::uint64_t>(product) < bound) {
    const std::uint64_t threshold = (0 - bound) % bound;
    while (static_cast<std::uint64_t>(product) < threshold) product = static_cast<Wide>(next_u64()) * bound;
  }
  return static_cast<std::uint64_t>(product >> 64);
}

double RandomStream::uniform() noexcept { return static_cast<double>(next_u64() >> 11) * 0x1.0p-53; }

double RandomStream::normal() noexcept {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));  // 1 - u is in (0, 1]
  return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

RandomStream stream_of(std::uint64_t seed, std::array<std::uint32_t, 2> purpose, std::int64_t epoch, std::int64_t index) noexcept {
  const auto e = static_cast<std::uint64_t>(epoch);
  const auto i = static_cast<std::uint64_t>(index);
  const auto block = philox({static_cast<std::uint32_t>(e), static_cast<std::uint32_t>(e >> 32), static_cast<std::uint32_t>(i),
                             static_cast<std::uint32_t>(i >> 32)},
                            purpose);
  return RandomStream(seed, std::uint64_t{block[0]} << 32 | block[1]);
}

}  // namespace neurons
