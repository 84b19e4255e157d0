#include "neurons/spec/network_spec.hpp"

#include <algorithm>
#include <map>

#include "neurons/base/suggest.hpp"

namespace neurons {
namespace {

constexpr const char* kInitializer = "initializer";

/// The layer with the network's initialiser where it has none of its own.
Layer with_initializer(const Layer& layer, const std::string& initializer) {
  for (const Attribute& attribute : layer.attributes()) {
    if (attribute.name == kInitializer && attribute.value == AttributeValue(std::string("automatic"))) {
      return layer.with({{kInitializer, initializer}});
    }
  }
  return layer;
}

template <typename T>
T with_initializer_inside(T block, const std::string& initializer) {
  T::fields(block, [&](std::string_view, auto& field) {
    if constexpr (std::is_same_v<std::decay_t<decltype(field)>, std::vector<Layer>>) {
      for (Layer& layer : field) layer = with_initializer(layer, initializer);
    }
  });
  return block;
}

void require_one(const LayerSpec& spec, const std::vector<Network::Tap>& from) {
  if (from.size() != 1) fail_input("{}: takes one input, got {}", spec.name, from.size());
}

Network::Tap add_block(Network& network, const Residual& block, const LayerSpec& spec, const std::vector<Network::Tap>& from) {
  require_one(spec, from);
  return network.add(block, from.front(), spec.name);
}
Network::Tap add_block(Network& network, const TimeDistributed& block, const LayerSpec& spec,
                       const std::vector<Network::Tap>& from) {
  return block.add_to(network, from, spec.name);
}

constexpr const char* kLengths = "lengths";

bool is_lengths(const InputSpec& input) { return input.type == InputType::lengths; }

DType dtype_of(const InputSpec& input) {
  return input.type.value_or(InputType::numbers) == InputType::numbers ? DType::f32 : DType::i64;
}

/// Whether a layer is given the input "lengths", and no layer or input is called so.
bool reads_lengths(const NetworkSpec& spec) {
  const auto named = [](const auto& one) { return one.name == kLengths; };
  if (std::ranges::any_of(spec.layers, named) || std::ranges::any_of(spec.inputs, named)) return false;
  return std::ranges::any_of(spec.layers,
                             [](const LayerSpec& layer) { return std::ranges::find(layer.from, kLengths) != layer.from.end(); });
}

/// The shape per sample of what flows there.
Shape shape_of(const Network& network, Network::Tap tap) {
  Graph graph(network.table());
  const Value value = network.build(graph, 1, Mode::inference)[static_cast<std::size_t>(tap.index)];
  return Shape(value.shape().extents().subspan(1));
}

/// Adds what a layer of a spec says to the network.
Network::Tap add(Network& network, const LayerSpec& spec, const std::vector<Network::Tap>& from, const std::string& initializer) {
  if (!spec.share.empty()) return network.share(spec.share, from);
  if (!spec.block && !spec.builder) return network.add(with_initializer(spec.layer, initializer), from, spec.name);
  if (spec.block) {
    const auto added = [&](const auto& block) {
      return add_block(network, with_initializer_inside(block, initializer), spec, from);
    };
    return std::visit(added, *spec.block);
  }
  require_one(spec, from);
  return spec.builder->add_to(network, from.front(), shape_of(network, from.front()));
}

/// The calls made so far, by name.
class Taps {
 public:
  void add(const std::string& name, Network::Tap tap) {
    taps_.emplace(name, tap);
    last_ = tap;
  }
  Network::Tap find(const std::string& name) const {
    if (const auto found = taps_.find(name); found != taps_.end()) return found->second;
    std::vector<std::string> known;
    for (const auto& [key, tap] : taps_) known.push_back(key);
    fail_input("network: there is no layer or input \"{}\"{}", name, did_you_mean(name, known));
  }
  std::vector<Network::Tap> of(const std::vector<std::string>& names) const {
    if (names.empty()) return {last_};
    std::vector<Network::Tap> result;
    for (const std::string& name : names) result.push_back(find(name));
    return result;
  }
  Network::Tap last() const { return last_; }

 private:
  std::map<std::string, Network::Tap> taps_;
  Network::Tap last_;
};

/// The network of the first `count` layers; its output is the last of them unless `outputs` names others.
Network network_of(const NetworkSpec& spec, std::size_t count, const std::vector<std::string>& outputs) {
  Network network;
  Taps taps;
  for (const InputSpec& input : spec.inputs) {
    taps.add(input.name, network.input(input.name, Shape(std::span<const std::int64_t>(input.shape)), dtype_of(input)));
  }
  for (std::size_t i = 0; i < count; ++i) {
    const LayerSpec& layer = spec.layers[i];
    std::vector<Network::Tap> from = taps.of(layer.from);
    if (i == 0 && layer.from.empty()) from = {taps.find(spec.inputs.front().name)};
    taps.add(layer.name, add(network, layer, from, spec.initializer));
  }
  for (const std::string& name : outputs) network.output(name, taps.find(name));
  if (outputs.empty()) network.output("y", taps.last());
  network.parameter_types();  // builds it once: throws where shapes do not fit
  return network;
}

/// Where the spec names the first layer that cannot be built; empty if that is not known.
std::string misfit(const NetworkSpec& spec) {
  for (std::size_t count = 1; count <= spec.layers.size(); ++count) {
    try {
      network_of(spec, count, {});
    } catch (const InputError&) {
      return spec.layers[count - 1].place;
    }
  }
  return "";
}

}  // namespace

bool is_resolved(const NetworkSpec& spec) {
  const bool shaped =
      std::ranges::none_of(spec.inputs, [](const InputSpec& input) { return input.shape.empty() && !is_lengths(input); });
  const bool sized = std::ranges::all_of(spec.layers, [](const LayerSpec& layer) { return layer.as_outputs.empty(); });
  return !spec.inputs.empty() && shaped && sized;
}

NetworkSpec resolve(NetworkSpec spec, const Shape& sample, std::int64_t outputs, InputType type, bool sequences) {
  const std::vector<std::int64_t> extents(sample.extents().begin(), sample.extents().end());
  if (spec.inputs.empty()) spec.inputs.emplace_back();
  if (sequences && reads_lengths(spec)) spec.inputs.push_back({kLengths, {}, InputType::lengths});
  if (spec.inputs.size() > 1 && !(spec.inputs.size() == 2 && sequences && is_lengths(spec.inputs[1]))) {
    fail_input("the network has {} inputs, but the data give one; such a network can be trained from a program only",
               spec.inputs.size());
  }
  InputSpec& input = spec.inputs.front();
  if (input.shape.empty()) input.shape = extents;
  if (input.shape != extents) {
    const Shape given{std::span<const std::int64_t>(input.shape)};
    fail_input("input \"{}\" has shape {}, but the samples of the data have {}; leave the shape out to take the data's", input.name,
               given.to_string(), sample.to_string());
  }
  constexpr std::string_view kTypes[] = {"numbers", "tokens", "lengths"};
  if (input.type.value_or(type) != type) {
    fail_input("input \"{}\" takes {}, but the data hold {}; leave the type out to take the data's", input.name,
               kTypes[static_cast<std::size_t>(*input.type)], kTypes[static_cast<std::size_t>(type)]);
  }
  if (type == InputType::tokens) input.type = type;
  for (LayerSpec& layer : spec.layers) {
    for (const std::string& field : layer.as_outputs) {
      if (layer.builder) {
        layer.builder = layer.builder->with({{field, outputs}});
      } else {
        layer.layer = layer.layer.with({{field, outputs}});
      }
    }
    layer.as_outputs.clear();
  }
  return spec;
}

Network make_network(const NetworkSpec& spec) {
  if (!is_resolved(spec)) {
    fail_input("the network's input shape or number of outputs comes from the data: name data, or write both into [network]");
  }
  try {
    return network_of(spec, spec.layers.size(), spec.outputs);
  } catch (const InputError& error) {
    fail_input("{}{}", misfit(spec), error.what());
  }
}

}  // namespace neurons
