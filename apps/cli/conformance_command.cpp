/// neurons conformance DIR…: ONNX's published test cases, run here.

#include <map>
#include <memory>

#include "apps/cli/session.hpp"
#include "apps/cli/terminal.hpp"
#include "neurons/formats/onnx/test_case.hpp"
#include "neurons/ops/ops.hpp"

namespace neurons::cli {
namespace {

struct ConformanceArguments {
  std::vector<std::filesystem::path> folders;
  bool failures = false;
};

std::string word(onnx::CaseResult::Outcome outcome) {
  using Outcome = onnx::CaseResult::Outcome;
  return outcome == Outcome::passed ? "pass" : outcome == Outcome::failed ? "FAIL" : "skip";
}

int conform(Session& session, const ConformanceArguments& arguments) {
  using Outcome = onnx::CaseResult::Outcome;
  std::map<Outcome, std::size_t> counts;
  Json cases = Json::array();
  for (const auto& folder : arguments.folders) {
    for (const auto& path : onnx::find_cases(folder)) {
      const onnx::CaseResult result = onnx::run_case(path, ops::table());
      ++counts[result.outcome];
      const bool passed = result.outcome == Outcome::passed;
      const std::string reason = passed ? "" : ": " + printable(result.reason);
      if (!passed || !arguments.failures) session.say("{}  {}{}", word(result.outcome), printable(result.name), reason);
      cases.push_back({{"name", result.name},
                       {"folder", path.string()},
                       {"outcome", passed                              ? "passed"
                                   : result.outcome == Outcome::failed ? "failed"
                                                                       : "skipped"},
                       {"reason", result.reason}});
    }
  }
  const std::size_t passed = counts[Outcome::passed];
  session.say("{} of {} passed, {} failed, {} skipped (operators that are not known here)", passed, cases.size(),
              counts[Outcome::failed], counts[Outcome::skipped]);
  const std::size_t count = cases.size();
  session.answer() = {
      {"passed", passed}, {"failed", counts[Outcome::failed]}, {"skipped", counts[Outcome::skipped]}, {"cases", std::move(cases)}};
  return passed == count ? kDone : kFailed;
}

}  // namespace

void add_conformance(CLI::App& app, Session& session) {
  const auto arguments = std::make_shared<ConformanceArguments>();
  CLI::App* command = session.add_command(app, "conformance", "Run ONNX's test cases: folders with model.onnx and test_data_set_*",
                                          "  neurons conformance /usr/share/libonnx-testdata/data/node\n"
                                          "  neurons conformance backend/test/data/node/test_relu --json",
                                          [&session, arguments] { return conform(session, *arguments); });
  command->add_option("DIR", arguments->folders, "A test case, or a folder of them")->required();
  command->add_flag("--failures", arguments->failures, "Print only the cases that do not pass");
}

}  // namespace neurons::cli
