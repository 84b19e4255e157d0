#include <algorithm>
#include <cstring>

#include "neurons/ops/common/move.hpp"
#include "neurons/tensor/convert.hpp"

namespace neurons::ops {
namespace {

struct ReverseSequenceOptions {
  std::int64_t batch_axis = 1;  ///< one of both is 0, the other 1
  std::int64_t time_axis = 0;

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("batch_axis", self.batch_axis);
    visit("time_axis", self.time_axis);
  }
};

std::vector<TensorType> infer(const InferContext& context) {
  const auto& options = context.as<ReverseSequenceOptions>();
  const Shape& x = context.shape(0);
  if (x.rank() < 2) context.fail("expects an axis of time and one of the batch");
  const bool time_first = options.time_axis == 0 && options.batch_axis == 1;
  if (!time_first && !(options.batch_axis == 0 && options.time_axis == 1)) {
    context.fail("batch_axis = {} and time_axis = {}: expected 0 and 1, or 1 and 0", options.batch_axis, options.time_axis);
  }
  const TensorType lengths{DType::i64, {x[static_cast<int>(options.batch_axis)]}};
  if (context.inputs[1] != lengths) context.fail("expects lengths {}", lengths.to_string());
  return {context.inputs[0]};
}

/// Steps of blocks: calls visit(block in y, block in x).
template <typename Length, typename Visit>
void for_each_step(const Shape& x, bool time_first, Length length, Visit visit) noexcept {
  const std::int64_t steps = x[time_first ? 0 : 1];
  const std::int64_t batch = x[time_first ? 1 : 0];
  for (std::int64_t b = 0; b < batch; ++b) {
    const std::int64_t reversed = std::clamp<std::int64_t>(length(b), 0, steps);
    for (std::int64_t t = 0; t < steps; ++t) {
      const std::int64_t source = t < reversed ? reversed - 1 - t : t;
      visit(time_first ? t * batch + b : b * steps + t, time_first ? source * batch + b : b * steps + source);
    }
  }
}

struct ReverseCall {
  Buffer x;
  const std::int64_t* lengths = nullptr;
  std::byte* y = nullptr;
  bool time_first = true;
};

void run(const ReverseCall& call, std::byte*, Worker) noexcept {
  const Shape& x = call.x.type.shape;
  const std::size_t block = static_cast<std::size_t>(x.product(2, x.rank())) * size_of(call.x.type.dtype);
  const auto at = [block](std::int64_t i) { return static_cast<std::size_t>(i) * block; };
  for_each_step(
      x, call.time_first, [&](std::int64_t b) { return call.lengths[b]; },
      [&](std::int64_t to, std::int64_t from) { std::memcpy(call.y + at(to), call.x.data + at(from), block); });
}

void reference(const ReferenceContext& context) {
  const ReferenceTensor& x = *context.inputs[0];
  const std::int64_t block = x.type.shape.product(2, x.type.shape.rank());
  for_each_step(
      x.type.shape, context.as<ReverseSequenceOptions>().time_axis == 0,
      [&](std::int64_t b) { return convert<std::int64_t>(context.inputs[1]->data[static_cast<std::size_t>(b)]); },
      [&](std::int64_t to, std::int64_t from) {
        std::copy_n(x.data.begin() + from * block, block, context.outputs[0].data.begin() + to * block);
      });
}

std::vector<Sample> samples() {
  const auto lengths = [](std::vector<std::int64_t> values) {
    const Tensor tensor = Tensor::of<std::int64_t>({static_cast<std::int64_t>(values.size())}, values);
    return Sample::Input{tensor.type(), Sample::Fill::given, 1, tensor};
  };
  return {{{{{DType::f32, {5, 3}}}, lengths({1, 5, 2})}, ReverseSequenceOptions{}, "time first"},
          {{{{DType::f32, {2, 5, 3}}}, lengths({4, 3})}, ReverseSequenceOptions{0, 1}, "the batch first, blocks"},
          {{{{DType::f32, {3, 2}}}, lengths({0, 9})}, ReverseSequenceOptions{}, "nothing, and more than there is"},
          {{{{DType::i64, {3, 2}}, Sample::Fill::index, 9}, lengths({3, 2})}, ReverseSequenceOptions{}, "integers"},
          {{{{DType::f32, {0, 2}}}, lengths({0, 0})}, ReverseSequenceOptions{}, "no steps"}};
}

}  // namespace

/// Lengths below 0 count as 0, those above the number of steps as that.
std::vector<OpDef> reverse_sequence() {
  OpDef op =
      mover("ReverseSequence", "Each sequence with its first steps, as many as its length, in reverse order; inputs x, lengths", 10,
            ReverseSequenceOptions{});
  op.minimum_inputs = op.maximum_inputs = 2;
  op.infer = infer;
  op.kernels = {{"blocks", nullptr, [](const PrepareContext& context) {
                   const bool time_first = context.as<ReverseSequenceOptions>().time_axis == 0;
                   return Call::of<run>(
                       ReverseCall{context.inputs[0], context.inputs[1].as<std::int64_t>(), context.outputs[0].data, time_first},
                       false);
                 }}};
  op.reference = reference;
  op.gradient = [](GradientContext& context) {
    const Value dy = context.gradient();
    if (context.wants(0)) context.set(0, dy.graph().emit("ReverseSequence", {dy, context.input(1)}, context.options()));
  };
  op.samples = samples;
  return {std::move(op)};
}

}  // namespace neurons::ops
