#include "neurons/ops/common/indexed.hpp"

#include <algorithm>
#include <cstring>
#include <functional>

#include "neurons/graph/option_of.hpp"
#include "neurons/ops/common/choose.hpp"
#include "neurons/ops/common/emit.hpp"
#include "neurons/tensor/convert.hpp"

namespace neurons::ops {
namespace {

std::int64_t index_at(const Buffer& indices, std::int64_t i) noexcept {
  return indices.type.dtype == DType::i64 ? indices.as<std::int64_t>()[i] : indices.as<std::int32_t>()[i];
}

/// NaN stays and spreads.
template <typename T>
T combined(Scatter scatter, T old, T next) noexcept {
  switch (scatter) {
    case Scatter::replace:
      return next;
    case Scatter::add:
      return old + next;
    case Scatter::multiply:
      return old * next;
    case Scatter::minimum:
      return next < old || next != next ? next : old;
    case Scatter::maximum:
      return next > old || next != next ? next : old;
  }
  return old;
}

struct GatherCall {
  IndexedBlocks blocks;
  Buffer indices;
  Buffer x;
  std::byte* y = nullptr;
};

void run_gather(const GatherCall& call, std::byte*, Worker worker) noexcept {
  const auto bytes = static_cast<std::int64_t>(size_of(call.x.type.dtype));
  const std::int64_t block = call.blocks.block * bytes;
  const auto [begin, end] = split_work(static_cast<std::size_t>(call.blocks.count), worker);
  for (auto i = static_cast<std::int64_t>(begin); i < static_cast<std::int64_t>(end); ++i) {
    const std::int64_t place = call.blocks.place(call.indices, i);
    std::byte* const to = call.y + i * block;
    if (place == IndexedBlocks::kBad) {
      std::memset(to, 0, static_cast<std::size_t>(block));
    } else {
      std::memcpy(to, call.x.data + place * bytes, static_cast<std::size_t>(block));
    }
  }
}

struct ScatterCall {
  IndexedBlocks blocks;
  Scatter scatter = Scatter::replace;
  Buffer x;
  Buffer indices;
  const std::byte* updates = nullptr;
  std::byte* y = nullptr;
};

/// On one worker: blocks may meet.
void run_scatter(const ScatterCall& call, std::byte*, Worker) noexcept {
  if (call.x.type.bytes() == 0) return;
  if (call.y != call.x.data) std::memcpy(call.y, call.x.data, call.x.type.bytes());
  const auto bytes = static_cast<std::int64_t>(size_of(call.x.type.dtype));
  const std::int64_t block = call.blocks.block * bytes;
  for (std::int64_t i = 0; i < call.blocks.count; ++i) {
    const std::int64_t place = call.blocks.place(call.indices, i);
    if (place == IndexedBlocks::kBad) continue;
    std::byte* const to = call.y + place * bytes;
    const std::byte* const from = call.updates + i * block;
    if (call.scatter == Scatter::replace) {
      std::memcpy(to, from, static_cast<std::size_t>(block));
    } else {
      auto* const sums = reinterpret_cast<float*>(to);
      const auto* const terms = reinterpret_cast<const float*>(from);
      for (std::int64_t e = 0; e < call.blocks.block; ++e) sums[e] = combined(call.scatter, sums[e], terms[e]);
    }
  }
}

Call scatter_call(const PrepareContext& context, const IndexedBlocks& blocks, Scatter scatter) {
  return Call::of<run_scatter>(
      ScatterCall{blocks, scatter, context.inputs[0], context.inputs[1], context.inputs[2].data, context.outputs[0].data}, false);
}

void scatter_reference(const ReferenceContext& context, const IndexedBlocks& blocks, Scatter scatter) {
  const ReferenceIndices indices(*context.inputs[1]);
  auto& y = context.outputs[0].data;
  y = context.inputs[0]->data;
  for (std::int64_t i = 0; i < blocks.count; ++i) {
    const std::int64_t place = blocks.place(indices.buffer, i);
    if (place == IndexedBlocks::kBad) continue;
    for (std::int64_t e = 0; e < blocks.block; ++e) {
      double& value = y[static_cast<std::size_t>(place + e)];
      value = combined(scatter, value, context.inputs[2]->data[static_cast<std::size_t>(i * blocks.block + e)]);
    }
  }
}

}  // namespace

IndexedBlocks IndexedBlocks::of_tuples(const Shape& x, const Shape& indices, int batch_axes) {
  IndexedBlocks blocks;
  blocks.axes = static_cast<int>(indices[-1]);
  const auto strides = x.strides();
  for (int i = 0; i < blocks.axes; ++i) {
    const auto at = static_cast<std::size_t>(i);
    blocks.extents[at] = x[batch_axes + i];
    blocks.strides[at] = strides[at + static_cast<std::size_t>(batch_axes)];
  }
  blocks.block = x.product(batch_axes + blocks.axes, x.rank());
  blocks.count = indices.product(0, indices.rank() - 1);
  blocks.per_batch = std::max<std::int64_t>(1, indices.product(batch_axes, indices.rank() - 1));
  blocks.batch_stride = x.product(batch_axes, x.rank());
  return blocks;
}

IndexedBlocks IndexedBlocks::along_axis(const Shape& x, const Shape& indices, int axis) {
  IndexedBlocks blocks;
  blocks.axes = x.rank();
  blocks.named = axis;
  blocks.count = indices.elements();
  blocks.strides = x.strides();
  std::ranges::copy(x.extents(), blocks.extents.begin());
  std::ranges::copy(indices.extents(), blocks.walked.begin());
  return blocks;
}

std::int64_t IndexedBlocks::place(const Buffer& indices, std::int64_t i) const noexcept {
  std::int64_t at = named < 0 ? i / per_batch * batch_stride : 0;
  std::int64_t rest = i;
  for (int axis = axes - 1; axis >= 0; --axis) {
    const auto a = static_cast<std::size_t>(axis);
    std::int64_t index = 0;
    if (named >= 0) {
      index = rest % walked[a];
      rest /= walked[a];
    }
    if (named < 0 || named == axis) {
      index = index_at(indices, named < 0 ? i * axes + axis : i);
      if (index < 0) index += extents[a];
      if (index < 0 || index >= extents[a]) return kBad;
    }
    at += index * strides[a];
  }
  return at;
}

void require_indices(const InferContext& context, std::size_t index) {
  if (context.dtype(index) != DType::i64 && context.dtype(index) != DType::i32) context.fail("indices must be i64 or i32");
}

void require_indices_along(const InferContext& context, std::size_t index, const Shape& x, std::int64_t axis) {
  require_indices(context, index);
  const Shape& indices = context.shape(index);
  if (axis < -x.rank() || axis >= x.rank()) context.fail("there is no axis {}", axis);
  bool fits = indices.rank() == x.rank();
  for (int i = 0; fits && i < x.rank(); ++i) fits = i == x.normalized_axis(axis) || indices[i] <= x[i];
  if (!fits) context.fail("indices {} reach beyond {} along another axis than {}", indices.to_string(), x.to_string(), axis);
}

ReferenceIndices::ReferenceIndices(const ReferenceTensor& indices) {
  for (const double value : indices.data) values_.push_back(convert<std::int64_t>(value));
  buffer = {reinterpret_cast<std::byte*>(values_.data()), {DType::i64, indices.type.shape}};
}

Call gather_call(const PrepareContext& context, const IndexedBlocks& blocks) {
  return Call::of<run_gather>(GatherCall{blocks, context.inputs[1], context.inputs[0], context.outputs[0].data}, true);
}

void gather_reference(const ReferenceContext& context, const IndexedBlocks& blocks) {
  const ReferenceIndices indices(*context.inputs[1]);
  const ReferenceTensor& x = *context.inputs[0];
  for (std::int64_t i = 0; i < blocks.count; ++i) {
    const std::int64_t place = blocks.place(indices.buffer, i);
    for (std::int64_t e = 0; e < blocks.block; ++e) {
      const auto to = static_cast<std::size_t>(i * blocks.block + e);
      context.outputs[0].data[to] = place == IndexedBlocks::kBad ? 0 : x.data[static_cast<std::size_t>(place + e)];
    }
  }
}

Scatter scatter_of(const Options& options) {
  const auto reduction = option_of<std::string>(options, "reduction");
  static constexpr std::array<std::string_view, 5> kWords = {"none", "add", "mul", "min", "max"};
  const auto* const found = std::ranges::find(kWords, reduction);
  if (found == kWords.end()) fail_input("reduction must be \"none\", \"add\", \"mul\", \"min\" or \"max\", not \"{}\"", reduction);
  return static_cast<Scatter>(found - kWords.begin());
}

void require_updates(const InferContext& context, const Shape& updates) {
  if (context.shape(2) != updates || context.dtype(2) != context.dtype(0)) {
    context.fail("expects updates {}", TensorType{context.dtype(0), updates}.to_string());
  }
  scatter_of(context.options);
}

void make_scatter(OpDef& op, std::string kernel, BlocksOf blocks_of) {
  op.minimum_inputs = op.maximum_inputs = 3;
  const auto refuse = [](const InferContext& context) -> std::string {
    return scatter_of(context.options) == Scatter::replace || context.dtype() == DType::f32 ? "" : "computes only f32";
  };
  const auto prepare = [blocks_of](const PrepareContext& context) {
    const auto blocks = blocks_of(context.options, context.inputs[0].type.shape, context.inputs[1].type.shape);
    return scatter_call(context, blocks, scatter_of(context.options));
  };
  op.kernels = {{std::move(kernel), refuse, prepare}};
  op.reference = [blocks_of](const ReferenceContext& context) {
    const auto blocks = blocks_of(context.options, context.inputs[0]->type.shape, context.inputs[1]->type.shape);
    scatter_reference(context, blocks, scatter_of(context.options));
  };
  op.may_alias = [](const InferContext&) { return std::vector<std::pair<int, int>>{{0, 0}}; };
}

/// Of products, d updates = dy · y / updates: NaN where an update is 0. Equal winners of min and max share alike.
void differentiate_scatter(GradientContext& context, const ScatterGradient& rule) {
  const Value dy = context.gradient();
  const Value x = context.input(0);
  const Value updates = context.input(2);
  const Value y = context.output();
  Value dx = dy;
  Value slopes;
  switch (scatter_of(context.options())) {
    case Scatter::replace:
      if (context.wants(0)) dx = rule.scattered(dy, expanded(number_like(dy, 0), updates.shape()), "none");
      if (context.wants(2)) slopes = rule.gather(dy);
      break;
    case Scatter::add:
      if (context.wants(2)) slopes = rule.gather(dy);
      break;
    case Scatter::multiply:
      if (context.wants(0)) dx = rule.scattered(dy, updates, "mul");
      if (context.wants(2)) slopes = rule.gather(dy * y) / updates;
      break;
    case Scatter::minimum:
    case Scatter::maximum: {
      const auto won = [&](Value value, Value best) {
        return choose(context.graph().emit("Equal", {value, best}), number_like(dy, 1), 0.0);
      };
      const Value old = won(x, y);
      const Value next = won(updates, rule.gather(y));
      const Value share = dy / rule.scattered(old, next, "add");
      dx = old * share;
      slopes = next * rule.gather(share);
      break;
    }
  }
  if (context.wants(0)) context.set(0, dx);
  if (context.wants(2)) context.set(2, slopes);
}

}  // namespace neurons::ops
