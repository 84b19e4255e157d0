#include "neurons/training/schedules.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "neurons/graph/kinds.hpp"

namespace neurons {
namespace {

double epoch_of(const Progress& progress) {
  const std::int64_t whole_epochs = progress.step / std::max<std::int64_t>(1, progress.steps_per_epoch);
  return static_cast<double>(whole_epochs);
}

/// From `from` at t = 0 to `to` at t = 1 along half a cosine.
double half_cosine(double from, double to, double t) {
  return to + (from - to) * (1 + std::cos(std::numbers::pi * std::clamp(t, 0.0, 1.0))) / 2;
}

void require(bool holds, std::string_view kind, std::string_view name, double value, std::string_view rule) {
  if (!holds) fail_input("schedule {}: {} = {} must be {}", kind, name, value, rule);
}

bool is_share(double value) { return value >= 0 && value <= 1; }

}  // namespace

void StepDecay::check() const {
  require(epochs >= 1, kKind, "epochs", static_cast<double>(epochs), "at least 1");
  require(decay > 0 && decay <= 1, kKind, "decay", decay, "above 0 and at most 1");
}

double StepDecay::factor(const Progress& progress) const {
  return std::pow(decay, std::floor(epoch_of(progress) / static_cast<double>(epochs)));
}

void ExponentialDecay::check() const { require(decay > 0 && decay <= 1, kKind, "decay", decay, "above 0 and at most 1"); }

double ExponentialDecay::factor(const Progress& progress) const { return std::pow(decay, epoch_of(progress)); }

void Cosine::check() const { require(is_share(final_factor), kKind, "final_factor", final_factor, "between 0 and 1"); }

double Cosine::factor(const Progress& progress) const {
  const double total = static_cast<double>(std::max<std::int64_t>(1, progress.total_steps));
  return half_cosine(1, final_factor, static_cast<double>(progress.step) / total);
}

void OneCycle::check() const {
  require(is_share(start_factor), kKind, "start_factor", start_factor, "between 0 and 1");
  require(peak_share > 0 && peak_share < 1, kKind, "peak_share", peak_share, "between 0 and 1, neither included");
  require(is_share(final_factor), kKind, "final_factor", final_factor, "between 0 and 1");
}

double OneCycle::factor(const Progress& progress) const {
  const double step = static_cast<double>(progress.step);
  const double total = static_cast<double>(std::max<std::int64_t>(1, progress.total_steps));
  const double peak = peak_share * total - 1;  // steps count from 0: the peak is one of them
  if (step < peak) return half_cosine(start_factor, 1, step / peak);
  return half_cosine(1, final_factor, (step - peak) / (total - 1 - peak));
}

void ReduceOnPlateau::check() const {
  require(decay > 0 && decay < 1, kKind, "decay", decay, "between 0 and 1, neither included");
  require(patience >= 0, kKind, "patience", static_cast<double>(patience), "at least 0");
  require(threshold >= 0, kKind, "threshold", threshold, "at least 0");
  require(is_share(minimum_factor), kKind, "minimum_factor", minimum_factor, "between 0 and 1");
}

PlateauState ReduceOnPlateau::next(PlateauState state, double validation_loss) const {
  const double margin = std::isfinite(state.best) ? threshold * std::abs(state.best) : 0;
  if (validation_loss < state.best - margin) return {state.factor, validation_loss, 0};
  ++state.bad_epochs;
  if (state.bad_epochs <= patience) return state;
  return {std::max(state.factor * decay, minimum_factor), state.best, 0};
}

double warm_up_factor(std::int64_t step, std::int64_t warm_up_steps) {
  if (warm_up_steps < 0) fail_input("warm_up_steps = {} must be at least 0", warm_up_steps);
  if (step + 1 >= warm_up_steps) return 1;
  return static_cast<double>(step + 1) / static_cast<double>(warm_up_steps);
}

const std::map<std::string, Schedule>& schedule_kinds() {
  static const auto kKinds = table_of_kinds<Schedule, Constant, StepDecay, ExponentialDecay, Cosine, OneCycle, ReduceOnPlateau>();
  return kKinds;
}

const Schedule& schedule_of_kind(const std::string& kind) { return find_kind(schedule_kinds(), "schedule", kind); }

}  // namespace neurons
