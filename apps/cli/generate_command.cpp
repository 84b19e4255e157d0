/// neurons generate MODEL: text that goes on from a prompt.

#include <cstdio>

#include "apps/cli/arguments.hpp"
#include "apps/cli/reports.hpp"
#include "apps/cli/session.hpp"
#include "neurons/spec/generate.hpp"

namespace neurons::cli {
namespace {

struct GenerateArguments {
  std::filesystem::path model;
  GenerateOptions options;
  std::optional<std::int64_t> window;
};

int generate_text(Session& session, GenerateArguments& arguments) {
  const Model model = in_window(open_model(arguments.model), arguments.window);
  std::string before = arguments.options.prompt;
  arguments.options.on_text = [&](std::string_view text) {
    session.print(before + std::string(text));
    before.clear();
    std::fflush(stdout);
  };
  std::string text;
  try {
    text = generate(model, arguments.options);
  } catch (...) {
    if (before.empty()) session.print("\n");  // an error has a line of its own
    throw;
  }
  session.print("\n");
  session.answer() = {{"prompt", arguments.options.prompt}, {"text", text}, {"seed", arguments.options.seed}};
  return kDone;
}

}  // namespace

void add_generate(CLI::App& app, Session& session) {
  const auto arguments = std::make_shared<GenerateArguments>();
  GenerateOptions& options = arguments->options;
  CLI::App* command =
      session.add_command(app, "generate", "Write a text that goes on from a prompt, with a model of a text",
                          "  neurons generate runs/lstm --prompt \"Call me \"\n"
                          "  neurons generate runs/lstm --prompt \"The whale\" --length 500 --temperature 0.7 --seed 2",
                          [&session, arguments] { return generate_text(session, *arguments); });
  command->add_option("MODEL", arguments->model, "A run folder, or an .onnx or .safetensors file of a run")->required();
  command->add_option("--prompt", options.prompt, "What to go on from (a line end)");
  command->add_option("--length", options.length, "Tokens to write (200)")->check(whole_number<std::int64_t>(1));
  command->add_option("--window", arguments->window, kWindowHelp)->check(whole_number<std::int64_t>(1));
  command->add_option("--temperature", options.temperature, "Below 1 bolder, above 1 more various, 0 always the likeliest (1)");
  command->add_option("--top-k", options.top_k, "Draw among so many of the likeliest tokens (0: all)")
      ->check(whole_number<std::int64_t>(0));
  command->add_option("--top-p", options.top_p, "Draw among the fewest that together have this probability (1)")
      ->check(positive_number());
  command->add_option("--seed", options.seed, "The same seed gives the same text (0)")->check(whole_number<std::uint64_t>(0));
}

}  // namespace neurons::cli
