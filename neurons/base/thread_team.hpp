#pragma once
/// A persistent team of threads for regions of microseconds: members spin for a bounded time between regions, then sleep.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace neurons {

/// A member's place in its team.
struct Worker {
  int index = 0;  ///< 0 … count-1; 0 is the thread that called run()
  int count = 1;
};

/// The half-open range of `items` that falls to a worker, in blocks of `grain`, as even as can be.
struct WorkRange {
  std::size_t begin = 0;
  std::size_t end = 0;
};
WorkRange split_work(std::size_t items, Worker worker, std::size_t grain = 1) noexcept;

/// Runs a function on all members at once. The caller is member 0. One run() at a time.
class ThreadTeam {
 public:
  static constexpr int kMaxThreads = 4096;
  /// A team of `threads` members (the caller counts as one). 0 means one for each available core. Throws InputError for a negative
  /// number or one above kMaxThreads, RuntimeError where the system gives no more threads.
  explicit ThreadTeam(int threads = 0);
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  int size() const noexcept { return size_; }

  using Function = void (*)(void* context, Worker worker) noexcept;
  /// Calls `function(context, worker)` once on every member; returns when all have returned. No allocation.
  void run(Function function, void* context) noexcept;

  /// Waits, inside a run(), until every member has arrived. Memory written before is seen by all after.
  void barrier() noexcept;

 private:
  struct Members;
  void dismiss() noexcept;
  int size_ = 1;
  std::unique_ptr<Members> members_;
};

/// The number of cores that this process may use.
int available_cores() noexcept;

}  // namespace neurons
