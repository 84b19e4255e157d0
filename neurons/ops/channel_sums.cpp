#include "neurons/kernels/channel_sums.hpp"

#include <algorithm>

#include "neurons/graph/op.hpp"

namespace neurons::ops {
namespace {

struct SumOptions {
  bool per_image = false;
  std::int64_t rows = 1;  ///< over which one channel is summed; of the combining ops alone

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("per_image", self.per_image);
    visit("rows", self.rows);
  }
};

/// From the type of x [batch, spatial…, channels].
kernels::ChannelRows extents_of_x(const Shape& x, const SumOptions& options) {
  const std::int64_t samples = options.per_image ? x[0] : 1;
  const std::int64_t rows = x.product(options.per_image ? 1 : 0, x.rank() - 1);
  return {samples, rows, x[-1]};
}

/// From the type of the partials.
kernels::ChannelRows extents_of_partials(const Shape& partials, const SumOptions& options) {
  return {partials[0], options.rows, partials[3]};
}

Shape partials_shape(const kernels::ChannelRows& extents) { return {extents.samples, extents.blocks(), 2, extents.channels}; }

struct BlockCall {
  kernels::ChannelRows extents;
  const float* x = nullptr;
  const float* dy = nullptr;
  const float* mean = nullptr;
  const float* inverse = nullptr;
  float* partials = nullptr;
};
void run_moments(const BlockCall& call, std::byte*, Worker worker) noexcept {
  kernels::channel_moments(call.extents, call.x, call.partials, worker);
}
void run_products(const BlockCall& call, std::byte*, Worker worker) noexcept {
  kernels::channel_products(call.extents, call.x, call.dy, call.mean, call.inverse, call.partials, worker);
}

Call prepare_blocks(const PrepareContext& context, bool products) {
  BlockCall call;
  call.extents = extents_of_x(context.inputs[0].type.shape, context.as<SumOptions>());
  call.x = context.inputs[0].as<float>();
  call.dy = context.input(1).as<float>();
  call.mean = context.input(2).as<float>();
  call.inverse = context.input(3).as<float>();
  call.partials = context.outputs[0].as<float>();
  return products ? Call::of<run_products>(call, true) : Call::of<run_moments>(call, true);
}

struct CombineCall {
  kernels::ChannelRows extents;
  const float* partials = nullptr;
  float* first = nullptr;
  float* second = nullptr;
};
void run_combine_moments(const CombineCall& call, std::byte*, Worker) noexcept {
  kernels::combine_moments(call.extents, call.partials, call.first, call.second);
}
void run_combine_products(const CombineCall& call, std::byte*, Worker) noexcept {
  kernels::combine_products(call.extents, call.partials, call.first, call.second);
}

Call prepare_combination(const PrepareContext& context, bool products) {
  const CombineCall call{extents_of_partials(context.inputs[0].type.shape, context.as<SumOptions>()), context.inputs[0].as<float>(),
                         context.outputs[0].as<float>(), context.outputs[1].as<float>()};
  return products ? Call::of<run_combine_products>(call, false) : Call::of<run_combine_moments>(call, false);
}

/// Calls visit(sample, block, channel, places of the elements of that channel).
template <typename Visit>
void for_each_block(const kernels::ChannelRows& extents, const Visit& visit) {
  for (std::int64_t sample = 0; sample < extents.samples; ++sample) {
    for (std::int64_t block = 0; block < extents.blocks(); ++block) {
      for (std::int64_t channel = 0; channel < extents.channels; ++channel) {
        std::vector<std::size_t> places;
        const std::int64_t first = block * extents.block_rows();
        for (std::int64_t row = first; row < std::min(extents.rows, first + extents.block_rows()); ++row) {
          places.push_back(static_cast<std::size_t>((sample * extents.rows + row) * extents.channels + channel));
        }
        visit(sample, block, channel, places);
      }
    }
  }
}

/// Place of one of a block's two results.
std::size_t place_of(const kernels::ChannelRows& extents, std::int64_t sample, std::int64_t block, std::int64_t kind,
                     std::int64_t channel) {
  return static_cast<std::size_t>(((sample * extents.blocks() + block) * 2 + kind) * extents.channels + channel);
}

void moments_reference(const ReferenceContext& context) {
  const auto& x = context.inputs[0]->data;
  const auto extents = extents_of_x(context.inputs[0]->type.shape, context.as<SumOptions>());
  for_each_block(extents, [&](std::int64_t sample, std::int64_t block, std::int64_t channel, const auto& places) {
    double mean = 0;
    double squares = 0;
    for (const std::size_t i : places) mean += x[i] / static_cast<double>(places.size());
    for (const std::size_t i : places) squares += (x[i] - mean) * (x[i] - mean);
    context.outputs[0].data[place_of(extents, sample, block, 0, channel)] = mean;
    context.outputs[0].data[place_of(extents, sample, block, 1, channel)] = squares;
  });
}

void products_reference(const ReferenceContext& context) {
  const auto& x = context.inputs[0]->data;
  const auto& dy = context.inputs[1]->data;
  const auto extents = extents_of_x(context.inputs[0]->type.shape, context.as<SumOptions>());
  for_each_block(extents, [&](std::int64_t sample, std::int64_t block, std::int64_t channel, const auto& places) {
    const auto statistic = static_cast<std::size_t>(sample * extents.channels + channel);
    double sum = 0;
    double product = 0;
    for (const std::size_t i : places) {
      sum += dy[i];
      product += dy[i] * (x[i] - context.inputs[2]->data[statistic]) * context.inputs[3]->data[statistic];
    }
    context.outputs[0].data[place_of(extents, sample, block, 0, channel)] = sum;
    context.outputs[0].data[place_of(extents, sample, block, 1, channel)] = product;
  });
}

/// Calls visit(place of the result, block, rows of the block, the block's first and second partial) in order of blocks.
template <typename Visit>
void for_each_partial(const ReferenceContext& context, const Visit& visit) {
  const auto& partials = context.inputs[0]->data;
  const auto extents = extents_of_partials(context.inputs[0]->type.shape, context.as<SumOptions>());
  for_each_block(extents, [&](std::int64_t sample, std::int64_t block, std::int64_t channel, const auto& places) {
    visit(static_cast<std::size_t>(sample * extents.channels + channel), static_cast<double>(places.size()),
          partials[place_of(extents, sample, block, 0, channel)], partials[place_of(extents, sample, block, 1, channel)]);
  });
}

void combine_moments_reference(const ReferenceContext& context) {
  const auto count = static_cast<double>(context.as<SumOptions>().rows);
  auto& mean = context.outputs[0].data;
  auto& variance = context.outputs[1].data;
  std::ranges::fill(mean, 0.0);
  std::ranges::fill(variance, 0.0);
  for_each_partial(context, [&](std::size_t i, double rows, double centre, double) { mean[i] += rows / count * centre; });
  for_each_partial(context, [&](std::size_t i, double rows, double centre, double squares) {
    variance[i] += (squares + rows * (centre - mean[i]) * (centre - mean[i])) / count;
  });
}

void combine_products_reference(const ReferenceContext& context) {
  for (ReferenceTensor& output : context.outputs) std::ranges::fill(output.data, 0.0);
  for_each_partial(context, [&](std::size_t i, double, double sum, double product) {
    context.outputs[0].data[i] += sum;
    context.outputs[1].data[i] += product;
  });
}

struct SumSample {
  Shape x;
  SumOptions options;
};
/// Several blocks, blocks of few rows, channels that fill no vector.
std::vector<SumSample> sum_samples() {
  return {{{2, 3, 5, 7}, {}},     {{1030, 17}, {}},       {{3, 40, 300}, {}},   {{5, 16}, {}},           {{1, 1}, {}},
          {{3, 4, 5, 7}, {true}}, {{2, 70, 257}, {true}}, {{3, 1, 33}, {true}}, {{2, 9, 4, 112}, {true}}};
}

OpDef block_op(bool products) {
  OpDef op;
  op.name = products ? "ChannelProducts" : "ChannelMoments";
  op.summary = products ? "Each channel's Σ dy and Σ dy · (x - mean) · inverse, by blocks; inputs x, dy, mean, inverse"
                        : "Each channel's mean m and Σ (x - m)², by blocks of rows";
  op.internal = true;
  op.minimum_inputs = op.maximum_inputs = products ? 4 : 1;
  op.default_options = SumOptions{};
  op.infer = [products](const InferContext& context) -> std::vector<TensorType> {
    const auto& options = context.as<SumOptions>();
    const Shape& x = context.shape(0);
    if (x.rank() < 2) context.fail("expects x [batch, spatial…, channels]");
    const auto extents = extents_of_x(x, options);
    if (extents.rows < 1) context.fail("expects at least one row");
    const Shape statistics = options.per_image ? Shape{x[0], x[-1]} : Shape{x[-1]};
    if (products && (context.shape(1) != x || context.shape(2) != statistics || context.shape(3) != statistics)) {
      context.fail("expects dy like x and statistics {}", statistics.to_string());
    }
    return {{DType::f32, partials_shape(extents)}};
  };
  op.reference = products ? products_reference : moments_reference;
  op.kernels = {{products ? "channel_products" : "channel_moments", nullptr,
                 [products](const PrepareContext& context) { return prepare_blocks(context, products); }}};
  op.flops = [](const InferContext& context) { return 4.0 * static_cast<double>(context.shape(0).elements()); };
  op.samples = [products] {
    std::vector<Sample> samples;
    for (const auto& [x, options] : sum_samples()) {
      Sample sample{{{{DType::f32, x}}}, options, x.to_string(), 1e-4};
      const Shape statistics = options.per_image ? Shape{x[0], x[-1]} : Shape{x[-1]};
      if (products) {
        sample.inputs.push_back({{DType::f32, x}});
        sample.inputs.push_back({{DType::f32, statistics}});
        sample.inputs.push_back({{DType::f32, statistics}, Sample::Fill::positive});
      }
      samples.push_back(std::move(sample));
    }
    return samples;
  };
  return op;
}

OpDef combination_op(bool products) {
  OpDef op;
  op.name = products ? "CombineProducts" : "CombineMoments";
  op.summary = products ? "Σ dy and Σ dy · (x - mean) · inverse from those of blocks" : "Mean and variance from those of blocks";
  op.internal = true;
  op.default_options = SumOptions{};
  op.infer = [](const InferContext& context) -> std::vector<TensorType> {
    const auto& options = context.as<SumOptions>();
    const Shape& partials = context.shape(0);
    context.require_rank(0, 4);
    if (partials != partials_shape(extents_of_partials(partials, options)))
      context.fail("expects the partials of {} rows", options.rows);
    const Shape statistics = options.per_image ? Shape{partials[0], partials[3]} : Shape{partials[3]};
    return {{DType::f32, statistics}, {DType::f32, statistics}};
  };
  op.reference = products ? combine_products_reference : combine_moments_reference;
  op.kernels = {{products ? "combine_products" : "combine_moments", nullptr,
                 [products](const PrepareContext& context) { return prepare_combination(context, products); }}};
  op.flops = [](const InferContext& context) { return 2.0 * static_cast<double>(context.shape(0).elements()); };
  op.samples = [] {
    std::vector<Sample> samples;
    for (const auto& [x, given] : sum_samples()) {
      SumOptions options = given;
      const auto extents = extents_of_x(x, options);
      options.rows = extents.rows;
      samples.push_back({{{{DType::f32, partials_shape(extents)}}}, options, x.to_string()});
    }
    return samples;
  };
  return op;
}

}  // namespace

/// Sums of normalisations and of their gradients, channels last: over blocks of rows first, by all workers, then over the blocks.
std::vector<OpDef> channel_sums() { return {block_op(false), combination_op(false), block_op(true), combination_op(true)}; }

}  // namespace neurons::ops
