#include "neurons/formats/c/prepare_graph.hpp"

#include <array>
#include <optional>

#include "neurons/formats/c/emitters.hpp"
#include "neurons/formats/c/known_values.hpp"
#include "neurons/graph/option_of.hpp"
#include "neurons/graph/rewrite.hpp"
#include "neurons/ops/common/channels.hpp"
#include "neurons/ops/common/normalization.hpp"
#include "neurons/ops/common/view.hpp"
#include "neurons/plan/lay_out.hpp"
#include "neurons/plan/state_store.hpp"

namespace neurons::c {
namespace {

Graph with_values(const Graph& graph, const std::map<std::string, Tensor>& values) {
  Rebuild rebuild(graph);
  for (std::size_t id = 0; id < graph.values().size(); ++id) {
    const ValueInfo& info = graph.values()[id];
    if (info.kind != ValueKind::state) continue;
    const auto found = values.find(info.name);
    if (found != values.end()) rebuild.map(static_cast<int>(id), rebuild.graph().constant(found->second, info.name));
  }
  for (const Node& node : graph.nodes()) rebuild.copy(node);
  return rebuild.finish();
}

/// The node that computes a value, or null.
const Node* maker(const Graph& graph, int id, std::string_view op) {
  if (id < 0 || graph.info(id).node < 0) return nullptr;
  const Node& node = graph.node(graph.info(id).node);
  return node.op->name == op ? &node : nullptr;
}

/// Weights [units, inputs] with their rows multiplied by `factors`; `transposed`: [inputs, units].
Tensor scaled(const Tensor& weights, std::span<const float> factors, bool transposed) {
  Tensor result = weights;
  const auto values = result.values<float>();
  const std::size_t units = factors.size();
  const std::size_t inputs = values.size() / units;
  for (std::size_t i = 0; i < values.size(); ++i) values[i] *= factors[transposed ? i % units : i / inputs];
  return result;
}

/// One number for each of `count` channels, of one for all or of one each; nothing if it is neither.
std::optional<std::vector<float>> per_channel(const Tensor& tensor, std::int64_t count) {
  const auto values = tensor.values<float>();
  if (tensor.elements() == 1) return std::vector<float>(static_cast<std::size_t>(count), values[0]);
  if (tensor.elements() != count || tensor.shape()[-1] != count) return std::nullopt;
  return std::vector<float>(values.begin(), values.end());
}

/// y = (x · W + b) · factor + shift is x · (W · factor) + (b · factor + shift).
class Folding {
 public:
  explicit Folding(const Graph& graph) : graph_(graph), known_(graph), rebuild_(graph), uses_(graph.values().size()) {
    for (const Node& node : graph.nodes()) {
      for (const int id : node.inputs) {
        if (id >= 0) ++uses_[static_cast<std::size_t>(id)];
      }
    }
    for (const NamedOutput& output : graph.outputs()) ++uses_[static_cast<std::size_t>(output.value)];
  }

  Graph run() {
    rebuild_.copy_signature();
    for (const Node& node : graph_.nodes()) {
      const auto folded = node.op->name == "MultiplyAdd" ? fold(node) : std::nullopt;
      if (folded) {
        rebuild_.map(node.outputs[0], *folded);
      } else {
        rebuild_.copy(node);
      }
    }
    return remove_dead_nodes(rebuild_.finish());
  }

 private:
  std::optional<Value> fold(const Node& node) {
    const int x = node.inputs[0];
    if (!known_.has(node.inputs[1]) || !known_.has(node.inputs[2]) || uses_[static_cast<std::size_t>(x)] != 1) return std::nullopt;
    const Node* sum = maker(graph_, x, "ConvolutionSum");
    const bool dense = sum == nullptr;
    if (dense) sum = maker(graph_, x, "Gemm");
    if (sum == nullptr) return std::nullopt;
    const Node* packed = dense ? nullptr : maker(graph_, sum->inputs[1], "PackConvolution");
    const int weights = dense ? sum->inputs[1] : packed == nullptr ? -1 : packed->inputs[0];
    const int bias = sum->inputs.size() > 2 ? sum->inputs[2] : -1;
    if (!known_.has(weights) || (bias >= 0 && !known_.has(bias))) return std::nullopt;
    const std::int64_t units = graph_.info(x).type.shape[-1];
    const auto factors = per_channel(known_[node.inputs[1]], units);
    auto shifts = per_channel(known_[node.inputs[2]], units);
    if (!factors || !shifts) return std::nullopt;
    for (std::size_t i = 0; bias >= 0 && i < shifts->size(); ++i) {
      (*shifts)[i] += known_[bias].values<float>()[i] * (*factors)[i];
    }
    Graph& graph = rebuild_.graph();
    const bool transposed = dense && !option_of<bool>(sum->options, "trans_b");
    Value better = graph.constant(scaled(known_[weights], *factors, transposed));
    if (!dense) better = graph.emit(*packed->op, {better}, packed->options);
    const std::array inputs{rebuild_(sum->inputs[0]), better, graph.constant(Tensor::of<float>({units}, *shifts))};
    return graph.emit_all(*sum->op, inputs, sum->options, sum->name).front();
  }

  const Graph& graph_;
  KnownValues known_;
  Rebuild rebuild_;
  std::vector<int> uses_;
};

/// Groups of one sample's channels are rows, which are normalised as by a layer normalisation; then each channel has its own scale.
Graph with_groups_as_rows(const Graph& graph) {
  return rewrite(graph, [](const RewriteContext& context) -> std::optional<std::vector<Value>> {
    const bool instance = context.op.name == "InstanceNormalization";
    if (!instance && context.op.name != "GroupNormalization") return std::nullopt;
    const Value x = context.inputs[0];
    const Shape shape = x.shape();
    if (shape[0] != 1 || x.type().dtype != DType::f32) return std::nullopt;
    const std::int64_t groups = instance ? shape[1] : option_of<std::int64_t>(context.options, "num_groups");
    Tensor ones(DType::f32, {shape.elements() / groups});
    std::ranges::fill(ones.values<float>(), 1.0F);
    const Value rows = emit_with("LayerNormalization", {ops::reshaped(x, {groups, ones.elements()}), context.graph.constant(ones)},
                                 {{"epsilon", option_of<double>(context.options, "epsilon")}});
    const Value normal = ops::reshaped(rows, shape);
    if (shape.rank() == 2) return std::vector{ops::multiply_add(normal, context.inputs[1], context.inputs[2])};
    return std::vector{
        ops::to_channels_first(ops::multiply_add(ops::to_channels_last(normal), context.inputs[1], context.inputs[2]))};
  });
}

/// A dense layer behind a flattened image reads it as it lies, channels last: its weights change places instead.
Graph with_flattened_weights(const Graph& graph) {
  KnownValues known(graph);
  Rebuild rebuild(graph);
  rebuild.copy_signature();
  for (const Node& node : graph.nodes()) {
    const Node* flat = node.op->name == "Gemm" ? maker(graph, node.inputs[0], "Reshape") : nullptr;
    const Node* moved = flat == nullptr ? nullptr : maker(graph, flat->inputs[0], "ToChannelsFirst");
    const bool one_row = moved != nullptr && graph.info(node.inputs[0]).type.shape.product(0, 1) == 1;
    if (!one_row || !known.has(node.inputs[1]) || option_of<bool>(node.options, "trans_a")) {
      rebuild.copy(node);
      continue;
    }
    const Shape& flat_shape = graph.info(node.inputs[0]).type.shape;
    const std::int64_t channels = graph.info(flat->inputs[0]).type.shape[1];
    const std::int64_t pixels = flat_shape[-1] / channels;
    const Tensor& plain = known[node.inputs[1]];
    Tensor changed = plain;
    const auto from = plain.values<float>();
    const auto to = changed.values<float>();
    const bool by_units = option_of<bool>(node.options, "trans_b");  // [units, inputs]
    const std::int64_t inputs = channels * pixels;
    const std::int64_t units = plain.elements() / inputs;
    for (std::int64_t u = 0; u < units; ++u) {
      const auto place = [&](std::int64_t i) { return static_cast<std::size_t>(by_units ? u * inputs + i : i * units + u); };
      for (std::int64_t i = 0; i < inputs; ++i) to[place(i)] = from[place(i % channels * pixels + i / channels)];
    }
    std::vector<Value> operands = rebuild.inputs(node);
    operands[0] = ops::reshaped(rebuild(moved->inputs[0]), flat_shape);
    operands[1] = rebuild.graph().constant(std::move(changed));
    rebuild.map(node.outputs[0], rebuild.graph().emit_all(*node.op, operands, node.options, node.name).front());
  }
  return remove_dead_nodes(rebuild.finish());
}

}  // namespace

Graph prepare_graph(const Graph& graph, const std::map<std::string, Tensor>& values) {
  const auto stays = [](const OpDef& op) { return !op.kernels.empty() || op.reference || emitters().contains(op.name); };
  const Graph plain = simplify(decompose(simplify(with_groups_as_rows(with_values(graph, values))), stays));
  StateStore memory(graph.table());
  for (const ValueInfo& info : plain.values()) {
    if (info.kind == ValueKind::state) memory.set(info.name, Tensor(info.type));
  }
  return Folding(with_flattened_weights(lay_out(plain, memory))).run();
}

}  // namespace neurons::c
