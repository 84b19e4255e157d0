#pragma once
/// Numbers that change places: every op whose results are elements of its input, in whichever order.

#include <string>
#include <vector>

#include "neurons/formats/c/c_function.hpp"

namespace neurons::c {

/// So many elements along an axis, and how far apart they are in x and in y.
struct MoveAxis {
  std::int64_t count = 1;
  std::int64_t from = 0;
  std::int64_t to = 0;
  bool operator==(const MoveAxis&) const = default;
};

/// Writes calls that copy y[Σ i · to] = x[Σ i · from] for all i.
void write_move(CFunction& function, const std::vector<MoveAxis>& axes, const std::string& x, const std::string& y);

/// "place + 3", or "place" for 0.
std::string at_offset(const std::string& place, std::int64_t offset);

/// The axes along which an operand of `shape` repeats its numbers to be of shape `result`.
std::vector<MoveAxis> broadcast_axes(const Shape& shape, const Shape& result);

/// Writes a node that gives elements of input 0 in another order, some more than once, some not at all; what else it reads is
/// known. The order is what the op's reference makes of the elements' numbers.
void write_reordered(CFunction& function);

}  // namespace neurons::c
