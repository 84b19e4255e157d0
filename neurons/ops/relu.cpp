#include "neurons/kernels/elementwise.hpp"
#include "neurons/ops/common/elementwise.hpp"

namespace neurons::ops {

std::vector<OpDef> relu() {
  Activation activation;
  activation.forward = unary("Relu", "y = max(x, 0); NaN stays NaN", kernels::relu, [](double x) { return x <= 0 ? 0 : x; });
  activation.forward.onnx = {{"Relu", 6, ""}};
  activation.gradient_function = kernels::relu_gradient_from_output;
  activation.derivative = [](const double* y, const Options&) { return *y > 0 ? 1.0 : 0.0; };
  activation.saved = Saved::output;
  activation.derivative_graph = [](Value y, const Options&) {
    Graph& graph = y.graph();
    return graph.emit("Where", {graph.emit("Greater", {y, graph.scalar(0)}), graph.scalar(1), graph.scalar(0)});
  };
  return with_derivative(std::move(activation));
}

}  // namespace neurons::ops
