/// neurons parity MODEL.onnx: layer by layer, what is computed here beside what ONNX Runtime computes.

#include <memory>

#include "apps/cli/arguments.hpp"
#include "apps/cli/node_script.hpp"
#include "apps/cli/session.hpp"
#include "apps/cli/terminal.hpp"
#include "neurons/base/error.hpp"
#include "neurons/base/temporary_folder.hpp"
#include "neurons/data/readers/npy.hpp"
#include "neurons/formats/onnx/parity.hpp"
#include "neurons/ops/ops.hpp"

namespace neurons::cli {
namespace {

struct ParityArguments {
  std::filesystem::path model;
  std::filesystem::path recorded;
  std::filesystem::path all_outputs;
  std::filesystem::path onnxruntime;  ///< the node_modules folder
  int batch = 1;
  double tolerance = onnx::kParityTolerance;
};

Json to_json(const onnx::ValueParity& value) {
  return {{"value", value.value},
          {"node", value.node},
          {"agrees", value.agrees},
          {"elements", value.elements},
          {"differing", value.differing},
          {"largest_difference", std::isfinite(value.largest) ? Json(value.largest) : Json()},
          {"summary", onnx::to_string(value)}};
}

int compare_with(Session& session, const onnx::Model& model, const std::filesystem::path& recorded,
                 const ParityArguments& arguments) {
  const onnx::Parity parity = onnx::compare(model, ops::table(), read_npz(recorded), arguments.tolerance);
  if (parity.values.empty()) fail_input("{}: holds no value that {} computes", recorded.string(), arguments.model.string());
  Json values = Json::array();
  for (const onnx::ValueParity& value : parity.values) values.push_back(to_json(value));
  const auto first = std::ranges::find(parity.values, false, &onnx::ValueParity::agrees);
  const auto agreeing = std::ranges::count(parity.values, true, &onnx::ValueParity::agrees);
  const auto before = first - parity.values.begin();
  if (first == parity.values.end()) {
    const auto worst = std::ranges::max_element(parity.values, {}, &onnx::ValueParity::largest);
    session.say("all {} values agree; the largest difference is {:.2g}% of a number, in \"{}\"", parity.values.size(),
                100 * worst->largest, printable(worst->value));
  } else {
    session.say("{}", printable(onnx::to_string(*first)));
    session.say("{} value{} before it agree{}; in all, {} of {} do", before, before == 1 ? "" : "s", before == 1 ? "s" : "",
                agreeing, parity.values.size());
  }
  if (!parity.not_compared.empty()) {
    session.say("not compared, as they were known before the run: {} values", parity.not_compared.size());
  }
  session.answer() = {{"agrees", first == parity.values.end()},
                      {"first_difference", first == parity.values.end() ? Json() : to_json(*first)},
                      {"values", values},
                      {"not_compared", parity.not_compared}};
  return first == parity.values.end() ? kDone : kFailed;
}

/// What ONNX Runtime computes now, on inputs drawn at random.
int compare_with_onnxruntime(Session& session, const onnx::Model& model, const ParityArguments& arguments) {
  const TemporaryFolder folder;
  onnx::write(folder / "all.onnx", onnx::with_all_outputs(model));
  NodeScript script(kRecordActivations, arguments.onnxruntime,
                    {(folder / "all.onnx").string(), (folder / "recorded.npz").string(), std::to_string(arguments.batch)});
  session.say("ONNX Runtime {}", printable(script.answer()["version"].get<std::string>()));
  return compare_with(session, model, folder / "recorded.npz", arguments);
}

int run_parity(Session& session, const ParityArguments& arguments) {
  const onnx::Model model = onnx::read(arguments.model);
  if (!arguments.onnxruntime.empty()) return compare_with_onnxruntime(session, model, arguments);
  if (!arguments.recorded.empty()) return compare_with(session, model, arguments.recorded, arguments);
  if (arguments.all_outputs.empty()) {
    fail_input(
        "parity: give --onnxruntime NODE_MODULES to compare with ONNX Runtime, or --recorded FILE.npz with what it has computed "
        "(scripts/record_activations.py)");
  }
  onnx::write(arguments.all_outputs, onnx::with_all_outputs(model));
  session.say("wrote {}", arguments.all_outputs.string());
  session.answer() = {{"wrote", arguments.all_outputs.string()}};
  return kDone;
}

}  // namespace

void add_parity(CLI::App& app, Session& session) {
  const auto arguments = std::make_shared<ParityArguments>();
  CLI::App* command = session.add_command(
      app, "parity", "Compare an ONNX model layer by layer with ONNX Runtime, or with what another runtime has recorded",
      "  neurons parity model.onnx --onnxruntime node_modules\n"
      "  neurons parity model.onnx --recorded activations.npz\n"
      "  neurons parity model.onnx --all-outputs all.onnx   # for the runtime that records",
      [&session, arguments] { return run_parity(session, *arguments); });
  command->add_option("MODEL", arguments->model, "An .onnx file")->required();
  CLI::Option* recorded = command->add_option(
      "--recorded", arguments->recorded,
      "Arrays by the names of the model's values, its inputs among them (scripts/record_activations.py makes them)");
  CLI::Option* all =
      command->add_option("--all-outputs", arguments->all_outputs, "Only write the model with every value as an output")
          ->excludes(recorded);
  CLI::Option* onnxruntime = command
                                 ->add_option("--onnxruntime", arguments->onnxruntime,
                                              "Run ONNX Runtime now: the node_modules folder with onnxruntime-node")
                                 ->excludes(recorded)
                                 ->excludes(all);
  command->add_option("--batch", arguments->batch, "Extents that the model leaves open, for ONNX Runtime (1)")
      ->check(whole_number(1))
      ->needs(onnxruntime);
  command->add_option("--tolerance", arguments->tolerance, "Share of a number by which it may differ (1e-4)")
      ->check(CLI::PositiveNumber);
}

}  // namespace neurons::cli
