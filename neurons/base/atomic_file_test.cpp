#include "neurons/base/atomic_file.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <iostream>

#include "neurons/base/testing.hpp"

namespace neurons {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::size_t files_in(const std::filesystem::path& folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

std::filesystem::path temporary_name(const std::filesystem::path& path) {
  return path.string() + ".tmp-" + std::to_string(::getpid());
}

template <typename Bytes>
std::string failure(const std::filesystem::path& path, const Bytes& bytes) {
  return testing::message_of<RuntimeError>([&] { write_file_atomically(path, bytes); });
}

TEST(AtomicFile, MakesAndReplacesFiles) {
  const testing::TemporaryFolder folder;
  write_file_atomically(folder / "a", std::string_view("first"));
  EXPECT_EQ(read_file(folder / "a"), "first");
  const std::string binary("\0\n\r\xff end", 8);
  write_file_atomically(folder / "a", std::as_bytes(std::span(binary)));
  EXPECT_EQ(read_file(folder / "a"), binary);
  write_file_atomically(folder / "a", std::string_view());
  EXPECT_EQ(read_file(folder / "a"), "");
  EXPECT_EQ(files_in(folder.path()), 1U);
}

TEST(AtomicFile, WritesMoreThanOneBufferful) {
  const testing::TemporaryFolder folder;
  std::string text(3'000'001, '.');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 31 >> 3);
  write_file_atomically(folder / "large", text);
  EXPECT_TRUE(read_file(folder / "large") == text);
}

TEST(AtomicFile, LeavesTheOldFileWhereALargeOneIsInterrupted) {
  const testing::TemporaryFolder folder;
  const std::string large(std::size_t{33} << 20, 'x');
  const auto bytes = std::as_bytes(std::span(large));
  std::atomic<bool> interrupt = false;
  write_file_atomically(folder / "a", bytes.first(3), &interrupt);
  interrupt = true;
  EXPECT_THROW(write_file_atomically(folder / "a", bytes, &interrupt), Interrupted);
  EXPECT_EQ(read_file(folder / "a"), "xxx");
  EXPECT_EQ(files_in(folder.path()), 1U);
  write_file_atomically(folder / "a", bytes.first(5), &interrupt);  // it is faster done than undone
  EXPECT_EQ(read_file(folder / "a"), "xxxxx");
  interrupt = false;
  write_file_atomically(folder / "a", bytes, &interrupt);
  EXPECT_TRUE(read_file(folder / "a") == large);
}

TEST(AtomicFile, TakesNamesWithoutAFolder) {
  const testing::TemporaryFolder folder;
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  write_file_atomically("plain", std::string_view("text"));
  std::filesystem::current_path(before);
  EXPECT_EQ(read_file(folder / "plain"), "text");
}

TEST(AtomicFile, KeepsTheOldFileWhenTheDiskIsFull) {
  const testing::TemporaryFolder folder;
  write_file_atomically(folder / "model", std::string_view("old"));
  std::filesystem::create_symlink("/dev/full", temporary_name(folder / "model"));  // every write: no space left on device
  EXPECT_EQ(failure(folder / "model", std::string_view("new")),
            (folder / "model").string() + ": cannot be written: No space left on device");
  EXPECT_EQ(read_file(folder / "model"), "old");
  EXPECT_EQ(files_in(folder.path()), 1U);
}

TEST(AtomicFile, KeepsTheOldFileWhenTheDiskFillsUpHalfway) {
  const testing::TemporaryFolder folder;
  write_file_atomically(folder / "model", std::string_view("old"));
  const auto write_too_much = [&] {
    rlimit limit{};
    limit.rlim_cur = limit.rlim_max = 100'000;
    ::setrlimit(RLIMIT_FSIZE, &limit);
    std::signal(SIGXFSZ, SIG_IGN);
    std::cerr << failure(folder / "model", std::string(200'000, 'x'));
    std::exit(0);
  };
  EXPECT_EXIT(write_too_much(), ::testing::ExitedWithCode(0), "model: cannot be written: File too large");
  EXPECT_EQ(read_file(folder / "model"), "old");
  EXPECT_EQ(files_in(folder.path()), 1U);
}

TEST(AtomicFile, SaysThatAFolderIsReadOnly) {
  const testing::TemporaryFolder folder;
  write_file_atomically(folder / "model", std::string_view("old"));
  ::chmod(folder.path().c_str(), 0555);
  const auto write_as_nobody = [&] {
    if (::geteuid() == 0 && ::setuid(65534) != 0) std::exit(2);  // root may write anywhere
    std::cerr << failure(folder / "model", std::string_view("new"));
    std::exit(0);
  };
  EXPECT_EXIT(write_as_nobody(), ::testing::ExitedWithCode(0), "model: cannot be written: Permission denied");
  ::chmod(folder.path().c_str(), 0755);
  EXPECT_EQ(read_file(folder / "model"), "old");
}

TEST(AtomicFile, SaysThatAFolderIsMissingOrInTheWay) {
  const testing::TemporaryFolder folder;
  EXPECT_THAT(failure(folder.path() / "no" / "file", std::string_view("x")),
              EndsWith("cannot be written: No such file or directory"));
  std::filesystem::create_directory(folder / "taken");
  EXPECT_THAT(failure(folder / "taken", std::string_view("x")), HasSubstr("taken: cannot be written: "));
  EXPECT_EQ(files_in(folder.path()), 1U);
}

TEST(ReadFile, SaysWhatIsMissing) {
  const testing::TemporaryFolder folder;
  EXPECT_EQ(testing::message_of([&] { read_file(folder / "none"); }),
            (folder / "none").string() + ": cannot be opened: No such file or directory");
  EXPECT_THAT(testing::message_of([&] { read_file(folder.path()); }), EndsWith(": is a folder, expected a file"));
}

TEST(ReadFile, SaysWhatCannotBeRead) {
  // The memory of a process can be opened, but its first page cannot be read.
  EXPECT_THAT(testing::message_of([] { read_file("/proc/self/mem"); }), StartsWith("/proc/self/mem: cannot be read"));
}

}  // namespace
}  // namespace neurons
