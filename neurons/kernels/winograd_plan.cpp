#include <algorithm>

#include "neurons/kernels/winograd.hpp"

namespace neurons::kernels {
namespace {

constexpr std::int64_t kManyWeights = 256 * 256;       ///< transformed, more do not stay in the third-level cache
constexpr std::int64_t kMostInputs = 4 * 1024 * 1024;  ///< transformed floats that may be kept

/// Results of a tile along an axis.
int tile_of(ConvolutionMethod method) { return method == ConvolutionMethod::winograd_4x4 ? 4 : 2; }

/// From x[batch, in, channels] to y[batch, out, outputs].
WinogradPlan plan_of(const ConvolutionShape& shape, int tile, bool backwards) {
  WinogradPlan plan;
  plan.tile = tile;
  plan.batch = shape.batch;
  plan.channels = backwards ? shape.outputs : shape.channels;
  plan.panels_shape = backwards ? shape.transposed_panels() : shape.group_panels();
  for (std::size_t axis = 0; axis < 2; ++axis) {
    plan.in[axis] = (backwards ? shape.output : shape.input)[axis + 1];
    plan.out[axis] = (backwards ? shape.input : shape.output)[axis + 1];
    plan.origin[axis] = backwards ? shape.pad[axis + 1] - 2 : -shape.pad[axis + 1];
    plan.tiles[axis] = (plan.out[axis] + tile - 1) / tile;
  }
  return plan;
}

/// What is transformed at a time stays in the second-level cache, or, where weights are many and tiles few, in the third.
void set_block(WinogradPlan& plan) {
  constexpr std::int64_t kFew = 64;
  constexpr std::int64_t kFewOfGradient = 128;  // sums are loaded and stored once for each block
  constexpr std::int64_t kBlockFloats = 128 * 1024;
  const std::int64_t tiles = plan.rows_of_tiles() * plan.tiles[1];
  const std::int64_t outputs = plan.panels_shape.outputs;
  const std::int64_t of_tile = plan.places() * plan.channels;
  const bool beside_few = 2 * tiles <= outputs || plan.channels * outputs > kManyWeights;
  plan.keeps_weights = !beside_few || (plan.weight_gradient && tiles * of_tile > kMostInputs);
  const std::int64_t block = !plan.keeps_weights    ? std::min(tiles, kMostInputs / of_tile)
                             : plan.weight_gradient ? kFewOfGradient
                                                    : std::min(kFew, kBlockFloats / of_tile);
  plan.block = std::max<std::int64_t>(1, block / std::max<std::int64_t>(1, plan.tiles[1]));
}

std::int64_t tiles_of(const ConvolutionShape& shape, int tile) {
  return shape.batch * ((shape.output[1] + tile - 1) / tile) * ((shape.output[2] + tile - 1) / tile);
}

/// Multiply-adds, and what takes as long, for each pair of channels.
double cost_of(const ConvolutionShape& shape, ConvolutionMethod method) {
  constexpr double kOfPlace = 4.5;  // to transform a place of an input or result
  constexpr double kOfWeight = 10;  // … of a weight
  if (method == ConvolutionMethod::direct) return static_cast<double>(shape.batch * shape.output_pixels() * shape.taps());
  const int tile = tile_of(method);
  const double transforms = kOfPlace * (1.0 / static_cast<double>(shape.channels) + 1.0 / static_cast<double>(shape.outputs));
  return (tile + 2) * (tile + 2) * (static_cast<double>(tiles_of(shape, tile)) * (1 + transforms) + kOfWeight);
}

}  // namespace

std::string refuse_winograd(const ConvolutionShape& shape) {
  using Axes = ConvolutionShape::Axes;
  if (shape.kernel != Axes{1, 3, 3}) return "windows are not 3×3";
  if (shape.stride != Axes{1, 1, 1} || shape.dilation != Axes{1, 1, 1}) return "windows step or spread";
  if (shape.groups != 1) return "groups";
  if (shape.channels % 16 != 0 || shape.outputs % 16 != 0) return "channels in and out are not multiples of 16";
  if (shape.input[0] != 1 || shape.pad[0] != 0) return "three axes";
  return "";
}

std::string refuse_method(const ConvolutionShape& shape, ConvolutionMethod method) {
  if (method == ConvolutionMethod::direct) return "";
  if (std::string refusal = refuse_winograd(shape); !refusal.empty()) return refusal;
  const double cost = cost_of(shape, method);
  if (cost >= cost_of(shape, ConvolutionMethod::direct)) return "few results";
  const int tile = tile_of(method);
  if (shape.channels * shape.outputs > kManyWeights &&
      tiles_of(shape, tile) * (tile + 2) * (tile + 2) * std::max(shape.channels, shape.outputs) > kMostInputs) {
    return "many weights and many results";
  }
  if (method == ConvolutionMethod::winograd_4x4 && cost >= cost_of(shape, ConvolutionMethod::winograd_2x2)) return "tiles cut off";
  return "";
}

std::size_t WinogradPlan::scratch_bytes() const {
  std::size_t bytes = epilogue == nullptr ? 0 : epilogue->scratch_bytes();
  for (const std::int64_t floats : {weight_floats(), input_floats(), result_floats(), zero_floats(), sum_floats()}) {
    bytes += align_up(static_cast<std::size_t>(floats) * sizeof(float));
  }
  return bytes;
}

std::shared_ptr<const WinogradPlan> winograd_plan(const ConvolutionForward& call, ConvolutionMethod method) {
  auto plan = std::make_shared<WinogradPlan>(plan_of(call.shape, tile_of(method), false));
  plan->x = call.x;
  plan->weights = call.panels;
  plan->bias = call.bias;
  plan->y = call.y;
  plan->epilogue = call.epilogue;
  set_block(*plan);
  return plan;
}

std::shared_ptr<const WinogradPlan> winograd_plan(const ConvolutionInputGradient& call, ConvolutionMethod method) {
  auto plan = std::make_shared<WinogradPlan>(plan_of(call.shape, tile_of(method), true));
  plan->x = call.dy;
  plan->weights = call.transposed;
  plan->bias = call.bias;
  plan->y = call.dx;
  plan->epilogue = call.epilogue;
  set_block(*plan);
  return plan;
}

std::shared_ptr<const WinogradPlan> winograd_plan(const ConvolutionWeightGradient& call, ConvolutionMethod method) {
  auto plan = std::make_shared<WinogradPlan>(plan_of(call.shape, tile_of(method), false));
  plan->weight_gradient = true;
  plan->x = call.x;
  plan->dy = call.dy;
  plan->dw = call.panels;
  plan->epilogue = call.epilogue;
  set_block(*plan);
  if (!plan->keeps_weights) return plan;
  plan->shared = std::make_shared<WinogradPlan::Shared>();
  plan->shared->sums = AlignedBuffer(static_cast<std::size_t>(plan->places() * plan->panels_shape.elements() / 9) * sizeof(float));
  return plan;
}

}  // namespace neurons::kernels
