#pragma once
/// Texts as a spec asks for them: read, parted in their order, made tokens, cut into windows.

#include <filesystem>

#include "neurons/spec/load_data.hpp"

namespace neurons {

/// Parts that the spec asks for by share or number of characters; the tokenizer is `fitted`, or (null) learns from the training
/// part alone. Throws InputError for a path that is no text, for parts too short for a window, and as read_text() does.
LoadedData load_text(const std::filesystem::path& path, const Spec& spec, const Tokenizer* fitted = nullptr);

/// The whole text at `path`, each token of it to be judged once.
Dataset load_all_tokens(const std::filesystem::path& path, const Spec& spec, const Tokenizer& tokenizer);

}  // namespace neurons
