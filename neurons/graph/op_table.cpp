#include "neurons/graph/op_table.hpp"

#include "neurons/base/error.hpp"
#include "neurons/base/suggest.hpp"
#include "neurons/graph/op.hpp"

namespace neurons {

const OpDef& OpTable::add(OpDef op) {
  if (op.name.empty()) fail_input("an op without a name");
  if (!op.infer) fail_input("op {}: has no infer function", op.name);
  if (!op.reference && !op.decompose) fail_input("op {}: needs a reference or a decomposition", op.name);
  if (!op.internal && !op.gradient && !op.decompose && op.not_differentiable.empty()) {
    fail_input("op {}: needs a gradient rule, a decomposition, or the reason why it has none", op.name);
  }
  const auto [place, added] = ops_.emplace(op.name, std::make_shared<const OpDef>(op));
  if (!added) fail_input("op {}: is in the table already", op.name);
  return *place->second;
}

const OpDef& OpTable::find(std::string_view name) const {
  if (const auto found = ops_.find(std::string(name)); found != ops_.end()) return *found->second;
  std::vector<std::string> known;
  for (const auto& [key, op] : ops_) known.push_back(key);
  fail_input("unknown op \"{}\"{}", name, did_you_mean(name, known));
}

std::vector<const OpDef*> OpTable::all() const {
  std::vector<const OpDef*> result;
  for (const auto& [key, op] : ops_) result.push_back(op.get());
  return result;
}

}  // namespace neurons
