#pragma once
/// Tokens as vectors, and where they stand.

#include <optional>

#include "neurons/layers/layer.hpp"

namespace neurons {

class Network;

/// Each token has a vector of its own, which is learnt (Bengio et al. 2003). x: i64 or i32 [batch, …], tokens from 0 to vocabulary
/// - 1; y: [batch, …, width]. Parameter: weight [vocabulary, width]. The gradient reaches the rows of tokens that occur, each a sum
/// in the order of the batch. A token out of range gives NaN, of which training tells; data are checked before. Throws InputError
/// for inputs that are no whole numbers.
struct Embedding {
  static constexpr std::string_view kKind = "embedding";
  std::int64_t vocabulary = 1;
  std::int64_t width = 1;
  std::string initializer = "normal";  ///< see initializers.hpp
  float initializer_value = 1.0F;
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("vocabulary", self.vocabulary);
    visit("width", self.width);
    visit("initializer", self.initializer);
    visit("initializer_value", self.initializer_value);
  }
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

/// The vocabulary of the embedding that reads that input of the network; of several, the smallest. None: no embedding reads it.
std::optional<std::int64_t> vocabulary_of(const Network& network, int input = 0);

/// Adds to step t and feature i a wave of its own (Vaswani et al. 2017): sin(t / period^(i/width)) for even i, cos of the same
/// angle for the feature behind it. x and y: [batch, time, width].
struct PositionalEncoding {
  static constexpr std::string_view kKind = "positional_encoding";
  float period = 10000.0F;
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("period", self.period);
  }
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

/// Adds a learnt vector to each step (Gehring et al. 2017). x and y: [batch, time, width]. Parameter: weight [length, width].
/// Throws InputError for a sequence longer than `length`.
struct LearnedPositions {
  static constexpr std::string_view kKind = "learned_positions";
  std::int64_t length = 0;  ///< of the longest sequence; 0: as long as those that it is built for
  std::string initializer = "normal";
  float initializer_value = 0.02F;
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("length", self.length);
    visit("initializer", self.initializer);
    visit("initializer_value", self.initializer_value);
  }
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

/// Which steps hold something: x i64 [batch, time] tokens; y: bool [batch, time], false at the token that fills up short sequences.
/// Attention and pools over time take it as their last input.
struct PaddingMask {
  static constexpr std::string_view kKind = "padding_mask";
  std::int64_t padding = 0;  ///< the token
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("padding", self.padding);
  }
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};

}  // namespace neurons
