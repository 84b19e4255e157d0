#include "benchmarks/workloads.hpp"

#include <algorithm>
#include <iterator>

#include "benchmarks/convolutions.hpp"
#include "benchmarks/measure.hpp"
#include "benchmarks/onnx_file.hpp"
#include "neurons/base/error.hpp"
#include "neurons/base/random.hpp"
#include "neurons/base/suggest.hpp"
#include "neurons/kernels/weighted_sum.hpp"
#include "neurons/layers/activations.hpp"
#include "neurons/layers/convolutions.hpp"
#include "neurons/layers/dense.hpp"
#include "neurons/layers/embedding.hpp"
#include "neurons/layers/normalizations.hpp"
#include "neurons/layers/pools.hpp"
#include "neurons/layers/recurrent.hpp"
#include "neurons/layers/shapes.hpp"
#include "neurons/layers/transformer.hpp"
#include "neurons/networks/networks.hpp"
#include "neurons/plan/profile.hpp"
#include "neurons/training/learner.hpp"
#include "neurons/training/stream.hpp"

namespace neurons::benchmarks {
namespace {

constexpr std::size_t kLatencies = 1 << 20;

/// Microseconds of single calls, for at least `seconds`.
template <typename Step>
std::vector<double> latencies_of(const Step& step, double seconds) {
  std::vector<double> latencies;
  latencies.reserve(kLatencies);
  for (const auto start = Clock::now(); seconds_since(start) < seconds && latencies.size() < kLatencies;) {
    const auto before = Clock::now();
    step();
    latencies.push_back(1e6 * seconds_since(before));
  }
  return latencies;
}

void fill_uniform(const TensorView& view, RandomStream& random) {
  for (float& value : view.values<float>()) value = static_cast<float>(random.uniform());
}

void fill_below(std::int64_t limit, const TensorView& view, RandomStream& random) {
  for (std::int64_t& value : view.values<std::int64_t>()) {
    value = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(limit)));
  }
}

Result result_of(const std::string& name, double flops, std::int64_t batch, const Rate& rate) {
  Result result;
  result.name = name;
  result.samples_per_second = rate.steps_per_second * static_cast<double>(batch);
  result.microseconds_per_step = 1e6 / rate.steps_per_second;
  result.gflops = rate.steps_per_second * flops / 1e9;
  result.peak_share = rate.peak_share;
  return result;
}

/// With latencies of single steps.
template <typename Step>
Result with_latencies(Result result, const Step& step, double seconds) {
  const auto latencies = latencies_of(step, seconds);
  result.p50_microseconds = median(latencies);
  result.p99_microseconds = quantile(latencies, 0.99);
  result.p999_microseconds = quantile(latencies, 0.999);
  return result;
}

template <typename Step>
Result measure(const Workload& workload, const Options& options, ThreadTeam& team, std::vector<double>& peaks, const Step& step) {
  const double flops = workload.flops_per_sample() * static_cast<double>(workload.batch);
  Result result = result_of(workload.name, flops, workload.batch, measure_rate(step, flops, options.seconds, team, peaks));
  return workload.training ? result : with_latencies(std::move(result), step, options.seconds / 4);
}

using MakeNetwork = std::function<Network(const Shape&)>;

MakeNetwork sequential(std::vector<Layer> layers) {
  return [layers = std::move(layers)](const Shape& sample) -> Network { return Sequential(sample, layers); };
}
MakeNetwork built(Builder builder) {
  return [builder = std::move(builder)](const Shape& sample) { return build(builder, sample); };
}

/// 784-256-128-10 and the like, ReLU between the layers.
MakeNetwork dense_layers(const std::vector<std::int64_t>& units) {
  std::vector<Layer> layers;
  for (const std::int64_t count : units) {
    layers.emplace_back(Dense{.units = count, .activation = layers.size() + 1 < units.size() ? "relu" : "identity"});
  }
  return sequential(std::move(layers));
}

/// A causal transformer that tells the next of `tokens` at each step.
MakeNetwork language_model(std::int64_t tokens, std::int64_t width, std::int64_t heads, int blocks) {
  return [=](const Shape& sample) {
    Network network;
    auto x = network.add(Embedding{tokens, width}, network.input("x", sample, DType::i64));
    x = network.add(LearnedPositions{}, x);
    for (int block = 0; block < blocks; ++block) x = network.add(TransformerEncoder{.heads = heads, .causal = true}, x);
    network.output("y", network.add(Dense{tokens}, network.add(LayerNorm{}, x)));
    return network;
  };
}

/// A recurrent layer, of whose last step a dense layer makes ten classes.
MakeNetwork recurrent(const Layer& layer) { return sequential({layer, Dense{10}}); }

/// The network on one sample.
Graph forward_graph(const Workload& workload) {
  const Network network = workload.network(workload.sample);
  Graph graph(network.table());
  network.build(graph, 1, Mode::inference);
  return graph;
}

Learner learner_of(const Workload& workload, const std::shared_ptr<ThreadTeam>& team) {
  return Learner(workload.network(workload.sample),
                 {.loss = CrossEntropy{}, .optimizer = workload.optimizer, .clip_norm = 0.0, .team = team});
}

/// Fills the batch buffer of a training step with random pictures or tokens, and labels.
void fill_batch(const Workload& workload, Learner& learner) {
  RandomStream random(1);
  const Batch batch = learner.batch(workload.batch);
  if (const auto tokens = vocabulary_of(learner.structure())) {
    fill_below(*tokens, batch.inputs.front(), random);
  } else {
    fill_uniform(batch.inputs.front(), random);
  }
  const Graph graph = forward_graph(workload);
  fill_below(graph.info(graph.outputs().front().value).type.shape[-1], batch.target, random);
}

/// The plan of inference on random inputs.
Plan& inference_plan(const Workload& workload, Learner& learner) {
  RandomStream random(1);
  Plan& plan = learner.inference(workload.batch);
  fill_uniform(plan.input("x"), random);
  return plan;
}

Result run_stream(const Workload& workload, const Options& options, ThreadTeam& team, std::vector<double>& peaks) {
  Network network = workload.network(workload.sample);
  network.initialize(1);
  Stream stream(network);
  Tensor x(DType::f32, {stream.features()});
  RandomStream random(1);
  for (float& value : x.values<float>()) value = static_cast<float>(random.uniform());
  return measure(workload, options, team, peaks, [&] { stream.step(x.values<float>()); });
}

Result run(const Workload& workload, const Options& options, const std::shared_ptr<ThreadTeam>& team, std::vector<double>& peaks) {
  if (workload.streaming) return run_stream(workload, options, *team, peaks);
  Learner learner = learner_of(workload, team);
  if (!workload.training) {
    Plan& plan = inference_plan(workload, learner);
    return measure(workload, options, *team, peaks, [&] { plan.run(); });
  }
  fill_batch(workload, learner);
  bool finite = true;
  const Result result = measure(workload, options, *team, peaks, [&] { finite &= learner.step(workload.batch).finite; });
  if (!finite) fail_run("bench: the loss of {} became NaN or infinite", workload.name);
  return result;
}

bool is_recurrent(const Node& node) { return node.op->name == "LSTM" || node.op->name == "GRU" || node.op->name == "RNN"; }

/// Of a recurrent node x [steps, batch, features], r [1, gates · hidden, hidden]: of the weighted sum of its inputs, and of those
/// of its own state, which at the first step is zero and contributes nothing.
std::pair<double, double> recurrent_flops(const Graph& graph, const Node& node) {
  const Shape& x = graph.info(node.inputs[0]).type.shape;
  const Shape& r = graph.info(node.inputs[2]).type.shape;
  const double sums = 2.0 * static_cast<double>(x[1] * r[1]);
  return {sums * static_cast<double>(x[0] * x[2]), sums * static_cast<double>((x[0] - 1) * r[2])};
}

Result run(const ConvolutionCase& layer, const Options& options, const std::shared_ptr<ThreadTeam>& team,
           std::vector<double>& peaks) {
  ConvolutionJob job(layer, team);
  return result_of(layer.name, layer.flops(), layer.shape.batch,
                   measure_rate([&] { job.run(); }, layer.flops(), options.seconds, *team, peaks));
}

}  // namespace

double Workload::flops_per_sample() const {
  const Graph graph = forward_graph(*this);
  double flops = 0;
  bool first = graph.values().front().type.dtype == DType::f32;  // tokens have no gradient, but their vectors do
  for (const Node& node : graph.nodes()) {
    const double products = !training ? 1 : first ? 2 : 3;
    if (is_recurrent(node)) {
      const auto [inputs, steps] = recurrent_flops(graph, node);
      flops += products * inputs + (training ? 3 : 1) * steps;
    } else if (node.op->name == "Gemm" || node.op->name == "Conv" || node.op->name == "ScaledDotProductAttention") {
      flops += products * node.op->flops(NodeContext(graph, node).context);
    } else {
      continue;
    }
    first = false;
  }
  return streaming ? flops / static_cast<double>(sample[0]) : flops;
}

const std::vector<Workload>& workloads() {
  static const std::vector<Workload> all = [] {
    const MakeNetwork mlp = dense_layers({256, 128, 10});
    const MakeNetwork cnn =
        sequential({Conv2d{32, 3, Padding::same, 1, "relu"}, MaxPool2d{2}, Conv2d{64, 3, Padding::same, 1, "relu"}, MaxPool2d{2},
                    Flatten{}, Dense{128, "relu"}, Dense{10}});
    return std::vector<Workload>{
        {"mlp-tiny", {4}, dense_layers({16, 3}), 32, true},
        {"mlp-64", {784}, mlp, 64, true},
        {"mlp-512", {784}, mlp, 512, true},
        {"cnn-64", {1, 28, 28}, cnn, 64, true},
        {"resnet20-64", {3, 32, 32}, built(ResNet20{}), 64, true, Sgd{.learning_rate = 0.01F, .momentum = 0.9F}},
        {"char-gpt", {128}, language_model(96, 128, 4, 4), 16, true},
        {"lstm-64", {28, 28}, recurrent(Lstm{.hidden = 128}), 64, true},
        {"gru-64", {28, 28}, recurrent(Gru{.hidden = 128}), 64, true},
        {"lstm-512x4", {64, 512}, recurrent(Lstm{.hidden = 512, .layers = 4}), 32, true},
        {"infer-mlp-1", {784}, mlp, 1, false},
        {"infer-cnn-1", {1, 28, 28}, cnn, 1, false},
        {"infer-lstm-1", {28, 28}, recurrent(Lstm{.hidden = 128}), 1, false},
        {"stream-lstm-1", {64, 1}, sequential({Lstm{.hidden = 32, .return_sequences = true}, Dense{1}}), 1, false, Adam{}, true},
        {"infer-resnet18-1", {3, 224, 224}, built(ResNet18{}), 1, false},
    };
  }();
  return all;
}

void check(const Options& options) {
  if (options.threads < 0) fail_input("bench: threads = {} must be at least 1 (or 0: one for each core)", options.threads);
  if (options.threads > available_cores()) {
    fail_input("bench: threads = {} is more than the {} cores here; threads that take turns have no peak", options.threads,
               available_cores());
  }
  if (!(options.seconds > 0)) fail_input("bench: seconds = {} must be above 0", options.seconds);
}

namespace {

std::vector<std::string> names_of_workloads() {
  std::vector<std::string> names;
  for (const Workload& workload : workloads()) names.push_back(workload.name);
  return names;
}

const Workload& workload_of(std::string_view name) {
  const auto found = std::ranges::find(workloads(), name, &Workload::name);
  if (found == workloads().end())
    fail_input("bench: there is no workload \"{}\"{}", name, did_you_mean(name, names_of_workloads()));
  return *found;
}

/// Something that has a name and can be measured.
using Measurement = std::function<Result(const Options&, const std::shared_ptr<ThreadTeam>&, std::vector<double>&)>;
template <typename Job>
Measurement measurement_of(const Job& job) {
  return [&job](const Options& options, const std::shared_ptr<ThreadTeam>& team, std::vector<double>& peaks) {
    return run(job, options, team, peaks);
  };
}

bool is_onnx_file(std::string_view name) { return name.ends_with(".onnx"); }

Measurement measurement_of_file(const std::string& name) {
  return [name](const Options& options, const std::shared_ptr<ThreadTeam>& team, std::vector<double>& peaks) {
    OnnxJob job(name, team);
    const auto step = [&] { job.run(); };
    const Rate rate = measure_rate(step, job.flops(), options.seconds, *team, peaks);
    return with_latencies(result_of(name, job.flops(), 1, rate), step, options.seconds / 4);
  };
}

/// What a name stands for: a file, a workload, a case of the sweep, or all its cases. Throws InputError if nothing has it.
std::vector<Measurement> measurements_of(const std::string& name) {
  if (is_onnx_file(name)) return {measurement_of_file(name)};
  for (const Workload& workload : workloads()) {
    if (workload.name == name) return {measurement_of(workload)};
  }
  std::vector<std::string> known = names_of_workloads();
  known.emplace_back(kConvolutionSweep);
  std::vector<Measurement> sweep;
  for (const ConvolutionCase& layer : convolution_sweep()) {
    if (layer.name == name) return {measurement_of(layer)};
    known.push_back(layer.name);
    sweep.push_back(measurement_of(layer));
  }
  if (name != kConvolutionSweep) fail_input("bench: there is no workload \"{}\"{}", name, did_you_mean(name, known));
  return sweep;
}

/// The steps of a plan, timed for about `seconds`.
std::vector<StepTime> profile(const Plan& plan, double seconds) {
  const auto start = Clock::now();
  neurons::profile(plan, 1);
  const double once = seconds_since(start);
  const auto each = neurons::profile(plan, static_cast<int>(std::clamp(seconds / once, 1.0, 1e5)));
  std::vector<StepTime> times;
  for (std::size_t i = 0; i < each.size(); ++i) {
    const PlanStep& step = plan.steps()[i];
    times.push_back({step.name, step.op, 1e6 * each[i], step.flops / each[i] / 1e9, step.bytes / each[i] / 1e9});
  }
  return times;
}

}  // namespace

std::vector<StepTime> profile(std::string_view name, const Options& options) {
  check(options);
  const auto team = std::make_shared<ThreadTeam>(options.threads);
  if (is_onnx_file(name)) {
    OnnxJob job(name, team);
    return profile(job.plan(), options.seconds);
  }
  const Workload& workload = workload_of(name);
  if (workload.streaming) fail_input("bench: {} runs step by step in a stream, whose plan cannot be looked into", name);
  Learner learner = learner_of(workload, team);
  if (workload.training) fill_batch(workload, learner);
  return profile(workload.training ? learner.training_plan(workload.batch) : inference_plan(workload, learner), options.seconds);
}

Report run(std::span<const std::string> names, const Options& options) {
  check(options);
  std::vector<Measurement> chosen;
  if (names.empty()) {
    for (const Workload& workload : workloads()) chosen.push_back(measurement_of(workload));
  }
  for (const std::string& name : names) std::ranges::move(measurements_of(name), std::back_inserter(chosen));
  const auto team = std::make_shared<ThreadTeam>(options.threads);
  Report report;
  report.threads = team->size();
  report.simd_target = kernels::simd_target();
  std::vector<double> peaks;
  for (const Measurement& measurement : chosen) report.results.push_back(measurement(options, team, peaks));
  report.peak_gflops = median(peaks);
  return report;
}

}  // namespace neurons::benchmarks
