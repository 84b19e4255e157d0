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
  const auto of_a_step = with_time(network, 1).parameter_types();
  const auto of_all = network.parameter_types();
  for (std::size_t i = 0; i < of_all.size(); ++i) {
    if (of_a_step[i] == of_all[i]) continue;
    fail_input(
        "stream: some layer other than the recurrent ones sees more than one step, as {} {} does, which would be {} for one step; "
        "so the network cannot go step by step",
        of_all[i].first, of_all[i].second.to_string(), of_a_step[i].second.to_string());
  }
}

std::shared_ptr<StateStore> parameters_of(const Network& network) {
  auto states = std::make_shared<StateStore>(network.table());
  for (const auto& [name, type] : network.parameter_types()) states->set(name, network.parameter(name));
  return states;
}

}  // namespace

/// Parameters and a plan of one step.
struct StreamCopy {
  std::shared_ptr<StateStore> states;
  Plan plan;
  TensorView input;
  TensorView output;
  std::vector<std::span<std::byte>> memory;

  StreamCopy(const CarriedGraph& step, const Network& network)
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

/// Three copies of everything: the one that runs, the newest, and the one that can be written.
struct Stream::Machine {
  explicit Machine(const Network& network)
      : types(network.parameter_types()), vocabulary(vocabulary_of(network).value_or(std::numeric_limits<std::int64_t>::max())) {
    const CarriedGraph step = step_graph(network);
    for (std::optional<StreamCopy>& copy : copies) copy.emplace(step, network);
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

  StreamCopy& running() { return *copies[static_cast<std::size_t>(reader)]; }

  /// Takes the newest copy, with what the one before remembers.
  void take_over() noexcept {
    StreamCopy& before = running();
    reader = newest.exchange(reader, std::memory_order_acq_rel) & ~kFresh;
    StreamCopy& after = running();
    for (std::size_t i = 0; i < after.memory.size(); ++i) std::ranges::copy(before.memory[i], after.memory[i].begin());
  }

  std::vector<std::pair<std::string, TensorType>> types;
  std::int64_t vocabulary;  ///< tokens are below
  std::array<std::optional<StreamCopy>, 3> copies;
  int reader = 0;              ///< of the thread that calls step()
  int writer = 1;              ///< of the thread that swaps weights
  std::atomic<int> newest{2};  ///< with kFresh if nobody has taken it
};

namespace {

/// Small numbers in place of the parameters that are trained: whatever reaches the output shows, and errors die out from step to
/// step.
void draw_parameters(Network& network) {
  RandomStream random(2);
  network.initialize(1);
  for (const auto& [name, type] : network.trained_parameters()) {
    Tensor drawn(type);
    const std::int64_t rows = type.shape.rank() < 2 ? type.shape.elements() : type.shape[0];
    const double scale = 0.7 / std::sqrt(std::max(1.0, static_cast<double>(type.shape.elements()) / static_cast<double>(rows)));
    for (float& value : drawn.values<float>()) value = static_cast<float>(scale * random.normal());
    network.set_parameter(name, std::move(drawn));
  }
}

void draw_input(const TensorView& x, std::optional<std::int64_t> vocabulary) {
  RandomStream random(1);
  if (x.dtype == DType::i64) {
    for (std::int64_t& token : x.values<std::int64_t>())
      token = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(vocabulary.value_or(2))));
  } else {
    for (float& value : x.values<float>()) value = static_cast<float>(random.normal());
  }
}

/// Throws unless step by step comes what the whole sequence gives. That is a matter of layers and wiring: parameters are drawn, so
/// that it holds for all.
void require_step_by_step(const Network& given) {
  constexpr std::int64_t kFewest = 3;  // steps that can tell
  Network network = with_time(given, std::max(kFewest, given.inputs().front().sample[0]));
  draw_parameters(network);
  const std::int64_t time = network.inputs().front().sample[0];
  Graph graph(network.table());
  network.build(graph, 1, Mode::inference);
  Plan whole = compile(graph, parameters_of(network));
  const TensorView x = whole.input(network.inputs().front().name);
  draw_input(x, vocabulary_of(network));
  whole.run();
  const auto y = whole.output(network.outputs().front().name).values<float>();
  StreamCopy one(step_graph(network), network);
  const std::span<const std::byte> steps = x.bytes();
  const std::size_t width = one.input.bytes().size();
  const auto said = one.output.values<float>();
  const bool every_step = y.size() == static_cast<std::size_t>(time) * said.size();
  for (std::size_t t = 0; t < static_cast<std::size_t>(time); ++t) {
    std::ranges::copy(steps.subspan(t * width, width), one.input.bytes().begin());
    one.plan.run();
    if (!every_step && t + 1 < static_cast<std::size_t>(time)) continue;
    const auto expected = every_step ? y.subspan(t * said.size(), said.size()) : y;
    if (std::ranges::equal(said, expected, [](float a, float b) { return std::fabs(a - b) <= 1e-4F * (1 + std::fabs(b)); }))
      continue;
    fail_input("stream: some layer other than the recurrent ones sees more than one step, so the network cannot go step by step");
  }
}

}  // namespace

Stream::Stream(const Network& network) {
  require_streamable(network);
  machine_ = std::make_unique<Machine>(network);
  require_step_by_step(network);
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
