#include "neurons/data/readers/idx.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <bit>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "neurons/base/atomic_file.hpp"
#include "neurons/data/readers/byte_stream.hpp"
#include "neurons/data/readers/numbered_classes.hpp"
#include "neurons/data/readers/stored_shape.hpp"

namespace neurons {
namespace {

/// A type of IDX: its code, the bytes of one element, and what it becomes.
struct IdxType {
  std::uint8_t code;
  std::string_view name;
  std::size_t bytes;
  DType becomes;
};
constexpr IdxType kIdxTypes[] = {{0x08, "u8", 1, DType::u8},   {0x09, "i8", 1, DType::i32},  {0x0B, "i16", 2, DType::i32},
                                 {0x0C, "i32", 4, DType::i32}, {0x0D, "f32", 4, DType::f32}, {0x0E, "f64", 8, DType::f64}};

/// A file's elements, and what they were there.
struct IdxArray {
  Tensor tensor;
  IdxType type;
  std::string to_string() const { return fmt::format("{}{}", type.name, tensor.shape().to_string()); }
};

/// A big-endian number.
template <typename Unsigned>
Unsigned big_endian(const std::byte* bytes) noexcept {
  Unsigned value = 0;
  for (std::size_t i = 0; i < sizeof(Unsigned); ++i)
    value = static_cast<Unsigned>(value << 8 | std::to_integer<Unsigned>(bytes[i]));
  return value;
}

/// Big-endian elements of Stored, in place where they are as wide as Becomes.
template <typename Stored, typename Becomes>
void decode(const std::byte* bytes, std::span<Becomes> out) noexcept {
  using Bits = std::conditional_t<sizeof(Stored) == 1, std::uint8_t,
                                  std::conditional_t<sizeof(Stored) == 2, std::uint16_t,
                                                     std::conditional_t<sizeof(Stored) == 4, std::uint32_t, std::uint64_t>>>;
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<Becomes>(std::bit_cast<Stored>(big_endian<Bits>(bytes + i * sizeof(Stored))));
  }
}

struct IdxHeader {
  IdxType type;
  std::vector<std::int64_t> extents;
  std::size_t size;  ///< bytes of the header
  std::size_t data;  ///< bytes of data that must follow, at most kUncountable
};
constexpr std::size_t kUncountable = std::size_t{1} << 60;

IdxHeader read_header(ByteStream& stream, const std::string& name) {
  const auto read = [&](std::span<std::byte> into) {
    if (stream.read(into) < into.size()) {
      fail_input("{}: ends after {} bytes, inside the header of an IDX file; the download was cut, fetch it again", name,
                 stream.position());
    }
  };
  std::array<std::byte, 4> magic;
  read(magic);
  const auto rank = std::to_integer<std::size_t>(magic[3]);
  const auto type = std::ranges::find(kIdxTypes, std::to_integer<std::uint8_t>(magic[2]), &IdxType::code);
  if (magic[0] != std::byte{0} || magic[1] != std::byte{0} || type == std::end(kIdxTypes) || rank < 1 || rank > Shape::kMaxRank) {
    fail_input(
        "{}: is no IDX file, neither plain nor gzip-compressed: its data begin with {:02x}, expected 00 00, a type (08, 09, 0b, "
        "0c, 0d or 0e) and the number of dimensions (01 to 08)",
        name, fmt::join(std::span(reinterpret_cast<const std::uint8_t*>(magic.data()), 4), " "));
  }
  IdxHeader header{*type, {}, 4 + 4 * rank, type->bytes};
  bool empty = false;
  for (std::size_t axis = 0; axis < rank; ++axis) {
    std::array<std::byte, 4> extent;
    read(extent);
    header.extents.push_back(big_endian<std::uint32_t>(extent.data()));
    empty = empty || header.extents.back() == 0;
  }
  for (const std::int64_t extent : header.extents) {
    if (empty) {
      header.data = 0;
    } else {
      const auto factor = static_cast<std::size_t>(extent);
      header.data = header.data > kUncountable / factor ? kUncountable : header.data * factor;
    }
  }
  return header;
}

IdxArray read_array(ByteStream& stream, bool compressed, const std::string& name) {
  const IdxHeader header = read_header(stream, name);
  const std::string promise = fmt::format("[{}] of {} bytes each", fmt::join(header.extents, ", "), header.type.bytes);
  const auto fail_cut = [&](std::size_t position) {
    fail_input("{}: ends after {} of {} bytes ({}); the download was cut, fetch it again", name, position,
               header.size + header.data, promise);
  };
  if (stream.bound() - header.size < header.data) {
    if (!compressed && header.data < kUncountable) fail_cut(stream.bound());
    fail_input("{}: its header says {}, but at most {} bytes can follow it; the header is damaged, fetch the file again", name,
               promise, stream.bound() - header.size);
  }
  const auto read = [&](std::span<std::byte> into) {
    if (stream.read(into) < into.size()) fail_cut(stream.position());
    if (!stream.at_end()) {
      fail_input("{}: goes on after the {} bytes that its header says ({})", name, header.size + header.data, promise);
    }
    if (stream.is_cut()) fail_input("{}: is cut within its last bytes; fetch it again", name);
  };

  Tensor tensor(header.type.becomes, stored_shape(header.extents, name));
  if (header.type.bytes == size_of(header.type.becomes)) {
    read(tensor.bytes());
    const std::byte* bytes = tensor.bytes().data();
    if (tensor.dtype() == DType::i32) decode<std::int32_t>(bytes, tensor.values<std::int32_t>());
    if (tensor.dtype() == DType::f32) decode<float>(bytes, tensor.values<float>());
    if (tensor.dtype() == DType::f64) decode<double>(bytes, tensor.values<double>());
  } else {
    std::vector<std::byte> narrow(header.data);
    read(narrow);
    if (header.type.bytes == 1) {
      decode<std::int8_t>(narrow.data(), tensor.values<std::int32_t>());
    } else {
      decode<std::int16_t>(narrow.data(), tensor.values<std::int32_t>());
    }
  }
  return {std::move(tensor), header.type};
}

IdxArray parse_array(std::span<const std::byte> bytes, const std::string& name) {
  const bool compressed = is_gzip(bytes);
  ByteStream stream(bytes, compressed ? Compression::gzip : Compression::none, name);
  return read_array(stream, compressed, name);
}

IdxArray read_array_file(const std::filesystem::path& path) {
  const std::string bytes = read_file(path);
  return parse_array(std::as_bytes(std::span(bytes)), path.string());
}

/// The file of this name in the folder, plain or compressed.
std::filesystem::path find_file(const std::filesystem::path& folder, const std::string& name) {
  std::error_code error;
  for (const std::string& candidate : {name, name + ".gz"}) {
    if (std::filesystem::is_regular_file(folder / candidate, error)) return folder / candidate;
  }
  fail_input("{}: holds neither {} nor {}.gz", folder.string(), name, name);
}

Dataset read_part(const std::filesystem::path& folder, const std::string& part) {
  const auto images_path = find_file(folder, part + "-images-idx3-ubyte");
  const auto labels_path = find_file(folder, part + "-labels-idx1-ubyte");
  IdxArray images = read_array_file(images_path);
  const IdxArray named = read_array_file(labels_path);
  const Tensor& labels = named.tensor;
  const Shape shape = images.tensor.shape();
  if (images.tensor.dtype() != DType::u8 || shape.rank() != 3) {
    fail_input("{}: holds {}, expected pictures u8[samples, height, width] (type 08)", images_path.string(), images.to_string());
  }
  if (labels.dtype() != DType::u8 || labels.shape().rank() != 1) {
    fail_input("{}: holds {}, expected labels u8[samples] (type 08)", labels_path.string(), named.to_string());
  }
  if (shape[1] == 0 || shape[2] == 0) {
    fail_input("{}: holds {}: pictures of {} × {} pixels, which show nothing; write the file again", images_path.string(),
               images.to_string(), shape[1], shape[2]);
  }
  if (shape[0] != labels.shape()[0]) {
    fail_input("{} holds {} pictures, but {} holds {} labels", images_path.string(), shape[0], labels_path.string(),
               labels.shape()[0]);
  }
  return {.inputs = std::move(images.tensor).reshaped({shape[0], 1, shape[1], shape[2]}),
          .targets = labels.cast(DType::i64),
          .input_scale = 1.0F / 255,
          .source = folder.string()};
}

}  // namespace

Tensor parse_idx(std::span<const std::byte> bytes, const std::string& name) { return parse_array(bytes, name).tensor; }

Tensor read_idx(const std::filesystem::path& path) { return read_array_file(path).tensor; }

TrainTest read_mnist(const std::filesystem::path& folder) {
  TrainTest data{read_part(folder, "train"), read_part(folder, "t10k")};
  name_numbered_classes(data.train, data.test);
  return data;
}

}  // namespace neurons
