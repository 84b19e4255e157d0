#include "neurons/ops/common/epilogue.hpp"

#include <algorithm>

namespace neurons::ops {
namespace {

/// The chain's part of a node's operands: those after the host's own.
template <typename T>
std::span<const T> chain_part(std::span<const T> operands, std::size_t own_inputs) {
  return operands.subspan(std::min(own_inputs, operands.size()));
}

}  // namespace

std::vector<TensorType> epilogue_types(const InferContext& context, const Chain& chain, std::size_t own_inputs,
                                       const TensorType& own) {
  if (chain.empty()) return {own};
  std::vector<TensorType> types;
  for (const auto& output : chain.outputs) types.push_back(chain.type_of(output, chain_part(context.inputs, own_inputs), own));
  return types;
}

int tile_place(const Chain& chain) {
  return chain.empty() ? 0 : chain.tile_output({DType::f32, chain.steps.front().types.front().shape});
}

float* stored_tile(const PrepareContext& context, const Chain& chain) {
  if (chain.empty()) return context.outputs[0].as<float>();
  const auto own = std::ranges::find(chain.outputs, Chain::Operand::From::tile, &Chain::Operand::from);
  return own == chain.outputs.end() ? nullptr : context.outputs[static_cast<std::size_t>(own - chain.outputs.begin())].as<float>();
}

std::vector<std::pair<int, int>> epilogue_aliases(const InferContext& context, const Chain& chain, std::size_t own_inputs,
                                                  bool tile_in_output) {
  auto pairs = chain.aliases(chain_part(context.inputs, own_inputs));
  if (tile_in_output) std::erase_if(pairs, [&](const auto& pair) { return pair.first == tile_place(chain); });
  for (auto& pair : pairs) pair.second += static_cast<int>(own_inputs);
  return pairs;
}

std::shared_ptr<const kernels::Program> epilogue_program(const PrepareContext& context, const Chain& chain, std::size_t own_inputs,
                                                         const Shape& shape, std::int64_t rows, std::int64_t columns,
                                                         const kernels::Stream& tile) {
  if (chain.empty()) return nullptr;
  auto program = lower_chain(chain, shape, chain_part(context.inputs, own_inputs), context.outputs, std::pair{rows, columns});
  program.prepare(tile);
  return std::make_shared<const kernels::Program>(std::move(program));
}

void finish_reference(const ReferenceContext& context, const Chain& chain, std::size_t own_inputs, ReferenceTensor own) {
  if (chain.empty()) {
    context.outputs[0].data = std::move(own.data);
    return;
  }
  run_reference(chain, chain_part(context.inputs, own_inputs), &own, context.outputs);
}

double epilogue_flops(const Chain& chain, std::int64_t elements) {
  return static_cast<double>(chain.steps.size()) * static_cast<double>(elements);
}

}  // namespace neurons::ops
