#include "neurons/ops/common/channels.hpp"
#include "neurons/ops/common/panels.hpp"

namespace neurons::ops {
namespace {

struct GemmOptions {
  float alpha = 1.0F;
  float beta = 1.0F;
  bool trans_a = false;
  bool trans_b = false;
  std::int64_t channels = 0;  ///< rows of a are images, which plans have with their channels last: how many channels; 0: others

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("alpha", self.alpha);
    visit("beta", self.beta);
    visit("trans_a", self.trans_a);
    visit("trans_b", self.trans_b);
    visit("channels", self.channels);
  }
};

/// Sizes of A' [rows, inner] · B' [inner, columns] after the transpositions.
struct Sizes {
  std::int64_t rows, inner, columns;
};

Sizes sizes_of(const GemmOptions& options, const Shape& a, const Shape& b) {
  return {a[options.trans_a ? 1 : 0], a[options.trans_a ? 0 : 1], b[options.trans_b ? 0 : 1]};
}

std::vector<TensorType> infer(const InferContext& context) {
  const auto& options = context.as<GemmOptions>();
  context.require_rank(0, 2);
  context.require_rank(1, 2);
  for (std::size_t i = 1; i < context.inputs.size(); ++i) {
    if (context.has(i) && context.dtype(i) != context.dtype()) context.fail("operands must have one element type");
  }
  const Sizes sizes = sizes_of(options, context.shape(0), context.shape(1));
  const std::int64_t other = context.shape(1)[options.trans_b ? 1 : 0];
  if (sizes.inner != other) context.fail("inner sizes differ: {} of the first operand, {} of the second", sizes.inner, other);
  const Shape result{sizes.rows, sizes.columns};
  if (context.has(2) && broadcast(context.shape(2), result) != result) {
    context.fail("the third operand {} does not broadcast to {}", context.shape(2).to_string(), result.to_string());
  }
  return {{context.dtype(), result}};
}

struct GemmCall {
  kernels::MatrixProduct call;
};

void run(const GemmCall& gemm, std::byte* scratch, Worker worker) noexcept { kernels::matrix_product(gemm.call, scratch, worker); }

Call prepare(const PrepareContext& context) {
  const auto& options = context.as<GemmOptions>();
  const Shape& a = context.inputs[0].type.shape;
  const Shape& b = context.inputs[1].type.shape;
  const Sizes sizes = sizes_of(options, a, b);
  kernels::MatrixProduct call;
  call.rows = sizes.rows;
  call.inner = sizes.inner;
  call.columns = sizes.columns;
  call.a = context.inputs[0].as<float>();
  call.a_row_stride = options.trans_a ? 1 : a[1];
  call.a_column_stride = options.trans_a ? a[1] : 1;
  call.b = context.inputs[1].as<float>();
  call.b_row_stride = options.trans_b ? 1 : b[1];
  call.b_column_stride = options.trans_b ? b[1] : 1;
  call.bias = context.input(2).as<float>();
  call.c = context.outputs[0].as<float>();
  call.c_row_stride = sizes.columns;
  const std::size_t scratch = kernels::scratch_bytes(call);
  return Call::of<run>(GemmCall{call}, true, scratch);
}

void reference(const ReferenceContext& context) {
  const auto& options = context.as<GemmOptions>();
  const ReferenceTensor& a = *context.inputs[0];
  const ReferenceTensor& b = *context.inputs[1];
  const Sizes sizes = sizes_of(options, a.type.shape, b.type.shape);
  const ReferenceTensor* c = context.inputs.size() > 2 ? context.inputs[2] : nullptr;
  const auto place = [](std::int64_t row, std::int64_t column, bool transposed, const Shape& shape) {
    return static_cast<std::size_t>(transposed ? column * shape[1] + row : row * shape[1] + column);
  };
  for (std::int64_t m = 0; m < sizes.rows; ++m) {
    for (std::int64_t n = 0; n < sizes.columns; ++n) {
      double sum = 0;
      for (std::int64_t k = 0; k < sizes.inner; ++k) {
        sum += a.data[place(m, k, options.trans_a, a.type.shape)] * b.data[place(k, n, options.trans_b, b.type.shape)];
      }
      sum *= static_cast<double>(options.alpha);
      if (c != nullptr) {
        const Shape& shape = c->type.shape;
        const std::int64_t column = shape.rank() > 0 && shape[-1] > 1 ? n : 0;
        const std::int64_t row = shape.rank() > 1 && shape[0] > 1 ? m : 0;
        const std::int64_t stride = shape.rank() > 0 ? shape[-1] : 1;
        sum += static_cast<double>(options.beta) * c->data[static_cast<std::size_t>(row * stride + column)];
      }
      context.outputs[0].data[static_cast<std::size_t>(m * sizes.columns + n)] = sum;
    }
  }
}

/// Products of transposed or plain operands: op(a) · op(b), with the transpositions folded into the node.
Value product(Value a, bool trans_a, Value b, bool trans_b) {
  return a.graph().emit("Gemm", {a, b}, GemmOptions{1.0F, 1.0F, trans_a, trans_b});
}

void gradient(GradientContext& context) {
  const auto& options = context.as<GemmOptions>();
  const Value a = context.input(0);
  const Value b = context.input(1);
  Value dy = context.gradient();
  if (context.has_input(2) && context.wants(2)) {
    const Value scaled = options.beta == 1.0F ? dy : dy * static_cast<double>(options.beta);
    context.set(2, sum_to(scaled, context.input(2).shape()));
  }
  if (options.alpha != 1.0F) dy = dy * static_cast<double>(options.alpha);
  // Y = A'B': dA' = dY·B'ᵀ, dB' = A'ᵀ·dY; a transposed operand gets the transposed product.
  if (context.wants(0)) {
    context.set(0, options.trans_a ? product(b, options.trans_b, dy, true) : product(dy, false, b, !options.trans_b));
  }
  if (context.wants(1)) {
    context.set(1, options.trans_b ? product(dy, true, a, options.trans_a) : product(a, !options.trans_a, dy, false));
  }
}

/// The channels of the images that are the rows of `value`, if their channels will lie last in memory; else 0.
std::int64_t channels_of_rows(Value value) {
  const Node* flatten = producer(value);
  if (flatten == nullptr || flatten->op->name != "Reshape" || value.shape().rank() != 2) return 0;
  const Value images = value.graph().value(flatten->inputs[0]);
  const Node* moved = producer(images);
  while (moved != nullptr && moved->op->elementwise && !moved->inputs.empty()) {  // what unpacks moves past these
    moved = producer(value.graph().value(moved->inputs[0]));
  }
  const bool last = moved != nullptr && moved->op->name == "ToChannelsFirst" && images.shape()[0] == value.shape()[0];
  return last ? images.shape()[1] : 0;
}

/// Scaling and adding become ops of their own, except for a bias; packed weights make it a WeightedSum or its input gradient.
std::optional<std::vector<Value>> simplify(const RewriteContext& context) {
  const auto& options = context.options.as<GemmOptions>();
  const Value a = context.inputs[0];
  const Value b = context.inputs[1];
  const Value c = context.inputs.size() > 2 ? context.inputs[2] : Value{};
  Graph& graph = context.graph;
  const Sizes sizes = sizes_of(options, a.shape(), b.shape());
  if (options.alpha != 1.0F) {
    const Value y = product(a, options.trans_a, b, options.trans_b) * static_cast<double>(options.alpha);
    if (!c) return std::vector{y};
    return std::vector{y + (options.beta == 1.0F ? c : c * static_cast<double>(options.beta))};
  }
  const auto weights = unpacked(b);
  const bool packed = weights && !options.trans_a;
  const bool forward = packed && weights->options.transposed == options.trans_b;
  const bool bias = c && options.beta == 1.0F && c.shape() == Shape{sizes.columns};
  if (c && (!bias || (packed && !forward))) {
    const Value y = product(a, options.trans_a, b, options.trans_b);
    return std::vector{y + (options.beta == 1.0F ? c : c * static_cast<double>(options.beta))};
  }
  if (!packed) {
    auto images = options;
    images.channels = options.trans_a || options.channels != 0 || a.type().dtype != DType::f32 ? 0 : channels_of_rows(a);
    if (images.channels == 0 || graph.info(b.id()).kind != ValueKind::state) return std::nullopt;
    return graph.emit_all(context.op, context.inputs, images, context.name);
  }
  const std::int64_t channels = weights->options.channels;
  if (!forward) {
    return std::vector{rows_channels_first(graph.emit("WeightedSumInputGradient", {a, weights->packed}), channels)};
  }
  const OpDef& sum = graph.table()->find("WeightedSum");
  return std::vector{graph.emit(sum, {rows_channels_last(a, channels), weights->packed, c},
                                sum.default_options.with({{"outputs", sizes.columns}}))};
}

std::optional<Layout> wants_layout(const InferContext& context, std::size_t index) {
  const auto& options = context.as<GemmOptions>();
  if (index != 1 || options.trans_a || context.dtype() != DType::f32) return std::nullopt;
  const Sizes sizes = sizes_of(options, context.shape(0), context.shape(1));
  return Layout{"PackPanels", "UnpackPanels", weight_options(sizes.inner, sizes.columns, options.trans_b, options.channels)};
}

std::vector<Sample> samples() {
  std::vector<Sample> samples;
  for (const auto& [rows, inner, columns] :
       std::vector<std::array<std::int64_t, 3>>{{1, 1, 1}, {5, 7, 3}, {13, 31, 33}, {64, 20, 10}, {0, 3, 4}, {3, 0, 2}}) {
    for (const bool trans_a : {false, true}) {
      for (const bool trans_b : {false, true}) {
        const Shape a = trans_a ? Shape{inner, rows} : Shape{rows, inner};
        const Shape b = trans_b ? Shape{columns, inner} : Shape{inner, columns};
        samples.push_back({{{{DType::f32, a}}, {{DType::f32, b}}}, GemmOptions{1, 1, trans_a, trans_b}, "product"});
        samples.push_back({{{{DType::f32, a}}, {{DType::f32, b}}, {{DType::f32, {columns}}}},
                           GemmOptions{0.5F, 2.0F, trans_a, trans_b},
                           "scaled, with bias"});
        samples.push_back(
            {{{{DType::f32, a}}, {{DType::f32, b}}, {{DType::f32, {columns}}}}, GemmOptions{1, 1, trans_a, trans_b}, "with bias"});
      }
    }
  }
  return samples;
}

}  // namespace

std::vector<OpDef> gemm() {
  OpDef op;
  op.name = "Gemm";
  op.summary = "y = alpha · op(a) · op(b) + beta · c";
  op.source = "https://onnx.ai/onnx/operators/onnx__Gemm.html";
  op.minimum_inputs = 2;
  op.maximum_inputs = 3;
  op.default_options = GemmOptions{};
  op.infer = infer;
  op.gradient = gradient;
  op.reference = reference;
  op.kernels = {{"matrix_product",
                 [](const InferContext& context) -> std::string {
                   const auto& options = context.as<GemmOptions>();
                   if (context.dtype() != DType::f32) return "only f32";
                   if (options.alpha != 1.0F || (context.has(2) && options.beta != 1.0F))
                     return "scaling is an op of its own (run simplify first)";
                   const std::int64_t columns = sizes_of(options, context.shape(0), context.shape(1)).columns;
                   if (context.has(2) && context.shape(2) != Shape{columns}) return "adds only a bias of one number a column";
                   return "";
                 },
                 prepare}};
  op.simplify = simplify;
  op.wants_layout = wants_layout;
  op.flops = [](const InferContext& context) {
    const Sizes sizes = sizes_of(context.as<GemmOptions>(), context.shape(0), context.shape(1));
    return 2.0 * static_cast<double>(sizes.rows) * static_cast<double>(sizes.inner) * static_cast<double>(sizes.columns);
  };
  op.onnx = {{"Gemm", 7, ""}};
  op.onnx_attributes = {{"transA", "trans_a"}, {"transB", "trans_b"}};
  op.samples = samples;
  return {std::move(op)};
}

}  // namespace neurons::ops
