#pragma once
/// The values of a graph that do not depend on its input.

#include <map>
#include <vector>

#include "neurons/graph/graph.hpp"

namespace neurons::c {

/// Constants, and what is computed of constants alone. The graph must outlive it.
class KnownValues {
 public:
  explicit KnownValues(const Graph& graph);

  bool has(int id) const { return id >= 0 && known_[static_cast<std::size_t>(id)]; }
  /// Throws InputError if the value is not known, or by an op that has no reference.
  const Tensor& operator[](int id);

 private:
  const Graph& graph_;
  std::vector<bool> known_;
  std::map<int, Tensor> computed_;
};

}  // namespace neurons::c
