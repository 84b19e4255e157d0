#pragma once
/// A recurrent network run step by step, for those who get one sample at a time: audio, control.
///
///     Stream stream(network);  // trained on [time, features]
///     for (;;) {
///       const std::span<const float> y = stream.step(x);  // x: features of this step; the state stays inside
///     }

#include <cstdint>
#include <memory>
#include <span>

#include "neurons/layers/network.hpp"

namespace neurons {

class Stream {
 public:
  /// Of a network with one input, f32 [time, features] or i64 [time] of tokens, whose layers, apart from recurrent ones, treat each
  /// step by itself. Throws InputError for other networks, such as those that go backward in time, see windows, or are not
  /// initialised.
  explicit Stream(const Network& network);
  ~Stream();
  Stream(Stream&&) noexcept;
  Stream& operator=(Stream&&) noexcept;

  std::int64_t features() const noexcept;  ///< of a step; one for tokens
  std::int64_t outputs() const noexcept;

  /// The network's first output for the next step: what the network gives at that step of the whole sequence, to rounding. Runs on
  /// the caller's thread, allocates nothing, takes no lock and waits for nobody. Valid until the next step. Throws InputError for
  /// another number of features.
  std::span<const float> step(std::span<const float> features);
  /// The same for a network that reads tokens. Throws InputError for a token that its embedding does not know.
  std::span<const float> step(std::int64_t token);
  /// Forgets all steps: the next one is the first. From the thread that calls step().
  void reset() noexcept;

  /// Other parameters from the next step on; the state stays. From any one other thread, while step() runs: neither waits for the
  /// other. Throws InputError if the parameters are not those of the network that the stream was made of.
  void swap_weights(const Network& network);

 private:
  struct Machine;
  std::unique_ptr<Machine> machine_;
};

}  // namespace neurons
