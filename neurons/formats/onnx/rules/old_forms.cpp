// Operators whose meaning changed between opsets, in their old form and the new.

#include <algorithm>

#include "neurons/base/error.hpp"
#include "neurons/formats/onnx/rules/rules.hpp"

namespace neurons::onnx {
namespace {

using Outputs = std::vector<Value>;

constexpr std::int64_t kBroadcastByShape = 7;  // before it, an attribute allowed and placed it
constexpr std::int64_t kClipByInputs = 11;
constexpr std::int64_t kResizeWithRegion = 11;
constexpr std::int64_t kSoftmaxAlongAxis = 13;  // before it, of all axes from that one on

/// Arithmetic of two inputs: before opset 7, "broadcast" and "axis" say where the second one's axes lie in the first one's.
Outputs arithmetic(const NodeContext& node) {
  if (node.opset >= kBroadcastByShape || node.integer("broadcast", 0) == 0) return node.as_it_is({}, {"broadcast", "axis"});
  const Value a = node.input(0);
  Value b = node.input(1);
  const std::int64_t rank = a.shape().rank();
  const std::int64_t given = node.integer("axis", rank - b.shape().rank());
  const std::int64_t axis = given < 0 ? given + rank : given;
  if (axis < 0 || axis > rank - b.shape().rank())
    node.fail(fmt::format("axis {} leaves no place for {}", given, b.shape().to_string()));
  std::vector<std::int64_t> extents(b.shape().extents().begin(), b.shape().extents().end());
  extents.resize(static_cast<std::size_t>(rank - axis), 1);
  if (Shape(std::span<const std::int64_t>(extents)) != b.shape()) b = node.emit("Reshape", {b}, {{"shape", extents}});
  NodeContext aligned = node;
  aligned.inputs[1] = b;
  return aligned.as_it_is({}, {"broadcast", "axis"});
}

/// The slopes of channels, axis 1; since opset 7 they broadcast as all shapes do.
Outputs prelu(const NodeContext& node) {
  const Value x = node.input(0);
  const Value slope = node.input(1);
  if (node.opset >= kBroadcastByShape || slope.shape().rank() != 1 || x.shape().rank() < 3) return node.as_it_is();
  std::vector<std::int64_t> extents(static_cast<std::size_t>(x.shape().rank() - 1), 1);
  extents.front() = slope.shape()[0];
  NodeContext aligned = node;
  aligned.inputs[1] = node.emit("Reshape", {slope}, {{"shape", extents}});
  return aligned.as_it_is();
}

Outputs gemm(const NodeContext& node) { return node.as_it_is({}, {"broadcast"}); }

/// Before opset 13 the axes from "axis" (1 unless given) on were one.
Outputs along_rows(const NodeContext& node) {
  if (node.opset >= kSoftmaxAlongAxis) return node.as_it_is();
  const Value x = node.input(0);
  const std::int64_t rank = x.shape().rank();
  const std::int64_t given = node.integer("axis", 1);
  if (given < -rank || given > rank) node.fail(fmt::format("there is no axis {}", given));
  const auto axis = static_cast<int>(given < 0 ? given + rank : given);
  if (axis == rank - 1) return {node.emit(node.node.op_type, {x}, {{"axis", std::int64_t{-1}}})};
  const std::int64_t columns = x.shape().product(axis, static_cast<int>(rank));
  const Value rows = node.emit("Reshape", {x}, {{"shape", std::vector<std::int64_t>{x.shape().product(0, axis), columns}}});
  const Value result = node.emit(node.node.op_type, {rows}, {{"axis", std::int64_t{-1}}});
  return {node.emit("Reshape", {result},
                    {{"shape", std::vector<std::int64_t>(x.shape().extents().begin(), x.shape().extents().end())}})};
}

Outputs clip(const NodeContext& node) {
  if (node.opset >= kClipByInputs) return node.as_it_is();
  NodeContext bounded = node;
  bounded.inputs.resize(1);
  const auto bound = [&](const char* name) {
    return node.node.attribute(name) == nullptr ? Value{} : node.constant(Tensor::scalar(static_cast<float>(node.real(name, 0))));
  };
  bounded.inputs.push_back(bound("min"));
  bounded.inputs.push_back(bound("max"));
  return bounded.as_it_is({}, {"min", "max"});
}

/// Since opset 11 the corners of pixels are what is resized, before it their upper left ones; the nearest pixel was then the next
/// one along axes that shrink, the one before along others.
Outputs resize(const NodeContext& node) {
  if (node.opset >= kResizeWithRegion) return node.as_it_is();
  NodeContext placed = node;
  if (node.inputs.size() == 2) placed.inputs = {node.inputs[0], Value{}, node.inputs[1]};
  const auto by = [&](const char* nearest) {
    return placed.as_it_is({{"coordinate_transformation_mode", std::string("asymmetric")}, {"nearest_mode", std::string(nearest)}});
  };
  const Tensor* known = node.known(1);
  if (known == nullptr) return by("floor");
  Tensor shrinking = known->cast(DType::f32);
  Tensor growing = shrinking;
  for (float& scale : shrinking.values<float>()) scale = std::min(scale, 1.0F);
  for (float& scale : growing.values<float>()) scale = std::max(scale, 1.0F);
  const auto changes = [](const Tensor& scales) {
    return !std::ranges::all_of(scales.values<float>(), [](float scale) { return scale == 1; });
  };
  if (!changes(shrinking)) return by("floor");
  if (!changes(growing) || node.text("mode", "nearest") != "nearest") return by("ceil");
  placed.inputs.back() = node.constant(shrinking);
  placed.inputs.front() = by("ceil").front();
  placed.inputs.back() = node.constant(growing);
  return by("floor");
}

/// Before opset 16 regions began at the corners of pixels, without a word for it.
Outputs roi_align(const NodeContext& node) {
  constexpr std::int64_t kHalfPixelByAttribute = 16;
  if (node.opset >= kHalfPixelByAttribute) return node.as_it_is();
  return node.as_it_is({{"coordinate_transformation_mode", std::string("output_half_pixel")}});
}

Outputs upsample(const NodeContext& node) {
  std::vector<double> scales;
  if (const AttributeData* list = node.node.attribute("scales")) {
    scales.assign(list->reals.begin(), list->reals.end());
  } else if (const Tensor* known = node.known(1)) {
    const Tensor wide = known->cast(DType::f64);
    scales.assign(wide.values<double>().begin(), wide.values<double>().end());
  } else {
    node.fail("its scales are known only when the model runs; shapes must be known before");
  }
  std::string mode = node.text("mode", "nearest");
  if (mode == "bilinear") mode = "linear";
  return {node.emit("Resize", {node.input(0)},
                    {{"mode", mode},
                     {"scales", scales},
                     {"coordinate_transformation_mode", std::string("asymmetric")},
                     {"nearest_mode", std::string("floor")}})};
}

Outputs scatter(const NodeContext& node) {
  return {node.emit("ScatterElements", node.inputs, {{"axis", node.integer("axis", 0)}})};
}

/// Pads of opset 1 had another name.
Outputs pad(const NodeContext& node) {
  if (node.node.attribute("paddings") == nullptr) return node.as_it_is();
  return node.as_it_is({{"pads", node.integer_list("paddings")}}, {"paddings"});
}

}  // namespace

void add_old_form_rules(Rules& rules) {
  for (const char* name : {"Add", "Sub", "Mul", "Div", "Pow", "And", "Or", "Xor", "Equal", "Greater", "Less"}) {
    rules[name] = arithmetic;
  }
  rules["PRelu"] = prelu;
  rules["Gemm"] = gemm;
  for (const char* name : {"Softmax", "LogSoftmax", "Hardmax"}) rules[name] = along_rows;
  rules["Clip"] = clip;
  rules["Resize"] = resize;
  rules["RoiAlign"] = roi_align;
  rules["Upsample"] = upsample;
  rules["Scatter"] = scatter;
  rules["Pad"] = pad;
}

}  // namespace neurons::onnx
