/// neurons bench: how fast this machine trains and runs known networks, against its peak measured in the same run.

#include "apps/cli/arguments.hpp"
#include "apps/cli/beside_onnxruntime.hpp"
#include "apps/cli/session.hpp"
#include "apps/cli/terminal.hpp"
#include "benchmarks/workloads.hpp"

namespace neurons::cli {
namespace {

struct BenchArguments {
  std::vector<std::string> names;
  int threads = 0;
  double seconds = 1.0;
  bool profile = false;
  std::filesystem::path onnxruntime;  ///< the node_modules folder
};

/// The steps of each workload's plan, in order.
int profile(Session& session, const BenchArguments& arguments) {
  Json results = Json::array();
  std::vector<std::string> names = arguments.names;
  if (names.empty()) {
    for (const benchmarks::Workload& workload : benchmarks::workloads()) names.push_back(workload.name);
  }
  for (const std::string& name : names) {
    const auto times = benchmarks::profile(name, {.threads = arguments.threads, .seconds = arguments.seconds});
    double sum = 0;
    for (const auto& time : times) sum += time.microseconds;
    session.say("{}: {:.2f} µs in {} steps\n", name, sum, times.size());
    session.say("{:>10}  {:>8}  {:>9}  {:>7}  {:<36}  {}", "µs", "share", "GFLOP/s", "GB/s", "op", "layer");
    Json steps = Json::array();
    for (const auto& time : times) {
      session.say("{:>9.2f}  {:>8}  {:>9.1f}  {:>7.1f}  {:<36}  {}", time.microseconds, percent(time.microseconds / sum),
                  time.gflops, time.gigabytes_per_second, time.op, time.layer);
      steps.push_back({{"layer", time.layer},
                       {"op", time.op},
                       {"microseconds", time.microseconds},
                       {"gflops", time.gflops},
                       {"gigabytes_per_second", time.gigabytes_per_second}});
    }
    session.say("");
    results.push_back({{"name", name}, {"microseconds", sum}, {"steps", steps}});
  }
  session.answer() = {{"results", results}};
  return kDone;
}

int bench(Session& session, const BenchArguments& arguments) {
  const benchmarks::Report report = benchmarks::run(arguments.names, {.threads = arguments.threads, .seconds = arguments.seconds});
  session.say("peak {:.1f} GFLOP/s on {} thread{} with {}\n", report.peak_gflops, report.threads, report.threads == 1 ? "" : "s",
              report.simd_target);
  std::size_t width = std::string_view("workload").size();
  for (const benchmarks::Result& result : report.results) width = std::max(width, result.name.size());
  session.say("{:<{}}  {:>13}  {:>10}  {:>9}  {:>9}", "workload", width, "samples/s", "µs/step", "GFLOP/s", "of peak");
  Json results = Json::array();
  for (const benchmarks::Result& result : report.results) {
    session.say("{:<{}}  {:>13}  {:>9.2f}  {:>9.1f}  {:>9}", result.name, width,
                grouped(static_cast<std::int64_t>(result.samples_per_second)), result.microseconds_per_step, result.gflops,
                percent(result.peak_share));
    Json one = {{"name", result.name},
                {"samples_per_second", result.samples_per_second},
                {"microseconds_per_step", result.microseconds_per_step},
                {"gflops", result.gflops},
                {"peak_share", result.peak_share}};
    if (result.p50_microseconds > 0)
      one.update({{"p50_microseconds", result.p50_microseconds},
                  {"p99_microseconds", result.p99_microseconds},
                  {"p999_microseconds", result.p999_microseconds}});
    results.push_back(one);
  }
  session.answer() = {
      {"peak_gflops", report.peak_gflops}, {"threads", report.threads}, {"simd_target", report.simd_target}, {"results", results}};
  return kDone;
}

/// Models, each in turns with ONNX Runtime.
int bench_beside(Session& session, const BenchArguments& arguments) {
  for (const std::string& name : arguments.names) {
    if (!name.ends_with(".onnx")) fail_input("{}: --onnxruntime compares models; expected MODEL.onnx", name);
  }
  if (arguments.names.empty()) fail_input("--onnxruntime compares models; name a MODEL.onnx");
  Json results = Json::array();
  for (const std::string& name : arguments.names) {
    const BesideOnnxRuntime measured =
        measure_beside_onnxruntime(name, arguments.onnxruntime, {.threads = arguments.threads, .seconds = arguments.seconds});
    session.say("{}: {:.2f} µs; ONNX Runtime {} on {} thread{}: {:.2f} µs, {:.2f} times as long ({:.2f} to {:.2f} in {} pairs)",
                name, measured.here, printable(measured.version), measured.threads, measured.threads == 1 ? "" : "s",
                measured.microseconds, measured.ratio, measured.lowest_ratio, measured.highest_ratio, measured.pairs);
    results.push_back(
        {{"name", name},
         {"microseconds_per_step", measured.here},
         {"onnxruntime",
          {{"version", measured.version}, {"threads", measured.threads}, {"microseconds_per_step", measured.microseconds}}},
         {"ratio", measured.ratio},
         {"lowest_ratio", measured.lowest_ratio},
         {"highest_ratio", measured.highest_ratio},
         {"pairs", measured.pairs}});
  }
  session.answer() = {{"results", results}};
  return kDone;
}

}  // namespace

void add_bench(CLI::App& app, Session& session) {
  const auto arguments = std::make_shared<BenchArguments>();
  std::string names;
  for (const benchmarks::Workload& workload : benchmarks::workloads()) names += (names.empty() ? "" : ", ") + workload.name;
  CLI::App* command = session.add_command(
      app, "bench", "Measure this machine: samples/s, time per step, GFLOP/s, share of peak",
      "  neurons bench\n  neurons bench mlp-64 --threads 1 --json\n  neurons bench cnn-64 --profile\n  neurons bench conv-sweep "
      "--seconds 0.2\n  neurons bench onnx model.onnx --onnxruntime node_modules",
      [&session, arguments] {
        std::erase(arguments->names, "onnx");  // neurons bench onnx FILE
        if (!arguments->onnxruntime.empty()) return bench_beside(session, *arguments);
        return arguments->profile ? profile(session, *arguments) : bench(session, *arguments);
      });
  command->add_option("NAME", arguments->names,
                      "Workloads: " + names + " (all of these); conv-sweep: single convolutional layers; MODEL.onnx: one sample");
  command->add_option("--threads", arguments->threads, "0: one for each core")->check(thread_count());
  command->add_option("--seconds", arguments->seconds, "Of measuring each workload (1)")->check(positive_number());
  CLI::Option* profile_option = command->add_flag("--profile", arguments->profile, "Time each step of the workload's plan instead");
  command
      ->add_option("--onnxruntime", arguments->onnxruntime,
                   "Measure MODEL.onnx in turns with ONNX Runtime: the node_modules folder with onnxruntime-node")
      ->excludes(profile_option);
}

}  // namespace neurons::cli
