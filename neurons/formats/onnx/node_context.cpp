#include <algorithm>
#include <cmath>

#include "neurons/base/suggest.hpp"
#include "neurons/formats/onnx/importer.hpp"

namespace neurons::onnx {
namespace {

/// An attribute in the form that options take.
AttributeValue value_of(const AttributeData& attribute, const std::filesystem::path& folder) {
  switch (attribute.type) {
    case AttributeData::Type::real:
      return static_cast<double>(attribute.real);
    case AttributeData::Type::integer:
      return attribute.integer;
    case AttributeData::Type::text:
      return attribute.text;
    case AttributeData::Type::tensor:
      return to_tensor(attribute.tensor.value_or(TensorData{}), folder);
    case AttributeData::Type::reals:
      return std::vector<double>(attribute.reals.begin(), attribute.reals.end());
    case AttributeData::Type::integers:
      return attribute.integers;
    case AttributeData::Type::texts:
      return attribute.texts;
    default:
      fail_input("attribute {} is of kind {}, which no option takes", attribute.name, static_cast<int>(attribute.type));
  }
}

/// A known tensor in the form of the option: one number, a list, or all of it.
AttributeValue value_of(const Tensor& tensor, const AttributeValue& like) {
  const auto single = [&] {
    if (tensor.elements() != 1) fail_input("expects one number, got {}", tensor.type().to_string());
  };
  if (std::holds_alternative<Tensor>(like)) return tensor;
  if (std::holds_alternative<std::vector<double>>(like) || std::holds_alternative<double>(like)) {
    const Tensor wide = tensor.cast(DType::f64);
    const auto numbers = wide.values<double>();
    if (std::holds_alternative<std::vector<double>>(like)) return std::vector<double>(numbers.begin(), numbers.end());
    single();
    return numbers[0];
  }
  const Tensor wide = tensor.cast(DType::i64);
  const auto numbers = wide.values<std::int64_t>();
  if (std::holds_alternative<std::vector<std::int64_t>>(like)) return std::vector<std::int64_t>(numbers.begin(), numbers.end());
  single();
  if (std::holds_alternative<bool>(like)) return numbers[0] != 0;
  return numbers[0];
}

/// ONNX's attributes that say nothing any more.
constexpr std::array kObsolete = {std::string_view("consumed_inputs")};

}  // namespace

OpNames::OpNames(const OpTable& table) {
  for (const OpDef* op : table.all()) {
    for (const OnnxName& name : op->onnx) ops_.emplace(name.domain.empty() ? name.name : name.domain + "::" + name.name, op);
  }
}

const OpDef* OpNames::find(const std::string& domain, const std::string& op_type) const {
  const auto found = ops_.find(domain.empty() ? op_type : domain + "::" + op_type);
  return found == ops_.end() ? nullptr : found->second;
}

Graph& NodeContext::graph() const { return importer_.graph_; }
const ImportOptions& NodeContext::options() const { return importer_.options_; }

void NodeContext::fail(const std::string& message) const { throw InputError(message); }

Value NodeContext::input(std::size_t index) const {
  if (!has(index)) fail(fmt::format("its input {} is missing", index));
  if (is_sequence(index)) fail(fmt::format("its input {} is a sequence of {} tensors, not a tensor", index, items(index).size()));
  return inputs[index];
}

Value NodeContext::sequence(std::vector<Value> items) const {
  const Value stand_in = constant(Tensor(DType::u8, Shape{0}));
  importer_.sequences_.emplace(stand_in.id(), std::move(items));
  return stand_in;
}

bool NodeContext::is_sequence(std::size_t index) const { return has(index) && importer_.sequences_.contains(inputs[index].id()); }

const std::vector<Value>& NodeContext::items(std::size_t index) const {
  if (!is_sequence(index)) fail(fmt::format("its input {} is no sequence", index));
  return importer_.sequences_.at(inputs[index].id());
}

const Tensor* NodeContext::known(std::size_t index) const {
  if (!has(index)) return nullptr;
  const ValueInfo& info = graph().info(inputs[index].id());
  return info.kind == ValueKind::constant ? info.constant.get() : nullptr;
}

std::optional<ElementType> NodeContext::narrow_type(std::size_t index) const { return importer_.integers_.of(input(index)); }

std::vector<std::int64_t> NodeContext::integers(std::size_t index, std::string_view what) const {
  input(index);
  const Tensor* tensor = known(index);
  if (tensor == nullptr) {
    fail(
        fmt::format("its {} (\"{}\") is known only when the model runs; shapes must be known before", what, node.inputs.at(index)));
  }
  const Tensor wide = tensor->cast(DType::i64);
  const auto values = wide.values<std::int64_t>();
  return {values.begin(), values.end()};
}

double NodeContext::number(std::size_t index, std::string_view what) const {
  input(index);
  const Tensor* tensor = known(index);
  if (tensor == nullptr || tensor->elements() != 1) {
    fail(fmt::format("its {} (\"{}\") must be one number that is known before the model runs", what, node.inputs.at(index)));
  }
  return tensor->cast(DType::f64).values<double>()[0];
}

std::int64_t NodeContext::whole(std::size_t index, std::string_view what) const {
  number(index, what);
  return known(index)->cast(DType::i64).values<std::int64_t>()[0];
}

std::int64_t NodeContext::integer(std::string_view attribute, std::int64_t otherwise) const {
  const AttributeData* found = node.attribute(attribute);
  if (found == nullptr) return otherwise;
  if (found->type != AttributeData::Type::integer) fail(fmt::format("attribute {} must be an integer", attribute));
  return found->integer;
}

double NodeContext::real(std::string_view attribute, double otherwise) const {
  const AttributeData* found = node.attribute(attribute);
  if (found == nullptr) return otherwise;
  if (found->type == AttributeData::Type::integer) return static_cast<double>(found->integer);
  if (found->type != AttributeData::Type::real) fail(fmt::format("attribute {} must be a number", attribute));
  return static_cast<double>(found->real);
}

std::string NodeContext::text(std::string_view attribute, const std::string& otherwise) const {
  const AttributeData* found = node.attribute(attribute);
  if (found == nullptr) return otherwise;
  if (found->type != AttributeData::Type::text) fail(fmt::format("attribute {} must be a text", attribute));
  return found->text;
}

std::vector<std::int64_t> NodeContext::integer_list(std::string_view attribute) const {
  const AttributeData* found = node.attribute(attribute);
  if (found == nullptr) return {};
  if (found->type != AttributeData::Type::integers) fail(fmt::format("attribute {} must be a list of integers", attribute));
  return found->integers;
}

Tensor NodeContext::tensor(std::string_view attribute) const {
  const AttributeData* found = node.attribute(attribute);
  if (found == nullptr || !found->tensor) fail(fmt::format("attribute {} must be a tensor", attribute));
  return importer_.tensor(*found->tensor);
}

const GraphData& NodeContext::body(std::string_view attribute) const {
  const AttributeData* found = node.attribute(attribute);
  if (found == nullptr || !found->graph) fail(fmt::format("attribute {} must be a graph", attribute));
  return *found->graph;
}

std::vector<Value> NodeContext::emit_all(std::string_view op, const std::vector<Value>& values, const Attributes& changed) const {
  const OpDef& definition = graph().table()->find(op);
  return importer_.emit(definition, values, definition.default_options.with(changed), name);
}

std::vector<Value> NodeContext::as_it_is(const Attributes& changed, const std::vector<std::string>& dropped) const {
  const OpDef* op = importer_.names_.find(node.domain, node.op_type);
  if (op == nullptr) fail("there is no op of that name");
  const Attributes defaults = op->default_options.attributes();
  const auto default_of = [&](const std::string& option) -> const AttributeValue& {
    const auto found = std::ranges::find(defaults, option, &Attribute::name);
    if (found == defaults.end()) fail(fmt::format("{} has no option {}", op->name, option));
    return found->value;
  };
  Attributes attributes;
  for (const AttributeData& attribute : node.attributes) {
    const auto is_it = [&](std::string_view other) { return attribute.name == other; };
    if (std::ranges::any_of(kObsolete, is_it) || std::ranges::any_of(dropped, is_it)) continue;
    const auto renamed = std::ranges::find(op->onnx_attributes, attribute.name, &std::pair<std::string, std::string>::first);
    const std::string option = renamed == op->onnx_attributes.end() ? attribute.name : renamed->second;
    AttributeValue value = value_of(attribute, importer_.model_.folder);
    const bool is_list = std::holds_alternative<std::vector<std::int64_t>>(value);
    if (is_list && std::get<std::vector<std::int64_t>>(value).empty() &&
        std::holds_alternative<std::vector<double>>(default_of(option))) {
      value = std::vector<double>{};
    }
    attributes.push_back({option, std::move(value)});
  }
  std::vector<Value> values;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (has(i)) input(i);  // no sequence
    const auto bound = std::ranges::find(op->onnx_inputs, i, &OnnxInput::index);
    if (bound == op->onnx_inputs.end()) {
      values.push_back(inputs[i]);
      continue;
    }
    if (!has(i)) continue;
    const Tensor* tensor = known(i);
    if (tensor == nullptr) {
      fail(fmt::format("its {} (\"{}\") is known only when the model runs; shapes must be known before", bound->option,
                       node.inputs[i]));
    }
    attributes.push_back({bound->option, value_of(*tensor, default_of(bound->option))});
  }
  attributes.insert(attributes.end(), changed.begin(), changed.end());
  while (!values.empty() && !values.back()) values.pop_back();
  return importer_.emit(*op, values, op->default_options.with(attributes), name);
}

Value NodeContext::constant(const Tensor& tensor) const { return graph().constant(tensor); }

Value NodeContext::integers_constant(const std::vector<std::int64_t>& values) const {
  return constant(Tensor::of<std::int64_t>({static_cast<std::int64_t>(values.size())}, values));
}

std::vector<Value> NodeContext::run(const GraphData& body, std::span<const Value> given) const {
  return importer_.run_body(body, given);
}

Value NodeContext::named(const std::string& value) const { return importer_.find(value, node); }

}  // namespace neurons::onnx
