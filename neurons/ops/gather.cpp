#include <algorithm>
#include <cstring>
#include <limits>

#include "neurons/kernels/rows.hpp"
#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/move.hpp"
#include "neurons/tensor/convert.hpp"

namespace neurons::ops {
namespace {

struct GatherOptions {
  std::int64_t axis = 0;
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("axis", self.axis);
  }
};

constexpr std::int64_t kBad = -1;

/// An index counted from the front, or kBad where it is out of range.
std::int64_t normalized(std::int64_t index, std::int64_t extent) noexcept {
  const std::int64_t place = index < 0 ? index + extent : index;
  return place >= 0 && place < extent ? place : kBad;
}

/// x as [outer, extent, inner] and y as [outer, count, inner].
struct GatherCall {
  std::int64_t outer = 1;
  std::int64_t extent = 0;
  std::int64_t count = 0;
  std::int64_t row_bytes = 0;  ///< of the inner axes
  Buffer indices;
  const std::byte* from = nullptr;
  std::byte* to = nullptr;
  DType dtype = DType::f32;

  std::int64_t index(std::int64_t i) const noexcept {
    const std::int64_t given = indices.type.dtype == DType::i64 ? indices.as<std::int64_t>()[i] : indices.as<std::int32_t>()[i];
    return normalized(given, extent);
  }
};

GatherCall call_of(const Shape& x, const Buffer& indices, int axis, DType dtype) {
  GatherCall call;
  call.outer = x.product(0, axis);
  call.extent = x[axis];
  call.count = indices.type.shape.elements();
  call.row_bytes = x.product(axis + 1, x.rank()) * static_cast<std::int64_t>(size_of(dtype));
  call.indices = indices;
  call.dtype = dtype;
  return call;
}

void fill_bad(const GatherCall& call, std::byte* row) noexcept {
  if (call.dtype != DType::f32) return static_cast<void>(std::fill_n(row, call.row_bytes, std::byte{0}));
  auto* values = reinterpret_cast<float*>(row);
  std::fill_n(values, call.row_bytes / static_cast<std::int64_t>(sizeof(float)), std::numeric_limits<float>::quiet_NaN());
}

void run(const GatherCall& call, std::byte* scratch, Worker worker) noexcept {
  auto* places = reinterpret_cast<std::int64_t*>(scratch);
  for (std::int64_t i = 0; i < call.count; ++i) places[i] = std::max<std::int64_t>(0, call.index(i));
  const auto [begin, end] = split_work(static_cast<std::size_t>(call.outer * call.count), worker);
  for (auto row = static_cast<std::int64_t>(begin); row < static_cast<std::int64_t>(end);) {
    const std::int64_t first = row % call.count;
    const std::int64_t rows = std::min(call.count - first, static_cast<std::int64_t>(end) - row);
    std::byte* to = call.to + row * call.row_bytes;
    if (call.extent > 0) {
      kernels::gather_rows(rows, call.row_bytes, call.from + row / call.count * call.extent * call.row_bytes, places + first, to,
                           {0, 1});
    }
    for (std::int64_t i = 0; i < rows; ++i) {
      if (call.index(first + i) == kBad) fill_bad(call, to + i * call.row_bytes);
    }
    row += rows;
  }
}

void require_indices(const InferContext& context) {
  if (context.dtype(1) != DType::i64 && context.dtype(1) != DType::i32) context.fail("indices must be i64 or i32");
}

std::vector<TensorType> infer(const InferContext& context) {
  require_indices(context);
  const Shape& x = context.shape(0);
  const std::int64_t named = context.as<GatherOptions>().axis;
  if (named < -x.rank() || named >= x.rank()) context.fail("there is no axis {}", named);
  std::vector<std::int64_t> extents = extents_of(x);
  const auto place = extents.begin() + x.normalized_axis(named);
  const auto chosen = extents_of(context.shape(1));
  extents.insert(extents.erase(place), chosen.begin(), chosen.end());
  return {{context.dtype(), Shape(std::span<const std::int64_t>(extents))}};
}

/// Calls visit(place in x or -1, place in y) for each element of y.
template <typename Visit>
void for_each_element(const Shape& x, const ReferenceTensor& indices, int axis, Visit visit) {
  const std::int64_t outer = x.product(0, axis);
  const std::int64_t inner = x.product(axis + 1, x.rank());
  const std::int64_t count = indices.elements();
  for (std::int64_t y = 0; y < outer * count * inner; ++y) {
    const double index = indices.data[static_cast<std::size_t>(y / inner % count)];
    const std::int64_t place = normalized(convert<std::int64_t>(index), x[axis]);
    visit(place == kBad ? kBad : (y / inner / count * x[axis] + place) * inner + y % inner, static_cast<std::size_t>(y));
  }
}

void reference(const ReferenceContext& context) {
  const Shape& x = context.inputs[0]->type.shape;
  const bool is_float = context.outputs[0].type.dtype == DType::f32 || context.outputs[0].type.dtype == DType::f64;
  const double bad = is_float ? std::numeric_limits<double>::quiet_NaN() : 0;
  for_each_element(x, *context.inputs[1], x.normalized_axis(context.as<GatherOptions>().axis),
                   [&](std::int64_t from, std::size_t to) {
                     context.outputs[0].data[to] = from == kBad ? bad : context.inputs[0]->data[static_cast<std::size_t>(from)];
                   });
}

Call prepare(const PrepareContext& context) {
  const Buffer& x = context.inputs[0];
  GatherCall call =
      call_of(x.type.shape, context.inputs[1], x.type.shape.normalized_axis(context.as<GatherOptions>().axis), x.type.dtype);
  call.from = x.data;
  call.to = context.outputs[0].data;
  return Call::of<run>(call, true, static_cast<std::size_t>(call.count) * sizeof(std::int64_t));
}

Sample::Input index_list(const Shape& shape, std::int64_t limit) { return {{DType::i64, shape}, Sample::Fill::index, limit}; }

std::vector<Sample> samples() {
  const Tensor ends = Tensor::of<std::int64_t>({4}, std::vector<std::int64_t>{-1, 0, -5, 4});
  const Tensor narrow_ends = ends.cast(DType::i32);
  return {{{{{DType::f32, {5, 3}}}, index_list({7}, 5)}, GatherOptions{0}, "rows, some twice"},
          {{{{DType::f32, {2, 5, 3}}}, index_list({2, 2}, 5)}, GatherOptions{-2}, "the middle axis, a matrix of indices"},
          {{{{DType::f32, {3, 5}}}, index_list({3}, 5)}, GatherOptions{1}, "columns"},
          {{{{DType::f32, {5, 2}}}, index_list({}, 5)}, GatherOptions{0}, "one row"},
          {{{{DType::f32, {5, 2}}}, {ends.type(), Sample::Fill::given, 1, ends}}, GatherOptions{0}, "from the end"},
          {{{{DType::f32, {5}}}, {narrow_ends.type(), Sample::Fill::given, 1, narrow_ends}}, GatherOptions{0}, "i32 indices"},
          {{{{DType::i64, {5, 3}}, Sample::Fill::index, 99}, index_list({2}, 5)}, GatherOptions{0}, "of integers"},
          {{{{DType::f32, {5, 3}}}, index_list({0}, 5)}, GatherOptions{0}, "nothing"}};
}

}  // namespace

/// An index that is out of range gives NaN (0 for integers) and no gradient: a plan cannot throw while it runs.
std::vector<OpDef> gather() {
  OpDef op = mover("Gather", "The entries of the axis at the indices; negative ones count from the end", 1, GatherOptions{});
  op.minimum_inputs = 2;
  op.maximum_inputs = 2;
  op.infer = infer;
  op.kernels = {{"gather_rows", nullptr, prepare}};
  op.reference = reference;
  op.gradient = [](GradientContext& context) {
    if (!context.wants(0)) return;
    const Shape& x = context.input(0).shape();
    const int axis = x.normalized_axis(context.as<GatherOptions>().axis);
    context.set(0, emit_with("GatherGradient", {context.gradient(), context.input(1)},
                             {{"axis", static_cast<std::int64_t>(axis)}, {"extent", x[axis]}}));
  };
  op.samples = samples;
  return {std::move(op)};
}

}  // namespace neurons::ops
