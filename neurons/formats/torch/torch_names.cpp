#include "neurons/formats/torch/torch_names.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "neurons/base/error.hpp"
#include "neurons/formats/torch/torch_layouts.hpp"
#include "neurons/layers/attention.hpp"
#include "neurons/layers/transformer.hpp"

namespace neurons {
namespace {

using Tensors = std::map<std::string, Tensor>;

/// A layer that has parameters, and what PyTorch makes of them.
struct TorchLayer {
  std::string name;
  std::map<std::string, Shape> parameters;  ///< by name within the layer
  std::vector<TorchTensor> tensors;

  Shape shape_of(const TorchTensor& tensor) const {
    std::int64_t rows = 0;
    for (const ParameterRows& part : tensor.rows) rows += parameters.at(part.parameter)[0] / part.parts;
    return parameters.at(tensor.rows.front().parameter).with(0, rows);
  }
};

/// Throws where attention computes what no attention of PyTorch's computes from the same weights.
template <typename T>
void require_torch_attention(const std::string& name, const Layer& layer) {
  const T* attention = layer.as<T>();
  if (attention == nullptr) return;
  if (attention->rotary) fail_input("{}: rotary = true: PyTorch's attention has no rotary positions", name);
  if (attention->kv_heads != 0 && attention->kv_heads != attention->heads) {
    fail_input("{}: kv_heads = {} of {} heads: in PyTorch's attention each head has keys and values of its own", name,
               attention->kv_heads, attention->heads);
  }
}

/// In the order of the network.
std::vector<TorchLayer> torch_layers(const Network& network) {
  std::map<std::string, std::map<std::string, Shape>> parameters;
  for (const auto& [full, type] : network.parameter_types()) {
    std::string owner;
    for (const auto& [name, layer] : network.layers()) {
      if (full.starts_with(name + ".") && name.size() >= owner.size()) owner = name;
    }
    parameters[owner].emplace(full.substr(owner.size() + 1), type.shape);
  }
  std::vector<TorchLayer> layers;
  for (const auto& [name, layer] : network.layers()) {
    const auto own = parameters.find(name);
    if (own == parameters.end()) continue;
    require_torch_attention<MultiHeadAttention>(name, layer);
    require_torch_attention<TransformerEncoder>(name, layer);
    require_torch_attention<TransformerDecoder>(name, layer);
    layers.push_back({name, own->second, torch_tensors(name, layer.kind(), own->second)});
  }
  return layers;
}

/// The place of rows in a parameter, in bytes.
std::span<std::byte> rows_in(Tensor& parameter, const ParameterRows& rows) {
  const std::size_t size = parameter.bytes().size() / static_cast<std::size_t>(rows.parts);
  return parameter.bytes().subspan(static_cast<std::size_t>(rows.part) * size, size);
}

void add_to(std::span<std::byte> sum, const std::byte* more) {
  for (std::size_t i = 0; i < sum.size(); i += sizeof(float)) {
    float a = 0;
    float b = 0;
    std::memcpy(&a, sum.data() + i, sizeof(float));
    std::memcpy(&b, more + i, sizeof(float));
    a += b;
    std::memcpy(sum.data() + i, &a, sizeof(float));
  }
}

bool is_number(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

std::string first_word(const std::string& name) { return name.substr(0, name.find('.')); }

/// The tensors without what all their names begin with.
Tensors without_common_prefix(Tensors tensors) {
  while (!tensors.empty()) {
    if (is_number(first_word(tensors.begin()->first))) return tensors;  // the only module of a Sequential
    const std::string word = first_word(tensors.begin()->first) + ".";
    const auto has_it = [&](const auto& entry) {
      return entry.first.starts_with(word) && entry.first.find('.', word.size()) != std::string::npos;
    };
    if (!std::ranges::all_of(tensors, has_it)) return tensors;
    Tensors shorter;
    for (auto& [name, tensor] : tensors) shorter.emplace(name.substr(word.size()), std::move(tensor));
    tensors = std::move(shorter);
  }
  return tensors;
}

/// The names that modules with numbers have here: of the layers with parameters, in order. Empty where modules have other names, or
/// are more or fewer.
std::map<std::string, std::string> names_of_numbers(const Tensors& tensors, const std::vector<TorchLayer>& layers) {
  std::set<std::pair<std::size_t, std::string>> numbers;  // by length first: as numbers
  for (const auto& [name, tensor] : tensors) {
    const std::string word = first_word(name);
    if (!is_number(word)) return {};
    numbers.emplace(word.size(), word);
  }
  std::map<std::string, std::string> names;
  if (numbers.size() != layers.size()) return {};
  auto layer = layers.begin();
  for (const auto& [length, number] : numbers) names.emplace(number, (layer++)->name);
  return names;
}

/// The tensors under the names that the network has.
Tensors renamed(Tensors tensors, const std::vector<TorchLayer>& layers) {
  std::erase_if(tensors, [](const auto& entry) { return entry.first.ends_with("num_batches_tracked"); });
  for (const TorchLayer& layer : layers) {
    const auto is_of_layer = [&](const auto& entry) { return entry.first.starts_with(layer.name + "."); };
    if (std::ranges::any_of(tensors, is_of_layer)) return tensors;
  }
  tensors = without_common_prefix(std::move(tensors));
  const auto names = names_of_numbers(tensors, layers);
  if (names.empty()) return tensors;
  Tensors result;
  for (auto& [name, tensor] : tensors) {
    const std::string word = first_word(name);
    result.emplace(names.at(word) + name.substr(word.size()), std::move(tensor));
  }
  return result;
}

std::string list_of(const std::vector<std::string>& names) {
  constexpr std::size_t kMost = 12;
  const std::size_t shown = std::min(names.size(), kMost);
  std::string text = fmt::format("{}", fmt::join(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(shown), ", "));
  return shown < names.size() ? fmt::format("{} and {} more", text, names.size() - shown) : text;
}

void require_all(const Tensors& tensors, const std::vector<TorchLayer>& layers, const std::string& source) {
  std::vector<std::string> missing;
  std::vector<std::string> misfits;
  std::set<std::string> used;
  for (const TorchLayer& layer : layers) {
    for (const TorchTensor& tensor : layer.tensors) {
      const std::string name = layer.name + "." + tensor.name;
      used.insert(name);
      const auto found = tensors.find(name);
      const Shape expected = layer.shape_of(tensor);
      if (found == tensors.end()) {
        missing.push_back(name + " " + expected.to_string());
      } else if (found->second.shape() != expected ||
                 (found->second.dtype() != DType::f32 && found->second.dtype() != DType::f64)) {
        misfits.push_back(
            fmt::format("{} is {}, the network needs {}", name, found->second.type().to_string(), expected.to_string()));
      }
    }
  }
  std::vector<std::string> spare;
  for (const auto& [name, tensor] : tensors) {
    if (!used.contains(name)) spare.push_back(name + " " + tensor.shape().to_string());
  }
  if (missing.empty() && misfits.empty() && spare.empty()) return;
  std::string text;
  for (const auto& [what, names] :
       {std::pair("it lacks ", &missing), std::pair("", &misfits), std::pair("nothing takes ", &spare)}) {
    if (!names->empty()) text += (text.empty() ? "" : "; ") + std::string(what) + list_of(*names);
  }
  fail_input("{}: does not fit the network: {}; layers are found by their names in the spec (name = \"conv1\")", source, text);
}

}  // namespace

std::map<std::string, Tensor> to_torch(const Network& network) {
  Tensors result;
  for (const TorchLayer& layer : torch_layers(network)) {
    std::set<std::pair<std::string, std::int64_t>> said;
    for (const TorchTensor& tensor : layer.tensors) {
      Tensor value(DType::f32, layer.shape_of(tensor));
      std::byte* place = value.bytes().data();
      for (const ParameterRows& rows : tensor.rows) {
        Tensor parameter = network.parameter(layer.name + "." + rows.parameter);
        const auto bytes = rows_in(parameter, rows);
        if (said.emplace(rows.parameter, rows.part).second) std::ranges::copy(bytes, place);
        place += bytes.size();
      }
      result.emplace(layer.name + "." + tensor.name, std::move(value));
    }
  }
  return result;
}

void from_torch(Network& network, const std::map<std::string, Tensor>& tensors, const std::string& source) {
  const auto layers = torch_layers(network);
  const Tensors named = renamed(tensors, layers);
  require_all(named, layers, source);
  for (const TorchLayer& layer : layers) {
    Tensors parameters;
    for (const auto& [name, shape] : layer.parameters) parameters.emplace(name, Tensor(DType::f32, shape));
    for (const TorchTensor& tensor : layer.tensors) {
      const Tensor value = named.at(layer.name + "." + tensor.name).cast(DType::f32);
      const std::byte* place = value.bytes().data();
      for (const ParameterRows& rows : tensor.rows) {
        const auto bytes = rows_in(parameters.at(rows.parameter), rows);
        add_to(bytes, place);
        place += bytes.size();
      }
    }
    for (auto& [name, tensor] : parameters) network.set_parameter(layer.name + "." + name, std::move(tensor));
  }
}

}  // namespace neurons
