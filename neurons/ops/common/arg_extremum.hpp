#pragma once
/// ArgMax and ArgMin, which differ in a sign.

#include <string>

#include "neurons/graph/op.hpp"

namespace neurons::ops {

/// The i64 place of the largest (`sign` = 1) or smallest (-1) element along an axis: of equals the first, or the last where the
/// options say so; NaN comes before all.
OpDef arg_extremum(std::string name, std::string summary, int sign);

}  // namespace neurons::ops
