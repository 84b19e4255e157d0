#include "neurons/graph/kinds.hpp"

#include <map>

#include "neurons/layers/activations.hpp"
#include "neurons/layers/attention.hpp"
#include "neurons/layers/convolutions.hpp"
#include "neurons/layers/dense.hpp"
#include "neurons/layers/dropout.hpp"
#include "neurons/layers/embedding.hpp"
#include "neurons/layers/normalizations.hpp"
#include "neurons/layers/over_time.hpp"
#include "neurons/layers/pools.hpp"
#include "neurons/layers/recurrent.hpp"
#include "neurons/layers/resizing.hpp"
#include "neurons/layers/shapes.hpp"
#include "neurons/layers/temporal_conv.hpp"
#include "neurons/layers/time_distributed.hpp"
#include "neurons/layers/transformer.hpp"

namespace neurons {

const std::map<std::string, Layer>& layer_kinds() {
  static const auto kKinds =
      table_of_kinds<Layer, Dense, Conv1d, Conv2d, Conv3d, DepthwiseConv2d, SeparableConv2d, ConvTranspose1d, ConvTranspose2d,
                     ConvTranspose3d, MaxPool1d, MaxPool2d, MaxPool3d, AveragePool1d, AveragePool2d, AveragePool3d, LpPool1d,
                     LpPool2d, LpPool3d, GlobalMaxPool, GlobalAveragePool, BatchNorm, LayerNorm, GroupNorm, InstanceNorm, RmsNorm,
                     LocalResponseNorm, SimpleRnn, Lstm, Gru, Dropout, SpatialDropout, Upsample2d, Resize2d, Flatten, Reshape, Add,
                     Multiply, Concatenate, Embedding, PositionalEncoding, LearnedPositions, PaddingMask, MultiHeadAttention,
                     TransformerEncoder, TransformerDecoder, TemporalConv, LastStep, MeanOverTime, AttentionPool, FoldTime,
                     UnfoldTime, Identity, Relu, Relu6, LeakyRelu, PRelu, Elu, Selu, Celu, Gelu, Silu, Mish, Softplus, Softsign,
                     Sigmoid, HardSigmoid, Tanh, HardSwish, Softmax, LogSoftmax>();
  return kKinds;
}

const Layer& layer_of_kind(const std::string& kind) { return find_kind(layer_kinds(), "layer or activation", kind); }

const Layer& activation_of_kind(const std::string& kind) {
  static const auto kActivations = [] {
    std::map<std::string, Layer> kinds = layer_kinds();
    std::erase_if(kinds, [](const auto& entry) { return !entry.second.is_activation(); });
    return kinds;
  }();
  return find_kind(kActivations, "activation", kind);
}

}  // namespace neurons
