#include "neurons/data/readers/zip.hpp"

#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <set>

#include "neurons/base/error.hpp"
#include "neurons/data/readers/byte_stream.hpp"

namespace neurons {
namespace {

constexpr std::uint32_t kLocalHeader = 0x04034b50;
constexpr std::uint32_t kCentralHeader = 0x02014b50;
constexpr std::uint32_t kEndHeader = 0x06054b50;
constexpr std::size_t kLocalSize = 30;
constexpr std::size_t kCentralSize = 46;
constexpr std::size_t kEndSize = 22;
constexpr std::size_t kMaxComment = 0xFFFF;
constexpr std::uint16_t kVersion = 20;   // deflate
constexpr std::uint16_t kDate = 0x0021;  // 1 January 1980
constexpr std::uint16_t kStored = 0;
constexpr std::uint16_t kDeflated = 8;

/// Little-endian numbers at a place, which the caller knows to exist.
std::uint16_t u16(std::span<const std::byte> bytes, std::size_t at) {
  return static_cast<std::uint16_t>(std::to_integer<unsigned>(bytes[at]) | std::to_integer<unsigned>(bytes[at + 1]) << 8);
}
std::uint32_t u32(std::span<const std::byte> bytes, std::size_t at) {
  return u16(bytes, at) | static_cast<std::uint32_t>(u16(bytes, at + 2)) << 16;
}

void put16(std::string& out, std::uint16_t value) {
  out.push_back(static_cast<char>(value & 0xFF));
  out.push_back(static_cast<char>(value >> 8));
}
void put32(std::string& out, std::uint32_t value) {
  put16(out, static_cast<std::uint16_t>(value & 0xFFFF));
  put16(out, static_cast<std::uint16_t>(value >> 16));
}

std::uint32_t crc_of(std::string_view text) {
  return static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(text.data()), text.size()));
}

/// Where the end record stands: it is the last thing in the file but for a comment.
std::size_t find_end(std::span<const std::byte> bytes, const std::string& name) {
  if (bytes.size() < 4 || (u32(bytes, 0) != kLocalHeader && u32(bytes, 0) != kEndHeader)) {
    fail_input("{}: is no npz file: it does not begin as a zip archive", name);
  }
  const std::size_t last = bytes.size() < kEndSize ? 0 : bytes.size() - kEndSize;
  const std::size_t first = last > kMaxComment ? last - kMaxComment : 0;
  for (std::size_t at = last + 1; bytes.size() >= kEndSize && at-- > first;) {
    if (u32(bytes, at) == kEndHeader && at + kEndSize + u16(bytes, at + 20) == bytes.size()) return at;
  }
  fail_input("{}: is cut: the directory at the end of the zip archive is not there; fetch the file again", name);
}

/// The data of an entry, whose local header stands at `at` and must end before the directory.
std::span<const std::byte> data_at(std::span<const std::byte> files, std::size_t at, std::size_t size, const std::string& entry,
                                   const std::string& name) {
  if (at + kLocalSize > files.size() || u32(files, at) != kLocalHeader) {
    fail_input("{}: is damaged: {} does not begin at byte {}", name, entry, at);
  }
  const std::size_t begin = at + kLocalSize + u16(files, at + 26) + u16(files, at + 28);
  if (begin > files.size() || size > files.size() - begin) {
    fail_input("{}: is damaged: {} would end after byte {}, where the directory begins", name, entry, files.size());
  }
  return files.subspan(begin, size);
}

ZipEntry read_entry(std::span<const std::byte> record, std::span<const std::byte> files, const std::string& name) {
  ZipEntry entry;
  entry.name.assign(reinterpret_cast<const char*>(record.data()) + kCentralSize, u16(record, 28));
  const std::uint16_t method = u16(record, 10);
  const std::size_t stored = u32(record, 20);
  const std::size_t begin = u32(record, 42);
  entry.size = u32(record, 24);
  entry.checksum = u32(record, 16);
  entry.deflated = method == kDeflated;
  constexpr std::uint32_t kElsewhere = 0xFFFFFFFF;
  if (stored == kElsewhere || entry.size == kElsewhere || begin == kElsewhere) {
    fail_input("{}: {} is larger than 4 GiB, which is not supported", name, entry.name);
  }
  if ((u16(record, 8) & 1) != 0) fail_input("{}: {} is encrypted; save the archive without a password", name, entry.name);
  if (method != kStored && method != kDeflated) {
    fail_input("{}: {} is compressed by method {}, expected stored (0) or deflated (8)", name, entry.name, method);
  }
  if (!entry.deflated && stored != entry.size) {
    fail_input("{}: is damaged: {} is stored in {} bytes, but should have {}", name, entry.name, stored, entry.size);
  }
  entry.data = data_at(files, begin, stored, entry.name, name);
  return entry;
}

std::string deflated(std::string_view text) {
  z_stream z{};
  if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    fail_run("zlib cannot be started: out of memory");
  }
  std::string out(deflateBound(&z, text.size()), '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));  // zlib does not write there
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  const int result = deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  if (result != Z_STREAM_END) fail_run("zlib cannot compress {} bytes", text.size());
  return out;
}

}  // namespace

std::vector<ZipEntry> list_zip(std::span<const std::byte> bytes, const std::string& name) {
  const std::size_t end = find_end(bytes, name);
  const std::size_t count = u16(bytes, end + 10);
  const std::size_t directory_size = u32(bytes, end + 12);
  const std::size_t directory_at = u32(bytes, end + 16);
  if (u16(bytes, end + 4) != 0 || u16(bytes, end + 6) != 0 || u16(bytes, end + 8) != count) {
    fail_input("{}: is one part of an archive that was split; join the parts", name);
  }
  if (directory_at > end || directory_size != end - directory_at) {
    fail_input("{}: is damaged: its directory should have {} bytes at byte {}, but ends at byte {}", name, directory_size,
               directory_at, end);
  }
  const auto files = bytes.first(directory_at);
  auto directory = bytes.subspan(directory_at, directory_size);
  std::vector<ZipEntry> entries;
  std::set<std::string> names;
  std::size_t stored = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const bool whole = directory.size() >= kCentralSize && u32(directory, 0) == kCentralHeader;
    const std::size_t size = whole ? kCentralSize + u16(directory, 28) + u16(directory, 30) + u16(directory, 32) : 0;
    if (!whole || size > directory.size()) fail_input("{}: is damaged: entry {} of {} in its directory is cut", name, i + 1, count);
    entries.push_back(read_entry(directory, files, name));
    if (!names.insert(entries.back().name).second) fail_input("{}: holds {} twice", name, entries.back().name);
    stored += kLocalSize + entries.back().data.size();
    if (stored > files.size()) fail_input("{}: is damaged: {} overlaps with other entries", name, entries.back().name);
    directory = directory.subspan(size);
  }
  if (!directory.empty()) fail_input("{}: is damaged: {} bytes follow the last entry of its directory", name, directory.size());
  return entries;
}

std::string extract(const ZipEntry& entry, const std::string& name) {
  const std::string place = name + ": " + entry.name;
  ByteStream stream(entry.data, entry.deflated ? Compression::deflate : Compression::none, place);
  if (entry.size > stream.bound()) {
    fail_input("{}: is damaged: {} bytes cannot hold the {} bytes that the archive says", place, entry.data.size(), entry.size);
  }
  std::string bytes(entry.size, '\0');
  const std::size_t read = stream.read(std::as_writable_bytes(std::span(bytes)));
  if (read < entry.size || !stream.at_end() || stream.is_cut()) {
    fail_input("{}: is damaged: holds {} than the {} bytes that the archive says", place, read < entry.size ? "less" : "more",
               entry.size);
  }
  if (crc_of(bytes) != entry.checksum) fail_input("{}: is damaged: its checksum is wrong; fetch the file again", place);
  return bytes;
}

std::string make_zip(std::span<const std::pair<std::string, std::string>> files) {
  std::string archive;
  std::string directory;
  constexpr std::size_t kMax = std::numeric_limits<std::uint32_t>::max() - 1;
  for (const auto& [file, text] : files) {
    if (text.size() > kMax) fail_run("{}: {} bytes are too many for a zip archive", file, text.size());
    const std::string data = deflated(text);
    if (archive.size() + data.size() > kMax || files.size() > 0xFFFE || file.size() > 0xFFFF) {
      fail_run("{}: the zip archive would grow beyond 4 GiB", file);
    }
    std::string common;  // what both headers share
    for (const std::uint16_t value : {kVersion, std::uint16_t{0}, kDeflated, std::uint16_t{0}, kDate}) put16(common, value);
    put32(common, crc_of(text));
    put32(common, static_cast<std::uint32_t>(data.size()));
    put32(common, static_cast<std::uint32_t>(text.size()));
    put16(common, static_cast<std::uint16_t>(file.size()));
    put16(common, 0);  // no extra field
    put32(directory, kCentralHeader);
    put16(directory, kVersion);
    directory += common;
    directory.append(10, '\0');  // comment, disk, attributes
    put32(directory, static_cast<std::uint32_t>(archive.size()));
    directory += file;
    put32(archive, kLocalHeader);
    archive += common + file + data;
  }
  const auto count = static_cast<std::uint16_t>(files.size());
  std::string end;
  put32(end, kEndHeader);
  put32(end, 0);
  put16(end, count);
  put16(end, count);
  put32(end, static_cast<std::uint32_t>(directory.size()));
  put32(end, static_cast<std::uint32_t>(archive.size()));
  put16(end, 0);
  return archive + directory + end;
}

}  // namespace neurons
