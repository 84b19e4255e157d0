#pragma once
/// An ONNX file as it is written: nodes, weights and names, before anything is understood. Field numbers are those of ONNX's
/// published schema (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "neurons/tensor/tensor.hpp"

namespace neurons::onnx {

/// ONNX's element types, by its numbers.
enum class ElementType : std::int32_t {
  undefined = 0,
  f32 = 1,
  u8 = 2,
  i8 = 3,
  u16 = 4,
  i16 = 5,
  i32 = 6,
  i64 = 7,
  string = 8,
  boolean = 9,
  f16 = 10,
  f64 = 11,
  u32 = 12,
  u64 = 13,
  complex64 = 14,
  complex128 = 15,
  bf16 = 16,
};
/// "float16"; "element type 77" for one that is not known.
std::string name_of(ElementType type);
/// What stands for it here: f16 and bf16 become f32; integers the next wider one that we have. Nothing for texts and complex
/// numbers.
std::optional<DType> dtype_of(ElementType type);
/// What a dtype is called in files.
ElementType element_type_of(DType dtype);

/// A tensor of a file. Its elements stay where they are (in the mapped file) until `to_tensor`.
struct TensorData {
  std::string name;
  ElementType type = ElementType::undefined;
  std::vector<std::int64_t> dims;
  std::span<const std::byte> raw;               ///< elements as bytes, or
  std::span<const std::byte> message;           ///< the whole message, whose typed lists hold them
  std::map<std::string, std::string> external;  ///< or "location", "offset" and "length" of a file beside the model
  std::shared_ptr<const void> owner;            ///< of the bytes
};

/// The elements in a dtype that we have. Throws InputError naming the tensor: an element type we lack, dims that do not fit the
/// bytes, an external file that is missing, too short, or outside of `folder`.
Tensor to_tensor(const TensorData& data, const std::filesystem::path& folder);
/// The type of what `to_tensor` gives, without reading the elements, whose number is checked. Throws as it does.
TensorType stored_type(const TensorData& data, const std::filesystem::path& folder);
/// The tensor as one of a file.
TensorData from_tensor(std::string name, Tensor tensor);
/// The same tensor with its elements in reach, if they are in a file beside the model: mapped, not read. Throws as to_tensor()
/// does.
TensorData with_elements(TensorData data, const std::filesystem::path& folder);

struct GraphData;

/// Only the member that `type` names has a meaning.
struct AttributeData {
  enum class Type : std::int32_t {
    undefined = 0,
    real = 1,
    integer = 2,
    text = 3,
    tensor = 4,
    graph = 5,
    reals = 6,
    integers = 7,
    texts = 8
  };
  std::string name;
  Type type = Type::undefined;
  float real = 0;
  std::int64_t integer = 0;
  std::string text;
  std::optional<TensorData> tensor;
  std::shared_ptr<GraphData> graph;
  std::vector<float> reals;
  std::vector<std::int64_t> integers;
  std::vector<std::string> texts;
  std::string of_function;  ///< in a function's body: the attribute of the calling node that gives the value
};

struct NodeData {
  std::string op_type;
  std::string domain;  ///< "" is ONNX's own
  std::string name;
  std::vector<std::string> inputs;  ///< "" where absent
  std::vector<std::string> outputs;
  std::vector<AttributeData> attributes;
  std::string overload{};  ///< which of the functions of that name

  const AttributeData* attribute(std::string_view wanted) const;
};

/// The node of `nodes` that computes a value, or null.
template <typename Nodes>
auto* maker_of(Nodes& nodes, const std::string& value) {
  const auto found = std::ranges::find_if(
      nodes, [&](const NodeData& node) { return std::ranges::find(node.outputs, value) != node.outputs.end(); });
  return found == nodes.end() ? nullptr : &*found;
}

/// An extent: a number, or the name of one that is known when the model runs ("" where it has none).
using Dim = std::variant<std::int64_t, std::string>;

/// An input or output, with what the file says of its type.
struct ValueData {
  std::string name;
  ElementType type = ElementType::undefined;  ///< undefined: no tensor (a sequence, a map, an optional), or not said
  bool is_tensor = true;
  std::optional<std::vector<Dim>> dims;

  /// The extents from axis `first` on; those that are open are 1.
  std::vector<std::int64_t> extents(std::size_t first = 0) const;
};

struct GraphData {
  std::string name;
  std::vector<NodeData> nodes;
  std::vector<TensorData> initializers;
  std::vector<ValueData> inputs;
  std::vector<ValueData> outputs;
  std::vector<ValueData> values;  ///< types of values in between

  const TensorData* initializer(std::string_view wanted) const;
  /// What a caller gives: inputs that are no initialisers, as files of old list them, too.
  std::vector<const ValueData*> given_inputs() const;
};

/// A node kind that is made of others.
struct FunctionData {
  std::string name;
  std::string domain;
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  std::vector<NodeData> nodes;
  std::vector<AttributeData> defaults;
  std::map<std::string, std::int64_t> opsets;
  std::string overload;  ///< tells it from others of its name
};

struct Model {
  std::string path;  ///< for messages
  std::filesystem::path folder;
  std::int64_t ir_version = 0;
  std::string producer_name;
  std::string producer_version;
  std::map<std::string, std::int64_t> opsets;  ///< by domain
  std::map<std::string, std::string> metadata;
  GraphData graph;
  std::vector<FunctionData> functions;
  std::string left_out;  ///< which outputs known_part() took away, and why

  /// Of ONNX's own domain; 1 where the file does not say.
  std::int64_t opset() const;
};

/// Reads a file in place: weights are mapped, not copied. Throws InputError naming the file and the fault: no such file, cut short,
/// no ONNX, nested too deep, so many small parts that they take more memory than twice the file and 128 MB.
Model read(const std::filesystem::path& path);
/// The same from memory, which must outlive the model; `name` stands for the file in messages.
Model parse(std::span<const std::byte> bytes, const std::string& name);

/// The bytes of a file.
std::string format(const Model& model);
/// The same of a file that holds one tensor alone.
std::string format(const TensorData& tensor);
/// Written atomically; weights go to "NAME.data" beside it where the file would be above 2 GB, and those that the model has in such
/// a file come along into another folder. Throws RuntimeError if it cannot be written, InputError for weights that are not there.
void write(const std::filesystem::path& path, const Model& model);

/// The tensor of a file that holds one alone (ONNX's test data).
TensorData read_tensor(const std::filesystem::path& path);

}  // namespace neurons::onnx
