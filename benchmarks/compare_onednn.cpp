/// Convolutions of `neurons bench conv-sweep` against oneDNN, pair by pair in one process.
///
///     build/release/compare_onednn                          every case, twelve pairs each
///     build/release/compare_onednn 3x3 --pairs 4            the cases with "3x3" in their names
///
/// oneDNN is at its best: it chooses the layout of every operand (format_tag::any), and what brings operands there is not measured,
/// as our packing is not. Its algorithm is the faster of the direct one and of what it chooses itself (convolution_auto). It runs
/// on as many threads of OpenMP as we do, actively waiting, each on a core of its own; between its turns they end, lest they spin
/// while ours work. Both sides compute the same numbers first, or the program fails. See benchmarks/README.md.

#include <fmt/format.h>
#include <omp.h>
#include <sched.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdlib>
#include <oneapi/dnnl/dnnl.hpp>

#include "benchmarks/convolutions.hpp"
#include "benchmarks/measure.hpp"
#include "neurons/base/error.hpp"
#include "neurons/base/random.hpp"

namespace neurons::benchmarks {
namespace {

using dnnl::memory;

constexpr double kPeakMayMove = 0.03;  ///< within a round; else its pairs are discarded

/// One case in oneDNN.
class Peer {
 public:
  Peer(const ConvolutionCase& layer, dnnl::algorithm algorithm) : case_(layer), algorithm_(algorithm) {
    const auto& shape = layer.shape;
    plain_x_ = {{shape.batch, shape.channels, shape.input[1], shape.input[2]}, memory::data_type::f32, memory::format_tag::nhwc};
    plain_y_ = {{shape.batch, shape.outputs, shape.output[1], shape.output[2]}, memory::data_type::f32, memory::format_tag::nhwc};
    plain_weights_ = {
        {shape.outputs, shape.channels, shape.kernel[1], shape.kernel[2]}, memory::data_type::f32, memory::format_tag::oihw};
    switch (layer.direction) {
      case Direction::forward: {
        const auto chosen = forward(dnnl::prop_kind::forward_training);
        prepare(chosen, dnnl::convolution_forward(chosen), chosen.src_desc(), chosen.weights_desc(), chosen.dst_desc());
        break;
      }
      case Direction::input_gradient: {
        const dnnl::convolution_backward_data::desc desc(algorithm_, any(plain_x_), any(plain_weights_), any(plain_y_), strides(),
                                                         pads_before(), pads_behind());
        const dnnl::convolution_backward_data::primitive_desc chosen(desc, engine_, forward(dnnl::prop_kind::forward_training));
        prepare(chosen, dnnl::convolution_backward_data(chosen), chosen.diff_src_desc(), chosen.weights_desc(),
                chosen.diff_dst_desc());
        break;
      }
      case Direction::weight_gradient: {
        const dnnl::convolution_backward_weights::desc desc(algorithm_, any(plain_x_), any(plain_weights_), any(plain_y_),
                                                            strides(), pads_before(), pads_behind());
        const dnnl::convolution_backward_weights::primitive_desc chosen(desc, engine_, forward(dnnl::prop_kind::forward_training));
        prepare(chosen, dnnl::convolution_backward_weights(chosen), chosen.src_desc(), chosen.diff_weights_desc(),
                chosen.diff_dst_desc());
        break;
      }
    }
  }

  const std::string& implementation() const { return implementation_; }

  void set(std::span<const float> x, std::span<const float> weights, std::span<const float> y) {
    bring(x, plain_x_, x_);
    bring(weights, plain_weights_, weights_);
    bring(y, plain_y_, y_);
  }
  void run() {
    convolution_.execute(stream_, arguments_);
    stream_.wait();
  }
  /// What the case computes, in plain order.
  std::vector<float> result() {
    const bool forward = case_.direction == Direction::forward;
    const memory& from = forward ? y_ : case_.direction == Direction::input_gradient ? x_ : weights_;
    const memory::desc& plain = forward ? plain_y_ : case_.direction == Direction::input_gradient ? plain_x_ : plain_weights_;
    std::vector<float> values(plain.get_size() / sizeof(float));
    memory to(plain, engine_, values.data());
    dnnl::reorder(from, to).execute(stream_, const_cast<memory&>(from), to);
    stream_.wait();
    return values;
  }

 private:
  static memory::desc any(const memory::desc& plain) { return {plain.dims(), plain.data_type(), memory::format_tag::any}; }
  memory::dims strides() const { return {case_.shape.stride[1], case_.shape.stride[2]}; }
  memory::dims pads_before() const { return {case_.shape.pad[1], case_.shape.pad[2]}; }
  memory::dims pads_behind() const {
    const auto behind = [&](std::size_t axis) {
      const auto& shape = case_.shape;
      return (shape.output[axis] - 1) * shape.stride[axis] + shape.kernel[axis] - shape.input[axis] - shape.pad[axis];
    };
    return {behind(1), behind(2)};
  }
  dnnl::convolution_forward::primitive_desc forward(dnnl::prop_kind kind) const {
    return {dnnl::convolution_forward::desc(kind, algorithm_, any(plain_x_), any(plain_weights_), any(plain_y_), strides(),
                                            pads_before(), pads_behind()),
            engine_};
  }
  template <typename Chosen>
  void prepare(const Chosen& chosen, const dnnl::primitive& convolution, const memory::desc& x, const memory::desc& weights,
               const memory::desc& y) {
    implementation_ = chosen.impl_info_str();
    convolution_ = convolution;
    x_ = memory(x, engine_);
    weights_ = memory(weights, engine_);
    y_ = memory(y, engine_);
    const bool to_x = case_.direction == Direction::input_gradient;
    const bool to_weights = case_.direction == Direction::weight_gradient;
    arguments_ = {{to_x ? DNNL_ARG_DIFF_SRC : DNNL_ARG_SRC, x_},
                  {to_weights ? DNNL_ARG_DIFF_WEIGHTS : DNNL_ARG_WEIGHTS, weights_},
                  {to_x || to_weights ? DNNL_ARG_DIFF_DST : DNNL_ARG_DST, y_}};
  }
  void bring(std::span<const float> values, const memory::desc& plain, memory& to) {
    memory from(plain, engine_, const_cast<float*>(values.data()));
    dnnl::reorder(from, to).execute(stream_, from, to);
    stream_.wait();
  }

  const ConvolutionCase& case_;
  dnnl::algorithm algorithm_;
  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  memory::desc plain_x_, plain_y_, plain_weights_;
  memory x_, weights_, y_;
  dnnl::primitive convolution_;
  std::unordered_map<int, memory> arguments_;
  std::string implementation_;
};

/// A team whose members stay each on a core of its own, as OpenMP's threads do.
std::shared_ptr<ThreadTeam> pinned_team(int threads) {
  static constexpr auto keep_to = [](int first, int end) noexcept {
    cpu_set_t cores;
    CPU_ZERO(&cores);
    for (int core = first; core < end; ++core) CPU_SET(static_cast<std::size_t>(core), &cores);
    sched_setaffinity(0, sizeof(cpu_set_t), &cores);
  };
  keep_to(0, CPU_SETSIZE);  // OpenMP has pinned this thread, and a team asks how many cores there are
  auto team = std::make_shared<ThreadTeam>(threads);
  team->run([](void*, Worker worker) noexcept { keep_to(worker.index, worker.index + 1); }, nullptr);
  return team;
}

struct Options {
  std::vector<std::string> parts;
  int threads = 2;
  int pairs = 12;
  double seconds = 0.05;
};

/// Runs per second of oneDNN, its threads being started and ended around it.
double rate_of_peer(Peer& peer, double seconds) {
  rate_of([&] { peer.run(); }, seconds / 4);
  const double rate = rate_of([&] { peer.run(); }, seconds);
  if (omp_pause_resource_all(omp_pause_soft) != 0) fail_run("OpenMP does not end its threads; they would disturb the other side");
  return rate;
}
double rate_of_ours(ConvolutionJob& job, double seconds) {
  rate_of([&] { job.run(); }, seconds / 4);
  return rate_of([&] { job.run(); }, seconds);
}

/// Both sides computed the same, but for the order of their sums.
void require_equal(const ConvolutionCase& layer, std::span<const float> ours, std::span<const float> theirs) {
  double error = 0;
  double size = 0;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    error = std::max(error, static_cast<double>(std::abs(ours[i] - theirs[i])));
    size = std::max(size, static_cast<double>(std::abs(ours[i])));
  }
  if (!(error <= 1e-4 * size)) fail_run("{}: oneDNN computes something else: {} apart, of {}", layer.name, error, size);
}

/// The 95 % interval of the median.
std::pair<double, double> bootstrap(const std::vector<double>& values) {
  constexpr int kRounds = 2000;
  RandomStream random(1);
  std::vector<double> medians;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<double> drawn;
    for (std::size_t i = 0; i < values.size(); ++i) drawn.push_back(values[random.below(values.size())]);
    medians.push_back(median(drawn));
  }
  return {quantile(medians, 0.025), quantile(medians, 0.975)};
}

void compare(const ConvolutionCase& layer, const Options& options, const std::shared_ptr<ThreadTeam>& team) {
  ConvolutionJob job(layer, team);
  const std::vector<float> x(job.x().begin(), job.x().end());
  const std::vector<float> y(job.y().begin(), job.y().end());
  const std::vector<float> weights(job.weights().begin(), job.weights().end());
  job.run();
  const std::span<const float> ours = layer.direction == Direction::forward          ? job.y()
                                      : layer.direction == Direction::input_gradient ? job.x()
                                                                                     : job.weights();
  std::unique_ptr<Peer> peer;
  double best = 0;
  for (const auto algorithm : {dnnl::algorithm::convolution_direct, dnnl::algorithm::convolution_auto}) {
    auto candidate = std::make_unique<Peer>(layer, algorithm);
    candidate->set(x, weights, y);
    candidate->run();
    require_equal(layer, ours, candidate->result());
    const double rate = rate_of_peer(*candidate, options.seconds);
    if (rate <= 1.02 * best) continue;
    best = rate;
    peer = std::move(candidate);
  }
  std::vector<double> ratios, our_rates, their_rates, shares;
  int discarded = 0;
  while (static_cast<int>(ratios.size()) < options.pairs && discarded < 4 * options.pairs) {  // A B B A
    const double before = measure_peak(*team);
    const double theirs1 = rate_of_peer(*peer, options.seconds);
    const double ours1 = rate_of_ours(job, options.seconds);
    const double ours2 = rate_of_ours(job, options.seconds);
    const double theirs2 = rate_of_peer(*peer, options.seconds);
    const double after = measure_peak(*team);
    if (std::max(before, after) / std::min(before, after) - 1 > kPeakMayMove) {
      discarded += 2;
      continue;
    }
    ratios.insert(ratios.end(), {ours1 / theirs1, ours2 / theirs2});
    our_rates.insert(our_rates.end(), {ours1, ours2});
    their_rates.insert(their_rates.end(), {theirs1, theirs2});
    shares.push_back(0.5 * (ours1 + ours2) * layer.flops() / 1e9 / (0.5 * (before + after)));
  }
  if (ratios.empty()) fail_run("{}: the machine is not quiet: all of {} pairs discarded", layer.name, discarded);
  const auto [low, high] = bootstrap(ratios);
  fmt::print("| {} | {:.1f} | {:.1f} | {:.0f} % | {:.2f} [{:.2f}, {:.2f}] | {} | {} |\n", layer.name, 1e6 / median(their_rates),
             1e6 / median(our_rates), 100 * median(shares), median(ratios), low, high, ratios.size(), peer->implementation());
  std::fflush(stdout);
}

int run(int argc, char** argv) {
  CLI::App app("Convolutions against oneDNN, pair by pair");
  Options options;
  app.add_option("PART", options.parts, "Only cases with one of these in their names");
  app.add_option("--threads", options.threads, "On both sides (2)")->check(CLI::PositiveNumber);
  app.add_option("--pairs", options.pairs, "To keep for each case (12)")->check(CLI::PositiveNumber);
  app.add_option("--seconds", options.seconds, "Of one measurement (0.05)")->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  omp_set_num_threads(options.threads);
  const auto team = pinned_team(options.threads);
  fmt::print(
      "| case | oneDNN, µs | neurons, µs | of peak | ratio [95 %] | pairs | oneDNN's kernel |\n|---|---|---|---|---|---|---|\n");
  for (const ConvolutionCase& layer : convolution_sweep()) {
    const auto named = [&](const std::string& part) { return layer.name.find(part) != std::string::npos; };
    if (options.parts.empty() || std::ranges::any_of(options.parts, named)) compare(layer, options, team);
  }
  return 0;
}

}  // namespace
}  // namespace neurons::benchmarks

int main(int argc, char** argv) {
  if (std::getenv("OMP_WAIT_POLICY") == nullptr) {  // read when the program is loaded
    setenv("OMP_WAIT_POLICY", "active", 1);
    setenv("OMP_PROC_BIND", "true", 1);
    setenv("OMP_PLACES", "cores", 1);
    execv("/proc/self/exe", argv);
  }
  try {
    return neurons::benchmarks::run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "compare_onednn: {}\n", error.what());
    return 1;
  }
}
