#include <algorithm>
#include <memory>
#include <utility>

#include "neurons/base/aligned_buffer.hpp"
#include "neurons/kernels/elementwise.hpp"
#include "neurons/kernels/row_loop.hpp"
#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/epilogue.hpp"
#include "neurons/ops/common/only_f32.hpp"

namespace neurons::ops {
namespace {

constexpr std::size_t kOwnInputs = 2;  // dy, indices

struct GatherGradientOptions {
  std::int64_t axis = 0;    ///< from the front
  std::int64_t extent = 0;  ///< of that axis in what was gathered from
  Chain epilogue;
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("axis", self.axis);
    visit("extent", self.extent);
    if (self.epilogue.empty()) return;
    std::string text = self.epilogue.to_string();
    visit("epilogue", text);
  }
};

/// An index counted from the front, or -1 where it is out of range.
std::int64_t normalized(std::int64_t index, std::int64_t extent) noexcept {
  const std::int64_t place = index < 0 ? index + extent : index;
  return place >= 0 && place < extent ? place : -1;
}

/// A row of dx that receives something, and the row of dy that it comes from.
using Entry = std::pair<std::int64_t, std::int64_t>;

/// dx as [outer, extent, inner] and dy as [outer, count, inner].
struct RowSums {
  std::int64_t outer = 1;
  std::int64_t extent = 0;
  std::int64_t count = 0;
  std::int64_t inner = 1;
  Buffer indices;
  const float* dy = nullptr;

  std::int64_t index(std::int64_t i) const noexcept {
    const std::int64_t given = indices.type.dtype == DType::i64 ? indices.as<std::int64_t>()[i] : indices.as<std::int32_t>()[i];
    return normalized(given, extent);
  }
  std::size_t entry_bytes() const noexcept { return align_up(static_cast<std::size_t>(count) * sizeof(Entry)); }

  /// What arrives, row by row of dx, in each in the order of the indices.
  std::span<const Entry> entries(std::byte* scratch) const noexcept {
    auto* const first = reinterpret_cast<Entry*>(scratch);
    Entry* end = first;
    for (std::int64_t i = 0; i < count; ++i) {
      if (const std::int64_t place = index(i); place >= 0) *end++ = {place, i};
    }
    std::sort(first, end);
    return {first, end};
  }
  /// The sum for one row, of those entries that are its.
  void sum(std::int64_t slice, std::span<const Entry> own, float* to) const noexcept {
    std::fill_n(to, inner, 0.0F);
    for (const Entry& entry : own) {
      const float* const from = dy + (slice * count + entry.second) * inner;
      if (inner < 16) {
        for (std::int64_t e = 0; e < inner; ++e) to[e] += from[e];
      } else {
        kernels::RowLoop{1, inner}(kernels::add, {{to, inner}, {const_cast<float*>(from), inner}, {to, inner}});
      }
    }
  }
};

/// How many of the entries from `begin` on are of the same row.
std::size_t of_one_row(std::span<const Entry> entries, std::size_t begin) noexcept {
  std::size_t end = begin;
  while (end < entries.size() && entries[end].first == entries[begin].first) ++end;
  return end - begin;
}

RowSums sums_of(const Shape& dx, const Buffer& dy, const Buffer& indices, int axis) {
  RowSums sums;
  sums.outer = dx.product(0, axis);
  sums.extent = dx[axis];
  sums.count = indices.type.shape.elements();
  sums.inner = dx.product(axis + 1, dx.rank());
  sums.indices = indices;
  sums.dy = dy.as<float>();
  return sums;
}

struct GradientCall {
  RowSums sums;
  float* dx = nullptr;       ///< null: rows exist only for the epilogue
  std::int64_t columns = 1;  ///< the last extent of dx: those of the epilogue's matrix
  std::shared_ptr<const kernels::Program> epilogue;
  bool only_touched = false;  ///< rows that receive nothing stay as they are

  /// Rows of dx that the epilogue sees at a time.
  std::int64_t block() const noexcept {
    return std::max<std::int64_t>(1, kernels::Program::kBlockElements / std::max<std::int64_t>(1, sums.inner));
  }
  std::size_t tile_bytes() const noexcept {
    return dx != nullptr ? 0 : align_up(static_cast<std::size_t>(block() * sums.inner) * sizeof(float));
  }
  std::size_t scratch_bytes() const noexcept {
    return sums.entry_bytes() + tile_bytes() + (epilogue == nullptr ? 0 : epilogue->scratch_bytes());
  }
};

/// The epilogue on `rows` rows of dx from that one on, which do not go beyond a slice. Where the axis is the last, they are
/// columns.
void finish(const GradientCall& call, std::int64_t row, std::int64_t rows, float* tile, std::byte* scratch) noexcept {
  if (call.epilogue == nullptr || call.sums.inner == 0) return;
  const kernels::Stream held{reinterpret_cast<std::byte*>(tile), call.columns, 1};
  if (call.sums.inner % call.columns == 0) {
    const std::int64_t lines = call.sums.inner / call.columns;
    return call.epilogue->run(row * lines, rows * lines, 0, call.columns, held, scratch);
  }
  call.epilogue->run(row / call.columns, 1, row % call.columns, rows, held, scratch);
}

/// Rows in which something arrives, shared by the workers.
void run_touched(const GradientCall& call, std::span<const Entry> entries, float* tile, std::byte* scratch,
                 Worker worker) noexcept {
  const auto row_start = [&](std::size_t place) {
    while (place > 0 && place < entries.size() && entries[place].first == entries[place - 1].first) ++place;
    return place;
  };
  const WorkRange share = split_work(entries.size(), worker);
  const std::size_t end = row_start(share.end);
  for (std::size_t begin = row_start(share.begin); begin < end;) {
    const std::size_t own = of_one_row(entries, begin);
    call.sums.sum(0, entries.subspan(begin, own), tile);
    finish(call, entries[begin].first, 1, tile, scratch);
    begin += own;
  }
}

/// Workers share the rows of dx; each adds up what its rows receive in the order of the indices.
void run(const GradientCall& call, std::byte* scratch, Worker worker) noexcept {
  const RowSums& sums = call.sums;
  const std::span<const Entry> entries = sums.entries(scratch);
  auto* const own_tile = reinterpret_cast<float*>(scratch + sums.entry_bytes());
  std::byte* const program_scratch = scratch + sums.entry_bytes() + call.tile_bytes();
  if (call.only_touched) return run_touched(call, entries, own_tile, program_scratch, worker);
  const auto [first, last] = split_work(static_cast<std::size_t>(sums.outer * sums.extent), worker);
  const auto end = static_cast<std::int64_t>(last);
  for (auto row = static_cast<std::int64_t>(first); row < end;) {
    const std::int64_t place = row % sums.extent;
    const std::int64_t rows = std::min({call.block(), sums.extent - place, end - row});
    float* const tile = call.dx == nullptr ? own_tile : call.dx + row * sums.inner;
    auto begin = static_cast<std::size_t>(std::ranges::lower_bound(entries, Entry{place, 0}) - entries.begin());
    for (std::int64_t r = 0; r < rows; ++r) {
      const bool touched = begin < entries.size() && entries[begin].first == place + r;
      const std::size_t own = touched ? of_one_row(entries, begin) : 0;
      sums.sum(row / sums.extent, entries.subspan(begin, own), tile + r * sums.inner);
      begin += own;
    }
    finish(call, row, rows, tile, program_scratch);
    row += rows;
  }
}

/// Whether the chain writes over inputs of its own alone, and leaves them as they are where dx is 0: an update by the slope of now,
/// or a sum with what was before, whatever single numbers dx has been multiplied by.
bool leaves_untouched(const PrepareContext& context, const Chain& chain) {
  using From = Chain::Operand::From;
  if (chain.empty()) return false;
  const auto input = [&](const Chain::Operand& operand) -> const Buffer* {
    return operand.from == From::input ? &context.inputs[kOwnInputs + static_cast<std::size_t>(operand.index)] : nullptr;
  };
  const auto is_number = [&](const Chain::Operand& operand) {
    return input(operand) != nullptr && input(operand)->type.shape.elements() == 1;
  };
  const auto is_slope = [&](const Chain::Operand& operand, std::size_t step) {
    return step == 0 ? operand.from == From::tile : operand.from == From::step && operand.index + 1 == static_cast<int>(step);
  };
  const std::size_t last = chain.steps.size() - 1;
  for (std::size_t s = 0; s < last; ++s) {
    const auto& operands = chain.steps[s].operands;
    const std::size_t slope = is_slope(operands[0], s) ? 0 : 1;
    if (chain.steps[s].op->name != "Mul" || !is_slope(operands[slope], s) || !is_number(operands[1 - slope])) return false;
  }
  const std::string& name = chain.steps[last].op->name;
  const auto& operands = chain.steps[last].operands;
  std::size_t slope = 0;
  std::size_t kept = 1;  // the operand that the first output takes the place of
  if (name == "Add") {
    slope = is_slope(operands[0], last) ? 0 : 1;
    kept = 1 - slope;
  } else if (name == "MultiplyAdd" && is_number(operands[1])) {
    kept = 2;
  } else if (name != "SgdUpdate" && name != "AdagradUpdate") {
    return false;
  }
  if (!is_slope(operands[slope], last)) return false;
  for (std::size_t o = 0; o < chain.outputs.size(); ++o) {
    const Chain::Operand& output = chain.outputs[o];
    if (output.from != From::step || output.index != static_cast<int>(last)) return false;
    const Buffer* place = input(operands[kept + static_cast<std::size_t>(output.output)]);
    if (place == nullptr || place->data != context.outputs[o].data) return false;
  }
  return true;
}

Shape shape_of_dx(const Shape& dy, const Shape& indices, const GatherGradientOptions& options) {
  std::vector<std::int64_t> extents = extents_of(dy);
  const auto place = extents.begin() + options.axis;
  extents.insert(extents.erase(place, place + indices.rank()), options.extent);
  return Shape(std::span<const std::int64_t>(extents));
}

TensorType own_type(const InferContext& context) {
  const auto& options = context.as<GatherGradientOptions>();
  const auto extents = extents_of(context.shape(0));
  const auto chosen = extents_of(context.shape(1));
  const auto rank = static_cast<std::int64_t>(extents.size());
  if (context.dtype(1) != DType::i64 && context.dtype(1) != DType::i32) context.fail("indices must be i64 or i32");
  if (context.dtype() != DType::f32 && context.dtype() != DType::f64) context.fail("expects a float dy");
  if (options.axis < 0 || options.axis + static_cast<std::int64_t>(chosen.size()) > rank ||
      !std::equal(chosen.begin(), chosen.end(), extents.begin() + options.axis)) {
    context.fail("expects dy with the axes of the indices from axis {} on", options.axis);
  }
  return {context.dtype(), shape_of_dx(context.shape(0), context.shape(1), options)};
}

RowSums sums_of(const PrepareContext& context) {
  const auto& options = context.as<GatherGradientOptions>();
  const Shape dx = shape_of_dx(context.inputs[0].type.shape, context.inputs[1].type.shape, options);
  return sums_of(dx, context.inputs[0], context.inputs[1], static_cast<int>(options.axis));
}

Call prepare(const PrepareContext& context) {
  const auto& options = context.as<GatherGradientOptions>();
  const Shape dx = shape_of_dx(context.inputs[0].type.shape, context.inputs[1].type.shape, options);
  GradientCall call;
  call.sums = sums_of(context);
  call.dx = stored_tile(context, options.epilogue);
  call.columns = dx[-1];
  call.epilogue = epilogue_program(context, options.epilogue, kOwnInputs, dx, dx.product(0, dx.rank() - 1), dx[-1]);
  call.only_touched = call.sums.outer == 1 && leaves_untouched(context, options.epilogue);
  const std::size_t scratch = call.scratch_bytes();
  return Call::of<run>(std::move(call), true, scratch);
}

/// dx in double precision.
ReferenceTensor reference_sums(const ReferenceContext& context) {
  const auto& options = context.as<GatherGradientOptions>();
  const ReferenceTensor& dy = *context.inputs[0];
  const ReferenceTensor& indices = *context.inputs[1];
  ReferenceTensor dx{{dy.type.dtype, shape_of_dx(dy.type.shape, indices.type.shape, options)}, {}};
  const Shape& shape = dx.type.shape;
  const auto axis = static_cast<int>(options.axis);
  dx.data.assign(static_cast<std::size_t>(shape.elements()), 0.0);
  const std::int64_t inner = shape.product(axis + 1, shape.rank());
  const std::int64_t count = indices.elements();
  for (std::int64_t y = 0; y < static_cast<std::int64_t>(dy.data.size()); ++y) {
    const double index = indices.data[static_cast<std::size_t>(y / inner % count)];
    const std::int64_t place = normalized(static_cast<std::int64_t>(index), shape[axis]);
    if (place < 0) continue;
    dx.data[static_cast<std::size_t>((y / inner / count * shape[axis] + place) * inner + y % inner)] +=
        dy.data[static_cast<std::size_t>(y)];
  }
  return dx;
}

/// The squares of each column in one sum, row by row, then these.
struct SquaresCall {
  RowSums sums;
  float* squares = nullptr;
};

void run_squares(const SquaresCall& call, std::byte* scratch, Worker) noexcept {
  const RowSums& sums = call.sums;
  const std::span<const Entry> entries = sums.entries(scratch);
  auto* const row = reinterpret_cast<float*>(scratch + sums.entry_bytes());
  float* const columns = row + sums.inner;
  std::fill_n(columns, sums.inner, 0.0F);
  for (std::int64_t slice = 0; slice < sums.outer; ++slice) {
    for (std::size_t begin = 0; begin < entries.size();) {
      const std::size_t own = of_one_row(entries, begin);
      sums.sum(slice, entries.subspan(begin, own), row);
      kernels::RowLoop{1, sums.inner}(kernels::multiply_add, {{row, 0}, {row, 0}, {columns, 0}, {columns, 0}});
      begin += own;
    }
  }
  double total = 0;
  for (std::int64_t e = 0; e < sums.inner; ++e) total += static_cast<double>(columns[e]);
  *call.squares = static_cast<float>(total);
}

Call prepare_squares(const PrepareContext& context) {
  const SquaresCall call{sums_of(context), context.outputs[0].as<float>()};
  return Call::of<run_squares>(call, false,
                               call.sums.entry_bytes() + 2 * static_cast<std::size_t>(call.sums.inner) * sizeof(float));
}

std::vector<Sample> samples() {
  const auto indices = [](const Shape& shape, std::int64_t limit) {
    return Sample::Input{{DType::i64, shape}, Sample::Fill::index, limit};
  };
  return {{{{{DType::f32, {7, 3}}}, indices({7}, 5)}, GatherGradientOptions{0, 5, {}}, "rows, some twice"},
          {{{{DType::f32, {2, 2, 2, 3}}}, indices({2, 2}, 5)}, GatherGradientOptions{1, 5, {}}, "the middle axis"},
          {{{{DType::f32, {3, 9}}}, indices({9}, 4)}, GatherGradientOptions{1, 4, {}}, "the last axis"},
          {{{{DType::f32, {67, 33}}}, indices({67}, 9)}, GatherGradientOptions{0, 9, {}}, "many on few"},
          {{{{DType::f32, {0, 3}}}, indices({0}, 5)}, GatherGradientOptions{0, 5, {}}, "nothing"}};
}

OpDef gradient_op(std::string name, std::string summary) {
  OpDef op;
  op.name = std::move(name);
  op.summary = std::move(summary);
  op.source = "https://onnx.ai/onnx/operators/onnx__Gather.html";
  op.minimum_inputs = kOwnInputs;
  op.maximum_inputs = kOwnInputs;
  op.internal = true;
  op.default_options = GatherGradientOptions{};
  op.samples = samples;
  return op;
}

}  // namespace

/// GatherGradient, which hosts what becomes of the gradient: usually an optimiser's update, which reads each row from the cache and
/// passes over the others if it can. And the sum of its squares, for the norm, from those rows alone.
std::vector<OpDef> gather_gradient() {
  OpDef op = gradient_op("GatherGradient",
                         "epilogue(dx), dx: the sum of dy over the places that each entry was gathered to; inputs dy, indices");
  op.infer = [](const InferContext& context) {
    return epilogue_types(context, context.as<GatherGradientOptions>().epilogue, kOwnInputs, own_type(context));
  };
  op.kernels = {{"row sums", only_f32, prepare}};
  op.reference = [](const ReferenceContext& context) {
    finish_reference(context, context.as<GatherGradientOptions>().epilogue, kOwnInputs, reference_sums(context));
  };
  op.gradient = [](GradientContext& context) {
    const Attributes along{{"axis", context.as<GatherGradientOptions>().axis}};
    if (context.wants(0)) context.set(0, emit_with("Gather", {context.gradient(), context.input(1)}, along));
  };
  op.flops = [](const InferContext& context) {
    return static_cast<double>(context.shape(0).elements()) +
           epilogue_flops(context.as<GatherGradientOptions>().epilogue, own_type(context).shape.elements());
  };
  op.may_alias = [](const InferContext& context) {
    return epilogue_aliases(context, context.as<GatherGradientOptions>().epilogue, kOwnInputs, false);
  };
  op.with_epilogue = [](const Options& options, const Chain& chain) -> std::optional<Options> {
    auto own = options.as<GatherGradientOptions>();
    own.epilogue = chain;
    return Options(own);
  };

  OpDef squares = gradient_op("GatherGradientSquares", "The sum of the squares of GatherGradient, which has the same inputs");
  squares.not_differentiable = "the norm of gradients is not differentiated again";
  squares.infer = [](const InferContext& context) -> std::vector<TensorType> { return {{own_type(context).dtype, {}}}; };
  squares.kernels = {{"row squares", only_f32, prepare_squares}};
  squares.reference = [](const ReferenceContext& context) {
    context.outputs[0].data[0] = 0;
    for (const double value : reference_sums(context).data) context.outputs[0].data[0] += value * value;
  };
  squares.flops = [](const InferContext& context) { return 3.0 * static_cast<double>(context.shape(0).elements()); };
  return {std::move(op), std::move(squares)};
}

}  // namespace neurons::ops
