#include "neurons/data/readers/byte_stream.hpp"

#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "neurons/base/error.hpp"

namespace neurons {
namespace {

/// Deflate's best: a match of 258 bytes in two bits.
constexpr std::size_t kBestRatio = 1032;

/// zlib's buffers are counted in 32 bits.
uInt clamped(std::size_t bytes) noexcept {
  return static_cast<uInt>(std::min<std::size_t>(bytes, std::numeric_limits<uInt>::max()));
}

}  // namespace

struct ByteStream::Inflater {
  z_stream stream{};
  bool is_gzip;

  explicit Inflater(bool gzip) : is_gzip(gzip) {
    if (inflateInit2(&stream, gzip ? 16 + MAX_WBITS : -MAX_WBITS) != Z_OK) fail_run("zlib cannot be started: out of memory");
  }
  ~Inflater() { inflateEnd(&stream); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
};

ByteStream::ByteStream(std::span<const std::byte> bytes, Compression compression, std::string name)
    : rest_(bytes), name_(std::move(name)) {
  if (compression != Compression::none) inflater_ = std::make_unique<Inflater>(compression == Compression::gzip);
}

ByteStream::~ByteStream() = default;

std::size_t ByteStream::bound() const noexcept {
  return inflater_ ? position_ + (rest_.size() + 1) * kBestRatio : position_ + rest_.size();
}

std::size_t ByteStream::read(std::span<std::byte> into) {
  std::size_t count = 0;
  if (inflater_) {
    count = inflate(into);
  } else {
    count = std::min(into.size(), rest_.size());
    if (count > 0) std::memcpy(into.data(), rest_.data(), count);
    rest_ = rest_.subspan(count);
  }
  position_ += count;
  return count;
}

std::size_t ByteStream::inflate(std::span<std::byte> into) {
  z_stream& z = inflater_->stream;
  std::size_t count = 0;
  while (count < into.size() && !finished_ && !cut_) {
    const uInt given = clamped(rest_.size());
    const uInt wanted = clamped(into.size() - count);
    z.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(rest_.data()));  // zlib does not write there
    z.avail_in = given;
    z.next_out = reinterpret_cast<Bytef*>(into.data() + count);
    z.avail_out = wanted;
    const int result = ::inflate(&z, Z_NO_FLUSH);
    rest_ = rest_.subspan(given - z.avail_in);
    count += wanted - z.avail_out;
    if (result == Z_STREAM_END) {
      if (inflater_->is_gzip && neurons::is_gzip(rest_)) {  // a gzip file may have several members
        inflateReset(&z);
      } else if (!rest_.empty()) {
        fail_input("{}: {} bytes follow the end of the compressed data", name_, rest_.size());
      } else {
        finished_ = true;
      }
    } else if (result == Z_BUF_ERROR || (result == Z_OK && rest_.empty() && z.avail_out > 0)) {
      cut_ = true;
    } else if (result == Z_MEM_ERROR) {
      fail_run("{}: out of memory while decompressing", name_);
    } else if (result != Z_OK) {
      fail_input("{}: the compressed data are damaged after {} decompressed bytes ({}); fetch the file again", name_,
                 position_ + count, z.msg != nullptr ? z.msg : "a dictionary is asked for");
    }
  }
  return count;
}

bool ByteStream::at_end() {
  std::byte next;
  return read(std::span(&next, 1)) == 0;
}

bool is_gzip(std::span<const std::byte> bytes) noexcept {
  return bytes.size() >= 2 && bytes[0] == std::byte{0x1f} && bytes[1] == std::byte{0x8b};
}

}  // namespace neurons
