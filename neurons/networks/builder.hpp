#pragma once
/// Ready-made networks by name.

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "neurons/layers/network.hpp"

namespace neurons {

/// One kind of network, held by value. Any struct with `static constexpr std::string_view kKind`, `fields` (see options.hpp) and
/// `Network::Tap add_to(Network&, Network::Tap x, const Shape& sample) const` is a builder.
class Builder {
 public:
  template <typename T>
  requires requires { T::kKind; }
  Builder(T builder) : model_(std::make_shared<const Model<T>>(std::move(builder))) {}  // implicit: such a struct *is* a builder

  std::string kind() const { return model_->kind(); }
  Attributes attributes() const { return model_->attributes(); }
  /// This builder with fields replaced. Throws InputError for unknown names or wrong kinds of value.
  Builder with(const Attributes& attributes) const { return model_->with(attributes); }
  /// Adds the layers behind `x`, which has that shape per sample; what the last one gives. Throws InputError for a sample that the
  /// network cannot take.
  Network::Tap add_to(Network& network, Network::Tap x, const Shape& sample) const { return model_->add_to(network, x, sample); }

 private:
  struct Concept {
    virtual ~Concept() = default;
    virtual std::string kind() const = 0;
    virtual Attributes attributes() const = 0;
    virtual Builder with(const Attributes&) const = 0;
    virtual Network::Tap add_to(Network&, Network::Tap, const Shape&) const = 0;
  };
  template <typename T>
  struct Model final : Concept {
    explicit Model(T initial) : value(std::move(initial)) {}
    std::string kind() const override { return std::string(T::kKind); }
    Attributes attributes() const override { return attributes_of(value); }
    Builder with(const Attributes& given) const override { return Builder(options_from(value, given)); }
    Network::Tap add_to(Network& network, Network::Tap x, const Shape& sample) const override {
      return value.add_to(network, x, sample);
    }
    T value;
  };
  std::shared_ptr<const Concept> model_;
};

/// The network of that builder: input "x", output "y". Throws InputError for a sample that it cannot take.
///
///     Network network = build(ResNet20{}, {3, 32, 32});
Network build(const Builder& builder, const Shape& sample);

/// All kinds with their defaults, by name: what specs may name.
const std::map<std::string, Builder>& builder_kinds();
/// The default builder of a kind. Throws InputError with the nearest name.
const Builder& builder_of_kind(const std::string& kind);

}  // namespace neurons
