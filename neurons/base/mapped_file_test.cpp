#include "neurons/base/mapped_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

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

TEST(MapFile, DoesNotWaitForPipes) {
  const TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(message_of([&] { map_file(folder / "pipe"); }),
              ::testing::HasSubstr("pipe: cannot be read: it is no file but a pipe, a socket or a device"));
  EXPECT_THAT(message_of([&] { map_file("/dev/zero"); }), ::testing::HasSubstr("it is no file but"));
}

}  // namespace
}  // namespace neurons::testing
