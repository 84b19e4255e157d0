#pragma once
/// A model as one graph from the numbers that a person has to the numbers that a person is told.

#include <string>
#include <vector>

#include "neurons/spec/model.hpp"

namespace neurons {

/// What the numbers are, for people.
struct RawNumbers {
  std::string input;
  std::vector<std::string> input_names;  ///< of one sample, or step; may be empty
  std::string output;
  std::vector<std::string> output_names;  ///< may be empty
};

struct RawGraph {
  Graph graph;
  RawNumbers numbers;
};

/// `network`, a graph of the model's network for a batch of one (of the whole or, in series, of one step), with what neurons
/// predict does around it: bytes of pictures, columns of a table and steps of a series in their own units go in (a text as the
/// index of its level, a token by its number); probabilities of classes or values in the target's own unit come out of the first
/// output. The others, states and assignments stay.
RawGraph with_raw_numbers(const Graph& network, const Model& model);

}  // namespace neurons
