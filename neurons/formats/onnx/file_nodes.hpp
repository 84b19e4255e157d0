#pragma once
/// The nodes of a file while it is written: free names, constants, and what follows open extents.

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "neurons/formats/onnx/model.hpp"
#include "neurons/formats/onnx/variants.hpp"

namespace neurons::onnx {

class FileNodes {
 public:
  /// Both must outlive this. The graph has its inputs before anything follows their extents.
  FileNodes(const Variants& variants, GraphData& graph) : variants_(variants), graph_(graph), open_(variants.open_axes()) {}

  /// A name that no value, or node, has had so far.
  std::string fresh_value(const std::string& wanted) { return fresh(wanted, values_); }
  std::string fresh_node(const std::string& wanted) { return fresh(wanted, nodes_); }
  void take_value(const std::string& name) { values_.insert(name); }
  bool has_node(const std::string& name) const { return nodes_.contains(name); }

  /// These return the name of a value of their own, like `wanted`.
  std::string add(const std::string& op, std::vector<std::string> inputs, const std::string& wanted);
  std::string constant(const std::string& wanted, const Tensor& tensor);
  std::string number(const std::string& wanted, std::int64_t number);
  /// A node of these very names.
  void add_as(const std::string& op, std::vector<std::string> inputs, const std::string& node, const std::string& value);
  /// Of the node that was added last.
  void attribute(AttributeData data) { graph_.nodes.back().attributes.push_back(std::move(data)); }
  /// A list of extents, computed while the model runs: `lists` holds it for each variant. Throws InputError, about `where`, for an
  /// extent that is no multiple of open ones.
  std::string extents(const std::string& where, const std::vector<std::vector<std::int64_t>>& lists, const std::string& wanted);
  /// 0, 1, 2, … for each place along an axis that has these extents in the variants.
  std::string places(const std::string& where, const std::vector<std::int64_t>& extents);

 private:
  static std::string fresh(const std::string& wanted, std::set<std::string>& taken);
  const std::string& open_extent(std::size_t axis);
  std::string extent(const std::string& where, const std::vector<std::int64_t>& values, const std::string& wanted);

  const Variants& variants_;
  GraphData& graph_;
  std::set<std::string> values_;
  std::set<std::string> nodes_;
  std::vector<std::string> open_;                            ///< the values that hold open extents, once they are needed
  std::map<std::vector<std::int64_t>, std::string> places_;  ///< by the extents
};

}  // namespace neurons::onnx
