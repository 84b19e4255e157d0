#include "neurons/data/readers/npy.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

#include "neurons/base/atomic_file.hpp"
#include "neurons/data/readers/npy_types.hpp"
#include "neurons/data/readers/stored_shape.hpp"
#include "neurons/data/readers/zip.hpp"

namespace neurons {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::string_view kSuffix = ".npy";

struct NpyHeader {
  std::optional<std::string_view> type;
  std::optional<bool> fortran_order;
  std::optional<std::vector<std::int64_t>> shape;
};

/// Reads the header's dictionary, a literal of Python: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& name) : text_(text), rest_(text), name_(name) {}

  NpyHeader parse() {
    NpyHeader header;
    expect('{');
    while (!take('}')) {
      const std::string_view key = quoted();
      expect(':');
      if (key == "descr" && !header.type) {
        if (take('[')) fail_records();
        header.type = quoted();
      } else if (key == "fortran_order" && !header.fortran_order) {
        header.fortran_order = boolean();
      } else if (key == "shape" && !header.shape) {
        header.shape = tuple();
      } else {
        fail();
      }
      if (!take(',')) {
        expect('}');
        break;
      }
    }
    skip_blanks();
    if (!rest_.empty() || !header.type || !header.fortran_order || !header.shape) fail();
    return header;
  }

 private:
  [[noreturn]] void fail() {
    fail_input("{}: is damaged: its npy header is {}, expected descr, fortran_order and shape", name_, shown(text_, 80));
  }
  /// Behind the bracket that begins a list of fields.
  [[noreturn]] void fail_records() {
    const std::string_view from = rest_;
    for (int open = 1; open > 0;) {
      skip_blanks();
      if (rest_.empty()) fail();
      if (rest_.front() == '\'' || rest_.front() == '"') {
        quoted();
        continue;
      }
      open += rest_.front() == '[' ? 1 : rest_.front() == ']' ? -1 : 0;
      rest_.remove_prefix(1);
    }
    fail_input("{}: holds records of [{}, expected numbers of one type; save each field as an array of its own", name_,
               shown(from.substr(0, from.size() - rest_.size()), 60));
  }
  /// At most the first `most` characters.
  static std::string shown(std::string_view text, std::size_t most) {
    std::string result;
    for (const char c : text.substr(0, most)) result.push_back(c >= ' ' && c <= '~' ? c : '.');
    return text.size() > most ? result + "…" : result;
  }
  void skip_blanks() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\n')) rest_.remove_prefix(1);
  }
  bool take(char c) {
    skip_blanks();
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!take(c)) fail();
  }
  std::string_view quoted() {
    const char quote = take('\'') ? '\'' : '"';
    if (quote == '"') expect('"');
    const std::size_t end = rest_.find(quote);
    if (end == std::string_view::npos) fail();
    const std::string_view text = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return text;
  }
  bool boolean() {
    skip_blanks();
    for (const auto& [word, value] : {std::pair<std::string_view, bool>{"True", true}, {"False", false}}) {
      if (!rest_.starts_with(word)) continue;
      rest_.remove_prefix(word.size());
      return value;
    }
    fail();
  }
  std::vector<std::int64_t> tuple() {
    std::vector<std::int64_t> extents;
    expect('(');
    while (!take(')')) {
      std::uint64_t extent = 0;
      const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), extent);
      if (error != std::errc{} || extent > std::numeric_limits<std::int64_t>::max()) fail();
      extents.push_back(static_cast<std::int64_t>(extent));
      rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
      if (!take(',')) {
        expect(')');
        break;
      }
      skip_blanks();
    }
    return extents;
  }

  std::string_view text_;
  std::string_view rest_;
  const std::string& name_;
};

/// An array whose first axis is the contiguous one in row-major order.
Tensor from_fortran(const Tensor& array) {
  const Shape& shape = array.shape();
  const auto from = array.bytes();
  const std::size_t width = size_of(array.dtype());
  Tensor into(array.dtype(), shape);
  std::array<std::int64_t, Shape::kMaxRank> index{};
  for (std::byte* out = into.bytes().data(); out != into.bytes().data() + from.size(); out += width) {
    std::int64_t offset = 0;
    for (int axis = shape.rank() - 1; axis >= 0; --axis) offset = offset * shape[axis] + index[static_cast<std::size_t>(axis)];
    std::memcpy(out, from.data() + static_cast<std::size_t>(offset) * width, width);
    for (int axis = shape.rank() - 1; axis >= 0 && ++index[static_cast<std::size_t>(axis)] == shape[axis]; --axis) {
      index[static_cast<std::size_t>(axis)] = 0;
    }
  }
  return into;
}

/// Bytes of that many elements; the largest number if they cannot be counted.
std::size_t bytes_of(const std::vector<std::int64_t>& shape, const NpyType& type) {
  std::size_t bytes = type.bytes;
  if (std::ranges::find(shape, 0) != shape.end()) return 0;
  for (const std::int64_t extent : shape) {
    if (__builtin_mul_overflow(bytes, static_cast<std::size_t>(extent), &bytes)) return std::numeric_limits<std::size_t>::max();
  }
  return bytes;
}

}  // namespace

Tensor parse_npy(std::span<const std::byte> bytes, const std::string& name) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!text.starts_with(kMagic)) fail_input("{}: is no npy file: it does not begin with \\x93NUMPY", name);
  const auto byte = [&](std::size_t at) { return at < bytes.size() ? std::to_integer<std::size_t>(bytes[at]) : 0; };
  const std::size_t version = byte(6);
  if (text.size() > 6 && (version < 1 || version > 3)) {
    fail_input("{}: is an npy file of version {}, expected 1, 2 or 3", name, version);
  }
  const std::size_t begin = version == 1 ? 10 : 12;
  const std::size_t length = version == 1 ? byte(8) | byte(9) << 8 : byte(8) | byte(9) << 8 | byte(10) << 16 | byte(11) << 24;
  if (text.size() < begin || text.size() - begin < length) {
    fail_input("{}: ends after {} bytes, inside its npy header; the file was cut", name, text.size());
  }
  const NpyHeader header = HeaderParser(text.substr(begin, length), name).parse();
  const NpyType type = npy_type(*header.type, name);
  const auto data = bytes.subspan(begin + length);
  if (header.shape->size() > Shape::kMaxRank) {
    fail_input("{}: holds an array of {} dimensions, at most {} are supported", name, header.shape->size(), Shape::kMaxRank);
  }
  if (const std::size_t expected = bytes_of(*header.shape, type); data.size() != expected) {
    fail_input("{}: holds {} bytes of data, but its header says {}[{}], {} bytes; the file was cut or its header is damaged", name,
               data.size(), type.name, fmt::join(*header.shape, ", "), expected);
  }
  Tensor tensor(type.dtype, stored_shape(*header.shape, name));
  convert_npy(type, data, tensor, name);
  if (*header.fortran_order) tensor = from_fortran(tensor);
  require_held(type, tensor, name);
  return tensor;
}

std::string format_npy(const Tensor& tensor) {
  std::string shape;
  for (const std::int64_t extent : tensor.shape().extents()) shape += fmt::format("{}{}", shape.empty() ? "" : ", ", extent);
  if (tensor.shape().rank() == 1) shape += ",";
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", npy_code(tensor.dtype()), shape);
  constexpr std::size_t kPreamble = 10;
  header.resize((kPreamble + header.size() + 1 + 63) / 64 * 64 - kPreamble - 1, ' ');  // the data begin at a multiple of 64
  header += '\n';
  std::string text(kMagic);
  text += {'\x01', '\x00', static_cast<char>(header.size() & 0xFF), static_cast<char>(header.size() >> 8)};
  text += header;
  return text.append(reinterpret_cast<const char*>(tensor.bytes().data()), tensor.bytes().size());
}

std::map<std::string, Tensor> parse_npz(std::span<const std::byte> bytes, const std::string& name) {
  std::map<std::string, Tensor> arrays;
  for (const ZipEntry& entry : list_zip(bytes, name)) {
    if (!entry.name.ends_with(kSuffix)) fail_input("{}: holds {}, expected arrays (.npy) only", name, entry.name);
    const std::string contents = extract(entry, name);
    arrays.emplace(entry.name.substr(0, entry.name.size() - kSuffix.size()),
                   parse_npy(std::as_bytes(std::span(contents)), name + ": " + entry.name));
  }
  return arrays;
}

std::string format_npz(const std::map<std::string, Tensor>& arrays) {
  std::vector<std::pair<std::string, std::string>> files;
  for (const auto& [name, tensor] : arrays) files.emplace_back(name + std::string(kSuffix), format_npy(tensor));
  return make_zip(files);
}

Tensor read_npy(const std::filesystem::path& path) {
  const std::string bytes = read_file(path);
  return parse_npy(std::as_bytes(std::span(bytes)), path.string());
}

std::map<std::string, Tensor> read_npz(const std::filesystem::path& path) {
  const std::string bytes = read_file(path);
  return parse_npz(std::as_bytes(std::span(bytes)), path.string());
}

void write_npy(const std::filesystem::path& path, const Tensor& tensor) { write_file_atomically(path, format_npy(tensor)); }

void write_npz(const std::filesystem::path& path, const std::map<std::string, Tensor>& arrays) {
  write_file_atomically(path, format_npz(arrays));
}

}  // namespace neurons
