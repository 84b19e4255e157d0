// Elements of a file's tensors.

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "neurons/base/error.hpp"
#include "neurons/base/mapped_file.hpp"
#include "neurons/formats/onnx/model.hpp"
#include "neurons/formats/onnx/wire.hpp"
#include "neurons/tensor/narrow_floats.hpp"

namespace neurons::onnx {
namespace {

using Bytes = std::span<const std::byte>;

/// An element type: its bytes in a file, what it becomes, and the field of the typed list that may hold it.
struct StoredType {
  ElementType type;
  std::string_view name;
  std::size_t bytes;
  std::optional<DType> dtype;
  int list;
};
constexpr int kFloatList = 4;
constexpr int kInt32List = 5;
constexpr int kInt64List = 7;
constexpr int kDoubleList = 10;
constexpr int kUint64List = 11;
constexpr std::array kTypes = {
    StoredType{ElementType::f32, "float32", 4, DType::f32, kFloatList},
    StoredType{ElementType::u8, "uint8", 1, DType::u8, kInt32List},
    StoredType{ElementType::i8, "int8", 1, DType::i32, kInt32List},
    StoredType{ElementType::u16, "uint16", 2, DType::i32, kInt32List},
    StoredType{ElementType::i16, "int16", 2, DType::i32, kInt32List},
    StoredType{ElementType::i32, "int32", 4, DType::i32, kInt32List},
    StoredType{ElementType::i64, "int64", 8, DType::i64, kInt64List},
    StoredType{ElementType::string, "string", 0, std::nullopt, 0},
    StoredType{ElementType::boolean, "bool", 1, DType::boolean, kInt32List},
    StoredType{ElementType::f16, "float16", 2, DType::f32, kInt32List},
    StoredType{ElementType::f64, "float64", 8, DType::f64, kDoubleList},
    StoredType{ElementType::u32, "uint32", 4, DType::i64, kUint64List},
    StoredType{ElementType::u64, "uint64", 8, DType::i64, kUint64List},
    StoredType{ElementType::complex64, "complex64", 8, std::nullopt, 0},
    StoredType{ElementType::complex128, "complex128", 16, std::nullopt, 0},
    StoredType{ElementType::bf16, "bfloat16", 2, DType::f32, kInt32List},
};

const StoredType* find_type(ElementType type) {
  const auto* found = std::ranges::find(kTypes, type, &StoredType::type);
  return found == kTypes.end() ? nullptr : found;
}

/// The product of the dims. Throws InputError where one is negative or there are more elements than memory has bytes.
std::uint64_t elements_of(const TensorData& data) {
  std::uint64_t elements = 1;
  for (const std::int64_t dim : data.dims) {
    if (dim < 0) fail_input("dim {} is negative", dim);
    if (__builtin_mul_overflow(elements, static_cast<std::uint64_t>(dim), &elements)) fail_input("the dims have no end");
  }
  return elements;
}

/// Bits of one element as a number of the dtype that stands for it.
template <typename To>
To converted(ElementType type, std::uint64_t bits) {
  switch (type) {
    case ElementType::f16:
      return static_cast<To>(from_half(static_cast<std::uint16_t>(bits)));
    case ElementType::bf16:
      return static_cast<To>(from_brain(static_cast<std::uint16_t>(bits)));
    case ElementType::i8:
      return static_cast<To>(static_cast<std::int8_t>(bits));
    case ElementType::i16:
      return static_cast<To>(static_cast<std::int16_t>(bits));
    case ElementType::u16:
      return static_cast<To>(static_cast<std::uint16_t>(bits));
    case ElementType::u32:
      return static_cast<To>(static_cast<std::uint32_t>(bits));
    default:
      return static_cast<To>(bits);
  }
}

/// Fills `result` with what next() gives, an element's bits each time.
template <typename Next>
void fill(ElementType type, Tensor& result, Next next) {
  switch (result.dtype()) {
    case DType::f32:
      for (float& value : result.values<float>()) value = converted<float>(type, next());
      break;
    case DType::i32:
      for (std::int32_t& value : result.values<std::int32_t>()) value = converted<std::int32_t>(type, next());
      break;
    case DType::i64:
      for (std::int64_t& value : result.values<std::int64_t>()) value = converted<std::int64_t>(type, next());
      break;
    case DType::u8:
      for (std::uint8_t& value : result.values<std::uint8_t>()) value = converted<std::uint8_t>(type, next());
      break;
    default:
      for (bool& value : result.values<bool>()) value = next() != 0;
  }
}

void read_bytes(const StoredType& type, Bytes bytes, Tensor& result) {
  const bool same = type.bytes == size_of(*type.dtype) && type.type != ElementType::boolean;
  if (same) return static_cast<void>(std::ranges::copy(bytes, result.bytes().begin()));
  std::size_t at = 0;
  fill(type.type, result, [&] {
    std::uint64_t bits = 0;
    std::memcpy(&bits, bytes.data() + at, type.bytes);
    at += type.bytes;
    return bits;
  });
}

/// The elements of a typed list: of numbers as they are (floats, packed or not), or of varints.
void read_list(const StoredType& type, const TensorData& data, std::uint64_t elements, Tensor& result) {
  WireReader message(data.message);
  Field field;
  std::size_t filled = 0;
  const auto require_room = [&](std::size_t more) {
    if (filled + more > elements) fail_input("holds more than the {} elements of its dims", elements);
  };
  const bool plain = type.type == ElementType::f32 || type.type == ElementType::f64;
  std::vector<std::uint64_t> bits;
  while (message.next(field)) {
    if (field.number != type.list) continue;
    if (!plain) {
      for_each_integer(field, [&](std::int64_t integer) {
        require_room(1);
        if (bits.empty()) bits.reserve(static_cast<std::size_t>(elements));
        bits.push_back(static_cast<std::uint64_t>(integer));
        ++filled;
      });
      continue;
    }
    const Bytes numbers =
        field.type == WireType::bytes ? field.bytes : Bytes(reinterpret_cast<const std::byte*>(&field.value), type.bytes);
    if (numbers.size() % type.bytes != 0) fail_input("holds a list of numbers that is cut short");
    require_room(numbers.size() / type.bytes);
    std::ranges::copy(numbers, result.bytes().begin() + static_cast<std::ptrdiff_t>(filled * type.bytes));
    filled += numbers.size() / type.bytes;
  }
  if (filled != elements) fail_input("holds {} elements, its dims say {}", filled, elements);
  auto next = bits.begin();
  if (!plain) fill(type.type, result, [&] { return *next++; });
}

/// The bytes that take part in `data`: at least what its list must hold. Nothing is taken for elements that cannot be there.
void require_plausible(const StoredType& type, const TensorData& data, std::uint64_t elements) {
  const bool plain = type.type == ElementType::f32 || type.type == ElementType::f64;
  if (elements > data.message.size() / (plain ? type.bytes : 1))
    fail_input("its dims say {} elements, more than it holds", elements);
}

std::uint64_t number_of(const std::string& key, const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) fail_input("external {} \"{}\" is no number", key, text);
  return value;
}

MappedFile external_file(const TensorData& data, const std::filesystem::path& folder) {
  const auto location = data.external.find("location");
  if (location == data.external.end()) fail_input("its external data has no location");
  const std::filesystem::path name(location->second);
  const bool leaves = name.is_absolute() || name.native().find('\0') != std::string::npos ||
                      std::ranges::find(name, std::filesystem::path("..")) != name.end();
  if (name.empty() || leaves) {
    fail_input("its external data is at \"{}\", outside of the model's folder; only files beside the model are read",
               name.string());
  }
  std::error_code ignored;
  const auto home = std::filesystem::weakly_canonical(folder.empty() ? "." : folder, ignored);
  const auto place = std::filesystem::weakly_canonical(home / name, ignored);
  if (std::mismatch(home.begin(), home.end(), place.begin(), place.end()).first != home.end()) {
    fail_input("its external data \"{}\" is a link out of the model's folder; only files beside the model are read", name.string());
  }
  return map_file(place);
}

Bytes external_bytes(const TensorData& data, const MappedFile& file, std::uint64_t bytes) {
  const auto get = [&](const std::string& key, std::uint64_t otherwise) {
    const auto found = data.external.find(key);
    return found == data.external.end() ? otherwise : number_of(key, found->second);
  };
  const std::uint64_t offset = get("offset", 0);
  const std::uint64_t size = file.bytes.size();
  if (offset > size || get("length", bytes) > size - offset || bytes > size - offset) {
    fail_input("needs {} bytes from {} on of \"{}\", which has {}", bytes, offset, data.external.at("location"), size);
  }
  return file.bytes.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(get("length", bytes)));
}

/// Where a tensor's elements are.
struct Elements {
  const StoredType* type = nullptr;
  std::uint64_t count = 0;
  Bytes raw;            ///< as bytes, or
  bool listed = false;  ///< in the typed list of the message
  std::shared_ptr<const void> owner;
};

/// Finds them, as many as the dims say. Nothing is read.
Elements locate(const TensorData& data, const std::filesystem::path& folder) {
  Elements result;
  result.type = find_type(data.type);
  if (result.type == nullptr || !result.type->dtype) fail_input("is of {}, which has no place here", name_of(data.type));
  result.count = elements_of(data);
  std::uint64_t bytes = 0;
  if (__builtin_mul_overflow(result.count, result.type->bytes, &bytes)) fail_input("the dims have no end");
  result.raw = data.raw;
  result.listed = data.raw.empty() && data.external.empty() && bytes > 0;
  if (result.listed) {
    require_plausible(*result.type, data, result.count);
    return result;
  }
  if (!data.external.empty()) {
    const MappedFile file = external_file(data, folder);
    result.raw = external_bytes(data, file, bytes);
    result.owner = file.owner;
  }
  if (result.raw.size() != bytes) fail_input("holds {} bytes, its dims say {}", result.raw.size(), bytes);
  return result;
}

/// What `read` returns; errors begin with the tensor's name.
template <typename Read>
auto naming_tensor(const TensorData& data, Read read) {
  try {
    return read();
  } catch (const InputError& error) {
    throw InputError(fmt::format("tensor \"{}\": {}", data.name, error.what()));
  }
}

}  // namespace

std::string name_of(ElementType type) {
  const StoredType* found = find_type(type);
  return found != nullptr ? std::string(found->name) : fmt::format("element type {}", static_cast<int>(type));
}

std::optional<DType> dtype_of(ElementType type) {
  const StoredType* found = find_type(type);
  return found != nullptr ? found->dtype : std::nullopt;
}

ElementType element_type_of(DType dtype) {
  switch (dtype) {
    case DType::f64:
      return ElementType::f64;
    case DType::i32:
      return ElementType::i32;
    case DType::i64:
      return ElementType::i64;
    case DType::u8:
      return ElementType::u8;
    case DType::boolean:
      return ElementType::boolean;
    case DType::f32:
      break;
  }
  return ElementType::f32;
}

Tensor to_tensor(const TensorData& data, const std::filesystem::path& folder) {
  return naming_tensor(data, [&] {
    const Elements elements = locate(data, folder);
    Tensor result(*elements.type->dtype, Shape(std::span<const std::int64_t>(data.dims)));
    if (elements.listed) {
      read_list(*elements.type, data, elements.count, result);
    } else {
      read_bytes(*elements.type, elements.raw, result);
    }
    return result;
  });
}

TensorType stored_type(const TensorData& data, const std::filesystem::path& folder) {
  return naming_tensor(data, [&] {
    return TensorType{*locate(data, folder).type->dtype, Shape(std::span<const std::int64_t>(data.dims))};
  });
}

TensorData from_tensor(std::string name, Tensor tensor) {
  const auto kept = std::make_shared<const Tensor>(std::move(tensor));
  TensorData data;
  data.name = std::move(name);
  data.type = element_type_of(kept->dtype());
  data.dims.assign(kept->shape().extents().begin(), kept->shape().extents().end());
  data.raw = kept->bytes();
  data.owner = kept;
  return data;
}

TensorData with_elements(TensorData data, const std::filesystem::path& folder) {
  if (data.external.empty()) return data;
  const Elements elements = naming_tensor(data, [&] { return locate(data, folder); });
  data.raw = elements.raw;
  data.owner = elements.owner;
  data.external.clear();
  return data;
}

}  // namespace neurons::onnx
