#include <fmt/format.h>

#include <algorithm>

#include "neurons/formats/c/emitters.hpp"
#include "neurons/graph/option_of.hpp"
#include "neurons/ops/common/channels.hpp"

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

namespace {

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

const Snippet kLookUp{R"(/* The row of a table for each token; for one that the table does not have, NAN */
static void look_up(int tokens, int vocabulary, int width, const float *restrict table,
                    const float *restrict x, float *restrict y)
{
    for (int t = 0; t < tokens; ++t) {
        const int known = x[t] >= 0.0f && x[t] < (float)vocabulary;
        const float *row = table + (known ? (int)x[t] : 0) * width;
        for (int i = 0; i < width; ++i) {
            y[i] = known ? row[i] : NAN;
        }
        y += width;
    }
}
)",
                      {},
                      {"look_up"}};

void view(CFunction& function) { function.view(); }

/// Whole numbers are floats here; what reads them (look_up) takes their whole part.
void cast(CFunction& function) {
  if (option_of<std::string>(function.options(), "to") == "bool") throw Unsupported{"makes booleans"};
  function.view();
}

/// Axes of more than one element, in their new order: none changes place, or two blocks of them do.
void transpose(CFunction& function, std::span<const std::int64_t> order) {
  const Shape& shape = function.shape(0);
  std::vector<std::int64_t> axes;
  for (const std::int64_t axis : order) {
    if (shape[static_cast<int>(axis)] != 1) axes.push_back(axis);
  }
  if (std::ranges::is_sorted(axes)) return function.view();
  const auto turn = std::ranges::is_sorted_until(axes);
  std::rotate(axes.begin(), turn, axes.end());
  if (!std::ranges::is_sorted(axes)) throw Unsupported{"changes the order of three axes"};
  const std::int64_t rows =
      shape.product(0, static_cast<int>(order.empty() ? 0 : *std::ranges::find_if(order, [&](std::int64_t axis) {
                      return shape[static_cast<int>(axis)] != 1;
                    })));
  function.file().use(kTranspose);
  const std::string x = function.x(0);
  function.call(fmt::format("transpose({}, {}, {}, {});", rows, shape.elements() / rows, x, function.y()));
}

void transpose_op(CFunction& function) {
  auto order = option_of<std::vector<std::int64_t>>(function.options(), "perm");
  for (int axis = function.shape(0).rank(); order.empty() || static_cast<int>(order.size()) < function.shape(0).rank();)
    order.push_back(--axis);
  transpose(function, order);
}

void to_channels_last(CFunction& function) { transpose(function, ops::channels_order(function.shape(0).rank(), true)); }
void to_channels_first(CFunction& function) { transpose(function, ops::channels_order(function.shape(0).rank(), false)); }

void concat(CFunction& function) {
  const Shape& result = function.output_shape();
  const int axis = result.normalized_axis(option_of<std::int64_t>(function.options(), "axis"));
  const std::int64_t rows = result.product(0, axis);
  const std::int64_t to = result.elements() / rows;
  function.file().use(kCopyRows);
  function.say(fmt::format("{} one beside the other", function.node().inputs.size()));
  std::int64_t first = 0;
  for (std::size_t i = 0; i < function.node().inputs.size(); ++i) {
    const std::int64_t width = function.shape(i).elements() / rows;
    const std::string x = function.x(i);
    const std::string y = function.y();
    const std::string place = first == 0 ? y : fmt::format("{} + {}", y, first);
    function.call(fmt::format("copy_rows({}, {}, {}, {}, {}, {});", rows, width, width, x, to, place));
    first += width;
  }
}

/// Of one axis, without gaps.
void slice(CFunction& function) {
  const Shape& shape = function.shape(0);
  const Shape& result = function.output_shape();
  const auto list = [&](const char* name) { return option_of<std::vector<std::int64_t>>(function.options(), name); };
  int axis = -1;
  for (int i = 0; i < shape.rank(); ++i) {
    if (shape[i] == result[i]) continue;
    if (axis >= 0) throw Unsupported{"cuts along more than one axis"};
    axis = i;
  }
  if (axis < 0) return function.view();
  const auto axes = list("axes");
  const auto steps = list("steps");
  std::int64_t start = 0;
  for (std::size_t i = 0; i < list("starts").size(); ++i) {
    const int cut = axes.empty() ? static_cast<int>(i) : shape.normalized_axis(axes[i]);
    if (!steps.empty() && steps[i] != 1) throw Unsupported{"leaves gaps"};
    if (cut == axis) start = list("starts")[i];
  }
  if (start < 0) start += shape[axis];
  const std::int64_t rows = shape.product(0, axis);
  const std::int64_t inner = shape.product(axis + 1, shape.rank());
  function.file().use(kCopyRows);
  const std::string x = function.x(0);
  const std::string from = start == 0 ? x : fmt::format("{} + {}", x, start * inner);
  function.call(fmt::format("copy_rows({}, {}, {}, {}, {}, {});", rows, result[axis] * inner, shape[axis] * inner, from,
                            result[axis] * inner, function.y()));
}

/// Rows of a table: an embedding.
void gather(CFunction& function) {
  const Tensor& table = function.known(0);
  if (option_of<std::int64_t>(function.options(), "axis") != 0 || table.shape().rank() != 2) throw Unsupported{"is no embedding"};
  CFile& file = function.file();
  file.use(kLookUp);
  const std::string layer = function.layer();
  const std::string array = file.array(layer + "_table", table.values<float>(),
                                       fmt::format("[{}][{}]", counted(table.shape()[0], "token"), table.shape()[1]));
  function.say(fmt::format("{} numbers for each token", table.shape()[1]));
  const std::string x = function.x(1);
  function.call(fmt::format("look_up({}, {}, {}, {}, {}, {});", function.shape(1).elements(), table.shape()[0], table.shape()[1],
                            array, x, function.y()));
}

}  // namespace

void add_moves(Emitters& table) {
  for (const char* name : {"Reshape", "Identity", "Flatten", "Squeeze", "Unsqueeze"}) table[name] = view;
  table["Transpose"] = transpose_op;
  table["ToChannelsLast"] = to_channels_last;
  table["ToChannelsFirst"] = to_channels_first;
  table["Cast"] = cast;
  table["Concat"] = concat;
  table["Slice"] = slice;
  table["Gather"] = gather;
}

}  // namespace neurons::c
