#include "neurons/plan/pace.hpp"

#include <utility>

namespace neurons {

void Pace::took(double seconds) {
  (tries_ ? try_seconds_ : since_try_) += seconds;
  if (++runs_ == 0) return;
  seconds_ += seconds;
  if (runs_ < (tries_ ? kTryRuns : kRoundRuns) || seconds_ < (tries_ ? kTrySeconds : kRoundSeconds)) return;
  (tries_ ? other_mean_ : usual_mean_) = seconds_ / runs_;
  if (other_mean_ > 0 && other_mean_ < kGain * usual_mean_) {  // the other way becomes the usual one
    std::swap(usual_mean_, other_mean_);
    begin_round(tries_ ? shared_ : !shared_, false);
  } else if (tries_) {
    begin_round(!shared_, false);
  } else if (since_try_ >= kUsualShare * try_seconds_) {
    begin_round(!shared_, true);
  } else {
    begin_round(shared_, false);
  }
}

void Pace::begin_round(bool shared, bool tries) {
  if (tries) try_seconds_ = 0;
  if (tries_ && !tries) since_try_ = 0;
  runs_ = shared == shared_ ? 0 : -1;
  shared_ = shared;
  tries_ = tries;
  seconds_ = 0;
}

}  // namespace neurons
