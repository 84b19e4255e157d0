#pragma once
/// Whether a plan's runs shall be shared by the team: as it turns out to be faster.

namespace neurons {

/// Runs on one thread give the same bits as on many, so the faster way may be found by trying. Where other programs keep the team's
/// cores, a member that is kept from its core holds all others up for milliseconds, many times what a short run takes on one
/// thread. Runs come in rounds that go one way; now and then a short round goes the other way. A hundredth of the time goes into
/// that.
class Pace {
 public:
  /// Whether the next run is for the team.
  bool shared() const { return shared_; }
  /// What the run has taken.
  void took(double seconds);

 private:
  /// A round is long enough for other programs to have had their turns in it.
  static constexpr double kRoundSeconds = 0.1;  ///< a single pause of some milliseconds counts little
  static constexpr double kTrySeconds = 0.01;   ///< the system may need some of it to give each member a core
  static constexpr int kRoundRuns = 8;
  static constexpr int kTryRuns = 2;
  static constexpr double kUsualShare = 100;  ///< times what the last try took, until the next
  static constexpr double kGain = 0.95;       ///< of the time, for which it changes its way

  void begin_round(bool shared, bool tries);

  bool shared_ = true;
  bool tries_ = false;
  int runs_ = -1;          ///< of this round: the first, for which members wake up, does not count
  double seconds_ = 0;     ///< of those runs
  double usual_mean_ = 0;  ///< seconds a run of the last round that was no try
  double other_mean_ = 0;  ///< of the last round the other way; 0: there was none
  double since_try_ = 0;
  double try_seconds_ = 0;
};

}  // namespace neurons
