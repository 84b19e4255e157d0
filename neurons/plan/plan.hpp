#pragma once
/// A graph made ready to run: kernels chosen, memory laid out, order fixed. Running it allocates nothing.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "neurons/base/thread_team.hpp"
#include "neurons/graph/graph.hpp"
#include "neurons/plan/pace.hpp"
#include "neurons/plan/sequence_lengths.hpp"
#include "neurons/plan/state_store.hpp"

namespace neurons {

struct CompileOptions {
  std::shared_ptr<ThreadTeam> team;  ///< null: run on the caller's thread
  bool lay_out = true;               ///< pack states for their kernels
  bool fuse = true;                  ///< join elementwise ops with what they follow
  int slots = 1;                     ///< sets of input buffers: one can be filled while another is being read
  bool look_only = false;            ///< not to be run: its memory is not taken, and may be more than the machine has
  std::string guard;                 ///< name of a scalar output: a run stops, before any later step, where it is not finite
};

/// A range of memory that a step reads or writes.
struct MemoryRange {
  const std::byte* begin = nullptr;
  const std::byte* end = nullptr;
  bool overlaps(const MemoryRange& other) const { return begin < other.end && other.begin < end; }
};

/// One kernel call and all that is known of it before anything runs.
struct PlanStep {
  std::vector<Call> calls;  ///< one for each input slot
  std::string op;
  std::string name;  ///< the layer it came from
  std::string kernel;
  std::string why;                  ///< why this kernel: the refusals of those before it
  std::string detail;               ///< options, including a fused chain
  std::vector<std::string> states;  ///< those it reads, as they are stored: "w f32[3, 4] as f32[1, 4, 16] (PackPanels)"
  std::vector<TensorType> outputs;
  std::vector<MemoryRange> reads;
  std::vector<MemoryRange> writes;
  double flops = 0;
  double bytes = 0;      ///< read and written
  bool split = false;    ///< shared by all workers; else one runs it
  bool barrier = false;  ///< workers meet before this step
};

class Plan {
 public:
  Plan(Plan&&) noexcept = default;
  Plan& operator=(Plan&&) noexcept = default;

  /// Memory of an input, in one of the slots: fill it before run(). Throws InputError with the nearest name.
  TensorView input(std::string_view name, int slot = 0) const;
  /// Memory of an output, valid after run() until the next one.
  TensorView output(std::string_view name) const;

  /// Runs all steps. False if the guarded value was not finite: no step after it has run, no state has changed since. Allocates
  /// nothing; throws InputError, before anything runs, for a slot that is none and for lengths of sequences that the data does not
  /// have. Denormal numbers count as 0 (base/flush_denormals.hpp).
  bool run(int slot = 0);

  const std::vector<PlanStep>& steps() const { return steps_; }
  const Graph& graph() const { return *graph_; }  ///< as executed: laid out, simplified, fused
  std::size_t arena_bytes() const { return arena_bytes_; }
  double flops() const;
  const std::shared_ptr<ThreadTeam>& team() const { return team_; }

  friend Plan compile(const Graph& graph, std::shared_ptr<StateStore> states, const CompileOptions& options);

 private:
  Plan() = default;
  /// A step as the executor sees it, packed for speed.
  struct Instruction {
    Call::Function function;
    const void* arguments;
    bool split;
    bool barrier;
    bool guard;  ///< look at the guarded value before this step
  };
  struct Run {
    const Plan* plan;
    int slot;
    bool complete;
  };
  static void execute(void* context, Worker worker) noexcept;
  void require_slot(int slot) const;

  std::unique_ptr<Graph> graph_;
  std::shared_ptr<StateStore> states_;
  std::shared_ptr<ThreadTeam> team_;
  std::size_t arena_bytes_ = 0;
  std::shared_ptr<std::byte> arena_;
  std::vector<std::shared_ptr<std::byte>> inputs_;  ///< one for each slot
  std::shared_ptr<std::byte> scratch_;
  std::size_t scratch_stride_ = 0;
  std::vector<std::vector<std::byte*>> addresses_;  ///< [slot][value]
  std::vector<SequenceLengths> lengths_;
  std::vector<std::vector<TensorView>> length_values_;  ///< [slot][of lengths_]
  std::vector<PlanStep> steps_;
  std::vector<std::vector<Instruction>> instructions_;  ///< [slot]
  const float* guarded_ = nullptr;
  bool small_ = true;   ///< not worth waking the team
  bool paced_ = false;  ///< short enough to find out whether it is, run by run
  Pace pace_;
};

/// Lays out, simplifies, fuses, schedules and places a graph. States missing from the store are added as zeros. Throws InputError
/// naming the node that no kernel accepts, with each kernel's reason, and RuntimeError for a plan that the machine's memory cannot
/// hold.
Plan compile(const Graph& graph, std::shared_ptr<StateStore> states, const CompileOptions& options = {});

/// A table of the steps: kernel, shapes, layout of states, FLOPs, bytes, fusion, and why the kernel was chosen.
std::string to_string(const Plan& plan);

}  // namespace neurons
