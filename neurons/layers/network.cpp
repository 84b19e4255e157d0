#include "neurons/layers/network.hpp"

#include <algorithm>

#include "neurons/base/at.hpp"
#include "neurons/base/machine_memory.hpp"
#include "neurons/base/suggest.hpp"
#include "neurons/layers/attention.hpp"
#include "neurons/layers/emit.hpp"
#include "neurons/layers/padded_inputs.hpp"
#include "neurons/layers/parameter_pattern.hpp"
#include "neurons/layers/shapes.hpp"
#include "neurons/ops/ops.hpp"

namespace neurons {
namespace {

/// FNV-1a: a stream number from a name.
std::uint64_t hash_name(std::string_view name) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

const std::string kStep = "step";

/// Names stand in tables and messages, and begin the names of files' tensors.
void require_printable(std::string_view what, const std::string& name) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; };
  if (std::ranges::any_of(name, is_control)) fail_input("network: the {} name \"{}\" holds a control character", what, name);
}

/// The joint of a residual block: two inputs of one shape.
struct Joint {
  static constexpr std::string_view kKind = Add::kKind;
  template <typename Self, typename Visitor>
  static void fields(Self&, Visitor&&) {}
  Value build(BuildContext& context, const std::vector<Value>& inputs) const {
    if (inputs[0].shape() != inputs[1].shape()) {
      fail_input("{}: the body gives {}, what is led around it is {}; give the block a projection to that shape",
                 context.graph().scope(), inputs[0].shape().to_string(), inputs[1].shape().to_string());
    }
    return inputs[0] + inputs[1];
  }
};

}  // namespace

/// Runs the layers' build functions; hands out parameters as graph states.
class Network::Builder : public BuildContext {
 public:
  using OnParameter = std::function<void(const std::string&, const ParameterSpec&)>;
  Builder(const Network& network, Graph& graph, Mode mode, OnParameter on_parameter)
      : network_(network), graph_(graph), mode_(mode), on_parameter_(std::move(on_parameter)) {}

  std::vector<Value> run(std::int64_t batch) {
    std::vector<Value> values(network_.calls_.size());
    std::size_t next_input = 0;
    for (std::size_t c = 0; c < values.size(); ++c) {
      if (network_.calls_[c].layer >= 0) continue;
      const Input& input = network_.inputs_[next_input++];
      std::vector<std::int64_t> extents(input.sample.extents().begin(), input.sample.extents().end());
      extents.insert(extents.begin(), batch);
      values[c] = graph_.input(input.name, {input.dtype, Shape(std::span<const std::int64_t>(extents))});
    }
    std::vector<Value> read = values;  // what layers see of each
    if (!as_given_) enter(read);
    for (std::size_t c = 0; c < values.size(); ++c) {
      const Call& call = network_.calls_[c];
      if (call.layer < 0) continue;
      current_ = &network_.layers_[at(call.layer)];
      call_ = static_cast<int>(c);
      graph_.set_scope(current_->name);
      std::vector<Value> inputs;
      for (const int from : call.from) inputs.push_back(read[at(from)]);
      read[c] = values[c] = build_layer(inputs);
    }
    graph_.set_scope("");
    for (const Output& output : network_.outputs_) graph_.output(output.name, values[at(output.call)]);
    return values;
  }

  /// Layers then see inputs as they are, padding included.
  void take_inputs_as_given() { as_given_ = true; }

  Graph& graph() override { return graph_; }
  Mode mode() const override { return mode_; }
  std::uint64_t layer_seed() const override { return network_.seed_ ^ hash_name(current_->name); }

  Value parameter(const std::string& name, const ParameterSpec& spec) override {
    const std::string full = full_name(name);
    const TensorType type{DType::f32, spec.shape};
    if (graph_.has(full)) {  // a shared layer, called again
      const Value known = graph_.find(full);
      if (known.type() != type) fail_misfit(full, known.type().shape, spec);
      return known;
    }
    const auto set = network_.parameters_.find(full);
    if (set != network_.parameters_.end() && set->second.type() != type) fail_misfit(full, set->second.shape(), spec);
    check(spec.initializer);
    if (on_parameter_) on_parameter_(full, spec);
    return graph_.state(full, type);
  }

  bool is_frozen(const std::string& name) const override { return network_.is_frozen(full_name(name)); }

  Value step() override { return graph_.has(kStep) ? graph_.find(kStep) : graph_.input(kStep, {DType::i64, {}}); }

  Following following() const override {
    for (const Call& call : network_.calls_) {
      if (call.layer < 0 || std::ranges::find(call.from, call_) == call.from.end()) continue;
      const Layer& layer = network_.layers_[at(call.layer)].layer;
      if (layer.is_activation()) return {layer.kind(), layer.negative_slope()};
    }
    return {};
  }

 private:
  std::string full_name(const std::string& name) const {
    return current_->layer.names_parameters() ? name : current_->name + "." + name;
  }

  /// Of inputs whose padding is known layers read 0 there.
  void enter(std::vector<Value>& inputs) {
    for (const PaddedInput& padded : padded_inputs(network_)) {
      Value& input = inputs[at(padded.call)];
      graph_.set_scope(network_.name_of_call(padded.call));
      input = existing_steps(input, steps_in_use(*this, input, inputs[at(padded.mask)]));
    }
  }

  /// The current layer's result. All errors name the layer, or the file of one that brings a model of its own.
  Value build_layer(const std::vector<Value>& inputs) {
    try {
      return current_->layer.build(*this, inputs);
    } catch (const InputError& error) {
      const std::string_view message = error.what();
      const bool named = message.starts_with(current_->name + ": ") || message.starts_with(current_->name + ".");
      if (named || current_->layer.names_parameters()) throw;
      throw InputError(fmt::format("{}: {}", current_->name, message));
    }
  }

  /// What the current call reads: "dense1", "x and conv2".
  std::string before() const {
    std::string names;
    for (const int from : network_.calls_[at(call_)].from) names += (names.empty() ? "" : " and ") + network_.name_of_call(from);
    return names;
  }

  [[noreturn]] void fail_misfit(const std::string& name, const Shape& known, const ParameterSpec& spec) const {
    constexpr std::string_view kHint = "change the layer before it, or draw the parameters anew";
    if (known.rank() == 2 && spec.shape.rank() == 2 && known[0] == spec.shape[0]) {
      fail_input("{}: expects {} inputs, but {} gives {}; {}", current_->name, known[1], before(), spec.shape[1], kHint);
    }
    fail_input("{}: its parameter \"{}\" has shape {}, but what {} gives asks for {}; {}", current_->name, name, known.to_string(),
               before(), spec.shape.to_string(), kHint);
  }

  const Network& network_;
  Graph& graph_;
  Mode mode_;
  OnParameter on_parameter_;
  const NamedLayer* current_ = nullptr;
  int call_ = -1;
  bool as_given_ = false;
};

Network::Network() : Network(ops::table()) {}
Network::Network(std::shared_ptr<const OpTable> table) : table_(std::move(table)) {}

Network::Tap Network::input(std::string name, const Shape& sample, DType dtype) {
  require_printable("input", name);
  if (name == kStep) fail_input("network: the input name \"{}\" is taken by the number of the training step", name);
  for (const Input& other : inputs_) {
    if (other.name == name) fail_input("network: the input name \"{}\" is taken", name);
  }
  inputs_.push_back({std::move(name), sample, dtype});
  calls_.push_back({});
  return {static_cast<int>(calls_.size()) - 1};
}

void Network::require_own(const std::string& layer, const std::vector<Tap>& from) const {
  for (const Tap& tap : from) {
    if (tap.index < 0 || tap.index >= static_cast<int>(calls_.size()))
      fail_input("{}: its input is no value of this network", layer);
  }
}

Network::Tap Network::call(int layer, const std::vector<Tap>& from) {
  Call call{layer, {}};
  for (const Tap& tap : from) call.from.push_back(tap.index);
  calls_.push_back(std::move(call));
  return {static_cast<int>(calls_.size()) - 1};
}

Network::Tap Network::add(const Layer& layer, std::vector<Tap> from, std::string name) {
  const auto taken = [&](const std::string& candidate) {
    return std::ranges::any_of(layers_, [&](const NamedLayer& other) { return other.name == candidate; });
  };
  require_printable("layer", name);
  if (!name.empty() && taken(name)) fail_input("network: the layer name \"{}\" is taken", name);
  for (int number = 1; name.empty(); ++number) {
    const std::string candidate = layer.kind() + std::to_string(number);
    if (!taken(candidate)) name = candidate;
  }
  require_own(name, from);
  layers_.push_back({std::move(name), layer});
  for (auto& [parameter, value] : layer.values()) {
    const std::string full = layer.names_parameters() ? parameter : layers_.back().name + "." + parameter;
    if (!parameters_.emplace(full, std::move(value)).second) fail_input("network: two layers bring a parameter \"{}\"", full);
  }
  return call(static_cast<int>(layers_.size()) - 1, from);
}

Network::Tap Network::add(const Residual& block, Tap from, std::string name) {
  const auto taken = [&](const std::string& candidate) {
    return std::ranges::any_of(layers_, [&](const NamedLayer& other) { return other.name.starts_with(candidate + "."); });
  };
  for (int number = 1; name.empty(); ++number) {
    const std::string candidate = std::string(Residual::kKind) + std::to_string(number);
    if (!taken(candidate)) name = candidate;
  }
  if (block.body.empty()) fail_input("{}: its body has no layers", name);
  const auto chain = [&](const std::vector<Layer>& layers, const std::string& prefix) {
    std::map<std::string, int> counts;
    Tap tap = from;
    for (const Layer& layer : layers) tap = add(layer, tap, prefix + layer.kind() + std::to_string(++counts[layer.kind()]));
    return tap;
  };
  const Tap kept = chain(block.projection, name + ".projection.");
  const Tap changed = chain(block.body, name + ".");
  const Layer& after = activation_of_kind(block.activation);
  const Tap sum = add(Joint{}, {changed, kept}, name + ".add");
  return block.activation == "identity" ? sum : add(after, sum, name + "." + block.activation);
}

Network::Tap Network::share(const std::string& name, std::vector<Tap> from) {
  std::vector<std::string> known;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    known.push_back(layers_[i].name);
    if (layers_[i].name != name) continue;
    require_own(name, from);
    return call(static_cast<int>(i), from);
  }
  fail_input("network: there is no layer \"{}\"{}", name, did_you_mean(name, known));
}

void Network::output(std::string name, Tap from) {
  require_printable("output", name);
  if (from.index < 0 || from.index >= static_cast<int>(calls_.size())) fail_input("network: output \"{}\" is no value of it", name);
  for (const Output& other : outputs_) {
    if (other.name == name) fail_input("network: the output name \"{}\" is taken", name);
  }
  outputs_.push_back({std::move(name), from.index});
}

std::string Network::name_of_call(int call) const {
  const int layer = calls_[at(call)].layer;
  if (layer >= 0) return layers_[at(layer)].name;
  const auto earlier = std::count_if(calls_.begin(), calls_.begin() + call, [](const Call& other) { return other.layer < 0; });
  return inputs_[static_cast<std::size_t>(earlier)].name;
}

std::vector<Value> Network::build(Graph& graph, std::int64_t batch, Mode mode) const {
  return Builder(*this, graph, mode, nullptr).run(batch);
}

std::vector<Value> Network::build_as_given(Graph& graph, std::int64_t batch) const {
  Builder builder(*this, graph, Mode::inference, nullptr);
  builder.take_inputs_as_given();
  return builder.run(batch);
}

void Network::initialize(std::uint64_t seed) {
  Network anew = *this;
  anew.parameters_.clear();
  anew.initialize_missing(seed);
  *this = std::move(anew);
}

void Network::initialize_missing(std::uint64_t seed) {
  std::map<std::string, Tensor> drawn;
  std::size_t bytes = 0;
  for (const auto& [name, type] : parameter_types()) {
    if (!parameters_.contains(name)) bytes += type.bytes();
  }
  require_memory(bytes);  // now, not after minutes of drawing
  Graph graph(table_);
  Builder builder(*this, graph, Mode::inference, [&](const std::string& name, const ParameterSpec& spec) {
    if (parameters_.contains(name)) return;
    RandomStream random(seed, hash_name(name));
    drawn.emplace(name, neurons::initialize(spec.initializer, spec.shape, spec.fan_in, spec.fan_out, spec.following, random));
  });
  builder.run(1);
  parameters_.merge(std::move(drawn));
  seed_ = seed;
}

bool Network::initialized() const {
  return std::ranges::all_of(parameter_types(), [this](const auto& entry) { return parameters_.contains(entry.first); });
}

std::vector<std::pair<std::string, TensorType>> Network::parameters_that(
    const std::function<bool(const std::string&, bool trained)>& test) const {
  std::vector<std::pair<std::string, TensorType>> types;
  Graph graph(table_);
  Builder builder(*this, graph, Mode::inference, [&](const std::string& name, const ParameterSpec& spec) {
    if (test(name, spec.trained)) types.emplace_back(name, TensorType{DType::f32, spec.shape});
  });
  builder.run(1);
  return types;
}

std::vector<std::pair<std::string, TensorType>> Network::parameter_types() const {
  return parameters_that([](const std::string&, bool) { return true; });
}

std::vector<std::pair<std::string, TensorType>> Network::trained_parameters() const {
  return parameters_that([this](const std::string& name, bool trained) { return trained && !is_frozen(name); });
}

const Tensor& Network::parameter(const std::string& name) const {
  if (const auto found = parameters_.find(name); found != parameters_.end()) return found->second;
  if (std::ranges::any_of(parameter_types(), [&](const auto& entry) { return entry.first == name; })) {
    fail_input("network: the parameter \"{}\" has no value yet; call initialize(seed), or train the network", name);
  }
  std::vector<std::string> known;
  for (const auto& [key, tensor] : parameters_) known.push_back(key);
  fail_input("network: there is no parameter \"{}\"{}", name, did_you_mean(name, known));
}

void Network::set_parameter(const std::string& name, Tensor value) {
  if (const auto known = parameters_.find(name); known != parameters_.end() && known->second.type() == value.type()) {
    known->second = std::move(value);
    return;
  }
  std::vector<std::string> names;
  for (const auto& [known, type] : parameter_types()) {
    names.push_back(known);
    if (known != name) continue;
    if (type != value.type()) {
      fail_input("network: parameter \"{}\" is {}, got {}", name, type.to_string(), value.type().to_string());
    }
    parameters_.insert_or_assign(name, std::move(value));
    return;
  }
  fail_input("network: there is no parameter \"{}\"{}", name, did_you_mean(name, names));
}

std::int64_t Network::parameter_count() const {
  std::int64_t count = 0;
  for (const auto& [name, type] : parameter_types()) count += type.shape.elements();
  return count;
}

namespace {

std::vector<std::string> matching(const Network& network, std::string_view verb, const std::string& pattern) {
  std::vector<std::string> names;
  std::vector<std::string> known;
  for (const auto& [name, type] : network.parameter_types()) {
    known.push_back(name);
    if (matches_pattern(pattern, name)) names.push_back(name);
  }
  if (names.empty()) fail_input("{}: no parameter matches \"{}\"{}", verb, pattern, nearest_parameters(pattern, known));
  return names;
}

}  // namespace

int Network::freeze(const std::string& pattern) {
  const auto names = matching(*this, "freeze", pattern);
  frozen_.insert(names.begin(), names.end());
  return static_cast<int>(names.size());
}

int Network::unfreeze(const std::string& pattern) {
  const auto names = matching(*this, "unfreeze", pattern);
  for (const auto& name : names) frozen_.erase(name);
  return static_cast<int>(names.size());
}

Sequential::Sequential(const Shape& sample, const std::vector<Layer>& layers) {
  Tap tap = input("x", sample);
  for (const Layer& layer : layers) tap = add(layer, tap);
  output("y", tap);
}

}  // namespace neurons
