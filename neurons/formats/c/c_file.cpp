#include "neurons/formats/c/c_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "neurons/base/error.hpp"

namespace neurons::c {
namespace {

constexpr std::size_t kNumbersInALine = 8;

/// Words of C99, and names of its headers and of generated functions, that no layer's name may become.
const std::set<std::string>& words() {
  static const std::set<std::string> kWords = {
      "auto",   "break",  "case",   "char",   "const",  "continue", "default",   "do",    "double",   "else",     "enum",
      "extern", "float",  "for",    "goto",   "if",     "inline",   "int",       "long",  "register", "restrict", "return",
      "short",  "signed", "sizeof", "static", "struct", "switch",   "typedef",   "union", "unsigned", "void",     "volatile",
      "while",  "_Bool",  "main",   "input",  "output", "memory",   "scratch",   "sin",   "cos",      "tan",      "exp",
      "log",    "erf",    "erfc",   "gamma",  "pow",    "sqrt",     "round",     "floor", "ceil",     "tanh",     "fabs",
      "y0",     "y1",     "yn",     "j0",     "j1",     "jn",       "remainder", "rint",  "trunc",    "fma",      "fmax",
      "fmin",   "index",  "NAN",    "expf",   "tanhf",  "logf",     "sqrtf",     "erfcf", "log1pf"};
  return kWords;
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

std::string literal(float value) {
  if (std::isnan(value)) return "NAN";
  if (std::isinf(value)) return value > 0 ? "HUGE_VALF" : "-HUGE_VALF";
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text + "f";
}

std::string comment_text(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const bool plain = c >= ' ' && c <= '~' && c != '?';
    const bool ends = c == '/' && !result.empty() && result.back() == '*';
    const bool begins = c == '*' && !result.empty() && result.back() == '/';
    result += !plain || ends || begins ? '_' : c;
  }
  return result;
}

std::string string_literal(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\' || c == '?') {
      result += std::string("\\") + c;
    } else if (c >= ' ' && c <= '~') {
      result += c;
    } else {
      result += fmt::format("\\{:03o}", static_cast<unsigned char>(c));
    }
  }
  return result + "\"";
}

std::string counted(std::int64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string identifier_of(std::string_view text, std::string_view otherwise) {
  std::string result;
  for (const char c : text) {
    const char kept = is_letter(c) || is_digit(c) ? c : '_';
    if (kept != '_' || (!result.empty() && result.back() != '_')) result += kept;
  }
  while (!result.empty() && result.back() == '_') result.pop_back();
  if (result.empty()) return std::string(otherwise);
  return is_digit(result.front()) ? fmt::format("{}_{}", otherwise, result) : result;
}

std::string CFile::unused(std::string_view text) {
  const std::string base = identifier_of(text, "layer");
  std::string name = base;
  const auto is_taken = [&] { return taken_.contains(name) || locals_.contains(name) || words().contains(name); };
  for (int number = 2; is_taken(); ++number) name = fmt::format("{}_{}", base, number);
  taken_.insert(name);
  return name;
}

std::string CFile::local(std::string_view text, std::set<std::string>& own) {
  const std::string base = identifier_of(text, "values");
  std::string name = base;
  const auto is_taken = [&] { return taken_.contains(name) || own.contains(name) || words().contains(name); };
  for (int number = 2; is_taken(); ++number) name = fmt::format("{}_{}", base, number);
  own.insert(name);
  locals_.insert(name);
  return name;
}

void CFile::use(const Snippet& snippet) {
  if (std::ranges::find(snippets_, &snippet) != snippets_.end()) return;
  for (const Snippet* needed : snippet.needs) use(*needed);
  snippets_.push_back(&snippet);
  for (const std::string_view function : snippet.functions) taken_.emplace(function);
}

std::string CFile::array(std::string_view name, std::span<const float> values, std::string_view comment) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i]))
      fail_input("c: {}: number {} of {} is {}; plain C takes finite weights", name, i, values.size(), values[i]);
  }
  const auto same = [&](const Array& array) {
    return std::ranges::equal(array.values, values, [](float a, float b) { return a == b && std::signbit(a) == std::signbit(b); });
  };
  if (const auto found = std::ranges::find_if(arrays_, same); found != arrays_.end()) return found->name;
  arrays_.push_back({unused(name), std::string(comment), {values.begin(), values.end()}});
  numbers_ += static_cast<std::int64_t>(values.size());
  return arrays_.back().name;
}

std::string CFile::layer(std::string_view type, std::string_view name, const std::vector<std::string>& lines,
                         std::string_view comment) {
  std::string body;
  for (const std::string& line : lines) body += fmt::format("    {},\n", line);
  const auto [place, added] = layer_names_.try_emplace(fmt::format("{} {}", type, body));
  if (!added) return place->second;
  place->second = unused(name);
  layers_ += fmt::format("/* {} */\nstatic const {} {} = {{\n{}}};\n\n", comment, type, place->second, body);
  return place->second;
}

std::string CFile::snippets() const {
  std::string text;
  for (const Snippet* snippet : snippets_) text += snippet->code + "\n";
  return text;
}

bool CFile::uses_math(std::string_view calls) const {
  constexpr std::string_view kFunctions[] = {"expf(",   "tanhf(", "logf(",  "sqrtf(", "erfcf(",    "log1pf(", "fabsf(",
                                             "expm1f(", "fmaxf(", "fminf(", "erff(",  "HUGE_VALF", "NAN"};
  return std::ranges::any_of(kFunctions, [&](std::string_view name) {
    const auto uses = [&](const Snippet* snippet) { return snippet->code.find(name) != std::string::npos; };
    return calls.find(name) != std::string_view::npos || std::ranges::any_of(snippets_, uses);
  });
}

std::string CFile::array_declarations() const {
  std::string text;
  for (const Array& array : arrays_)
    text += fmt::format("static const float {}[{}]; /* {} */\n", array.name, array.values.size(), array.comment);
  return text;
}

std::string CFile::arrays() const {
  std::string text;
  for (const Array& array : arrays_) {
    text += fmt::format("\n/* {} */\nstatic const float {}[{}] = {{", array.comment, array.name, array.values.size());
    for (std::size_t i = 0; i < array.values.size(); ++i) {
      text += i % kNumbersInALine == 0 ? "\n    " : " ";
      text += literal(array.values[i]) + (i + 1 < array.values.size() ? "," : "");
    }
    text += "\n};\n";
  }
  return text;
}

}  // namespace neurons::c
