#pragma once
/// Samples in memory: inputs, targets and what is known of both.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "neurons/tensor/tensor.hpp"

namespace neurons {

/// Labels without class names must lie below this: a larger one is a mistake in the data, not a class.
inline constexpr std::int64_t kMaxClasses = 1'000'000;
/// The label of a step of a sequence that counts in no loss and in no metric: padding, or what is not asked for.
inline constexpr std::int64_t kIgnoredLabel = -100;

/// Samples for learning or evaluation. Bytes stay bytes: u8 inputs become floats only when a batch is read (see Loader). Whole
/// numbers that name something (the tokens of a text) stay i64, all the way into the network.
struct Dataset {
  Tensor inputs = {};  ///< u8 or f32 [samples, features…], or i64 [samples, time] tokens from 0; of rank 2 at least
  /// i64[samples]: class labels from 0; i64[samples, time]: one for each step, or kIgnoredLabel; f32[samples, outputs]: values to
  /// regress on; f32[samples, time, outputs]: those of each step, NaN for a value that counts in no loss and in no metric.
  Tensor targets = {};
  std::vector<std::string> class_names = {};    ///< name of each label; may be empty
  std::vector<std::string> feature_names = {};  ///< name of each input column (inputs of rank 2); may be empty
  float input_scale = 1;                        ///< what the network sees is raw * input_scale + input_offset
  float input_offset = 0;
  /// Pictures: for each channel, what is then taken from it and by what it is divided; both empty: nothing is done.
  std::vector<float> channel_means = {};
  std::vector<float> channel_deviations = {};
  std::vector<float> sample_weights = {};  ///< one per sample; empty: all 1
  /// Sequences: how many steps of each exist, 1 to `time`; empty: all. What inputs [samples, time, …] and targets for each step
  /// hold behind them is padding, see mark_padding().
  std::vector<std::int64_t> lengths = {};
  std::string source = {};  ///< the file or folder it came from, for messages

  std::int64_t samples() const noexcept;
  /// Shape of one sample: `inputs` without its first axis.
  Shape input_shape() const;
  /// `source`, or "the dataset".
  std::string name() const { return source.empty() ? "the dataset" : source; }
  /// Targets are class labels.
  bool is_classification() const noexcept { return targets.dtype() == DType::i64; }
  /// value = raw * scale + offset, all of the above in one, for each channel; one of all inputs where channels have no means.
  struct Scaling {
    float scale = 1;
    float offset = 0;
    bool operator==(const Scaling&) const = default;
  };
  std::vector<Scaling> scaling() const;
  /// Inputs are tokens: i64 for the network, too.
  bool has_tokens() const noexcept { return inputs.dtype() == DType::i64; }
  /// The element type of a network's input.
  DType input_type() const noexcept { return has_tokens() ? DType::i64 : DType::f32; }
  /// What the network sees, of that type.
  Tensor scaled_inputs() const;
  /// Number of classes: of class names or, where there are none, the largest label + 1. 0 for regression.
  std::int64_t classes() const;
  /// What a network's last layer must give: classes(), or the number of regression targets.
  std::int64_t outputs() const;

  /// The samples at `indices`, in that order; repeats are allowed. Throws InputError for an index out of range and as
  /// validate_shapes().
  Dataset subset(std::span<const std::int64_t> indices) const;

  /// Targets are one for each step of sequences.
  bool has_targets_of_steps() const noexcept { return targets.shape().rank() == (is_classification() ? 2 : 3); }

  /// Throws InputError if the parts do not fit together: types, ranks, numbers of samples, weights, lengths and names.
  void validate_shapes() const;
  /// validate_shapes(), then every value: throws InputError naming sample, column and value of the first NaN or infinite input,
  /// target or weight, a negative weight, the first label that is no class, a length that the data does not have, and a target of
  /// a step behind it that would count.
  void validate() const;
};

/// Behind the lengths of its sequences, sets inputs to 0 and targets of steps to what does not count: kIgnoredLabel, or NaN. Throws
/// InputError as validate_shapes(), and for lengths that the data does not have.
void mark_padding(Dataset& data);

/// A dataset that comes in two parts.
struct TrainTest {
  Dataset train;
  Dataset test;
};

}  // namespace neurons
