#pragma once
/// Checks of numeric arguments. CLI11's own conversion wraps negative numbers round and cuts those too large.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>
#include <limits>
#include <string>

#include "neurons/base/thread_team.hpp"

namespace neurons::cli {

/// A whole number that fits into `Number`, from `smallest` to `largest`.
template <typename Number>
CLI::Validator whole_number(Number smallest, Number largest = std::numeric_limits<Number>::max()) {
  const auto check = [smallest, largest](const std::string& text) -> std::string {
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size() && number >= smallest && number <= largest) return "";
    return fmt::format("expected a whole number from {} to {}, found \"{}\"", smallest, largest, text);
  };
  return CLI::Validator(check, "");
}

/// Of threads; 0: one for each core.
inline CLI::Validator thread_count() { return whole_number(0, ThreadTeam::kMaxThreads); }

/// --decimal, of the numbers in a CSV file.
inline void add_decimal(CLI::App& command, std::string& decimal) {
  command.add_option("--decimal", decimal, "What stands before the fraction of a CSV file's numbers, instead of the spec's (.)")
      ->check(CLI::IsMember({".", ","}));
}

/// A finite number above 0.
inline CLI::Validator positive_number() {
  const auto check = [](const std::string& text) -> std::string {
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size() && number > 0 && std::isfinite(number)) return "";
    return fmt::format("expected a number above 0, found \"{}\"", text);
  };
  return CLI::Validator(check, "");
}

}  // namespace neurons::cli
