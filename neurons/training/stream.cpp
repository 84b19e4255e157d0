#include "neurons/training/stream.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "neurons/base/error.hpp"
#include "neurons/layers/embedding.hpp"
#include "neurons/layers/step_graph.hpp"
#include "neurons/plan/plan.hpp"

namespace neurons {
namespace {

constexpr int kFresh = 4;  // a bit above the numbers of the three copies

void require_streamable(const Network& network) {
  const bool one = network.inputs().size() == 1;
  const bool numbers = one && network.inputs().front().dtype == DType::f32 && network.inputs().front().sample.rank() == 2;
  const bool tokens = one && network.inputs().front().dtype == DType::i64 && network.inputs().front().sample.rank() == 1;
  if (!numbers && !tokens) fail_input("stream: expects a network with one input [time, features] of numbers, or [time] of tokens");
  if (!network.initialized()) fail_input("stream: the network has no parameters yet; train it, or call initialize()");
}

std::shared_ptr<StateStore> parameters_of(const Network& network) {
  auto states = std::make_shared<StateStore>(network.table());
  for (const auto& [name, type] : network.parameter_types()) states->set(name, network.parameter(name));
  return states;
}

}  // namespace

struct Stream::Machine {
  /// One of three copies of everything: the one that runs, the newest, and the one that can be written.
  struct Copy {
    std::shared_ptr<StateStore> states;
    Plan plan;
    TensorView input;
    TensorView output;
    std::vector<std::span<std::byte>> memory;

    Copy(const StepGraph& step, const Network& network)
        : states(parameters_of(network)),
          plan(compile(step.graph, states)),
          input(plan.input(network.inputs().front().name)),
          output(plan.output(network.outputs().front().name)) {
      for (const std::string& name : step.memory) {
        const Buffer buffer = states->bind(name);
        const auto elements = static_cast<std::size_t>(buffer.type.shape.elements());
        memory.emplace_back(buffer.data, elements * sizeof(float));
      }
    }
  };

  explicit Machine(const Network& network)
      : types(network.parameter_types()), vocabulary(vocabulary_of(network).value_or(std::numeric_limits<std::int64_t>::max())) {
    const StepGraph step = step_graph(network);
    for (std::optional<Copy>& copy : copies) copy.emplace(step, network);
  }

  /// The copy that makes the next step, and what that step reads.
  template <typename T>
  std::span<T> next_input() {
    if ((newest.load(std::memory_order_relaxed) & kFresh) != 0) take_over();
    return running().input.values<T>();
  }
  std::span<const float> run() {
    running().plan.run();
    return running().output.values<float>();
  }

  Copy& running() { return *copies[static_cast<std::size_t>(reader)]; }

  /// Takes the newest copy, with what the one before remembers.
  void take_over() noexcept {
    Copy& before = running();
    reader = newest.exchange(reader, std::memory_order_acq_rel) & ~kFresh;
    Copy& after = running();
    for (std::size_t i = 0; i < after.memory.size(); ++i) std::ranges::copy(before.memory[i], after.memory[i].begin());
  }

  std::vector<std::pair<std::string, TensorType>> types;
  std::int64_t vocabulary;  ///< tokens are below
  std::array<std::optional<Copy>, 3> copies;
  int reader = 0;              ///< of the thread that calls step()
  int writer = 1;              ///< of the thread that swaps weights
  std::atomic<int> newest{2};  ///< with kFresh if nobody has taken it
};

namespace {

/// Throws unless step by step comes what the whole sequence gives.
void require_step_by_step(Stream& stream, const Network& network) {
  const std::int64_t time = network.inputs().front().sample[0];
  Graph graph(network.table());
  network.build(graph, 1, Mode::inference);
  Plan whole = compile(graph, parameters_of(network));
  const TensorView x = whole.input(network.inputs().front().name);
  const bool tokens = x.dtype == DType::i64;
  RandomStream random(1);
  if (tokens) {
    const auto vocabulary = static_cast<std::uint64_t>(vocabulary_of(network).value_or(2));
    for (std::int64_t& token : x.values<std::int64_t>()) token = static_cast<std::int64_t>(random.below(vocabulary));
  } else {
    for (float& value : x.values<float>()) value = static_cast<float>(random.normal());
  }
  whole.run();
  const auto y = whole.output(network.outputs().front().name).values<float>();
  const auto features = static_cast<std::size_t>(stream.features());
  const auto outputs = static_cast<std::size_t>(stream.outputs());
  const bool every_step = y.size() == static_cast<std::size_t>(time) * outputs;
  for (std::size_t t = 0; t < static_cast<std::size_t>(time); ++t) {
    const auto said =
        tokens ? stream.step(x.values<std::int64_t>()[t]) : stream.step(x.values<float>().subspan(t * features, features));
    if (!every_step && t + 1 < static_cast<std::size_t>(time)) continue;
    const auto expected = every_step ? y.subspan(t * outputs, outputs) : y;
    if (std::ranges::equal(said, expected, [](float a, float b) { return std::fabs(a - b) <= 1e-3F * (1 + std::fabs(b)); }))
      continue;
    fail_input("stream: some layer other than the recurrent ones sees more than one step, so the network cannot go step by step");
  }
  stream.reset();
}

}  // namespace

Stream::Stream(const Network& network) {
  require_streamable(network);
  machine_ = std::make_unique<Machine>(network);
  require_step_by_step(*this, network);
}

Stream::~Stream() = default;
Stream::Stream(Stream&&) noexcept = default;
Stream& Stream::operator=(Stream&&) noexcept = default;

std::int64_t Stream::features() const noexcept { return machine_->running().input.shape.elements(); }
std::int64_t Stream::outputs() const noexcept { return machine_->running().output.shape.elements(); }

std::span<const float> Stream::step(std::span<const float> features) {
  if (machine_->running().input.dtype != DType::f32)
    fail_input("stream: the network reads tokens, but {} numbers are given", features.size());
  const auto input = machine_->next_input<float>();
  if (features.size() != input.size()) {
    fail_input("stream: a step has {} features, but {} are given", input.size(), features.size());
  }
  std::ranges::copy(features, input.begin());
  return machine_->run();
}

std::span<const float> Stream::step(std::int64_t token) {
  if (machine_->running().input.dtype != DType::i64)
    fail_input("stream: the network reads {} numbers a step, not a token", features());
  if (token < 0 || token >= machine_->vocabulary) {
    fail_input("stream: token {} is none of 0 … {}", token, machine_->vocabulary - 1);
  }
  machine_->next_input<std::int64_t>().front() = token;
  return machine_->run();
}

void Stream::reset() noexcept {
  for (const auto& memory : machine_->running().memory) std::ranges::fill(memory, std::byte{});
}

void Stream::swap_weights(const Network& network) {
  Machine& machine = *machine_;
  if (network.parameter_types() != machine.types || !network.initialized()) {
    fail_input("stream: the parameters are not those of the network that this stream was made of");
  }
  StateStore& states = *machine.copies[static_cast<std::size_t>(machine.writer)]->states;
  for (const auto& [name, type] : machine.types) states.set(name, network.parameter(name));
  machine.writer = machine.newest.exchange(machine.writer | kFresh, std::memory_order_acq_rel) & ~kFresh;
}

}  // namespace neurons
