#include "neurons/spec/load_text.hpp"

#include "neurons/base/error.hpp"
#include "neurons/data/readers/source.hpp"
#include "neurons/data/readers/text.hpp"
#include "neurons/data/sequences/token_windows.hpp"
#include "neurons/data/utf8.hpp"
#include "neurons/spec/chronological.hpp"

namespace neurons {
namespace fs = std::filesystem;

namespace {

std::string text_at(const fs::path& path) {
  if (source_kind(path) != SourceKind::text) {
    fail_input("[data] text is for texts, but {} holds {}", path.string(), name_of(source_kind(path)));
  }
  return read_text(text_file_of(path));
}

/// The characters of `range`.
std::string_view characters_of(std::string_view text, const StepRange& range) {
  const auto bytes_of = [&](std::size_t begin, std::int64_t characters) {
    std::size_t end = begin;
    for (std::int64_t i = 0; i < characters; ++i) end += character_length(text.substr(end));
    return end - begin;
  };
  const std::size_t first = bytes_of(0, range.first);
  return text.substr(first, bytes_of(first, range.count()));
}

Dataset windows_to_judge(const Spec& spec, const Tokenizer& tokenizer, std::string_view text, const std::string& source) {
  const auto windows = spec.training.options.carry_state ? stream_windows : judged_windows;
  return windows(tokenizer, tokenizer.encode(text), spec.data.text->length, source);
}

}  // namespace

LoadedData load_text(const fs::path& path, const Spec& spec, const Tokenizer* fitted) {
  const TextOptions& options = *spec.data.text;
  const std::string text = text_at(path);
  const ChronologicalParts parts = part_in_order(spec.data, count_characters(text), path.string());
  const std::string_view train = characters_of(text, parts.train);
  LoadedData loaded;
  loaded.tokenizer = fitted != nullptr ? *fitted : Tokenizer::train(train, options.tokens, options.vocabulary);
  const Tokenizer& tokenizer = *loaded.tokenizer;
  const std::int64_t stride = options.stride > 0 ? options.stride : options.length;
  loaded.train = token_windows(tokenizer, tokenizer.encode(train), options.length, stride, path.string() + ", the training part");
  const auto judged = [&](const StepRange& range, std::string_view part) -> std::optional<Dataset> {
    if (range.count() == 0) return std::nullopt;
    return windows_to_judge(spec, tokenizer, characters_of(text, range), fmt::format("{}, the {} part", path.string(), part));
  };
  loaded.validation = judged(parts.validation, "validation");
  loaded.test = judged(parts.test, "test");
  return loaded;
}

Dataset load_all_tokens(const fs::path& path, const Spec& spec, const Tokenizer& tokenizer) {
  return windows_to_judge(spec, tokenizer, text_at(path), path.string());
}

}  // namespace neurons
