#pragma once
/// From TOML to structs with `fields`: the structs say which keys there are, the reader says where a mistake is. Private to the
/// room.

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "neurons/base/suggest.hpp"
#include "neurons/networks/builder.hpp"
#include "neurons/spec/spec.hpp"
#include "neurons/spec/toml_names.hpp"

namespace neurons {

class TomlReader {
 public:
  explicit TomlReader(std::string file) : file_(std::move(file)) {}

  /// Reads every key of `table` into the field of that name; `where` is what messages call the table: "[training]".
  template <typename T>
  void read_table(const toml::table& table, T& target, const std::string& where) const {
    std::vector<std::string> known;
    T::fields(target, [&](std::string_view name, auto& field) {
      known.emplace_back(name);
      if (const toml::node* node = table.get(name)) read(*node, field, std::string(name));
    });
    refuse_unknown(table, known, where);
  }

  /// Throws for the first key, in the order of the file, that is not among the known ones.
  void refuse_unknown(const toml::table& table, const std::vector<std::string>& known, const std::string& where) const;

  template <typename... Arguments>
  [[noreturn]] void fail(const toml::source_region& at, fmt::format_string<Arguments...> format, Arguments&&... arguments) const {
    fail_input("{}{}", place(at), fmt::format(format, std::forward<Arguments>(arguments)...));
  }
  [[noreturn]] void fail_type(const toml::node& node, const std::string& key, std::string_view expected) const;
  /// "spec.toml:14:9: "
  std::string place(const toml::source_region& at) const {
    return fmt::format("{}:{}:{}: ", file_, at.begin.line, at.begin.column);
  }

  void read(const toml::node& node, bool& field, const std::string& key) const;
  void read(const toml::node& node, double& field, const std::string& key) const;
  void read(const toml::node& node, float& field, const std::string& key) const;
  void read(const toml::node& node, std::string& field, const std::string& key) const;
  void read(const toml::node& node, char& field, const std::string& key) const;
  void read(const toml::node& node, Part& field, const std::string& key) const;
  void read(const toml::node& node, ColumnName& field, const std::string& key) const;
  void read(const toml::node& node, LayerSpec& field, const std::string& key) const;

  template <std::integral T>
  void read(const toml::node& node, T& field, const std::string& key) const {
    const auto number = integer(node, key);
    if (!std::in_range<T>(number)) fail(node.source(), "{} = {} is out of range", key, number);
    field = static_cast<T>(number);
  }
  template <typename T>
  requires std::is_enum_v<T>
  void read(const toml::node& node, T& field, const std::string& key) const {
    field = static_cast<T>(word(node, toml_names::kWords<T>, key));
  }
  template <typename T>
  void read(const toml::node& node, std::optional<T>& field, const std::string& key) const {
    if constexpr (toml_names::Kinded<T>) {
      field = kinded<T>(node, key);
    } else {
      read(node, field.emplace(), key);
    }
  }
  template <typename T>
  void read(const toml::node& node, std::vector<T>& field, const std::string& key) const {
    field.clear();
    for (const auto& element : *list(node, key)) {
      if constexpr (toml_names::Kinded<T>) {
        field.push_back(kinded<T>(element, key));
      } else {
        read(element, field.emplace_back(), key);
      }
    }
  }
  template <typename T>
  requires requires(T& value) {
    T::fields(value, [](std::string_view, auto&) {});
  }
  void read(const toml::node& node, T& field, const std::string& key) const {
    if (!node.is_table()) fail_type(node, key, "a table");
    read_table(*node.as_table(), field, key);
  }
  template <toml_names::Kinded T>
  void read(const toml::node& node, T& field, const std::string& key) const {
    field = kinded<T>(node, key);
  }

 private:
  /// The name of a layer or of a ready-made network.
  void read_kind(const toml::node& node, LayerSpec& field, const std::string& key) const;
  /// The fields of a layer's table; "outputs" stands for a whole number that only the data know.
  template <typename T>
  void read_fields(const toml::table& table, T& target, std::vector<std::string>& as_outputs) const;
  /// The keys of `{ kind = "residual", … }` but for name and from.
  template <typename T>
  T read_block(const toml::table& table) const;
  /// `"adam"`, or `{ kind = "adam", learning_rate = 0.01 }`.
  template <toml_names::Kinded T>
  T kinded(const toml::node& node, const std::string& key) const {
    const std::string name = kind(node, key);
    const toml::table* table = node.as_table();
    const T value = at(table == nullptr ? node : *table->get("kind"), [&] { return toml_names::of_kind<T>(name); });
    return table == nullptr ? value : with_attributes(value, *table, {"kind"}, key);
  }
  /// `value` with the fields that a table gives, besides the keys in `others`, which the caller reads.
  template <toml_names::Kinded T>
  T with_attributes(const T& value, const toml::table& table, std::vector<std::string> others, const std::string& where) const {
    Attributes given;
    for (const Attribute& attribute : value.attributes()) {
      const toml::node* node = table.get(attribute.name);
      if (node != nullptr && std::ranges::find(others, attribute.name) == others.end()) {
        given.push_back({attribute.name, attribute_value(*node, attribute.value, attribute.name)});
      }
      others.push_back(attribute.name);
    }
    refuse_unknown(table, others, fmt::format("{} \"{}\"", where, value.kind()));
    const T result = at(misfit(value, table, given), [&] { return value.with(given); });
    for (const Attribute& attribute : result.attributes()) {
      if (!is_finite(attribute.value)) fail(table.get(attribute.name)->source(), "{} is too large", attribute.name);
    }
    return result;
  }
  /// Where `value` refuses the fields that a table gives: the first that it refuses by itself, or else the table.
  template <toml_names::Kinded T>
  static const toml::node& misfit(const T& value, const toml::table& table, const Attributes& given) {
    for (const Attribute& attribute : given) {
      try {
        value.with({attribute});
      } catch (const InputError&) {
        return *table.get(attribute.name);
      }
    }
    return table;
  }
  std::string kind(const toml::node& node, const std::string& key) const;
  /// False for numbers that a float cannot hold.
  static bool is_finite(const AttributeValue& value);
  std::int64_t integer(const toml::node& node, const std::string& key) const;
  const toml::array* list(const toml::node& node, const std::string& key) const;
  std::size_t word(const toml::node& node, std::span<const std::string_view> words, const std::string& key) const;
  /// A node as the kind of value that `like` is.
  AttributeValue attribute_value(const toml::node& node, const AttributeValue& like, const std::string& key) const;

  /// What `make` gives; if it throws, the place stands before its message.
  template <typename Make>
  auto at(const toml::node& node, Make&& make) const {
    try {
      return make();
    } catch (const InputError& error) {
      fail(node.source(), "{}", error.what());
    }
  }

  std::string file_;
};

}  // namespace neurons
