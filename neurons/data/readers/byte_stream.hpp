#pragma once
/// Bytes in memory read from front to end, decompressed on the way (RFC 1951, RFC 1952).

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace neurons {

enum class Compression { none, gzip, deflate };

/// The stream never takes memory of its own that grows with its contents: the reader decides how much it asks for.
class ByteStream {
 public:
  /// `name` stands for the file in messages. `bytes` must outlive the stream.
  ByteStream(std::span<const std::byte> bytes, Compression compression, std::string name);
  ~ByteStream();
  ByteStream(const ByteStream&) = delete;
  ByteStream& operator=(const ByteStream&) = delete;

  /// Fills `into`; returns the number of bytes read, fewer only where the stream ends or is cut. Throws InputError for damaged
  /// compressed data, or bytes behind their end.
  std::size_t read(std::span<std::byte> into);
  /// No byte follows. Reads one if need be, so only the last question may be answered with no.
  bool at_end();
  /// The compressed data stop before their end.
  bool is_cut() const noexcept { return cut_; }
  /// Bytes read so far.
  std::size_t position() const noexcept { return position_; }
  /// More bytes than this cannot come, whatever a header claims.
  std::size_t bound() const noexcept;

 private:
  struct Inflater;
  std::size_t inflate(std::span<std::byte> into);

  std::span<const std::byte> rest_;
  std::string name_;
  std::unique_ptr<Inflater> inflater_;
  std::size_t position_ = 0;
  bool finished_ = false;
  bool cut_ = false;
};

/// True if the bytes begin as a gzip file does.
bool is_gzip(std::span<const std::byte> bytes) noexcept;

}  // namespace neurons
