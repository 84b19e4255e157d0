#include "neurons/formats/c/emitters.hpp"

namespace neurons::c {

const Emitters& emitters() {
  static const Emitters kEmitters = [] {
    Emitters table;
    for (const auto add :
         {add_dense, add_convolutions, add_pools, add_activations, add_arithmetic, add_rows, add_recurrent, add_moves}) {
      add(table);
    }
    return table;
  }();
  return kEmitters;
}

std::string onnx_name(const std::string& op) {
  static const std::map<std::string, std::string> kNames = {
      {"ConvolutionSum", "Conv"}, {"ConvolutionSumInputGradient", "ConvTranspose"}, {"MultiplyAdd", "BatchNormalization"}};
  const auto found = kNames.find(op);
  return found == kNames.end() ? op : found->second;
}

}  // namespace neurons::c
