#pragma once
/// Graph values for functions that are defined piecewise.

#include "neurons/graph/graph.hpp"

namespace neurons::ops {

/// A scalar of the element type of `like`.
Value number_like(Value like, double number);

/// condition ? yes : no, element by element. A number takes the type of the other alternative; two numbers are f32.
Value choose(Value condition, Value yes, Value no);
Value choose(Value condition, double yes, double no);
Value choose(Value condition, Value yes, double no);
Value choose(Value condition, double yes, Value no);

/// x > bound and x < bound.
Value above(Value x, double bound);
Value below(Value x, double bound);

/// exp(min(x, 0)): for the part of a function left of 0, finite also where that part is not chosen.
Value exp_of_negative_part(Value x);

}  // namespace neurons::ops
