#include <algorithm>

#include "neurons/ops/common/choose.hpp"
#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/move.hpp"

namespace neurons::ops {
namespace {

struct TriluOptions {
  bool upper = true;
  std::int64_t k = 0;  ///< the diagonal that is the edge: above (1, 2, …) or below (-1, …) the main one

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("upper", self.upper);
    visit("k", self.k);
  }
  bool keeps(std::int64_t row, std::int64_t column) const { return upper ? column - row >= k : column - row <= k; }
};

std::vector<Value> decompose(const RewriteContext& context) {
  const auto& options = context.options.as<TriluOptions>();
  const Value x = context.inputs[0];
  const Shape& shape = x.shape();
  Tensor mask(TensorType{DType::boolean, {shape[-2], shape[-1]}});
  const auto kept = mask.values<bool>();
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const auto place = static_cast<std::int64_t>(i);
    kept[i] = options.keeps(place / shape[-1], place % shape[-1]);
  }
  return {choose(context.graph.constant(std::move(mask)), x, 0.0)};
}

void reference(const ReferenceContext& context) {
  const auto& options = context.as<TriluOptions>();
  const ReferenceTensor& x = *context.inputs[0];
  for (std::int64_t place = 0; place < x.elements(); ++place) {
    const auto index = index_of(place, x.type.shape);
    const auto at = static_cast<std::size_t>(place);
    context.outputs[0].data[at] = options.keeps(index.end()[-2], index.back()) ? x.data[at] : 0;
  }
}

std::vector<Sample> samples() {
  std::vector<Sample> result;
  for (const bool upper : {true, false}) {
    for (const std::int64_t k : {0, 1, -2, 99, -99}) {
      result.push_back({{{{DType::f32, {4, 5}}}}, TriluOptions{upper, k}, "a matrix"});
      result.push_back({{{{DType::i64, {2, 3, 2}}, Sample::Fill::index, 9}}, TriluOptions{upper, k}, "tall ones of integers"});
    }
  }
  result.push_back({{{{DType::f32, {3, 0, 5}}}}, TriluOptions{}, "no rows"});
  result.push_back({{{{DType::boolean, {3, 3}}, Sample::Fill::boolean}}, TriluOptions{}, "truth values"});
  return result;
}

}  // namespace

std::vector<OpDef> trilu() {
  OpDef op = mover("Trilu", "The upper or lower triangle of the last two axes, 0 elsewhere", 14, TriluOptions{});
  op.onnx_inputs = {{1, "k", 14}};
  op.infer = [](const InferContext& context) -> std::vector<TensorType> {
    if (context.shape(0).rank() < 2) context.fail("expects a matrix, or a stack of some");
    return {context.inputs[0]};
  };
  op.reference = reference;
  replace_by(op, decompose);
  op.samples = samples;
  return {std::move(op)};
}

}  // namespace neurons::ops
