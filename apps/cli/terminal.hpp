#pragma once
/// What the terminal behind stderr or stdout can do, and words in colour where it can.

#include <cstdio>
#include <string>
#include <string_view>

namespace neurons::cli {

struct Terminal {
  /// Of the stream as it is now.
  static Terminal of(std::FILE* stream);

  bool is_terminal = false;
  bool colour = false;   ///< a terminal, and neither NO_COLOR nor TERM=dumb says no
  bool unicode = false;  ///< the locale's characters are UTF-8
  int width = 80;        ///< columns, now

  std::string bold(std::string_view text) const { return styled("1", text); }
  std::string dim(std::string_view text) const { return styled("2", text); }
  std::string cyan(std::string_view text) const { return styled("36", text); }

 private:
  std::string styled(std::string_view code, std::string_view text) const;
};

/// Writes to stderr, if that can be written to: a job does not fail for what it cannot say.
void tell(std::string_view text);

/// What a file holds may not end a line or speak to the terminal: control characters as "\x0a".
std::string printable(std::string_view text);

/// "1,234,567"
std::string grouped(std::int64_t number);
/// "0.21 s", "12.3 s", "3:07", "2:03:07"
std::string duration(double seconds);
/// "812", "12.3k", "4.56M": three digits
std::string brief(double number);
/// "97.61%"
std::string percent(double share);

}  // namespace neurons::cli
