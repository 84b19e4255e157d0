#pragma once
/// Layers that see one step of a sequence at a time.

#include <string>
#include <string_view>
#include <vector>

#include "neurons/layers/network.hpp"

namespace neurons {

/// A block of layers applied to each step of [batch, time, …] by itself, with the same parameters: what they make of a batch [rows,
/// …] they make of the steps of all sequences at once. Its layers are ordinary layers of the network, named after the block
/// ("time_distributed1.fold_time", "time_distributed1.conv2d1", "time_distributed1.unfold_time"). Folding moves no number. A mask
/// bool [batch, time] behind the sequences says which steps exist (see PaddingMask): the others are read as 0 and give 0.
///
///     const TimeDistributed each_picture{{Conv2d{8, 3}, Relu{}, Flatten{}}};
///     auto features = network.add(each_picture, {film});  // [time, channels, height, width] to [time, features]
struct TimeDistributed {
  static constexpr std::string_view kKind = "time_distributed";
  std::vector<Layer> body;

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("body", self.body);
  }
  /// `from`: the sequences and, if there is padding, a mask. The name is the kind and a number unless given. Throws InputError for
  /// an empty body.
  Network::Tap add_to(Network& network, const std::vector<Network::Tap>& from, std::string name = "") const;
};

/// How the block begins, for blocks of another make: [batch, time, …] and perhaps a mask to [batch · time, …].
struct FoldTime {
  static constexpr std::string_view kKind = "fold_time";
  static constexpr bool kTakesMask = true;
  template <typename Self, typename Visitor>
  static void fields(Self&, Visitor&&) {}
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

/// How it ends: y [batch · time, …], and what was folded, to [batch, time, …].
struct UnfoldTime {
  static constexpr std::string_view kKind = "unfold_time";
  template <typename Self, typename Visitor>
  static void fields(Self&, Visitor&&) {}
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

}  // namespace neurons
