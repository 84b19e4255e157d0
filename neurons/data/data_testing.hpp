#pragma once
/// What the tests of this room share.

#include <filesystem>

#include "neurons/base/testing.hpp"

namespace neurons::testing {

/// The folder data/ of this project.
inline std::filesystem::path bundled() { return std::filesystem::path(NEURONS_SOURCE_DIR) / "data"; }

}  // namespace neurons::testing
