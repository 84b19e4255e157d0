#include "neurons/training/run_folder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>

#include "neurons/base/atomic_file.hpp"

namespace neurons {
namespace {

namespace fs = std::filesystem;

std::string json_number(double number) {
  if (std::isinf(number)) return number > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  return fmt::format("{}", number);
}

[[noreturn]] void fail_write(const fs::path& path, int error) {
  fail_run("{}: cannot be written: {}", path.string(), std::strerror(error));
}

}  // namespace

std::string to_json(const EpochRecord& record) {
  std::string text = fmt::format(R"({{"epoch": {}, "step": {})", record.epoch, record.step);
  const auto add = [&](std::string_view name, double number) {
    if (!std::isnan(number)) text += fmt::format(R"(, "{}": {})", name, json_number(number));
  };
  add("loss", record.loss);
  add("accuracy", record.accuracy);
  add("validation_loss", record.validation_loss);
  add("validation_accuracy", record.validation_accuracy);
  add("validation_rmse", record.validation_rmse);
  add("learning_rate", record.learning_rate);
  add("seconds", record.seconds);
  return text + "}";
}

RunLock::RunLock(const fs::path& folder) : file_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (file_ < 0 || ::flock(file_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return;
  ::close(file_);
  fail_input("{}: another run writes into this folder; choose another one, or wait for its end", folder.string());
}

RunLock::~RunLock() {
  if (file_ >= 0) ::close(file_);
}

void RunFolder::create() const {
  const fs::path folder = checkpoint_path().parent_path();
  std::error_code error;
  fs::create_directories(folder, error);
  if (!error && !fs::is_directory(folder)) error = std::make_error_code(std::errc::not_a_directory);
  if (error) fail_run("{}: the run folder cannot be made: {}", path_.string(), error.message());
}

void RunFolder::remove_left_overs() const {
  std::error_code error;
  for (const fs::path& place : {path_, checkpoint_path().parent_path()}) {
    for (const auto& entry : fs::directory_iterator(place, error)) {
      for (const fs::path& ours : {checkpoint_path(), metrics_path(), model_path()}) {
        const bool left_over = entry.path().filename().string().starts_with(ours.filename().string() + ".tmp-");
        std::error_code ignored;  // it is in nobody's way
        if (left_over && entry.path().parent_path() == ours.parent_path()) fs::remove(entry.path(), ignored);
      }
    }
  }
}

void RunFolder::write_checkpoint(std::string_view bytes, const std::atomic<bool>* interrupt) const {
  write_file_atomically(checkpoint_path(), std::as_bytes(std::span(bytes)), interrupt);
}

Checkpoint RunFolder::read_checkpoint() const {
  std::error_code error;
  if (!fs::exists(checkpoint_path(), error)) {
    fail_input("{}: there is no checkpoint to resume from; train without resume first", checkpoint_path().string());
  }
  const std::string bytes = read_file(checkpoint_path());
  return parse_checkpoint(std::as_bytes(std::span(bytes)), checkpoint_path().string());
}

void RunFolder::write_metrics(const std::vector<EpochRecord>& epochs) const {
  std::string text;
  for (const EpochRecord& record : epochs) text += to_json(record) + "\n";
  write_file_atomically(metrics_path(), text);
}

void RunFolder::append_metrics(const EpochRecord& record) const {
  const std::string line = to_json(record) + "\n";
  const int file = ::open(metrics_path().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file < 0) fail_write(metrics_path(), errno);
  const off_t before = ::lseek(file, 0, SEEK_END);
  const ssize_t written = ::write(file, line.data(), line.size());
  const bool whole = written == static_cast<ssize_t>(line.size());
  const int reason = written < 0 ? errno : ENOSPC;
  const bool cut = whole || ::ftruncate(file, before) == 0;  // no half line stays
  const int closed = ::close(file);
  if (!whole || !cut || closed != 0) fail_write(metrics_path(), reason);
}

void RunFolder::write_model(const Network& network, const std::map<std::string, std::string>& metadata) const {
  write_safetensors(model_path(), {network.parameters(), metadata});
}

void RunFolder::remove_model() const {
  std::error_code error;
  fs::remove(model_path(), error);
  if (error) fail_run("{}: cannot be replaced: {}", model_path().string(), error.message());
}

}  // namespace neurons
