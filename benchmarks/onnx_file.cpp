#include "benchmarks/onnx_file.hpp"

#include <algorithm>

#include "neurons/base/random.hpp"
#include "neurons/formats/onnx/importer.hpp"
#include "neurons/ops/ops.hpp"

namespace neurons::benchmarks {
namespace {

/// The model with its weights as states, which a plan stores as its kernels want them.
struct Loaded {
  Graph graph{ops::table()};
  std::shared_ptr<StateStore> weights = std::make_shared<StateStore>(ops::table());
};

Loaded load(const std::filesystem::path& file) {
  Loaded loaded;
  const onnx::Model model = onnx::read(file);
  onnx::ImportOptions options;
  options.single_precision = true;
  std::vector<const onnx::TensorData*> weights;
  options.initializer = [&](Graph& graph, const onnx::TensorData& data, const TensorType& type, onnx::Role) {
    weights.push_back(&data);
    return graph.state(data.name, type);
  };
  loaded.graph = onnx::to_graph(model, ops::table(), options);
  for (const onnx::TensorData* data : weights) {
    loaded.weights->set(data->name, onnx::to_tensor(*data, model.folder).cast(loaded.graph.find(data->name).type().dtype));
  }
  return loaded;
}

double weighted_sums(const Graph& graph) {
  double flops = 0;
  for (const Node& node : graph.nodes()) {
    const bool counts = node.op->name == "Gemm" || node.op->name == "MatMul" || node.op->name == "Conv";
    if (counts && node.op->flops) flops += node.op->flops(NodeContext(graph, node).context);
  }
  return flops;
}

}  // namespace

OnnxJob::OnnxJob(const std::filesystem::path& file, std::shared_ptr<ThreadTeam> team)
    : plan_([&] {
        const Loaded loaded = load(file);
        flops_ = weighted_sums(loaded.graph);
        CompileOptions options;
        options.team = std::move(team);
        return compile(loaded.graph, loaded.weights, options);
      }()) {
  RandomStream random(1);
  for (const ValueInfo& value : plan_.graph().values()) {
    if (value.kind != ValueKind::input) continue;
    const TensorView view = plan_.input(value.name);
    std::ranges::fill(view.bytes(), std::byte{0});
    if (view.dtype != DType::f32) continue;
    for (float& number : view.values<float>()) number = static_cast<float>(random.uniform());
  }
}

}  // namespace neurons::benchmarks
