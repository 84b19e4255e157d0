#pragma once
/// A file's bytes in place, read-only.

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

namespace neurons {

struct MappedFile {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;  ///< keeps the bytes
};

/// Throws InputError naming the path and the reason: missing, a folder, not readable.
MappedFile map_file(const std::filesystem::path& path);

}  // namespace neurons
