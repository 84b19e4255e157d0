#pragma once
/// What lasts between runs: parameters, optimiser state, running statistics. Each is kept in the layout its kernels want and is
/// seen from outside in plain row-major form.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "neurons/graph/op.hpp"
#include "neurons/graph/op_table.hpp"
#include "neurons/tensor/tensor.hpp"

namespace neurons {

/// Named tensors shared by all plans of one network. Not thread-safe; do not touch it while a plan runs.
class StateStore {
 public:
  explicit StateStore(std::shared_ptr<const OpTable> table) : table_(std::move(table)) {}

  bool has(std::string_view name) const { return entries_.contains(std::string(name)); }
  std::vector<std::string> names() const;
  const TensorType& type(std::string_view name) const { return find(name).type; }
  /// The plain form. Throws InputError with the nearest name if there is none.
  Tensor get(std::string_view name) const;
  /// Adds a state of zeros, if there is none of that name; its memory is taken when it is read, set or bound.
  void add(std::string_view name, const TensorType& type);
  /// Sets the plain form; adds the state if it is new. Throws InputError if a state of another type is there.
  void set(std::string_view name, const Tensor& plain);
  const std::shared_ptr<const OpTable>& table() const { return table_; }

  /// The rest is for compile().
  /// The layout in which the state is stored; null for plain.
  const std::optional<Layout>& layout(std::string_view name) const { return find(name).layout; }
  /// True once a plan holds the state's address: its layout is then fixed.
  bool is_bound(std::string_view name) const { return find(name).bound; }
  /// Changes the layout of an unbound state.
  void lay_out(std::string_view name, const Layout& layout);
  /// Of the stored form.
  const TensorType& stored_type(std::string_view name) const { return find(name).stored_type; }
  /// The stored form's memory, fixed from now on.
  Buffer bind(std::string_view name);

 private:
  struct Entry {
    TensorType type;  ///< plain
    TensorType stored_type;
    std::optional<Layout> layout;
    std::optional<Tensor> stored;  ///< nothing: zeros
    bool bound = false;
  };
  const Entry& find(std::string_view name) const;
  std::shared_ptr<const OpTable> table_;
  std::map<std::string, Entry> entries_;
};

/// What a one-input op gives for a tensor of that type.
TensorType type_after(const OpDef& op, const Options& options, const TensorType& input);
/// The result of a one-input op on one tensor, on this thread.
Tensor apply(const OpDef& op, const Options& options, const Tensor& input);

}  // namespace neurons
