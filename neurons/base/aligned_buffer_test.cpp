#include "neurons/base/aligned_buffer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <utility>

#include "neurons/base/testing.hpp"

namespace neurons {
namespace {

TEST(AlignedBuffer, IsAlignedZeroAndHasSlackForOneVector) {
  for (const std::size_t bytes : {0U, 1U, 63U, 64U, 65U, 1000U, 786431U, 786432U, 5000000U}) {
    const AlignedBuffer buffer(bytes);
    EXPECT_EQ(buffer.size(), bytes);
    ASSERT_NE(buffer.data(), nullptr);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % (bytes < 786432 ? kAlignment : std::size_t{2} << 20), 0U);
    for (std::size_t i = 0; i < bytes + kAlignment; ++i) ASSERT_EQ(buffer.data()[i], std::byte{0});
  }
}

TEST(AlignedBuffer, IsEmptyUntilMade) {
  const AlignedBuffer buffer;
  EXPECT_EQ(buffer.data(), nullptr);
  EXPECT_EQ(buffer.size(), 0U);
}

TEST(AlignedBuffer, SaysWhatCannotBeHad) {
  const auto make = [](std::size_t bytes) { return testing::message_of<RuntimeError>([=] { AlignedBuffer{bytes}; }); };
  EXPECT_EQ(make(std::size_t{1} << 62), "cannot allocate 4611686018427387904 bytes");
  EXPECT_THAT(make(std::size_t{1} << 50), ::testing::StartsWith("1125899.9 GB of memory are needed at once, but "));
  EXPECT_EQ(make(~std::size_t{0}), "cannot allocate 18446744073709551615 bytes");  // rounding up must not wrap round
}

TEST(AlignUp, RoundsToCacheLines) {
  EXPECT_EQ(align_up(0), 0U);
  EXPECT_EQ(align_up(1), 64U);
  EXPECT_EQ(align_up(64), 64U);
  EXPECT_EQ(align_up(65), 128U);
}

}  // namespace
}  // namespace neurons
