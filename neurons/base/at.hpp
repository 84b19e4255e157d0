#pragma once
/// An index that is never negative, of the type that containers take.

#include <cstddef>

namespace neurons {

constexpr std::size_t at(int index) { return static_cast<std::size_t>(index); }

}  // namespace neurons
