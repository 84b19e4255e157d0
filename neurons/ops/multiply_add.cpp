#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/elementwise.hpp"

namespace neurons::ops {
namespace {

/// Channels-last images with one number for each channel, as normalisations use it.
std::vector<Sample> samples(std::size_t inputs, const std::vector<bool>& per_channel) {
  const std::vector<std::pair<Shape, Shape>> cases = {
      {{2, 3, 5, 7}, {7}}, {{3, 4, 17}, {3, 1, 17}}, {{5, 33}, {33}}, {{0, 4}, {4}}};
  std::vector<Sample> result;
  for (const auto& [image, channels] : cases) {
    Sample sample{{}, {}, image.to_string()};
    for (std::size_t i = 0; i < inputs; ++i) sample.inputs.push_back({{DType::f32, per_channel[i] ? channels : image}});
    result.push_back(std::move(sample));
  }
  return result;
}

OpDef internal(OpDef op, const std::vector<bool>& per_channel) {
  op.internal = true;
  op.samples = [per_channel] { return samples(per_channel.size(), per_channel); };
  return op;
}

}  // namespace

/// What normalisations do to each element once their sums are known, and what their gradients do. Elementwise, so they fuse.
std::vector<OpDef> multiply_add() {
  return {
      internal(elementwise("MultiplyAdd", "y = x · a + b, broadcasting; inputs x, a, b", 3, kernels::multiply_add,
                           [](const double* in, const Options&) { return in[0] * in[1] + in[2]; }),
               {false, true, true}),
      internal(elementwise("WeightedPair", "z = x · p + y · q + r, broadcasting; inputs x, p, y, q, r", 5, kernels::weighted_pair,
                           [](const double* in, const Options&) { return in[0] * in[1] + in[2] * in[3] + in[4]; }),
               {false, true, false, true, true})};
}

}  // namespace neurons::ops
