#pragma once
/// Layers made of other layers: parts, built inside the layer that has them.

#include <string>
#include <vector>

#include "neurons/layers/layer.hpp"

namespace neurons {

/// The result of `part` as a part of the layer that is being built: its parameters are called "LAYER.NAME.weight", its messages
/// begin with "LAYER.NAME", and its randomness is its own.
Value build_part(BuildContext& context, const std::string& name, const Layer& part, const std::vector<Value>& inputs);

}  // namespace neurons
