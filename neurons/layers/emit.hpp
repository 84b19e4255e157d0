#pragma once
/// Small helpers for layers' build functions.

#include "neurons/layers/layer.hpp"

namespace neurons {

/// The layer's only input. Throws InputError if there are several or none.
Value single_input(BuildContext& context, const std::vector<Value>& inputs);

/// `x` if it is a sequence [batch, time, features] of floats. Throws InputError otherwise.
Value sequence_input(BuildContext& context, Value x);

/// Which steps of x [batch, time, …] exist, bool [batch, time]: what is `given`, or the first ones, as many as the whole numbers
/// `given` [batch] say. Throws InputError for anything else.
Value step_mask(BuildContext& context, Value x, Value given);

/// Whether a value is such a mask, or lengths, and no sequence.
bool is_step_mask(const Value& given);

/// x [batch, time, …] with 0 in the steps where `mask` bool [batch, time] is false: whatever stands there, NaN included,
/// reaches no sum and no gradient.
Value existing_steps(Value x, Value mask);

/// The first `count` rows of a value.
Value first_steps(Value value, std::int64_t count);

/// `value` under another shape of as many elements.
Value reshape(Value value, const Shape& shape);

}  // namespace neurons
