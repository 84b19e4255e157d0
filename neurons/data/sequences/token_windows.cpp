#include "neurons/data/sequences/token_windows.hpp"

#include <algorithm>
#include <vector>

#include "neurons/base/error.hpp"

namespace neurons {
namespace {

void require_window(std::span<const std::int64_t> tokens, std::int64_t length, const std::string& source) {
  if (static_cast<std::int64_t>(tokens.size()) > length) return;
  fail_input("{}: {} tokens, but a window takes {} and the one after; shorten length in [data] text, or give more text", source,
             tokens.size(), length);
}

/// The windows that begin at `starts`, labelled; `judged[i]` steps at the front of window i have no label.
Dataset cut_tokens(const Tokenizer& tokenizer, std::span<const std::int64_t> tokens, std::int64_t length,
                   const std::vector<std::int64_t>& starts, const std::string& source) {
  const auto width = static_cast<std::size_t>(length);
  Dataset data;
  data.source = source;
  data.class_names = tokenizer.names();
  data.inputs = Tensor(DType::i64, {static_cast<std::int64_t>(starts.size()), length});
  data.targets = Tensor(DType::i64, data.inputs.shape());
  auto input = data.inputs.values<std::int64_t>().begin();
  auto label = data.targets.values<std::int64_t>().begin();
  for (const std::int64_t start : starts) {
    const auto window = tokens.subspan(static_cast<std::size_t>(start), width + 1);
    input = std::ranges::copy(window.first(width), input).out;
    label = std::ranges::copy(window.last(width), label).out;
  }
  return data;
}

}  // namespace

Dataset token_windows(const Tokenizer& tokenizer, std::span<const std::int64_t> tokens, std::int64_t length, std::int64_t stride,
                      const std::string& source) {
  require_window(tokens, length, source);
  std::vector<std::int64_t> starts;
  for (std::int64_t start = 0; start + length < static_cast<std::int64_t>(tokens.size()); start += stride) starts.push_back(start);
  return cut_tokens(tokenizer, tokens, length, starts, source);
}

Dataset judged_windows(const Tokenizer& tokenizer, std::span<const std::int64_t> tokens, std::int64_t length,
                       const std::string& source) {
  require_window(tokens, length, source);
  const std::int64_t last = static_cast<std::int64_t>(tokens.size()) - length - 1;
  const std::int64_t step = std::max<std::int64_t>(1, length / 2);
  std::vector<std::int64_t> starts;
  for (std::int64_t start = 0; start < last; start += step) starts.push_back(start);
  starts.push_back(last);
  Dataset data = cut_tokens(tokenizer, tokens, length, starts, source);
  for (std::size_t i = 1; i < starts.size(); ++i) {
    const auto labels = data.targets.values<std::int64_t>().subspan(i * static_cast<std::size_t>(length));
    std::ranges::fill(labels.first(static_cast<std::size_t>(starts[i - 1] + length - starts[i])), kIgnoredLabel);
  }
  return data;
}

Dataset stream_windows(const Tokenizer& tokenizer, std::span<const std::int64_t> tokens, std::int64_t length,
                       const std::string& source) {
  require_window(tokens, length, source);
  const auto judged = static_cast<std::int64_t>(tokens.size()) - 1;
  std::vector<std::int64_t> padded(tokens.begin(), tokens.end());
  padded.resize(static_cast<std::size_t>((judged + length - 1) / length * length + 1));
  Dataset data = token_windows(tokenizer, padded, length, length, source);
  std::ranges::fill(data.targets.values<std::int64_t>().subspan(static_cast<std::size_t>(judged)), kIgnoredLabel);
  return data;
}

}  // namespace neurons
