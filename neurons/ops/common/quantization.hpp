#pragma once
/// Real numbers as bytes: x ≈ (q - zero point) · scale.

#include "neurons/graph/graph.hpp"

namespace neurons::ops {

struct QuantizationOptions {
  std::int64_t axis = 1;  ///< along which scales and zero points stand, where there is more than one

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("axis", self.axis);
  }
};

/// Throws through context.fail unless scale (input 1) and zero point (2, optional, of type `zero`) fit x.
void check_quantization(const InferContext& context, DType zero);

/// A scale or zero point to broadcast against x.
Value along_quantized_axis(Value value, const Value& x, const Options& options);
/// The same for references: the number for element `place` of x.
double quantization_at(const ReferenceTensor& values, std::int64_t place, const Shape& x, const Options& options);

/// round(x / scale) + zero as bytes, where both are floats that broadcast: values beyond 0 and 255 become these.
Value as_bytes(Value x, Value scale, Value zero);

}  // namespace neurons::ops
