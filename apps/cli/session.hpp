#pragma once
/// What the commands share: one call of the program, from its arguments to its exit code.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace neurons::cli {

constexpr int kDone = 0;
constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;

using Json = nlohmann::ordered_json;

class Session {
 public:
  /// Where commands look for the folder data/, after the spec's own folder: here, and beside the program.
  static std::vector<std::filesystem::path> places();

  /// A new command. `action` runs once all arguments are read and gives the exit code. Every command has --json.
  CLI::App* add_command(CLI::App& app, const std::string& name, const std::string& description, const std::string& examples,
                        std::function<int()> action);

  bool json() const { return json_; }
  /// A line for people, on stdout; nothing with --json.
  template <typename... Arguments>
  void say(fmt::format_string<Arguments...> format, Arguments&&... arguments) const {
    if (!json_) print(fmt::format(format, std::forward<Arguments>(arguments)...) + '\n');
  }
  void print(const std::string& text) const;
  /// The answer to --json: print() writes it at the end, once.
  Json& answer() { return answer_; }

  /// Runs the chosen command. Errors become one sentence on stderr and the exit code of the contract.
  int run();
  /// The exit code of arguments that could not be read, after saying so.
  int refuse(const std::string& message, bool json);
  /// Writes the answer and flushes stdout: the exit code `code`, or 1 if that cannot be done.
  int finish(int code);

 private:
  bool json_ = false;
  Json answer_ = Json::object();
  std::string command_;
  std::function<int()> action_;
};

/// Adds all commands (made by CMake from their list).
void add_commands(CLI::App& app, Session& session);

/// One line on stderr: "neurons: MESSAGE".
void complain(const std::string& message);

}  // namespace neurons::cli
