#pragma once
/// One option of an op, by name.

#include <string_view>
#include <variant>

#include "neurons/graph/options.hpp"

namespace neurons {

/// Throws InputError where there is none of that name and kind.
template <typename T>
T option_of(const Options& options, std::string_view name) {
  for (const Attribute& entry : options.attributes()) {
    if (entry.name != name) continue;
    if (const T* value = std::get_if<T>(&entry.value)) return *value;
  }
  fail_input("options have no \"{}\" of that kind: {}", name, options.to_string());
}

}  // namespace neurons
