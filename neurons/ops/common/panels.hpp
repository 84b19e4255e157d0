#pragma once
/// Weights in panels, as the weighted-sum ops see them.

#include <optional>

#include "neurons/graph/graph.hpp"
#include "neurons/kernels/weighted_sum.hpp"

namespace neurons::ops {

/// Options of PackPanels and UnpackPanels.
struct PanelOptions {
  std::int64_t inputs = 0;
  std::int64_t outputs = 0;
  bool transposed = false;  ///< the plain form is [outputs, inputs] (as in PyTorch) instead of [inputs, outputs]
  /// Above 0: the plain inputs are an image of so many channels, channel by channel; the packed ones are its pixels, channels last.
  std::int64_t channels = 0;
  bool by_output = false;  ///< as PanelShape::by_output

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("inputs", self.inputs);
    visit("outputs", self.outputs);
    visit("transposed", self.transposed);
    visit("channels", self.channels);
    visit("by_output", self.by_output);
  }
  kernels::PanelShape shape() const { return {inputs, outputs, by_output}; }
  Shape plain_shape() const { return transposed ? Shape{outputs, inputs} : Shape{inputs, outputs}; }
  Shape packed_shape() const { return {shape().panels(), inputs, shape().width()}; }
  /// Strides of the plain form along inputs and outputs.
  std::int64_t input_stride() const { return transposed ? 1 : outputs; }
  std::int64_t output_stride() const { return transposed ? inputs : 1; }
  /// The place among the plain inputs of a packed one.
  std::int64_t plain_input(std::int64_t packed) const {
    return channels == 0 ? packed : packed % channels * (inputs / channels) + packed / channels;
  }
  bool operator==(const PanelOptions&) const = default;
};

/// Of the weights of a weighted sum.
PanelOptions weight_options(std::int64_t inputs, std::int64_t outputs, bool transposed = false, std::int64_t channels = 0);

/// If `value` is UnpackPanels(packed): the packed value and its options.
struct Unpacked {
  Value packed;
  PanelOptions options;
};
std::optional<Unpacked> unpacked(const Value& value);

/// The node that computes `value`, or null.
const Node* producer(const Value& value);

/// Panels in double precision as plain [inputs][outputs] rows, and back (padding 0).
std::vector<double> plain_from_panels(const PanelOptions& options, const std::vector<double>& panels);
std::vector<double> panels_from_plain(const PanelOptions& options, const std::vector<double>& plain);

}  // namespace neurons::ops
