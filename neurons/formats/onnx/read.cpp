#include <algorithm>
#include <unordered_set>

#include "neurons/base/error.hpp"
#include "neurons/base/mapped_file.hpp"
#include "neurons/formats/onnx/model.hpp"
#include "neurons/formats/onnx/wire.hpp"

namespace neurons::onnx {
namespace {

constexpr int kDeepestGraph = 32;      // graphs within graphs
constexpr std::size_t kMostDims = 64;  // of a tensor; more is no tensor
// Memory that what is read may take: so much, and twice the file. An empty message of two bytes becomes hundreds.
constexpr std::size_t kAllowance = std::size_t{128} << 20;
constexpr std::size_t kTimesFile = 2;
constexpr std::size_t kGrowth = 2;  // lists have room for as many again

using Bytes = std::span<const std::byte>;

/// Calls visit(field) for each field of a message.
template <typename Visit>
void for_each_field(Bytes message, Visit visit) {
  WireReader reader(message);
  Field field;
  while (reader.next(field)) visit(field);
}

/// Reads the messages of one file, whose bytes `owner` keeps.
class Parser {
 public:
  Parser(std::shared_ptr<const void> owner, std::size_t file_bytes)
      : owner_(std::move(owner)), left_(kTimesFile * file_bytes + kAllowance) {}

  TensorData tensor(Bytes message) {
    TensorData result;
    result.message = message;
    result.owner = owner_;
    for_each_field(message, [&](const Field& field) {
      if (field.number == 1) for_each_integer(field, [&](std::int64_t dim) { add_dim(result.dims, dim); });
      if (field.number == 2) result.type = static_cast<ElementType>(field.integer());
      if (field.number == 8) result.name = text_of(field);
      if (field.number == 9) result.raw = field.message();
      if (field.number == 13) insert(result.external, pair_of(field.message()));
    });
    return result;
  }

  Model model(Bytes message) {
    Model result;
    bool found = false;
    for_each_field(message, [&](const Field& field) {
      if (field.number == 1) result.ir_version = field.integer();
      if (field.number == 2) result.producer_name = text_of(field);
      if (field.number == 3) result.producer_version = text_of(field);
      if (field.number == 7) {
        if (found) fail_input("holds two graphs");
        found = true;
        result.graph = graph(field.message(), 0);
      }
      if (field.number == 8) insert(result.opsets, opset(field.message()));
      if (field.number == 14) insert(result.metadata, pair_of(field.message()));
      if (field.number == 25) append(result.functions, function(field.message()));
    });
    if (!found) fail_input("is no ONNX model: it holds no graph");
    return result;
  }

 private:
  /// Counts memory before it is taken.
  void take(std::size_t bytes) {
    if (bytes > left_) {
      fail_input("is made of so many small parts that they would take more memory than {} times the file and {} MB", kTimesFile,
                 kAllowance >> 20);
    }
    left_ -= bytes;
  }
  template <typename Item>
  void append(std::vector<Item>& list, Item item) {
    take(kGrowth * sizeof(Item));
    list.push_back(std::move(item));
  }
  template <typename Value>
  void insert(std::map<std::string, Value>& map, std::pair<std::string, Value> item) {
    constexpr std::size_t kTreeNode = 48;
    take(sizeof(item) + kTreeNode);
    map.insert(std::move(item));
  }

  std::string text_of(const Field& field) {
    take(field.text().size());
    return std::string(field.text());
  }

  /// Two numbered texts.
  std::pair<std::string, std::string> pair_of(Bytes message) {
    std::pair<std::string, std::string> result;
    for_each_field(message, [&](const Field& field) {
      if (field.number == 1) result.first = text_of(field);
      if (field.number == 2) result.second = text_of(field);
    });
    return result;
  }

  void add_dim(std::vector<std::int64_t>& dims, std::int64_t dim) {
    if (dims.size() == kMostDims) fail_input("holds a tensor of more than {} axes", kMostDims);
    append(dims, dim);
  }

  std::pair<std::string, std::int64_t> opset(Bytes message) {
    std::pair<std::string, std::int64_t> result{"", 1};
    for_each_field(message, [&](const Field& field) {
      if (field.number == 1 && field.text() != "ai.onnx") result.first = text_of(field);
      if (field.number == 2) result.second = field.integer();
    });
    return result;
  }

  Dim dim(Bytes message) {
    Dim result = std::string();
    for_each_field(message, [&](const Field& field) {
      if (field.number == 1 && field.integer() >= 0) result = field.integer();  // old converters write open ones as -1
      if (field.number == 2) result = text_of(field);
    });
    return result;
  }

  void tensor_type(Bytes message, ValueData& value) {
    for_each_field(message, [&](const Field& field) {
      if (field.number == 1) value.type = static_cast<ElementType>(field.integer());
      if (field.number != 2) return;
      value.dims.emplace();
      for_each_field(field.message(), [&](const Field& extent) {
        if (extent.number != 1) return;
        if (value.dims->size() == kMostDims) fail_input("holds a tensor of more than {} axes", kMostDims);
        append(*value.dims, dim(extent.message()));
      });
    });
  }

  ValueData value(Bytes message) {
    ValueData result;
    for_each_field(message, [&](const Field& field) {
      if (field.number == 1) result.name = text_of(field);
      if (field.number != 2) return;
      for_each_field(field.message(), [&](const Field& type) {
        if (type.number == 1) tensor_type(type.message(), result);
        if (type.number == 4 || type.number == 5 || type.number == 8 || type.number == 9) result.is_tensor = false;
      });
    });
    return result;
  }

  AttributeData attribute(Bytes message, int depth) {
    using Kind = AttributeData::Type;
    AttributeData result;
    Kind seen = Kind::undefined;  // for old files, which do not say
    const auto see = [&](Kind type) {
      if (seen != Kind::undefined && seen != type) fail_input("holds an attribute \"{}\" of two kinds", result.name);
      seen = type;
    };
    for_each_field(message, [&](const Field& field) {
      switch (field.number) {
        case 1:
          result.name = text_of(field);
          break;
        case 2:
          result.real = field.real();
          see(Kind::real);
          break;
        case 3:
          result.integer = field.integer();
          see(Kind::integer);
          break;
        case 4:
          result.text = text_of(field);
          see(Kind::text);
          break;
        case 5:
          result.tensor = tensor(field.message());
          see(Kind::tensor);
          break;
        case 6:
          result.graph = std::make_shared<GraphData>(graph(field.message(), depth + 1));
          see(Kind::graph);
          break;
        case 7:
          read_reals(field, result.reals);
          see(Kind::reals);
          break;
        case 8:
          for_each_integer(field, [&](std::int64_t integer) { append(result.integers, integer); });
          see(Kind::integers);
          break;
        case 9:
          append(result.texts, text_of(field));
          see(Kind::texts);
          break;
        case 20:
          result.type = static_cast<Kind>(field.integer());
          break;
        case 21:
          result.of_function = text_of(field);
          break;
        default:
          break;
      }
    });
    if (result.type == Kind::undefined) result.type = seen;
    if (seen != Kind::undefined && seen != result.type) {
      fail_input("holds an attribute \"{}\" that says it is of kind {}, but holds kind {}", result.name,
                 static_cast<int>(result.type), static_cast<int>(seen));
    }
    return result;
  }

  void read_reals(const Field& field, std::vector<float>& reals) {
    if (field.type != WireType::bytes) return append(reals, field.real());
    if (field.bytes.size() % sizeof(float) != 0) fail_input("holds a list of numbers that is cut short");
    const std::size_t before = reals.size();
    take(field.bytes.size());
    reals.resize(before + field.bytes.size() / sizeof(float));
    std::ranges::copy(field.bytes, reinterpret_cast<std::byte*>(reals.data() + before));
  }

  NodeData node(Bytes message, int depth) {
    NodeData result;
    for_each_field(message, [&](const Field& field) {
      switch (field.number) {
        case 1:
          append(result.inputs, text_of(field));
          break;
        case 2:
          append(result.outputs, text_of(field));
          break;
        case 3:
          result.name = text_of(field);
          break;
        case 4:
          result.op_type = text_of(field);
          break;
        case 5:
          add_attribute(result.attributes, attribute(field.message(), depth));
          break;
        case 7:
          result.domain = field.text() == "ai.onnx" ? "" : text_of(field);
          break;
        case 8:
          result.overload = text_of(field);
          break;
        default:
          break;
      }
    });
    return result;
  }

  void add_attribute(std::vector<AttributeData>& attributes, AttributeData added) {
    if (std::ranges::find(attributes, added.name, &AttributeData::name) != attributes.end()) {
      fail_input("holds a node with two attributes \"{}\"", added.name);
    }
    append(attributes, std::move(added));
  }

  GraphData graph(Bytes message, int depth) {
    if (depth > kDeepestGraph) fail_input("holds graphs within graphs, more than {} deep", kDeepestGraph);
    GraphData result;
    for_each_field(message, [&](const Field& field) {
      switch (field.number) {
        case 1:
          append(result.nodes, node(field.message(), depth));
          break;
        case 2:
          result.name = text_of(field);
          break;
        case 5:
          append(result.initializers, tensor(field.message()));
          break;
        case 11:
          append(result.inputs, value(field.message()));
          break;
        case 12:
          append(result.outputs, value(field.message()));
          break;
        case 13:
          append(result.values, value(field.message()));
          break;
        case 15:
          fail_input("holds a sparse initialiser; store it dense");
          break;
        default:
          break;
      }
    });
    return result;
  }

  FunctionData function(Bytes message) {
    FunctionData result;
    for_each_field(message, [&](const Field& field) {
      switch (field.number) {
        case 1:
          result.name = text_of(field);
          break;
        case 4:
          append(result.inputs, text_of(field));
          break;
        case 5:
          append(result.outputs, text_of(field));
          break;
        case 7:
          append(result.nodes, node(field.message(), 0));
          break;
        case 9:
          insert(result.opsets, opset(field.message()));
          break;
        case 10:
          result.domain = field.text() == "ai.onnx" ? "" : text_of(field);
          break;
        case 11:
          append(result.defaults, attribute(field.message(), 0));
          break;
        case 13:
          result.overload = text_of(field);
          break;
        default:
          break;
      }
    });
    return result;
  }

  std::shared_ptr<const void> owner_;
  std::size_t left_;  ///< memory that may still be taken
};

/// What `parse` returns; errors begin with the file's name.
template <typename Parse>
auto naming(const std::string& name, Parse parse) {
  try {
    return parse();
  } catch (const InputError& error) {
    throw InputError(fmt::format("{}: {}", name, error.what()));
  }
}

Model parse_owned(Bytes bytes, std::shared_ptr<const void> owner, const std::string& name) {
  Model model = naming(name, [&] { return Parser(std::move(owner), bytes.size()).model(bytes); });
  model.path = name;
  return model;
}

}  // namespace

const AttributeData* NodeData::attribute(std::string_view wanted) const {
  const auto found = std::ranges::find(attributes, wanted, &AttributeData::name);
  return found == attributes.end() ? nullptr : &*found;
}

const TensorData* GraphData::initializer(std::string_view wanted) const {
  const auto found = std::ranges::find(initializers, wanted, &TensorData::name);
  return found == initializers.end() ? nullptr : &*found;
}

std::vector<std::int64_t> ValueData::extents(std::size_t first) const {
  std::vector<std::int64_t> result;
  for (std::size_t i = first; dims && i < dims->size(); ++i) {
    const auto* number = std::get_if<std::int64_t>(&(*dims)[i]);
    result.push_back(number != nullptr ? *number : 1);
  }
  return result;
}

std::vector<const ValueData*> GraphData::given_inputs() const {
  std::unordered_set<std::string_view> stored;
  for (const TensorData& data : initializers) stored.insert(data.name);
  std::vector<const ValueData*> result;
  for (const ValueData& input : inputs) {
    if (!stored.contains(input.name)) result.push_back(&input);
  }
  return result;
}

std::int64_t Model::opset() const {
  const auto found = opsets.find("");
  return found == opsets.end() ? 1 : found->second;
}

Model parse(Bytes bytes, const std::string& name) { return parse_owned(bytes, nullptr, name); }

Model read(const std::filesystem::path& path) {
  const MappedFile file = map_file(path);
  Model model = parse_owned(file.bytes, file.owner, path.string());
  model.folder = path.parent_path();
  return model;
}

TensorData read_tensor(const std::filesystem::path& path) {
  const MappedFile file = map_file(path);
  return naming(path.string(), [&] { return Parser(file.owner, file.bytes.size()).tensor(file.bytes); });
}

}  // namespace neurons::onnx
