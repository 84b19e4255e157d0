#include "benchmarks/convolutions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "neurons/base/random.hpp"

namespace neurons::benchmarks {
namespace {

/// A layer for square pictures.
struct LayerSize {
  std::int64_t channels, outputs, kernel, stride, extent, batch;
};

// clang-format off
constexpr LayerSize kLayers[] = {
    {1, 32, 3, 1, 28, 64}, {3, 16, 3, 1, 32, 64}, {16, 16, 3, 1, 32, 64},
    {3, 64, 7, 2, 224, 16},
    {64, 64, 3, 1, 56, 16},
    {64, 128, 3, 2, 56, 16}, {64, 128, 1, 2, 56, 16}, {128, 128, 3, 1, 28, 16},
    {128, 256, 3, 2, 28, 16}, {128, 256, 1, 2, 28, 16}, {256, 256, 3, 1, 14, 16},
    {256, 512, 3, 2, 14, 16}, {256, 512, 1, 2, 14, 16}, {512, 512, 3, 1, 7, 16},
};
// clang-format on

ConvolutionCase case_of(const LayerSize& layer, std::int64_t batch, Direction direction) {
  constexpr const char* kDirections[] = {"forward", "input-gradient", "weight-gradient"};
  const std::int64_t pad = (layer.kernel - 1) / 2;
  const std::int64_t output = (layer.extent + 2 * pad - layer.kernel) / layer.stride + 1;
  ConvolutionCase result;
  result.name = fmt::format("conv-{}-{}-{}x{}{}-{}-b{}-{}", layer.channels, layer.outputs, layer.kernel, layer.kernel,
                            layer.stride > 1 ? fmt::format("s{}", layer.stride) : "", layer.extent, batch,
                            kDirections[static_cast<std::size_t>(direction)]);
  result.shape.batch = batch;
  result.shape.channels = layer.channels;
  result.shape.outputs = layer.outputs;
  result.shape.input = {1, layer.extent, layer.extent};
  result.shape.output = {1, output, output};
  result.shape.kernel = {1, layer.kernel, layer.kernel};
  result.shape.stride = {1, layer.stride, layer.stride};
  result.shape.pad = {0, pad, pad};
  result.direction = direction;
  return result;
}

Tensor random_tensor(std::int64_t elements, std::uint64_t seed) {
  Tensor tensor(DType::f32, {elements});
  RandomStream random(seed);
  for (float& value : tensor.values<float>()) value = static_cast<float>(random.uniform(-1, 1));
  return tensor;
}

float* data_of(Tensor& tensor) { return tensor.values<float>().data(); }

}  // namespace

const std::vector<ConvolutionCase>& convolution_sweep() {
  static const std::vector<ConvolutionCase> all = [] {
    std::vector<ConvolutionCase> cases;
    for (const LayerSize& layer : kLayers) {
      cases.push_back(case_of(layer, 1, Direction::forward));
      for (const Direction direction : {Direction::forward, Direction::input_gradient, Direction::weight_gradient}) {
        cases.push_back(case_of(layer, layer.batch, direction));
      }
    }
    return cases;
  }();
  return all;
}

ConvolutionJob::ConvolutionJob(const ConvolutionCase& job, std::shared_ptr<ThreadTeam> team)
    : case_(job),
      team_(std::move(team)),
      x_(random_tensor(job.x_elements(), 1)),
      y_(random_tensor(job.y_elements(), 2)),
      weights_(random_tensor(job.weight_elements(), 3)),
      panels_(DType::f32, {job.shape.packed_elements()}),
      transposed_(DType::f32, {job.shape.transposed_elements()}) {
  kernels::pack_convolution(case_.shape, data_of(weights_), data_of(panels_), {});
  using enum kernels::ConvolutionMethod;
  constexpr kernels::ConvolutionMethod kMethods[] = {winograd_4x4, winograd_2x2, direct};
  const auto method =
      *std::ranges::find_if(kMethods, [&](auto candidate) { return kernels::refuse_method(case_.shape, candidate).empty(); });
  switch (case_.direction) {
    case Direction::forward:
      convolution_.emplace(kernels::ConvolutionForward{case_.shape, data_of(x_), data_of(panels_), nullptr, data_of(y_), nullptr},
                           method);
      break;
    case Direction::input_gradient:
      kernels::transpose_convolution(case_.shape, kernels::transposed_taps(case_.shape), data_of(panels_), data_of(transposed_),
                                     {});
      convolution_.emplace(
          kernels::ConvolutionInputGradient{case_.shape, data_of(y_), data_of(transposed_), nullptr, data_of(x_), nullptr}, method);
      break;
    case Direction::weight_gradient:
      convolution_.emplace(kernels::ConvolutionWeightGradient{case_.shape, data_of(x_), data_of(y_), data_of(panels_), nullptr},
                           method);
      break;
  }
  for (int worker = 0; worker < team_->size(); ++worker) scratch_.emplace_back(convolution_->scratch_bytes());
}

void ConvolutionJob::run() noexcept {
  team_->run(
      [](void* context, Worker worker) noexcept {
        auto& job = *static_cast<ConvolutionJob*>(context);
        job.convolution_->run(job.scratch_[static_cast<std::size_t>(worker.index)].data(), worker);
      },
      this);
}

std::span<const float> ConvolutionJob::weights() {
  if (case_.direction == Direction::weight_gradient) {
    kernels::unpack_convolution(case_.shape, data_of(panels_), data_of(weights_), {});
  }
  return std::as_const(weights_).values<float>();
}

}  // namespace neurons::benchmarks
