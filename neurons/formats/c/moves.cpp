#include <fmt/format.h>

#include <algorithm>

#include "neurons/base/at.hpp"
#include "neurons/formats/c/emitters.hpp"
#include "neurons/formats/c/strided.hpp"
#include "neurons/graph/option_of.hpp"
#include "neurons/ops/common/resize.hpp"

namespace neurons::c {

namespace {

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

const Snippet kResample{
    R"(/* Each result along an axis is a sum over so many places of x: pairs of a place and its weight, -1 where it has fewer */
static void resample(int groups, int from, int to, int width, int terms, const float *restrict pairs,
                     const float *restrict x, float *restrict y)
{
    for (int group = 0; group < groups; ++group) {
        const float *pair = pairs;
        for (int result = 0; result < to; ++result) {
            for (int i = 0; i < width; ++i) {
                y[i] = 0.0f;
            }
            for (int term = 0; term < terms; ++term, pair += 2) {
                if (pair[0] < 0.0f) {
                    continue;
                }
                const float *place = x + (int)pair[0] * width;
                for (int i = 0; i < width; ++i) {
                    y[i] += pair[1] * place[i];
                }
            }
            y += width;
        }
        x += from * width;
    }
}
)",
    {},
    {"resample"}};

void view(CFunction& function) { function.view(); }

bool is_float(const Graph& graph, int id) {
  const DType dtype = graph.info(id).type.dtype;
  return dtype == DType::f32 || dtype == DType::f64;
}

/// Whether all that reads a whole number, moved or not, takes its whole part: which row of a table.
bool is_looked_up(const Graph& graph, int id) {
  if (std::ranges::find(graph.outputs(), id, &NamedOutput::value) != graph.outputs().end()) return false;
  const auto moves = [&](int output) { return !is_float(graph, output) && is_looked_up(graph, output); };
  return std::ranges::all_of(graph.nodes(), [&](const Node& node) {
    const bool reads = std::ranges::find(node.inputs, id) != node.inputs.end();
    return !reads || (node.op->name == "Gather" && node.inputs[0] != id) || std::ranges::all_of(node.outputs, moves);
  });
}

/// Whole numbers are floats here.
void cast(CFunction& function) {
  const auto to = option_of<std::string>(function.options(), "to");
  if (to == "bool") throw Unsupported{"makes booleans"};
  const int result = function.node().outputs[0];
  const bool cuts = is_float(function.graph(), function.node().inputs[0]) && !is_float(function.graph(), result);
  if (cuts && !is_looked_up(function.graph(), result)) throw Unsupported{"cuts fractions off, of what is no row of a table"};
  function.view();
}

void concat(CFunction& function) {
  const Shape& result = function.output_shape();
  const int axis = result.normalized_axis(option_of<std::int64_t>(function.options(), "axis"));
  const std::int64_t rows = result.product(0, axis);
  const std::int64_t to = result.elements() / rows;
  function.say(fmt::format("{} one beside the other", function.node().inputs.size()));
  std::int64_t first = 0;
  for (std::size_t i = 0; i < function.node().inputs.size(); ++i) {
    const std::int64_t width = function.shape(i).elements() / rows;
    const std::string x = function.x(i);
    write_move(function, {{rows, width, to}, {width, 1, 1}}, x, at_offset(function.y(), first));
    first += width;
  }
}

/// A value around what is kept of the input; simplify() has made Gathers of the other modes.
void pad(CFunction& function) {
  const Options& options = function.options();
  const Shape& shape = function.shape(0);
  const Shape& result = function.output_shape();
  const auto pads = option_of<std::vector<std::int64_t>>(options, "pads");
  auto axes = option_of<std::vector<std::int64_t>>(options, "axes");
  if (axes.empty()) {
    for (int axis = 0; axis < shape.rank(); ++axis) axes.push_back(axis);
  }
  std::vector<std::int64_t> before(static_cast<std::size_t>(shape.rank()));
  for (std::size_t i = 0; i < axes.size(); ++i) before[at(shape.normalized_axis(axes[i]))] = pads[i];
  std::vector<MoveAxis> moves;
  std::int64_t from = 0;
  std::int64_t to = 0;
  bool grows = false;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const std::int64_t first = std::max<std::int64_t>(0, before[at(axis)]);
    const std::int64_t cut = std::max<std::int64_t>(0, -before[at(axis)]);
    const std::int64_t kept = std::min(shape[axis] - cut, result[axis] - first);
    const std::int64_t from_stride = shape.product(axis + 1, shape.rank());
    const std::int64_t to_stride = result.product(axis + 1, result.rank());
    moves.push_back({std::max<std::int64_t>(0, kept), from_stride, to_stride});
    grows = grows || kept <= 0 || kept != result[axis];
    from += cut * from_stride;
    to += first * to_stride;
  }
  const auto value = static_cast<float>(option_of<double>(options, "value"));
  function.say(fmt::format("{} numbers around {}", result.elements() - shape.elements(), shape.elements()));
  const std::string y = function.y();
  if (grows) {
    function.file().use(fill());
    function.call(fmt::format("fill({}, {}, {});", result.elements(), literal(value), y));
  }
  if (std::ranges::all_of(moves, [](const MoveAxis& axis) { return axis.count > 0; })) {
    write_move(function, moves, at_offset(function.x(0), from), at_offset(y, to));
  }
}

/// The terms of results along an axis, as many for each: pairs of a place and its weight. Terms that others have more of would be
/// NaN beside infinities, whatever their weight.
std::vector<float> pairs_of(const ops::AxisTaps& taps, std::size_t terms) {
  std::vector<float> pairs;
  for (std::vector<ops::Tap> one : taps) {
    one.resize(terms, {-1, 0});
    for (const ops::Tap& tap : one) pairs.insert(pairs.end(), {static_cast<float>(tap.place), static_cast<float>(tap.weight)});
  }
  return pairs;
}

/// Axis after axis.
void resize(CFunction& function) {
  const auto& options = function.options().as<ops::ResizeOptions>();
  if (options.coordinate_transformation_mode == "tf_crop_and_resize") throw Unsupported{"cuts a region out"};
  if (options.mode == "nearest") return write_reordered(function);
  if (function.output_shape().elements() == 0) throw Unsupported{"leaves no number of its input"};
  const std::vector<ops::AxisResize> axes = ops::resolve_resize(options, function.shape(0));
  CFile& file = function.file();
  file.use(kResample);
  function.say(fmt::format("{} between the numbers of {}", options.mode, function.shape(0).to_string()));
  std::string x = function.x(0);
  Shape shape = function.shape(0);
  std::vector<int> moved;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (!ops::is_identity(axes[at(axis)], options)) moved.push_back(axis);
  }
  for (const int axis : moved) {
    const ops::AxisTaps taps = ops::taps_of(axes[at(axis)], options);
    const std::size_t terms = std::ranges::max(taps, {}, &std::vector<ops::Tap>::size).size();
    const std::int64_t from = shape[axis];
    shape = shape.with(axis, axes[at(axis)].to);
    const std::string y = axis == moved.back() ? function.y() : function.room(shape.elements(), "resized");
    const std::string pairs = file.array(fmt::format("{}_axis{}", function.layer(), axis), pairs_of(taps, terms),
                                         fmt::format("[{}][{}] places and weights", shape[axis], terms));
    function.call(fmt::format("resample({}, {}, {}, {}, {}, {}, {}, {});", shape.product(0, axis), from, shape[axis],
                              shape.product(axis + 1, shape.rank()), terms, pairs, x, y));
    x = y;
  }
}

/// Rows of a table (an embedding), or known places of what the network computes.
void gather(CFunction& function) {
  if (!function.is_known(0) && function.is_known(1)) return write_reordered(function);
  if (!function.is_known(0)) throw Unsupported{"both what it takes from and which it takes depend on the network's input"};
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
  for (const char* name : {"Transpose", "ToChannelsLast", "ToChannelsFirst", "Slice", "Split", "Expand", "Tile"}) {
    table[name] = write_reordered;
  }
  table["Resize"] = resize;
  table["Pad"] = pad;
  table["Cast"] = cast;
  table["Concat"] = concat;
  table["Gather"] = gather;
}

}  // namespace neurons::c
