/// neurons summary MODEL|SPEC: a network layer by layer, and the plan by which it runs.

#include "apps/cli/arguments.hpp"
#include "apps/cli/session.hpp"
#include "neurons/base/error.hpp"
#include "neurons/layers/summary.hpp"
#include "neurons/spec/model.hpp"
#include "neurons/spec/prepare.hpp"
#include "neurons/training/learner.hpp"

namespace neurons::cli {
namespace {

struct SummaryArguments {
  std::filesystem::path subject;
  bool plan = false;
  std::int64_t batch = 0;
  int threads = 0;
};

/// What is summarised: a spec's network, about to be trained, or a model's, about to be used.
struct Subject {
  Spec spec;
  Network network;
  bool labels = true;
  bool weighted = false;
  bool trained = false;
};

Subject open_subject(const std::filesystem::path& path) {
  if (path.extension() != ".toml") {
    const Model model = open_model(path);
    return {model.spec, model.network, model.is_classification, false, true};
  }
  const auto places = Session::places();
  const PreparedSpec prepared = prepare(read_spec(path), places);
  Subject subject{prepared.spec, prepared.network};
  if (prepared.data) {
    subject.labels = prepared.data->train.is_classification();
    subject.weighted = !prepared.data->train.sample_weights.empty();
  }
  return subject;
}

Json to_json(const LayerSummary& layer) {
  const auto extents = layer.output.extents();
  return {{"name", layer.name},
          {"kind", layer.kind},
          {"from", layer.from},
          {"output", std::vector<std::int64_t>(extents.begin(), extents.end())},
          {"parameters", layer.parameters},
          {"trained", layer.trained},
          {"flops", layer.flops}};
}

Json to_json(const Plan& plan) {
  Json steps = Json::array();
  for (const PlanStep& step : plan.steps()) {
    std::vector<std::string> outputs;
    for (const TensorType& type : step.outputs) outputs.push_back(type.to_string());
    steps.push_back({{"name", step.name},
                     {"op", step.op},
                     {"kernel", step.kernel},
                     {"why", step.why},
                     {"detail", step.detail},
                     {"states", step.states},
                     {"outputs", outputs},
                     {"flops", step.flops},
                     {"bytes", step.bytes},
                     {"split", step.split}});
  }
  return {{"steps", steps}, {"flops", plan.flops()}, {"arena_bytes", plan.arena_bytes()}};
}

/// The plan of a training step for a spec, of a forward pass for a model or where training looks at all samples at once.
void show_plan(Session& session, Subject subject, const SummaryArguments& arguments) {
  const TrainOptions& training = subject.spec.training.options;
  const Optimizer* rule = training.optimizer.optimizer();
  const bool step = !subject.trained && rule != nullptr;
  const std::int64_t rows = arguments.batch > 0 ? arguments.batch : subject.trained ? 1 : training.batch_size;
  LearnerOptions options{.loss = *subject.spec.training.loss,
                         .groups = training.groups,
                         .clip_value = training.clip_value,
                         .clip_norm = training.clip_norm,
                         .l1 = training.l1,
                         .l2 = training.l2,
                         .accumulate = training.accumulate,
                         .labels = subject.labels,
                         .sample_weights = subject.weighted,
                         .team = std::make_shared<ThreadTeam>(arguments.threads),
                         .look_only = true};
  if (rule != nullptr) options.optimizer = *rule;
  Learner learner(std::move(subject.network), options);
  const Plan& plan = step ? learner.training_plan(rows) : learner.inference(rows);
  session.say("\n{}, batch {}:", step ? "training step" : "forward pass", rows);
  session.print(to_string(plan));
  session.answer()["plan"] = to_json(plan);
  session.answer()["plan"]["of"] = step ? "training step" : "forward pass";
  session.answer()["plan"]["batch"] = rows;
}

int summarize_subject(Session& session, const SummaryArguments& arguments) {
  const Subject subject = open_subject(arguments.subject);
  const auto layers = summarize(subject.network);
  Json list = Json::array();
  std::int64_t parameters = 0;
  std::int64_t trained = 0;
  double flops = 0;
  for (const LayerSummary& layer : layers) {
    list.push_back(to_json(layer));
    parameters += layer.parameters;
    trained += layer.trained;
    flops += layer.flops;
  }
  session.answer() = {{"layers", list}, {"parameters", parameters}, {"trained", trained}, {"flops", flops}};
  session.print(to_string(layers));
  if (arguments.plan) show_plan(session, subject, arguments);
  return kDone;
}

}  // namespace

void add_summary(CLI::App& app, Session& session) {
  const auto arguments = std::make_shared<SummaryArguments>();
  CLI::App* command = session.add_command(app, "summary", "Show a network: layers, shapes, parameters, work; and how it runs",
                                          "  neurons summary examples/mnist/mlp.toml\n"
                                          "  neurons summary runs/mlp --plan --batch 32",
                                          [&session, arguments] { return summarize_subject(session, *arguments); });
  command
      ->add_option("MODEL|SPEC", arguments->subject, "A run folder, an .onnx file, a .safetensors file of a run, or a .toml spec")
      ->required();
  CLI::Option* plan = command->add_flag(
      "--plan", arguments->plan,
      "Print each step: kernel, shapes, FLOPs, bytes, and why; of a training step for a spec, of a forward pass for a model");
  command->add_option("--batch", arguments->batch, "Samples at once in the plan (the spec's batch_size; 1 for a model)")
      ->check(whole_number<std::int64_t>(1))
      ->needs(plan);
  command->add_option("--threads", arguments->threads, "The plan is for so many; 0: one for each core")
      ->check(thread_count())
      ->needs(plan);
}

}  // namespace neurons::cli
