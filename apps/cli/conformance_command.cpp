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

int conform(Session& session, const ConformanceArguments& arguments) {
  std::size_t passed = 0;
  Json failed = Json::array();
  std::size_t count = 0;
  for (const auto& folder : arguments.folders) {
    for (const auto& path : onnx::find_cases(folder)) {
      const onnx::CaseResult result = onnx::run_case(path, ops::table());
      ++count;
      if (result.passed) {
        ++passed;
        if (!arguments.failures) session.say("pass  {}", printable(result.name));
      } else {
        session.say("FAIL  {}: {}", printable(result.name), printable(result.reason));
        failed.push_back({{"case", path.string()}, {"reason", result.reason}});
      }
    }
  }
  session.say("{} of {} passed", passed, count);
  session.answer() = {{"cases", count}, {"passed", passed}, {"failed", failed}};
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
  command->add_flag("--failures", arguments->failures, "Print only the cases that fail");
}

}  // namespace neurons::cli
