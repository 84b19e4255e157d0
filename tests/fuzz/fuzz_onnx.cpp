// ONNX's reader and importer on any bytes: they read them or throw an error; what was read, is written and read again. `neurons
// check` looks at it, too, where it is small.

#include <cstdint>
#include <span>

#include "neurons/formats/onnx/check.hpp"
#include "neurons/formats/onnx/importer.hpp"
#include "neurons/ops/ops.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace neurons;
  constexpr std::size_t kMostNodes = 16;
  constexpr std::int64_t kMostElements = 1 << 16;
  onnx::Model model;
  try {
    model = onnx::parse(std::as_bytes(std::span(data, size)), "input");
  } catch (const InputError&) {
    return 0;
  }
  const std::string bytes = onnx::format(model);
  const onnx::Model again = onnx::parse(std::as_bytes(std::span(bytes)), "output");  // what was written must be readable
  try {
    const Graph graph = onnx::to_graph(model, ops::table());
    for (const ValueInfo& info : graph.values()) {
      if (info.type.shape.elements() > kMostElements) return 0;
    }
    if (model.graph.nodes.size() <= kMostNodes) onnx::check(model, ops::table());
  } catch (const Error&) {
  }
  return 0;
}
