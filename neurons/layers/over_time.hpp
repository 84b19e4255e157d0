#pragma once
/// One vector from the steps of a sequence. All take x [batch, time, features] and, behind it, a mask bool [batch, time] if there
/// is padding (see PaddingMask), and give [batch, features]; of a sequence of padding alone, 0.

#include "neurons/layers/layer.hpp"

namespace neurons {

/// The last step, or the last that is no padding.
struct LastStep {
  static constexpr std::string_view kKind = "last_step";
  static constexpr bool kTakesMask = true;
  template <typename Self, typename Visitor>
  static void fields(Self&, Visitor&&) {}
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

/// The mean of all steps that are no padding.
struct MeanOverTime {
  static constexpr std::string_view kKind = "mean_over_time";
  static constexpr bool kTakesMask = true;
  template <typename Self, typename Visitor>
  static void fields(Self&, Visitor&&) {}
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

/// The mean of all steps, weighted by softmax of how well each agrees with a vector that is learnt. Parameter: weight [features], 0
/// at the start: then the plain mean.
struct AttentionPool {
  static constexpr std::string_view kKind = "attention_pool";
  static constexpr bool kTakesMask = true;
  template <typename Self, typename Visitor>
  static void fields(Self&, Visitor&&) {}
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

}  // namespace neurons
