#include <map>

#include "neurons/base/suggest.hpp"
#include "neurons/layers/activations.hpp"
#include "neurons/layers/dense.hpp"
#include "neurons/layers/dropout.hpp"
#include "neurons/layers/shapes.hpp"

namespace neurons {
namespace {

template <typename... Kinds>
std::map<std::string, Layer> table_of() {
  return {{std::string(Kinds::kKind), Layer(Kinds{})}...};
}

}  // namespace

const std::map<std::string, Layer>& layer_kinds() {
  static const auto kKinds =
      table_of<Dense, Dropout, Flatten, Reshape, Add, Multiply, Concatenate, Identity, Relu, LeakyRelu, PRelu, Elu, Selu, Celu,
               Gelu, Silu, Mish, Softplus, Softsign, Sigmoid, HardSigmoid, Tanh, HardSwish, Softmax, LogSoftmax>();
  return kKinds;
}

const Layer& layer_of_kind(const std::string& kind) {
  const auto found = layer_kinds().find(kind);
  if (found != layer_kinds().end()) return found->second;
  std::vector<std::string> known;
  for (const auto& [name, layer] : layer_kinds()) known.push_back(name);
  fail_input("unknown layer or activation \"{}\"{}", kind, did_you_mean(kind, known));
}

const Layer& activation_of_kind(const std::string& kind) {
  const auto found = layer_kinds().find(kind);
  if (found != layer_kinds().end() && found->second.is_activation()) return found->second;
  std::vector<std::string> known;
  for (const auto& [name, layer] : layer_kinds()) {
    if (layer.is_activation()) known.push_back(name);
  }
  fail_input("unknown activation \"{}\"{}", kind, did_you_mean(kind, known));
}

}  // namespace neurons
