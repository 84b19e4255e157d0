#include "neurons/graph/options.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>

#include "neurons/base/suggest.hpp"

namespace neurons {
namespace {

struct Printer {
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(std::int64_t value) const { return fmt::format("{}", value); }
  /// As short as tells it: most numbers come from floats, where 0.01 is 0.009999999776….
  std::string operator()(double value) const {
    const auto narrow = static_cast<float>(value);
    return static_cast<double>(narrow) == value ? fmt::format("{}", narrow) : fmt::format("{}", value);
  }
  std::string operator()(const std::string& value) const { return fmt::format("\"{}\"", value); }
  std::string operator()(const std::vector<std::int64_t>& value) const { return fmt::format("[{}]", fmt::join(value, ", ")); }
  std::string operator()(const std::vector<double>& value) const { return list(value); }
  std::string operator()(const std::vector<std::string>& value) const { return list(value); }
  std::string operator()(const Tensor& value) const {
    constexpr std::int64_t kShown = 8;
    if (value.elements() > kShown) return value.type().to_string();
    const Tensor numbers = value.cast(DType::f64);
    return fmt::format("{}{{{}}}", value.type().to_string(), fmt::join(numbers.values<double>(), ", "));
  }
  template <typename T>
  std::string list(const std::vector<T>& values) const {
    std::string text;
    for (const T& value : values) text += (text.empty() ? "" : ", ") + (*this)(value);
    return "[" + text + "]";
  }
};

}  // namespace

std::string to_string(const AttributeValue& value) { return std::visit(Printer{}, value); }

namespace detail {

DType dtype_from_name(std::string_view name) {
  constexpr std::array kAll = {DType::f32, DType::f64, DType::i32, DType::i64, DType::u8, DType::boolean};
  for (const DType dtype : kAll) {
    if (name_of(dtype) == name) return dtype;
  }
  fail_input("\"{}\" is no element type; expected f32, f64, i32, i64, u8 or bool", name);
}

void fail_attribute(std::string_view name, const AttributeValue& value, std::string_view expected) {
  fail_input("{} = {}: expected {}", name, neurons::to_string(value), expected);
}

void fail_unknown_field(std::string_view name, const std::vector<std::string>& known) {
  if (known.empty()) fail_input("unknown option \"{}\"; it takes none", name);
  fail_input("unknown option \"{}\"{} (known: {})", name, did_you_mean(name, known), fmt::join(known, ", "));
}

}  // namespace detail

std::vector<std::string> Options::names() const {
  std::vector<std::string> names;
  for (const auto& attribute : attributes()) names.push_back(attribute.name);
  return names;
}

bool Options::operator==(const Options& other) const {
  return model_ == other.model_ || (model_->type() == other.model_->type() && attributes() == other.attributes());
}

std::string Options::to_string() const {
  std::string text;
  for (const auto& [name, value] : attributes()) {
    text += fmt::format("{}{}={}", text.empty() ? "" : ", ", name, neurons::to_string(value));
  }
  return text;
}

}  // namespace neurons
