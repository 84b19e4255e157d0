#pragma once
/// Layers that rearrange or join values without parameters.

#include "neurons/layers/layer.hpp"

namespace neurons {

/// [batch, …] → [batch, product of the rest].
struct Flatten {
  static constexpr std::string_view kKind = "flatten";
  template <typename Self, typename Visitor>
  static void fields(Self&, Visitor&&) {}
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

/// [batch, …] → [batch, shape…], as many elements a sample.
struct Reshape {
  static constexpr std::string_view kKind = "reshape";
  std::vector<std::int64_t> shape{};
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("shape", self.shape);
  }
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

/// Sum of all inputs (broadcasting): the joint of a skip connection.
struct Add {
  static constexpr std::string_view kKind = "add";
  template <typename Self, typename Visitor>
  static void fields(Self&, Visitor&&) {}
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

/// Product of all inputs (broadcasting): a gate.
struct Multiply {
  static constexpr std::string_view kKind = "multiply";
  template <typename Self, typename Visitor>
  static void fields(Self&, Visitor&&) {}
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

/// Inputs side by side along `axis`, counted with the batch as axis 0.
struct Concatenate {
  static constexpr std::string_view kKind = "concatenate";
  std::int64_t axis = 1;
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("axis", self.axis);
  }
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

}  // namespace neurons
