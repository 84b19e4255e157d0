#include "neurons/ops/common/update.hpp"

#include <utility>

#include "neurons/ops/common/elementwise.hpp"

namespace neurons::ops {
namespace {

/// `tensors`: the gradient, the weight and its states.
std::vector<TensorType> infer(const InferContext& context, std::size_t tensors, std::size_t scalars) {
  if (context.inputs.size() != tensors + scalars) {
    context.fail("takes {} tensors and {} scalars, got {} inputs", tensors, scalars, context.inputs.size());
  }
  for (std::size_t i = 0; i < tensors; ++i) {
    if (context.inputs[i] != context.inputs[1]) context.fail("gradient and states must have the type of the weight");
  }
  for (std::size_t i = tensors; i < context.inputs.size(); ++i) {
    if (context.shape(i).rank() != 0 || context.dtype(i) != context.dtype(1)) {
      context.fail("input {} must be a {} scalar", i, name_of(context.dtype(1)));
    }
  }
  return {context.inputs.begin() + 1, context.inputs.begin() + static_cast<std::ptrdiff_t>(tensors)};
}

void reference(const ReferenceContext& context, const UpdateFunction& update) {
  std::vector<double> inputs(context.inputs.size());
  std::vector<double> outputs(context.outputs.size());
  for (std::size_t e = 0; e < context.outputs[0].data.size(); ++e) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const auto& data = context.inputs[i]->data;
      inputs[i] = i <= outputs.size() ? data[e] : data[0];
    }
    update(inputs.data(), outputs.data(), context.options);
    for (std::size_t o = 0; o < outputs.size(); ++o) context.outputs[o].data[e] = outputs[o];
  }
}

}  // namespace

OpDef update_op(UpdateRule rule) {
  const std::size_t tensors = 2 + rule.states.size();
  OpDef op;
  op.name = std::move(rule.name);
  op.summary = std::move(rule.summary);
  op.source = std::move(rule.source);
  op.minimum_inputs = tensors + rule.scalars;
  op.maximum_inputs = op.minimum_inputs;
  op.internal = true;
  op.not_differentiable = "an optimiser's step is the end of the flow";
  op.default_options = rule.defaults;
  op.infer = [tensors, scalars = rule.scalars](const InferContext& context) { return infer(context, tensors, scalars); };
  op.reference = [update = std::move(rule.update)](const ReferenceContext& context) { reference(context, update); };
  op.elementwise = Elementwise{
      [function = rule.function](const InferContext& context) { return context.dtype(1) == DType::f32 ? function : nullptr; },
      std::move(rule.tile_options)};
  op.kernels = {elementwise_kernel()};
  op.flops = [tensors](const InferContext& context) {  // about three operations for each new number
    return 3.0 * static_cast<double>(tensors - 1) * static_cast<double>(context.shape(1).elements());
  };
  op.samples = [states = std::move(rule.states), scalars = rule.scalars, options = rule.defaults] {
    std::vector<Sample> samples;
    for (const Shape& shape : {Shape{}, Shape{1}, Shape{17}, Shape{5, 7}, Shape{3, 2, 33}, Shape{0, 4}}) {
      const TensorType type{DType::f32, shape};
      Sample sample{{{type}, {type}}, options, shape.to_string()};
      for (const Sample::Fill fill : states) sample.inputs.push_back({type, fill});
      for (std::size_t i = 0; i < scalars; ++i) sample.inputs.push_back({{DType::f32, {}}, Sample::Fill::positive});
      samples.push_back(std::move(sample));
    }
    return samples;
  };
  return op;
}

}  // namespace neurons::ops
