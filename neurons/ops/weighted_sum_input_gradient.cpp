#include "neurons/kernels/few_rows.hpp"
#include "neurons/kernels/prepared_product.hpp"
#include "neurons/ops/common/epilogue.hpp"
#include "neurons/ops/common/panels.hpp"
#include "neurons/ops/common/view.hpp"

namespace neurons::ops {
namespace {

constexpr std::size_t kOwnInputs = 2;  // dz, panels

TensorType own_type(const InferContext& context) {
  if (context.shape(0).rank() < 1 || context.shape(1).rank() != 3) context.fail("expects dz [..., outputs] and panels");
  return {DType::f32, context.shape(0).with(-1, context.shape(1)[1])};
}

struct GradientCall {
  kernels::WeightedSumInputGradient call;
  kernels::PreparedProduct product;  ///< used where the rows are not few
  std::shared_ptr<const kernels::Program> epilogue;
};

void run(const GradientCall& gradient, std::byte* scratch, Worker worker) noexcept {
  kernels::has_few_rows(gradient.call) ? kernels::run_few_rows(gradient.call, scratch, worker)
                                       : kernels::run(gradient.product, scratch, worker);
}

Call prepare(const PrepareContext& context) {
  const auto& options = context.as<EpilogueOptions>();
  const Shape& dz = context.inputs[0].type.shape;
  const std::int64_t inputs = context.inputs[1].type.shape[1];
  const Shape result = dz.with(-1, inputs);
  GradientCall gradient;
  auto& call = gradient.call;
  call.shape = kernels::weight_panels(inputs, dz[-1]);
  call.rows = dz.product(0, dz.rank() - 1);
  call.dz = context.inputs[0].as<float>();
  call.dz_row_stride = dz[-1];
  call.panels = context.inputs[1].as<float>();
  const int place = tile_place(options.epilogue);
  call.dx = context.outputs[static_cast<std::size_t>(place)].as<float>();
  call.dx_row_stride = inputs;
  gradient.epilogue = epilogue_program(context, options.epilogue, kOwnInputs, result, call.rows, inputs,
                                       {context.outputs[static_cast<std::size_t>(place)].data, inputs, 1});
  call.epilogue = gradient.epilogue.get();
  gradient.product = kernels::prepare(call);
  const std::size_t scratch = kernels::scratch_bytes(call);
  return Call::of<run>(std::move(gradient), true, scratch);
}

void reference(const ReferenceContext& context) {
  const ReferenceTensor& dz = *context.inputs[0];
  const std::int64_t inputs = context.inputs[1]->type.shape[1];
  const std::int64_t outputs = dz.type.shape[-1];
  const auto weights = plain_from_panels(weight_options(inputs, outputs), context.inputs[1]->data);
  ReferenceTensor dx{{DType::f32, dz.type.shape.with(-1, inputs)}, {}};
  const std::int64_t rows = dz.type.shape.product(0, dz.type.shape.rank() - 1);
  for (std::int64_t m = 0; m < rows; ++m) {
    for (std::int64_t k = 0; k < inputs; ++k) {
      double sum = 0;
      for (std::int64_t n = 0; n < outputs; ++n) {
        sum += dz.data[static_cast<std::size_t>(m * outputs + n)] * weights[static_cast<std::size_t>(k * outputs + n)];
      }
      dx.data.push_back(sum);
    }
  }
  finish_reference(context, context.as<EpilogueOptions>().epilogue, kOwnInputs, std::move(dx));
}

}  // namespace

/// dX = dZ · Wᵀ from the same panels as the forward sum, then the epilogue (usually the derivative of the layer below).
std::vector<OpDef> weighted_sum_input_gradient() {
  OpDef op;
  op.name = "WeightedSumInputGradient";
  op.summary = "dx = epilogue(dz · Wᵀ), W in panels of output neurons";
  op.minimum_inputs = kOwnInputs;
  op.maximum_inputs = kOwnInputs;
  op.internal = true;
  op.default_options = EpilogueOptions{};
  op.infer = [](const InferContext& context) {
    return epilogue_types(context, context.as<EpilogueOptions>().epilogue, kOwnInputs, own_type(context));
  };
  op.reference = reference;
  op.kernels = {{"weighted_sum_input_gradient", nullptr, prepare}};
  op.flops = [](const InferContext& context) {
    const std::int64_t elements = own_type(context).shape.elements();
    return 2.0 * static_cast<double>(elements) * static_cast<double>(context.shape(0)[-1]) +
           epilogue_flops(context.as<EpilogueOptions>().epilogue, elements);
  };
  op.may_alias = [](const InferContext& context) {
    return epilogue_aliases(context, context.as<EpilogueOptions>().epilogue, kOwnInputs, true);
  };
  op.simplify = [](const RewriteContext& context) { return rows_before_view(context, kOwnInputs); };
  op.with_epilogue = [](const Options&, const Chain& chain) -> std::optional<Options> {
    if (tile_place(chain) < 0) return std::nullopt;
    return Options(EpilogueOptions{chain});
  };
  op.samples = [] {
    std::vector<Sample> samples;
    for (const auto& [rows, inputs, outputs] : std::vector<std::array<std::int64_t, 3>>{
             {1, 1, 1}, {5, 7, 3}, {13, 31, 33}, {64, 45, 20}, {0, 4, 5}, {2, 100, 10}, {40, 33, 17}}) {
      const PanelOptions panels = weight_options(inputs, outputs);
      samples.push_back({{{{DType::f32, {rows, outputs}}}, {{DType::f32, panels.packed_shape()}}}, EpilogueOptions{}, ""});
    }
    return samples;
  };
  return {std::move(op)};
}

}  // namespace neurons::ops
