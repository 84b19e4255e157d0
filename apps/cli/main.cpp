#include <algorithm>

#include "apps/cli/session.hpp"
#include "neurons/base/suggest.hpp"

namespace {

using namespace neurons;
using namespace neurons::cli;

/// What CLI11 says of arguments it does not know, with the nearest name.
std::string explain(const CLI::App& app, const CLI::ParseError& error, int argument_count, char** arguments) {
  std::vector<std::string> commands;
  for (const CLI::App* command : app.get_subcommands({})) commands.push_back(command->get_name());
  const auto chosen = app.get_subcommands();
  if (chosen.empty()) {
    if (argument_count < 2) return "which command? see neurons --help";
    return fmt::format("unknown command \"{}\"{}; see neurons --help", arguments[1], did_you_mean(arguments[1], commands));
  }
  const CLI::App* command = chosen.front();
  std::string hint;
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
    std::vector<std::string> options;
    for (const CLI::Option* option : command->get_options()) options.push_back("--" + option->get_single_name());
    for (const std::string& extra : command->remaining()) {
      if (hint.empty() && extra.starts_with("-")) hint = did_you_mean(extra.substr(0, extra.find('=')), options);
    }
  }
  std::string message = error.what();
  std::ranges::replace(message, '\n', ' ');
  return fmt::format("{}: {}{}; see neurons {} --help", command->get_name(), message, hint, command->get_name());
}

}  // namespace

int main(int argument_count, char** arguments) {
  CLI::App app("Design, train, understand and ship neural networks.", "neurons");
  Session session;
  add_commands(app, session);
  app.require_subcommand(1);
  app.set_version_flag("--version", "neurons " NEURONS_VERSION);
  app.footer("neurons COMMAND --help explains a command, with examples.");
  try {
    app.parse(argument_count, arguments);
  } catch (const CLI::Success& help) {  // --help, --version
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    complain(explain(app, error, argument_count, arguments));
    return kWrongUsage;
  }
  return session.run();
}
