#include "neurons/plan/plan.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cmath>

#include "neurons/base/error.hpp"
#include "neurons/base/flush_denormals.hpp"
#include "neurons/base/suggest.hpp"

namespace neurons {

void Plan::require_slot(int slot) const {
  if (static_cast<std::size_t>(slot) < instructions_.size()) return;  // a negative one is huge
  fail_input("plan: there is no input slot {}; it was compiled with slots = {}, counted from 0", slot, instructions_.size());
}

TensorView Plan::input(std::string_view name, int slot) const {
  require_slot(slot);
  std::vector<std::string> known;
  for (std::size_t id = 0; id < graph_->values().size(); ++id) {
    const ValueInfo& info = graph_->values()[id];
    if (info.kind != ValueKind::input) continue;
    if (info.name == name) return {info.type.dtype, info.type.shape, addresses_[static_cast<std::size_t>(slot)][id]};
    known.push_back(info.name);
  }
  fail_input("plan: there is no input \"{}\"{}", name, did_you_mean(name, known));
}

TensorView Plan::output(std::string_view name) const {
  std::vector<std::string> known;
  for (const auto& output : graph_->outputs()) {
    const TensorType& type = graph_->info(output.value).type;
    if (output.name == name) return {type.dtype, type.shape, addresses_[0][static_cast<std::size_t>(output.value)]};
    known.push_back(output.name);
  }
  fail_input("plan: there is no output \"{}\"{}", name, did_you_mean(name, known));
}

void Plan::execute(void* context, Worker worker) noexcept {
  const FlushDenormals flush;
  auto& run = *static_cast<Run*>(context);
  const Plan& plan = *run.plan;
  std::byte* scratch = plan.scratch_.get() + static_cast<std::size_t>(worker.index) * plan.scratch_stride_;
  for (const Instruction& step : plan.instructions_[static_cast<std::size_t>(run.slot)]) {
    if (step.barrier && worker.count > 1) plan.team_->barrier();
    if (step.guard && !std::isfinite(*plan.guarded_)) {
      if (worker.index == 0) run.complete = false;
      return;
    }
    if (step.split) {
      step.function(step.arguments, scratch, worker);
    } else if (worker.index == 0) {
      step.function(step.arguments, scratch, Worker{});
    }
  }
}

bool Plan::run(int slot) {
  require_slot(slot);
  for (std::size_t i = 0; i < lengths_.size(); ++i) lengths_[i].require(length_values_[static_cast<std::size_t>(slot)][i]);
  Run run{this, slot, true};
  if (small_ || !team_) {
    execute(&run, Worker{});
  } else if (!paced_) {
    team_->run(execute, &run);
  } else {
    const auto start = std::chrono::steady_clock::now();
    if (pace_.shared()) {
      team_->run(execute, &run);
    } else {
      execute(&run, Worker{});
    }
    pace_.took(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  if (guarded_ != nullptr && run.complete) run.complete = std::isfinite(*guarded_);
  return run.complete;
}

double Plan::flops() const {
  double sum = 0;
  for (const auto& step : steps_) sum += step.flops;
  return sum;
}

std::string to_string(const Plan& plan) {
  std::string text = fmt::format("{:>3} {:<14} {:<44} {:>20} {:>9} {:>9}\n", "#", "layer", "op", "result", "MFLOP", "KiB");
  for (std::size_t i = 0; i < plan.steps().size(); ++i) {
    const PlanStep& step = plan.steps()[i];
    std::string outputs;
    for (const auto& type : step.outputs) outputs += (outputs.empty() ? "" : " ") + type.to_string();
    text += fmt::format("{:>3} {:<14} {:<44} {:>20} {:>9.3f} {:>9.1f}{}{}\n", i, step.name, step.op, outputs, step.flops / 1e6,
                        step.bytes / 1024, step.barrier ? "  after a barrier" : "", step.split ? "" : "  one worker");
    if (!step.detail.empty()) text += fmt::format("      {}\n", step.detail);
    if (!step.states.empty()) text += fmt::format("      states {}\n", fmt::join(step.states, ", "));
    text += fmt::format("      kernel {}{}\n", step.kernel, step.why.empty() ? "" : ": " + step.why);
  }
  return text + fmt::format("{} steps, {:.3f} MFLOP, arena {:.1f} KiB\n", plan.steps().size(), plan.flops() / 1e6,
                            static_cast<double>(plan.arena_bytes()) / 1024);
}

}  // namespace neurons
