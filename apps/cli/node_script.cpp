#include "apps/cli/node_script.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "neurons/base/error.hpp"

extern char** environ;

namespace neurons::cli {
namespace {

std::string package_of(const std::filesystem::path& modules) {
  if (!std::filesystem::exists(modules / "onnxruntime-node/package.json")) {
    fail_input(
        "{}: holds no onnxruntime-node; expected a node_modules folder with it: npm install --ignore-scripts --prefix FOLDER "
        "onnxruntime-node makes FOLDER/node_modules",
        modules.string());
  }
  return "NODE_PATH=" + std::filesystem::absolute(modules).string();
}

}  // namespace

NodeScript::NodeScript(std::string_view script, const std::filesystem::path& modules, const std::vector<std::string>& arguments) {
  std::string packages = package_of(modules);
  // As if the text were a file: process.argv holds node, the script, its arguments.
  std::vector<std::string> words{"node", "-e", "process.argv.splice(1, 0, 'script');\n" + std::string(script), "--"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> command;
  for (std::string& word : words) command.push_back(word.data());
  command.push_back(nullptr);
  std::vector<char*> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (!std::string_view(*entry).starts_with("NODE_PATH=")) environment.push_back(*entry);
  }
  environment.push_back(packages.data());
  environment.push_back(nullptr);

  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
    fail_run("no socket for Node.js: {}", std::strerror(errno));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  const int error = ::posix_spawnp(&process_, "node", &actions, nullptr, command.data(), environment.data());
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  socket_ = ends[0];
  if (error != 0) {
    ::close(socket_);
    fail_input("node: {}; Node.js must be installed and in PATH", std::strerror(error));
  }
}

NodeScript::~NodeScript() {
  ::close(socket_);
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
}

void NodeScript::say(const std::string& line) {
  const std::string text = line + '\n';  // short: one call takes it
  if (::send(socket_, text.data(), text.size(), MSG_NOSIGNAL) < 0)
    fail_run("ONNX Runtime in Node.js has ended: {}", std::strerror(errno));
}

Json NodeScript::answer() {
  std::size_t end = 0;
  while ((end = read_.find('\n')) == std::string::npos) {
    std::array<char, 4096> some{};
    const ssize_t count = ::read(socket_, some.data(), some.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) fail_run("ONNX Runtime in Node.js ended without an answer");
    read_.append(some.data(), static_cast<std::size_t>(count));
  }
  const std::string line = read_.substr(0, end);
  read_.erase(0, end + 1);
  Json result = Json::parse(line, nullptr, false);
  if (result.is_discarded()) fail_run("ONNX Runtime in Node.js: expected a line of JSON, found \"{}\"", line);
  if (result.contains("error")) fail_run("ONNX Runtime in Node.js: {}", result["error"].get<std::string>());
  return result;
}

void NodeScript::pause() { ::kill(process_, SIGSTOP); }
void NodeScript::go_on() { ::kill(process_, SIGCONT); }

}  // namespace neurons::cli
