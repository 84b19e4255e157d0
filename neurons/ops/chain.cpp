#include "neurons/graph/chain.hpp"

#include "neurons/ops/common/chain_options.hpp"
#include "neurons/ops/common/run_chain.hpp"
#include "neurons/ops/ops.hpp"

namespace neurons::ops {
namespace {

std::vector<TensorType> infer(const InferContext& context) {
  const Chain& chain = context.as<ChainOptions>().chain;
  std::vector<TensorType> types;
  for (const auto& output : chain.outputs) types.push_back(chain.type_of(output, context.inputs, {}));
  return types;
}

double flops(const InferContext& context) {
  const Chain& chain = context.as<ChainOptions>().chain;
  return static_cast<double>(chain.steps.size()) * static_cast<double>(infer(context).front().shape.elements());
}

/// relu(in0 + in1) · in2, where the sum leaves the chain, too.
Chain sample_chain(const TensorType& type) {
  using From = Chain::Operand::From;
  const auto op = [](std::string_view name) { return &table()->find(name); };
  Chain chain;
  chain.steps.push_back({op("Add"), {}, {{From::input, 0, 0}, {From::input, 1, 0}}, {type}});
  chain.steps.push_back({op("Relu"), {}, {{From::step, 0, 0}}, {type}});
  chain.steps.push_back({op("Mul"), {}, {{From::step, 1, 0}, {From::input, 2, 0}}, {type}});
  chain.outputs = {{From::step, 2, 0}, {From::step, 0, 0}};
  return chain;
}

std::vector<Sample> samples() {
  std::vector<Sample> samples;
  for (const auto& [shape, other] : std::vector<std::pair<Shape, Shape>>{
           {{}, {}}, {{17}, {17}}, {{5, 7}, {7}}, {{5, 7}, {5, 1}}, {{3, 1500}, {1500}}, {{2, 3, 5}, {3, 1}}, {{0, 4}, {4}}}) {
    const TensorType type{DType::f32, shape};
    samples.push_back({{{type}, {{DType::f32, other}}, {type}},
                       ChainOptions{sample_chain(type)},
                       shape.to_string() + " with " + other.to_string()});
  }
  return samples;
}

}  // namespace

/// Several elementwise ops in one pass over memory. Made by the fusion pass.
std::vector<OpDef> chain() {
  OpDef op;
  op.name = "Chain";
  op.summary = "A chain of elementwise ops in one pass over memory";
  op.minimum_inputs = 0;
  op.internal = true;
  op.default_options = ChainOptions{};
  op.infer = infer;
  op.reference = [](const ReferenceContext& context) {
    run_reference(context.as<ChainOptions>().chain, context.inputs, nullptr, context.outputs);
  };
  op.kernels = {{"elementwise chain", nullptr, [](const PrepareContext& context) {
                   return call_of(lower_chain(context.as<ChainOptions>().chain, context.outputs[0].type.shape, context.inputs,
                                              context.outputs));
                 }}};
  op.may_alias = [](const InferContext& context) { return context.as<ChainOptions>().chain.aliases(context.inputs); };
  op.flops = flops;
  op.with_epilogue = [](const Options&, const Chain& longer) -> std::optional<Options> { return Options(ChainOptions{longer}); };
  op.samples = samples;
  return {std::move(op)};
}

}  // namespace neurons::ops
