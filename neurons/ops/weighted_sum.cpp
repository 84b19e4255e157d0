#include "neurons/kernels/prepared_product.hpp"
#include "neurons/ops/common/epilogue.hpp"
#include "neurons/ops/common/panels.hpp"
#include "neurons/ops/common/view.hpp"

namespace neurons::ops {
namespace {

constexpr std::size_t kOwnInputs = 3;  // x, panels, bias

struct WeightedSumOptions {
  std::int64_t outputs = 0;
  Chain epilogue;

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("outputs", self.outputs);
    if (self.epilogue.empty()) return;
    std::string text = self.epilogue.to_string();
    visit("epilogue", text);
  }
};

kernels::PanelShape panel_shape(const InferContext& context) {
  return kernels::weight_panels(context.shape(1)[1], context.as<WeightedSumOptions>().outputs);
}

TensorType own_type(const InferContext& context) {
  const Shape& x = context.shape(0);
  if (x.rank() < 1 || context.shape(1).rank() != 3 || x[-1] != context.shape(1)[1]) {
    context.fail("expects x [..., inputs] and panels [count, inputs, width]");
  }
  return {DType::f32, x.with(-1, context.as<WeightedSumOptions>().outputs)};
}

struct ForwardCall {
  kernels::PreparedProduct product;
  std::shared_ptr<const kernels::Program> epilogue;
};

void run(const ForwardCall& forward, std::byte* scratch, Worker worker) noexcept { kernels::run(forward.product, scratch, worker); }

Call prepare(const PrepareContext& context) {
  const auto& options = context.as<WeightedSumOptions>();
  const Shape& x = context.inputs[0].type.shape;
  const Shape result = x.with(-1, options.outputs);
  ForwardCall forward;
  kernels::WeightedSumForward call;
  call.shape = kernels::weight_panels(x[-1], options.outputs);
  call.rows = x.product(0, x.rank() - 1);
  call.x = context.inputs[0].as<float>();
  call.x_row_stride = x[-1];
  call.panels = context.inputs[1].as<float>();
  call.bias = context.input(2).as<float>();
  const int place = tile_place(options.epilogue);
  call.y = context.outputs[static_cast<std::size_t>(place)].as<float>();
  call.y_row_stride = options.outputs;
  forward.epilogue = epilogue_program(context, options.epilogue, kOwnInputs, result, call.rows, options.outputs,
                                      {context.outputs[static_cast<std::size_t>(place)].data, options.outputs, 1});
  call.epilogue = forward.epilogue.get();
  forward.product = kernels::prepare(call);
  const std::size_t scratch = forward.product.scratch_bytes();
  return Call::of<run>(std::move(forward), true, scratch);
}

void reference(const ReferenceContext& context) {
  const auto& options = context.as<WeightedSumOptions>();
  const ReferenceTensor& x = *context.inputs[0];
  const std::int64_t inputs = context.inputs[1]->type.shape[1];
  const std::int64_t outputs = options.outputs;
  const auto weights = plain_from_panels(weight_options(inputs, outputs), context.inputs[1]->data);
  const bool has_bias = context.inputs.size() > 2 && context.inputs[2] != nullptr;
  ReferenceTensor y{{DType::f32, x.type.shape.with(-1, outputs)}, {}};
  const std::int64_t rows = x.type.shape.product(0, x.type.shape.rank() - 1);
  for (std::int64_t m = 0; m < rows; ++m) {
    for (std::int64_t n = 0; n < outputs; ++n) {
      double sum = has_bias ? context.inputs[2]->data[static_cast<std::size_t>(n)] : 0.0;
      for (std::int64_t k = 0; k < inputs; ++k) {
        sum += x.data[static_cast<std::size_t>(m * inputs + k)] * weights[static_cast<std::size_t>(k * outputs + n)];
      }
      y.data.push_back(sum);
    }
  }
  finish_reference(context, options.epilogue, kOwnInputs, std::move(y));
}

}  // namespace

/// Y = X · W + bias with W in panels, then the epilogue. Made from Gemm and MatMul when weights are packed.
std::vector<OpDef> weighted_sum() {
  OpDef op;
  op.name = "WeightedSum";
  op.summary = "y = epilogue(x · W + bias), W in panels of output neurons";
  op.minimum_inputs = 2;
  op.maximum_inputs = kOwnInputs;
  op.internal = true;
  op.default_options = WeightedSumOptions{};
  op.infer = [](const InferContext& context) {
    return epilogue_types(context, context.as<WeightedSumOptions>().epilogue, kOwnInputs, own_type(context));
  };
  op.reference = reference;
  op.kernels = {{"weighted_sum", nullptr, prepare}};
  op.flops = [](const InferContext& context) {
    const std::int64_t elements = own_type(context).shape.elements();
    return 2.0 * static_cast<double>(elements) * static_cast<double>(panel_shape(context).inputs) +
           epilogue_flops(context.as<WeightedSumOptions>().epilogue, elements);
  };
  op.may_alias = [](const InferContext& context) {
    return epilogue_aliases(context, context.as<WeightedSumOptions>().epilogue, kOwnInputs, true);
  };
  op.simplify = [](const RewriteContext& context) { return rows_before_view(context, kOwnInputs); };
  op.with_epilogue = [](const Options& options, const Chain& chain) -> std::optional<Options> {
    auto changed = options.as<WeightedSumOptions>();
    if (tile_place(chain) < 0) return std::nullopt;
    changed.epilogue = chain;
    return Options(changed);
  };
  op.samples = [] {
    std::vector<Sample> samples;
    for (const auto& [rows, inputs, outputs] : std::vector<std::array<std::int64_t, 3>>{
             {1, 1, 1}, {5, 7, 3}, {13, 31, 33}, {64, 20, 45}, {0, 4, 5}, {2, 100, 10}, {33, 0, 6}}) {
      const PanelOptions panels = weight_options(inputs, outputs);
      samples.push_back({{{{DType::f32, {rows, inputs}}}, {{DType::f32, panels.packed_shape()}}, {{DType::f32, {outputs}}}},
                         WeightedSumOptions{outputs, {}},
                         "with bias"});
      samples.push_back({{{{DType::f32, {rows, inputs}}}, {{DType::f32, panels.packed_shape()}}},
                         WeightedSumOptions{outputs, {}},
                         "without bias"});
    }
    return samples;
  };
  return {std::move(op)};
}

}  // namespace neurons::ops
