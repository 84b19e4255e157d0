#include "neurons/graph/chain.hpp"

#include "neurons/ops/common/chain_options.hpp"
#include "neurons/ops/common/run_chain.hpp"

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
  return {std::move(op)};
}

}  // namespace neurons::ops
