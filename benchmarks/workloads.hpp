#pragma once
/// Fixed jobs whose speed is known of other libraries, too, measured against the peak of the machine in the same run.
///
/// Training workloads make whole steps (forward, gradients, Adam with rate 1e-3 if not said otherwise) through Learner::step on one
/// random batch that stays in the batch buffer; inference runs Learner::inference on one sample, streaming Stream::step.
/// compare_torch.py does the same in PyTorch.

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "neurons/layers/network.hpp"
#include "neurons/training/optimizers.hpp"

namespace neurons::benchmarks {

/// A network and how it is run.
struct Workload {
  std::string name;
  Shape sample;
  std::function<Network(const Shape& sample)> network;
  std::int64_t batch = 1;
  bool training = true;
  Optimizer optimizer = Adam{};
  bool streaming = false;  ///< inference by a Stream, one step of the sequence after the other: a sample is one step

  /// Two for each multiply-add of the weighted sums: forward and, in training, the gradients of all weights and of the inputs of
  /// all layers but the first (of all, behind an embedding); of attention, the pairs of steps that see each other. Activations,
  /// pools, loss and optimiser are not counted, nor what a recurrent layer's state contributes at the first step, where it is zero.
  /// Of a stream, those of its sequence shared among the steps.
  double flops_per_sample() const;
};

/// All of them, small ones first.
const std::vector<Workload>& workloads();

/// The name that stands for every case of convolution_sweep() (convolutions.hpp), each of which has a name of its own, too.
inline constexpr std::string_view kConvolutionSweep = "conv-sweep";

struct Options {
  int threads = 0;       ///< 0: one for each core
  double seconds = 1.0;  ///< of measuring each workload, after a quarter of it to warm up
};

struct Result {
  std::string name;
  double samples_per_second = 0;
  double microseconds_per_step = 0;
  double gflops = 0;            ///< GFLOP/s
  double peak_share = 0;        ///< gflops / the peak measured before and after each part of this workload
  double p50_microseconds = 0;  ///< latencies of single steps; 0 in training, where steps are not timed one by one
  double p99_microseconds = 0;
  double p999_microseconds = 0;  ///< of each thousand steps the slowest takes longer
};

struct Report {
  int threads = 0;
  std::string simd_target;  ///< that the kernels use here: "AVX3" (AVX-512), "AVX2", "SSE4", "NEON"
  double peak_gflops = 0;   ///< fused multiply-adds in registers on all threads at once, median of all measurements of the run
  std::vector<Result> results;
};

/// One step of a workload's plan and what it took.
struct StepTime {
  std::string layer;
  std::string op;
  double microseconds = 0;
  double gflops = 0;                ///< GFLOP/s of its counted work
  double gigabytes_per_second = 0;  ///< read and written
};

/// Where the time of a workload goes: the steps of its plan in their order, timed one by one for about `options.seconds`. Throws
/// InputError as run() does.
std::vector<StepTime> profile(std::string_view name, const Options& options = {});

/// Throws InputError for numbers of threads and seconds that cannot be.
void check(const Options& options);

/// Runs what has those names (all workloads, without the sweep, if there are none) one after the other; a name that ends with
/// ".onnx" is a model's file, run on one sample. Figures are medians of
/// parts of 20 ms; a step of a convolution is one call. Throws InputError for an unknown name, with the nearest one.
Report run(std::span<const std::string> names, const Options& options = {});

}  // namespace neurons::benchmarks
