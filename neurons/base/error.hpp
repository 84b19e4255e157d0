#pragma once
/// Errors that a person can act on: what was expected, what was found, where, what to do.

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace neurons {

/// The base of every exception that this library throws on purpose.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What the caller gave is wrong: a shape that does not fit, an unknown name, a malformed file. The command line exits with 2.
class InputError : public Error {
 public:
  using Error::Error;
};

/// The job itself failed: a full disk, a loss that became NaN. The command line exits with 1.
class RuntimeError : public Error {
 public:
  using Error::Error;
};

/// Throws InputError with a formatted message.
template <typename... Arguments>
[[noreturn]] void fail_input(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  throw InputError(fmt::format(format, std::forward<Arguments>(arguments)...));
}

/// Throws RuntimeError with a formatted message.
template <typename... Arguments>
[[noreturn]] void fail_run(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  throw RuntimeError(fmt::format(format, std::forward<Arguments>(arguments)...));
}

}  // namespace neurons
