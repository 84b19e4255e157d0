#pragma once
/// Names for the classes of files that number them.

#include "neurons/data/dataset.hpp"

namespace neurons {

/// "0", "1", … up to the largest label of both parts (`test` may be empty). Throws InputError for labels that no one numbers
/// classes by: more than ten times as many classes as labels that occur, as where a byte of a file is damaged.
void name_numbered_classes(Dataset& train, Dataset& test);

}  // namespace neurons
