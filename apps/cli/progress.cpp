#include "apps/cli/progress.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace neurons::cli {
namespace {

constexpr std::int64_t kMostRows = 20;  ///< of a training with quick epochs
constexpr double kSlowEpoch = 2.0;      ///< seconds without a row after which the next epoch gets one
constexpr int kNarrowestBar = 8;
constexpr int kWidestBar = 32;

std::string number(double value) { return std::isfinite(value) ? fmt::format("{:.4f}", value) : "-"; }

/// As many cells as fit, two blanks between them.
std::string joined(const std::vector<std::string>& cells, int limit) {
  std::string text;
  for (const std::string& cell : cells) {
    if (!text.empty() && static_cast<int>(text.size() + cell.size()) + 2 >= limit) break;
    text += (text.empty() ? "" : "  ") + cell;
  }
  return text;
}

}  // namespace

Progress::Progress(std::int64_t epochs, bool classification, bool validation)
    : epochs_(epochs), classification_(classification), validation_(validation) {}

void Progress::clear() {
  if (bar_drawn_) tell("\r\x1b[2K");
  bar_drawn_ = false;
}

void Progress::row(const std::string& cells) {
  clear();
  tell(cells + "\n");
}

void Progress::epoch(const EpochRecord& record) {
  last_row_seconds_ += record.seconds;
  const std::int64_t stride = (epochs_ + kMostRows - 1) / kMostRows;
  const bool due = record.epoch == 1 || record.epoch % stride == 0 || record.epoch == epochs_ || last_row_seconds_ >= kSlowEpoch;
  if (!due) return;
  last_row_seconds_ = 0;
  const Terminal terminal = Terminal::of(stderr);
  const int limit = terminal.is_terminal ? terminal.width : 1000;
  if (!header_written_) row(terminal.dim(joined(header(), limit)));
  header_written_ = true;
  std::vector<std::string> cells = {fmt::format("{:>{}}", fmt::format("{}/{}", record.epoch, epochs_), epoch_width()),
                                    fmt::format("{:>8}", number(record.loss))};
  if (classification_) cells.push_back(fmt::format("{:>8}", percent(record.accuracy)));
  if (validation_) {
    cells.push_back(fmt::format("{:>10}", number(record.validation_loss)));
    cells.push_back(fmt::format(
        "{:>8}", classification_ ? percent(record.validation_accuracy) : fmt::format("{:.5g}", record.validation_rmse)));
  }
  cells.push_back(fmt::format("{:>7}", duration(record.seconds)));
  cells.push_back(fmt::format("{:>9.2e}", record.learning_rate));
  row(joined(cells, limit));
}

int Progress::epoch_width() const { return std::max(5, 2 * static_cast<int>(std::to_string(epochs_).size()) + 1); }

std::vector<std::string> Progress::header() const {
  std::vector<std::string> cells = {fmt::format("{:>{}}", "epoch", epoch_width()), fmt::format("{:>8}", "loss")};
  if (classification_) cells.push_back(fmt::format("{:>8}", "accuracy"));
  if (validation_) {
    cells.push_back(fmt::format("{:>10}", "validation"));
    cells.push_back(fmt::format("{:>8}", classification_ ? "accuracy" : "rmse"));
  }
  cells.push_back(fmt::format("{:>7}", "time"));
  cells.push_back(fmt::format("{:>9}", "rate"));
  return cells;
}

std::string Progress::bar(double share, int width) const {
  const Terminal terminal = Terminal::of(stderr);
  const int full = std::clamp(static_cast<int>(std::lround(share * width)), 0, width);
  std::string done;
  std::string rest;
  for (int i = 0; i < width; ++i) (i < full ? done : rest) += terminal.unicode ? "━" : i < full ? "#" : "-";
  if (!terminal.colour && terminal.unicode) {  // without colour the rest must look different
    rest.clear();
    for (int i = full; i < width; ++i) rest += "─";
  }
  return terminal.cyan(done) + terminal.dim(rest);
}

void Progress::step(const StepRecord& record) {
  const Terminal terminal = Terminal::of(stderr);
  if (!terminal.is_terminal) return;
  const std::string head = fmt::format("{:>{}}", fmt::format("{}/{}", record.epoch, record.epochs), epoch_width());
  // What stands right of the bar, the most important first; what does not fit is left out.
  std::vector<std::string> fields = {fmt::format("loss {}", number(record.loss))};
  if (classification_) fields.push_back(percent(record.accuracy));
  fields.push_back(fmt::format("{} left", duration(record.seconds_left)));
  fields.push_back(fmt::format("{} samples/s", brief(record.samples_per_second)));
  const int room = terminal.width - 1 - static_cast<int>(head.size()) - 2 - kNarrowestBar;
  std::string tail;
  for (const std::string& field : fields) {
    if (static_cast<int>(tail.size() + field.size()) + 2 <= room) tail += "  " + field;
  }
  const int width = std::min(kWidestBar, terminal.width - 1 - static_cast<int>(head.size() + tail.size()) - 2);
  const double share = record.steps > 0 ? static_cast<double>(record.step) / static_cast<double>(record.steps) : 0;
  tell(fmt::format("\r\x1b[2K{}  {}{}", head, width > 0 ? bar(share, width) : "", tail));
  bar_drawn_ = true;
}

}  // namespace neurons::cli
