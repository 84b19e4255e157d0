#pragma once
/// The speed of a model here and in ONNX Runtime, pair by pair.

#include <filesystem>
#include <string>

#include "benchmarks/workloads.hpp"

namespace neurons::cli {

struct BesideOnnxRuntime {
  std::string version;
  int threads = 0;          ///< with which it is faster
  double microseconds = 0;  ///< of a run there: median of all pairs
  double here = 0;          ///< microseconds of a run here, alike
  double ratio = 0;         ///< median of there / here
  double lowest_ratio = 0;  ///< of all pairs
  double highest_ratio = 0;
  int pairs = 0;
};

/// Both run `model` on one sample in turns, there here here there, four times over; ONNX Runtime with all its optimisations on one
/// or on `options.threads` threads, whichever is faster. `modules`: the node_modules folder with the package onnxruntime-node.
/// Throws InputError without it, and as benchmarks::run() does; RuntimeError where ONNX Runtime refuses the model.
BesideOnnxRuntime measure_beside_onnxruntime(const std::filesystem::path& model, const std::filesystem::path& modules,
                                             const benchmarks::Options& options);

}  // namespace neurons::cli
