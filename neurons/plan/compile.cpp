#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

#include "neurons/base/aligned_buffer.hpp"
#include "neurons/base/at.hpp"
#include "neurons/base/suggest.hpp"
#include "neurons/graph/rewrite.hpp"
#include "neurons/plan/copy_results.hpp"
#include "neurons/plan/fuse.hpp"
#include "neurons/plan/lay_out.hpp"
#include "neurons/plan/memory.hpp"
#include "neurons/plan/plan.hpp"
#include "neurons/plan/reference_kernel.hpp"
#include "neurons/plan/schedule.hpp"

namespace neurons {
namespace {

/// Below this much work a whole plan runs on one thread: waking the team costs more than it brings.
constexpr double kTeamWork = 1.3e6;
/// Below this much work, some tenths of a millisecond, a plan finds out whether it is faster on the team (Pace).
constexpr double kPacedWork = 3e7;
/// Below this much work a step is not split: a barrier costs more.
constexpr double kSplitWork = 1e5;

/// In the place of an input among OpDef::may_alias' pairs: where nobody reads the output, its buffer may be null.
constexpr int kNoMemory = -1;

/// Where a value's bytes are.
struct Storage {
  enum class Place : std::uint8_t { none, input, state, constant, arena };
  Place place = Place::none;
  int root = -1;  ///< the value whose storage this one shares (itself, as a rule)
};

/// Decides for every value where it lives: shares memory where an op allows it and nobody is surprised.
class StoragePlan {
 public:
  StoragePlan(const Graph& graph, const StepSchedule& schedule)
      : graph_(graph),
        storage_(graph.values().size()),
        last_(graph.values().size(), -1),
        end_(static_cast<int>(schedule.order.size())) {
    std::vector<int> position(graph.nodes().size());
    for (std::size_t i = 0; i < schedule.order.size(); ++i) position[at(schedule.order[i])] = static_cast<int>(i);
    for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
      for (const int id : graph.nodes()[n].inputs) {
        if (id >= 0) last_[at(id)] = std::max(last_[at(id)], position[n]);
      }
    }
    for (const auto& output : graph.outputs()) last_[at(output.value)] = end_;
    for (std::size_t a = 0; a < graph.assignments().size(); ++a) {
      const Assignment& assignment = graph.assignments()[a];
      if (schedule.in_place[a]) {
        target_[assignment.value] = assignment.state;
      } else {
        last_[at(assignment.value)] = end_;
      }
    }
    for (std::size_t id = 0; id < graph.values().size(); ++id) {
      using Place = Storage::Place;
      constexpr Place kPlaces[] = {Place::input, Place::state, Place::constant, Place::none};
      storage_[id] = {kPlaces[static_cast<std::size_t>(graph.values()[id].kind)], static_cast<int>(id)};
    }
    for (const int n : schedule.order) place_outputs(graph.node(n), position[at(n)]);
  }

  const Storage& operator[](int id) const { return storage_[at(id)]; }
  /// Offsets of the roots in the arena.
  ArenaLayout place(const StepSchedule& schedule, std::vector<int>& roots) const {
    std::vector<Lifetime> lifetimes;
    for (std::size_t i = 0; i < schedule.order.size(); ++i) {
      for (const int id : graph_.node(schedule.order[i]).outputs) {
        if (storage_[at(id)].place != Storage::Place::arena || storage_[at(id)].root != id) continue;
        roots.push_back(id);
        const int last = std::max(last_[at(id)], static_cast<int>(i));
        lifetimes.push_back({static_cast<int>(i), last, graph_.info(id).type.bytes()});
      }
    }
    return place_buffers(lifetimes);
  }

 private:
  std::vector<std::pair<int, int>> alias_pairs(const Node& node) const {
    const NodeContext context(graph_, node);
    if (node.op->may_alias) return node.op->may_alias(context.context);
    std::vector<std::pair<int, int>> pairs;
    if (!node.op->elementwise) return pairs;
    for (std::size_t o = 0; o < node.outputs.size(); ++o) {
      for (std::size_t i = 0; i < node.inputs.size(); ++i) {
        const bool same = node.inputs[i] >= 0 && graph_.info(node.inputs[i]).type == graph_.info(node.outputs[o]).type;
        if (same) pairs.emplace_back(static_cast<int>(o), static_cast<int>(i));
      }
    }
    return pairs;
  }

  /// True if `view` may be the memory of the graph's input or constant `source`. A result may not: it must outlive the next input.
  bool shows(int source, int view) const {
    const Storage::Place place = storage_[at(source)].place;
    return (place == Storage::Place::input || place == Storage::Place::constant) && last_[at(view)] < end_ &&
           !target_.contains(view);
  }

  void place_outputs(const Node& node, int position) {
    const auto pairs = alias_pairs(node);
    const auto allows = [&](std::size_t output, int root) {
      // Sharing is safe if every input in that memory is one that this output may overwrite.
      for (std::size_t i = 0; i < node.inputs.size(); ++i) {
        const int id = node.inputs[i];
        if (id < 0 || storage_[at(id)].root != root) continue;
        if (std::ranges::find(pairs, std::pair(static_cast<int>(output), static_cast<int>(i))) == pairs.end()) return false;
      }
      return true;
    };
    std::vector<int> taken;  // roots that an output of this node has already
    for (std::size_t o = 0; o < node.outputs.size(); ++o) {
      const int id = node.outputs[o];
      const bool may_be_absent = std::ranges::find(pairs, std::pair(static_cast<int>(o), kNoMemory)) != pairs.end();
      if (may_be_absent && last_[at(id)] < 0 && !target_.contains(id)) continue;
      storage_[at(id)] = {Storage::Place::arena, id};
      if (node.op->view && o == 0 && shows(node.inputs[0], id)) {
        storage_[at(id)] = storage_[at(node.inputs[0])];
        continue;
      }
      if (node.op->view && o == 0 && storage_[at(node.inputs[0])].place == Storage::Place::arena && !target_.contains(id)) {
        storage_[at(id)] = storage_[at(node.inputs[0])];  // both are read: neither is overwritten before the last of them
        const auto root = at(storage_[at(id)].root);
        last_[root] = std::max(last_[root], last_[at(id)]);
        continue;
      }
      if (const auto target = target_.find(id); target != target_.end()) {
        if (allows(o, target->second)) {
          storage_[at(id)] = {Storage::Place::state, target->second};
          taken.push_back(target->second);
          continue;
        }
        last_[at(id)] = end_;  // its node still reads the old state while it writes: copied when all is done
      }
      for (const auto& [output, input] : pairs) {
        if (at(output) != o || input == kNoMemory) continue;
        const int source = node.inputs[at(input)];
        const Storage& shared = storage_[at(source)];
        if (shared.place != Storage::Place::arena || last_[at(shared.root)] > position || !allows(o, shared.root)) continue;
        if (graph_.info(source).type.bytes() != graph_.info(id).type.bytes() ||
            std::ranges::find(taken, shared.root) != taken.end())
          continue;
        storage_[at(id)] = shared;
        taken.push_back(shared.root);
        last_[at(shared.root)] = std::max(last_[at(shared.root)], last_[at(id)]);
        break;
      }
    }
  }

  const Graph& graph_;
  std::vector<Storage> storage_;
  std::vector<int> last_;      ///< position of the last step that reads the value (or, for a root, any value in it)
  int end_;                    ///< the position after the last step
  std::map<int, int> target_;  ///< value → the state that it becomes in place
};

/// Picks the first kernel that does not refuse, and says why the ones before did.
Kernel choose_kernel(const Graph& graph, const Node& node, std::string& why) {
  const NodeContext context(graph, node);
  for (const Kernel& kernel : node.op->kernels) {
    const std::string reason = kernel.refuse ? kernel.refuse(context.context) : "";
    if (reason.empty()) return kernel;
    why += fmt::format("{}{} refused: {}", why.empty() ? "" : "; ", kernel.name, reason);
  }
  if (node.op->reference) return reference_kernel();
  fail_input("{}: no kernel does it: {}", describe(node), why.empty() ? "it has none" : why);
}

/// Ops without kernel or reference are replaced by what they are made of, which may simplify further.
Graph lower(const Graph& graph) {
  const auto runs = [](const OpDef& op) { return !op.kernels.empty() || op.reference; };
  if (std::ranges::all_of(graph.nodes(), [&](const Node& node) { return runs(*node.op); })) return decompose(graph, runs);
  return simplify(decompose(graph, runs));
}

std::string describe_state(const StateStore& states, const std::string& name, const TensorType& stored) {
  const auto& layout = states.layout(name);
  const std::string plain = fmt::format("{} {}", name, states.type(name).to_string());
  return layout ? fmt::format("{} as {} ({})", plain, stored.to_string(), layout->pack) : plain;
}

MemoryRange range_of(const Buffer& buffer) { return {buffer.data, buffer.data + buffer.type.bytes()}; }

/// Sets the barriers: workers meet where a step touches what an earlier one, possibly on another worker, has written or still
/// reads.
void set_barriers(std::vector<PlanStep>& steps) {
  std::vector<const PlanStep*> since;
  for (PlanStep& step : steps) {
    const auto any = [](const std::vector<MemoryRange>& a, const std::vector<MemoryRange>& b) {
      return std::ranges::any_of(
          a, [&](const MemoryRange& x) { return std::ranges::any_of(b, [&](const MemoryRange& y) { return x.overlaps(y); }); });
    };
    step.barrier = std::ranges::any_of(since, [&](const PlanStep* earlier) {
      if (!step.split && !earlier->split) return false;  // both on worker 0, in order
      return any(step.reads, earlier->writes) || any(step.writes, earlier->writes) || any(step.writes, earlier->reads);
    });
    if (step.barrier) since.clear();
    since.push_back(&step);
  }
}

/// The value of the output that options.guard names; -1 for no guard.
int guarded_value(const Graph& graph, const std::string& guard) {
  if (guard.empty()) return -1;
  std::vector<std::string> known;
  for (const auto& output : graph.outputs()) {
    known.push_back(output.name);
    if (output.name != guard) continue;
    const TensorType& type = graph.info(output.value).type;
    if (type.dtype == DType::f32 && type.shape.elements() == 1) return output.value;
    fail_input("plan: the guarded output \"{}\" is {}, expected one f32", guard, type.to_string());
  }
  fail_input("plan: the guarded output \"{}\" is no output{}", guard, did_you_mean(guard, known));
}

std::shared_ptr<std::byte> allocate(std::size_t bytes) {
  const auto buffer = std::make_shared<AlignedBuffer>(bytes);
  return {buffer, buffer->data()};
}

/// Addresses without memory: pages come as they are touched, and nobody touches them.
std::shared_ptr<std::byte> reserve(std::size_t bytes) {
  const std::size_t mapped = std::max<std::size_t>(1, bytes);
  void* block = ::mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (block == MAP_FAILED) fail_run("a plan of {} bytes is beyond what this machine can address", bytes);
  return {static_cast<std::byte*>(block), [mapped](std::byte* first) { ::munmap(first, mapped); }};
}

}  // namespace

Plan compile(const Graph& graph, std::shared_ptr<StateStore> states, const CompileOptions& options) {
  if (options.slots < 1) fail_input("plan: slots = {} must be at least 1", options.slots);
  for (const ValueInfo& info : graph.values()) {
    if (info.kind != ValueKind::state) continue;
    states->add(info.name, info.type);
    if (const TensorType& known = states->type(info.name); known != info.type) {
      fail_input("plan: state \"{}\" is {}, the store has {}", info.name, info.type.to_string(), known.to_string());
    }
  }
  Plan plan;
  Graph prepared = lower(simplify(graph));
  prepared = options.lay_out ? lay_out(prepared, *states) : simplify(prepared);
  if (options.fuse) prepared = fuse(prepared);
  plan.graph_ = std::make_unique<Graph>(copy_results(prepared));
  plan.states_ = std::move(states);
  plan.team_ = options.team;
  const Graph& final_graph = *plan.graph_;
  const int guard_value = guarded_value(final_graph, options.guard);
  const StepSchedule schedule = make_schedule(final_graph, guard_value);
  const StoragePlan storage(final_graph, schedule);

  std::vector<int> roots;
  const ArenaLayout arena = storage.place(schedule, roots);
  const auto room_for = [](const TensorType& type) { return align_up(std::max<std::size_t>(1, type.bytes())); };
  std::size_t input_bytes = 0;
  std::size_t state_bytes = 0;  // beside the arena: addresses alone, where nothing will run
  for (const ValueInfo& info : final_graph.values()) {
    if (info.kind == ValueKind::input) input_bytes += room_for(info.type);
    if (info.kind == ValueKind::state && options.look_only) state_bytes += room_for(info.type);
  }
  const auto memory = options.look_only ? reserve : allocate;
  plan.arena_bytes_ = arena.bytes;
  plan.arena_ = memory(arena.bytes + state_bytes);
  std::byte* next_state = plan.arena_.get() + arena.bytes;
  const std::size_t count = final_graph.values().size();
  std::vector<std::byte*> base(count, nullptr);
  for (std::size_t r = 0; r < roots.size(); ++r) base[at(roots[r])] = plan.arena_.get() + arena.offsets[r];
  for (std::size_t id = 0; id < count; ++id) {
    const ValueInfo& info = final_graph.values()[id];
    if (info.kind == ValueKind::state) {
      if (const TensorType& stored = plan.states_->stored_type(info.name); stored != info.type) {
        fail_input("state \"{}\" is stored as {}, the plan expects {}", info.name, stored.to_string(), info.type.to_string());
      }
      base[id] =
          options.look_only ? std::exchange(next_state, next_state + room_for(info.type)) : plan.states_->bind(info.name).data;
    }
    if (info.kind == ValueKind::constant) base[id] = const_cast<std::byte*>(info.constant->bytes().data());
  }
  for (int slot = 0; slot < options.slots; ++slot) {
    std::byte* next = plan.inputs_.emplace_back(memory(input_bytes)).get();
    auto& addresses = plan.addresses_.emplace_back(base);
    for (std::size_t id = 0; id < count; ++id) {
      const ValueInfo& info = final_graph.values()[id];
      if (info.kind != ValueKind::input) continue;
      addresses[id] = next;
      next += room_for(info.type);
    }
    for (std::size_t id = 0; id < count; ++id) {
      if (storage[static_cast<int>(id)].place != Storage::Place::none)
        addresses[id] = addresses[at(storage[static_cast<int>(id)].root)];
    }
  }

  const auto buffers = [&](const std::vector<int>& ids, std::size_t slot) {
    std::vector<Buffer> result;
    for (const int id : ids) {
      result.push_back(id < 0 ? Buffer{} : Buffer{plan.addresses_[slot][at(id)], final_graph.info(id).type});
    }
    return result;
  };
  double work = 0;
  std::vector<bool> guards;
  bool guard_next = false;
  for (const int n : schedule.order) {
    const Node& node = final_graph.node(n);
    PlanStep step;
    step.op = node.op->name;
    step.name = node.name;
    step.detail = node.options.to_string();
    const Kernel kernel = choose_kernel(final_graph, node, step.why);
    step.kernel = kernel.name;
    for (std::size_t slot = 0; slot < plan.addresses_.size(); ++slot) {
      const auto inputs = buffers(node.inputs, slot);
      const auto outputs = buffers(node.outputs, slot);
      step.calls.push_back(kernel.prepare({*node.op, node.options, inputs, outputs}));
      for (const Buffer& buffer : outputs) {
        if (slot == 0) step.outputs.push_back(buffer.type);
      }
      if (node.op->view && inputs[0].data == outputs[0].data) continue;  // nothing to do
      for (const Buffer& buffer : inputs) {
        if (buffer) step.reads.push_back(range_of(buffer));
        if (slot == 0) step.bytes += buffer ? static_cast<double>(buffer.type.bytes()) : 0;
      }
      for (const Buffer& buffer : outputs) {
        if (!buffer) continue;
        step.writes.push_back(range_of(buffer));
        if (slot == 0) step.bytes += static_cast<double>(buffer.type.bytes());
      }
    }
    for (const int id : node.inputs) {
      if (id < 0 || final_graph.info(id).kind != ValueKind::state) continue;
      step.states.push_back(describe_state(*plan.states_, final_graph.info(id).name, final_graph.info(id).type));
    }
    const NodeContext context(final_graph, node);
    step.flops = node.op->flops ? node.op->flops(context.context) : static_cast<double>(step.outputs.front().shape.elements());
    const double step_work = step.flops + step.bytes;
    work += step_work;
    step.split = step.calls.front().splits && step_work >= kSplitWork;
    guards.push_back(guard_next);
    guard_next = std::ranges::find(node.outputs, guard_value) != node.outputs.end() && guard_value >= 0;
    plan.steps_.push_back(std::move(step));
  }
  for (std::size_t a = 0; a < final_graph.assignments().size(); ++a) {  // what could not be made in place is copied at the end
    const Assignment& assignment = final_graph.assignments()[a];
    if (storage[assignment.value].root == assignment.state && storage[assignment.value].place == Storage::Place::state) continue;
    const auto ids = std::vector<int>{assignment.value, assignment.state};
    PlanStep step;
    step.op = "assign";
    step.name = final_graph.info(assignment.state).name;
    step.kernel = "copy";
    for (std::size_t slot = 0; slot < plan.addresses_.size(); ++slot) {
      const auto pair = buffers(ids, slot);
      step.calls.push_back(copy_buffer(pair[0], pair[1]));
      step.reads.push_back(range_of(pair[0]));
      step.writes.push_back(range_of(pair[1]));
    }
    step.outputs.push_back(final_graph.info(assignment.state).type);
    step.bytes = 2.0 * static_cast<double>(step.outputs.front().bytes());
    guards.push_back(guard_next);
    guard_next = false;
    plan.steps_.push_back(std::move(step));
  }
  set_barriers(plan.steps_);
  const int workers = plan.team_ ? plan.team_->size() : 1;
  for (std::size_t i = 0; i < plan.steps_.size(); ++i) {
    if (guards[i]) plan.steps_[i].barrier = true;  // all workers see the same value
    for (const Call& call : plan.steps_[i].calls)
      plan.scratch_stride_ = std::max(plan.scratch_stride_, align_up(call.scratch_bytes));
  }
  plan.scratch_ = memory(plan.scratch_stride_ * at(workers));
  for (std::size_t slot = 0; slot < plan.addresses_.size(); ++slot) {
    auto& instructions = plan.instructions_.emplace_back();
    for (std::size_t i = 0; i < plan.steps_.size(); ++i) {
      const PlanStep& step = plan.steps_[i];
      instructions.push_back({step.calls[slot].function, step.calls[slot].arguments.get(), step.split, step.barrier, guards[i]});
    }
  }
  plan.small_ = work < kTeamWork;
  plan.paced_ = workers > 1 && work < kPacedWork;
  if (guard_value >= 0) plan.guarded_ = reinterpret_cast<const float*>(plan.addresses_[0][at(guard_value)]);
  plan.lengths_ = sequence_lengths(graph);
  for (int slot = 0; slot < options.slots; ++slot) {
    auto& values = plan.length_values_.emplace_back();
    for (const SequenceLengths& lengths : plan.lengths_) values.push_back(plan.input(lengths.name, slot));
  }
  return plan;
}

}  // namespace neurons
