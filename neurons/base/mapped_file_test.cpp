#include "neurons/base/mapped_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string_view>

#include "neurons/base/testing.hpp"

namespace neurons::testing {
namespace {

TEST(MapFile, GivesTheBytesUntilTheOwnerIsGone) {
  const TemporaryFolder folder;
  const auto path = folder.write("file", "neuron");
  const MappedFile file = map_file(path);
  std::filesystem::remove(path);
  EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(file.bytes.data()), file.bytes.size()), "neuron");
}

TEST(MapFile, TakesAnEmptyFile) {
  const TemporaryFolder folder;
  EXPECT_TRUE(map_file(folder.write("file", "")).bytes.empty());
}

TEST(MapFile, NamesWhatItCannotRead) {
  const TemporaryFolder folder;
  EXPECT_THAT(message_of([&] { map_file(folder / "none"); }), ::testing::HasSubstr("none: cannot be read: No such file"));
  EXPECT_THAT(message_of([&] { map_file(folder.path()); }), ::testing::HasSubstr("cannot be read: Is a directory"));
}

}  // namespace
}  // namespace neurons::testing
