#include <algorithm>
#include <array>

#include "neurons/base/atomic_file.hpp"
#include "neurons/base/error.hpp"
#include "neurons/formats/onnx/model.hpp"
#include "neurons/formats/onnx/renaming.hpp"
#include "neurons/formats/onnx/wire.hpp"

namespace neurons::onnx {
namespace {

constexpr std::size_t kMostBytes = std::size_t{2000} << 20;  // protocol buffers end at 2 GiB
constexpr std::size_t kAlignment = 4096;                     // of external tensors, for readers that map them

/// Gathers tensors that go to a file beside the model.
struct External {
  std::string location;
  std::string bytes;
};

WireWriter pair_of(const std::string& key, const std::string& value) {
  WireWriter result;
  result.bytes(1, key);
  result.bytes(2, value);
  return result;
}

class Writer {
 public:
  explicit Writer(External* external) : external_(external) {}

  std::string model(const Model& model) const {
    WireWriter result;
    result.integer(1, model.ir_version);
    result.bytes(2, model.producer_name);
    result.bytes(3, model.producer_version);
    result.message(7, graph(model.graph));
    for (const auto& [domain, version] : model.opsets) result.message(8, opset(domain, version));
    for (const auto& [key, value] : model.metadata) result.message(14, pair_of(key, value));
    for (const FunctionData& body : model.functions) result.message(25, function(body));
    return result.take();
  }

  WireWriter tensor(const TensorData& data) const {
    WireWriter result;
    for (const std::int64_t dim : data.dims) result.integer(1, dim);
    result.integer(2, static_cast<std::int64_t>(data.type));
    result.bytes(8, data.name);
    if (external_ != nullptr && data.raw.size() >= kAlignment) {
      external_->bytes.resize((external_->bytes.size() + kAlignment - 1) / kAlignment * kAlignment);
      result.message(13, pair_of("location", external_->location));
      result.message(13, pair_of("offset", std::to_string(external_->bytes.size())));
      result.message(13, pair_of("length", std::to_string(data.raw.size())));
      result.integer(14, 1);
      external_->bytes.append(reinterpret_cast<const char*>(data.raw.data()), data.raw.size());
    } else if (!data.raw.empty() || data.message.empty()) {
      result.bytes(9, data.raw);
    } else {
      copy_elements(data, result);
    }
    return result;
  }

 private:
  /// Of a tensor that was read and holds its elements in a typed list, or in a file beside the model.
  static void copy_elements(const TensorData& data, WireWriter& result) {
    constexpr std::array kFields = {4, 5, 6, 7, 10, 11, 13, 14};  // lists, the file and that there is one
    WireReader message(data.message);
    Field field;
    while (message.next(field)) {
      if (std::ranges::find(kFields, field.number) != kFields.end()) result.copy(field);
    }
  }

  static WireWriter opset(const std::string& domain, std::int64_t version) {
    WireWriter result;
    result.bytes(1, domain);
    result.integer(2, version);
    return result;
  }

  WireWriter attribute(const AttributeData& data) const {
    using Kind = AttributeData::Type;
    WireWriter result;
    result.bytes(1, data.name);
    if (data.type == Kind::real) result.real(2, data.real);
    if (data.type == Kind::integer) result.integer(3, data.integer);
    if (data.type == Kind::text) result.bytes(4, data.text);
    if (data.type == Kind::tensor && data.tensor) result.message(5, tensor(*data.tensor));
    if (data.type == Kind::graph && data.graph) result.message(6, graph(*data.graph));
    for (const float number : data.reals) result.real(7, number);
    for (const std::int64_t number : data.integers) result.integer(8, number);
    for (const std::string& text : data.texts) result.bytes(9, text);
    result.integer(20, static_cast<std::int64_t>(data.type));
    if (!data.of_function.empty()) result.bytes(21, data.of_function);
    return result;
  }

  WireWriter node(const NodeData& data) const {
    WireWriter result;
    for (const std::string& name : data.inputs) result.bytes(1, name);
    for (const std::string& name : data.outputs) result.bytes(2, name);
    if (!data.name.empty()) result.bytes(3, data.name);
    result.bytes(4, data.op_type);
    for (const AttributeData& member : data.attributes) result.message(5, attribute(member));
    if (!data.domain.empty()) result.bytes(7, data.domain);
    if (!data.overload.empty()) result.bytes(8, data.overload);
    return result;
  }

  static WireWriter value(const ValueData& data) {
    WireWriter tensor;
    tensor.integer(1, static_cast<std::int64_t>(data.type));
    if (data.dims) {
      WireWriter shape;
      for (const Dim& dim : *data.dims) {
        WireWriter extent;
        if (const auto* number = std::get_if<std::int64_t>(&dim)) {
          extent.integer(1, *number);
        } else if (const auto& name = std::get<std::string>(dim); !name.empty()) {
          extent.bytes(2, name);
        }
        shape.message(1, extent);
      }
      tensor.message(2, shape);
    }
    WireWriter type;
    type.message(1, tensor);
    WireWriter result;
    result.bytes(1, data.name);
    if (data.type != ElementType::undefined) result.message(2, type);
    return result;
  }

  WireWriter graph(const GraphData& data) const {
    WireWriter result;
    for (const NodeData& member : data.nodes) result.message(1, node(member));
    result.bytes(2, data.name);
    for (const TensorData& member : data.initializers) result.message(5, tensor(member));
    for (const ValueData& member : data.inputs) result.message(11, value(member));
    for (const ValueData& member : data.outputs) result.message(12, value(member));
    for (const ValueData& member : data.values) result.message(13, value(member));
    return result;
  }

  WireWriter function(const FunctionData& data) const {
    WireWriter result;
    result.bytes(1, data.name);
    for (const std::string& name : data.inputs) result.bytes(4, name);
    for (const std::string& name : data.outputs) result.bytes(5, name);
    for (const NodeData& member : data.nodes) result.message(7, node(member));
    for (const auto& [domain, version] : data.opsets) result.message(9, opset(domain, version));
    result.bytes(10, data.domain);
    for (const AttributeData& member : data.defaults) result.message(11, attribute(member));
    if (!data.overload.empty()) result.bytes(13, data.overload);
    return result;
  }

  External* external_;
};

}  // namespace

std::string format(const Model& model) { return Writer(nullptr).model(model); }

std::string format(const TensorData& data) { return Writer(nullptr).tensor(data).take(); }

namespace {

/// Brings the elements of tensors in other files into reach, those of attributes and bodies, too.
void bring(GraphData& graph, const std::filesystem::path& folder);

void bring(std::vector<NodeData>& nodes, const std::filesystem::path& folder) {
  for (NodeData& node : nodes) {
    for (AttributeData& attribute : node.attributes) {
      if (attribute.tensor) attribute.tensor = with_elements(*attribute.tensor, folder);
      if (attribute.graph) bring(own_body(attribute), folder);
    }
  }
}

void bring(GraphData& graph, const std::filesystem::path& folder) {
  for (TensorData& tensor : graph.initializers) tensor = with_elements(tensor, folder);
  bring(graph.nodes, folder);
}

bool is_same_folder(const std::filesystem::path& a, const std::filesystem::path& b) {
  std::error_code ignored;
  return std::filesystem::weakly_canonical(a.empty() ? "." : a, ignored) ==
         std::filesystem::weakly_canonical(b.empty() ? "." : b, ignored);
}

}  // namespace

void write(const std::filesystem::path& path, const Model& model) {
  if (!is_same_folder(path.parent_path(), model.folder)) {
    Model whole = model;
    whole.folder = path.parent_path();
    bring(whole.graph, model.folder);
    for (FunctionData& function : whole.functions) bring(function.nodes, model.folder);
    return write(path, whole);
  }
  std::size_t bytes = 0;
  for (const TensorData& tensor : model.graph.initializers) bytes += tensor.raw.size() + kAlignment;
  if (bytes < kMostBytes) return write_file_atomically(path, format(model));
  External external{path.filename().string() + ".data", {}};
  external.bytes.reserve(bytes);
  const std::string text = Writer(&external).model(model);
  write_file_atomically(path.parent_path() / external.location, external.bytes);
  write_file_atomically(path, text);
}

}  // namespace neurons::onnx
