#pragma once
/// Tables of kinds: structs with `kKind` held by one type (Layer, Loss, …), by the names that specs use.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "neurons/base/error.hpp"
#include "neurons/base/suggest.hpp"

namespace neurons {

/// Each kind with its defaults, by name.
template <typename Held, typename... Kinds>
std::map<std::string, Held> table_of_kinds() {
  return {{std::string(Kinds::kKind), Held(Kinds{})}...};
}

/// The entry of that name. Throws InputError "unknown WHAT …" with the nearest name.
template <typename Held>
const Held& find_kind(const std::map<std::string, Held>& kinds, std::string_view what, const std::string& kind) {
  if (const auto found = kinds.find(kind); found != kinds.end()) return found->second;
  std::vector<std::string> known;
  for (const auto& [name, held] : kinds) known.push_back(name);
  fail_input("unknown {} \"{}\"{}", what, kind, nearest_or_all(kind, known));
}

}  // namespace neurons
