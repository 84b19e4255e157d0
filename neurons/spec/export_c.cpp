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

/// Throws where a sample is not one row of the input: two rows must give twice the numbers that one gives.
void require_rows(const Network& network, const Graph& of_one) {
  std::optional<Graph> of_two;
  try {
    of_two = onnx::graph_with_all_outputs(network, 2);
  } catch (const InputError&) {  // it takes no other batch than one
    return;
  }
  for (std::size_t i = 0; i < of_one.outputs().size(); ++i) {
    const Shape& one = of_one.info(of_one.outputs()[i].value).type.shape;
    const Shape& two = of_two->info(of_two->outputs()[i].value).type.shape;
    if (two.elements() == 2 * one.elements()) continue;
    fail_input(
        "c: the output \"{}\" is {} for one sample and {} for two along the first axis of the input; plain C takes one sample "
        "a call: let the model take samples along its first axis (in PyTorch, batch_first=True)",
        of_one.outputs()[i].name, one.to_string(), two.to_string());
  }
}

}  // namespace

ExportedFiles export_c(const Model& model, const ExportOptions& options) {
  const Graph of_one = onnx::graph_with_all_outputs(model.network, 1);
  require_rows(model.network, of_one);
  const RawGraph whole = with_raw_numbers(of_one, model);
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
