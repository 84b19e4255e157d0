#pragma once
/// Zip archives in memory, as far as npz files need them: entries stored or deflated, no encryption, no more than 4 GiB
/// (APPNOTE.TXT by PKWARE; without zip64, but for the extra fields that NumPy leaves in local headers).

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace neurons {

/// An entry of an archive, not yet decompressed.
struct ZipEntry {
  std::string name;
  bool deflated = false;
  std::span<const std::byte> data;  ///< as stored
  std::size_t size = 0;             ///< once decompressed
  std::uint32_t checksum = 0;       ///< CRC-32 of the decompressed bytes
};

/// The entries in the archive's order; they borrow from `bytes`. Throws InputError for a damaged, cut, encrypted or split archive,
/// other compressions, entries that overlap, and two entries of one name. `name` stands for the file in messages.
std::vector<ZipEntry> list_zip(std::span<const std::byte> bytes, const std::string& name);

/// The entry's bytes. Throws InputError if they are not what the archive says.
std::string extract(const ZipEntry& entry, const std::string& name);

/// An archive of these files (name, contents), deflated, with a fixed date: equal files give equal bytes. Throws RuntimeError for
/// more than 4 GiB.
std::string make_zip(std::span<const std::pair<std::string, std::string>> files);

}  // namespace neurons
