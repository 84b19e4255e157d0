/// Specs as text: one line a field, lists of tables one line an element.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "neurons/spec/spec.hpp"
#include "neurons/spec/toml_names.hpp"

namespace neurons {
namespace {

std::string in_quotes(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      result += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      result += c;
    }
  }
  return result + '"';
}

/// The shortest digits of a number that TOML reads as a float.
template <typename T>
std::string decimal(T number) {
  std::string digits = fmt::format("{}", number);
  if (digits.find_first_of(".en") == std::string::npos) digits += ".0";
  return digits;
}

/// The text of each type of field; empty: nothing to write.
struct Text {
  static std::string of(bool flag) { return flag ? "true" : "false"; }
  static std::string of(double number) { return decimal(number); }
  static std::string of(float number) { return decimal(number); }
  static std::string of(const std::string& text) { return in_quotes(text); }
  static std::string of(char character) { return in_quotes(std::string_view(&character, 1)); }
  static std::string of(const ColumnName& column) { return in_quotes(column.text); }
  static std::string of(const Part& part) {
    if (!part.source.empty()) return in_quotes(part.source);
    if (part.folds > 0) return fmt::format("{{ fold = {}, folds = {} }}", part.fold, part.folds);
    return part.amount > 0 && part.amount < 1 ? of(part.amount) : fmt::format("{}", static_cast<std::int64_t>(part.amount));
  }
  template <std::integral T>
  static std::string of(T number) {
    return fmt::format("{}", number);
  }
  template <typename T>
  requires std::is_enum_v<T>
  static std::string of(T word) { return in_quotes(toml_names::kWords<T>[static_cast<std::size_t>(word)]); }
  template <typename T>
  static std::string of(const std::optional<T>& optional) {
    return optional ? of(*optional) : std::string();
  }
  template <typename T>
  static std::string of(const std::vector<T>& list) {
    std::vector<std::string> items;
    for (const T& item : list) items.push_back(of(item));
    constexpr bool kOneLine = std::is_arithmetic_v<T> || std::is_same_v<T, std::string> || std::is_same_v<T, ColumnName>;
    if (kOneLine || list.empty()) return fmt::format("[{}]", fmt::join(items, ", "));
    return fmt::format("[\n  {},\n]", fmt::join(items, ",\n  "));
  }
  template <typename T>
  requires requires(const T& item) {
    T::fields(item, [](std::string_view, const auto&) {});
  }
  static std::string of(const T& item) {
    std::string text;
    T::fields(item, [&](std::string_view name, const auto& field) {
      if (const std::string one = of(field); !one.empty()) text += fmt::format("{} {} = {}", text.empty() ? "" : ",", name, one);
    });
    return fmt::format("{{{} }}", text);
  }
  template <toml_names::Kinded T>
  static std::string of(const T& value) {
    return fmt::format("{{ kind = {}{} }}", in_quotes(value.kind()), attributes(value, {}));
  }
  static std::string of(const LayerSpec& spec) {
    const bool shared = !spec.share.empty();
    std::string text = fmt::format("{{ {} = {}", shared ? "share" : "kind", in_quotes(shared ? spec.share : spec.kind()));
    if (!spec.name.empty()) text += fmt::format(", name = {}", in_quotes(spec.name));
    if (!spec.from.empty()) text += fmt::format(", from = {}", of(spec.from));
    if (spec.block) {
      const auto write = [&](std::string_view name, const auto& field) {
        text += fmt::format(", {} = {}", name, in_one_line(field));
      };
      std::visit([&](const auto& block) { block.fields(block, write); }, *spec.block);
      return text + " }";
    }
    if (spec.builder) return text + attributes(*spec.builder, spec.as_outputs) + " }";
    if (!shared) text += attributes(spec.layer, spec.as_outputs);
    return text + " }";
  }

 private:
  /// Inline tables of TOML end with their line, but for lists.
  static std::string in_one_line(const std::string& text) { return of(text); }
  static std::string in_one_line(const std::vector<Layer>& layers) {
    std::vector<std::string> items;
    for (const Layer& layer : layers) items.push_back(of(layer));
    return fmt::format("[{}]", fmt::join(items, ", "));
  }
  template <toml_names::Kinded T>
  static std::string attributes(const T& value, const std::vector<std::string>& as_outputs) {
    std::string text;
    for (const Attribute& attribute : value.attributes()) {
      const bool open = std::ranges::find(as_outputs, attribute.name) != as_outputs.end();
      text += fmt::format(", {} = {}", attribute.name, open ? "\"outputs\"" : of(value, attribute));
    }
    return text;
  }
  /// Fields are often floats, which attributes hold as doubles: 0.001 and not 0.0010000000474974513, if the field ends up the same.
  template <toml_names::Kinded T>
  static std::string of(const T& value, const Attribute& attribute) {
    const auto same = [&](const AttributeValue& parsed) {
      return value.with({{attribute.name, parsed}}).attributes() == value.attributes();
    };
    if (const double* number = std::get_if<double>(&attribute.value)) {
      const std::string brief = decimal(static_cast<float>(*number));
      return same(std::stod(brief)) ? brief : decimal(*number);
    }
    if (const auto* numbers = std::get_if<std::vector<double>>(&attribute.value)) {
      std::vector<std::string> brief;
      std::vector<double> parsed;
      for (const double number : *numbers) {
        brief.push_back(decimal(static_cast<float>(number)));
        parsed.push_back(std::stod(brief.back()));
      }
      return same(parsed) ? fmt::format("[{}]", fmt::join(brief, ", ")) : of(*numbers);
    }
    return std::visit(
        [](const auto& held) -> std::string {
          if constexpr (std::is_same_v<std::decay_t<decltype(held)>, Tensor>) {
            fail_input("a {} cannot be written into a spec", held.type().to_string());
          } else {
            return of(held);
          }
        },
        attribute.value);
  }
};

/// A section's lines; none where it is left out.
template <typename T>
std::string section(std::string_view name, const T& fields);
template <typename T>
std::string section(std::string_view name, const std::optional<T>& fields) {
  return fields ? section(name, *fields) : "";
}
template <typename T>
std::string section(std::string_view name, const T& fields) {
  std::string text = fmt::format("[{}]\n", name);
  T::fields(fields, [&](std::string_view key, const auto& field) {
    if constexpr (std::is_same_v<decltype(field), const std::string&>) {
      if (field.empty()) return;
    }
    if (const std::string one = Text::of(field); !one.empty()) text += fmt::format("{} = {}\n", key, one);
  });
  return text;
}

}  // namespace

std::string to_toml(const Spec& spec) {
  std::string text;
  Spec::fields(spec, [&](std::string_view name, const auto& part) {
    const std::string lines = section(name, part);
    if (!lines.empty()) text += (text.empty() ? "" : "\n") + lines;
  });
  return text;
}

}  // namespace neurons
