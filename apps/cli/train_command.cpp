/// neurons train SPEC.toml: from a spec to a trained network in a run folder.

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

#include "apps/cli/arguments.hpp"
#include "apps/cli/interrupt.hpp"
#include "apps/cli/progress.hpp"
#include "apps/cli/reports.hpp"
#include "apps/cli/session.hpp"
#include "apps/cli/terminal.hpp"
#include "neurons/base/error.hpp"
#include "neurons/spec/fine_tune.hpp"
#include "neurons/spec/run.hpp"
#include "neurons/spec/toml_names.hpp"

namespace neurons::cli {
namespace {

namespace fs = std::filesystem;

struct TrainArguments {
  fs::path spec;
  fs::path out;
  fs::path data;
  std::optional<std::int64_t> epochs;
  std::optional<std::int64_t> batch_size;
  std::optional<std::uint64_t> seed;
  std::optional<int> threads;
  FineTuning tuning;
  std::string decimal;
  fs::path weights;
  std::string from;
  bool resume = false;
  bool quiet = false;
};

constexpr auto kScalings = toml_names::kWords<Scaling>;

bool is_model(const TrainArguments& arguments) { return arguments.spec.extension() == ".onnx"; }

/// Options that say how a model of ONNX is changed before it is trained.
void require_model_for_tuning(const TrainArguments& arguments) {
  const FineTuning& tuning = arguments.tuning;
  const bool tuned = tuning.head != 0 || tuning.lora != 0 || tuning.dropout != 0 || !tuning.output.empty() ||
                     !tuning.freeze.empty() || tuning.scaling;
  if (tuned && !is_model(arguments)) {
    fail_input("--head, --freeze, --lora, --dropout, --output and --scaling are for a MODEL.onnx; in {} the spec says such things",
               arguments.spec.string());
  }
}

/// The spec as the arguments change it.
Spec changed_spec(const TrainArguments& arguments) {
  require_model_for_tuning(arguments);
  FineTuning tuning = arguments.tuning;
  tuning.data = arguments.data.string();
  Spec spec = is_model(arguments) ? fine_tuning_spec(arguments.spec, tuning) : read_spec(arguments.spec);
  TrainOptions& options = spec.training.options;
  if (!arguments.data.empty() && !is_model(arguments)) use_data(spec, arguments.data.string());
  if (!arguments.decimal.empty()) spec.data.decimal = arguments.decimal.front();
  if (arguments.epochs) options.epochs = *arguments.epochs;
  if (arguments.batch_size) options.batch_size = *arguments.batch_size;
  if (arguments.seed) options.seed = *arguments.seed;
  if (arguments.threads) options.threads = *arguments.threads;
  return spec;
}

/// One word of a shell's command line.
std::string word(const std::string& text) {
  const auto plain = [](unsigned char c) {
    return std::isalnum(c) != 0 || std::string_view("_./=:@%+,-").find(static_cast<char>(c)) != std::string_view::npos;
  };
  if (!text.empty() && std::ranges::all_of(text, plain)) return text;
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  return quoted + "'";
}

/// The same call, continued.
std::string resume_command(const TrainArguments& arguments, const fs::path& folder) {
  std::string command = fmt::format("neurons train {} --out {}", word(arguments.spec.string()), word(folder.string()));
  if (!arguments.data.empty()) command += fmt::format(" --data {}", word(arguments.data.string()));
  if (!arguments.decimal.empty()) command += fmt::format(" --decimal {}", arguments.decimal);
  if (arguments.epochs) command += fmt::format(" --epochs {}", *arguments.epochs);
  if (arguments.batch_size) command += fmt::format(" --batch-size {}", *arguments.batch_size);
  if (arguments.seed) command += fmt::format(" --seed {}", *arguments.seed);
  if (arguments.threads) command += fmt::format(" --threads {}", *arguments.threads);
  const FineTuning& tuning = arguments.tuning;
  if (tuning.head != 0) command += fmt::format(" --head {}", tuning.head);
  for (const std::string& pattern : tuning.freeze) command += fmt::format(" --freeze {}", word(pattern));
  if (tuning.lora != 0) command += fmt::format(" --lora {}", tuning.lora);
  if (tuning.dropout != 0) command += fmt::format(" --dropout {}", tuning.dropout);
  if (!tuning.output.empty()) command += fmt::format(" --output {}", word(tuning.output));
  if (tuning.scaling) command += fmt::format(" --scaling {}", kScalings[static_cast<std::size_t>(*tuning.scaling)]);
  return command + " --resume";
}

std::string describe_data(const LoadedData& data) {
  std::string text = fmt::format("{} training", grouped(data.train.samples()));
  if (data.validation) text += fmt::format(" + {} validation", grouped(data.validation->samples()));
  if (data.test) text += fmt::format(" + {} test", grouped(data.test->samples()));
  text += fmt::format(" samples of {}, ", data.train.input_shape().to_string());
  if (data.train.is_classification()) return text + fmt::format("{} classes", data.train.classes());
  return text + fmt::format("{} value{} to predict", data.train.outputs(), data.train.outputs() == 1 ? "" : "s");
}

/// How a model of ONNX gets a table.
std::string describe_columns(const DataSpec& data, const FineTuning& tuning) {
  constexpr std::array<std::string_view, 3> kMeanings = {"less their mean, divided by their deviation", "brought to 0 … 1",
                                                         "as they are"};
  const bool raw = *data.scaling == Scaling::none;
  std::string text = fmt::format("columns {}{}", kMeanings[static_cast<std::size_t>(*data.scaling)],
                                 tuning.scaling ? ", as asked"
                                 : raw          ? ""
                                                : ", as the model was trained");
  if (!raw) text += " (found in the training rows)";
  if (data.task == Task::regression && data.standardise_target.value_or(true))
    text += "; targets less their mean, divided by their deviation";
  return text;
}

void say_start(const RunStart& start, const fs::path& folder, const TrainArguments& arguments) {
  const Terminal terminal = Terminal::of(stderr);
  const TrainOptions& options = start.spec.training.options;
  const auto line = [&](std::string_view what, const std::string& text) {
    tell(fmt::format("{}  {}\n", terminal.bold(fmt::format("{:<8}", what)), text));
  };
  line("data", describe_data(start.data));
  if (is_model(arguments) && start.data.encoder) line("inputs", describe_columns(start.spec.data, arguments.tuning));
  line("network", fmt::format("{} layers, {} parameters", start.network.layers().size(), grouped(start.network.parameter_count())));
  const std::string batch =
      options.optimizer.is_full_batch() ? "all samples at once" : fmt::format("batches of {}", options.batch_size);
  const double limit = options.clip_norm.value_or(0);
  line("training", fmt::format("{}, {}, {} epochs, seed {}{}", options.optimizer.kind(), batch, options.epochs, options.seed,
                               limit > 0 ? fmt::format(", gradients clipped to a norm of {}", limit) : ""));
  line("run", folder.string() + (start.moved ? fmt::format("  (the earlier run is kept in {})", start.moved->string()) : ""));
}

Json finite_metrics(const EpochRecord& record) {
  Json metrics = Json::object();
  const auto put = [&](const char* name, double value) {
    if (std::isfinite(value)) metrics[name] = value;
  };
  put("loss", record.loss);
  put("accuracy", record.accuracy);
  put("validation_loss", record.validation_loss);
  put("validation_accuracy", record.validation_accuracy);
  put("validation_rmse", record.validation_rmse);
  return metrics;
}

/// With the numbers of an evaluation, named PREFIX_KEY.
void add_metrics(Json& metrics, const std::string& prefix, const std::optional<Evaluation>& evaluation) {
  if (!evaluation) return;
  const Json all = report_json(*evaluation);
  for (const auto& [key, value] : all.items()) {
    if (value.is_number()) metrics[prefix + "_" + key] = value;
  }
}

void say_end(const Session& session, const RunOutcome& outcome, const fs::path& folder) {
  const Terminal terminal = Terminal::of(stdout);
  const auto line = [&](std::string_view what, const std::string& text) {
    session.say("{}  {}", terminal.bold(fmt::format("{:<10}", what)), text);
  };
  const History& history = outcome.history;
  const bool early = history.stop == StopReason::early;
  line("trained",
       fmt::format("{} epochs in {}{}", history.epochs.empty() ? 0 : history.epochs.back().epoch, duration(history.seconds),
                   early ? fmt::format(", stopped early: epoch {} was the best", history.best_epoch) : ""));
  constexpr int kIndent = 12;
  const auto judged = [&](std::string_view what, const std::optional<Evaluation>& evaluation) {
    if (!evaluation) return;
    line(what, one_line(*evaluation));
    session.print(forecast_lines(*evaluation, kIndent));
  };
  judged("validation", outcome.validation);
  judged("test", outcome.test);
  line("run", folder.string());
}

int train(Session& session, const TrainArguments& arguments) {
  const Spec spec = changed_spec(arguments);
  const fs::path folder = arguments.out.empty() ? fs::path("runs") / arguments.spec.stem() : arguments.out;
  Interrupt interrupt(session.json());
  std::optional<Progress> progress;
  RunOptions options{.folder = folder, .resume = arguments.resume, .places = Session::places(), .interrupt = Interrupt::flag()};
  options.before_files = [&] { interrupt.wait(); };
  if (!arguments.weights.empty()) {
    options.weights = {arguments.weights, arguments.from.empty() ? WeightNames::own : weight_names_of(arguments.from)};
  }
  if (!arguments.quiet) {
    options.on_start = [&](const RunStart& start) {
      note_left_out(start.network);
      say_start(start, folder, arguments);
      progress.emplace(start.spec.training.options.epochs, start.data.train.is_classification(), start.data.validation.has_value());
    };
    options.on_step = [&](const StepRecord& record) { progress->step(record); };
    options.on_epoch = [&](const EpochRecord& record) { progress->epoch(record); };
  }
  const RunOutcome outcome = run(spec, options);
  progress.reset();

  const History& history = outcome.history;
  const bool interrupted = history.stop == StopReason::interrupted;
  Json metrics = history.epochs.empty() ? Json::object() : finite_metrics(history.epochs.back());
  add_metrics(metrics, "validation", outcome.validation);
  add_metrics(metrics, "test", outcome.test);
  session.answer() = {{"run", folder.string()},
                      {"epochs", history.epochs.empty() ? 0 : history.epochs.back().epoch},
                      {"seconds", history.seconds},
                      {"weights_sha256", history.weights_sha256},
                      {"stopped", interrupted                         ? "interrupted"
                                  : history.stop == StopReason::early ? "early"
                                                                      : "completed"},
                      {"best_epoch", history.best_epoch},
                      {"metrics", metrics}};
  if (interrupted) {
    complain(fmt::format("interrupted; a checkpoint is saved in {}; continue with: {}", folder.string(),
                         resume_command(arguments, folder)));
    return kFailed;
  }
  if (!arguments.quiet && history.epochs_before > 0 && history.epochs_before == std::ssize(history.epochs)) {
    complain(fmt::format("note: nothing was left to train: this run has {} after {} epochs",
                         history.stop == StopReason::early ? "stopped early" : "ended", history.epochs_before));
  }
  if (!arguments.quiet && !outcome.without_onnx.empty())
    complain(fmt::format("note: no model.onnx is written: {}", outcome.without_onnx));
  if (!arguments.quiet) say_end(session, outcome, folder);
  return kDone;
}

}  // namespace

void add_train(CLI::App& app, Session& session) {
  const auto arguments = std::make_shared<TrainArguments>();
  CLI::App* command = session.add_command(app, "train", "Train the network of a spec, or a model of ONNX; leaves a run folder",
                                          "  neurons train examples/mnist/mlp.toml\n"
                                          "  neurons train wine.toml --out runs/wine --epochs 50 --seed 2\n"
                                          "  neurons train wine.toml --out runs/wine --resume\n"
                                          "  neurons train cnn.toml --weights cnn.safetensors --from torch-names\n"
                                          "  neurons train model.onnx --head 5 --freeze 'conv*' --data pictures/ --epochs 3",
                                          [&session, arguments] { return train(session, *arguments); });
  command->add_option("SPEC", arguments->spec, "What to train: a TOML file (docs/specs.md), or a model of ONNX (docs/onnx.md)")
      ->required();
  command->add_option("--out", arguments->out, "The run folder (runs/SPEC-NAME); an earlier run in it is moved aside, never lost");
  command->add_option("--data", arguments->data,
                      "Train on all of this instead of the spec's data: a bundled name, IDX folder, CSV, npz, pictures by class");
  add_decimal(*command, arguments->decimal);
  command->add_option("--epochs", arguments->epochs, "Instead of the spec's")->check(whole_number<std::int64_t>(1));
  command->add_option("--batch-size", arguments->batch_size, "Samples of an update, instead of the spec's")
      ->check(whole_number<std::int64_t>(1));
  command->add_option("--seed", arguments->seed, "Of initial weights, order of samples and dropout, instead of the spec's")
      ->check(whole_number<std::int64_t>(0));
  command->add_option("--threads", arguments->threads, "Instead of the spec's; 0: one for each core")->check(thread_count());
  FineTuning& tuning = arguments->tuning;
  command->add_option("--head", tuning.head, "Of a MODEL.onnx: a fresh last layer of this many neurons")
      ->check(whole_number<std::int64_t>(1));
  command->add_option("--freeze", tuning.freeze, "Of a MODEL.onnx: parameters that stay as they are, as \"conv*\"");
  command->add_option("--lora", tuning.lora, "Of a MODEL.onnx: train adapters of this rank beside its frozen matrices")
      ->check(whole_number<std::int64_t>(1));
  command->add_option("--dropout", tuning.dropout, "Of a MODEL.onnx: the share dropped before its last layer")
      ->check(CLI::Range(0.0, 0.99));
  command->add_option("--output", tuning.output, "Of a MODEL.onnx: the output to train, if it has several");
  command
      ->add_option_function<std::string>(
          "--scaling",
          [arguments](const std::string& name) {
            arguments->tuning.scaling = static_cast<Scaling>(std::ranges::find(kScalings, name) - kScalings.begin());
          },
          "Of a MODEL.onnx: what is done to a table's columns (none, unless the model was trained here on a table)")
      ->check(CLI::IsMember(std::vector<std::string>(kScalings.begin(), kScalings.end())));
  CLI::Option* weights = command->add_option("--weights", arguments->weights,
                                             "Begin with the weights of a .safetensors or .npz file that has all of the network's");
  command
      ->add_option("--from", arguments->from,
                   "How they are called: own-names (of another run), torch-names (of PyTorch's state_dict)")
      ->needs(weights);
  command->add_flag("--resume", arguments->resume, "Continue the run in the folder from its last checkpoint, bit-exactly");
  command->add_flag("--quiet", arguments->quiet, "Say nothing but errors");
}

}  // namespace neurons::cli
