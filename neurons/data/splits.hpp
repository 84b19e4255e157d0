#pragma once
/// Seeded ways to part samples: each gives sorted lists of sample indices, a pure function of its arguments.

#include <cstdint>
#include <span>
#include <vector>

namespace neurons {

using Indices = std::vector<std::int64_t>;

/// One fold of a cross-validation.
struct Fold {
  Indices train;
  Indices test;
};

/// Disjoint random parts of `samples` samples, part p of about fractions[p] · samples of them (within one). Fractions that add up
/// to 1 use every sample. Throws InputError if a fraction is not in (0, 1], they add up to more than 1, or a part would be empty.
std::vector<Indices> random_split(std::int64_t samples, std::span<const double> fractions, std::uint64_t seed);

/// Like random_split, and each class is shared out in these proportions, too (within one sample per class and part).
std::vector<Indices> stratified_split(std::span<const std::int64_t> labels, std::span<const double> fractions, std::uint64_t seed);

/// `folds` pairs of (all but one part, that part); each sample is tested exactly once. Throws InputError unless
/// 2 ≤ folds ≤ samples.
std::vector<Fold> k_fold(std::int64_t samples, std::int64_t folds, std::uint64_t seed);

/// Like k_fold, with each class spread evenly over the folds (within one sample).
std::vector<Fold> stratified_k_fold(std::span<const std::int64_t> labels, std::int64_t folds, std::uint64_t seed);

/// Folds of samples in the order of time, for walk-forward validation: the samples are cut into folds + 1 blocks, and fold i tests
/// on block i + 1 and trains on all before it; the last block takes what is left over. Throws InputError unless
/// 1 ≤ folds < samples.
std::vector<Fold> walk_forward(std::int64_t samples, std::int64_t folds);

}  // namespace neurons
