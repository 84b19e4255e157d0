#pragma once
/// The ops that a graph may use, by name.

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace neurons {

struct OpDef;

/// A set of ops. The built-in one is `ops::table()`; a program adds its own ops to a copy.
class OpTable {
 public:
  /// Adds an op. Throws InputError if the name is taken or a required field is missing.
  const OpDef& add(OpDef op);
  /// The op of that name. Throws InputError with the nearest name.
  const OpDef& find(std::string_view name) const;
  bool has(std::string_view name) const { return ops_.contains(std::string(name)); }
  /// All ops in order of their names.
  std::vector<const OpDef*> all() const;

 private:
  std::map<std::string, std::shared_ptr<const OpDef>> ops_;
};

}  // namespace neurons
