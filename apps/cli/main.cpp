#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <span>

#include "apps/cli/session.hpp"
#include "neurons/base/suggest.hpp"

namespace {

using namespace neurons;
using namespace neurons::cli;

/// A file may not get the number of a closed stream, and with it what is written there; and a file that grows beyond the user's
/// limit is an error to report like a full disk, no death by signal.
void prepare_process() {
  int file = 0;
  while (file >= 0 && file <= STDERR_FILENO) file = ::open("/dev/null", O_RDONLY);  // lowest free number first
  if (file > STDERR_FILENO) ::close(file);
  std::signal(SIGXFSZ, SIG_IGN);
}

std::vector<std::string> names_of_commands(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  return names;
}

/// What CLI11 says of arguments it does not know, with the nearest name.
std::string explain(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App* command = &app;
  std::string path = app.get_name();
  while (!command->get_subcommands().empty()) {
    command = command->get_subcommands().front();
    path += " " + command->get_name();
  }
  const auto commands = names_of_commands(*command);
  const auto rest = command->remaining(true);
  if (!commands.empty()) {
    if (rest.empty()) return fmt::format("which command? see {} --help", path);
    if (rest.front().starts_with('-')) return fmt::format("{} goes behind a command; see {} --help", rest.front(), path);
    return fmt::format("unknown command \"{}\"{}; see {} --help", rest.front(), did_you_mean(rest.front(), commands), path);
  }
  std::string hint;
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
    std::vector<std::string> options;
    for (const CLI::Option* option : command->get_options()) options.push_back("--" + option->get_single_name());
    for (const std::string& extra : rest) {
      if (hint.empty() && extra.starts_with("-")) hint = did_you_mean(extra.substr(0, extra.find('=')), options);
    }
  }
  std::string message = error.what();
  std::ranges::replace(message, '\n', ' ');
  return fmt::format("{}: {}{}; see {} --help", command->get_name(), message, hint, path);
}

/// An option that is given says something: "--data $UNSET" is a mistake, not the default. A prompt may be empty.
void refuse_empty_values(CLI::App& app) {
  for (CLI::Option* option : app.get_options()) {
    if (option->check_lname("prompt")) continue;
    option->check(
        CLI::Validator([](const std::string& value) { return std::string(value.empty() ? "must not be empty" : ""); }, ""));
  }
  for (CLI::App* command : app.get_subcommands({})) refuse_empty_values(*command);
}

int run(int argument_count, char** arguments) {
  prepare_process();
  CLI::App app("Design, train, understand and ship neural networks.", "neurons");
  Session session;
  add_commands(app, session);
  refuse_empty_values(app);
  app.require_subcommand(1);
  app.set_version_flag("--version", "neurons " NEURONS_VERSION);
  app.footer("neurons COMMAND --help explains a command, with examples.");
  try {
    app.parse(argument_count, arguments);
  } catch (const CLI::Success& help) {  // --help, --version
    app.exit(help);
    return session.finish(kDone);
  } catch (const CLI::ParseError& error) {
    const std::span<char*> all(arguments, static_cast<std::size_t>(argument_count));
    const bool json = std::ranges::any_of(all, [](const char* argument) { return std::string_view(argument) == "--json"; });
    return session.refuse(explain(app, error), json);
  }
  return session.run();
}

}  // namespace

int main(int argument_count, char** arguments) {
  try {
    return run(argument_count, arguments);
  } catch (const std::exception& error) {
    std::fputs(error.what(), stderr);
  } catch (...) {
    std::fputs("an error without a description", stderr);
  }
  std::fputc('\n', stderr);
  return kFailed;
}
