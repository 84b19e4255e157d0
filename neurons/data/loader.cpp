#include "neurons/data/loader.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <exception>
#include <numeric>
#include <system_error>
#include <thread>
#include <utility>

#include "neurons/data/augmenter.hpp"
#include "neurons/kernels/scale_bytes.hpp"

namespace neurons {
namespace {

/// Of the random streams of batches (and, with index −1, of an epoch's order): "loader".
constexpr std::array<std::uint32_t, 2> kBatchStreams{0x6c6f6164, 0x6572};

/// Copies rows of `width` elements. Rows are short as a rule (a label, four lengths), so most are not worth a call of memcpy.
template <typename T>
void gather_rows(const T* from, std::size_t width, std::span<const std::int64_t> indices, T* to) {
  for (const std::int64_t index : indices) {
    const T* row = from + static_cast<std::size_t>(index) * width;
    if (width > 16) {
      std::memcpy(to, row, width * sizeof(T));
    } else {
      for (std::size_t i = 0; i < width; ++i) to[i] = row[i];
    }
    to += width;
  }
}

/// Shuffled rows lie far apart in memory: they are asked for while those before them are converted.
constexpr std::size_t kRowsAhead = 2;
/// As Loader::kPrefetchBytes, where each pixel costs about ten times as much.
constexpr std::size_t kAugmentedPrefetchBytes = Loader::kPrefetchBytes / 8;
void prefetch(const std::uint8_t* row, std::int64_t bytes) noexcept {
  for (std::int64_t i = 0; i < bytes; i += 64) __builtin_prefetch(row + i);
}

/// Inputs become floats: value · scale + offset, channel by channel.
void gather_inputs(const Dataset& data, std::span<const Dataset::Scaling> channels, std::span<const std::int64_t> indices,
                   float* to) {
  const std::int64_t width = data.inputs.shape().product(1, data.inputs.shape().rank());
  const std::int64_t plane = width / static_cast<std::int64_t>(channels.size());
  const std::byte* from = data.inputs.bytes().data();
  if (data.inputs.dtype() == DType::u8) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(from);
    for (std::size_t i = 0; i < indices.size(); ++i) {
      if (i + kRowsAhead < indices.size()) prefetch(bytes + indices[i + kRowsAhead] * width, width);
      const std::uint8_t* row = bytes + indices[i] * width;
      for (const auto& [scale, offset] : channels) {
        kernels::scale_bytes(plane, row, scale, offset, to);
        row += plane;
        to += plane;
      }
    }
    return;
  }
  gather_rows(reinterpret_cast<const float*>(from), static_cast<std::size_t>(width), indices, to);
  if (channels.size() == 1 && channels.front() == Dataset::Scaling{}) return;
  for (std::size_t i = 0; i < indices.size(); ++i) {
    for (const auto& [scale, offset] : channels) {
      for (float& value : std::span(to, static_cast<std::size_t>(plane))) value = value * scale + offset;
      to += plane;
    }
  }
}

/// Adds `share` of a sample's target to a row: of its values, or 1 in the column of its label (of one column, the label itself).
void add_target(const Tensor& targets, std::int64_t index, float share, std::span<float> row) {
  if (targets.dtype() == DType::i64) {
    const std::int64_t label = targets.values<std::int64_t>()[static_cast<std::size_t>(index)];
    if (row.size() > 1) {
      row[static_cast<std::size_t>(label)] += share;
    } else {
      row[0] += share * static_cast<float>(label);
    }
    return;
  }
  const float* values = targets.values<float>().data() + static_cast<std::size_t>(index) * row.size();
  for (std::size_t i = 0; i < row.size(); ++i) row[i] += share * values[i];
}

void gather_targets(const Tensor& targets, std::span<const std::int64_t> indices, std::byte* to) {
  const std::byte* from = targets.bytes().data();
  if (targets.dtype() == DType::i64) {
    const auto width = static_cast<std::size_t>(targets.shape().product(1, targets.shape().rank()));
    gather_rows(reinterpret_cast<const std::int64_t*>(from), width, indices, reinterpret_cast<std::int64_t*>(to));
  } else {
    const auto width = static_cast<std::size_t>(targets.shape().product(1, targets.shape().rank()));
    gather_rows(reinterpret_cast<const float*>(from), width, indices, reinterpret_cast<float*>(to));
  }
}

void require_view(const TensorView& view, DType dtype, const Shape& shape, std::string_view part) {
  if (view.dtype == dtype && view.shape == shape && (view.data != nullptr || shape.elements() == 0)) return;
  fail_input("loader: {} go to a view of {}{}, expected {}", part, TensorType{view.dtype, view.shape}.to_string(),
             view.data == nullptr ? " without memory" : "", TensorType{dtype, shape}.to_string());
}

}  // namespace

struct Loader::Machine {
  Machine(const Dataset& dataset, LoaderOptions given) : data(dataset), options(std::move(given)) {
    data.validate_shapes();
    scaling = data.scaling();
    samples = data.samples();
    if (samples == 0) fail_input("loader: {} holds no samples", data.name());
    if (options.batch_size < 1 || options.batch_size > samples) {
      fail_input("loader: batch size {} does not fit {} samples of {}; choose 1 to {}", options.batch_size, samples, data.name(),
                 samples);
    }
    if (options.streams && options.shuffle) {
      fail_input("loader: streams go on from batch to batch in the order of the data: set shuffle = false");
    }
    if (options.augment) augmenter.emplace(*options.augment, data);
    shares = options.augment && options.augment->mixes();
    if (data.is_classification()) settle_labels();
    end = options.drop_last || options.streams ? samples - samples % options.batch_size : samples;
    at.seed = options.seed;
    for (Order& order : orders) {
      order.samples.resize(static_cast<std::size_t>(samples));
      std::iota(order.samples.begin(), order.samples.end(), std::int64_t{0});
      if (options.streams) settle_streams(order.samples);
    }
    if (options.prefetch && is_large(options.batch_size)) start_thread();
  }

  /// Step after step, one sample of each stream.
  void settle_streams(std::vector<std::int64_t>& order) const {
    const std::int64_t steps = samples / options.batch_size;
    for (std::int64_t place = 0; place < end; ++place) {
      order[static_cast<std::size_t>(place)] = place % options.batch_size * steps + place / options.batch_size;
    }
  }

  /// Whether labels become shares of classes, and of how many.
  void settle_labels() {
    if (shares && options.label_columns == 0) options.label_columns = data.classes();
    if (options.label_columns == 0) return;
    if (data.targets.shape().rank() > 1) {
      fail_input("loader: {} has a label for each step: labels cannot become shares of classes", data.name());
    }
    shares = true;
    const std::int64_t classes = std::max<std::int64_t>(2, options.label_columns);
    for (const std::int64_t label : data.targets.values<std::int64_t>()) {
      if (label >= 0 && label < classes) continue;
      fail_input("loader: label {} has no place in {} columns", label, options.label_columns);
    }
  }

  TensorType target_type(std::int64_t rows) const {
    if (data.is_classification() && options.label_columns > 0) return {DType::f32, {rows, options.label_columns}};
    return {data.targets.dtype(), data.targets.shape().with(0, rows)};
  }

  ~Machine() {
    if (!thread.joinable()) return;
    stop = true;
    request();
    thread.join();
  }

  std::int64_t rows_at(const State& state) const noexcept { return std::min(options.batch_size, end - state.position); }

  State after(State state) const noexcept {
    state.position += rows_at(state);
    if (state.position == end) state = {state.seed, state.epoch + 1, 0};
    return state;
  }

  bool is_large(std::int64_t rows) const noexcept {
    const std::int64_t row = data.inputs.shape().product(1, data.inputs.shape().rank());
    const std::size_t bytes = static_cast<std::size_t>(rows * row) * sizeof(float);
    return bytes >= (augmenter ? kAugmentedPrefetchBytes : kPrefetchBytes);
  }

  /// The samples of the batch at `state`. Epochs take turns with two orders, so that the indices of the batch that was handed out
  /// last stay while the first of the next epoch is gathered.
  std::span<const std::int64_t> indices_at(const State& state) {
    Order& order = orders[static_cast<std::size_t>(state.epoch % 2)];
    if (options.shuffle && (order.seed != state.seed || order.epoch != state.epoch)) {
      std::iota(order.samples.begin(), order.samples.end(), std::int64_t{0});
      stream_of(state.seed, kBatchStreams, state.epoch, -1).shuffle(std::span(order.samples));
      order.seed = state.seed;
      order.epoch = state.epoch;
    }
    return std::span(order.samples).subspan(static_cast<std::size_t>(state.position), static_cast<std::size_t>(rows_at(state)));
  }

  /// Gathers the batch at `at` into `views`.
  void gather() noexcept {
    try {
      const auto indices = indices_at(at);
      gather(indices);
      if (views.weights) {
        auto* weights = reinterpret_cast<float*>(views.weights->data);
        for (const std::int64_t index : indices) {
          *weights++ = data.sample_weights.empty() ? 1.0F : data.sample_weights[static_cast<std::size_t>(index)];
        }
      }
      if (views.lengths) {
        auto* lengths = reinterpret_cast<std::int64_t*>(views.lengths->data);
        for (const std::int64_t index : indices) {
          *lengths++ = data.lengths.empty() ? data.inputs.shape()[1] : data.lengths[static_cast<std::size_t>(index)];
        }
      }
      if (options.transform) {
        RandomStream random = stream_of(at.seed, kBatchStreams, at.epoch, at.position / options.batch_size);
        options.transform(views, random);
      }
    } catch (...) {
      failure = std::current_exception();
    }
  }

  void gather(std::span<const std::int64_t> indices) {
    auto* inputs = reinterpret_cast<float*>(views.inputs.data);
    if (data.has_tokens()) {
      gather_rows(data.inputs.values<std::int64_t>().data(), static_cast<std::size_t>(data.input_shape().elements()), indices,
                  reinterpret_cast<std::int64_t*>(views.inputs.data));
    } else if (!augmenter) {
      gather_inputs(data, scaling, indices, inputs);
    }
    if (!shares) gather_targets(data.targets, indices, views.targets.data);
    if (!augmenter && !shares) return;
    const auto width = static_cast<std::size_t>(data.inputs.shape().product(1, data.inputs.shape().rank()));
    const auto columns = shares ? static_cast<std::size_t>(views.targets.shape[1]) : 0;
    auto* targets = reinterpret_cast<float*>(views.targets.data);
    for (std::size_t i = 0; i < indices.size(); ++i) {
      Augmenter::Mixture mixture{indices[i], 1};
      if (augmenter) mixture = augmenter->write(at.seed, at.epoch, indices[i], std::span(inputs + i * width, width));
      if (!shares) continue;
      const std::span<float> row(targets + i * columns, columns);
      std::ranges::fill(row, 0.0F);
      add_target(data.targets, indices[i], mixture.share, row);
      if (mixture.share != 1) add_target(data.targets, mixture.other, 1 - mixture.share, row);
    }
  }

  void start_thread() {
    try {
      thread = std::thread([this] {
        for (std::uint32_t seen = 0;;) {
          requested.wait(seen, std::memory_order_acquire);
          seen = requested.load(std::memory_order_acquire);
          if (stop) return;
          gather();
          finished.store(seen, std::memory_order_release);
          finished.notify_one();
        }
      });
    } catch (const std::system_error& error) {
      fail_run("loader: cannot start its thread: {}; leave it out with prefetch = false", error.what());
    }
  }

  void request() noexcept {
    requested.fetch_add(1, std::memory_order_release);
    requested.notify_one();
  }

  void finish() noexcept {
    const std::uint32_t wanted = requested.load(std::memory_order_relaxed);
    for (std::uint32_t now; (now = finished.load(std::memory_order_acquire)) != wanted;) {
      finished.wait(now, std::memory_order_acquire);
    }
  }

  struct Order {
    std::vector<std::int64_t> samples;
    std::uint64_t seed = 0;
    std::int64_t epoch = -1;  ///< −1: none yet
  };

  const Dataset& data;
  LoaderOptions options;
  std::vector<Dataset::Scaling> scaling;
  std::optional<Augmenter> augmenter;
  bool shares = false;  ///< targets are gathered share by share
  std::int64_t samples = 0;
  std::int64_t end = 0;  ///< samples of an epoch: all, or those of its full batches
  State at;              ///< the next batch, or the one on its way
  bool on_its_way = false;
  BatchViews views;
  Order orders[2];
  std::exception_ptr failure;

  std::thread thread;
  bool stop = false;
  std::atomic<std::uint32_t> requested{0};
  std::atomic<std::uint32_t> finished{0};
};

Loader::Loader(const Dataset& data, LoaderOptions options) : machine_(std::make_unique<Machine>(data, std::move(options))) {}
Loader::~Loader() = default;
Loader::Loader(Loader&&) noexcept = default;
Loader& Loader::operator=(Loader&&) noexcept = default;

std::int64_t Loader::steps_per_epoch() const noexcept {
  const std::int64_t size = machine_->options.batch_size;
  return (machine_->end + size - 1) / size;
}

std::int64_t Loader::next_rows() const noexcept {
  return machine_->rows_at(machine_->on_its_way ? machine_->after(machine_->at) : machine_->at);
}

TensorType Loader::target_type(std::int64_t rows) const { return machine_->target_type(rows); }

void Loader::start(const BatchViews& into) {
  Machine& m = *machine_;
  if (m.on_its_way) fail_input("loader: start() was called twice; wait() for the first batch before the next");
  const std::int64_t rows = m.rows_at(m.at);
  require_view(into.inputs, m.data.input_type(), m.data.inputs.shape().with(0, rows), "inputs");
  const TensorType target = m.target_type(rows);
  require_view(into.targets, target.dtype, target.shape, "targets");
  if (into.weights) require_view(*into.weights, DType::f32, Shape{rows}, "weights");
  if (into.lengths) require_view(*into.lengths, DType::i64, Shape{rows}, "lengths");
  m.views = into;
  m.on_its_way = true;
  if (m.thread.joinable() && m.is_large(rows)) {
    m.request();
  } else {
    m.gather();
  }
}

BatchInfo Loader::wait() {
  Machine& m = *machine_;
  if (!m.on_its_way) fail_input("loader: wait() without a start()");
  m.finish();
  m.on_its_way = false;
  if (m.failure) std::rethrow_exception(std::exchange(m.failure, nullptr));
  const State next = m.after(m.at);
  const BatchInfo info{.rows = m.rows_at(m.at),
                       .epoch = m.at.epoch,
                       .index = m.at.position / m.options.batch_size,
                       .last_of_epoch = next.position == 0,
                       .indices = m.indices_at(m.at)};
  m.at = next;
  return info;
}

Loader::State Loader::state() const noexcept { return machine_->at; }

void Loader::restore(const State& state) {
  Machine& m = *machine_;
  if (state.epoch < 0 || state.position < 0 || state.position >= m.end || state.position % m.options.batch_size != 0) {
    fail_input(
        "loader: cannot continue at sample {} of epoch {}: no batch of {} begins there in {} samples; the data or the batch size "
        "are not those of the run that was saved",
        state.position, state.epoch, m.options.batch_size, m.samples);
  }
  m.finish();
  m.on_its_way = false;
  m.failure = nullptr;
  m.at = state;
}

}  // namespace neurons
