#pragma once
/// Small helpers for layers' build functions.

#include "neurons/layers/layer.hpp"

namespace neurons {

/// The layer's only input. Throws InputError if there are several or none.
Value single_input(BuildContext& context, const std::vector<Value>& inputs);

/// `value` under another shape of as many elements.
Value reshape(Value value, const Shape& shape);

/// An op with some options set, the others default.
Value emit_with(Graph& graph, std::string_view op, std::initializer_list<Value> inputs, const Attributes& options);

}  // namespace neurons
