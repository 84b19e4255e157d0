#pragma once
/// Shapes as files state them.

#include <cstdint>
#include <span>
#include <string>

#include "neurons/base/error.hpp"
#include "neurons/tensor/shape.hpp"

namespace neurons {

/// Throws InputError naming the file where the extents are no shape.
inline Shape stored_shape(std::span<const std::int64_t> extents, const std::string& name) {
  try {
    return Shape(extents);
  } catch (const InputError& error) {
    throw InputError(name + ": " + error.what());
  }
}

}  // namespace neurons
