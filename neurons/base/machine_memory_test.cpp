#include "neurons/base/machine_memory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "neurons/base/testing.hpp"

namespace neurons {
namespace {

TEST(MachineMemory, IsWhatTheSystemHas) {
  const MachineMemory memory = machine_memory();
  EXPECT_GT(memory.available, std::size_t{1} << 20);
  EXPECT_LE(memory.total, static_cast<std::size_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)));
}

TEST(MachineMemory, SaysWhatCannotBeHad) {
  EXPECT_NO_THROW(require_memory(1'000'000));
  EXPECT_THAT(
      testing::message_of<RuntimeError>([] { require_memory(1'000'000'000'000'000'000U); }),
      ::testing::MatchesRegex("1000000000.0 GB of memory are needed at once, but of this machine's [0-9.]+ GB only [0-9.]+ GB "
                              "are free; take a smaller batch or network"));
}

}  // namespace
}  // namespace neurons
