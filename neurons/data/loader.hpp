#pragma once
/// Batches from a dataset: shuffled by seed, gathered once, straight into the caller's memory, while the caller computes.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "neurons/base/random.hpp"
#include "neurons/data/augmentation.hpp"
#include "neurons/data/dataset.hpp"

namespace neurons {

/// Where a batch goes: the caller's memory, for example an input buffer of a plan.
struct BatchViews {
  TensorView inputs;                    ///< f32[rows, …], or i64[rows, time] of tokens
  TensorView targets;                   ///< i64[rows], i64[rows, time] or f32[rows, …]: see Loader::target_type()
  std::optional<TensorView> weights;    ///< f32[rows]: the sample weights, 1 where the dataset has none
  std::optional<TensorView> lengths{};  ///< i64[rows]: those of sequences, all their steps where the dataset has none
};

struct LoaderOptions {
  std::int64_t batch_size = 32;
  bool shuffle = true;  ///< a new order every epoch
  /// Without shuffle: the samples are parted into batch_size streams of one length, and row b of each batch goes on where row b of
  /// the batch before it ended. The fewer than batch_size samples that are left over at the end are left out.
  bool streams = false;
  std::uint64_t seed = 0;
  bool drop_last = false;  ///< leave out the last batch of an epoch if it is smaller
  /// Gather on a thread of its own while the caller computes. Batches below kPrefetchBytes are gathered inside start() all the
  /// same: that costs less than waking a thread. The batches are the same, bit for bit.
  bool prefetch = true;
  /// Changes pictures at random. How a sample looks is a function of (seed, epoch, sample) alone: not of its batch, nor of threads.
  std::optional<Augmentation> augment = std::nullopt;
  /// Class labels come as f32 rows of so many shares, 1 for the label's class and 0 for others; with one column, the share of
  /// class 1. 0: as labels, unless classes are mixed (Augmentation::mix_up): then as many as the dataset has classes.
  std::int64_t label_columns = 0;
  /// Changes a gathered batch in place, after all else. Its random stream is a function of (seed, epoch, batch) alone.
  std::function<void(const BatchViews&, RandomStream&)> transform = nullptr;
};

/// What wait() hands out.
struct BatchInfo {
  std::int64_t rows = 0;
  std::int64_t epoch = 0;  ///< counts from 0
  std::int64_t index = 0;  ///< of the batch within its epoch, from 0
  bool last_of_epoch = false;
  std::span<const std::int64_t> indices;  ///< the sample in each row; valid until the next wait() or restore()
};

/// An endless sequence of epochs over a dataset. The order of epoch e is a pure function of (seed, e).
///
///     Loader loader(data, {.batch_size = 64, .seed = 1});
///     loader.start(a);
///     while (…) {
///       const BatchInfo batch = loader.wait();  // a is full
///       loader.start(b);                        // b fills while a is used
///       step(a, batch.rows);
///       std::swap(a, b);
///     }
class Loader {
 public:
  static constexpr std::size_t kPrefetchBytes = 256 * 1024;

  /// `data` must outlive the loader and not change. Throws InputError for a dataset without samples or whose parts do not fit
  /// together, for a batch size below 1 or above the number of samples, as check_augmentation(), for labels that have no
  /// column, and for streams that are shuffled.
  Loader(const Dataset& data, LoaderOptions options);
  ~Loader();
  Loader(Loader&&) noexcept;
  Loader& operator=(Loader&&) noexcept;

  /// Batches in an epoch.
  std::int64_t steps_per_epoch() const noexcept;
  /// Rows of the batch that the next start() will gather; the last one of an epoch may be smaller than the batch size.
  std::int64_t next_rows() const noexcept;

  /// What targets of a batch of so many rows are.
  TensorType target_type(std::int64_t rows) const;

  /// Begins to gather the next batch. The memory behind `into` must stay and not be touched until wait(). Throws InputError if the
  /// views have not the types and shapes of next_rows() rows, or if a batch is already on its way.
  void start(const BatchViews& into);
  /// Waits for the batch of the last start(). Throws InputError if there was none, and whatever the transform threw.
  BatchInfo wait();

  /// Where the sequence stands: after the last batch handed out by wait(); one that is only on its way does not count.
  struct State {
    std::uint64_t seed = 0;
    std::int64_t epoch = 0;
    std::int64_t position = 0;  ///< samples of this epoch already handed out
    bool operator==(const State&) const = default;
  };
  State state() const noexcept;
  /// Continues from `state` exactly, bit for bit; a batch on its way is waited for and discarded. Throws InputError if the position
  /// is not the start of a batch of this dataset and batch size.
  void restore(const State& state);

 private:
  struct Machine;
  std::unique_ptr<Machine> machine_;
};

}  // namespace neurons
