#pragma once
/// The [network] section: layers in order, and how they are wired where they do not simply follow one another.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "neurons/layers/activations.hpp"
#include "neurons/layers/network.hpp"
#include "neurons/layers/time_distributed.hpp"
#include "neurons/networks/builder.hpp"

namespace neurons {

/// What flows into an input: numbers (f32), tokens (i64), which an embedding reads, or the lengths of sequences (i64, of shape []).
enum class InputType : std::uint8_t { numbers, tokens, lengths };

/// An input by name, with its shape per sample.
struct InputSpec {
  std::string name = "x";
  std::vector<std::int64_t> shape;
  std::optional<InputType> type = {};  ///< nothing: numbers, or what the data hold

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("name", self.name);
    visit("shape", self.shape);
    visit("type", self.type);
  }
};

/// Blocks of layers that a spec may name.
using Block = std::variant<Residual, TimeDistributed>;

/// One call of a layer. In a spec: `"relu"`, or `{ kind = "dense", units = 10, … }` with the layer's own fields and those below.
struct LayerSpec {
  Layer layer = Identity{};
  std::optional<Block> block = {};           ///< `kind = "residual"`: a block of layers, in place of the layer
  std::string name = {};                     ///< its kind and a number unless given
  std::vector<std::string> from = {};        ///< layers or inputs that flow in; empty: the layer before, or the first input
  std::string share = {};                    ///< instead of a kind: calls the layer of that name again, with the same parameters
  std::optional<Builder> builder = {};       ///< a ready-made network, in place of the layer
  std::vector<std::string> as_outputs = {};  ///< fields that say "outputs": as many as the data have classes or targets
  std::string place = {};                    ///< where the spec says so, for messages: "spec.toml:9:3: "; empty: nowhere

  std::string kind() const {
    if (block) return std::visit([](const auto& one) { return std::string(one.kKind); }, *block);
    return builder ? builder->kind() : layer.kind();
  }
};

struct NetworkSpec {
  std::vector<InputSpec> inputs;  ///< none: one input "x" of the data's shape, and "lengths" where a layer is given them
  std::vector<LayerSpec> layers;
  std::vector<std::string> outputs;       ///< layers whose results the network gives; none: the last one, as "y"
  std::string initializer = "automatic";  ///< of layers whose own is "automatic": see initializers.hpp

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("inputs", self.inputs);
    visit("layers", self.layers);
    visit("outputs", self.outputs);
    visit("initializer", self.initializer);
  }
};

/// Whether everything that comes from data is known: shapes of the inputs and every "outputs".
bool is_resolved(const NetworkSpec& spec);

/// The spec with what the data say put in: one input "x" of `sample`'s shape where it names none, `outputs` for each "outputs", and
/// an input "lengths" where a layer is given that name, which no layer has, and the data are `sequences`. Throws InputError if the
/// spec gives another shape or type than the data have.
NetworkSpec resolve(NetworkSpec spec, const Shape& sample, std::int64_t outputs, InputType type = InputType::numbers,
                    bool sequences = false);

/// The network, without parameters. Throws InputError if it is not resolved, and with the layer's place and own sentence if
/// shapes do not fit.
Network make_network(const NetworkSpec& spec);

}  // namespace neurons
