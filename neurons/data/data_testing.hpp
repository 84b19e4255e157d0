#pragma once
/// What the tests of this room share: error messages, temporary folders, the bundled data.

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>

#include "neurons/base/error.hpp"

namespace neurons::testing {

/// The message of the InputError that `body` throws; a test failure if it throws none or another.
template <class Body>
std::string message_of(Body&& body) {
  try {
    std::forward<Body>(body)();
  } catch (const InputError& error) {
    return error.what();
  } catch (const std::exception& error) {
    ADD_FAILURE() << "expected an InputError, got: " << error.what();
    return "";
  }
  ADD_FAILURE() << "expected an InputError";
  return "";
}

/// How often the calling thread took memory by operator new.
std::size_t allocations() noexcept;

/// A folder of its own that is gone afterwards.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "neurons-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// Writes a file below the folder, with its parents, and returns its path.
  std::filesystem::path write(const std::filesystem::path& name, std::string_view text) const {
    const auto path = path_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }

 private:
  std::filesystem::path path_;
};

/// The folder data/ of this project.
inline std::filesystem::path bundled() { return std::filesystem::path(NEURONS_SOURCE_DIR) / "data"; }

}  // namespace neurons::testing
