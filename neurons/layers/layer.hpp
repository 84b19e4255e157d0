#pragma once
/// A layer describes neurons: given the values that flow in, it says which ops compute the values that flow out.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "neurons/base/random.hpp"
#include "neurons/graph/graph.hpp"
#include "neurons/layers/initializers.hpp"

namespace neurons {

/// What a network is being built for.
enum class Mode : std::uint8_t {
  inference,  ///< dropout off, running statistics used
  training,
};

/// A parameter as a layer asks for it.
struct ParameterSpec {
  Shape shape;
  Initializer initializer;
  std::int64_t fan_in = 1;   ///< inputs that one neuron sums
  std::int64_t fan_out = 1;  ///< neurons that one input reaches
  Following following;       ///< for initialisers that suit it
  bool trained = true;       ///< false: a statistic, which the layer itself assigns in training; optimisers leave it alone
};

/// Receives what layers ask for while they build.
class BuildContext {
 public:
  virtual ~BuildContext() = default;
  virtual Graph& graph() = 0;
  virtual Mode mode() const = 0;
  /// The layer's parameter of that name ("weight"): a state of the graph, named "LAYER.weight".
  virtual Value parameter(const std::string& name, const ParameterSpec& spec) = 0;
  /// Whether that parameter of the layer is frozen.
  virtual bool is_frozen(const std::string& name) const = 0;
  /// A number that differs from layer to layer and is the same in every build: the seed of a layer's own randomness.
  virtual std::uint64_t layer_seed() const = 0;
  /// The number of the training step, an i64 scalar input.
  virtual Value step() = 0;
  /// The activation that follows this layer, identity if none: initialisers suit it.
  virtual Following following() const = 0;
};

/// One kind of layer, held by value. Any struct with `static constexpr std::string_view kKind`, `fields` (see options.hpp) and
/// `Value build(BuildContext&, const std::vector<Value>& inputs) const` is a layer.
class Layer {
 public:
  template <typename T>
  requires requires { T::kKind; }
  Layer(T layer) : model_(std::make_shared<const Model<T>>(std::move(layer))) {}  // implicit: a layer struct *is* a layer

  std::string kind() const { return model_->kind(); }
  Value build(BuildContext& context, const std::vector<Value>& inputs) const { return model_->build(context, inputs); }
  Attributes attributes() const { return model_->attributes(); }
  /// This layer with fields replaced. Throws InputError for unknown names or wrong kinds of value.
  Layer with(const Attributes& attributes) const { return model_->with(attributes); }
  /// True for layers that can be the activation of the layer before them (`kActivation`).
  bool is_activation() const { return model_->is_activation(); }
  /// What a leaky rectifier leaves of a negative sum when training begins (`double negative_slope() const`); 0 for other layers.
  double negative_slope() const { return model_->negative_slope(); }
  /// True for layers whose parameters have names of their own, without the layer's before them (`kNamesParameters`).
  bool names_parameters() const { return model_->names_parameters(); }
  /// True for layers whose last input, if it is no sequence, says which steps exist of the sequence before it (`kTakesMask`): a
  /// mask bool [batch, time] or lengths [batch]; behind two sequences that of the second comes first.
  bool takes_mask() const { return model_->takes_mask(); }
  /// Parameters that the layer brings along (`std::map<std::string, Tensor> values() const`); none for most.
  std::map<std::string, Tensor> values() const { return model_->values(); }
  /// The struct, or null if the layer is of another kind.
  template <typename T>
  const T* as() const {
    const auto* model = dynamic_cast<const Model<T>*>(model_.get());
    return model == nullptr ? nullptr : &model->value;
  }

 private:
  struct Concept {
    virtual ~Concept() = default;
    virtual std::string kind() const = 0;
    virtual Value build(BuildContext&, const std::vector<Value>&) const = 0;
    virtual Attributes attributes() const = 0;
    virtual Layer with(const Attributes&) const = 0;
    virtual bool is_activation() const = 0;
    virtual double negative_slope() const = 0;
    virtual bool names_parameters() const = 0;
    virtual bool takes_mask() const = 0;
    virtual std::map<std::string, Tensor> values() const = 0;
  };
  template <typename T>
  struct Model final : Concept {
    explicit Model(T initial) : value(std::move(initial)) {}
    std::string kind() const override { return std::string(T::kKind); }
    Value build(BuildContext& context, const std::vector<Value>& inputs) const override { return value.build(context, inputs); }
    Attributes attributes() const override { return attributes_of(value); }
    Layer with(const Attributes& given) const override { return Layer(options_from(value, given)); }
    bool is_activation() const override {
      if constexpr (requires { T::kActivation; }) return T::kActivation;
      return false;
    }
    double negative_slope() const override {
      if constexpr (requires { value.negative_slope(); }) return value.negative_slope();
      return 0;
    }
    bool names_parameters() const override {
      return requires { T::kNamesParameters; };
    }
    bool takes_mask() const override {
      return requires { T::kTakesMask; };
    }
    std::map<std::string, Tensor> values() const override {
      if constexpr (requires { value.values(); }) return value.values();
      return {};
    }
    T value;
  };
  std::shared_ptr<const Concept> model_;
};

/// All layer kinds with their defaults, by kind name: what specs may name.
const std::map<std::string, Layer>& layer_kinds();
/// The default layer of a kind. Throws InputError with the nearest name.
const Layer& layer_of_kind(const std::string& kind);
/// The same, of those kinds alone that are activations.
const Layer& activation_of_kind(const std::string& kind);

}  // namespace neurons
