// What is known when the model is imported, since shapes are.

#include <algorithm>
#include <cmath>

#include "neurons/base/error.hpp"
#include "neurons/formats/onnx/rules/rules.hpp"

namespace neurons::onnx {
namespace {

using Outputs = std::vector<Value>;

constexpr std::int64_t kMostElements = 1 << 24;  // of what a file describes by its shape alone and is stored

DType element_type(const NodeContext& node, std::string_view attribute) {
  const auto type = static_cast<ElementType>(node.integer(attribute, 1));
  const auto dtype = dtype_of(type);
  if (!dtype) node.fail(fmt::format("{} = {}, which has no place here", attribute, name_of(type)));
  return node.options().single_precision && *dtype == DType::f64 ? DType::f32 : *dtype;
}

Outputs constant(const NodeContext& node) {
  const auto reals = [](const std::vector<float>& values) {
    return Tensor::of<float>({static_cast<std::int64_t>(values.size())}, values);
  };
  if (node.node.attribute("value") != nullptr) return {node.constant(node.tensor("value"))};
  if (node.node.attribute("value_float") != nullptr) {
    return {node.constant(Tensor::scalar(static_cast<float>(node.real("value_float", 0))))};
  }
  if (node.node.attribute("value_int") != nullptr) {
    return {node.constant(Tensor::of<std::int64_t>({}, std::vector{node.integer("value_int", 0)}))};
  }
  if (const AttributeData* list = node.node.attribute("value_floats")) return {node.constant(reals(list->reals))};
  if (node.node.attribute("value_ints") != nullptr) return {node.integers_constant(node.integer_list("value_ints"))};
  node.fail("holds no tensor, number or list of numbers");
}

/// Expanded, not stored: a small file may ask for any shape.
Outputs constant_of_shape(const NodeContext& node) {
  const Tensor value = node.node.attribute("value") != nullptr ? node.tensor("value") : Tensor::scalar(0);
  if (value.elements() != 1) node.fail("its value must be one number");
  return {node.emit("Expand", {node.constant(value.reshaped({}))}, {{"shape", node.integers(0, "shape")}})};
}

Outputs shape(const NodeContext& node) {
  const Shape& x = node.input(0).shape();
  const std::int64_t rank = x.rank();
  const auto place = [&](std::int64_t axis) { return std::clamp<std::int64_t>(axis < 0 ? axis + rank : axis, 0, rank); };
  const std::int64_t start = place(node.integer("start", 0));
  const std::int64_t end = std::max(start, place(node.integer("end", rank)));
  const auto extents = x.extents().subspan(static_cast<std::size_t>(start), static_cast<std::size_t>(end - start));
  return {node.integers_constant({extents.begin(), extents.end()})};
}

Outputs size(const NodeContext& node) {
  return {node.constant(Tensor::of<std::int64_t>({}, std::vector{node.input(0).shape().elements()}))};
}

Outputs range(const NodeContext& node) {
  const double start = node.number(0, "start");
  const double limit = node.number(1, "limit");
  const double delta = node.number(2, "delta");
  const double count = std::ceil((limit - start) / delta);
  if (!(count <= kMostElements)) node.fail(fmt::format("from {} to {} by {} has no end that could be stored", start, limit, delta));
  std::vector<double> values;
  for (double i = 0; i < count; ++i) values.push_back(start + i * delta);
  const Tensor wide = Tensor::of<double>({static_cast<std::int64_t>(values.size())}, values);
  return {node.constant(wide.cast(node.input(0).type().dtype))};
}

Outputs eye_like(const NodeContext& node) {
  const TensorType& x = node.input(0).type();
  if (x.shape.rank() != 2) node.fail(fmt::format("expects a matrix, got {}", x.to_string()));
  if (x.shape.elements() > kMostElements) node.fail(fmt::format("a matrix of {} is too large", x.shape.to_string()));
  const std::int64_t k = std::clamp(node.integer("k", 0), -x.shape[0], x.shape[1]);
  Tensor result(DType::f64, x.shape);
  const auto values = result.values<double>();
  for (std::int64_t row = 0; row < x.shape[0]; ++row) {
    if (row + k >= 0 && row + k < x.shape[1]) values[static_cast<std::size_t>(row * x.shape[1] + row + k)] = 1;
  }
  return {node.constant(result.cast(node.node.attribute("dtype") != nullptr ? element_type(node, "dtype") : x.dtype))};
}

Outputs cast(const NodeContext& node) {
  return {node.emit("Cast", {node.input(0)}, {{"to", std::string(neurons::name_of(element_type(node, "to")))}})};
}

Outputs cast_like(const NodeContext& node) {
  return {node.emit("Cast", {node.input(0)}, {{"to", std::string(neurons::name_of(node.input(1).type().dtype))}})};
}

/// The same bits as another type. Integers have more of them here than in the file where no dtype of ours is as narrow; floats have
/// theirs, or 16 in the file and no bits here.
Outputs bit_cast(const NodeContext& node) {
  const auto type = static_cast<ElementType>(node.integer("to", 0));
  const auto dtype = dtype_of(type);
  Value x = node.input(0);
  const auto is_real = [](DType one) { return one == DType::f32 || one == DType::f64; };
  const auto as = [&](DType to) { return node.emit("Cast", {x}, {{"to", std::string(neurons::name_of(to))}}); };
  if (!dtype || type == ElementType::f16 || type == ElementType::bf16) {
    node.fail(fmt::format("to = {}, whose bits have no place here", name_of(type)));
  }
  if (!is_real(*dtype) && !is_real(x.type().dtype)) return {as(*dtype)};  // keeps the low bits
  if (node.narrow_type(0) == ElementType::u32) x = as(DType::i32);
  const DType bits = type == ElementType::u32 ? DType::i32 : *dtype;
  if (type == ElementType::i16 || type == ElementType::u16) node.fail("floats of 16 bits have no bits here");
  x = node.emit("BitCast", {x}, {{"to", std::string(neurons::name_of(bits))}});
  return {bits == *dtype ? x : as(*dtype)};
}

/// The input, which must be known: its shape decides the result's.
Tensor known_input(const NodeContext& node, std::size_t index) {
  const Tensor* tensor = node.known(index);
  if (tensor == nullptr) node.fail("the shape of its result depends on numbers that are known only when the model runs");
  return tensor->cast(DType::f64);
}

Outputs non_zero(const NodeContext& node) {
  const Tensor x = known_input(node, 0);
  const auto values = x.values<double>();
  const auto strides = x.shape().strides();
  std::vector<std::int64_t> found;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] != 0) found.push_back(static_cast<std::int64_t>(i));
  }
  std::vector<std::int64_t> places;
  for (int axis = 0; axis < x.shape().rank(); ++axis) {
    for (const std::int64_t i : found) places.push_back(i / strides[static_cast<std::size_t>(axis)] % x.shape()[axis]);
  }
  return {node.constant(Tensor::of<std::int64_t>({x.shape().rank(), static_cast<std::int64_t>(found.size())}, places))};
}

Outputs compress(const NodeContext& node) {
  const Tensor condition = known_input(node, 1);
  std::vector<std::int64_t> places;
  const auto chosen = condition.values<double>();
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    if (chosen[i] != 0) places.push_back(static_cast<std::int64_t>(i));
  }
  Value x = node.input(0);
  const bool flat = node.node.attribute("axis") == nullptr;
  if (flat) x = node.emit("Reshape", {x}, {{"shape", std::vector<std::int64_t>{-1}}});
  return {node.emit("Gather", {x, node.integers_constant(places)}, {{"axis", flat ? std::int64_t{0} : node.integer("axis", 0)}})};
}

/// The distinct rows of x seen as [entries, size of an entry]: of each, its first place and how often it is there; and which of
/// them each entry is.
struct Distinct {
  std::vector<std::int64_t> first;
  std::vector<std::int64_t> which;
  std::vector<std::int64_t> counts;
};

Distinct distinct(const Tensor& entries, bool sorted) {
  const std::int64_t width = entries.shape()[1];
  const auto values = entries.values<double>();
  const auto row = [&](std::int64_t i) {
    return values.subspan(static_cast<std::size_t>(i * width), static_cast<std::size_t>(width));
  };
  Distinct result;
  for (std::int64_t i = 0; i < entries.shape()[0]; ++i) {
    const auto same =
        std::ranges::find_if(result.first, [&](std::int64_t known) { return std::ranges::equal(row(known), row(i)); });
    result.which.push_back(same - result.first.begin());
    if (same == result.first.end()) {
      result.first.push_back(i);
      result.counts.push_back(0);
    }
    ++result.counts[static_cast<std::size_t>(result.which.back())];
  }
  if (!sorted) return result;
  std::vector<std::size_t> order(result.first.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
    return std::ranges::lexicographical_compare(row(result.first[a]), row(result.first[b]));
  });
  Distinct ordered;
  std::vector<std::int64_t> place(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    ordered.first.push_back(result.first[order[i]]);
    ordered.counts.push_back(result.counts[order[i]]);
    place[order[i]] = static_cast<std::int64_t>(i);
  }
  for (const std::int64_t which : result.which) ordered.which.push_back(place[static_cast<std::size_t>(which)]);
  return ordered;
}

Outputs unique(const NodeContext& node) {
  known_input(node, 0);
  Value x = node.input(0);
  std::int64_t axis = 0;
  if (node.node.attribute("axis") == nullptr) {
    x = node.emit("Reshape", {x}, {{"shape", std::vector<std::int64_t>{-1}}});
  } else {
    axis = x.shape().normalized_axis(node.integer("axis", 0));
  }
  std::vector<std::int64_t> front{axis};
  for (std::int64_t i = 0; i < x.shape().rank(); ++i) {
    if (i != axis) front.push_back(i);
  }
  const Value entries = node.emit("Transpose", {x}, {{"perm", front}});
  const Tensor rows =
      node.graph()
          .info(entries.id())
          .constant->cast(DType::f64)
          .reshaped({entries.shape()[0], entries.shape()[0] == 0 ? 0 : entries.shape().elements() / entries.shape()[0]});
  const Distinct found = distinct(rows, node.integer("sorted", 1) != 0);
  return {node.emit("Gather", {x, node.integers_constant(found.first)}, {{"axis", axis}}), node.integers_constant(found.first),
          node.integers_constant(found.which), node.integers_constant(found.counts)};
}

}  // namespace

void add_shape_rules(Rules& rules) {
  rules["Constant"] = constant;
  rules["ConstantOfShape"] = constant_of_shape;
  rules["Shape"] = shape;
  rules["Size"] = size;
  rules["Range"] = range;
  rules["EyeLike"] = eye_like;
  rules["Cast"] = cast;
  rules["CastLike"] = cast_like;
  rules["BitCast"] = bit_cast;
  rules["NonZero"] = non_zero;
  rules["Compress"] = compress;
  rules["Unique"] = unique;
}

}  // namespace neurons::onnx
