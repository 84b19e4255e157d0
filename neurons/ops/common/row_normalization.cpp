#include "neurons/ops/common/row_normalization.hpp"

#include <array>
#include <utility>

#include "neurons/kernels/row_normalization.hpp"
#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/normalization.hpp"
#include "neurons/ops/common/only_f32.hpp"
#include "neurons/ops/common/view.hpp"

namespace neurons::ops {
namespace {

struct RowNormalizationOptions {
  std::int64_t axis = -1;
  float epsilon = 1e-5F;

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("axis", self.axis);
    visit("epsilon", self.epsilon);
  }
};

/// The axes from `axis` on: their shape, which scale and bias have; and the shape of statistics, where they have extent 1.
struct Split {
  Shape normalized, statistics;
  std::int64_t rows = 1, columns = 1;
  std::vector<std::int64_t> axes;   ///< the normalised ones
  std::vector<std::int64_t> outer;  ///< the others
};

Split split_of(const Shape& x, std::int64_t axis) {
  const int first = x.normalized_axis(axis);
  std::vector<std::int64_t> inner;
  std::vector<std::int64_t> kept;
  Split split;
  for (int i = 0; i < x.rank(); ++i) {
    kept.push_back(i < first ? x[i] : 1);
    if (i >= first) inner.push_back(x[i]);
    (i < first ? split.outer : split.axes).push_back(i);
  }
  split.normalized = Shape(std::span<const std::int64_t>(inner));
  split.statistics = Shape(std::span<const std::int64_t>(kept));
  split.rows = x.product(0, first);
  split.columns = split.normalized.elements();
  return split;
}

Split split_of(const InferContext& context) { return split_of(context.shape(0), context.as<RowNormalizationOptions>().axis); }

/// Checks x and the vectors of the normalised shape from input `first_vector` on.
Split require_inputs(const InferContext& context, std::size_t first_vector) {
  const Shape& x = context.shape(0);
  const std::int64_t axis = context.as<RowNormalizationOptions>().axis;
  if (axis < -x.rank() || axis >= x.rank()) context.fail("there is no axis {} in {}", axis, x.to_string());
  const Split split = split_of(context);
  if (split.columns == 0) context.fail("has no values to normalise");
  for (std::size_t i = 1; i < context.inputs.size(); ++i) {
    if (!context.has(i)) continue;
    const Shape& expected = i < first_vector ? x : split.normalized;
    if (context.inputs[i] != TensorType{context.dtype(), expected})
      context.fail("expects input {} of shape {}", i, expected.to_string());
  }
  return split;
}

void run_rows(const kernels::RowNormalization& call, std::byte*, Worker worker) noexcept { kernels::normalize_rows(call, worker); }
void run_gradient(const kernels::RowNormalizationGradient& call, std::byte*, Worker worker) noexcept {
  kernels::normalize_rows_gradient(call, worker);
}

Kernel kernel_of(bool centred) {
  return {"rows", only_f32, [centred](const PrepareContext& context) {
            const auto& options = context.as<RowNormalizationOptions>();
            const Split split = split_of(context.inputs[0].type.shape, options.axis);
            kernels::RowNormalization call{split.rows, split.columns, options.epsilon, centred};
            call.x = context.inputs[0].as<float>();
            call.scale = context.inputs[1].as<float>();
            call.bias = context.input(2).as<float>();
            call.y = context.outputs[0].as<float>();
            if (centred) {
              call.mean = context.outputs[1].as<float>();
              call.inverse = context.outputs[2].as<float>();
            }
            return Call::of<run_rows>(call, true);
          }};
}

void set_reference(OpDef& op, bool centred) {
  op.reference = [centred](const ReferenceContext& context) {
    const auto& options = context.as<RowNormalizationOptions>();
    const ReferenceTensor& x = *context.inputs[0];
    const ReferenceTensor* bias = context.inputs.size() > 2 ? context.inputs[2] : nullptr;
    const auto rows = NormalizedElements::of_rows(x.type.shape, options.axis, options.epsilon, centred);
    const auto known = rows.statistics(x.data);
    rows.normalize(known, x, *context.inputs[1], bias, context.outputs[0]);
    if (!centred) return;
    context.outputs[1].data = known.mean;
    for (std::size_t row = 0; row < rows.groups; ++row) context.outputs[2].data[row] = rows.inverse(known, row);
  };
}

/// The statistics are results, too: d mean / dx = 1 / n, d inverse / dx = -inverse³ · (x - mean) / n.
void set_gradient(OpDef& op, const std::string& name, bool centred) {
  op.gradient = [name, centred](GradientContext& context) {
    const Value x = context.input(0);
    Value dx;
    if (context.has_gradient(0)) {
      const OpDef& found = context.graph().table()->find(name);
      const auto slopes = context.graph().emit_all(found, std::array{x, context.gradient(), context.input(1)}, context.options());
      dx = slopes[0];
      if (context.wants(1)) context.set(1, slopes[1]);
      if (context.has_input(2) && context.wants(2)) context.set(2, slopes[2]);
    }
    const auto add = [&](Value more) { dx = dx ? dx + more : more; };
    const double share = 1 / static_cast<double>(split_of(x.shape(), context.as<RowNormalizationOptions>().axis).columns);
    if (centred && context.has_gradient(1)) add(expanded(context.gradient(1) * share, x.shape()));
    if (centred && context.has_gradient(2)) {
      const Value inverse = context.output(2);
      add((x - context.output(1)) * (context.gradient(2) * inverse * inverse * inverse * -share));
    }
    if (context.wants(0)) context.set(0, dx);
  };
}

const std::vector<std::pair<Shape, std::int64_t>>& sample_shapes() {
  static const std::vector<std::pair<Shape, std::int64_t>> kShapes = {{{5, 7}, -1},       {{3, 64}, 1},     {{2, 5, 33}, -1},
                                                                      {{2, 3, 4, 5}, -3}, {{70, 130}, -1},  {{4, 2, 3}, 0},
                                                                      {{0, 4}, -1},       {{3, 5, 1, 2}, 2}};
  return kShapes;
}

OpDef frame(std::string name, std::string summary) {
  OpDef op;
  op.name = std::move(name);
  op.summary = std::move(summary);
  op.default_options = RowNormalizationOptions{};
  return op;
}

/// dx and the sums of blocks of rows.
OpDef blocks_op(const std::string& name, bool centred) {
  OpDef op =
      frame(name + "GradientBlocks", "dx of " + name + ", and of each block of rows Σ dy · normal and Σ dy; inputs x, dy, scale");
  op.internal = true;
  op.minimum_inputs = op.maximum_inputs = 3;
  op.infer = [](const InferContext& context) -> std::vector<TensorType> {
    const Split split = require_inputs(context, 2);
    return {context.inputs[0], {context.dtype(), {kernels::row_blocks(split.rows), 2, split.columns}}};
  };
  op.reference = [centred](const ReferenceContext& context) {
    const auto& options = context.as<RowNormalizationOptions>();
    const Split split = split_of(context.inputs[0]->type.shape, options.axis);
    const auto rows = NormalizedElements::of_rows(context.inputs[0]->type.shape, options.axis, options.epsilon, centred);
    ReferenceTensor unused = *context.inputs[2];
    rows.differentiate(*context.inputs[0], *context.inputs[1], *context.inputs[2], context.outputs[0], unused, nullptr);
    const auto known = rows.statistics(context.inputs[0]->data);
    const auto columns = static_cast<std::size_t>(split.columns);
    const auto blocks = static_cast<std::size_t>(context.outputs[1].type.shape[0]);
    auto& partials = context.outputs[1].data;
    std::ranges::fill(partials, 0.0);
    const std::size_t size = std::max<std::size_t>(32, (static_cast<std::size_t>(split.rows) + 63) / 64);
    for (std::size_t i = 0; i < context.inputs[1]->data.size() && blocks > 0; ++i) {
      const std::size_t row = i / columns;
      const double dy = context.inputs[1]->data[i];
      const std::size_t place = row / size * 2 * columns + i % columns;
      partials[place] += dy * (context.inputs[0]->data[i] - known.mean[row]) * rows.inverse(known, row);
      partials[place + columns] += dy;
    }
  };
  op.kernels = {{"rows", only_f32, [centred](const PrepareContext& context) {
                   const auto& options = context.as<RowNormalizationOptions>();
                   const Split split = split_of(context.inputs[0].type.shape, options.axis);
                   kernels::RowNormalizationGradient call{split.rows, split.columns, options.epsilon, centred};
                   call.x = context.inputs[0].as<float>();
                   call.dy = context.inputs[1].as<float>();
                   call.scale = context.inputs[2].as<float>();
                   call.dx = context.outputs[0].as<float>();
                   call.partials = context.outputs[1].as<float>();
                   return Call::of<run_gradient>(call, true);
                 }}};
  return op;
}

OpDef gradient_op(const std::string& name, bool centred) {
  OpDef op = frame(name + "Gradient",
                   std::string(centred ? "dx, dscale and dbias" : "dx and dscale") + " of " + name + "; inputs x, dy, scale");
  op.minimum_inputs = op.maximum_inputs = 3;
  op.infer = [centred](const InferContext& context) -> std::vector<TensorType> {
    require_inputs(context, 2);
    std::vector<TensorType> types{context.inputs[0], context.inputs[2]};
    if (centred) types.push_back(context.inputs[2]);
    return types;
  };
  op.reference = [centred](const ReferenceContext& context) {
    const auto& options = context.as<RowNormalizationOptions>();
    NormalizedElements::of_rows(context.inputs[0]->type.shape, options.axis, options.epsilon, centred)
        .differentiate(*context.inputs[0], *context.inputs[1], *context.inputs[2], context.outputs[0], context.outputs[1],
                       centred ? &context.outputs[2] : nullptr);
  };
  op.decompose = [centred](const RewriteContext& context) -> std::vector<Value> {
    const auto& options = context.options.as<RowNormalizationOptions>();
    const Split split = split_of(context.inputs[0].shape(), options.axis);
    const PlainGradient plain =
        plain_normalization_gradient(context.inputs[0], context.inputs[1], context.inputs[2], split.axes, centred, options.epsilon);
    std::vector<Value> slopes{plain.dx, sum_over(plain.slopes, split.outer, false)};
    if (centred) slopes.push_back(sum_over(context.inputs[1], split.outer, false));
    return slopes;
  };
  op.simplify = [name, centred](const RewriteContext& context) -> std::optional<std::vector<Value>> {
    if (context.inputs[0].type().dtype != DType::f32) return std::nullopt;
    const OpDef& blocks = context.graph.table()->find(name + "GradientBlocks");
    const auto found = context.graph.emit_all(blocks, context.inputs, context.options, context.name);
    const Value sums = sum_over(found[1], {0}, false);
    std::vector<Value> slopes{found[0]};
    for (std::int64_t kind = 0; kind < (centred ? 2 : 1); ++kind) {
      slopes.push_back(reshaped(sliced(sums, 0, kind, kind + 1), context.inputs[2].shape()));
    }
    return slopes;
  };
  return op;
}

}  // namespace

std::vector<OpDef> row_normalization(std::string name, std::string summary, bool centred) {
  OpDef op = frame(name, std::move(summary));
  op.source = "https://onnx.ai/onnx/operators/onnx__" + name + ".html";
  op.minimum_inputs = 2;
  op.maximum_inputs = centred ? 3 : 2;
  op.infer = [centred](const InferContext& context) -> std::vector<TensorType> {
    const Split split = require_inputs(context, 1);
    const TensorType statistics{context.dtype(), split.statistics};
    return centred ? std::vector{context.inputs[0], statistics, statistics} : std::vector{context.inputs[0]};
  };
  set_reference(op, centred);
  set_gradient(op, name + "Gradient", centred);
  op.kernels = {kernel_of(centred)};
  op.flops = [](const InferContext& context) { return 6.0 * static_cast<double>(context.shape(0).elements()); };
  op.samples = [centred] {
    std::vector<Sample> samples;
    for (const auto& [x, axis] : sample_shapes()) {
      const RowNormalizationOptions options{axis, 1e-2F};
      const Sample::Input vector{{DType::f32, split_of(x, axis).normalized}};
      samples.push_back({{{{DType::f32, x}}, vector}, options, x.to_string()});
      if (centred) samples.push_back({{{{DType::f32, x}}, vector, vector}, options, x.to_string() + ", bias"});
    }
    return samples;
  };
  std::vector<OpDef> ops{op, gradient_op(name, centred), blocks_op(name, centred)};
  for (std::size_t i = 1; i < ops.size(); ++i) {
    ops[i].source = op.source;
    ops[i].flops = [](const InferContext& context) { return 12.0 * static_cast<double>(context.shape(0).elements()); };
    ops[i].samples = [] {
      std::vector<Sample> samples;
      for (const auto& [x, axis] : sample_shapes()) {
        const Sample::Input image{{DType::f32, x}};
        samples.push_back(
            {{image, image, {{DType::f32, split_of(x, axis).normalized}}}, RowNormalizationOptions{axis, 1.0F}, x.to_string()});
      }
      return samples;
    };
  }
  return ops;
}

}  // namespace neurons::ops
