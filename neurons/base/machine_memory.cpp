#include "neurons/base/machine_memory.hpp"

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>

#include "neurons/base/error.hpp"

namespace neurons {
namespace {

constexpr std::size_t kUnknown = std::numeric_limits<std::size_t>::max();

}  // namespace

MachineMemory machine_memory() {
  MachineMemory memory{kUnknown, kUnknown};
  std::size_t swap = 0;
  std::ifstream file("/proc/meminfo");
  std::string unit;
  std::size_t kilobytes = 0;
  for (std::string name; file >> name >> kilobytes && std::getline(file, unit);) {
    if (name == "MemTotal:") memory.total = kilobytes * 1024;
    if (name == "MemAvailable:") memory.available = kilobytes * 1024;
    if (name == "SwapFree:") swap = kilobytes * 1024;
  }
  if (memory.available != kUnknown) memory.available += swap;
  for (const char* limit : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {  // version 2, 1
    std::size_t bytes = 0;
    if (std::ifstream(limit) >> bytes) {  // "max": no limit
      memory.total = std::min(memory.total, bytes);
      memory.available = std::min(memory.available, bytes);
    }
  }
  return memory;
}

void require_memory(std::size_t bytes) {
  const MachineMemory memory = machine_memory();
  if (bytes <= memory.available) return;
  const auto gigabytes = [](std::size_t number) { return static_cast<double>(number) / 1e9; };
  fail_run(
      "{:.1f} GB of memory are needed at once, but of this machine's {:.1f} GB only {:.1f} GB are free; take a smaller batch or "
      "network",
      gigabytes(bytes), gigabytes(memory.total), gigabytes(memory.available));
}

}  // namespace neurons
