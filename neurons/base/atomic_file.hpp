#pragma once
/// Files that are either wholly there or not at all: written beside their place, fsync'd, renamed.

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

#include "neurons/base/error.hpp"

namespace neurons {

/// What was asked for is no longer wanted.
class Interrupted : public RuntimeError {
 public:
  using RuntimeError::RuntimeError;
};

/// Replaces `path` by `bytes`: writes `path.tmp-PID`, fsync, rename, fsync of the folder. On any failure the old file is intact,
/// the temporary file is gone, and RuntimeError names the path and the system's reason (disk full, read-only, …). So it is,
/// with Interrupted, where `interrupt` becomes true while a large file is written: it is looked at every 32 MB.
void write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes,
                           const std::atomic<bool>* interrupt = nullptr);
void write_file_atomically(const std::filesystem::path& path, std::string_view text);

/// The whole file. Throws InputError naming the path and the reason.
std::string read_file(const std::filesystem::path& path);

}  // namespace neurons
