#pragma once
/// Files that are either wholly there or not at all: written beside their place, fsync'd, renamed.

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

namespace neurons {

/// Replaces `path` by `bytes`: writes `path.tmp-PID`, fsync, rename, fsync of the folder. On any failure the old file is intact,
/// the temporary file is gone, and RuntimeError names the path and the system's reason (disk full, read-only, …).
void write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes);
void write_file_atomically(const std::filesystem::path& path, std::string_view text);

/// The whole file. Throws InputError naming the path and the reason.
std::string read_file(const std::filesystem::path& path);

}  // namespace neurons
