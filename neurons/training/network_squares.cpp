#include "neurons/training/network_squares.hpp"

#include <algorithm>
#include <cmath>

#include "neurons/graph/gradients.hpp"
#include "neurons/kernels/weighted_sum.hpp"

namespace neurons {
namespace {

constexpr std::int64_t kBlockRows = 256;

std::string slope_name(std::int64_t output, const std::string& parameter) { return std::to_string(output) + "#" + parameter; }

/// The prediction alone, with the inputs that PlannedData fills.
Graph forward_graph(const Network& network, const Dataset& data, std::int64_t rows) {
  Graph graph(network.table());
  network.build(graph, rows, Mode::inference);
  const Value prediction = graph.value(graph.outputs().front().value);
  graph.output("#prediction", prediction);
  graph.input("target", prediction.type());
  if (!data.sample_weights.empty()) graph.input("sample_weights", {DType::f32, {rows}});
  return graph;
}

/// The slopes of every output of one sample with respect to all parameters.
Graph slopes_graph(const Network& network, const FlatParameters& flat) {
  Graph graph(network.table());
  network.build(graph, 1, Mode::inference);
  const Value prediction = graph.value(graph.outputs().front().value);
  std::vector<Value> trained;
  for (const auto& entry : flat.entries()) trained.push_back(graph.find(entry.name));
  for (std::int64_t output = 0; output < prediction.shape().elements(); ++output) {
    Tensor only(prediction.type());
    only.values<float>()[static_cast<std::size_t>(output)] = 1;
    const auto slopes = gradients(prediction, trained, graph.constant(std::move(only)));
    for (std::size_t i = 0; i < slopes.size(); ++i) graph.output(slope_name(output, flat.entries()[i].name), slopes[i]);
  }
  return graph;
}

}  // namespace

NetworkSquares::NetworkSquares(const Network& network, const Dataset& data, std::shared_ptr<ThreadTeam> team)
    : flat_(network),
      states_(states_of(network)),
      team_(std::move(team)),
      data_(
          data, network.inputs().front().name, [&](std::int64_t rows) { return forward_graph(network, data, rows); }, states_,
          team_),
      input_(network.inputs().front().name),
      single_(compile(slopes_graph(network, flat_), states_)),
      residuals_(static_cast<std::size_t>(data.targets.elements())),
      total_weight_(static_cast<double>(data.samples())) {
  const std::int64_t outputs = data.targets.elements() / data.samples();
  for (std::int64_t output = 0; output < outputs; ++output) {
    auto& places = slopes_.emplace_back();
    for (const auto& entry : flat_.entries()) places.push_back(single_.output(slope_name(output, entry.name)).values<float>());
  }
  if (!data.sample_weights.empty()) {
    total_weight_ = 0;
    for (const float weight : data.sample_weights) total_weight_ += static_cast<double>(weight);
  }
  block_.resize(static_cast<std::size_t>(kBlockRows) * flat_.size());
  product_.resize(flat_.size() * flat_.size());
}

std::vector<double> NetworkSquares::residuals_of(const PlannedData::Batch& batch) const {
  const auto predictions = batch.plan->output("#prediction").values<float>();
  const auto targets = batch.targets.values<float>();
  const std::size_t outputs = targets.size() / static_cast<std::size_t>(batch.rows);
  std::vector<double> result(targets.size());
  for (std::size_t i = 0; i < result.size(); ++i) {
    result[i] = static_cast<double>(predictions[i]) - static_cast<double>(targets[i]);
    if (batch.weights.data != nullptr) result[i] *= std::sqrt(static_cast<double>(batch.weights.values<float>()[i / outputs]));
  }
  return result;
}

double NetworkSquares::squares(std::span<const double> point) {
  flat_.write(point, *states_);
  double sum = 0;
  for (const auto& batch : data_.batches()) {
    batch.plan->run(batch.slot);
    for (const double residual : residuals_of(batch)) sum += residual * residual;
  }
  return sum;
}

/// curvature += Jᵀ·J of the block's first rows.
void NetworkSquares::add_block(std::int64_t rows, std::span<double> curvature) {
  const auto size = static_cast<std::int64_t>(flat_.size());
  struct Work {
    kernels::MatrixProduct product;
    std::byte* scratch;
    std::size_t scratch_each;
  };
  Work work{};
  work.product = {.rows = size,
                  .inner = rows,
                  .columns = size,
                  .a = block_.data(),
                  .a_row_stride = 1,
                  .a_column_stride = size,
                  .b = block_.data(),
                  .b_row_stride = size,
                  .b_column_stride = 1,
                  .c = product_.data(),
                  .c_row_stride = size,
                  .epilogue = nullptr};
  work.scratch_each = align_up(kernels::scratch_bytes(work.product));
  const std::size_t needed = work.scratch_each * static_cast<std::size_t>(team_->size());
  if (scratch_.size() < needed) scratch_ = AlignedBuffer(needed);
  work.scratch = scratch_.data();
  team_->run(
      [](void* context, Worker worker) noexcept {
        const auto& shared = *static_cast<const Work*>(context);
        kernels::matrix_product(shared.product, shared.scratch + static_cast<std::size_t>(worker.index) * shared.scratch_each,
                                worker);
      },
      &work);
  for (std::size_t i = 0; i < curvature.size(); ++i) curvature[i] += static_cast<double>(product_[i]);
}

double NetworkSquares::linearize(std::span<const double> point, std::span<double> gradient, std::span<double> curvature) {
  flat_.write(point, *states_);
  std::ranges::fill(gradient, 0);
  std::ranges::fill(curvature, 0);
  const std::size_t size = flat_.size();
  const auto input = single_.input(input_).values<float>();
  double sum = 0;
  std::int64_t filled = 0;
  for (const auto& batch : data_.batches()) {
    batch.plan->run(batch.slot);
    const std::vector<double> residuals = residuals_of(batch);
    for (std::size_t row = 0; row < static_cast<std::size_t>(batch.rows); ++row) {
      std::ranges::copy(batch.inputs.values<float>().subspan(row * input.size(), input.size()), input.begin());
      single_.run();
      const float weight = batch.weights.data == nullptr ? 1.0F : std::sqrt(batch.weights.values<float>()[row]);
      for (std::size_t output = 0; output < slopes_.size(); ++output) {
        const double residual = residuals[row * slopes_.size() + output];
        sum += residual * residual;
        float* into = block_.data() + static_cast<std::size_t>(filled) * size;
        std::size_t parameter = 0;
        for (const auto& slopes : slopes_[output]) {
          for (const float slope : slopes) {
            into[parameter] = slope * weight;
            gradient[parameter] += residual * static_cast<double>(into[parameter]);
            ++parameter;
          }
        }
        if (++filled == kBlockRows) {
          add_block(filled, curvature);
          filled = 0;
        }
      }
    }
  }
  if (filled > 0) add_block(filled, curvature);
  return sum;
}

}  // namespace neurons
