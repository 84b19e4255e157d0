#include "neurons/spec/toml_reader.hpp"

#include <fmt/ranges.h>

#include "neurons/formats/onnx/imported_model.hpp"

namespace neurons {
namespace {

constexpr std::string_view kOutputs = "outputs";

/// What a node holds, in words.
std::string found(const toml::node& node) {
  if (const auto* text = node.as_string()) return fmt::format("the text \"{}\"", text->get());
  if (const auto* number = node.as_integer()) return fmt::format("{}", number->get());
  if (const auto* number = node.as_floating_point()) return fmt::format("{:#}", number->get());  // 3.0 is no 3
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  if (node.is_array()) return "a list";
  if (node.is_table()) return "a table";
  return "a date or time";
}

}  // namespace

void TomlReader::refuse_unknown(const toml::table& table, const std::vector<std::string>& known, const std::string& where) const {
  const toml::key* first = nullptr;
  for (const auto& [key, node] : table) {
    if (std::ranges::find(known, key.str()) != known.end()) continue;
    if (first == nullptr || key.source().begin < first->source().begin) first = &key;
  }
  if (first == nullptr) return;
  const std::string hint = did_you_mean(first->str(), known);
  if (!hint.empty()) fail(first->source(), "unknown key \"{}\"{}", first->str(), hint);
  fail(first->source(), "unknown key \"{}\"; {} takes {}", first->str(), where, fmt::join(known, ", "));
}

void TomlReader::fail_type(const toml::node& node, const std::string& key, std::string_view expected) const {
  fail(node.source(), "{}: expected {}, found {}", key, expected, found(node));
}

void TomlReader::read(const toml::node& node, bool& field, const std::string& key) const {
  if (!node.is_boolean()) fail_type(node, key, "true or false");
  field = node.as_boolean()->get();
}

void TomlReader::read(const toml::node& node, double& field, const std::string& key) const {
  if (!node.is_number()) fail_type(node, key, "a number");
  field = *node.value<double>();
  if (!std::isfinite(field)) fail_type(node, key, "a finite number");
}

void TomlReader::read(const toml::node& node, float& field, const std::string& key) const {
  double number = 0;
  read(node, number, key);
  field = static_cast<float>(number);
  if (!std::isfinite(field)) fail(node.source(), "{} = {} is too large", key, number);
}

void TomlReader::read(const toml::node& node, std::string& field, const std::string& key) const {
  if (!node.is_string()) fail_type(node, key, "a text in quotes");
  field = node.as_string()->get();
}

void TomlReader::read(const toml::node& node, char& field, const std::string& key) const {
  std::string text;
  read(node, text, key);
  if (text.size() != 1 || text[0] == '\0') fail_type(node, key, "one character");
  field = text[0];
}

void TomlReader::read(const toml::node& node, ColumnName& field, const std::string& key) const {
  field.place = place(node.source());
  if (node.is_integer()) {
    field.text = fmt::format("{}", node.as_integer()->get());
  } else if (node.is_string()) {
    field.text = node.as_string()->get();
  } else {
    fail_type(node, key, "a column's name or number");
  }
}

namespace {

/// The long form of a part.
struct FoldSpec {
  std::int64_t fold = 0;
  std::int64_t folds = 0;
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("fold", self.fold);
    visit("folds", self.folds);
  }
};

}  // namespace

void TomlReader::read(const toml::node& node, Part& field, const std::string& key) const {
  if (node.is_string()) {
    field.source = node.as_string()->get();
    if (field.source.empty()) fail(node.source(), "{}: the path is empty", key);
  } else if (const toml::table* table = node.as_table()) {
    FoldSpec fold;
    read_table(*table, fold, key);
    if (fold.folds < 2 || fold.fold < 1 || fold.fold > fold.folds) {
      fail(node.source(), "{}: fold = {} of folds = {}: there must be at least 2 folds, counted from 1", key, fold.fold,
           fold.folds);
    }
    field.fold = fold.fold;
    field.folds = fold.folds;
  } else if (node.is_number()) {
    read(node, field.amount, key);
    if (field.amount < 0 || (node.is_floating_point() && field.amount >= 1)) {
      fail(node.source(), "{} = {}: expected a share below 1, such as 0.2, or a whole number of samples", key, field.amount);
    }
  } else {
    fail_type(node, key, "a share, a number of samples, a path, or { fold, folds }");
  }
}

std::int64_t TomlReader::integer(const toml::node& node, const std::string& key) const {
  if (!node.is_integer()) fail_type(node, key, "a whole number");
  return node.as_integer()->get();
}

const toml::array* TomlReader::list(const toml::node& node, const std::string& key) const {
  if (!node.is_array()) fail_type(node, key, "a list in [ ]");
  return node.as_array();
}

std::size_t TomlReader::word(const toml::node& node, std::span<const std::string_view> words, const std::string& key) const {
  std::string text;
  read(node, text, key);
  const auto match = std::ranges::find(words, text);
  if (match != words.end()) return static_cast<std::size_t>(match - words.begin());
  fail(node.source(), "{} = \"{}\": expected {}", key, text, fmt::join(words, ", "));
}

std::string TomlReader::kind(const toml::node& node, const std::string& key) const {
  if (const auto* text = node.as_string()) return text->get();
  const toml::table* table = node.as_table();
  if (table == nullptr) fail_type(node, key, "a name in quotes or a table { kind = … }");
  const toml::node* named = table->get("kind");
  if (named == nullptr) fail(node.source(), "{}: the key \"kind\" is missing", key);
  if (!named->is_string()) fail_type(*named, "kind", "a text in quotes");
  return named->as_string()->get();
}

bool TomlReader::is_finite(const AttributeValue& value) {
  if (const auto* number = std::get_if<double>(&value)) return std::isfinite(*number);
  if (const auto* numbers = std::get_if<std::vector<double>>(&value)) {
    return std::ranges::all_of(*numbers, [](double number) { return std::isfinite(number); });
  }
  return true;
}

AttributeValue TomlReader::attribute_value(const toml::node& node, const AttributeValue& like, const std::string& key) const {
  // One number, or one for each axis: the field itself says whether it takes both.
  if (std::holds_alternative<std::vector<std::int64_t>>(like) && node.is_integer()) return integer(node, key);
  if (std::holds_alternative<std::int64_t>(like) && node.is_array()) {
    std::vector<std::int64_t> numbers;
    read(node, numbers, key);
    return numbers;
  }
  return std::visit(
      [&](auto value) -> AttributeValue {
        if constexpr (std::is_same_v<decltype(value), Tensor>) {
          fail(node.source(), "{}: an array cannot be given in a spec", key);
        } else {
          read(node, value, key);
          return value;
        }
      },
      like);
}

namespace {

template <typename T>
constexpr std::string_view in_words() {
  return std::is_same_v<T, Residual> ? "a residual block" : "a time-distributed block";
}

/// What a list of layers may name.
std::vector<std::string> kinds_of_layers() {
  std::vector<std::string> kinds{std::string(Residual::kKind), std::string(TimeDistributed::kKind),
                                 std::string(onnx::ImportedModel::kKind)};
  for (const auto& [kind, layer] : layer_kinds()) kinds.push_back(kind);
  for (const auto& [kind, builder] : builder_kinds()) kinds.push_back(kind);
  return kinds;
}

}  // namespace

template <typename T>
T TomlReader::read_block(const toml::table& table) const {
  T block;
  std::vector<std::string> known = {"kind", "name", "from"};
  T::fields(block, [&](std::string_view name, auto& field) {
    known.emplace_back(name);
    if (const toml::node* node = table.get(name)) read(*node, field, std::string(name));
  });
  refuse_unknown(table, known, fmt::format("layer \"{}\"", T::kKind));
  if (block.body.empty()) fail(table.source(), "{} needs a body: body = [ … ] with at least one layer", in_words<T>());
  if constexpr (std::is_same_v<T, Residual>) {
    if (const toml::node* node = table.get("activation")) at(*node, [&] { return activation_of_kind(block.activation); });
  }
  return block;
}

void TomlReader::read(const toml::node& node, LayerSpec& field, const std::string& key) const {
  field.place = place(node.source());
  const toml::table* table = node.as_table();
  if (table == nullptr) return read_kind(node, field, key);
  if (const toml::node* name = table->get("name")) read(*name, field.name, "name");
  if (const toml::node* from = table->get("from")) {
    if (from->is_string()) {
      read(*from, field.from.emplace_back(), "from");
    } else {
      read(*from, field.from, "from");
    }
  }
  if (const toml::node* share = table->get("share")) {
    read(*share, field.share, "share");
    return refuse_unknown(*table, {"name", "from", "share"}, "a shared layer");
  }
  const toml::node* named = table->get("kind");
  if (named == nullptr) fail(node.source(), "a layer needs the key \"kind\" or \"share\"");
  const auto wanted = named->value_or<std::string_view>("");
  if (wanted == Residual::kKind) return void(field.block = read_block<Residual>(*table));
  if (wanted == TimeDistributed::kKind) return void(field.block = read_block<TimeDistributed>(*table));
  read_kind(*named, field, "kind");
  if (field.builder) {
    read_fields(*table, *field.builder, field.as_outputs);
  } else {
    read_fields(*table, field.layer, field.as_outputs);
  }
}

void TomlReader::read_kind(const toml::node& node, LayerSpec& field, const std::string& key) const {
  const std::string name = node.value_or<std::string>("");
  const auto require_table = [&]<typename T>(const T&) {
    if (name != T::kKind) return;
    fail(node.source(), "{} needs a body: {{ kind = \"{}\", body = [ … ] }}", in_words<T>(), T::kKind);
  };
  require_table(Residual{});
  require_table(TimeDistributed{});
  if (const auto builder = builder_kinds().find(name); builder != builder_kinds().end()) {
    field.builder = builder->second;
  } else if (name == onnx::ImportedModel::kKind) {
    field.layer = onnx::ImportedModel{};
  } else if (node.is_string() && !layer_kinds().contains(name)) {
    fail(node.source(), "unknown layer or activation \"{}\"{}", name, did_you_mean(name, kinds_of_layers()));
  } else {
    read(node, field.layer, key);
  }
}

template <typename T>
void TomlReader::read_fields(const toml::table& table, T& target, std::vector<std::string>& as_outputs) const {
  for (const Attribute& attribute : target.attributes()) {
    const toml::node* value = table.get(attribute.name);
    if (value == nullptr || !std::holds_alternative<std::int64_t>(attribute.value)) continue;
    if (!value->is_string()) continue;
    if (value->value_or<std::string_view>("") != kOutputs) fail_type(*value, attribute.name, "a whole number or \"outputs\"");
    as_outputs.push_back(attribute.name);
  }
  std::vector<std::string> own = {"kind", "name", "from", "share"};
  own.insert(own.end(), as_outputs.begin(), as_outputs.end());
  target = with_attributes(target, table, own, "layer");
}

}  // namespace neurons
