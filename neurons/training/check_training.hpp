#pragma once
/// Whether network, data and options fit together, before anything is made of them.

#include "neurons/training/trainer.hpp"

namespace neurons {

/// Throws InputError with the first misfit.
void check_training(const Network& network, const Dataset& data, const TrainOptions& options);

/// Throws InputError unless `judged`, which the network does not learn from, fits it and the training data.
void check_judged(const Network& network, const Dataset& data, const Dataset& judged, const Loss& loss);

/// Throws InputError unless the network takes the data's samples as its only input.
void check_inputs(const Network& network, const Dataset& data);

}  // namespace neurons
