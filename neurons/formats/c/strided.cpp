#include "neurons/formats/c/strided.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "neurons/base/at.hpp"
#include "neurons/formats/c/emitters.hpp"

namespace neurons::c {

const Snippet& copy() {
  static const Snippet kSnippet{R"(/* y = x */
static void copy(int count, const float *restrict x, float *restrict y)
{
    for (int i = 0; i < count; ++i) {
        y[i] = x[i];
    }
}
)",
                                {},
                                {"copy"}};
  return kSnippet;
}

const Snippet& fill() {
  static const Snippet kSnippet{R"(/* y = value */
static void fill(int count, float value, float *y)
{
    for (int i = 0; i < count; ++i) {
        y[i] = value;
    }
}
)",
                                {},
                                {"fill"}};
  return kSnippet;
}

namespace {

constexpr std::size_t kAxes = 4;        // of one call
constexpr std::size_t kMostCalls = 64;  // of one node

const Snippet kTranspose{R"(/* y[column][row] = x[row][column] */
static void transpose(int rows, int columns, const float *restrict x, float *restrict y)
{
    for (int row = 0; row < rows; ++row) {
        for (int column = 0; column < columns; ++column) {
            y[column * rows + row] = x[row * columns + column];
        }
    }
}
)",
                         {},
                         {"transpose"}};

const Snippet kCopyRows{R"(/* Copies rows of `width` from x, where they are `from` apart, to y, where they are `to` apart */
static void copy_rows(int rows, int width, int from, const float *restrict x, int to, float *restrict y)
{
    for (int row = 0; row < rows; ++row) {
        for (int i = 0; i < width; ++i) {
            y[row * to + i] = x[row * from + i];
        }
    }
}
)",
                        {},
                        {"copy_rows"}};

const Snippet kMove{R"(/* Along each of four axes `count` numbers, which are `from` apart in x and `to` apart in y */
typedef struct {
    int count[4], from[4], to[4];
} move_axes;

static void move(const move_axes *m, const float *restrict x, float *restrict y)
{
    for (int a = 0; a < m->count[0]; ++a) {
        for (int b = 0; b < m->count[1]; ++b) {
            for (int c = 0; c < m->count[2]; ++c) {
                const float *from = x + (a * m->from[0] + b * m->from[1] + c * m->from[2]);
                float *to = y + (a * m->to[0] + b * m->to[1] + c * m->to[2]);
                for (int d = 0; d < m->count[3]; ++d) {
                    to[d * m->to[3]] = from[d * m->from[3]];
                }
            }
        }
    }
}
)",
                    {},
                    {"move", "move_axes"}};

/// Without axes of one element, and with those made one that follow each other in x and in y alike.
std::vector<MoveAxis> merged(const std::vector<MoveAxis>& axes) {
  std::vector<MoveAxis> result;
  for (const MoveAxis& axis : axes) {
    if (axis.count == 1) continue;
    const bool joins = !result.empty() && result.back().from == axis.count * axis.from && result.back().to == axis.count * axis.to;
    if (joins) {
      result.back() = {result.back().count * axis.count, axis.from, axis.to};
    } else {
      result.push_back(axis);
    }
  }
  if (result.empty()) result.push_back({1, 1, 1});
  return result;
}

/// One call, of up to four axes.
void write_call(CFunction& function, std::vector<MoveAxis> axes, const std::string& x, const std::string& y) {
  CFile& file = function.file();
  const MoveAxis& last = axes.back();
  const bool contiguous = last.from == 1 && last.to == 1;
  if (axes.size() == 1 && contiguous) {
    file.use(copy());
    return function.call(fmt::format("copy({}, {}, {});", last.count, x, y));
  }
  if (axes.size() == 2 && contiguous) {
    file.use(kCopyRows);
    return function.call(
        fmt::format("copy_rows({}, {}, {}, {}, {}, {});", axes[0].count, last.count, axes[0].from, x, axes[0].to, y));
  }
  const auto is_transposition = [&](const MoveAxis& rows, const MoveAxis& columns) {
    return rows == MoveAxis{rows.count, columns.count, 1} && columns == MoveAxis{columns.count, 1, rows.count};
  };
  for (const std::size_t first : {0U, 1U}) {
    if (axes.size() != 2 || !is_transposition(axes[first], axes[1 - first])) continue;
    file.use(kTranspose);
    return function.call(fmt::format("transpose({}, {}, {}, {});", axes[first].count, axes[1 - first].count, x, y));
  }
  file.use(kMove);
  axes.insert(axes.begin(), kAxes - axes.size(), {1, 0, 0});
  const auto list = [&](std::int64_t MoveAxis::*part) {
    std::string text;
    for (const MoveAxis& axis : axes) text += fmt::format("{}{}", text.empty() ? "" : ", ", axis.*part);
    return text;
  };
  const std::vector<std::string> lines{fmt::format(".count = {{{}}}", list(&MoveAxis::count)),
                                       fmt::format(".from = {{{}}}", list(&MoveAxis::from)),
                                       fmt::format(".to = {{{}}}", list(&MoveAxis::to))};
  const std::string name =
      file.layer("move_axes", function.layer() + "_places", lines, function.layer() + ": which number goes where");
  function.call(fmt::format("move(&{}, {}, {});", name, x, y));
}

/// Part of an axis of a result: where it begins there, where in x its first element is, and how both go on.
struct Piece {
  std::int64_t y = 0;
  std::int64_t x = 0;
  std::vector<MoveAxis> axes;  ///< `to` in elements of the axis
};

constexpr std::size_t index(std::int64_t place) { return static_cast<std::size_t>(place); }

/// The whole axis as steps of the same size, or as such steps again and again (numbers that are repeated).
std::optional<Piece> whole(const std::vector<std::int64_t>& from) {
  const auto extent = static_cast<std::int64_t>(from.size());
  for (std::int64_t inner = extent; inner >= 1; --inner) {
    if (extent % inner != 0) continue;
    const std::int64_t near = inner > 1 ? from[1] - from[0] : 0;
    const std::int64_t far = inner < extent ? from[index(inner)] - from[0] : 0;
    bool fits = true;
    for (std::int64_t i = 0; fits && i < extent; ++i) fits = from[index(i)] == from[0] + i / inner * far + i % inner * near;
    if (fits) return Piece{0, from[0], {{extent / inner, far, inner}, {inner, near, 1}}};
  }
  return std::nullopt;
}

std::vector<Piece> pieces_of(const std::vector<std::int64_t>& from) {
  if (const auto one = whole(from)) return {*one};
  std::vector<Piece> result;
  for (std::size_t first = 0; first < from.size();) {
    std::size_t end = first + 1;
    const std::int64_t step = end < from.size() ? from[end] - from[first] : 0;
    while (end < from.size() && from[end] - from[end - 1] == step) ++end;
    const auto count = static_cast<std::int64_t>(end - first);
    result.push_back({static_cast<std::int64_t>(first), from[first], {{count, step, 1}}});
    first = end;
  }
  return result;
}

/// Where in input 0 each element of each output is from.
std::vector<std::vector<std::int64_t>> sources(CFunction& function) {
  const Node& node = function.node();
  if (!node.op->reference) throw Unsupported{"is not known to plain C"};
  std::vector<ReferenceTensor> inputs(node.inputs.size());
  std::vector<const ReferenceTensor*> pointers(node.inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!function.has_input(i)) continue;
    if (i > 0) {
      inputs[i] = widen(function.known(i));
    } else {
      inputs[i] = {function.type(0), std::vector<double>(static_cast<std::size_t>(function.shape(0).elements()))};
      std::iota(inputs[i].data.begin(), inputs[i].data.end(), 0.0);
    }
    pointers[i] = &inputs[i];
  }
  std::vector<ReferenceTensor> outputs;
  for (const int id : node.outputs) {
    const TensorType& type = function.graph().info(id).type;
    outputs.push_back({type, std::vector<double>(static_cast<std::size_t>(type.shape.elements()))});
  }
  node.op->reference({node.options, pointers, outputs});
  std::vector<std::vector<std::int64_t>> result;
  for (const ReferenceTensor& output : outputs) {
    std::vector<std::int64_t> places;
    for (const double place : output.data) {
      if (!std::isfinite(place)) throw Unsupported{"has an index that is out of range"};
      places.push_back(static_cast<std::int64_t>(place));
    }
    result.push_back(std::move(places));
  }
  return result;
}

/// The pieces of each axis of `shape`, if where an element is from is a sum over its axes.
std::optional<std::vector<std::vector<Piece>>> separated(const std::vector<std::int64_t>& places, const Shape& shape) {
  std::vector<std::vector<std::int64_t>> along;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const std::int64_t stride = shape.product(axis + 1, shape.rank());
    along.emplace_back();
    for (std::int64_t i = 0; i < shape[axis]; ++i) along.back().push_back(places[index(i * stride)] - places[0]);
  }
  for (std::int64_t i = 0; i < shape.elements(); ++i) {
    std::int64_t sum = places[0];
    std::int64_t rest = i;
    for (int axis = shape.rank(); axis-- > 0; rest /= shape[axis]) sum += along[at(axis)][index(rest % shape[axis])];
    if (sum != places[index(i)]) return std::nullopt;
  }
  std::vector<std::vector<Piece>> result;
  for (const auto& from : along) result.push_back(pieces_of(from));
  return result;
}

/// Copies what is at `places` of x to y, piece by piece.
void write_places(CFunction& function, const std::vector<std::int64_t>& places, const Shape& shape, std::size_t output) {
  if (places.empty()) return static_cast<void>(function.y(output));
  const auto pieces = separated(places, shape);
  std::size_t calls = 1;
  for (const auto& axis : pieces.value_or(std::vector<std::vector<Piece>>{})) calls *= std::min(axis.size(), kMostCalls + 1);
  if (!pieces || calls > kMostCalls) {
    throw Unsupported{fmt::format("moves numbers in an order that takes more than {} loops", kMostCalls)};
  }
  const std::string x = function.x(0);
  const std::string y = function.y(output);
  for (std::size_t call = 0; call < calls; ++call) {
    std::vector<MoveAxis> axes;
    std::int64_t from = places[0];
    std::int64_t to = 0;
    std::size_t rest = call;
    for (int axis = 0; axis < shape.rank(); ++axis) {
      const auto& of_axis = (*pieces)[at(axis)];
      const Piece& piece = of_axis[rest % of_axis.size()];
      rest /= of_axis.size();
      const std::int64_t stride = shape.product(axis + 1, shape.rank());
      from += piece.x;
      to += piece.y * stride;
      for (const MoveAxis& inner : piece.axes) axes.push_back({inner.count, inner.from, inner.to * stride});
    }
    write_move(function, axes, at_offset(x, from), at_offset(y, to));
  }
}

}  // namespace

std::string at_offset(const std::string& place, std::int64_t offset) {
  return offset == 0 ? place : fmt::format("{} + {}", place, offset);
}

void write_move(CFunction& function, const std::vector<MoveAxis>& axes, const std::string& x, const std::string& y) {
  std::vector<MoveAxis> kept = merged(axes);
  if (kept.size() <= kAxes) return write_call(function, kept, x, y);
  const auto shortest = std::ranges::min_element(kept, {}, &MoveAxis::count);
  const MoveAxis outer = *shortest;
  if (outer.count > static_cast<std::int64_t>(kMostCalls)) {
    throw Unsupported{fmt::format("moves numbers in an order that takes more than {} loops", kMostCalls)};
  }
  kept.erase(shortest);
  for (std::int64_t i = 0; i < outer.count; ++i) {
    write_move(function, kept, at_offset(x, i * outer.from), at_offset(y, i * outer.to));
  }
}

std::vector<MoveAxis> broadcast_axes(const Shape& shape, const Shape& result) {
  std::vector<MoveAxis> axes;
  std::int64_t from = 1;
  std::int64_t to = 1;
  for (int axis = 1; axis <= result.rank(); ++axis) {
    const std::int64_t extent = axis <= shape.rank() ? shape[-axis] : 1;
    axes.insert(axes.begin(), {result[-axis], extent == 1 ? 0 : from, to});
    from *= extent;
    to *= result[-axis];
  }
  return axes;
}

void write_reordered(CFunction& function) {
  const auto places = sources(function);
  std::vector<std::int64_t> same(static_cast<std::size_t>(function.shape(0).elements()));
  std::iota(same.begin(), same.end(), std::int64_t{0});
  if (places.size() == 1 && places[0] == same) return function.view();
  for (std::size_t output = 0; output < places.size(); ++output) {
    if (function.is_used(output)) write_places(function, places[output], function.output_shape(output), output);
  }
}

}  // namespace neurons::c
