#include "neurons/plan/memory.hpp"

#include <algorithm>
#include <numeric>

#include "neurons/base/aligned_buffer.hpp"

namespace neurons {

ArenaLayout place_buffers(std::span<const Lifetime> lifetimes) {
  ArenaLayout layout;
  layout.offsets.assign(lifetimes.size(), 0);
  std::vector<std::size_t> order(lifetimes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::ranges::greater{}, [&](std::size_t i) { return lifetimes[i].bytes; });
  std::vector<std::size_t> placed;
  for (const std::size_t i : order) {
    const Lifetime& life = lifetimes[i];
    std::vector<std::size_t> rivals;  // in use at the same time, by offset
    for (const std::size_t j : placed) {
      if (lifetimes[j].first <= life.last && life.first <= lifetimes[j].last) rivals.push_back(j);
    }
    std::ranges::sort(rivals, {}, [&](std::size_t j) { return layout.offsets[j]; });
    std::size_t offset = 0;
    for (const std::size_t j : rivals) {
      if (offset + align_up(life.bytes) <= layout.offsets[j]) break;
      offset = std::max(offset, layout.offsets[j] + align_up(lifetimes[j].bytes));
    }
    layout.offsets[i] = offset;
    layout.bytes = std::max(layout.bytes, offset + align_up(life.bytes));
    placed.push_back(i);
  }
  return layout;
}

}  // namespace neurons
