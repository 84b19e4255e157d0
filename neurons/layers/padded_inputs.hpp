#pragma once
/// Which inputs of a network are sequences whose padding another input tells of.

#include <vector>

#include "neurons/layers/network.hpp"

namespace neurons {

/// Calls of a network that are inputs.
struct PaddedInput {
  int call = -1;  ///< f32 [batch, time, features]
  int mask = -1;  ///< its mask bool [batch, time], that of its pairs [batch, time, time], or lengths [batch]
};

/// Those that reach, step by step, a layer that takes that mask: through calls whose values are [batch, time, …] as the input is.
/// A layer with weights in between would else take what stands in padding into its weights' gradient: 0 · NaN is NaN. Of an input
/// that several masks are for, the first counts.
std::vector<PaddedInput> padded_inputs(const Network& network);

}  // namespace neurons
