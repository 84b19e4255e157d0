#include "neurons/base/thread_team.hpp"

#include <sched.h>

#include <algorithm>
#include <system_error>
#include <thread>
#include <vector>

#include "neurons/base/error.hpp"

namespace neurons {
namespace {

/// Spins before a waiting member sleeps: about a tenth of a millisecond (25 ns each on the reference machine), above the time
/// between two regions of one training step. Teams larger than the cores do not spin: they would only keep each other from working.
constexpr int kSpins = 4'000;
/// Spins before a waiting member offers its core, once in as many spins: where other programs have put two members on one core, the
/// one that works need not wait for the end of the other's time slice.
constexpr int kSpinsBetweenYields = 1000;

void pause_briefly() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Returns once `value` differs from `old`.
void wait_for_change(const std::atomic<std::uint32_t>& value, std::uint32_t old, int spins) noexcept {
  for (int spin = 0; spin < spins; ++spin) {
    if (value.load(std::memory_order_acquire) != old) return;
    if (spin % kSpinsBetweenYields == kSpinsBetweenYields - 1) {
      sched_yield();
    } else {
      pause_briefly();
    }
  }
  while (value.load(std::memory_order_acquire) == old) value.wait(old, std::memory_order_acquire);
}

}  // namespace

WorkRange split_work(std::size_t items, Worker worker, std::size_t grain) noexcept {
  if (worker.count == 1) return {0, items};
  const std::size_t blocks = (items + grain - 1) / grain;
  const auto index = static_cast<std::size_t>(worker.index);
  const auto count = static_cast<std::size_t>(worker.count);
  return {std::min(items, blocks * index / count * grain), std::min(items, blocks * (index + 1) / count * grain)};
}

struct ThreadTeam::Members {
  std::vector<std::thread> threads;
  Function function = nullptr;
  void* context = nullptr;
  bool stop = false;
  int spins = kSpins;
  alignas(64) std::atomic<std::uint32_t> region{0};
  alignas(64) std::atomic<std::uint32_t> arrived{0};
  alignas(64) std::atomic<std::uint32_t> generation{0};
};

ThreadTeam::ThreadTeam(int threads) : size_(threads == 0 ? available_cores() : threads), members_(std::make_unique<Members>()) {
  if (threads < 0 || threads > kMaxThreads) {
    fail_input("threads = {}: expected 0 (one for each core) to {}", threads, kMaxThreads);
  }
  if (size_ > available_cores()) members_->spins = 0;
  const auto work = [this](int index) {
    std::uint32_t seen = 0;
    for (;;) {
      wait_for_change(members_->region, seen, members_->spins);
      seen = members_->region.load(std::memory_order_acquire);
      if (members_->stop) return;
      members_->function(members_->context, Worker{index, size_});
      barrier();
    }
  };
  try {
    for (int index = 1; index < size_; ++index) members_->threads.emplace_back(work, index);
  } catch (const std::system_error& error) {
    dismiss();
    fail_run("cannot start {} threads: {}", size_, error.what());
  }
}

ThreadTeam::~ThreadTeam() { dismiss(); }

void ThreadTeam::dismiss() noexcept {
  members_->stop = true;
  members_->region.fetch_add(1, std::memory_order_release);
  members_->region.notify_all();
  for (auto& thread : members_->threads) thread.join();
}

void ThreadTeam::run(Function function, void* context) noexcept {
  if (size_ == 1) return function(context, Worker{0, 1});
  members_->function = function;
  members_->context = context;
  members_->region.fetch_add(1, std::memory_order_release);
  members_->region.notify_all();
  function(context, Worker{0, size_});
  barrier();
}

void ThreadTeam::barrier() noexcept {
  if (size_ == 1) return;
  const std::uint32_t generation = members_->generation.load(std::memory_order_acquire);
  if (members_->arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == static_cast<std::uint32_t>(size_)) {
    members_->arrived.store(0, std::memory_order_relaxed);
    members_->generation.fetch_add(1, std::memory_order_release);
    members_->generation.notify_all();
  } else {
    wait_for_change(members_->generation, generation, members_->spins);
  }
}

int available_cores() noexcept {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
  return static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

}  // namespace neurons
