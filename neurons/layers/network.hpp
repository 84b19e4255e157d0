#pragma once
/// Networks: layers, how they are wired, and their parameters.

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "neurons/graph/graph.hpp"
#include "neurons/layers/layer.hpp"
#include "neurons/layers/residual.hpp"

namespace neurons {

/// A network of layers as a value: copying it copies the parameters. Layers are called once or, when shared, several times.
///
///     Network network;
///     auto x = network.input("x", {784});
///     auto h = network.add(Relu{}, network.add(Dense{128}, x));
///     auto y = network.add(Dense{128}, h);
///     network.output("logits", network.add(Dense{10}, network.add(Add{}, {h, y})));
class Network {
 public:
  /// The result of a call of a layer, or an input.
  struct Tap {
    int index = -1;
  };

  Network();
  /// With a table of ops of the user's own.
  explicit Network(std::shared_ptr<const OpTable> table);

  /// An input of the given shape per sample (the batch dimension comes before it). The name "step" is taken by the number of the
  /// training step.
  Tap input(std::string name, const Shape& sample, DType dtype = DType::f32);
  /// A new layer called on `from`. Its name is its kind and a number ("dense1") unless given.
  Tap add(const Layer& layer, std::vector<Tap> from, std::string name = "");
  Tap add(const Layer& layer, Tap from, std::string name = "") { return add(layer, std::vector<Tap>{from}, std::move(name)); }
  /// The layers of a block, named after it ("residual1.conv2d1"). Throws InputError for an empty body.
  Tap add(const Residual& block, Tap from, std::string name = "");
  /// … of a block of another make, which adds them itself by `add_to(network, from, name)`, as TimeDistributed does.
  template <typename Block>
  requires requires(const Block& block, Network& network) { block.add_to(network, std::vector<Tap>{}, std::string{}); }
  Tap add(const Block& block, std::vector<Tap> from, std::string name = "") { return block.add_to(*this, from, std::move(name)); }
  template <typename Block>
  requires requires(const Block& block, Network& network) { block.add_to(network, std::vector<Tap>{}, std::string{}); }
  Tap add(const Block& block, Tap from, std::string name = "") { return add(block, std::vector<Tap>{from}, std::move(name)); }
  /// Calls the layer of that name once more, with the same parameters.
  Tap share(const std::string& name, std::vector<Tap> from);
  /// Names a result. Throws InputError if the name is taken.
  void output(std::string name, Tap from);

  /// Emits the network into a graph for a batch of that size: inputs "NAME" [batch, …], states for parameters, outputs by name.
  /// Every layer's result is also returned, by call. In training mode a graph input "step" (i64 scalar) exists if a layer needs it.
  /// An input [time, features] whose lengths or mask is an input, too (see padded_inputs.hpp), is 0 for all layers where there is
  /// padding. Throws InputError naming the layer whose input does not fit.
  std::vector<Value> build(Graph& graph, std::int64_t batch, Mode mode) const;

  /// The same in inference mode, padding as it is given.
  std::vector<Value> build_as_given(Graph& graph, std::int64_t batch) const;

  /// (Re)draws all parameters. Each parameter's numbers depend on the seed and its own name alone.
  void initialize(std::uint64_t seed);
  /// The same for those parameters alone that have no value yet: set_parameter's stay.
  void initialize_missing(std::uint64_t seed);
  /// Whether every parameter has a value.
  bool initialized() const;
  /// Names and types of the parameters, running statistics among them, in order of their layers.
  std::vector<std::pair<std::string, TensorType>> parameter_types() const;
  /// Of those alone that are trained: no statistics, none that are frozen.
  std::vector<std::pair<std::string, TensorType>> trained_parameters() const;
  const std::map<std::string, Tensor>& parameters() const { return parameters_; }
  const Tensor& parameter(const std::string& name) const;
  /// Throws InputError if there is no such parameter or the type differs.
  void set_parameter(const std::string& name, Tensor value);
  std::int64_t parameter_count() const;

  /// Parameters whose names match `pattern` ("conv*", "*.bias", "dense1.weight") are not trained. Returns how many matched; throws
  /// InputError if none.
  int freeze(const std::string& pattern);
  int unfreeze(const std::string& pattern);
  bool is_frozen(const std::string& parameter) const { return frozen_.contains(parameter); }

  struct Call {
    int layer = -1;  ///< index into layers(), -1 for an input
    std::vector<int> from;
  };
  struct NamedLayer {
    std::string name;
    Layer layer;
  };
  struct Input {
    std::string name;
    Shape sample;
    DType dtype = DType::f32;
  };
  struct Output {
    std::string name;
    int call = -1;
  };
  const std::vector<NamedLayer>& layers() const { return layers_; }
  const std::vector<Call>& calls() const { return calls_; }
  const std::vector<Input>& inputs() const { return inputs_; }
  const std::vector<Output>& outputs() const { return outputs_; }
  /// The name of the layer that is called, or of the input.
  std::string name_of_call(int call) const;
  const std::shared_ptr<const OpTable>& table() const { return table_; }
  std::uint64_t seed() const { return seed_; }
  void set_seed(std::uint64_t seed) { seed_ = seed; }

 private:
  class Builder;
  std::vector<std::pair<std::string, TensorType>> parameters_that(
      const std::function<bool(const std::string&, bool trained)>& test) const;
  void require_own(const std::string& layer, const std::vector<Tap>& from) const;
  Tap call(int layer, const std::vector<Tap>& from);

  std::shared_ptr<const OpTable> table_;
  std::vector<NamedLayer> layers_;
  std::vector<Call> calls_;
  std::vector<Input> inputs_;
  std::vector<Output> outputs_;
  std::map<std::string, Tensor> parameters_;
  std::set<std::string> frozen_;
  std::uint64_t seed_ = 0;
};

/// What a network can add behind a single result: a layer, or a block of layers.
template <typename T>
concept Addable = requires(Network& network, const T& layer, Network::Tap from) {
  network.add(layer, from);
};

/// Layers and blocks one after the other: input "x", output "y".
///
///     auto network = Sequential{{784}, Dense{256}, Relu{}, Dense{10}};
class Sequential : public Network {
 public:
  Sequential(const Shape& sample, const std::vector<Layer>& layers);
  template <Addable... Layers>
  requires(sizeof...(Layers) > 0) explicit Sequential(const Shape& sample, const Layers&... layers) {
    Tap tap = input("x", sample);
    ((tap = add(layers, tap)), ...);
    output("y", tap);
  }
};

}  // namespace neurons
