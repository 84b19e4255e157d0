#pragma once
/// The schedules. Each is a factor on the optimiser's learning rate and a pure function of Progress; epochs count from 0. Where
/// PyTorch has a scheduler of that meaning, the factors agree with it. Numbers that make no sense throw InputError when the
/// Schedule is made.

#include <limits>

#include "neurons/training/schedule.hpp"

namespace neurons {

/// 1, always.
struct Constant {
  static constexpr std::string_view kKind = "constant";
  template <typename Self, typename Visitor>
  static void fields(Self&, Visitor&&) {}
  void check() const {}
  double factor(const Progress&) const { return 1; }
};

/// decay^⌊epoch / epochs⌋: the rate falls by a factor every so many epochs (PyTorch's StepLR).
struct StepDecay {
  static constexpr std::string_view kKind = "step";
  std::int64_t epochs = 10;  ///< between two falls
  double decay = 0.1;        ///< in (0, 1]

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("epochs", self.epochs);
    visit("decay", self.decay);
  }
  void check() const;
  double factor(const Progress& progress) const;
};

/// decay^epoch (PyTorch's ExponentialLR).
struct ExponentialDecay {
  static constexpr std::string_view kKind = "exponential";
  double decay = 0.95;  ///< in (0, 1]

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("decay", self.decay);
  }
  void check() const;
  double factor(const Progress& progress) const;
};

/// Half a cosine over the whole training, step by step, t = step / total_steps: final + (1 - final) · (1 + cos πt) / 2 (Loshchilov
/// & Hutter: "SGDR: stochastic gradient descent with warm restarts", 2017, without restarts; PyTorch's CosineAnnealingLR).
struct Cosine {
  static constexpr std::string_view kKind = "cosine";
  double final_factor = 0;  ///< in [0, 1]

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("final_factor", self.final_factor);
  }
  void check() const;
  double factor(const Progress& progress) const;
};

/// Up along half a cosine from `start_factor` to 1, reached after `peak_share` of all steps, then down along another one to
/// `final_factor` at the last step (Smith & Topin: "Super-convergence", 2019; PyTorch's OneCycleLR). The optimiser's learning rate
/// is the peak.
struct OneCycle {
  static constexpr std::string_view kKind = "one_cycle";
  double start_factor = 0.04;  ///< in [0, 1]
  double peak_share = 0.3;     ///< in (0, 1)
  double final_factor = 4e-6;  ///< in [0, 1]

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("start_factor", self.start_factor);
    visit("peak_share", self.peak_share);
    visit("final_factor", self.final_factor);
  }
  void check() const;
  double factor(const Progress& progress) const;
};

/// What ReduceOnPlateau has learnt from the validation losses so far: three numbers, to be kept in checkpoints.
struct PlateauState {
  double factor = 1;
  double best = std::numeric_limits<double>::infinity();
  std::int64_t bad_epochs = 0;  ///< since the best loss or the last fall of the rate
  bool operator==(const PlateauState&) const = default;
};

/// The rate falls by a factor after more than `patience` epochs in a row without a better validation loss (PyTorch's
/// ReduceLROnPlateau, threshold relative). As a Schedule its factor is 1: the rate depends on losses, not on Progress alone.
/// Whoever owns the loop keeps a PlateauState, gives it next() once an epoch, and multiplies by its factor:
///
///     if (const auto* plateau = schedule.get<ReduceOnPlateau>()) state = plateau->next(state, validation_loss);
struct ReduceOnPlateau {
  static constexpr std::string_view kKind = "reduce_on_plateau";
  double decay = 0.1;          ///< in (0, 1)
  std::int64_t patience = 10;  ///< epochs
  double threshold = 1e-4;     ///< a loss is better if below best - threshold · |best|
  double minimum_factor = 0;   ///< in [0, 1]

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("decay", self.decay);
    visit("patience", self.patience);
    visit("threshold", self.threshold);
    visit("minimum_factor", self.minimum_factor);
  }
  void check() const;
  double factor(const Progress&) const { return 1; }
  /// The state after one more epoch. NaN is never better.
  PlateauState next(PlateauState state, double validation_loss) const;
};

/// A factor that rises linearly over the first updates: (step + 1) / warm_up_steps, then 1. 0 steps: 1 from the start (Goyal et
/// al.: "Accurate, large minibatch SGD", 2017).
double warm_up_factor(std::int64_t step, std::int64_t warm_up_steps);

}  // namespace neurons
