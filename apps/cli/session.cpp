#include "apps/cli/session.hpp"

#include <cstdio>
#include <new>

#include "apps/cli/terminal.hpp"
#include "neurons/base/error.hpp"

namespace neurons::cli {
namespace fs = std::filesystem;

std::vector<fs::path> Session::places() {
  std::error_code ignored;
  std::vector<fs::path> places = {fs::current_path(ignored)};
  const fs::path program = fs::read_symlink("/proc/self/exe", ignored);
  if (!program.empty()) {
    places.push_back(program.parent_path());
    places.push_back(program.parent_path().parent_path() / "share" / "neurons");  // where it is installed
  }
  return places;
}

CLI::App* Session::add_command(CLI::App& app, const std::string& name, const std::string& description, const std::string& examples,
                               std::function<int()> action) {
  CLI::App* command = app.add_subcommand(name, description);
  command->footer("Examples:\n" + examples);
  command->add_flag("--json", json_, "Print exactly one JSON object on stdout, all else on stderr");
  command->callback([this, name, action = std::move(action)] {
    command_ = name;
    action_ = action;
  });
  return command;
}

void Session::print(const std::string& text) const {
  if (!json_) std::fwrite(text.data(), 1, text.size(), stdout);
}

int Session::run() {
  const auto fail = [this](int code, const std::string& message) {
    complain(message);
    answer_ = {{"error", message}};
    return code;
  };
  int code = kDone;
  try {
    code = action_();
  } catch (const InputError& error) {
    code = fail(kWrongUsage, error.what());
  } catch (const Error& error) {
    code = fail(kFailed, error.what());
  } catch (const std::bad_alloc&) {
    code = fail(kFailed, "there is not enough memory for this; try a smaller network or batch");
  } catch (const fs::filesystem_error& error) {
    code = fail(kFailed, fmt::format("{}: {}", error.path1().string(), error.code().message()));
  } catch (const std::exception& error) {
    code = fail(kFailed, fmt::format("{}: an unexpected fault inside neurons ({}); please report it with this command line",
                                     command_, error.what()));
  }
  return finish(code);
}

int Session::refuse(const std::string& message, bool json) {
  complain(message);
  json_ = json;
  answer_ = {{"error", message}};
  return finish(kWrongUsage);
}

int Session::finish(int code) {
  if (json_) {
    const std::string text = answer_.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
    std::fwrite(text.data(), 1, text.size(), stdout);
  }
  const bool written = std::ferror(stdout) == 0 && std::fflush(stdout) == 0;
  if (written || code != kDone) return code;
  complain("the output could not be written");
  return kFailed;
}

void complain(const std::string& message) { tell(fmt::format("neurons: {}\n", printable(message))); }

}  // namespace neurons::cli
