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

}  // namespace

LoadedData load_text(const fs::path& path, const DataSpec& spec, const Tokenizer* fitted) {
  const TextOptions& options = *spec.text;
  const std::string text = text_at(path);
  const ChronologicalParts parts = part_in_order(spec, count_characters(text), path.string());
  const std::string_view train = characters_of(text, parts.train);
  LoadedData loaded;
  loaded.tokenizer = fitted != nullptr ? *fitted : Tokenizer::train(train, options.tokens, options.vocabulary);
  const Tokenizer& tokenizer = *loaded.tokenizer;
  const std::int64_t stride = options.stride > 0 ? options.stride : options.length;
  loaded.train = token_windows(tokenizer, tokenizer.encode(train), options.length, stride, path.string() + ", the training part");
  const auto judged = [&](const StepRange& range, std::string_view part) -> std::optional<Dataset> {
    if (range.count() == 0) return std::nullopt;
    return judged_windows(tokenizer, tokenizer.encode(characters_of(text, range)), options.length,
                          fmt::format("{}, the {} part", path.string(), part));
  };
  loaded.validation = judged(parts.validation, "validation");
  loaded.test = judged(parts.test, "test");
  return loaded;
}

Dataset load_all_tokens(const fs::path& path, const DataSpec& spec, const Tokenizer& tokenizer) {
  return judged_windows(tokenizer, tokenizer.encode(text_at(path)), spec.text->length, path.string());
}

}  // namespace neurons
