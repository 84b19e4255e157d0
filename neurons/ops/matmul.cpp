#include <algorithm>
#include <functional>

#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/only_f32.hpp"
#include "neurons/ops/common/panels.hpp"
#include "neurons/ops/common/plain_loops.hpp"
#include "neurons/ops/common/view.hpp"

namespace neurons::ops {
namespace {

/// A vector is a matrix of one row (as first operand) or one column (as second).
Shape as_matrices(const Shape& shape, bool first) {
  if (shape.rank() != 1) return shape;
  return first ? Shape{1, shape[0]} : Shape{shape[0], 1};
}

/// The axes before the last two.
Shape batch_of(const Shape& matrices) { return Shape(matrices.extents().first(static_cast<std::size_t>(matrices.rank() - 2))); }

Shape append(const Shape& batch, std::initializer_list<std::int64_t> extents) {
  std::vector<std::int64_t> all = extents_of(batch);
  all.insert(all.end(), extents);
  return Shape(std::span<const std::int64_t>(all));
}

/// Sizes of the product batch × ([rows, inner] · [inner, columns]).
struct Sizes {
  Shape a, b;  ///< as matrices
  Shape batch;
  std::int64_t rows, inner, columns;

  Sizes(const Shape& first, const Shape& second)
      : a(as_matrices(first, true)),
        b(as_matrices(second, false)),
        batch(broadcast(batch_of(a), batch_of(b))),
        rows(a[-2]),
        inner(a[-1]),
        columns(b[-1]) {}
  /// The result with a row and a column for vector operands.
  Shape result() const { return append(batch, {rows, columns}); }
};

std::vector<TensorType> infer(const InferContext& context) {
  const Shape& first = context.shape(0);
  const Shape& second = context.shape(1);
  if (first.rank() == 0 || second.rank() == 0) context.fail("operands must have at least one dimension");
  if (context.dtype(0) != context.dtype(1)) context.fail("operands must have one element type");
  const Sizes sizes(first, second);
  if (sizes.b[-2] != sizes.inner) {
    const bool turned = second.rank() > 1 && sizes.b[-1] == sizes.inner;
    context.fail("inner sizes differ: {} of the first operand, {} of the second{}", sizes.inner, sizes.b[-2],
                 turned ? "; did you mean the second operand transposed?" : "");
  }
  std::vector<std::int64_t> extents = extents_of(sizes.batch);
  if (first.rank() > 1) extents.push_back(sizes.rows);
  if (second.rank() > 1) extents.push_back(sizes.columns);
  return {{context.dtype(), Shape(std::span<const std::int64_t>(extents))}};
}

/// Products of equal sizes, each with its own place in the operands.
struct ProductsCall {
  kernels::MatrixProduct product;  ///< the first
  std::vector<std::int64_t> a_offsets, b_offsets;
};

/// From this many products on, workers share out whole ones; below, each product is shared.
constexpr std::size_t kManyProducts = 8;

void run(const ProductsCall& call, std::byte* scratch, Worker worker) noexcept {
  const std::size_t count = call.a_offsets.size();
  const bool whole = count >= kManyProducts;
  const auto [begin, end] = whole ? split_work(count, worker) : WorkRange{0, count};
  for (std::size_t i = begin; i < end; ++i) {
    kernels::MatrixProduct product = call.product;
    product.a += call.a_offsets[i];
    product.b += call.b_offsets[i];
    product.c += static_cast<std::int64_t>(i) * product.rows * product.columns;
    kernels::matrix_product(product, scratch, whole ? Worker{0, 1} : worker);
  }
}

/// The offset of each matrix of the broadcast batch in an operand.
std::vector<std::int64_t> offsets(const Shape& batch, const Shape& operand) {
  const Shape own = batch_of(operand);
  const auto steps = batch.strides();
  const auto strides = operand.strides();
  std::vector<std::int64_t> result(static_cast<std::size_t>(batch.elements()), 0);
  for (std::size_t i = 0; i < result.size(); ++i) {
    for (int axis = 0; axis < own.rank(); ++axis) {
      const int place = batch.rank() - own.rank() + axis;
      if (own[axis] == 1) continue;
      result[i] += static_cast<std::int64_t>(i) / steps[static_cast<std::size_t>(place)] % batch[place] *
                   strides[static_cast<std::size_t>(axis)];
    }
  }
  return result;
}

Call prepare(const PrepareContext& context) {
  const Sizes sizes(context.inputs[0].type.shape, context.inputs[1].type.shape);
  ProductsCall call;
  auto& product = call.product;
  product.rows = sizes.rows;
  product.inner = sizes.inner;
  product.columns = sizes.columns;
  product.a = context.inputs[0].as<float>();
  product.a_row_stride = sizes.inner;
  product.b = context.inputs[1].as<float>();
  product.b_row_stride = sizes.columns;
  product.c = context.outputs[0].as<float>();
  product.c_row_stride = sizes.columns;
  if (sizes.b.rank() == 2) {  // all rows of all matrices meet the same second operand
    product.rows *= sizes.batch.elements();
    call.a_offsets = call.b_offsets = {0};
  } else {
    call.a_offsets = offsets(sizes.batch, sizes.a);
    call.b_offsets = offsets(sizes.batch, sizes.b);
  }
  const std::size_t scratch = kernels::scratch_bytes(product);
  return Call::of<run>(std::move(call), true, scratch);
}

struct PlainProductsCall {
  std::int64_t rows = 0, inner = 0, columns = 0;
  std::vector<std::int64_t> a_offsets, b_offsets;
  const std::byte* a = nullptr;
  const std::byte* b = nullptr;
  std::byte* c = nullptr;
};

/// Numbers that are not f32, row by row; integers wrap around.
template <typename T>
void run_plain(const PlainProductsCall& call, std::byte*, Worker worker) noexcept {
  const T* a = reinterpret_cast<const T*>(call.a);
  const T* b = reinterpret_cast<const T*>(call.b);
  T* c = reinterpret_cast<T*>(call.c);
  const auto [begin, end] = split_work(call.a_offsets.size() * static_cast<std::size_t>(call.rows), worker);
  for (auto row = static_cast<std::int64_t>(begin); row < static_cast<std::int64_t>(end); ++row) {
    const auto matrix = static_cast<std::size_t>(row / call.rows);
    const T* left = a + call.a_offsets[matrix] + row % call.rows * call.inner;
    T* sums = c + row * call.columns;
    std::fill_n(sums, call.columns, T{0});
    for (std::int64_t k = 0; k < call.inner; ++k) {
      const T* right = b + call.b_offsets[matrix] + k * call.columns;
      for (std::int64_t n = 0; n < call.columns; ++n) {
        sums[n] = wrapping(sums[n], wrapping(left[k], right[n], std::multiplies<>()), std::plus<>());
      }
    }
  }
}

Call prepare_plain(const PrepareContext& context) {
  const Sizes sizes(context.inputs[0].type.shape, context.inputs[1].type.shape);
  PlainProductsCall call{sizes.rows,
                         sizes.inner,
                         sizes.columns,
                         offsets(sizes.batch, sizes.a),
                         offsets(sizes.batch, sizes.b),
                         context.inputs[0].data,
                         context.inputs[1].data,
                         context.outputs[0].data};
  switch (context.inputs[0].type.dtype) {
    case DType::i32:
      return Call::of<run_plain<std::int32_t>>(std::move(call), true);
    case DType::i64:
      return Call::of<run_plain<std::int64_t>>(std::move(call), true);
    case DType::u8:
      return Call::of<run_plain<std::uint8_t>>(std::move(call), true);
    default:
      return Call::of<run_plain<double>>(std::move(call), true);
  }
}

void reference(const ReferenceContext& context) {
  const Sizes sizes(context.inputs[0]->type.shape, context.inputs[1]->type.shape);
  const auto a_offsets = offsets(sizes.batch, sizes.a);
  const auto b_offsets = offsets(sizes.batch, sizes.b);
  auto y = context.outputs[0].data.begin();
  for (std::size_t i = 0; i < a_offsets.size(); ++i) {
    for (std::int64_t m = 0; m < sizes.rows; ++m) {
      for (std::int64_t n = 0; n < sizes.columns; ++n) {
        double sum = 0;
        for (std::int64_t k = 0; k < sizes.inner; ++k) {
          sum += context.inputs[0]->data[static_cast<std::size_t>(a_offsets[i] + m * sizes.inner + k)] *
                 context.inputs[1]->data[static_cast<std::size_t>(b_offsets[i] + k * sizes.columns + n)];
        }
        *y++ = sum;
      }
    }
  }
}

/// dA = dY · Bᵀ and dB = Aᵀ · dY, summed over what was broadcast. Where the second operand is one matrix, both are a single Gemm
/// over all rows: the form that packed weights know.
void gradient(GradientContext& context) {
  const Sizes sizes(context.input(0).shape(), context.input(1).shape());
  Graph& graph = context.graph();
  Value a = reshaped(context.input(0), sizes.a);
  const Value b = reshaped(context.input(1), sizes.b);
  Value dy = reshaped(context.gradient(), sizes.result());
  Value da;
  Value db;
  if (sizes.b.rank() == 2) {
    const std::int64_t rows = sizes.rows * sizes.batch.elements();
    dy = reshaped(dy, {rows, sizes.columns});
    a = reshaped(a, {rows, sizes.inner});
    if (context.wants(0)) da = emit_with("Gemm", {dy, b}, {{"trans_b", true}});
    if (context.wants(1)) db = emit_with("Gemm", {a, dy}, {{"trans_a", true}});
  } else {
    if (context.wants(0)) da = sum_to(graph.emit("MatMul", {dy, transposed_last_two(b)}), sizes.a);
    if (context.wants(1)) db = sum_to(graph.emit("MatMul", {transposed_last_two(a), dy}), sizes.b);
  }
  if (da) context.set(0, reshaped(da, context.input(0).shape()));
  if (db) context.set(1, reshaped(db, context.input(1).shape()));
}

/// If `value` is a matrix transposed: that matrix.
std::optional<Value> untransposed(Value value) {
  const Node* node = producer(value);
  if (node == nullptr || node->op->name != "Transpose" || value.shape().rank() != 2) return std::nullopt;
  return value.graph().value(node->inputs[0]);
}

/// Two matrices of floats make a Gemm; packed weights make it a WeightedSum or its input gradient.
std::optional<std::vector<Value>> simplify(const RewriteContext& context) {
  const Value a = context.inputs[0];
  const Value b = context.inputs[1];
  const bool real = a.type().dtype == DType::f32 || a.type().dtype == DType::f64;
  if (b.shape().rank() != 2 || !real) return std::nullopt;
  const auto turned_b = untransposed(b);
  if (a.shape().rank() == 2) {
    const auto turned_a = untransposed(a);
    const Attributes flags{{"trans_a", turned_a.has_value()}, {"trans_b", turned_b.has_value()}};
    return std::vector{emit_with("Gemm", {turned_a.value_or(a), turned_b.value_or(b)}, flags)};
  }
  const auto weights = unpacked(turned_b.value_or(b));
  if (!weights || weights->options.channels != 0) return std::nullopt;
  if (weights->options.transposed != turned_b.has_value()) {
    return std::vector{context.graph.emit("WeightedSumInputGradient", {a, weights->packed})};
  }
  return std::vector{emit_with("WeightedSum", {a, weights->packed}, {{"outputs", b.shape()[1]}})};
}

std::vector<Sample> samples() {
  const std::vector<std::pair<Shape, Shape>> cases = {{{5, 7}, {7, 3}},       {{1, 1}, {1, 1}},    {{7}, {7}},
                                                      {{7}, {7, 3}},          {{5, 7}, {7}},       {{2, 5, 7}, {7, 3}},
                                                      {{2, 5, 7}, {2, 7, 3}}, {{5, 7}, {2, 7, 3}}, {{2, 1, 5, 7}, {3, 7, 3}},
                                                      {{2, 5, 7}, {7}},       {{7}, {2, 7, 3}},    {{11, 3, 5}, {11, 5, 2}},
                                                      {{13, 31}, {31, 33}},   {{0, 3}, {3, 4}},    {{3, 0}, {0, 2}},
                                                      {{0, 5, 7}, {0, 7, 3}}, {{2, 3, 0}, {0, 4}}};
  std::vector<Sample> result;
  for (const auto& [a, b] : cases) {
    result.push_back({{{{DType::f32, a}}, {{DType::f32, b}}}, NoOptions{}, a.to_string() + " · " + b.to_string()});
  }
  for (const DType dtype : {DType::i32, DType::i64, DType::u8}) {
    const auto of = [&](const Shape& shape) { return Sample::Input{{dtype, shape}, Sample::Fill::index, 5}; };
    result.push_back({{of({2, 1, 5, 3}), of({3, 3, 2})}, NoOptions{}, std::string(name_of(dtype))});
    result.push_back({{of({4, 3}), of({3})}, NoOptions{}, std::string(name_of(dtype)) + ", matrix and vector"});
  }
  result.push_back({{{{DType::f64, {2, 3}}}, {{DType::f64, {3, 4}}}}, NoOptions{}, "in double"});
  return result;
}

}  // namespace

std::vector<OpDef> matmul() {
  OpDef op;
  op.name = "MatMul";
  op.summary = "y = a · b for matrices, vectors and broadcast batches of matrices";
  op.source = "https://onnx.ai/onnx/operators/onnx__MatMul.html";
  op.minimum_inputs = 2;
  op.maximum_inputs = 2;
  op.infer = infer;
  op.gradient = gradient;
  op.reference = reference;
  op.kernels = {{"matrix_product", only_f32, prepare},
                {"rows",
                 [](const InferContext& context) -> std::string {
                   const bool fits = context.dtype() != DType::f32 && context.dtype() != DType::boolean;
                   return fits ? "" : "only numbers that are not f32";
                 },
                 prepare_plain}};
  op.flops = [](const InferContext& context) {
    const Sizes sizes(context.shape(0), context.shape(1));
    return 2.0 * static_cast<double>(sizes.result().elements()) * static_cast<double>(sizes.inner);
  };
  op.wants_layout = [](const InferContext& context, std::size_t index) -> std::optional<Layout> {
    if (index != 1 || context.shape(1).rank() != 2 || context.dtype() != DType::f32) return std::nullopt;
    return Layout{"PackPanels", "UnpackPanels", weight_options(context.shape(1)[0], context.shape(1)[1])};
  };
  op.simplify = simplify;
  op.onnx = {{"MatMul", 1, ""}};
  op.samples = samples;
  return {std::move(op)};
}

}  // namespace neurons::ops
