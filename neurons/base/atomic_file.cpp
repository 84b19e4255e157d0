#include "neurons/base/atomic_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>
#include <utility>

namespace neurons {
namespace {

/// Closes (and, until kept, removes) the temporary file.
struct TemporaryFile {
  std::filesystem::path path;
  int descriptor = -1;
  bool kept = false;
  ~TemporaryFile() {
    if (descriptor >= 0) ::close(descriptor);
    if (!kept) ::unlink(path.c_str());
  }
};

constexpr std::size_t kPart = std::size_t{32} << 20;  ///< bytes between two looks at an interrupt

[[noreturn]] void fail_write(const std::filesystem::path& path, int error) {
  fail_run("{}: cannot be written: {}", path.string(), std::strerror(error));
}

}  // namespace

void write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes,
                           const std::atomic<bool>* interrupt) {
  TemporaryFile file{path.string() + ".tmp-" + std::to_string(::getpid())};
  file.descriptor = ::open(file.path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file.descriptor < 0) {
    file.kept = true;  // nothing was made
    fail_write(path, errno);
  }
  while (!bytes.empty()) {
    const ssize_t written = ::write(file.descriptor, bytes.data(), std::min(bytes.size(), kPart));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail_write(path, errno);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    if (interrupt == nullptr || bytes.empty()) continue;
    // A disk may need minutes for what has gathered: not all in one call that nothing ends.
    if (::fdatasync(file.descriptor) != 0) fail_write(path, errno);
    if (interrupt->load()) throw Interrupted(fmt::format("{}: is not written: interrupted", path.string()));
  }
  if (::fsync(file.descriptor) != 0) fail_write(path, errno);
  if (::close(std::exchange(file.descriptor, -1)) != 0) fail_write(path, errno);
  if (::rename(file.path.c_str(), path.c_str()) != 0) fail_write(path, errno);
  file.kept = true;
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor >= 0) {
    ::fsync(descriptor);  // some file systems refuse it on folders; the rename itself is done
    ::close(descriptor);
  }
}

void write_file_atomically(const std::filesystem::path& path, std::string_view text) {
  write_file_atomically(path, std::as_bytes(std::span(text)));
}

std::string read_file(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) fail_input("{}: is a folder, expected a file", path.string());
  std::ifstream file(path, std::ios::binary);
  if (!file) fail_input("{}: cannot be opened: {}", path.string(), std::strerror(errno));
  std::string text;
  std::array<char, 1 << 16> chunk;
  while (file.read(chunk.data(), chunk.size()) || file.gcount() > 0)
    text.append(chunk.data(), static_cast<std::size_t>(file.gcount()));
  if (file.bad()) fail_input("{}: cannot be read: {}", path.string(), std::strerror(errno));
  return text;
}

}  // namespace neurons
