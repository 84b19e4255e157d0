#pragma once
/// The options of an op: one plain struct per op, seen through one generic interface.
///
/// An options struct lists its fields once:
///
///     struct SoftmaxOptions {
///       std::int64_t axis = -1;
///       template <typename Self, typename Visitor>
///       static void fields(Self& self, Visitor&& visit) { visit("axis", self.axis); }
///     };
///
/// and printing, comparing, spec keys and ONNX attributes all follow from that.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <variant>
#include <vector>

#include "neurons/base/error.hpp"
#include "neurons/tensor/tensor.hpp"

namespace neurons {

/// What a field may hold, in the open form.
using AttributeValue = std::variant<bool, std::int64_t, double, std::string, std::vector<std::int64_t>, std::vector<double>,
                                    std::vector<std::string>, Tensor>;

struct Attribute {
  std::string name;
  AttributeValue value;
  bool operator==(const Attribute&) const = default;
};
using Attributes = std::vector<Attribute>;

/// "axis=-1" values as text: numbers plain, strings quoted, lists in brackets, tensors by type (small ones by value).
std::string to_string(const AttributeValue& value);

namespace detail {

/// The open form of a field's value, and back.
template <typename T>
AttributeValue to_attribute(const T& value) {
  if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, std::string> || std::is_same_v<T, Tensor> ||
                std::is_same_v<T, std::vector<std::int64_t>> || std::is_same_v<T, std::vector<std::string>>) {
    return value;
  } else if constexpr (std::is_same_v<T, DType>) {
    return std::string(name_of(value));
  } else if constexpr (requires { value.to_attribute(); }) {  // a type of its own that says how it is written
    return value.to_attribute();
  } else if constexpr (std::is_integral_v<T>) {
    return static_cast<std::int64_t>(value);
  } else if constexpr (std::is_floating_point_v<T>) {
    return static_cast<double>(value);
  } else {
    static_assert(std::is_same_v<T, std::vector<float>>, "an options field of a type that attributes do not know");
    return std::vector<double>(value.begin(), value.end());
  }
}

/// Stores `value` in the field. Throws InputError naming the field where the kind does not fit (integers are taken for numbers).
template <typename T>
void from_attribute(std::string_view name, const AttributeValue& value, T& field);

/// What messages call a value of this type.
template <typename T>
constexpr std::string_view kind_of() {
  if constexpr (std::is_same_v<T, std::string>) return "a text";
  if constexpr (std::is_same_v<T, std::vector<std::int64_t>>) return "a list of integers";
  if constexpr (std::is_same_v<T, std::vector<std::string>>) return "a list of texts";
  return "a tensor";
}

DType dtype_from_name(std::string_view name);
[[noreturn]] void fail_attribute(std::string_view name, const AttributeValue& value, std::string_view expected);

template <typename T>
void from_attribute(std::string_view name, const AttributeValue& value, T& field) {
  if constexpr (std::is_same_v<T, DType>) {
    if (const auto* text = std::get_if<std::string>(&value)) return void(field = dtype_from_name(*text));
    fail_attribute(name, value, "an element type");
  } else if constexpr (requires { field.from_attribute(value); }) {
    if (!field.from_attribute(value)) fail_attribute(name, value, T::kExpected);
  } else if constexpr (std::is_same_v<T, bool>) {
    if (const auto* flag = std::get_if<bool>(&value)) return void(field = *flag);
    if (const auto* number = std::get_if<std::int64_t>(&value); number != nullptr && (*number == 0 || *number == 1)) {
      return void(field = *number == 1);
    }
    fail_attribute(name, value, "true or false");
  } else if constexpr (std::is_integral_v<T>) {
    const auto* number = std::get_if<std::int64_t>(&value);
    if (number != nullptr && std::in_range<T>(*number)) return void(field = static_cast<T>(*number));
    fail_attribute(name, value, number == nullptr ? "an integer" : "a smaller integer");
  } else if constexpr (std::is_floating_point_v<T>) {
    if (const auto* number = std::get_if<double>(&value)) return void(field = static_cast<T>(*number));
    if (const auto* number = std::get_if<std::int64_t>(&value)) return void(field = static_cast<T>(*number));
    fail_attribute(name, value, "a number");
  } else if constexpr (std::is_same_v<T, std::vector<float>>) {
    if (const auto* list = std::get_if<std::vector<double>>(&value)) return field.assign(list->begin(), list->end());
    if (const auto* list = std::get_if<std::vector<std::int64_t>>(&value)) return field.assign(list->begin(), list->end());
    fail_attribute(name, value, "a list of numbers");
  } else {
    if (const auto* same = std::get_if<T>(&value)) return void(field = *same);
    fail_attribute(name, value, kind_of<T>());
  }
}

}  // namespace detail

/// For ops without options.
struct NoOptions {
  template <typename Self, typename Visitor>
  static void fields(Self&, Visitor&&) {}
};

/// The open form of any struct with `fields`.
template <typename T>
Attributes attributes_of(const T& options) {
  Attributes result;
  T::fields(options, [&](std::string_view name, const auto& field) {
    result.push_back({std::string(name), detail::to_attribute(field)});
  });
  return result;
}

/// The names of a struct's fields.
template <typename T>
std::vector<std::string> field_names() {
  std::vector<std::string> names;
  const T defaults{};
  T::fields(defaults, [&](std::string_view name, const auto&) { names.emplace_back(name); });
  return names;
}

/// A copy of `defaults` with the given fields set. Throws InputError for a name that is no field, or a value of the wrong kind.
template <typename T>
T options_from(T defaults, const Attributes& attributes);

/// An immutable value of some op's options struct. Cheap to copy.
class Options {
 public:
  Options() : Options(NoOptions{}) {}
  template <typename T>
  requires(!std::is_same_v<std::decay_t<T>, Options>) Options(T value)
      : model_(std::make_shared<const Model<T>>(std::move(value))) {}  // implicit: a struct *is* options

  /// The struct. Throws InputError if it is of another type.
  template <typename T>
  const T& as() const {
    if (const auto* model = dynamic_cast<const Model<T>*>(model_.get())) return model->value;
    fail_input("options of type {}: expected {}", model_->type().name(), typeid(T).name());
  }
  Attributes attributes() const { return model_->attributes(); }
  /// These options with the given fields replaced.
  Options with(const Attributes& attributes) const { return model_->with(attributes); }
  std::vector<std::string> names() const;
  bool operator==(const Options& other) const;
  /// `axis=-1, keep_dims=true`
  std::string to_string() const;

 private:
  struct Concept {
    virtual ~Concept() = default;
    virtual Attributes attributes() const = 0;
    virtual Options with(const Attributes& attributes) const = 0;
    virtual const std::type_info& type() const = 0;
  };
  template <typename T>
  struct Model final : Concept {
    explicit Model(T initial) : value(std::move(initial)) {}
    Attributes attributes() const override { return attributes_of(value); }
    Options with(const Attributes& given) const override { return Options(options_from(value, given)); }
    const std::type_info& type() const override { return typeid(T); }
    T value;
  };
  std::shared_ptr<const Concept> model_;
};

namespace detail {
[[noreturn]] void fail_unknown_field(std::string_view name, const std::vector<std::string>& known);
}

template <typename T>
T options_from(T defaults, const Attributes& attributes) {
  for (const auto& attribute : attributes) {
    bool found = false;
    T::fields(defaults, [&](std::string_view name, auto& field) {
      if (name != attribute.name) return;
      found = true;
      detail::from_attribute(name, attribute.value, field);
    });
    if (!found) detail::fail_unknown_field(attribute.name, field_names<T>());
  }
  return defaults;
}

}  // namespace neurons
