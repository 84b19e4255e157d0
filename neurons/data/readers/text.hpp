#pragma once
/// Plain text files.

#include <filesystem>
#include <string>

namespace neurons {

/// The whole text of a file in UTF-8, which may be compressed with gzip; a byte-order mark is left out and line ends become \n.
/// Throws InputError naming file and line for bytes that are no UTF-8, for an empty or damaged file, and for one that unpacks to
/// more than 1 GiB.
std::string read_text(const std::filesystem::path& path);

}  // namespace neurons
