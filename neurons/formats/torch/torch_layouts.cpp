#include "neurons/formats/torch/torch_layouts.hpp"

#include <functional>

#include "neurons/base/error.hpp"

namespace neurons {
namespace {

using Parameters = std::map<std::string, Shape>;
using TorchTensors = std::vector<TorchTensor>;

/// The parameters of a layer, or of the part of it whose names begin with `prefix`.
struct Part {
  std::string layer;
  const Parameters& parameters;
  std::string prefix = {};

  bool has(const std::string& name) const { return parameters.contains(prefix + name); }
  const Shape& shape(const std::string& name) const { return parameters.at(prefix + name); }
};

void add(TorchTensors& tensors, const Part& part, const std::string& torch, const std::string& name) {
  if (part.has(name)) tensors.push_back({torch, {{part.prefix + name}}});
}

/// torch.nn.RNN, LSTM and GRU: gates in another order, two biases, and a suffix _l0 of each layer of the stack.
void add_recurrent(TorchTensors& tensors, const Part& part, const std::vector<std::int64_t>& gates) {
  const auto rows_of = [&](const std::string& parameter) {
    std::vector<ParameterRows> rows;
    for (const std::int64_t gate : gates) rows.push_back({parameter, gate, std::ssize(gates)});
    return rows;
  };
  for (std::int64_t layer = 1;; ++layer) {
    for (const std::string& reverse : {std::string(), std::string("_reverse")}) {
      const std::string ours = (layer == 1 ? "" : "_" + std::to_string(layer)) + reverse;
      if (!part.has("weight" + ours)) {
        if (reverse.empty()) return;
        continue;
      }
      const std::string torch = "_l" + std::to_string(layer - 1) + reverse;
      auto second_bias = rows_of("bias" + ours);
      if (part.has("recurrent_bias" + ours)) second_bias.back() = {"recurrent_bias" + ours};
      tensors.push_back({"weight_ih" + torch, rows_of("weight" + ours)});
      tensors.push_back({"weight_hh" + torch, rows_of("recurrent_weight" + ours)});
      tensors.push_back({"bias_ih" + torch, rows_of("bias" + ours)});
      tensors.push_back({"bias_hh" + torch, second_bias});
    }
  }
}

void rnn(TorchTensors& tensors, const Part& part) { add_recurrent(tensors, part, {0}); }
/// PyTorch: input, forget, candidate, output; here as in ONNX: input, output, forget, candidate.
void lstm(TorchTensors& tensors, const Part& part) { add_recurrent(tensors, part, {0, 2, 3, 1}); }
/// PyTorch: reset, update, candidate; here as in ONNX: update, reset, candidate.
void gru(TorchTensors& tensors, const Part& part) {
  if (!part.has("recurrent_bias")) {
    fail_input("{}: reset_after = false is no GRU of PyTorch's, which resets after its sum", part.layer);
  }
  add_recurrent(tensors, part, {1, 0, 2});
}

/// torch.nn.MultiheadAttention: query, key and value in one tensor where they have the same inputs.
void attention(TorchTensors& tensors, const Part& part, const std::string& torch) {
  const std::string prefix = part.prefix;
  if (part.shape("query.weight") == part.shape("key.weight")) {
    tensors.push_back({torch + "in_proj_weight", {{prefix + "query.weight"}, {prefix + "key.weight"}, {prefix + "value.weight"}}});
  } else {
    add(tensors, part, torch + "q_proj_weight", "query.weight");
    add(tensors, part, torch + "k_proj_weight", "key.weight");
    add(tensors, part, torch + "v_proj_weight", "value.weight");
  }
  if (part.has("query.bias")) {
    tensors.push_back({torch + "in_proj_bias", {{prefix + "query.bias"}, {prefix + "key.bias"}, {prefix + "value.bias"}}});
  }
  add(tensors, part, torch + "out_proj.weight", "output.weight");
  add(tensors, part, torch + "out_proj.bias", "output.bias");
}

void add_pair(TorchTensors& tensors, const Part& part, const std::string& torch, const std::string& name) {
  for (const char* what : {".weight", ".bias"}) add(tensors, part, torch + what, name + what);
}

/// torch.nn.TransformerEncoderLayer.
void encoder(TorchTensors& tensors, const Part& part) {
  attention(tensors, {part.layer, part.parameters, "attention."}, "self_attn.");
  add_pair(tensors, part, "linear1", "feed_forward");
  add_pair(tensors, part, "linear2", "feed_forward_output");
  add_pair(tensors, part, "norm1", "attention_norm");
  add_pair(tensors, part, "norm2", "feed_forward_norm");
}

/// torch.nn.TransformerDecoderLayer.
void decoder(TorchTensors& tensors, const Part& part) {
  attention(tensors, {part.layer, part.parameters, "attention."}, "self_attn.");
  attention(tensors, {part.layer, part.parameters, "cross_attention."}, "multihead_attn.");
  add_pair(tensors, part, "linear1", "feed_forward");
  add_pair(tensors, part, "linear2", "feed_forward_output");
  add_pair(tensors, part, "norm1", "attention_norm");
  add_pair(tensors, part, "norm2", "cross_attention_norm");
  add_pair(tensors, part, "norm3", "feed_forward_norm");
}

/// Two torch.nn.Conv2d, called as they are here.
void separable(TorchTensors& tensors, const Part& part) {
  add(tensors, part, "depthwise.weight", "depthwise");
  add(tensors, part, "pointwise.weight", "pointwise");
  add(tensors, part, "pointwise.bias", "bias");
}

/// torch.nn.PReLU.
void prelu(TorchTensors& tensors, const Part& part) { add(tensors, part, "weight", "slope"); }

/// Kinds of layers whose names or layouts differ.
const std::map<std::string, std::function<void(TorchTensors&, const Part&)>>& rules() {
  static const std::map<std::string, std::function<void(TorchTensors&, const Part&)>> kRules = {
      {"simple_rnn", rnn},
      {"lstm", lstm},
      {"gru", gru},
      {"multi_head_attention", [](TorchTensors& tensors, const Part& part) { attention(tensors, part, ""); }},
      {"transformer_encoder", encoder},
      {"transformer_decoder", decoder},
      {"separable_conv2d", separable},
      {"prelu", prelu},
  };
  return kRules;
}

}  // namespace

std::vector<TorchTensor> torch_tensors(const std::string& layer, const std::string& kind, const Parameters& parameters) {
  TorchTensors tensors;
  if (const auto rule = rules().find(kind); rule != rules().end()) {
    rule->second(tensors, {layer, parameters});
  } else {
    for (const auto& [name, shape] : parameters) tensors.push_back({name, {{name}}});
  }
  return tensors;
}

}  // namespace neurons
