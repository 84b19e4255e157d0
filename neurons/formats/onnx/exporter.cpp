#include "neurons/formats/onnx/exporter.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "neurons/base/error.hpp"
#include "neurons/formats/onnx/changing_constant.hpp"
#include "neurons/formats/onnx/file_nodes.hpp"
#include "neurons/formats/onnx/option_data.hpp"
#include "neurons/formats/onnx/simpler_ops.hpp"
#include "neurons/graph/option_of.hpp"
#include "neurons/graph/rewrite.hpp"

namespace neurons::onnx {
namespace {

/// The IR version that came with an opset.
std::int64_t ir_version_of(std::int64_t opset) {
  if (opset <= 14) return 7;
  if (opset <= 18) return 8;
  if (opset <= 20) return 9;
  return 10;
}

/// The ONNX name under which an op can be written, or null.
const OnnxName* written_name(const OpDef& op, std::int64_t opset) {
  const auto fits = [&](const OnnxName& name) { return name.since <= opset && name.domain.empty(); };
  const auto found = std::ranges::find_if(op.onnx, fits);
  return found == op.onnx.end() ? nullptr : &*found;
}

/// Whether the opset has an operator for the op (OneHot's inputs are options here, so it is written by hand).
bool has_operator(const OpDef& op, std::int64_t opset) { return op.name == "OneHot" || written_name(op, opset) != nullptr; }

class Exporter {
 public:
  Exporter(const Variants& variants, const ValueOfState& state, const ExportOptions& options)
      : variants_(variants),
        graph_(variants.first()),
        state_(state),
        options_(options),
        nodes_(variants, result_),
        changing_(variants, options.waves, nodes_) {}

  Model run() {
    variants_.require(variants_.is_same([](const Graph& graph) { return std::pair(graph.nodes().size(), graph.values().size()); }),
                      "the network");
    name_values();
    std::vector<int> changing;
    for (std::size_t id = 0; id < graph_.values().size(); ++id) {
      if (!add_value(static_cast<int>(id))) changing.push_back(static_cast<int>(id));
    }
    for (const int id : changing) add_changing(id);
    for (std::size_t i = 0; i < graph_.nodes().size(); ++i) add_node(static_cast<int>(i));
    for (const NamedOutput& output : graph_.outputs()) {
      result_.outputs.push_back(described(output.value, output.name));
      if (names_[at(output.value)] != output.name) copy(output.value, output.name);
    }
    result_.name = options_.name;
    Model model;
    model.ir_version = ir_version_of(options_.opset);
    model.producer_name = "neurons";
    model.opsets[""] = options_.opset;
    model.metadata = options_.metadata;
    model.graph = std::move(result_);
    return model;
  }

 private:
  static std::size_t at(int id) { return static_cast<std::size_t>(id); }

  /// Values keep their names; what is computed for an output has the output's, others are numbered.
  void name_values() {
    names_.resize(graph_.values().size());
    for (const NamedOutput& output : graph_.outputs()) {
      nodes_.take_value(output.name);
      const ValueInfo& info = graph_.info(output.value);
      if (info.kind == ValueKind::computed && (info.name.empty() || info.name == output.name) && names_[at(output.value)].empty()) {
        names_[at(output.value)] = output.name;
      }
    }
    for (std::size_t id = 0; id < names_.size(); ++id) {
      const std::string& own = graph_.values()[id].name;
      if (names_[id].empty() && !own.empty()) {
        // What is computed on the way may have an output's name: a layer of another file does not know of it.
        names_[id] = graph_.values()[id].kind == ValueKind::computed ? nodes_.fresh_value(own) : own;
        nodes_.take_value(own);
      }
    }
    for (std::size_t id = 0; id < names_.size(); ++id) {
      if (names_[id].empty()) names_[id] = nodes_.fresh_value("value" + std::to_string(id));
    }
  }

  /// The layer's; with the operator's where the layer has several nodes. Some readers want each name once.
  std::string node_name(const Node& node, const std::string& op_type) {
    const std::string& own = node.name.empty() ? op_type : node.name;
    return nodes_.fresh_node(nodes_.has_node(own) ? own + "/" + op_type : own);
  }

  ValueData described(int id, const std::string& name) const {
    const TensorType& type = graph_.info(id).type;
    ValueData data;
    data.name = name;
    data.type = element_type_of(type.dtype);
    data.dims.emplace();
    for (int axis = 0; axis < type.shape.rank(); ++axis) {
      const auto extent = variants_.multiple(variants_.each([&](const Graph& graph) { return graph.info(id).type.shape[axis]; }));
      if (extent && extent->axes.empty()) {
        data.dims->emplace_back(extent->times);
      } else {
        const bool whole = extent && extent->times == 1 && extent->axes.size() == 1;
        data.dims->emplace_back(whole ? std::string(kOpenAxes[extent->axes[0]]) : std::string());
      }
    }
    return data;
  }

  /// False for a constant that is not the same in all variants.
  bool add_value(int id) {
    const ValueInfo& info = graph_.info(id);
    if (info.kind == ValueKind::input) result_.inputs.push_back(described(id, names_[at(id)]));
    if (info.kind == ValueKind::state) {
      variants_.require(variants_.is_same([&](const Graph& graph) { return graph.info(id).type; }), info.name);
      result_.initializers.push_back(from_tensor(names_[at(id)], state_(info.name)));
    }
    if (info.kind != ValueKind::constant) return true;
    if (!variants_.is_same([&](const Graph& graph) -> const Tensor& { return *graph.info(id).constant; })) return false;
    result_.initializers.push_back(from_tensor(names_[at(id)], *info.constant));
    return true;
  }

  void add_changing(int id) {
    const auto reader = std::ranges::find_if(
        graph_.nodes(), [&](const Node& node) { return std::ranges::find(node.inputs, id) != node.inputs.end(); });
    const std::string where = reader == graph_.nodes().end() ? "a constant" : describe(*reader) + ": a constant";
    const auto all = variants_.each([&](const Graph& graph) { return graph.info(id).constant; });
    names_[at(id)] = changing_.write(all, where, names_[at(id)]);
  }

  void copy(int id, const std::string& name) { nodes_.add_as("Identity", {names_[at(id)]}, name, name); }

  /// The lists of integers that an option holds in the variants, one integer as a list; nothing if it holds something else.
  static std::optional<std::vector<std::vector<std::int64_t>>> lists_of(const std::vector<AttributeValue>& values) {
    std::vector<std::vector<std::int64_t>> lists;
    for (const AttributeValue& value : values) {
      if (const auto* integer = std::get_if<std::int64_t>(&value)) {
        lists.push_back({*integer});
      } else if (const auto* list = std::get_if<std::vector<std::int64_t>>(&value)) {
        lists.push_back(*list);
      } else {
        return std::nullopt;
      }
      if (lists.back().size() != lists.front().size()) return std::nullopt;
    }
    return lists;
  }

  /// The option's value where all variants have the same; -1 in place of one extent that follows the open axes, where a shape takes
  /// that. Nothing: the value follows them in another way.
  static std::optional<AttributeValue> settled(const Node& node, const std::string& option,
                                               const std::vector<AttributeValue>& values) {
    if (std::ranges::all_of(values, [&](const AttributeValue& value) { return value == values[0]; })) return values[0];
    const auto lists = lists_of(values);
    if (node.op->name != "Reshape" || option != "shape" || !lists) return {};
    std::vector<std::int64_t> shape = lists->front();
    for (std::size_t i = 0; i < shape.size(); ++i) {
      const auto extents = column(*lists, i);
      if (std::ranges::count(extents, extents[0]) == std::ssize(extents)) continue;
      if (std::ranges::find(shape, -1) != shape.end()) return {};
      shape[i] = -1;
    }
    return shape;
  }

  /// That input where each sample has its own, as ONNX wants it; one that all share is expanded.
  std::string of_each_sample(int index, std::size_t input) {
    const Node& node = graph_.node(index);
    const std::string& name = names_[at(node.inputs[input])];
    const auto extents = variants_.each([&](const Graph& graph) {
      const auto shape_of = [&](std::size_t which) { return graph.info(graph.node(index).inputs[which]).type.shape; };
      const Shape shape = shape_of(input).with(0, shape_of(0)[0]);
      return std::vector(shape.extents().begin(), shape.extents().end());
    });
    if (graph_.info(node.inputs[input]).type.shape[0] == extents[0][0]) return name;
    const std::string expand = nodes_.fresh_node(name);
    const std::string shape = nodes_.extents(describe(node), extents, name + ".shape");
    std::string each = nodes_.fresh_value(name + ".each");
    nodes_.add_as("Expand", {name, shape}, expand, each);
    return each;
  }

  void add_node(int index) {
    const Node& node = graph_.node(index);
    variants_.require(variants_.is_same([&](const Graph& graph) { return graph.node(index).op; }), describe(node));
    if (node.op->name == "OneHot") return add_one_hot(node);
    const OnnxName* name = written_name(*node.op, options_.opset);
    if (name == nullptr) fail_input("{}: ONNX's opset {} has no operator for it", describe(node), options_.opset);
    NodeData data;
    data.op_type = name->name;
    data.name = node_name(node, name->name);
    for (const int input : node.inputs) data.inputs.push_back(input < 0 ? "" : names_[at(input)]);
    for (const int output : node.outputs) data.outputs.push_back(names_[at(output)]);
    for (std::size_t i = 0; i < data.inputs.size(); ++i) {
      const std::int64_t since = input_since(node.op->name, i);
      if (data.inputs[i].empty() || since <= options_.opset) continue;
      fail_input("{}: ONNX has input {} of {} from opset {} on, this is to be {}", describe(node), i, node.op->name, since,
                 options_.opset);
    }
    if (node.op->name == "RotaryEmbedding" && data.inputs.size() == 3) {  // without positions
      for (const std::size_t table : {1U, 2U}) data.inputs[table] = of_each_sample(index, table);
    }
    add_options(index, data);
    while (!data.inputs.empty() && data.inputs.back().empty()) data.inputs.pop_back();
    result_.nodes.push_back(std::move(data));
  }

  void add_options(int index, NodeData& data) {
    const Node& node = graph_.node(index);
    const Attributes defaults = node.op->default_options.attributes();
    const Attributes own = node.options.attributes();
    const auto all = variants_.each([&](const Graph& graph) { return graph.node(index).options.attributes(); });
    for (std::size_t i = 0; i < own.size(); ++i) {
      const std::string& option = own[i].name;
      std::vector<AttributeValue> values;
      for (const Attributes& attributes : all) values.push_back(attributes[i].value);
      const bool usual = std::ranges::all_of(values, [&](const AttributeValue& value) { return value == defaults[i].value; });
      const bool is_absent = is_empty(own[i].value) && option != "shape";  // that of a scalar
      if (is_absent || (usual && !is_always_written(option)) || is_ours(option)) continue;
      if (option == "allow_zero" && !has_zero(own)) continue;  // says nothing, and older opsets do not have it
      const std::int64_t since = option_since(node.op->name, option);
      if (since > options_.opset) {
        fail_input("{}: ONNX has {} of {} from opset {} on, this is to be {}", describe(node), option, node.op->name, since,
                   options_.opset);
      }
      if (node.op->name == "Split" && option == "num_outputs") {
        add_parts(node, data);
        continue;
      }
      const std::optional<AttributeValue> known = settled(node, option, values);
      const auto input = std::ranges::find(node.op->onnx_inputs, option, &OnnxInput::option);
      if (input != node.op->onnx_inputs.end() && input->since <= options_.opset) {
        if (data.inputs.size() <= input->index) data.inputs.resize(input->index + 1);
        const DType number = graph_.info(node.inputs.front()).type.dtype;
        const std::string wanted = data.outputs.front() + "." + option;
        const auto lists = known ? std::nullopt : lists_of(values);
        variants_.require(known || lists, describe(node));
        data.inputs[input->index] =
            known ? nodes_.constant(wanted, tensor_of(*known, number)) : nodes_.extents(describe(node), *lists, wanted);
        continue;
      }
      variants_.require(known.has_value(), describe(node));
      AttributeValue value = *known;
      if (node.op->name == "GridSample" && option == "mode") {
        value = grid_sample_mode(std::get<std::string>(value), options_.opset);
      }
      if (node.op->name == "Cast" && option == "to") {
        const auto type = element_type_of(detail::dtype_from_name(std::get<std::string>(value)));
        data.attributes.push_back(attribute_of("to", static_cast<std::int64_t>(type)));
        continue;
      }
      const auto renamed = std::ranges::find(node.op->onnx_attributes, option, &std::pair<std::string, std::string>::second);
      data.attributes.push_back(attribute_of(renamed == node.op->onnx_attributes.end() ? option : renamed->first, value));
    }
  }

  /// Whether a list among the options holds a 0.
  static bool has_zero(const Attributes& attributes) {
    return std::ranges::any_of(attributes, [](const Attribute& attribute) {
      const auto* list = std::get_if<std::vector<std::int64_t>>(&attribute.value);
      return list != nullptr && std::ranges::find(*list, 0) != list->end();
    });
  }

  /// The extents of a Split's parts: older opsets do not know their number alone.
  void add_parts(const Node& node, NodeData& data) {
    std::vector<std::int64_t> parts;
    const auto axis = option_of<std::int64_t>(node.options, "axis");
    for (const int output : node.outputs) {
      const auto extent_of = [&](const Graph& graph) {
        const Shape& shape = graph.info(output).type.shape;
        return shape[shape.normalized_axis(axis)];
      };
      variants_.require(variants_.is_same(extent_of), describe(node));
      parts.push_back(extent_of(graph_));
    }
    if (data.inputs.size() < 2) data.inputs.resize(2);
    data.inputs[1] = nodes_.constant(data.outputs.front() + ".split", Tensor::of<std::int64_t>({std::ssize(parts)}, parts));
  }

  /// Depth and values are options here, inputs there.
  void add_one_hot(const Node& node) {
    NodeData data;
    data.op_type = "OneHot";
    data.name = node_name(node, data.op_type);
    data.outputs = {names_[at(node.outputs.front())]};
    data.attributes.push_back(attribute_of("axis", option_of<std::int64_t>(node.options, "axis")));
    const auto depth = option_of<std::int64_t>(node.options, "depth");
    const std::vector off_on{option_of<double>(node.options, "off"), option_of<double>(node.options, "on")};
    const Tensor values = Tensor::of<double>({2}, off_on).cast(graph_.info(node.outputs.front()).type.dtype);
    data.inputs = {names_[at(node.inputs.front())],
                   nodes_.constant(data.outputs.front() + ".depth", Tensor::of<std::int64_t>({}, std::vector{depth})),
                   nodes_.constant(data.outputs.front() + ".values", values)};
    result_.nodes.push_back(std::move(data));
  }

  const Variants& variants_;
  const Graph& graph_;  ///< of the first variant
  const ValueOfState& state_;
  const ExportOptions& options_;
  GraphData result_;
  std::vector<std::string> names_;
  FileNodes nodes_;
  ChangingConstants changing_;
};

/// All ops that the opset has no operator for, each with the opset that has.
std::set<std::string> missing_operators(const Graph& graph, std::int64_t opset) {
  std::set<std::string> missing;
  for (const Node& node : graph.nodes()) {
    if (can_be_written(*node.op, opset) || node.op->decompose) continue;
    std::int64_t since = 0;
    for (const OnnxName& name : node.op->onnx) since = name.domain.empty() ? name.since : since;
    missing.insert(since > 0 ? fmt::format("{} (opset {} has it)", node.op->name, since) : node.op->name);
  }
  return missing;
}

/// The lowest opset from `least` on that has operators for all of the graph; `least` where none has.
std::int64_t sufficient_opset(const Graph& graph, std::int64_t least) {
  const Graph live = remove_dead_nodes(graph);
  for (std::int64_t opset = least; opset <= kNewestWritten; ++opset) {
    if (missing_operators(live, opset).empty()) return opset;
  }
  return least;
}

/// The graph in ops that the opset has operators for.
Graph in_operators(const Graph& graph, std::int64_t opset) {
  const Graph live = remove_dead_nodes(graph);
  const std::set<std::string> missing = missing_operators(live, opset);
  if (!missing.empty()) fail_input("ONNX's opset {} has no operators for {}", opset, fmt::join(missing, ", "));
  const Graph parts = decompose(live, [&](const OpDef& op) { return can_be_written(op, opset); });
  return remove_dead_nodes(rewrite(parts, [&](const RewriteContext& context) -> std::optional<std::vector<Value>> {
    if (has_operator(context.op, opset)) return std::nullopt;
    return (*find_simpler(context.op))(context);
  }));
}

}  // namespace

bool can_be_written(const OpDef& op, std::int64_t opset) { return has_operator(op, opset) || find_simpler(op) != nullptr; }

Model to_model(std::vector<Variant> variants, const ValueOfState& state, const ExportOptions& given) {
  ExportOptions options = given;
  if (options.opset < kOldestWritten || options.opset > kNewestWritten) {
    fail_input("opset {} cannot be written; choose {} to {}", options.opset, kOldestWritten, kNewestWritten);
  }
  if (options.or_later) options.opset = sufficient_opset(variants.front().graph, options.opset);
  for (Variant& variant : variants) variant.graph = in_operators(variant.graph, options.opset);
  const Variants all(std::move(variants));
  return Exporter(all, state, options).run();
}

Model to_model(const GraphOfBatch& graph, const ValueOfState& state, const ExportOptions& options) {
  std::vector<Variant> variants;
  for (const std::int64_t batch : {2, 3}) variants.push_back({graph(batch), {batch}});
  return to_model(std::move(variants), state, options);
}

}  // namespace neurons::onnx
