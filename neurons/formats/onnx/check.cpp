#include "neurons/formats/onnx/check.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <new>
#include <optional>
#include <set>
#include <span>

#include "neurons/base/machine_memory.hpp"
#include "neurons/base/suggest.hpp"
#include "neurons/formats/onnx/alone_context.hpp"
#include "neurons/formats/onnx/edit.hpp"
#include "neurons/formats/onnx/exporter.hpp"
#include "neurons/formats/onnx/given_shapes.hpp"
#include "neurons/formats/onnx/imported_model.hpp"
#include "neurons/formats/onnx/importer.hpp"
#include "neurons/formats/onnx/inference_form.hpp"
#include "neurons/formats/onnx/known_part.hpp"
#include "neurons/formats/onnx/lift_weights.hpp"
#include "neurons/formats/onnx/one_sample.hpp"
#include "neurons/formats/onnx/operators.hpp"
#include "neurons/graph/gradients.hpp"
#include "neurons/graph/rewrite.hpp"
#include "neurons/plan/plan.hpp"

namespace neurons::onnx {
namespace {

struct Alternative {
  std::string_view begin;  ///< of operators' names
  std::string_view advice;
};
constexpr std::array kAlternatives = {
    Alternative{"QLinear", "export the model with DequantizeLinear and the operator in floats instead (QDQ form)"},
    Alternative{"NonMaxSuppression", "end the model before it, at boxes and scores, and suppress in the program"},
    Alternative{"Sequence", "export the model with tensors only: Concat or Split in place of sequences"},
    Alternative{"ConcatFromSequence", "export the model with Concat in place of sequences"},
    Alternative{"SplitToSequence", "export the model with Split in place of sequences"},
    Alternative{"Optional", "export the model with tensors only"},
    Alternative{"Random", "give the random numbers as an input"},
    Alternative{"Bernoulli", "give the random numbers as an input"},
    Alternative{"Multinomial", "end the model at the probabilities and draw in the program"},
    Alternative{"String", "prepare texts in the program and give their numbers as an input"},
    Alternative{"TfIdf", "prepare texts in the program and give their numbers as an input"},
    Alternative{"If", "export the model for the branch that you need"},
    Alternative{"Loop", "export the model with a fixed number of steps"},
};

std::string advice_for(const std::string& op, const OpTable& table) {
  const auto* found = std::ranges::find_if(kAlternatives, [&](const Alternative& known) { return op.starts_with(known.begin); });
  if (found != kAlternatives.end()) return fmt::format("; {}", found->advice);
  std::vector<std::string> names;
  for (const OpDef* known : table.all()) {
    for (const OnnxName& name : known->onnx) names.push_back(name.name);
  }
  return std::ranges::find(names, op) == names.end() ? did_you_mean(op, names) : "";
}

bool has_gradient(DType dtype) { return dtype == DType::f32 || dtype == DType::f64; }

/// One node of a graph alone: its inputs become inputs, known ones stay known.
struct Alone {
  Alone(const Graph& from, const Node& node) : graph(from.table()) {
    for (const int id : node.inputs) {
      if (id < 0) {
        inputs.emplace_back();
        continue;
      }
      const ValueInfo& info = from.info(id);
      const std::string name = "input" + std::to_string(inputs.size());
      inputs.push_back(info.kind == ValueKind::constant ? graph.constant(*info.constant) : graph.input(name, info.type));
      if (info.kind != ValueKind::constant && has_gradient(info.type.dtype)) floats.push_back(inputs.back());
    }
    outputs = graph.emit_all(*node.op, inputs, node.options, node.name);
  }
  Graph graph;
  std::vector<Value> inputs;
  std::vector<Value> floats;  ///< inputs that gradients could reach
  std::vector<Value> outputs;
};

/// Gradients whose seed is given, so that no ones are made for it.
std::vector<Value> with_given_seed(Value result, const std::vector<Value>& with_respect_to) {
  return gradients(result, with_respect_to, result.graph().input("check.seed", result.type()));
}

/// Why no gradient passes a node; empty where it does, or where there is nothing that could learn.
std::string why_no_gradient(const Graph& graph, const Node& node) {
  Alone alone(graph, node);
  if (alone.floats.empty()) return "";
  bool passes = false;
  for (const Value& output : alone.outputs) {
    if (!has_gradient(output.type().dtype)) continue;
    passes = true;
    Alone again(graph, node);
    try {
      with_given_seed(again.outputs[static_cast<std::size_t>(&output - alone.outputs.data())], again.floats);
      return "";
    } catch (const InputError& error) {
      if (node.op->not_differentiable.empty()) return error.what();
    }
  }
  if (!node.op->not_differentiable.empty()) return "no gradient passes: " + node.op->not_differentiable;
  return passes ? "no gradient passes" : "no gradient passes: its results are no floats";
}

/// Why a node cannot be written; empty where it can.
std::string why_not_written(const Graph& graph, const Node& node) {
  if (can_be_written(*node.op, kNewestWritten)) return "";
  try {
    Alone alone(graph, node);
    alone.graph.output("result", alone.outputs.front());
    decompose(alone.graph, [](const OpDef& op) { return can_be_written(op, kNewestWritten); });
    return "";
  } catch (const InputError&) {
    return fmt::format("ONNX's opset {} has no operator for {}", kNewestWritten, node.op->name);
  }
}

class Checker {
 public:
  Checker(const Model& model, const std::shared_ptr<const OpTable>& table, const CheckOptions& options)
      : model_(model), table_(table), options_(options), graph_(table), lifted_(model) {
    lift_weights(lifted_);
  }

  Check run() {
    require_known_inputs();
    result_.notes = given_.notes;
    result_.producer = model_.producer_name + (model_.producer_version.empty() ? "" : " " + model_.producer_version);
    result_.opset = model_.opset();
    Importer importer(model_, graph_, import_options());
    const std::vector<Value> outputs = importer.run();
    describe_values(importer, outputs);
    note_types();
    count_numbers();
    result_.runs = std::ranges::all_of(result_.nodes, &NodeVerdict::runs) && std::ranges::all_of(outputs, &Value::operator bool);
    result_.exports = result_.runs && std::ranges::all_of(result_.nodes, &NodeVerdict::exports);
    if (!result_.runs) {
      note_known_part();
      return std::move(result_);
    }
    for (std::size_t i = 0; i < outputs.size(); ++i) graph_.output(result_.outputs[i].name, outputs[i]);
    measure_run();
    if (result_.runs) try_training(outputs);
    note_memory();
    return std::move(result_);
  }

 private:
  void require_known_inputs() const {
    std::vector<std::string> names;
    for (const ValueData& input : model_.graph.inputs) names.push_back(input.name);
    for (const auto& [name, shape] : options_.shapes) {
      if (std::ranges::find(names, name) == names.end()) {
        fail_input("there is no input \"{}\"{}", name, nearest_or_all(name, names));
      }
    }
  }

  ImportOptions import_options() {
    ImportOptions result;
    result.single_precision = true;
    result.shapes = given_.shapes;
    result.open_batch = given_.batch;
    result.initializer = [this](Graph&, const TensorData& data, const TensorType& type, Role) {
      return graph_.state(data.name, type);
    };
    result.watch = [this](const NodeData& node, std::size_t first, const std::string& fault) { add(node, first, fault); };
    return result;
  }

  void add(const NodeData& node, std::size_t first, const std::string& fault) {
    NodeVerdict verdict;
    verdict.name = name_of(node);
    verdict.op = operator_of(node);
    if (!fault.empty()) {
      const std::string title = fmt::format("{} ({}): ", verdict.name, verdict.op);
      verdict.runs = verdict.trains = verdict.exports = false;
      verdict.reason = fault.starts_with(title) ? fault.substr(title.size()) : fault;
      if (!verdict.reason.starts_with("reads \"")) verdict.reason += advice_for(node.op_type, *table_);
    }
    for (std::size_t i = first; i < graph_.nodes().size() && fault.empty(); ++i) look_at(graph_.nodes()[i], verdict);
    result_.nodes.push_back(std::move(verdict));
  }

  void look_at(const Node& node, NodeVerdict& verdict) {
    const std::string key = node.op->name + node.options.to_string();
    if (!looked_at_.contains(key)) looked_at_[key] = {why_no_gradient(graph_, node), why_not_written(graph_, node)};
    const auto& [gradient, writing] = looked_at_[key];
    verdict.trains = verdict.trains && gradient.empty();
    verdict.exports = verdict.exports && writing.empty();
    for (const std::string& reason : {gradient, writing}) {
      if (!reason.empty() && verdict.reason.find(reason) == std::string::npos) {
        verdict.reason += (verdict.reason.empty() ? "" : "; ") + reason;
      }
    }
  }

  /// Outputs that can be had where others cannot.
  void note_known_part() {
    const Model part = known_part(model_, *table_);
    if (part.left_out.empty()) return;
    std::vector<std::string> names;
    for (const ValueData& output : part.graph.outputs) names.push_back(fmt::format("\"{}\"", output.name));
    result_.notes.push_back(fmt::format("{} can be run, trained and exported alone: {}", fmt::join(names, ", "), part.left_out));
  }

  void describe_values(const Importer& importer, const std::vector<Value>& outputs) {
    for (const ValueData* input : model_.graph.given_inputs()) {
      const bool had = graph_.has(input->name);
      result_.inputs.push_back(
          {input->name, had ? graph_.find(input->name).type().to_string() : importer.faults().at(input->name)});
    }
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      result_.outputs.push_back({model_.graph.outputs[i].name, outputs[i] ? outputs[i].type().to_string() : "not known"});
    }
  }

  void note_types() {
    std::set<ElementType> types;
    for (const TensorData& data : model_.graph.initializers) types.insert(data.type);
    for (const ValueData& input : model_.graph.inputs) types.insert(input.type);
    for (const ElementType type : {ElementType::f16, ElementType::bf16, ElementType::f64}) {
      if (types.contains(type))
        result_.notes.push_back(fmt::format("what is {} in the file is computed in float32", name_of(type)));
    }
  }

  /// Parameters, wherever they stand in the file, and other numbers that are stored.
  void count_numbers() {
    const std::map<std::string, Role> roles = roles_of(lifted_, *table_);
    for (const TensorData& data : lifted_.graph.initializers) {
      try {
        const std::int64_t elements = stored_type(data, model_.folder).shape.elements();
        const bool learns = roles.at(data.name) == Role::parameter;
        (learns ? result_.parameters : result_.fixed) += elements;
        if (learns) parameters_.push_back(data.name);
      } catch (const InputError&) {  // its reader says so
      }
    }
  }

  /// None where even that takes more memory than there is, or more addresses.
  std::optional<Plan> look(const Graph& graph) const {
    CompileOptions only;
    only.look_only = true;
    try {
      return compile(graph, std::make_shared<StateStore>(table_), only);
    } catch (const RuntimeError&) {
      return std::nullopt;
    } catch (const std::bad_alloc&) {
      return std::nullopt;
    }
  }

  /// Numbers that are kept between runs, and inputs.
  static std::size_t kept_bytes(const Graph& graph) {
    std::size_t bytes = 0;
    for (const ValueInfo& info : graph.values()) bytes += info.kind == ValueKind::computed ? 0 : info.type.bytes();
    return bytes;
  }

  /// What the largest node reads and gives, and what is kept.
  static std::size_t least_bytes(const Graph& graph) {
    std::size_t largest = 0;
    for (const Node& node : graph.nodes()) {
      std::set<int> values(node.inputs.begin(), node.inputs.end());
      values.insert(node.outputs.begin(), node.outputs.end());
      std::size_t bytes = 0;
      for (const int id : values) {
        if (id >= 0 && graph.info(id).kind == ValueKind::computed) bytes += graph.info(id).type.bytes();
      }
      largest = std::max(largest, bytes);
    }
    return largest + kept_bytes(graph);
  }

  void measure_run() {
    std::optional<Plan> plan;
    try {
      plan = look(graph_);
    } catch (const InputError& error) {
      result_.runs = result_.exports = false;
      result_.notes.emplace_back(error.what());
      return;
    }
    if (!plan) return measure_unplanned();
    result_.flops = plan->flops();
    result_.bytes_to_run = plan->arena_bytes() + kept_bytes(plan->graph());
    std::set<std::string> slow;
    for (const PlanStep& step : plan->steps()) {
      if (step.kernel == "reference") slow.insert(step.op);
    }
    if (!slow.empty()) result_.notes.push_back(fmt::format("runs slowly, in plain loops: {}", fmt::join(slow, ", ")));
  }

  void measure_training(const Graph& graph) {
    const std::optional<Plan> plan = look(graph);
    result_.bytes_to_train =
        plan ? plan->arena_bytes() + kept_bytes(plan->graph()) : std::max(result_.bytes_to_run, least_bytes(graph));
  }

  /// Of a model whose plan alone would need more memory than there is.
  void measure_unplanned() {
    result_.bytes_to_run = least_bytes(graph_);
    for (const Node& node : graph_.nodes()) {
      const neurons::NodeContext context(graph_, node);
      result_.flops += node.op->flops ? node.op->flops(context.context) : 0;
    }
    result_.notes.emplace_back("cannot be planned on this machine: its memory is at least that of its largest operator");
  }

  /// What is said of memory beside the numbers.
  void note_memory() {
    const std::size_t total = machine_memory().total;
    const bool runs = result_.bytes_to_run <= total;
    if (runs && result_.bytes_to_train <= total) return;
    result_.notes.push_back(fmt::format("needs more memory than this machine has, {:.1f} GB, {}; take a smaller batch or model",
                                        static_cast<double>(total) / 1e9, runs ? "to train" : "to run"));
  }

  /// In the form that training gives the model, by the first output that depends on parameters.
  void try_training(const std::vector<Value>& outputs) {
    if (parameters_.empty()) return result_.notes.push_back("holds no parameters to train");
    std::string fault = "no output depends on its parameters";
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      if (!has_gradient(outputs[i].type().dtype)) continue;
      const std::set<std::string> behind = values_behind(lifted_.graph, result_.outputs[i].name);
      if (std::ranges::none_of(parameters_, [&](const std::string& name) { return behind.contains(name); })) continue;
      try {
        fault.clear();
        result_.trained_output = result_.outputs[i].name;
        plan_training();
      } catch (const std::bad_alloc&) {
        fault = "more memory is needed to plan it than there is on this machine";
      } catch (const Error& error) {
        fault = error.what();
        if (const std::string file = model_.path + ": "; fault.starts_with(file)) fault.erase(0, file.size());
      }
      break;
    }
    if (!fault.empty()) result_.notes.push_back("does not train: " + fault);
  }

  /// Several samples at once, as training takes them: what stands for one sample in the file is found out.
  void plan_training() {
    std::int64_t batch = std::max<std::int64_t>(2, options_.batch);
    if (batch == written_batch(model_.graph)) ++batch;  // what stands for that many samples in the file is found out
    std::vector<Network::Input> samples = inputs_of(model_);
    for (Network::Input& input : samples) {
      const auto given = given_.shapes.find(input.name);
      if (given == given_.shapes.end() || given->second.rank() == 0) continue;
      batch = std::max(batch, given->second[0]);
      input.sample = Shape(given->second.extents().subspan(1));
    }
    Graph graph(table_);
    std::vector<Value> inputs;
    for (const Network::Input& input : samples) {
      std::vector<std::int64_t> extents(input.sample.extents().begin(), input.sample.extents().end());
      extents.insert(extents.begin(), batch);
      inputs.push_back(graph.input(input.name, {input.dtype, Shape(std::span<const std::int64_t>(extents))}));
    }
    ImportedModel layer;
    layer.output = result_.trained_output;
    layer.scores = true;
    layer.model = std::make_shared<const Model>(model_);
    AloneContext context(graph, Mode::training);
    const Value result = layer.build(context, inputs);
    add_steps(with_given_seed(result, context.trained()), context.trained());
    measure_training(graph);
    result_.trained_batch = batch;
    result_.trains = true;
  }

  /// Adam's, so that the plan has all the memory of training.
  void add_steps(const std::vector<Value>& gradient, const std::vector<Value>& parameters) const {
    if (parameters.empty()) return;
    Graph& graph = parameters.front().graph();
    const OpDef& update = table_->find("AdamUpdate");
    const Value one = graph.constant(Tensor::scalar(1));
    const Value rate = graph.constant(Tensor::scalar(0));
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      const Value& w = parameters[i];
      const Value m = graph.state("check." + w.name() + ".m", w.type());
      const Value v = graph.state("check." + w.name() + ".v", w.type());
      const auto next =
          graph.emit_all(update, std::vector{gradient[i], w, m, v, rate, one, rate}, update.default_options, "update");
      graph.assign(w, next[0]);
      graph.assign(m, next[1]);
      graph.assign(v, next[2]);
    }
  }

  const Model& model_;
  std::shared_ptr<const OpTable> table_;
  const CheckOptions& options_;
  GivenShapes given_ = given_shapes(model_.graph, options_.shapes, options_.batch);
  Graph graph_;
  Check result_;
  Model lifted_;                                                          ///< with all weights in its graph
  std::vector<std::string> parameters_;                                   ///< their names
  std::map<std::string, std::pair<std::string, std::string>> looked_at_;  ///< by op and options: why not trained, not written
};

}  // namespace

Check check(const Model& model, const std::shared_ptr<const OpTable>& table, const CheckOptions& options) {
  try {
    Model shown = model;
    shown.left_out.clear();
    to_inference_form(shown);
    const std::string note = std::exchange(shown.left_out, "");
    Check result = Checker(shown, table, options).run();
    if (!note.empty()) result.notes.push_back(note);
    return result;
  } catch (const InputError& error) {
    throw InputError(fmt::format("{}: {}", model.path, error.what()));
  }
}

}  // namespace neurons::onnx
