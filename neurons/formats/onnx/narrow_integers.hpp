#pragma once
/// Integers that a file keeps in fewer bits than we do: int8, int16 and uint16 are i32 here, uint32 is i64. So is uint64, where
/// constants from 2^63 on are negative: right for what wraps around, refused where their order counts.

#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "neurons/formats/onnx/model.hpp"
#include "neurons/graph/graph.hpp"

namespace neurons::onnx {

class NodeContext;

/// Which values of a graph stand for narrower integers. Arithmetic on these wraps around as it does in their own type.
class NarrowIntegers {
 public:
  /// Says what the file calls a value's elements.
  void note(const Value& value, ElementType type);
  /// The type in the file, where it is narrower.
  std::optional<ElementType> of(const Value& value) const;
  /// Notes the types of a node's outputs, and wraps them where it is one of arithmetic. Throws InputError where it orders, divides
  /// or converts a constant of uint64 from 2^63 on.
  void settle(const NodeContext& node, std::vector<Value>& outputs);

 private:
  std::unordered_map<int, ElementType> types_;  ///< by Value::id
  std::unordered_set<int> large_;               ///< constants of uint64 from 2^63 on
};

/// The least and the largest number of an integer type that is at most 32 bits wide.
struct IntegerRange {
  std::int64_t least = 0;
  std::int64_t largest = 0;
};
std::optional<IntegerRange> range_of(ElementType type);

}  // namespace neurons::onnx
