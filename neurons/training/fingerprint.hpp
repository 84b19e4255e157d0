#pragma once
/// What a training run depends on, item by item: a checkpoint continues only the run that it was made by.

#include <map>
#include <string>

#include "neurons/training/trainer.hpp"

namespace neurons {

/// Item ("layer dense1", "batch_size", "data inputs") to what it is, in words. Equal for runs that take the same course.
using Fingerprint = std::map<std::string, std::string>;

Fingerprint fingerprint_of(const Network& network, const Dataset& data, const TrainOptions& options);

/// Throws InputError naming `source` and the first item that differs.
void require_same(const Fingerprint& saved, const Fingerprint& current, const std::string& source);

}  // namespace neurons
