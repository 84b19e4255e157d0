#pragma once
/// What the optimisers' update ops have in common: inputs gradient, weight, states…, scalars…; outputs weight', states'….

#include <functional>
#include <string>
#include <vector>

#include "neurons/graph/op.hpp"
#include "neurons/kernels/tile.hpp"

namespace neurons::ops {

/// One element's update in double precision: reads gradient, weight, states and scalars, writes the new weight and states.
using UpdateFunction = std::function<void(const double* inputs, double* outputs, const Options& options)>;

struct UpdateRule {
  std::string name;
  std::string summary;
  std::string source;
  std::vector<Sample::Fill> states;  ///< one for each: how samples fill it
  std::size_t scalars = 1;
  Options defaults;
  kernels::TileFunction function = nullptr;
  std::function<std::shared_ptr<const void>(const Options&)> tile_options;
  UpdateFunction update;
};

/// The complete op. It is elementwise, so it runs as the epilogue of the weighted sum that makes the gradient.
OpDef update_op(UpdateRule rule);

}  // namespace neurons::ops
