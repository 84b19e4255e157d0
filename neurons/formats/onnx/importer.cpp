#include "neurons/formats/onnx/importer.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "neurons/base/suggest.hpp"
#include "neurons/formats/onnx/operators.hpp"
#include "neurons/plan/plan.hpp"

namespace neurons::onnx {
namespace {

constexpr std::int64_t kMostFolded = 4096;   // elements of a result that is computed at import
constexpr std::int64_t kMostRead = 1 << 20;  // of what it is computed from

/// Inputs of operators with rules that must be known at import (ops say theirs in OpDef::onnx_inputs), and those that say where and
/// how much, through which nothing is learnt.
constexpr std::array kKnown = {std::pair(std::string_view("Upsample"), 1U),
                               std::pair(std::string_view("OneHot"), 2U),
                               std::pair(std::string_view("Unique"), 0U),
                               std::pair(std::string_view("NonZero"), 0U),
                               std::pair(std::string_view("RotaryEmbedding"), 1U),
                               std::pair(std::string_view("RotaryEmbedding"), 2U),
                               std::pair(std::string_view("RoiAlign"), 1U),
                               std::pair(std::string_view("NegativeLogLikelihoodLoss"), 2U),
                               std::pair(std::string_view("SoftmaxCrossEntropyLoss"), 2U)};

DType imported(DType dtype, const ImportOptions& options) {
  return options.single_precision && dtype == DType::f64 ? DType::f32 : dtype;
}

std::string title_of(const NodeData& node) {
  const std::string name = name_of(node);
  return name.empty() ? operator_of(node) : fmt::format("{} ({})", name, operator_of(node));
}

/// `fault` without the names that a graph puts before what an op refuses: the title of its node says them.
std::string_view without_names(std::string_view fault, std::string_view scope, std::string_view op) {
  for (const std::string_view name : {scope, op}) {
    if (!name.empty() && fault.starts_with(name) && fault.substr(name.size()).starts_with(": "))
      fault.remove_prefix(name.size() + 2);
  }
  return fault;
}

/// As the file has it; its first extent `batch` where that is left open.
Shape shape_of(const ValueData& value, std::int64_t batch) {
  std::vector<std::int64_t> extents = value.extents();
  if (!extents.empty() && !std::holds_alternative<std::int64_t>(value.dims->front())) extents.front() = batch;
  return Shape(std::span<const std::int64_t>(extents));
}

bool is_number(DType dtype) { return dtype == DType::f32 || dtype == DType::f64; }

/// Nodes in an order in which each stands after what it reads. Throws InputError naming a value that nothing computes, or a cycle.
std::vector<const NodeData*> in_order(const std::vector<NodeData>& nodes) {
  std::unordered_map<std::string, const NodeData*> makers;
  for (const NodeData& node : nodes) {
    for (const std::string& output : node.outputs) {
      if (output.empty()) continue;
      if (!makers.emplace(output, &node).second) fail_input("value \"{}\" is computed twice", output);
    }
  }
  enum class Mark : std::uint8_t { open, done };
  std::unordered_map<const NodeData*, Mark> marks;
  std::vector<const NodeData*> order;
  std::vector<std::pair<const NodeData*, std::size_t>> stack;  // a node and its next input
  for (const NodeData& first : nodes) {
    if (marks.contains(&first)) continue;
    stack.push_back({&first, 0});
    marks[&first] = Mark::open;
    while (!stack.empty()) {
      auto& [node, next] = stack.back();
      if (next == node->inputs.size()) {
        marks[node] = Mark::done;
        order.push_back(node);
        stack.pop_back();
        continue;
      }
      const auto maker = makers.find(node->inputs[next++]);
      if (maker == makers.end()) continue;
      const auto mark = marks.find(maker->second);
      if (mark == marks.end()) {
        marks[maker->second] = Mark::open;
        stack.push_back({maker->second, 0});
      } else if (mark->second == Mark::open) {
        fail_input("{} reads \"{}\", which needs its own result: the graph goes in a circle", title_of(*node), maker->first);
      }
    }
  }
  return order;
}

/// What values are other names of: exporters lead equal weights through Identity nodes.
class Aliases {
 public:
  explicit Aliases(const GraphData& graph) {
    for (const NodeData& node : graph.nodes) {
      if (node.op_type == "Identity" && !node.inputs.empty() && !node.outputs.empty()) sources_[node.outputs[0]] = node.inputs[0];
    }
  }
  /// The value behind all Identity nodes; some value of a cycle where they form one.
  const std::string& origin(const std::string& value) const {
    const std::string* name = &value;
    for (std::size_t step = 0; step < sources_.size(); ++step) {
      const auto source = sources_.find(*name);
      if (source == sources_.end()) break;
      name = &source->second;
    }
    return *name;
  }

 private:
  std::unordered_map<std::string, std::string> sources_;
};

/// Which inputs are taken as known when the model is compiled.
enum class Known : std::uint8_t { none, integers, all };

ImportOptions options_for(const std::map<std::string, Tensor>& inputs, Known known) {
  ImportOptions options;
  for (const auto& [name, tensor] : inputs) {
    const bool taken = known == Known::all || (known == Known::integers && !is_number(tensor.dtype()));
    if (taken && tensor.elements() <= kMostFolded) {
      options.known.emplace(name, tensor);
    } else {
      options.shapes.emplace(name, tensor.shape());
    }
  }
  return options;
}

}  // namespace

namespace {

/// Finds out what values are for by how nodes read them, those of bodies and functions, too.
class Roles {
 public:
  Roles(const Model& model, const OpTable& table) : model_(model), names_(table), aliases_(model.graph) {}

  using ByName = std::map<std::string, Role>;
  /// Roles that the nodes give to the names in `roles`. Statistics in bodies and functions are constants: several steps or calls
  /// cannot each update them.
  void look(const std::vector<NodeData>& nodes, bool main, ByName& roles) {
    const auto set = [&](const std::string& name, Role role) {
      if (const auto found = roles.find(name); found != roles.end()) found->second = role;
    };
    for (const NodeData& node : nodes) {
      for (const AttributeData& attribute : node.attributes) {
        if (attribute.graph) look(attribute.graph->nodes, false, roles);
      }
      if (const FunctionData* function = find_function(model_, node)) {
        const ByName& inner = of(*function);
        for (std::size_t i = 0; i < std::min(node.inputs.size(), function->inputs.size()); ++i) {
          const Role role = inner.at(function->inputs[i]);
          if (role != Role::parameter) set(node.inputs[i], role);
        }
        continue;
      }
      for (const auto& [known, index] : kKnown) {
        if (node.op_type != known || index >= node.inputs.size()) continue;
        set(node.inputs[index], Role::constant);
        const NodeData* maker = maker_of(nodes, node.inputs[index]);  // a table that all samples share is expanded to each
        if (maker != nullptr && maker->op_type == "Expand" && !maker->inputs.empty()) set(maker->inputs.front(), Role::constant);
      }
      const OpDef* op = names_.find(node.domain, node.op_type);
      if (op == nullptr) continue;
      for (const OnnxInput& input : op->onnx_inputs) {
        if (input.index < node.inputs.size()) set(node.inputs[input.index], Role::constant);
      }
      if (node.op_type == "BatchNormalization") {
        for (std::size_t i = 3; i < node.inputs.size(); ++i) {
          const std::string& name = main ? aliases_.origin(node.inputs[i]) : node.inputs[i];
          set(name, main && statistics_.insert(name).second ? Role::statistic : Role::constant);
        }
      }
    }
  }

 private:
  /// Of a function's inputs.
  const ByName& of(const FunctionData& function) {
    const auto [known, fresh] = functions_.try_emplace(&function);
    if (!fresh) return known->second;
    ByName& roles = known->second;
    for (const std::string& input : function.inputs) roles[input] = Role::parameter;
    if (++depth_ <= kDeepestCall) look(function.nodes, false, roles);
    --depth_;
    return roles;
  }

  const Model& model_;
  const OpNames names_;
  const Aliases aliases_;
  int depth_ = 0;
  std::set<std::string> statistics_;  ///< that a normalisation of the graph reads: a second one cannot update them, too
  std::map<const FunctionData*, ByName> functions_;
};

}  // namespace

std::map<std::string, Role> roles_of(const Model& model, const OpTable& table) {
  std::map<std::string, Role> result;
  for (const TensorData& data : model.graph.initializers) {
    const auto dtype = dtype_of(data.type);
    const bool numbers = dtype && is_number(*dtype) && !data.dims.empty();
    result[data.name] = numbers ? Role::parameter : Role::constant;
  }
  Roles(model, table).look(model.graph.nodes, true, result);
  return result;
}

Importer::Importer(const Model& model, Graph& graph, ImportOptions options)
    : model_(model), graph_(graph), options_(std::move(options)), names_(*graph.table()) {}

void Importer::require_known_operators() const {
  for (const auto& [domain, version] : model_.opsets) {
    if (domain.empty() && (version < kOldestOpset || version > kNewestOpset)) {
      fail_input("is of opset {}; {} to {} can be read: export it with an older opset", version, kOldestOpset, kNewestOpset);
    }
  }
  if (options_.watch) return;  // which is told of each
  if (const std::string unknown = unknown_operators(model_, *graph_.table()); !unknown.empty()) fail_input("{}", unknown);
}

/// A value that cannot be had: an input of the graph where the file says its type and shape.
void Importer::lose(const std::string& name, const std::string& fault) {
  for (const auto* described : {&model_.graph.values, &model_.graph.outputs}) {
    const auto found = std::ranges::find(*described, name, &ValueData::name);
    if (found == described->end() || !found->is_tensor || !found->dims || !dtype_of(found->type) || graph_.has(name)) continue;
    return unless_watched(true, name, [&] {
      scopes_.back()[name] =
          graph_.input(name, {imported(*dtype_of(found->type), options_), shape_of(*found, options_.open_batch)});
    });
  }
  lost_[name] = fault;
}

void Importer::run_watched(const NodeData& node, const std::map<std::string, std::int64_t>& opsets) {
  const std::size_t first = graph_.nodes().size();
  std::string fault;
  const auto lost = std::ranges::find_if(node.inputs, [&](const std::string& input) { return lost_.contains(input); });
  if (find_function(model_, node) == nullptr && find_rule(node.domain, node.op_type) == nullptr &&
      names_.find(node.domain, node.op_type) == nullptr) {
    fault = "is not known here";
  } else if (lost != node.inputs.end()) {
    fault = fmt::format("reads \"{}\", of which nothing is known: {}", *lost, lost_.at(*lost));
  } else {
    try {
      run_node(node, opsets, true);
    } catch (const InputError& error) {
      fault = error.what();
    }
  }
  options_.watch(node, first, fault);
  if (fault.empty()) return;
  const std::string reason = lost == node.inputs.end() ? title_of(node) + " cannot be run" : lost_.at(*lost);
  for (const std::string& output : node.outputs) {
    if (!output.empty()) lose(output, reason);
  }
}

Tensor Importer::tensor(const TensorData& data) const {
  Tensor tensor = to_tensor(data, model_.folder);
  return imported(tensor.dtype(), options_) == tensor.dtype() ? tensor : tensor.cast(DType::f32);
}

void Importer::add_initializers(const GraphData& graph, Scope& scope, bool main) {
  const bool made = main && options_.initializer;
  const bool asked = made && options_.roles == nullptr;
  const std::map<std::string, Role> own = asked ? roles_of(model_, *graph_.table()) : std::map<std::string, Role>{};
  const std::map<std::string, Role>& roles = options_.roles == nullptr ? own : *options_.roles;
  const auto role_of = [&](const TensorData& data) {
    const auto found = made ? roles.find(data.name) : roles.end();
    return found == roles.end() ? Role::constant : found->second;
  };
  const auto add = [&](const TensorData& data) {
    if (scope.contains(data.name)) fail_input("initialiser \"{}\" is there twice", data.name);
    if (const Role role = role_of(data); role != Role::constant) {
      const TensorType stored = stored_type(data, model_.folder);
      const TensorType type{imported(stored.dtype, options_), stored.shape};
      scope[data.name] = options_.initializer(graph_, data, type, role);
    } else {
      const bool nameable = main && !data.name.empty() && !graph_.has(data.name);
      const Value value = graph_.constant(tensor(data), nameable ? data.name : std::string());
      integers_.note(value, data.type);
      scope[data.name] = value;
    }
  };
  for (const TensorData& data : graph.initializers) unless_watched(main, data.name, [&] { add(data); });
}

/// Runs `add`; where faults are watched for, the value is lost instead.
void Importer::unless_watched(bool main, const std::string& name, const std::function<void()>& add) {
  try {
    add();
  } catch (const InputError& error) {
    if (!main || !options_.watch) throw;
    lost_[name] = error.what();
  }
}

void Importer::add_inputs(const std::map<std::string, Value>& given) {
  Scope& scope = scopes_.back();
  for (const ValueData& input : model_.graph.inputs) {
    if (scope.contains(input.name) || lost_.contains(input.name)) continue;  // an initialiser, as files of old list it
    if (const auto value = given.find(input.name); value != given.end()) {
      scope[input.name] = value->second;
      continue;
    }
    if (const auto value = options_.known.find(input.name); value != options_.known.end()) {
      scope[input.name] = graph_.constant(value->second, input.name);
    } else {
      unless_watched(true, input.name, [&] { scope[input.name] = graph_.input(input.name, type_of(input)); });
    }
    if (const auto value = scope.find(input.name); value != scope.end()) integers_.note(value->second, input.type);
  }
}

/// What a caller must give.
TensorType Importer::type_of(const ValueData& input) const {
  if (!input.is_tensor) fail_input("input \"{}\" is no tensor but a sequence, map or optional value", input.name);
  const auto dtype = dtype_of(input.type);
  if (!dtype) fail_input("input \"{}\" is of {}, which has no place here", input.name, name_of(input.type));
  const auto shape = options_.shapes.find(input.name);
  const Shape extents = shape != options_.shapes.end() ? shape->second : shape_of(input, options_.open_batch);
  return {imported(*dtype, options_), extents};
}

std::vector<Value> Importer::run(const std::map<std::string, Value>& given) {
  require_known_operators();
  scopes_.assign(1, {});
  add_initializers(model_.graph, scopes_.back(), true);
  add_inputs(given);
  run_nodes(model_.graph.nodes, model_.opsets, true);
  std::vector<Value> outputs;
  for (const ValueData& output : model_.graph.outputs) {
    const auto found = scopes_.back().find(output.name);
    if (lost_.contains(output.name)) {
      outputs.emplace_back();
      continue;
    }
    if (found == scopes_.back().end() || !found->second) fail_input("output \"{}\" is computed by nothing", output.name);
    if (sequences_.contains(found->second.id())) fail_input("output \"{}\" is a sequence of tensors, not a tensor", output.name);
    outputs.push_back(found->second);
  }
  return outputs;
}

Value Importer::value(const std::string& name) const {
  const auto found = scopes_.front().find(name);
  if (found == scopes_.front().end() || !found->second) fail_input("\"{}\" is computed by nothing", name);
  return found->second;
}

void Importer::run_nodes(const std::vector<NodeData>& nodes, const std::map<std::string, std::int64_t>& opsets, bool main) {
  opsets_.push_back(&opsets);
  for (const NodeData* node : in_order(nodes)) {
    if (main && options_.watch) {
      run_watched(*node, opsets);
    } else {
      run_node(*node, opsets, main);
    }
  }
  opsets_.pop_back();
}

Value Importer::find(const std::string& name, const NodeData& node) const {
  for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
    if (const auto found = scope->find(name); found != scope->end()) return found->second;
  }
  std::vector<std::string> known;
  for (const auto& [value, made] : scopes_.front()) known.push_back(value);
  fail_input("{} reads \"{}\", which is no input, no initialiser and no node's result{}", title_of(node), name,
             did_you_mean(name, known));
}

void Importer::run_node(const NodeData& node, const std::map<std::string, std::int64_t>& opsets, bool main) {
  if (++steps_ > kMostNodes) fail_input("has more than {} nodes once functions are called and loops unrolled", kMostNodes);
  std::vector<Value> inputs;
  for (const std::string& input : node.inputs) inputs.push_back(input.empty() ? Value{} : find(input, node));
  const auto version = opsets.find(node.domain);
  const NodeContext context(*this, node, version == opsets.end() ? 1 : version->second, std::move(inputs), name_of(node));
  std::vector<Value> outputs;
  try {
    if (const FunctionData* function = find_function(model_, node)) {
      outputs = call_function(*function, node, context.inputs);
    } else if (const Rule* rule = find_rule(node.domain, node.op_type)) {
      outputs = (*rule)(context);
      integers_.settle(context, outputs);
    } else {
      outputs = context.as_it_is();
      integers_.settle(context, outputs);
    }
  } catch (const InputError& error) {
    const auto& batch = options_.batch;
    const bool other = main && batch && batch->written > 0 && batch->written != batch->wanted;
    const std::string why =
        other ? fmt::format(" (the file was written for batches of {}, wanted are {})", batch->written, batch->wanted) : "";
    const std::string& scope = context.name.empty() ? graph_.scope() : context.name;
    throw InputError(fmt::format("{}: {}{}", title_of(node), without_names(error.what(), scope, node.op_type), why));
  }
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    const std::string& name = node.outputs[i];
    if (name.empty()) continue;
    if (i >= outputs.size() || !outputs[i]) fail_input("{}: its output {} (\"{}\") is not computed here", title_of(node), i, name);
    scopes_.back()[name] = outputs[i];
    const ValueInfo& info = graph_.info(outputs[i].id());
    if (main && info.kind == ValueKind::computed && !graph_.has(name)) graph_.rename(outputs[i], name);
  }
}

std::vector<Value> Importer::call_function(const FunctionData& function, const NodeData& node, const std::vector<Value>& inputs) {
  if (++depth_ > kDeepestCall) fail_input("the function calls itself");
  const std::vector<NodeData> nodes = body_of(function, node);
  std::vector<Scope> outer = std::move(scopes_);
  scopes_.assign(1, {});
  for (std::size_t i = 0; i < function.inputs.size(); ++i) {
    scopes_.back()[function.inputs[i]] = i < inputs.size() ? inputs[i] : Value{};
  }
  run_nodes(nodes, function.opsets.empty() ? model_.opsets : function.opsets, false);
  std::vector<Value> outputs;
  for (const std::string& output : function.outputs) {
    const auto found = scopes_.back().find(output);
    outputs.push_back(found == scopes_.back().end() ? Value{} : found->second);
  }
  scopes_ = std::move(outer);
  --depth_;
  return outputs;
}

std::vector<Value> Importer::run_body(const GraphData& body, std::span<const Value> given) {
  if (given.size() != body.inputs.size()) fail_input("its body has {} inputs, {} are given", body.inputs.size(), given.size());
  Scope scope;
  for (std::size_t i = 0; i < given.size(); ++i) scope[body.inputs[i].name] = given[i];
  scopes_.push_back(std::move(scope));
  add_initializers(body, scopes_.back(), false);
  run_nodes(body.nodes, *opsets_.back(), false);
  std::vector<Value> outputs;
  for (const ValueData& output : body.outputs) outputs.push_back(find(output.name, {}));
  scopes_.pop_back();
  return outputs;
}

/// The node's outputs; constants where all that it reads is known and what it gives is small.
std::vector<Value> Importer::emit(const OpDef& op, const std::vector<Value>& inputs, const Options& options,
                                  const std::string& name) {
  const auto is_known = [&](const Value& value) {
    return !value || (graph_.info(value.id()).kind == ValueKind::constant && value.shape().elements() <= kMostRead);
  };
  if (!std::ranges::all_of(inputs, is_known)) return graph_.emit_all(op, inputs, options, name);
  Graph alone(graph_.table());
  std::vector<Value> constants;
  for (const Value& value : inputs) constants.push_back(value ? alone.constant(*graph_.info(value.id()).constant) : Value{});
  const std::vector<Value> outputs = alone.emit_all(op, constants, options, name);
  for (const Value& output : outputs) {
    if (output.shape().elements() > kMostFolded) return graph_.emit_all(op, inputs, options, name);
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) alone.output(std::to_string(i), outputs[i]);
  Plan plan = compile(alone, std::make_shared<StateStore>(alone.table()));
  plan.run();
  std::vector<Value> results;
  for (std::size_t i = 0; i < outputs.size(); ++i) results.push_back(graph_.constant(plan.output(std::to_string(i)).copy()));
  return results;
}

Graph to_graph(const Model& model, const std::shared_ptr<const OpTable>& table, ImportOptions options) {
  try {
    Graph graph(table);
    Importer importer(model, graph, std::move(options));
    const std::vector<Value> outputs = importer.run();
    for (std::size_t i = 0; i < outputs.size(); ++i) graph.output(model.graph.outputs[i].name, outputs[i]);
    return graph;
  } catch (const InputError& error) {
    throw InputError(fmt::format("{}: {}", model.path, error.what()));
  }
}

Graph to_graph(const Model& model, const std::shared_ptr<const OpTable>& table, const std::map<std::string, Tensor>& inputs) {
  for (const Known known : {Known::none, Known::integers}) {
    try {
      return to_graph(model, table, options_for(inputs, known));
    } catch (const InputError&) {  // the last attempt's error is the one that counts
    }
  }
  return to_graph(model, table, options_for(inputs, Known::all));
}

}  // namespace neurons::onnx
