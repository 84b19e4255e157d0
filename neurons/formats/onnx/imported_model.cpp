#include "neurons/formats/onnx/imported_model.hpp"

#include <algorithm>

#include "neurons/formats/onnx/alone_context.hpp"
#include "neurons/formats/onnx/any_length.hpp"
#include "neurons/formats/onnx/edit.hpp"
#include "neurons/formats/onnx/expand_calls.hpp"
#include "neurons/formats/onnx/importer.hpp"
#include "neurons/formats/onnx/inference_form.hpp"
#include "neurons/formats/onnx/known_part.hpp"
#include "neurons/formats/onnx/lift_weights.hpp"
#include "neurons/formats/onnx/one_sample.hpp"
#include "neurons/layers/emit.hpp"
#include "neurons/ops/common/panels.hpp"
#include "neurons/ops/ops.hpp"

namespace neurons::onnx {

struct ImportedModel::Edited {
  Attributes fields;  ///< that it was made for
  Model model;
  Model towards;  ///< the same with those nodes alone that lead to the result
  std::string output;
  std::set<std::string> behind;  ///< the output: values that it is computed from
  std::set<std::string> fresh;
  std::map<std::string, Role> roles;
};

namespace {

const std::string kAdapterIn = ".lora_a";   // A's name, after the weight's
const std::string kAdapterOut = ".lora_b";  // and B's
constexpr double kAdapterSpread = 0.02;     // of A; B begins at 0, so that an adapter changes nothing at first

/// Whether the initialiser is the matrix of a Gemm or MatMul.
bool is_matrix(const GraphData& graph, const TensorData& data) {
  return data.dims.size() == 2 && std::ranges::any_of(graph.nodes, [&](const NodeData& node) {
           return (node.op_type == "Gemm" || node.op_type == "MatMul") && node.inputs.size() > 1 && node.inputs[1] == data.name;
         });
}

/// Inputs that each neuron of a weight sums, and neurons that each input reaches, as far as its shape tells.
std::pair<std::int64_t, std::int64_t> fans_of(const GraphData& graph, const TensorData& data) {
  if (data.dims.size() < 2) return {1, 1};
  std::int64_t rest = 1;
  for (std::size_t i = 2; i < data.dims.size(); ++i) rest *= data.dims[i];
  const bool rows =
      data.dims.size() > 2 || std::ranges::any_of(graph.nodes, [&](const NodeData& node) {
        const AttributeData* transposed = node.attribute("transB");
        return node.inputs.size() > 1 && node.inputs[1] == data.name && transposed != nullptr && transposed->integer != 0;
      });
  const std::int64_t in = (rows ? data.dims[1] : data.dims[0]) * rest;
  const std::int64_t out = (rows ? data.dims[0] : data.dims[1]) * rest;
  return {in, out};
}

/// W + A · B: W is kept, A and B are learnt.
Value with_adapter(BuildContext& context, const TensorData& data, Value weight, std::int64_t rank) {
  const Shape& shape = weight.shape();
  const ParameterSpec a{{shape[0], rank}, {"normal", static_cast<float>(kAdapterSpread)}, 1, 1, {}};
  const ParameterSpec b{{rank, shape[1]}, {"constant", 0.0F}, 1, 1, {}};
  Graph& graph = context.graph();
  const std::string scope = graph.scope();
  graph.set_scope(data.name + ".lora");
  const Value product =
      graph.emit("MatMul", {context.parameter(data.name + kAdapterIn, a), context.parameter(data.name + kAdapterOut, b)});
  const Value sum = weight + product;
  graph.set_scope(scope);
  return sum;
}

/// W + A · B, as numbers.
Tensor merged(const Tensor& weight, const Tensor& a, const Tensor& b) {
  const auto rows = static_cast<std::size_t>(weight.shape()[0]);
  const auto columns = static_cast<std::size_t>(weight.shape()[1]);
  const auto rank = static_cast<std::size_t>(a.shape()[1]);
  Tensor result = weight;
  const auto sums = result.values<float>();
  const auto left = a.values<float>();
  const auto right = b.values<float>();
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t r = 0; r < rank; ++r) {
      for (std::size_t c = 0; c < columns; ++c) sums[row * columns + c] += left[row * rank + r] * right[r * columns + c];
    }
  }
  return result;
}

/// Rows of one number that a view made of samples' numbers, put beside each other again: an output [2 · batch, 1] of y [batch, 2]
/// is y.
Value by_samples(Value y, std::int64_t batch) {
  Value before = y;
  for (;;) {
    if (before.shape().rank() == 0) return y;
    if (before.shape()[0] == batch) break;
    const Node* node = ops::producer(before);
    if (node == nullptr) return y;
    const std::string& op = node->op->name;
    if (op != "Reshape" && op != "Flatten" && op != "Squeeze" && op != "Unsqueeze" && op != "Identity") return y;
    before = y.graph().value(node->inputs[0]);
  }
  const bool are_single = y.shape().product(1, y.shape().rank()) == 1;
  if (before == y || batch == 0 || !are_single) return y;
  return reshape(y, {batch, y.shape().elements() / batch});
}

}  // namespace

const ImportedModel::Edited& ImportedModel::edited() const {
  const Attributes fields = attributes_of(*this);
  if (edited_ && edited_->fields == fields) return *edited_;
  auto made = std::make_shared<Edited>();
  made->fields = fields;
  made->model = known_part(model ? *model : read(file), *ops::table(), output);
  const std::string& path = made->model.path;
  made->output = output.empty() ? only_output(made->model) : output;
  try {
    GraphData& graph = made->model.graph;
    to_inference_form(made->model);
    lift_weights(made->model);
    keep_one_sample(made->model);
    made->roles = roles_of(made->model, *ops::table());
    if (head > 0 || lora > 0 || dropout > 0) expand_calls(made->model);  // whose weighted sums are looked for
    if (head < 0) fail_input("head = {} must be 0 (the model's own) or a number of neurons", head);
    if (lora < 0) fail_input("lora = {} must be 0 (none) or a rank", lora);
    if (!(dropout >= 0 && dropout < 1)) fail_input("dropout = {} must be in [0, 1)", dropout);
    require_output(graph, made->output);
    if (head > 0) made->fresh = onnx::replace_head(graph, made->output, head);
    if (dropout > 0) insert_dropout(graph, made->output, static_cast<float>(dropout));
    for (const auto& [name, role] : roles_of(made->model, *ops::table())) made->roles.emplace(name, role);  // those that are new
    made->behind = values_behind(graph, made->output);
    if (lora > 0 && made->fresh.empty()) {
      const auto takes_adapter = [&](const TensorData& data) {
        return made->roles.at(data.name) == Role::parameter && made->behind.contains(data.name) && is_matrix(graph, data);
      };
      if (std::ranges::none_of(graph.initializers, takes_adapter)) {
        fail_input(
            "lora = {}: no Gemm or MatMul that leads to \"{}\" has a matrix of its own on the right, beside which adapters could "
            "stand (weights of Conv, Einsum, bodies of If and on the left take none); leave lora out",
            lora, made->output);
      }
    }
    made->towards = made->model;
    made->towards.graph.outputs = {{made->output, ElementType::undefined, true, std::nullopt}};
    std::erase_if(made->towards.graph.nodes, [&](const NodeData& node) {
      return std::ranges::none_of(node.outputs, [&](const std::string& name) { return made->behind.contains(name); });
    });
  } catch (const InputError& error) {
    throw InputError(fmt::format("{}: {}", path, error.what()));
  }
  edited_ = std::move(made);
  return *edited_;
}

ImportedModel::Results ImportedModel::build_all(BuildContext& context, const std::vector<Value>& inputs) const {
  const std::string& path = edited().model.path;
  try {
    return import(context, inputs);
  } catch (const InputError& error) {
    const std::string_view message = error.what();
    if (message.starts_with(path + ": ")) throw;
    throw InputError(fmt::format("{}: {}", path, message));
  }
}

ImportedModel::Results ImportedModel::import(BuildContext& context, const std::vector<Value>& inputs) const {
  const Edited& from = edited();
  const GraphData& nodes = from.model.graph;
  std::map<std::string, Value> given;
  for (const ValueData* input : nodes.given_inputs()) {
    if (given.size() == inputs.size()) fail_input("the model has more inputs than the {} that flow in", inputs.size());
    given.emplace(input->name, inputs[given.size()]);
  }
  ImportOptions options;
  options.single_precision = true;
  options.roles = &from.roles;
  if (!inputs.empty() && inputs.front().shape().rank() > 0) options.batch = {inputs.front().shape()[0], written_batch(nodes)};
  const bool training = context.mode() == Mode::training;
  options.initializer = [&](Graph&, const TensorData& data, const TensorType& type, Role role) {
    const auto [fan_in, fan_out] = fans_of(nodes, data);
    const bool learns = role == Role::parameter && from.behind.contains(data.name);
    const bool adapted = lora > 0 && learns && is_matrix(nodes, data) && !from.fresh.contains(data.name);
    const bool bias = data.dims.size() < 2;
    const bool frozen_by_adapters = lora > 0 && !from.fresh.contains(data.name);
    const ParameterSpec spec{
        type.shape, bias ? Initializer{"constant", 0.0F} : Initializer{}, fan_in, fan_out, {}, learns && !frozen_by_adapters};
    const Value value = context.parameter(data.name, spec);
    return adapted ? with_adapter(context, data, value, lora) : value;
  };
  if (training) {
    options.trains_statistic = [&](const std::string& name) {
      const auto role = from.roles.find(name);
      return lora == 0 && role != from.roles.end() && role->second == Role::statistic && !context.is_frozen(name);
    };
    if (dropout > 0) {
      std::int64_t number = 0;
      options.drop = [&context, number, ratio = dropout](Value x, double) mutable {
        const auto seed = static_cast<std::int64_t>(context.layer_seed()) + number++;
        return emit_with("Dropout", {x, context.step()}, {{"ratio", ratio}, {"seed", seed}});
      };
    }
  }
  const std::string scope = context.graph().scope();
  const Model& used = training ? from.towards : from.model;
  Importer importer(used, context.graph(), options);
  const std::vector<Value> outputs = importer.run(given);
  context.graph().set_scope(scope);
  Value own = importer.value(from.output);
  if (options.batch) own = by_samples(own, options.batch->wanted);
  const Scores found = scores_of(own);
  const bool drops_activation = head > 0 && !scores;  // a head for values has none
  Results results{scores || drops_activation ? found.value : own, {}, found.ending};
  for (std::size_t i = 0; i < outputs.size() && !training; ++i) {
    const bool changed = drops_activation && nodes.outputs[i].name == from.output;
    results.outputs.emplace_back(nodes.outputs[i].name, changed ? found.value : outputs[i]);
  }
  return results;
}

std::map<std::string, Tensor> ImportedModel::values() const {
  if (file.empty() && !model) return {};
  const Edited& from = edited();
  std::map<std::string, Tensor> result;
  for (const TensorData& data : from.model.graph.initializers) {
    const auto role = from.roles.find(data.name);
    if (role == from.roles.end() || role->second == Role::constant || from.fresh.contains(data.name)) continue;
    try {
      Tensor value = to_tensor(data, from.model.folder);
      if (value.dtype() != DType::f32) value = value.cast(DType::f32);
      result.emplace(data.name, std::move(value));
    } catch (const InputError& error) {
      throw InputError(fmt::format("{}: {}", from.model.path, error.what()));
    }
  }
  return result;
}

std::vector<Network::Input> inputs_of(const Model& model) {
  std::vector<Network::Input> result;
  for (const ValueData* given : model.graph.given_inputs()) {
    const ValueData& input = *given;
    const auto dtype = dtype_of(input.type);
    if (!input.is_tensor || !dtype)
      fail_input("{}: input \"{}\" is of {}, which has no place here", model.path, input.name, name_of(input.type));
    if (!input.dims || input.dims->empty()) {
      fail_input("{}: input \"{}\" has no first axis, so there is no batch to train with", model.path, input.name);
    }
    const std::vector<std::int64_t> sample = input.extents(1);
    result.push_back({input.name, Shape(std::span<const std::int64_t>(sample)), *dtype == DType::f64 ? DType::f32 : *dtype});
  }
  return result;
}

Network to_network(std::shared_ptr<const Model> model, const LoadOptions& options) {
  Network network;
  std::vector<Network::Tap> taps;
  for (const Network::Input& input : inputs_of(*model)) {
    const auto sample = options.samples.find(input.name);
    taps.push_back(network.input(input.name, sample == options.samples.end() ? input.sample : sample->second, input.dtype));
  }
  ImportedModel layer;
  layer.file = model->path;
  layer.output = options.output;
  layer.scores = options.scores;
  layer.model = std::move(model);
  const std::string name = options.output.empty() ? only_output(*layer.model) : options.output;
  network.output(name, network.add(Layer(layer), taps, "model"));
  network.parameter_types();  // builds it once: what is wrong with it is said now
  return network;
}

Network load(const std::filesystem::path& path, const LoadOptions& options) {
  return to_network(std::make_shared<const Model>(known_part(read(path), *ops::table(), options.output)), options);
}

namespace {

/// The same network with its layer changed; parameters of the same name and type keep their values, what is frozen stays so.
Network with_layer(const Network& network, const ImportedModel& layer) {
  Network changed(network.table());
  std::vector<Network::Tap> taps;
  for (const Network::Input& input : network.inputs()) taps.push_back(changed.input(input.name, input.sample, input.dtype));
  changed.output(network.outputs().front().name, changed.add(Layer(layer), taps, network.layers().front().name));
  for (const auto& [name, type] : changed.parameter_types()) {
    const auto known = network.parameters().find(name);
    if (known != network.parameters().end() && known->second.type() == type) changed.set_parameter(name, known->second);
    if (network.is_frozen(name)) changed.freeze(name);
  }
  return changed;
}

/// The same network with its adapters added to the weights that they stand beside.
Network without_adapters(const Network& network, ImportedModel layer) {
  layer.lora = 0;
  Network result = with_layer(network, layer);
  for (const auto& [name, weight] : network.parameters()) {
    const auto a = network.parameters().find(name + kAdapterIn);
    const auto b = network.parameters().find(name + kAdapterOut);
    if (a != network.parameters().end() && b != network.parameters().end()) {
      result.set_parameter(name, merged(weight, a->second, b->second));
    }
  }
  return result;
}

using NamedValue = std::pair<std::string, Value>;

/// The one layer of a network, for inference.
ImportedModel::Results build_alone(const Network& network, const ImportedModel& layer, Graph& graph, std::int64_t batch) {
  std::vector<Value> inputs;
  for (const Network::Input& input : network.inputs()) {
    std::vector<std::int64_t> extents(input.sample.extents().begin(), input.sample.extents().end());
    extents.insert(extents.begin(), batch);
    inputs.push_back(graph.input(input.name, {input.dtype, Shape(std::span<const std::int64_t>(extents))}));
  }
  std::vector<Value> given;
  for (const int call : network.calls()[static_cast<std::size_t>(network.outputs().front().call)].from) {
    given.push_back(inputs.at(static_cast<std::size_t>(call)));  // inputs are the first calls
  }
  AloneContext context(graph, Mode::inference);
  return layer.build_all(context, given);
}

}  // namespace

const ImportedModel* imported_in(const Network& network) {
  return network.layers().size() == 1 ? network.layers().front().layer.as<ImportedModel>() : nullptr;
}

std::string left_out_of(const Network& network) {
  const ImportedModel* imported = imported_in(network);
  return imported == nullptr ? "" : imported->edited().model.left_out;
}

OutputNumbers output_numbers(const Network& network) {
  const ImportedModel* imported = imported_in(network);
  if (imported == nullptr) return {};
  Graph graph(network.table());
  const ImportedModel::Results built = build_alone(network, *imported, graph, 1);
  const auto own = std::ranges::find(built.outputs, imported->edited().output, &NamedValue::first);
  const Shape& shape = own->second.shape();
  return {built.ending, shape.rank() == 0 ? 1 : shape.product(1, shape.rank())};
}

Graph graph_with_all_outputs(const Network& network, std::int64_t batch) {
  Graph graph(network.table());
  const ImportedModel* imported = imported_in(network);
  if (imported == nullptr) {
    network.build(graph, batch, Mode::inference);
    return graph;
  }
  const ImportedModel::Results built = build_alone(network, *imported, graph, batch);
  const std::string& own = imported->edited().output;
  const bool shared = std::ranges::any_of(
      built.outputs, [&](const NamedValue& other) { return other.first != own && other.second == built.result; });
  graph.output(network.outputs().front().name, shared ? graph.emit("Identity", {built.result}) : built.result);
  for (const auto& [name, value] : built.outputs) {
    if (name != own) graph.output(name, value);
  }
  return graph;
}

void replace_head(Network& network, std::int64_t outputs) {
  const ImportedModel* imported = imported_in(network);
  if (imported == nullptr) fail_input("the network is no imported model: it has layers of its own");
  ImportedModel layer = *imported;
  layer.head = outputs;
  layer.scores = true;
  network = with_layer(network, layer);
}

Network with_scores(const Network& network, bool scores) {
  const ImportedModel* imported = imported_in(network);
  if (imported == nullptr || imported->scores == scores) return network;
  ImportedModel layer = *imported;
  layer.scores = scores;
  return with_layer(network, layer);
}

Model to_model(const Network& network, const SaveOptions& options) {
  ExportOptions how;
  how.metadata = options.metadata;
  const ImportedModel* imported = imported_in(network);
  if (imported != nullptr && imported->lora > 0) return to_model(without_adapters(network, *imported), options);
  const ImportedModel::Edited* from = imported == nullptr ? nullptr : &imported->edited();
  if (from != nullptr) {
    how.metadata.insert(from->model.metadata.begin(), from->model.metadata.end());
    how.name = from->model.graph.name;
    if (from->model.opsets.contains("")) how.opset = std::clamp(from->model.opset(), kOldestWritten, kNewestWritten);
  }
  how.or_later = options.opset == 0;
  if (options.opset != 0) how.opset = options.opset;
  const auto graph = [&](std::int64_t batch) {
    Graph built(network.table());
    if (imported == nullptr) {
      network.build(built, batch, Mode::inference);
      return built;
    }
    const ImportedModel::Results results = build_alone(network, *imported, built, batch);
    const std::string& own = network.outputs().front().name;
    const bool taken = own != from->output && std::ranges::count(results.outputs, own, &NamedValue::first) > 0;
    for (const auto& [name, value] : results.outputs) built.output(name == from->output && !taken ? own : name, value);
    return built;
  };
  const ValueOfState value_of = [&](const std::string& name) { return network.parameter(name); };
  if (!options.any_length) return to_model(graph, value_of, how);
  how.waves = waves_in(network);
  return to_model(variants_of_length(network), value_of, how);
}

void save(const Network& network, const std::filesystem::path& path, const SaveOptions& options) {
  write(path, to_model(network, options));
}

}  // namespace neurons::onnx
