#pragma once
/// A folder that is gone afterwards.

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "neurons/base/error.hpp"

namespace neurons {

/// A new empty folder of its own under the system's temporary one. Throws RuntimeError where none can be made.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "neurons-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) fail_run("no temporary folder can be made at {}", pattern);
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace neurons
