#pragma once
/// One graph for several choices of the extents that a file leaves open: what follows them shows by how it differs.

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "neurons/graph/graph.hpp"

namespace neurons::onnx {

/// The axes that may be open: the first ones of the first input, in their order.
inline constexpr std::array<std::string_view, 2> kOpenAxes = {"batch", "time"};

struct Variant {
  Graph graph;
  std::vector<std::int64_t> open;  ///< extents of the open axes
};

/// What each of the lists holds at that place.
std::vector<std::int64_t> column(const std::vector<std::vector<std::int64_t>>& lists, std::size_t index);

class Variants {
 public:
  explicit Variants(std::vector<Variant> all) : all_(std::move(all)) {}

  const Graph& first() const { return all_.front().graph; }
  std::size_t open_axes() const { return all_.front().open.size(); }

  /// What `get` gives of each variant's graph.
  template <typename Get>
  auto each(const Get& get) const {
    std::vector<std::decay_t<decltype(get(first()))>> found;
    for (const Variant& variant : all_) found.push_back(get(variant.graph));
    return found;
  }
  template <typename Get>
  bool is_same(const Get& get) const {
    return std::ranges::all_of(all_, [&](const Variant& other) { return get(other.graph) == get(first()); });
  }

  /// Throws InputError, about `where`, unless what is there can be the same, or written, for all variants.
  void require(bool same, const std::string& where) const;

  /// `times` the product of the extents of open axes.
  struct Multiple {
    std::int64_t times = 1;
    std::vector<std::size_t> axes;  ///< none: a number
  };
  /// What has these values in the variants; nothing where it follows the open axes in another way.
  std::optional<Multiple> multiple(const std::vector<std::int64_t>& values) const;

 private:
  std::vector<Variant> all_;
};

}  // namespace neurons::onnx
