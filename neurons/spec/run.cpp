#include "neurons/spec/run.hpp"

#include <algorithm>
#include <sstream>

#include "neurons/base/atomic_file.hpp"
#include "neurons/base/error.hpp"
#include "neurons/formats/onnx/imported_model.hpp"
#include "neurons/spec/forecast.hpp"
#include "neurons/training/check_training.hpp"
#include "neurons/training/run_folder.hpp"

namespace neurons {
namespace fs = std::filesystem;

namespace {

constexpr const char* kSpecFile = "spec.toml";

/// What a resumed run may change, at its default: it does not enter the comparison.
Spec comparable(Spec spec) {
  const TrainOptions defaults;
  TrainOptions& options = spec.training.options;
  options.epochs = defaults.epochs;
  options.threads = defaults.threads;
  options.checkpoint_steps = defaults.checkpoint_steps;
  options.checkpoint_seconds = defaults.checkpoint_seconds;
  return spec;
}

void require_same(const Spec& earlier, const Spec& now, const fs::path& folder) {
  std::istringstream before(to_toml(comparable(earlier)));
  std::istringstream after(to_toml(comparable(now)));
  std::string old_line;
  std::string new_line;
  while (std::getline(before, old_line) && std::getline(after, new_line)) {
    if (old_line == new_line) continue;
    fail_input(
        "{}: the spec has changed since this run began: it says \"{}\", the run \"{}\"; undo that, or train without --resume",
        folder.string(), new_line, old_line);
  }
}

bool is_run(const fs::path& folder) {
  std::error_code ignored;
  return fs::exists(folder / kSpecFile, ignored);
}

/// Throws where a new run cannot be in that folder.
void require_usable(const fs::path& folder) {
  const RunLock unused(folder);
  std::error_code error;
  if (!fs::exists(folder, error)) return;
  if (!fs::is_directory(folder, error)) fail_input("{}: is a file; a run needs a folder", folder.string());
  if (!fs::is_empty(folder, error) && !is_run(folder))
    fail_input("{}: this folder holds other things than a run; choose another one with --out", folder.string());
}

/// The folder of a run, made ready: an earlier run in it moves to the first free FOLDER.NUMBER.
class Room {
 public:
  Room(const fs::path& folder, bool resume) : folder_(folder) {
    if (resume) {
      earlier_spec_ = read_file(folder / kSpecFile);
    } else {
      require_usable(folder);
      move_earlier();
    }
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) fail_run("{}: cannot make this folder: {}", folder.string(), error.message());
  }
  const std::optional<fs::path>& moved() const { return moved_; }

  /// As it was before training was refused, when nothing but the spec had been written.
  void take_back_spec() const {
    if (earlier_spec_) write_file_atomically(folder_ / kSpecFile, *earlier_spec_);
  }

  /// As it was before, if there is no checkpoint yet.
  void give_back() const noexcept {
    std::error_code ignored;
    const RunFolder run(folder_);
    if (earlier_spec_ || fs::exists(run.checkpoint_path(), ignored)) return;
    fs::remove(folder_ / kSpecFile, ignored);
    fs::remove(run.checkpoint_path().parent_path(), ignored);
    fs::remove(folder_, ignored);  // only if nothing else is in it
    if (moved_) fs::rename(*moved_, folder_, ignored);
  }

 private:
  void move_earlier() {
    std::error_code error;
    if (!fs::exists(folder_, error) || fs::is_empty(folder_, error)) return;
    fs::path free;
    for (int number = 1; free.empty() || fs::exists(free, error); ++number) free = folder_.string() + "." + std::to_string(number);
    fs::rename(folder_, free, error);
    if (error) fail_run("{}: cannot move the earlier run to {}: {}", folder_.string(), free.string(), error.message());
    moved_ = free;
  }

  fs::path folder_;
  std::optional<std::string> earlier_spec_;  ///< of a resumed run
  std::optional<fs::path> moved_;
};

TrainOptions train_options(const Spec& spec, const LoadedData& data, const RunOptions& run) {
  TrainOptions options = spec.training.options;
  options.loss = *spec.training.loss;
  options.validation = data.validation;
  if (data.encoder) options.target_unit = data.encoder->decode_target(1) - data.encoder->decode_target(0);
  if (data.series && data.series->forecast_columns() == 1) options.target_unit = data.series->unit(0);
  options.run_folder = run.folder;
  options.resume = run.resume;
  options.metadata = model_metadata(spec, data);
  options.on_step = run.on_step;
  options.on_epoch = run.on_epoch;
  options.interrupt = run.interrupt;
  return options;
}

Model model_of(const Spec& spec, const Network& network, const LoadedData& data) {
  Model model;
  static_cast<FittedData&>(model) = data;
  model.network = network;
  model.spec = spec;
  model.is_classification = data.train.is_classification();
  model.class_names = data.train.class_names;
  model.input_scale = data.train.input_scale;
  model.input_offset = data.train.input_offset;
  return model;
}

/// Says where the key stands with which the message begins, if the spec came from a file.
[[noreturn]] void fail_at_key(const InputError& error, const TrainingSpec& training) {
  const std::string_view message = error.what();
  const auto found = training.places.find(std::string(message.substr(0, message.find_first_of(" :"))));
  fail_input("{}{}", found == training.places.end() ? "" : found->second, message);
}

using Metadata = std::map<std::string, std::string>;

/// What the trained model's files say beside the weights: of series with what forecasts miss by on steps that were not learnt from,
/// as far as there are any.
Metadata metadata_of(const Model& model, const LoadedData& data, int threads) {
  Metadata metadata = model_metadata(model.spec, data);
  if (!data.series) return metadata;
  const Dataset& judged = data.validation ? *data.validation : data.test ? *data.test : data.train;
  metadata.insert(residuals_metadata(forecast_residuals(model, judged, threads)));
  return metadata;
}

/// Writes the model as others read it. Returns why it cannot be, or nothing.
std::string keep_onnx(const Model& model, const Metadata& metadata, const fs::path& folder) {
  try {
    onnx::save(model.network, folder / "model.onnx", {.opset = 0, .metadata = metadata});
    return "";
  } catch (const InputError& error) {
    return error.what();
  }
}

}  // namespace

RunOutcome run(Spec given, const RunOptions& options) {
  PreparedSpec prepared = prepare(std::move(given), options.places);
  const Spec& spec = prepared.spec;
  Network& network = prepared.network;
  if (!prepared.data) fail_input("{}: [data] names no source; add one, or give --data PATH", spec.file.string());
  const LoadedData& data = *prepared.data;
  if (options.resume) {
    if (!is_run(options.folder)) fail_input("{}: there is no run to resume", options.folder.string());
    require_same(read_spec(options.folder / kSpecFile), spec, options.folder);
  }
  if (options.weights) {
    if (options.resume) fail_input("{}: a resumed run goes on from its own weights, not from a file's", options.folder.string());
    load_weights(network, *options.weights);
  }
  if (data.test) check_judged(network, data.train, *data.test, *spec.training.loss);
  if (!options.resume) require_usable(options.folder);
  std::optional<Room> room;
  TrainOptions training = train_options(spec, data, options);
  training.on_begin = [&] {
    if (options.before_files) options.before_files();
    room.emplace(options.folder, options.resume);
    if (options.on_start) options.on_start({spec, data, network, room->moved()});
    write_file_atomically(options.folder / kSpecFile, to_toml(spec));
  };
  RunOutcome outcome;
  try {
    outcome.history = train(network, data.train, training);
  } catch (const InputError& error) {
    if (room) room->take_back_spec();
    if (room) room->give_back();
    fail_at_key(error, spec.training);
  } catch (const Interrupted&) {
    if (room) room->give_back();
    throw Interrupted("interrupted before training began; nothing is written");
  } catch (...) {
    if (room) room->give_back();
    throw;
  }
  if (outcome.history.stop == StopReason::interrupted) return outcome;
  const Model model = model_of(spec, network, data);
  const int threads = spec.training.options.threads;
  const Metadata metadata = metadata_of(model, data, threads);
  if (data.series) RunFolder(options.folder).write_model(model.network, metadata);
  outcome.without_onnx = keep_onnx(model, metadata, options.folder);
  if (data.validation) outcome.validation = evaluate(model, *data.validation, threads);
  if (data.test) outcome.test = evaluate(model, *data.test, threads);
  return outcome;
}

}  // namespace neurons
