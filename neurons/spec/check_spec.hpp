#pragma once
/// The gradients of a spec's network and loss, checked on the spec's own data.

#include <vector>

#include "neurons/spec/prepare.hpp"
#include "neurons/training/gradient_check.hpp"

namespace neurons {

/// check_gradients() of the network with its initial weights (the spec's seed) and the spec's loss on the first `rows` training
/// samples; on random ones where the spec names no data. Throws InputError where they do not fit together.
std::vector<GradientCheck> check_gradients(const PreparedSpec& prepared, std::int64_t rows,
                                           const GradientCheckOptions& options = {});

}  // namespace neurons
