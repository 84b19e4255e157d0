#include "apps/cli/interrupt.hpp"

#include <unistd.h>

#include <csignal>
#include <string_view>

#include "apps/cli/session.hpp"

namespace neurons::cli {
namespace {

std::atomic<bool> asked = false;
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may only touch lock-free atomics");

std::atomic<bool> as_json = false;

/// May call nothing that a signal can find half done.
void leave(int) {
  const auto say = [](int stream, std::string_view text) {
    [[maybe_unused]] const ssize_t told = ::write(stream, text.data(), text.size());
  };
  say(STDERR_FILENO, "neurons: interrupted before training began; nothing is written\n");
  if (as_json.load()) say(STDOUT_FILENO, "{\"error\": \"interrupted before training began; nothing is written\"}\n");
  ::_exit(kFailed);
}

void ask(int) { asked.store(true); }

void handle(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART | static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

}  // namespace

Interrupt::Interrupt(bool json) {
  as_json.store(json);
  handle(leave);
}
void Interrupt::wait() { handle(ask); }
Interrupt::~Interrupt() { handle(SIG_DFL); }
std::atomic<bool>* Interrupt::flag() { return &asked; }

}  // namespace neurons::cli
