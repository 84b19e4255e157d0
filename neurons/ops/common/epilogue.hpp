#pragma once
/// What the hosts of epilogues have in common: a fixed number of own inputs, then the chain's.

#include <memory>

#include "neurons/graph/chain.hpp"

namespace neurons::ops {

/// Options of a host that has no others.
struct EpilogueOptions {
  Chain epilogue;
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    if (self.epilogue.empty()) return;
    std::string text = self.epilogue.to_string();
    visit("epilogue", text);
  }
};

/// Types of a host's outputs: its own, or those of its chain. `own_inputs` is how many inputs are the host's.
std::vector<TensorType> epilogue_types(const InferContext& context, const Chain& chain, std::size_t own_inputs,
                                       const TensorType& own);

/// Which output holds the host's tile before the chain runs on it (Chain::tile_output; 0 for an empty chain, -1 for none).
int tile_place(const Chain& chain);

/// Where a host whose tiles need no output puts them: the memory of the output that is the tile itself, null where none is.
float* stored_tile(const PrepareContext& context, const Chain& chain);

/// Aliases of a host: those of its chain, shifted past the host's own inputs. Where the tile waits in an output (`tile_in_output`),
/// that output must not be the memory of an input, which would be overwritten before it is read.
std::vector<std::pair<int, int>> epilogue_aliases(const InferContext& context, const Chain& chain, std::size_t own_inputs,
                                                  bool tile_in_output);

/// The chain's program over the host's matrix; null for an empty chain. `tile`: where the whole matrix lies when the program runs
/// on it at once, if that is known.
std::shared_ptr<const kernels::Program> epilogue_program(const PrepareContext& context, const Chain& chain, std::size_t own_inputs,
                                                         const Shape& shape, std::int64_t rows, std::int64_t columns,
                                                         const kernels::Stream& tile = {});

/// Finishes a host's reference: puts `own` through the chain (or straight out).
void finish_reference(const ReferenceContext& context, const Chain& chain, std::size_t own_inputs, ReferenceTensor own);

/// Operations of a chain for each element of `elements`.
double epilogue_flops(const Chain& chain, std::int64_t elements);

}  // namespace neurons::ops
