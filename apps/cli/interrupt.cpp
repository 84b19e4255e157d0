#include "apps/cli/interrupt.hpp"

#include <csignal>

namespace neurons::cli {
namespace {

std::atomic<bool> asked = false;
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may only touch lock-free atomics");

void ask(int) { asked.store(true); }

void handle(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART | static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

}  // namespace

Interrupt::Interrupt() { handle(ask); }
Interrupt::~Interrupt() { handle(SIG_DFL); }
std::atomic<bool>* Interrupt::flag() { return &asked; }

}  // namespace neurons::cli
