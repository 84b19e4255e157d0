#pragma once
/// Text that goes on from a prompt, token by token, each drawn from what the network expects next.

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "neurons/spec/model.hpp"

namespace neurons {

struct GenerateOptions {
  std::string prompt = "\n";
  std::int64_t length = 200;  ///< tokens
  double temperature = 1;     ///< logits are divided by it: below 1 bolder, above 1 more various; 0: always the likeliest token
  std::int64_t top_k = 0;     ///< draw among so many of the likeliest; 0: all
  double top_p = 1;           ///< draw among the fewest likeliest that together have this probability
  std::uint64_t seed = 0;     ///< the same seed gives the same text
  int threads = 1;            ///< 0: one for each core
  std::function<void(std::string_view)> on_text = nullptr;  ///< each token as soon as it is drawn
};

/// What follows the prompt. A recurrent network reads token by token and remembers all of them, as a Stream does; any other sees
/// the last ones, at most as many as in training, each time anew. Throws InputError for a model that was not trained on a text, one
/// that looks ahead of the step it labels, one that gives a number that is not finite (and says where it comes from), an empty
/// prompt or one with characters that the model has never seen, and numbers out of range.
std::string generate(const Model& model, const GenerateOptions& options = {});

/// A token drawn by its logit: `uniform` from [0, 1) decides.
std::int64_t draw_token(std::span<const float> logits, const GenerateOptions& options, double uniform);

}  // namespace neurons
