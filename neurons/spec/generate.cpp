#include "neurons/spec/generate.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <vector>

#include "neurons/base/error.hpp"
#include "neurons/base/random.hpp"
#include "neurons/layers/step_graph.hpp"
#include "neurons/plan/plan.hpp"
#include "neurons/training/nonfinite.hpp"
#include "neurons/training/stream.hpp"

namespace neurons {
namespace {

constexpr std::uint64_t kGenerateStream = 0x67656e65;  // "gene"

void check_options(const GenerateOptions& options) {
  NumberCheck check;
  check.at_least<std::int64_t>("length", options.length, 1);
  check.at_least("temperature", options.temperature, 0.0);
  check.at_least<std::int64_t>("top_k", options.top_k, 0);
  if (!(options.top_p > 0 && options.top_p <= 1))
    check.refuse("top_p", fmt::format("= {} must be above 0 and at most 1", options.top_p));
  if (options.prompt.empty()) check.refuse("prompt", "is empty: give at least one character to go on from");
  check.require();
}

std::vector<std::int64_t> prompt_tokens(const Tokenizer& tokenizer, const std::string& prompt) {
  std::vector<std::int64_t> tokens = tokenizer.encode(prompt);
  const auto unknown = tokenizer.unknown();
  if (!unknown || std::ranges::find(tokens, *unknown) == tokens.end()) return tokens;
  const std::string known = tokenizer.decode(std::vector<std::int64_t>(tokens.begin(), std::ranges::find(tokens, *unknown)));
  fail_input("the prompt's {} after \"{}\" is none of the {} characters that the model has learnt from: give a prompt of those",
             prompt[known.size()] == '\n' ? "line end" : "character", known, tokenizer.vocabulary() - 1);
}

/// Throws unless the logits behind the tokens that were seen are finite: says which number was the first that is not.
void require_finite(const Model& model, std::span<const float> logits, std::span<const std::int64_t> seen) {
  if (std::ranges::all_of(logits, [](float logit) { return std::isfinite(logit); })) return;
  const ValueOfParameter value_of = [&](const std::string& name) { return model.network.parameter(name); };
  std::optional<Nonfinite> found = nonfinite_parameter(model.network, value_of);
  if (!found) {
    Graph graph(model.network.table());
    with_time(model.network, std::ssize(seen)).build(graph, 1, Mode::inference);
    found = nonfinite_result(graph, value_of, [&](const Plan& plan) {
      std::ranges::copy(seen, plan.input(model.network.inputs().front().name).values<std::int64_t>().begin());
    });
  }
  fail_input(
      "{}: the network cannot write: {}; train it again, with a lower learning rate or clipped gradients (clip_norm), or take "
      "another file of weights",
      model.file.string(), found ? found->to_string() : "what it gives is not finite");
}

/// The network with a window of tokens of its own.
class NextToken {
 public:
  NextToken(const Model& model, int threads)
      : model_(model), output_(model.network.outputs().front().name), vocabulary_(model.tokenizer->vocabulary()) {
    Graph graph(model.network.table());
    model.network.build(graph, 1, Mode::inference);
    auto states = std::make_shared<StateStore>(model.network.table());
    for (const auto& [name, type] : model.network.parameter_types()) states->set(name, model.network.parameter(name));
    CompileOptions options;
    options.team = std::make_shared<ThreadTeam>(threads);
    plan_ = compile(graph, states, options);
    window_ = plan_->input(model.network.inputs().front().name).values<std::int64_t>();
    if (plan_->output(output_).shape != Shape{1, std::ssize(window_), vocabulary_}) {
      fail_input("{}: the network gives {} for a window of {} tokens, but a text needs {} numbers for each step",
                 model.file.string(), plan_->output(output_).shape.to_string(), window_.size(), vocabulary_);
    }
  }

  /// Logits of what follows `tokens`, of which the last ones count. The steps behind them hold `padding`.
  std::span<const float> after(std::span<const std::int64_t> tokens, std::int64_t padding = 0) {
    const auto seen = tokens.last(std::min(tokens.size(), window_.size()));
    std::ranges::fill(std::ranges::copy(seen, window_.begin()).out, window_.end(), padding);
    plan_->run();
    const auto width = static_cast<std::size_t>(vocabulary_);
    const auto logits = plan_->output(output_).values<float>().subspan((seen.size() - 1) * width, width);
    require_finite(model_, logits, window_);
    return logits;
  }

  /// What stands behind a step must not change what the network says of it.
  bool looks_ahead() {
    if (window_.size() < 2) return false;
    const std::vector<std::int64_t> first = {0};
    const auto zeros = after(first, 0);
    const std::vector<float> one(zeros.begin(), zeros.end());
    const auto other = after(first, vocabulary_ - 1);
    return !std::ranges::equal(one, other, [](float a, float b) { return std::fabs(a - b) <= 1e-3F * (1 + std::fabs(a)); });
  }

 private:
  const Model& model_;
  std::string output_;
  std::int64_t vocabulary_;
  std::optional<Plan> plan_;
  std::span<std::int64_t> window_;
};

/// The network token by token, its state kept: where it has one and no layer sees several steps. Otherwise it sees a window each
/// time.
std::optional<Stream> stream_of(const Network& network) {
  try {
    return Stream(network);
  } catch (const InputError&) {
    return std::nullopt;
  }
}

}  // namespace

std::int64_t draw_token(std::span<const float> logits, const GenerateOptions& options, double uniform) {
  std::vector<std::int64_t> order(logits.size());
  std::iota(order.begin(), order.end(), std::int64_t{0});
  const auto logit = [&](std::int64_t token) { return logits[static_cast<std::size_t>(token)]; };
  std::ranges::stable_sort(order, std::ranges::greater{}, logit);
  if (options.temperature == 0) return order.front();
  if (options.top_k > 0 && options.top_k < std::ssize(order)) order.resize(static_cast<std::size_t>(options.top_k));
  std::vector<double> weights;
  double sum = 0;
  for (const std::int64_t token : order) {
    weights.push_back(std::exp(static_cast<double>(logit(token) - logit(order.front())) / options.temperature));
    sum += weights.back();
  }
  double kept = 0;
  std::size_t count = 0;
  do kept += weights[count++];
  while (count < weights.size() && kept < options.top_p * sum);
  double left = uniform * kept;
  for (std::size_t i = 0; i + 1 < count; ++i) {
    if (left < weights[i]) return order[i];
    left -= weights[i];
  }
  return order[count - 1];
}

std::string generate(const Model& model, const GenerateOptions& options) {
  if (!model.tokenizer) fail_input("{}: the model was not trained on a text, so it writes none", model.file.string());
  check_options(options);
  std::vector<std::int64_t> tokens = prompt_tokens(*model.tokenizer, options.prompt);
  NextToken network(model, options.threads);
  if (network.looks_ahead()) {
    fail_input(
        "{}: the network looks ahead of the step that it labels, so it cannot write; train one that is causal and goes forward",
        model.file.string());
  }
  std::optional<Stream> stream = stream_of(model.network);
  std::size_t heard = 0;  // tokens that the stream has read
  const auto next_logits = [&] {
    if (!stream) return network.after(tokens);
    while (heard + 1 < tokens.size()) stream->step(tokens[heard++]);
    const auto logits = stream->step(tokens[heard++]);
    require_finite(model, logits, tokens);
    return logits;
  };
  const std::size_t given = tokens.size();
  RandomStream random(options.seed, kGenerateStream);
  for (std::int64_t i = 0; i < options.length; ++i) {
    const auto found = next_logits();
    std::vector<float> logits(found.begin(), found.end());
    if (const auto unknown = model.tokenizer->unknown()) {
      logits[static_cast<std::size_t>(*unknown)] = -std::numeric_limits<float>::infinity();
    }
    tokens.push_back(draw_token(logits, options, random.uniform()));
    if (options.on_text) options.on_text(model.tokenizer->decode(std::span(tokens).last(1)));
  }
  return model.tokenizer->decode(std::span(tokens).subspan(given));
}

}  // namespace neurons
