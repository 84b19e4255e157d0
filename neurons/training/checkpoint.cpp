#include "neurons/training/checkpoint.hpp"

#include <fmt/format.h>

#include <charconv>

namespace neurons {
namespace {

constexpr std::string_view kKind = "neurons checkpoint 2";
constexpr std::string_view kItem = "run/";        ///< metadata: the fingerprint
constexpr std::string_view kEngine = "engine/";   ///< tensors and metadata of the engine
constexpr std::string_view kBest = "best/";       ///< tensors: the best weights
constexpr std::string_view kHistory = "history";  ///< f64 [epochs, numbers of a record]

/// The numbers of a TrainingState by name: visited to be written and to be read.
template <typename State, typename Visitor>
void visit_numbers(State& state, Visitor visit) {
  visit("tally.loss", state.tally.loss);
  visit("tally.weight", state.tally.weight);
  visit("tally.samples", state.tally.samples);
  visit("tally.correct", state.tally.correct);
  visit("tally.squares", state.tally.squares);
  visit("tally.outputs", state.tally.outputs);
  visit("tally.labels", state.tally.labels);
  visit("step_of_epoch", state.step_of_epoch);
  visit("seconds", state.seconds);
  visit("learning_rate", state.learning_rate);
  visit("plateau.factor", state.plateau.factor);
  visit("plateau.best", state.plateau.best);
  visit("plateau.bad_epochs", state.plateau.bad_epochs);
  visit("best_loss", state.best_loss);
  visit("best_epoch", state.best_epoch);
  visit("converged", state.converged);
}

/// The same of one epoch's record.
template <typename Record, typename Visitor>
void visit_record(Record& record, Visitor visit) {
  visit(record.epoch);
  visit(record.step);
  visit(record.loss);
  visit(record.accuracy);
  visit(record.validation_loss);
  visit(record.validation_accuracy);
  visit(record.validation_rmse);
  visit(record.learning_rate);
  visit(record.seconds);
}

constexpr std::int64_t kRecordNumbers = 9;

std::string text_of(bool value) { return value ? "1" : "0"; }
std::string text_of(std::int64_t value) { return fmt::format("{}", value); }
std::string text_of(double value) { return fmt::format("{}", value); }  // the shortest that reads back as the same

template <typename Number>
bool read_number(const std::string& text, Number& value) {
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  return result.ec == std::errc{} && result.ptr == text.data() + text.size();
}

bool read_number(const std::string& text, bool& value) {
  value = text == "1";
  return value || text == "0";
}

Tensor history_of(const std::vector<EpochRecord>& epochs) {
  Tensor history(DType::f64, {static_cast<std::int64_t>(epochs.size()), kRecordNumbers});
  std::size_t next = 0;
  for (const EpochRecord& record : epochs) {
    visit_record(record, [&](auto number) { history.values<double>()[next++] = static_cast<double>(number); });
  }
  return history;
}

class Reader {
 public:
  Reader(TensorFile file, const std::string& source) : file_(std::move(file)), source_(source) {}

  Checkpoint run() {
    if (const auto kind = file_.metadata.find("kind"); kind == file_.metadata.end() || kind->second != kKind) {
      fail_input("{}: is no checkpoint of this version of neurons; train anew", source_);
    }
    if (!file_.is_checked) fail_input("{}: is damaged: it has no checksum; train anew", source_);
    Checkpoint checkpoint;
    TrainingState& training = checkpoint.training;
    visit_numbers(training, [&](const std::string& name, auto& number) { read(name, number); });
    for (const auto& [name, value] : file_.metadata) {
      if (name.starts_with(kItem)) checkpoint.fingerprint.emplace(name.substr(kItem.size()), value);
      if (name.starts_with(kEngine)) read(name, checkpoint.engine.numbers[name.substr(kEngine.size())]);
    }
    for (auto& [name, tensor] : file_.tensors) {
      if (name.starts_with(kEngine)) {
        checkpoint.engine.tensors.emplace(name.substr(kEngine.size()), std::move(tensor));
      } else if (name.starts_with(kBest)) {
        training.best_weights.emplace(name.substr(kBest.size()), std::move(tensor));
      }
    }
    const auto history = file_.tensors.find(std::string(kHistory));
    if (history == file_.tensors.end()) fail_input("{}: has no \"{}\"", source_, kHistory);
    read_history(history->second, training.epochs);
    return checkpoint;
  }

 private:
  const std::string& text(const std::string& name) const {
    if (const auto found = file_.metadata.find(name); found != file_.metadata.end()) return found->second;
    fail_input("{}: has no \"{}\"", source_, name);
  }

  template <typename Number>
  void read(const std::string& name, Number& number) const {
    if (!read_number(text(name), number)) fail_input("{}: its \"{}\" is no number: {}", source_, name, text(name));
  }

  void read_history(const Tensor& history, std::vector<EpochRecord>& epochs) const {
    if (history.dtype() != DType::f64 || history.shape().rank() != 2 || history.shape()[1] != kRecordNumbers) {
      fail_input("{}: its history is {}", source_, history.type().to_string());
    }
    const auto numbers = history.values<double>();
    for (std::size_t next = 0; next < numbers.size();) {
      visit_record(epochs.emplace_back(), [&]<typename Number>(Number& number) { number = static_cast<Number>(numbers[next++]); });
    }
  }

  TensorFile file_;
  const std::string& source_;
};

}  // namespace

std::string format_checkpoint(const Checkpoint& checkpoint) {
  TensorFile file;
  file.metadata.emplace("kind", kKind);
  for (const auto& [item, value] : checkpoint.fingerprint) file.metadata.emplace(std::string(kItem) + item, value);
  for (const auto& [name, number] : checkpoint.engine.numbers) file.metadata.emplace(std::string(kEngine) + name, text_of(number));
  visit_numbers(checkpoint.training, [&](const std::string& name, auto number) { file.metadata.emplace(name, text_of(number)); });
  for (const auto& [name, tensor] : checkpoint.engine.tensors) file.tensors.emplace(std::string(kEngine) + name, tensor);
  for (const auto& [name, tensor] : checkpoint.training.best_weights) file.tensors.emplace(std::string(kBest) + name, tensor);
  file.tensors.emplace(kHistory, history_of(checkpoint.training.epochs));
  return format_safetensors(file);
}

Checkpoint parse_checkpoint(std::span<const std::byte> bytes, const std::string& source) {
  return Reader(parse_safetensors(bytes, source), source).run();
}

}  // namespace neurons
