#include "apps/cli/beside_onnxruntime.hpp"

#include <algorithm>
#include <thread>

#include "apps/cli/node_script.hpp"
#include "benchmarks/measure.hpp"
#include "benchmarks/onnx_file.hpp"
#include "neurons/base/error.hpp"

namespace neurons::cli {
namespace {

constexpr int kRounds = 4;  // of two pairs

std::string type_there(const ValueInfo& input) {
  switch (input.type.dtype) {
    case DType::f32:
      return "float32";
    case DType::f64:
      return "float64";
    case DType::i64:
      return "int64";
    case DType::i32:
      return "int32";
    case DType::u8:
      return "uint8";
    case DType::boolean:
      return "bool";
  }
  fail_input("input \"{}\" is of {}, which ONNX Runtime is not given here", input.name, name_of(input.type.dtype));
}

/// What the model wants, as the script reads it.
std::string inputs_of(const Plan& plan) {
  Json inputs = Json::array();
  for (const ValueInfo& value : plan.graph().values()) {
    if (value.kind != ValueKind::input) continue;
    const auto extents = value.type.shape.extents();
    inputs.push_back(
        {{"name", value.name}, {"type", type_there(value)}, {"shape", std::vector<std::int64_t>(extents.begin(), extents.end())}});
  }
  return inputs.dump();
}

/// ONNX Runtime on the model, stopped while it is not measured.
class Peer {
 public:
  Peer(const std::filesystem::path& model, const std::filesystem::path& modules, int threads, double warm_up,
       const std::string& inputs)
      : script_(kOnnxRuntimePeer, modules, {model.string(), std::to_string(threads), fmt::format("{}", warm_up), inputs}),
        version_(script_.answer()["version"].get<std::string>()) {
    script_.pause();
  }
  const std::string& version() const { return version_; }
  /// Microseconds of a run.
  double measure(double seconds) {
    script_.go_on();
    script_.say(fmt::format("{}", seconds));
    const double result = script_.answer()["microseconds_per_step"].get<double>();
    script_.pause();
    return result;
  }

 private:
  NodeScript script_;
  std::string version_;
};

}  // namespace

BesideOnnxRuntime measure_beside_onnxruntime(const std::filesystem::path& model, const std::filesystem::path& modules,
                                             const benchmarks::Options& options) {
  benchmarks::check(options);
  const auto team = std::make_shared<ThreadTeam>(options.threads);
  benchmarks::OnnxJob job(model, team);
  const std::string inputs = inputs_of(job.plan());
  const int all = options.threads > 0 ? options.threads : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  BesideOnnxRuntime result;
  double fastest = std::numeric_limits<double>::infinity();
  for (const int threads : all == 1 ? std::vector{1} : std::vector{1, all}) {
    Peer peer(model, modules, threads, options.seconds / 2, inputs);
    const double microseconds = std::min(peer.measure(options.seconds / 2), peer.measure(options.seconds / 2));
    if (microseconds < fastest) fastest = microseconds, result.threads = threads;
  }
  Peer peer(model, modules, result.threads, options.seconds, inputs);
  result.version = peer.version();
  std::vector<double> there;
  std::vector<double> here;
  std::vector<double> peaks;
  const auto ours = [&] {
    const auto rate = benchmarks::measure_rate([&] { job.run(); }, job.flops(), options.seconds, *team, peaks);
    here.push_back(1e6 / rate.steps_per_second);
  };
  for (int round = 0; round < kRounds; ++round) {
    there.push_back(peer.measure(options.seconds));
    ours();
    ours();
    there.push_back(peer.measure(options.seconds));
  }
  std::vector<double> ratios;
  for (std::size_t i = 0; i < there.size(); ++i) ratios.push_back(there[i] / here[i]);
  result.microseconds = benchmarks::median(there);
  result.here = benchmarks::median(here);
  result.ratio = benchmarks::median(ratios);
  result.lowest_ratio = std::ranges::min(ratios);
  result.highest_ratio = std::ranges::max(ratios);
  result.pairs = static_cast<int>(ratios.size());
  return result;
}

}  // namespace neurons::cli
