#include "neurons/base/mapped_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "neurons/base/error.hpp"

namespace neurons {

MappedFile map_file(const std::filesystem::path& path) {
  const auto fail = [&](int error) { fail_input("{}: cannot be read: {}", path.string(), std::strerror(error)); };
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // opening a pipe would wait for its writer
  if (file < 0) fail(errno);
  struct ::stat about {};
  void* bytes = nullptr;
  int error = ::fstat(file, &about) == 0 ? 0 : errno;
  if (error == 0 && S_ISDIR(about.st_mode)) error = EISDIR;
  if (error == 0 && !S_ISDIR(about.st_mode) && !S_ISREG(about.st_mode)) {
    ::close(file);
    fail_input("{}: cannot be read: it is no file but a pipe, a socket or a device", path.string());
  }
  const auto size = static_cast<std::size_t>(about.st_size);
  if (error == 0 && size > 0) {
    bytes = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
    if (bytes == MAP_FAILED) error = errno;
  }
  ::close(file);
  if (error != 0) fail(error);
  if (size == 0) return {};
  return {{static_cast<const std::byte*>(bytes), size},
          std::shared_ptr<const void>(bytes, [size](const void* mapped) { ::munmap(const_cast<void*>(mapped), size); })};
}

}  // namespace neurons
