#include <optional>

#include "neurons/base/atomic_file.hpp"
#include "neurons/formats/c/c_source.hpp"
#include "neurons/formats/onnx/imported_model.hpp"
#include "neurons/layers/step_graph.hpp"
#include "neurons/spec/export_model.hpp"
#include "neurons/spec/raw_graph.hpp"
#include "neurons/training/stream.hpp"

namespace neurons {
namespace {

/// The graph of one step, of networks that can go step by step.
std::optional<Graph> graph_of_step(const Network& network) {
  try {
    const Stream can_be_made(network);
  } catch (const InputError&) {
    return std::nullopt;
  }
  return std::move(step_graph(network).graph);
}

}  // namespace

ExportedFiles export_c(const Model& model, const ExportOptions& options) {
  const RawGraph whole = with_raw_numbers(onnx::graph_with_all_outputs(model.network, 1), model);
  std::optional<Graph> step = graph_of_step(model.network);
  if (step) step = with_raw_numbers(*step, model).graph;
  const CSource source = to_c(whole.graph, model.network.parameters(),
                              {.name = options.name,
                               .origin = model.file.string(),
                               .input = whole.numbers.input,
                               .output = whole.numbers.output,
                               .class_names = model.class_names,
                               .input_names = whole.numbers.input_names,
                               .output_names = whole.numbers.output_names},
                              step ? &*step : nullptr);
  const std::filesystem::path code = options.folder / (source.name + ".c");
  const std::filesystem::path header = options.folder / (source.name + ".h");
  write_file_atomically(code, source.source);
  write_file_atomically(header, source.header);
  return {{code, header}, "compile it with: cc -std=c99 -O3 -c " + code.string()};
}

}  // namespace neurons
