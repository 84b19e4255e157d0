#include "neurons/formats/safetensors.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "neurons/base/atomic_file.hpp"
#include "neurons/base/sha256.hpp"
#include "neurons/tensor/narrow_floats.hpp"

namespace neurons {
namespace {

using nlohmann::json;

static_assert(std::endian::native == std::endian::little, "the format is little-endian, and bytes are copied as they are");

constexpr const char* kMetadata = "__metadata__";
constexpr const char* kChecksum = "neurons.sha256";  // within the metadata
constexpr std::size_t kLengthBytes = 8;
constexpr std::uint64_t kMaxHeader = 100'000'000;  // as the format's own reader
constexpr std::int64_t kMaxElements = std::int64_t{1} << 48;

/// An element type of the format and what it becomes here.
struct StoredType {
  std::string_view name;
  std::uint64_t bytes;
  DType dtype;
};
constexpr StoredType kStoredTypes[] = {{"F32", 4, DType::f32}, {"F64", 8, DType::f64}, {"I32", 4, DType::i32},
                                       {"I64", 8, DType::i64}, {"U8", 1, DType::u8},   {"BOOL", 1, DType::boolean},
                                       {"F16", 2, DType::f32}, {"BF16", 2, DType::f32}};

std::string_view stored_name(DType dtype) {
  return std::ranges::find(kStoredTypes, dtype, &StoredType::dtype)->name;  // the first of a dtype is its own
}

/// Of what a file holds: its header without the checksum, as one line with sorted keys, then its data.
template <typename Parts>
std::string checksum(const json& header, const Parts& data) {
  Sha256 hash;
  const std::string line = header.dump();
  hash.update(std::as_bytes(std::span(line)));
  for (const std::span<const std::byte> part : data) hash.update(part);
  return hash.hex();
}

/// Reads one file; every message begins with its name.
class Parser {
 public:
  Parser(std::span<const std::byte> bytes, const std::string& name) : bytes_(bytes), name_(name) {}

  TensorFile run() {
    json header = read_header();
    const json written = take_checksum(header);
    TensorFile file;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
    for (const auto& [key, entry] : header.items()) {
      if (key == kMetadata) {
        read_metadata(entry, file.metadata);
      } else {
        file.tensors.emplace(key, read_tensor(key, entry, ranges));
      }
    }
    require_whole(ranges);
    file.is_checked = !written.is_null();
    if (file.is_checked && written != checksum(header, std::array{data_})) {
      fail("is damaged: its content does not match its checksum; take another copy, or write it again");
    }
    return file;
  }

 private:
  template <typename... Arguments>
  [[noreturn]] void fail(fmt::format_string<Arguments...> format, Arguments&&... arguments) const {
    fail_input("{}: {}", name_, fmt::format(format, std::forward<Arguments>(arguments)...));
  }

  json read_header() {
    if (bytes_.size() < kLengthBytes) {
      fail("is no safetensors file: {} bytes, the length of the header alone takes {}", bytes_.size(), kLengthBytes);
    }
    std::uint64_t length = 0;
    std::memcpy(&length, bytes_.data(), kLengthBytes);
    const std::uint64_t rest = bytes_.size() - kLengthBytes;
    if (length > kMaxHeader) fail("is no safetensors file: it begins with a header length of {} bytes", length);
    if (length > rest) {
      fail("ends after {} of {} bytes of its header: the file was cut short, fetch or write it again", rest, length);
    }
    data_ = bytes_.subspan(kLengthBytes + length);
    const auto* text = reinterpret_cast<const char*>(bytes_.data()) + kLengthBytes;
    try {
      json header = json::parse(text, text + length, [this](int depth, json::parse_event_t event, json& parsed) {
        check_event(depth, event, parsed);
        return true;
      });
      if (!header.is_object()) fail("its header is no JSON object");
      return header;
    } catch (const json::parse_error& error) {
      fail("its header is no valid JSON (byte {}): it is damaged, fetch or write it again", error.byte);
    } catch (const json::out_of_range&) {
      fail("its header holds a number that is too large for JSON: it is damaged, fetch or write it again");
    }
  }

  /// Refuses, while the header is being read, what no header has: deep nesting, and a name twice (JSON would keep the last).
  void check_event(int depth, json::parse_event_t event, const json& parsed) {
    constexpr int kDeepest = 3;
    using Event = json::parse_event_t;
    if (depth >= kDeepest && (event == Event::object_start || event == Event::array_start)) fail("its header is nested too deeply");
    if (event == Event::object_start && depth == 1) inner_.clear();
    if (event != Event::key) return;
    const std::string& key = parsed.get_ref<const std::string&>();
    if (!(depth == 1 ? outer_ : inner_).insert(key).second) fail("its header has \"{}\" twice", key);
  }

  /// Null where there is none, as in files of other programs. What is left of the header is what the checksum is of.
  static json take_checksum(json& header) {
    const auto metadata = header.find(kMetadata);
    if (metadata == header.end() || !metadata->is_object() || !metadata->contains(kChecksum)) return nullptr;
    json written = std::move(metadata->at(kChecksum));
    metadata->erase(kChecksum);
    return written;
  }

  void read_metadata(const json& entry, std::map<std::string, std::string>& metadata) const {
    if (!entry.is_object()) fail("its {} is no JSON object", kMetadata);
    for (const auto& [key, text] : entry.items()) {
      if (!text.is_string()) fail("its {} has a \"{}\" that is no text", kMetadata, key);
      metadata.emplace(key, text.get<std::string>());
    }
  }

  const json& field(const std::string& tensor, const json& entry, const char* key) const {
    if (!entry.is_object()) fail("the header's \"{}\" is no JSON object", tensor);
    const auto found = entry.find(key);
    if (found == entry.end()) fail("tensor \"{}\" has no \"{}\"", tensor, key);
    return *found;
  }

  std::vector<std::uint64_t> numbers(const std::string& tensor, const json& entry, const char* key) const {
    const json& list = field(tensor, entry, key);
    std::vector<std::uint64_t> values;
    if (!list.is_array()) fail("tensor \"{}\": its {} is no list", tensor, key);
    for (const json& value : list) {
      if (!value.is_number_unsigned()) fail("tensor \"{}\": its {} holds something that is no whole number ≥ 0", tensor, key);
      values.push_back(value.get<std::uint64_t>());
    }
    return values;
  }

  const StoredType& stored_type(const std::string& tensor, const json& entry) const {
    const json& text = field(tensor, entry, "dtype");
    const std::string dtype = text.is_string() ? text.get<std::string>() : text.dump();
    const auto* const found = std::ranges::find(kStoredTypes, dtype, &StoredType::name);
    if (found == std::end(kStoredTypes)) {
      fail("tensor \"{}\" has dtype {}; F32, F64, I32, I64, U8, BOOL, F16 and BF16 can be read", tensor, dtype);
    }
    return *found;
  }

  Shape shape_of(const std::string& tensor, const json& entry) const {
    std::vector<std::int64_t> extents;
    for (const std::uint64_t extent : numbers(tensor, entry, "shape")) {
      if (extent > static_cast<std::uint64_t>(kMaxElements)) fail("tensor \"{}\": an extent of {} is too large", tensor, extent);
      extents.push_back(static_cast<std::int64_t>(extent));
    }
    try {
      return Shape(std::span<const std::int64_t>(extents));
    } catch (const InputError& error) {
      fail("tensor \"{}\": {}", tensor, error.what());
    }
  }

  Tensor read_tensor(const std::string& name, const json& entry,
                     std::vector<std::pair<std::uint64_t, std::uint64_t>>& ranges) const {
    const StoredType& stored = stored_type(name, entry);
    const Shape shape = shape_of(name, entry);
    const auto offsets = numbers(name, entry, "data_offsets");
    if (offsets.size() != 2 || offsets[0] > offsets[1]) fail("tensor \"{}\": its data_offsets are no [begin, end]", name);
    if (offsets[1] > data_.size()) {
      fail("ends after {} bytes of data, but tensor \"{}\" goes on to byte {}: the file was cut short, fetch or write it again",
           data_.size(), name, offsets[1]);
    }
    const std::uint64_t bytes = static_cast<std::uint64_t>(shape.elements()) * stored.bytes;
    if (offsets[1] - offsets[0] != bytes) {
      fail("tensor \"{}\": {} of shape {} takes {} bytes, its data_offsets span {}", name, stored.name, shape.to_string(), bytes,
           offsets[1] - offsets[0]);
    }
    ranges.emplace_back(offsets[0], offsets[1]);
    return copy(stored, shape, data_.subspan(offsets[0], bytes));
  }

  static Tensor copy(const StoredType& stored, const Shape& shape, std::span<const std::byte> bytes) {
    Tensor tensor(stored.dtype, shape);
    if (stored.bytes != size_of(stored.dtype)) {
      const auto values = tensor.values<float>();
      for (std::size_t i = 0; i < values.size(); ++i) {
        std::uint16_t bits = 0;
        std::memcpy(&bits, bytes.data() + 2 * i, 2);
        values[i] = stored.name == "F16" ? from_half(bits) : from_brain(bits);
      }
    } else if (stored.dtype == DType::boolean) {
      std::ranges::transform(bytes, tensor.bytes().begin(), [](std::byte byte) { return std::byte{byte != std::byte{}}; });
    } else {
      std::ranges::copy(bytes, tensor.bytes().begin());
    }
    return tensor;
  }

  void require_whole(std::vector<std::pair<std::uint64_t, std::uint64_t>>& ranges) const {
    std::ranges::sort(ranges);
    std::uint64_t end = 0;
    for (const auto& [first, last] : ranges) {
      if (first < end) fail("two tensors overlap at byte {} of the data", first);
      if (first > end) fail("bytes {} to {} of the data belong to no tensor", end, first);
      end = last;
    }
    if (end != data_.size()) fail("{} bytes of data, but its tensors end at byte {}", data_.size(), end);
  }

  std::span<const std::byte> bytes_;
  std::span<const std::byte> data_;
  const std::string& name_;
  std::set<std::string> outer_;
  std::set<std::string> inner_;
};

}  // namespace

TensorFile parse_safetensors(std::span<const std::byte> bytes, const std::string& name) { return Parser(bytes, name).run(); }

TensorFile read_safetensors(const std::filesystem::path& path) {
  const std::string text = read_file(path);
  return parse_safetensors(std::as_bytes(std::span(text)), path.string());
}

std::string format_safetensors(const TensorFile& file) {
  std::vector<const std::pair<const std::string, Tensor>*> order;
  for (const auto& entry : file.tensors) order.push_back(&entry);
  std::ranges::stable_sort(order, std::greater{}, [](const auto* entry) { return size_of(entry->second.dtype()); });
  json header = json::object();
  if (file.metadata.contains(kChecksum))
    fail_input("safetensors: \"{}\" is the name of the checksum, no text can have it", kChecksum);
  header[kMetadata] = file.metadata;
  std::vector<std::span<const std::byte>> data;
  std::size_t offset = 0;
  for (const auto* entry : order) {
    const auto& [name, tensor] = *entry;
    if (name == kMetadata) fail_input("safetensors: no tensor can be named \"{}\", the format keeps that name for texts", name);
    const std::size_t end = offset + tensor.bytes().size();
    const auto extents = tensor.shape().extents();
    header[name]["dtype"] = stored_name(tensor.dtype());
    header[name]["shape"] = std::vector<std::int64_t>(extents.begin(), extents.end());
    header[name]["data_offsets"] = {offset, end};
    data.push_back(tensor.bytes());
    offset = end;
  }
  std::string text;
  try {
    header[kMetadata][kChecksum] = checksum(header, data);
    text = header.dump();
  } catch (const json::exception&) {
    fail_input("safetensors: a name or text is not UTF-8");
  }
  text.resize(align_up(kLengthBytes + text.size()) - kLengthBytes, ' ');
  const std::uint64_t length = text.size();
  std::string bytes(kLengthBytes, '\0');
  std::memcpy(bytes.data(), &length, kLengthBytes);
  bytes.reserve(kLengthBytes + text.size() + offset);
  bytes += text;
  for (const auto part : data) bytes.append(reinterpret_cast<const char*>(part.data()), part.size());
  return bytes;
}

void write_safetensors(const std::filesystem::path& path, const TensorFile& file) {
  write_file_atomically(path, format_safetensors(file));
}

}  // namespace neurons
