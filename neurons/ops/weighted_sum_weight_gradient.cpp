#include "neurons/kernels/prepared_product.hpp"
#include "neurons/ops/common/epilogue.hpp"
#include "neurons/ops/common/panels.hpp"

namespace neurons::ops {
namespace {

constexpr std::size_t kOwnInputs = 2;  // x, dz

PanelOptions panels_of(const Shape& x, const Shape& dz) { return weight_options(x[-1], dz[-1]); }

TensorType own_type(const InferContext& context) {
  const Shape& x = context.shape(0);
  const Shape& dz = context.shape(1);
  if (x.rank() < 1 || dz.rank() != x.rank() || x.product(0, x.rank() - 1) != dz.product(0, dz.rank() - 1)) {
    context.fail("expects x [..., inputs] and dz [..., outputs] with as many rows");
  }
  return {DType::f32, panels_of(x, dz).packed_shape()};
}

struct GradientCall {
  kernels::PreparedProduct product;
  std::shared_ptr<const kernels::Program> epilogue;
};

void run(const GradientCall& gradient, std::byte* scratch, Worker worker) noexcept {
  kernels::run(gradient.product, scratch, worker);
}

Call prepare(const PrepareContext& context) {
  const Chain& chain = context.as<EpilogueOptions>().epilogue;
  const Shape& x = context.inputs[0].type.shape;
  const Shape& dz = context.inputs[1].type.shape;
  const PanelOptions panels = panels_of(x, dz);
  GradientCall gradient;
  kernels::WeightedSumWeightGradient call;
  call.shape = panels.shape();
  call.rows = x.product(0, x.rank() - 1);
  call.x = context.inputs[0].as<float>();
  call.x_row_stride = x[-1];
  call.dz = context.inputs[1].as<float>();
  call.dz_row_stride = dz[-1];
  gradient.epilogue = epilogue_program(context, chain, kOwnInputs, panels.packed_shape(), panels.shape().matrix_rows(),
                                       panels.shape().matrix_columns());
  call.epilogue = gradient.epilogue.get();
  call.panels = stored_tile(context, chain);
  gradient.product = kernels::prepare(call);
  const std::size_t scratch = gradient.product.scratch_bytes();
  return Call::of<run>(std::move(gradient), true, scratch);
}

void reference(const ReferenceContext& context) {
  const ReferenceTensor& x = *context.inputs[0];
  const ReferenceTensor& dz = *context.inputs[1];
  const PanelOptions panels = panels_of(x.type.shape, dz.type.shape);
  const std::int64_t rows = x.type.shape.product(0, x.type.shape.rank() - 1);
  std::vector<double> plain;
  for (std::int64_t k = 0; k < panels.inputs; ++k) {
    for (std::int64_t n = 0; n < panels.outputs; ++n) {
      double sum = 0;
      for (std::int64_t m = 0; m < rows; ++m) {
        sum += x.data[static_cast<std::size_t>(m * panels.inputs + k)] * dz.data[static_cast<std::size_t>(m * panels.outputs + n)];
      }
      plain.push_back(sum);
    }
  }
  ReferenceTensor own{{DType::f32, panels.packed_shape()}, panels_from_plain(panels, plain)};
  finish_reference(context, context.as<EpilogueOptions>().epilogue, kOwnInputs, std::move(own));
}

}  // namespace

/// dW = Xᵀ · dZ in panels, then the epilogue (usually the optimiser's update, which reads each tile from the cache).
std::vector<OpDef> weighted_sum_weight_gradient() {
  OpDef op;
  op.name = "WeightedSumWeightGradient";
  op.summary = "epilogue(xᵀ · dz) in panels of output neurons";
  op.minimum_inputs = kOwnInputs;
  op.maximum_inputs = kOwnInputs;
  op.internal = true;
  op.default_options = EpilogueOptions{};
  op.infer = [](const InferContext& context) {
    return epilogue_types(context, context.as<EpilogueOptions>().epilogue, kOwnInputs, own_type(context));
  };
  op.reference = reference;
  op.kernels = {{"weighted_sum_weight_gradient", nullptr, prepare}};
  op.flops = [](const InferContext& context) {
    return 2.0 * static_cast<double>(context.shape(0).elements()) * static_cast<double>(context.shape(1)[-1]) +
           epilogue_flops(context.as<EpilogueOptions>().epilogue, own_type(context).shape.elements());
  };
  op.may_alias = [](const InferContext& context) {
    return epilogue_aliases(context, context.as<EpilogueOptions>().epilogue, kOwnInputs, false);
  };
  op.with_epilogue = [](const Options&, const Chain& chain) -> std::optional<Options> { return Options(EpilogueOptions{chain}); };
  op.samples = [] {
    std::vector<Sample> samples;
    for (const auto& [rows, inputs, outputs] :
         std::vector<std::array<std::int64_t, 3>>{{1, 1, 1}, {5, 7, 3}, {13, 31, 33}, {64, 20, 45}, {0, 4, 5}, {2, 100, 10}}) {
      samples.push_back({{{{DType::f32, {rows, inputs}}}, {{DType::f32, {rows, outputs}}}}, EpilogueOptions{}, ""});
    }
    return samples;
  };
  return {std::move(op)};
}

}  // namespace neurons::ops
