#include "neurons/data/splits.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "neurons/base/error.hpp"
#include "neurons/base/random.hpp"

namespace neurons {
namespace {

/// Splits draw from a stream of their own, so that one seed can serve a whole run.
constexpr std::uint64_t kStream = 0x73706c6974;  // "split"

/// Fractions that miss 1 by no more than this add up to 1: 0.7 + 0.2 + 0.1 does not in binary.
constexpr double kTolerance = 1e-9;

/// How many of `samples` each part gets; one more part than `fractions` stands at the end: the samples that no part wants.
std::vector<std::int64_t> part_sizes(std::int64_t samples, std::span<const double> fractions) {
  if (samples < 0) fail_input("split: {} samples, expected at least 0", samples);
  std::vector<std::int64_t> sizes;
  double sum = 0;
  std::int64_t used = 0;
  for (const double fraction : fractions) {
    if (!(fraction > 0 && fraction <= 1)) fail_input("split: fraction {} of part {} is not in (0, 1]", fraction, sizes.size());
    sum += fraction;
    if (sum > 1 + kTolerance) fail_input("split: the fractions up to part {} add up to {}, more than 1", sizes.size(), sum);
    const std::int64_t bound = sum > 1 - kTolerance ? samples : std::llround(sum * static_cast<double>(samples));
    sizes.push_back(bound - used);
    used = bound;
  }
  sizes.push_back(samples - used);
  return sizes;
}

Indices shuffled(std::int64_t samples, RandomStream& random) {
  Indices order(static_cast<std::size_t>(samples));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  random.shuffle(std::span(order));
  return order;
}

/// The samples of each class, each in random order, classes by label.
std::vector<Indices> shuffled_classes(std::span<const std::int64_t> labels, RandomStream& random) {
  std::map<std::int64_t, Indices> by_label;
  for (std::size_t i = 0; i < labels.size(); ++i) by_label[labels[i]].push_back(static_cast<std::int64_t>(i));
  std::vector<Indices> classes;
  for (auto& [label, members] : by_label) {
    random.shuffle(std::span(members));
    classes.push_back(std::move(members));
  }
  return classes;
}

/// Drops the part of the unwanted samples, sorts the others and refuses empty ones.
std::vector<Indices> finish(std::vector<Indices> parts, std::int64_t samples, std::span<const double> fractions) {
  parts.pop_back();
  for (std::size_t part = 0; part < parts.size(); ++part) {
    if (parts[part].empty()) {
      fail_input("split: part {} would be empty: a fraction of {} of {} samples; give it a larger fraction", part, fractions[part],
                 samples);
    }
    std::ranges::sort(parts[part]);
  }
  return parts;
}

/// Deals the samples in this order to the folds in turn.
std::vector<Fold> deal(const Indices& order, std::int64_t folds) {
  const auto samples = static_cast<std::int64_t>(order.size());
  if (folds < 2 || folds > samples) {
    fail_input("k-fold: {} folds of {} samples, expected from 2 folds to as many as there are samples", folds, samples);
  }
  std::vector<std::int64_t> fold_of(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    fold_of[static_cast<std::size_t>(order[i])] = static_cast<std::int64_t>(i) % folds;
  }
  std::vector<Fold> result(static_cast<std::size_t>(folds));
  for (std::int64_t sample = 0; sample < samples; ++sample) {
    for (std::int64_t fold = 0; fold < folds; ++fold) {
      auto& [train, test] = result[static_cast<std::size_t>(fold)];
      (fold_of[static_cast<std::size_t>(sample)] == fold ? test : train).push_back(sample);
    }
  }
  return result;
}

}  // namespace

std::vector<Indices> random_split(std::int64_t samples, std::span<const double> fractions, std::uint64_t seed) {
  const auto sizes = part_sizes(samples, fractions);
  RandomStream random(seed, kStream);
  const Indices order = shuffled(samples, random);
  std::vector<Indices> parts;
  auto next = order.begin();
  for (const std::int64_t size : sizes) {
    parts.emplace_back(next, next + size);
    next += size;
  }
  return finish(std::move(parts), samples, fractions);
}

std::vector<Indices> stratified_split(std::span<const std::int64_t> labels, std::span<const double> fractions, std::uint64_t seed) {
  const auto samples = static_cast<std::int64_t>(labels.size());
  // Each class gives each part ⌊fraction · members⌋ samples. What then remains of a class goes, one sample a part, to the parts
  // that are furthest from their size. That meets both the classes' and the parts' sizes (Gale–Ryser: serve the largest demand
  // first).
  std::vector<std::int64_t> wanted = part_sizes(samples, fractions);
  const std::size_t count = wanted.size();
  RandomStream random(seed, kStream);
  const auto classes = shuffled_classes(labels, random);
  std::vector<std::vector<std::int64_t>> taken(classes.size(), std::vector<std::int64_t>(count));
  const double unused = 1 - std::accumulate(fractions.begin(), fractions.end(), 0.0);
  for (std::size_t c = 0; c < classes.size(); ++c) {
    auto left = static_cast<std::int64_t>(classes[c].size());
    for (std::size_t part = 0; part < count; ++part) {
      const double fraction = part < fractions.size() ? fractions[part] : std::max(0.0, unused);
      const double share = std::floor(fraction * static_cast<double>(classes[c].size()));
      taken[c][part] = std::min(left, static_cast<std::int64_t>(share));
      left -= taken[c][part];
      wanted[part] -= taken[c][part];
    }
  }
  std::vector<Indices> parts(count);
  std::vector<std::size_t> by_demand(count);
  std::iota(by_demand.begin(), by_demand.end(), std::size_t{0});
  for (std::size_t c = 0; c < classes.size(); ++c) {
    std::ranges::stable_sort(by_demand, [&](std::size_t a, std::size_t b) { return wanted[a] > wanted[b]; });
    auto rest = static_cast<std::int64_t>(classes[c].size()) - std::accumulate(taken[c].begin(), taken[c].end(), std::int64_t{0});
    for (std::size_t i = 0; rest > 0; ++i, --rest) {
      ++taken[c][by_demand[i % count]];
      --wanted[by_demand[i % count]];
    }
    auto next = classes[c].begin();
    for (std::size_t part = 0; part < count; ++part) {
      parts[part].insert(parts[part].end(), next, next + taken[c][part]);
      next += taken[c][part];
    }
  }
  return finish(std::move(parts), samples, fractions);
}

std::vector<Fold> k_fold(std::int64_t samples, std::int64_t folds, std::uint64_t seed) {
  if (samples < 0) fail_input("k-fold: {} samples, expected at least 0", samples);
  RandomStream random(seed, kStream);
  return deal(shuffled(samples, random), folds);
}

std::vector<Fold> walk_forward(std::int64_t samples, std::int64_t folds) {
  if (folds < 1 || folds >= samples) {
    fail_input("walk-forward: {} folds of {} samples, expected at least 1 and fewer than there are samples", folds, samples);
  }
  const std::int64_t block = samples / (folds + 1);
  std::vector<Fold> result;
  for (std::int64_t fold = 1; fold <= folds; ++fold) {
    auto& [train, test] = result.emplace_back();
    const std::int64_t end = fold == folds ? samples : (fold + 1) * block;
    for (std::int64_t i = 0; i < end; ++i) (i < fold * block ? train : test).push_back(i);
  }
  return result;
}

std::vector<Fold> stratified_k_fold(std::span<const std::int64_t> labels, std::int64_t folds, std::uint64_t seed) {
  RandomStream random(seed, kStream);
  Indices order;
  for (const Indices& members : shuffled_classes(labels, random)) order.insert(order.end(), members.begin(), members.end());
  return deal(order, folds);
}

}  // namespace neurons
