#pragma once
/// A model of ONNX from a file, run on one sample: what `neurons bench MODEL.onnx` measures.

#include <filesystem>
#include <memory>

#include "neurons/plan/plan.hpp"

namespace neurons::benchmarks {

class OnnxJob {
 public:
  /// Extents that the file leaves open are 1; inputs hold random numbers, or zeros where they are no floats. Throws InputError as
  /// onnx::read() and compile() do.
  OnnxJob(const std::filesystem::path& file, std::shared_ptr<ThreadTeam> team);

  void run() { plan_.run(); }
  Plan& plan() { return plan_; }
  /// Two for each multiply-add of Gemm, MatMul and Conv.
  double flops() const { return flops_; }

 private:
  double flops_ = 0;  // known before the plan is made
  Plan plan_;
};

}  // namespace neurons::benchmarks
