#include "neurons/ops/common/move.hpp"

#include <utility>

namespace neurons::ops {
namespace {

struct CopiesCall {
  std::vector<kernels::StridedCopy> copies;
};

void run_copies(const CopiesCall& call, std::byte*, Worker worker) noexcept {
  for (const auto& copy : call.copies) kernels::strided_copy(copy, worker);
}

}  // namespace

Call copies_call(std::vector<kernels::StridedCopy> copies) { return Call::of<run_copies>(CopiesCall{std::move(copies)}, true); }

kernels::StridedCopy copy_between(const Buffer& from, std::int64_t from_offset, std::span<const std::int64_t> from_strides,
                                  const Buffer& to, std::int64_t to_offset, std::span<const std::int64_t> to_strides,
                                  std::span<const std::int64_t> extents) {
  const std::size_t bytes = size_of(to.type.dtype);
  return kernels::make_strided_copy(from.data + from_offset * static_cast<std::int64_t>(bytes),
                                    to.data + to_offset * static_cast<std::int64_t>(bytes), bytes, extents, from_strides,
                                    to_strides);
}

std::vector<std::int64_t> strides_of(const Shape& shape) {
  const auto strides = shape.strides();
  return {strides.begin(), strides.begin() + shape.rank()};
}

std::vector<std::int64_t> index_of(std::int64_t place, const Shape& shape) {
  std::vector<std::int64_t> index(static_cast<std::size_t>(shape.rank()));
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    index[static_cast<std::size_t>(axis)] = place % shape[axis];
    place /= shape[axis];
  }
  return index;
}

std::size_t place_of(std::span<const std::int64_t> index, const Shape& shape) {
  std::int64_t place = 0;
  for (int axis = 0; axis < shape.rank(); ++axis) place = place * shape[axis] + index[static_cast<std::size_t>(axis)];
  return static_cast<std::size_t>(place);
}

Call permute_call(const PrepareContext& context, std::span<const std::int64_t> permutation) {
  const Shape& result = context.outputs[0].type.shape;
  const auto own = context.inputs[0].type.shape.strides();
  std::vector<std::int64_t> strides;
  for (const std::int64_t axis : permutation) strides.push_back(own[static_cast<std::size_t>(axis)]);
  return copies_call({copy_between(context.inputs[0], 0, strides, context.outputs[0], 0, strides_of(result), result.extents())});
}

void permute_reference(const ReferenceContext& context, std::span<const std::int64_t> permutation) {
  const ReferenceTensor& x = *context.inputs[0];
  ReferenceTensor& y = context.outputs[0];
  for (std::int64_t place = 0; place < y.elements(); ++place) {
    const auto index = index_of(place, y.type.shape);
    std::vector<std::int64_t> source(index.size());
    for (std::size_t i = 0; i < index.size(); ++i) source[static_cast<std::size_t>(permutation[i])] = index[i];
    y.data[static_cast<std::size_t>(place)] = x.data[place_of(source, x.type.shape)];
  }
}

OpDef mover(std::string name, std::string summary, int since, Options defaults) {
  OpDef op;
  op.name = std::move(name);
  op.summary = std::move(summary);
  op.source = "https://onnx.ai/onnx/operators/onnx__" + op.name + ".html";
  op.default_options = std::move(defaults);
  op.flops = [](const InferContext&) { return 0.0; };
  op.onnx = {{op.name, since, ""}};
  return op;
}

}  // namespace neurons::ops
