#pragma once
/// Small helpers for layers' build functions.

#include "neurons/layers/layer.hpp"

namespace neurons {

/// The layer's only input. Throws InputError if there are several or none.
Value single_input(BuildContext& context, const std::vector<Value>& inputs);

/// `value` under another shape of as many elements.
Value reshape(Value value, const Shape& shape);

}  // namespace neurons
