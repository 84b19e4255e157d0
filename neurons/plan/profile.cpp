#include "neurons/plan/profile.hpp"

#include <algorithm>
#include <chrono>

#include "neurons/base/aligned_buffer.hpp"
#include "neurons/base/error.hpp"
#include "neurons/base/flush_denormals.hpp"

namespace neurons {
namespace {

using Clock = std::chrono::steady_clock;

struct Profile {
  const Plan* plan;
  std::byte* scratch;
  std::size_t stride;                        ///< bytes of scratch for each worker
  std::vector<std::vector<double>> seconds;  ///< [step][run]
};

void run_timed(void* context, Worker worker) noexcept {
  const FlushDenormals flush;
  auto& profile = *static_cast<Profile*>(context);
  ThreadTeam* team = worker.count > 1 ? profile.plan->team().get() : nullptr;
  std::byte* scratch = profile.scratch + static_cast<std::size_t>(worker.index) * profile.stride;
  const auto meet = [&] {
    if (team != nullptr) team->barrier();
  };
  const auto& steps = profile.plan->steps();
  for (std::size_t run = 0; run < profile.seconds.front().size(); ++run) {
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const Call& call = steps[i].calls.front();
      meet();
      const auto start = Clock::now();
      if (steps[i].split) {
        call.function(call.arguments.get(), scratch, worker);
      } else if (worker.index == 0) {
        call.function(call.arguments.get(), scratch, Worker{});
      }
      meet();
      if (worker.index == 0) profile.seconds[i][run] = std::chrono::duration<double>(Clock::now() - start).count();
    }
  }
}

}  // namespace

std::vector<double> profile(const Plan& plan, int runs) {
  if (runs < 1) fail_input("profile: runs = {} must be at least 1", runs);
  if (plan.steps().empty()) return {};
  std::size_t stride = 0;
  for (const PlanStep& step : plan.steps()) stride = std::max(stride, align_up(step.calls.front().scratch_bytes));
  const int workers = plan.team() ? plan.team()->size() : 1;
  AlignedBuffer scratch(stride * static_cast<std::size_t>(workers));
  Profile profile{&plan, scratch.data(), stride, {}};
  profile.seconds.assign(plan.steps().size(), std::vector<double>(static_cast<std::size_t>(runs)));
  if (plan.team()) {
    plan.team()->run(run_timed, &profile);
  } else {
    run_timed(&profile, Worker{});
  }
  std::vector<double> medians;
  for (std::vector<double>& seconds : profile.seconds) {
    const auto middle = seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 2);
    std::ranges::nth_element(seconds, middle);
    medians.push_back(*middle);
  }
  return medians;
}

}  // namespace neurons
