#pragma once
/// What the files of reductions have in common.

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "neurons/graph/graph.hpp"
#include "neurons/kernels/rows.hpp"

namespace neurons::ops {

struct ReductionOptions {
  std::vector<std::int64_t> axes;     ///< negative ones count from the end; none: all
  bool keep_dims = true;              ///< reduced axes stay, with extent 1
  bool noop_with_empty_axes = false;  ///< no axes: reduce none instead of all

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("axes", self.axes);
    visit("keep_dims", self.keep_dims);
    visit("noop_with_empty_axes", self.noop_with_empty_axes);
  }
  /// Which axes of `shape` are reduced. Throws InputError for an axis out of range or named twice.
  std::vector<bool> reduced(const Shape& shape) const;
  /// The result's shape with the reduced axes kept at extent 1.
  Shape kept_shape(const Shape& shape) const;
};

/// A reduction with options ReductionOptions, computed by `reduction` in f32 and by `reference` (all elements that fall on one
/// result) in double. `single` is the value for one element alone (null: the element). Sets everything but gradient and samples'
/// fills, which are `fill`.
struct ReductionRule {
  std::string name;
  std::string summary;
  kernels::Reduction reduction = kernels::Reduction::sum;
  std::function<double(std::span<const double>)> reference;
  std::function<Value(Value)> single;
  std::function<void(GradientContext&)> gradient;
};
OpDef reduction_op(ReductionRule rule, Sample::Fill fill);

/// Name, options, shapes and samples of a reduction of numbers; computing it is left to the caller.
OpDef reduction_frame(std::string name, std::string summary, Sample::Fill fill);

/// For decompositions: rule(x); for whole numbers that of them as f64, cut to a whole number, as ONNX's own decompositions do.
Value through_floats(Value x, const std::function<Value(Value)>& rule);

/// For gradient rules: dy (or y) with the reduced axes kept, to broadcast against the input.
Value with_kept_axes(GradientContext& context, Value value);

}  // namespace neurons::ops
