#include "neurons/formats/onnx/narrow_integers.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "neurons/formats/onnx/importer.hpp"

namespace neurons::onnx {
namespace {

using Names = std::span<const std::string_view>;

/// Operators whose results may leave the type's range.
constexpr std::array<std::string_view, 19> kArithmetic = {
    "BitCast", "Abs", "Add", "Cast",     "CastLike",   "CumProd",   "CumSum",          "Div", "Gemm", "MatMul",
    "Mul",     "Neg", "Pow", "ReduceL1", "ReduceProd", "ReduceSum", "ReduceSumSquare", "Sub", "Sum"};
/// Operators to which a negative number is another than the unsigned one of the same bits.
constexpr std::array<std::string_view, 13> kOrdering = {
    "Clip", "Div", "Greater", "GreaterOrEqual", "Less",      "LessOrEqual", "Max",
    "Min",  "Mod", "Pow",     "ReduceMax",      "ReduceMin", "TopK"};
/// Operators whose integers have a type of their own, whatever they read; and those of which that holds behind the first output.
constexpr std::array<std::string_view, 6> kCounting = {"ArgMax", "ArgMin", "MatMulInteger", "NonZero", "Shape", "Size"};
constexpr std::array<std::string_view, 3> kCountingBehind = {"MaxPool", "TopK", "Unique"};

bool is_any_of(const NodeData& node, Names names) {
  return node.domain.empty() && std::ranges::find(names, node.op_type) != names.end();
}

/// The type that an attribute names, be it by its number or by a tensor.
std::optional<ElementType> named_type(const NodeData& node) {
  for (const char* name : {"to", "dtype", "output_dtype"}) {
    const AttributeData* number = node.attribute(name);
    if (number != nullptr && number->integer != 0) return static_cast<ElementType>(number->integer);
  }
  const AttributeData* value = node.attribute("value");
  if (value != nullptr && value->tensor) return value->tensor->type;
  return std::nullopt;
}

/// The input whose type output `index` has; nothing where no input decides it.
std::optional<std::size_t> like_input(const NodeContext& node, std::size_t index, DType dtype) {
  if (is_any_of(node.node, kCounting) || (index > 0 && is_any_of(node.node, kCountingBehind))) return std::nullopt;
  if (node.node.domain.empty() && node.node.op_type == "CastLike") return 1;
  if (node.node.domain.empty() && (node.node.op_type == "OneHot" || node.node.op_type == "QuantizeLinear")) return 2;
  if (node.node.domain.empty() && node.node.op_type == "QLinearMatMul") return 7;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.has(i) && node.inputs[i].type().dtype == dtype) return i;
  }
  return std::nullopt;
}

Value wrapped(const NodeContext& node, const Value& value, ElementType type) {
  const IntegerRange range = *range_of(type);
  const auto number = [&](std::int64_t integer) {
    return node.constant(Tensor::of<std::int64_t>({}, std::vector{integer}).cast(value.type().dtype));
  };
  const Value size = number(range.largest - range.least + 1);
  if (range.least == 0) return node.emit("Mod", {value, size});
  const Value least = number(range.least);
  return node.emit("Add", {node.emit("Mod", {node.emit("Sub", {value, least}), size}), least});
}

}  // namespace

std::optional<IntegerRange> range_of(ElementType type) {
  switch (type) {
    case ElementType::i8:
      return IntegerRange{-128, 127};
    case ElementType::u8:
      return IntegerRange{0, 255};
    case ElementType::i16:
      return IntegerRange{-32768, 32767};
    case ElementType::u16:
      return IntegerRange{0, 65535};
    case ElementType::u32:
      return IntegerRange{0, 4294967295};
    default:
      return std::nullopt;
  }
}

void NarrowIntegers::note(const Value& value, ElementType type) {
  if (type != ElementType::u8 && range_of(type)) types_[value.id()] = type;
  if (type != ElementType::u64 || value.type().dtype != DType::i64) return;
  const std::shared_ptr<const Tensor> known = value.graph().info(value.id()).constant;
  if (known && std::ranges::any_of(known->values<std::int64_t>(), [](std::int64_t number) { return number < 0; })) {
    large_.insert(value.id());
  }
}

std::optional<ElementType> NarrowIntegers::of(const Value& value) const {
  const auto found = value ? types_.find(value.id()) : types_.end();
  return found == types_.end() ? std::nullopt : std::optional(found->second);
}

void NarrowIntegers::settle(const NodeContext& node, std::vector<Value>& outputs) {
  const auto is_large = [&](const Value& input) { return input && large_.contains(input.id()); };
  const auto is_float = [](const Value& value) {
    return value && (value.type().dtype == DType::f32 || value.type().dtype == DType::f64);
  };
  const bool orders = is_any_of(node.node, kOrdering) || (node.node.op_type == "Cast" && is_float(outputs.front()));
  if (orders && std::ranges::any_of(node.inputs, is_large)) {
    node.fail("reads a uint64 constant from 2^63 on, but unsigned 64-bit integers are kept as int64 here, so it would be negative");
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    Value& output = outputs[i];
    const bool whole = output && (output.type().dtype == DType::i32 || output.type().dtype == DType::i64);
    if (!whole || of(output)) continue;
    std::optional<ElementType> type = named_type(node.node);
    if (const auto like = like_input(node, i, output.type().dtype); !type && like && node.has(*like)) type = of(node.inputs[*like]);
    if (type == ElementType::u64) note(output, *type);
    if (!type || *type == ElementType::u8 || !range_of(*type)) continue;
    if (is_any_of(node.node, kArithmetic)) output = wrapped(node, output, *type);
    note(output, *type);
  }
}

}  // namespace neurons::onnx
