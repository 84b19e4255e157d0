#pragma once
/// How a model ends: what makes probabilities of its scores.

#include <cstdint>

#include "neurons/graph/graph.hpp"

namespace neurons::onnx {

/// What the numbers of a value are, along its last axis of more than one.
enum class Ending : std::uint8_t {
  unknown,     ///< no operator tells
  shares,      ///< probabilities of classes, which sum to 1
  logarithms,  ///< of such
  each,        ///< probabilities, each for itself
};

struct Scores {
  Ending ending = Ending::unknown;
  Value value;  ///< of y's shape: what losses want in its place; y where no operator tells
};

/// The scores of which y makes probabilities by Softmax, LogSoftmax, Sigmoid, their logarithms and exponentials, or [1 - p, p].
/// Seen through are operators that change no number and leave classes beside each other.
Scores scores_of(Value y);

}  // namespace neurons::onnx
