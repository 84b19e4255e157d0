// The loop under every elementwise operation: apply a function of vectors to all elements of a tile. Compiled once per target.

#if defined(NEURONS_KERNELS_MAP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NEURONS_KERNELS_MAP_INL_H_
#undef NEURONS_KERNELS_MAP_INL_H_
#else
#define NEURONS_KERNELS_MAP_INL_H_
#endif

#include <algorithm>
#include <cstring>
#include <utility>

#include "neurons/kernels/tile_rows.hpp"

HWY_BEFORE_NAMESPACE();
namespace neurons::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;
using Vector = hn::Vec<Floats>;

/// The types of an operation's streams in memory: float, or std::uint8_t for booleans and bytes. In registers all are floats.
template <typename... Types>
struct Inputs {};
template <typename... Types>
struct Outputs {};

/// Where an operand's rows are: the next vector is `step` bytes on, the next row `row_step`.
struct RowCursor {
  const std::byte* data;
  std::ptrdiff_t step;
  std::ptrdiff_t row_step;
};

/// What an operation with several outputs returns.
template <std::size_t count>
struct Results {
  Vector values[count];
};

HWY_INLINE Vector load(Floats d, const float* data) { return hn::LoadU(d, data); }
HWY_INLINE Vector load(Floats d, const std::uint8_t* data) {
  const hn::Rebind<std::int32_t, Floats> integers;
  return hn::ConvertTo(d, hn::PromoteTo(integers, hn::LoadU(hn::Rebind<std::uint8_t, Floats>(), data)));
}
HWY_INLINE void store(Floats d, Vector values, float* data) { hn::StoreU(values, d, data); }
HWY_INLINE void store(Floats, Vector values, std::uint8_t* data) {
  const hn::Rebind<std::int32_t, Floats> integers;
  const hn::Rebind<std::uint8_t, Floats> bytes;
  hn::StoreU(hn::DemoteTo(bytes, hn::ConvertTo(integers, values)), bytes, data);
}

/// The first `count` elements of a vector, by way of a buffer: nothing outside is touched.
template <typename T>
HWY_INLINE Vector load_part(Floats d, const T* data, std::size_t count) {
#if !HWY_MEM_OPS_MIGHT_FAULT || HWY_TARGET == HWY_AVX2  // its masked loads do not touch what they leave out
  if constexpr (sizeof(T) == sizeof(float)) return hn::MaskedLoad(hn::FirstN(d, count), d, data);
#endif
  alignas(64) T buffer[hn::MaxLanes(Floats())] = {};
  for (std::size_t i = 0; i < count; ++i) buffer[i] = data[i];
  return load(d, buffer);
}
template <typename T>
HWY_INLINE void store_part(Floats d, Vector values, T* data, std::size_t count) {
#if HWY_TARGET == HWY_AVX2  // whose masked stores take AMD's processors some forty operations each
  if constexpr (sizeof(T) == sizeof(float)) {
    const hn::Half<Floats> four;
    const hn::Half<hn::Half<Floats>> two;
    auto low = hn::LowerHalf(four, values);
    if (count >= 4) {
      hn::StoreU(low, four, data);
      low = hn::UpperHalf(four, values);
      data += 4;
      count -= 4;
    }
    if (count >= 2) {
      hn::StoreU(hn::LowerHalf(two, low), two, data);
      low = hn::Shuffle1032(low);
      data += 2;
      count -= 2;
    }
    if (count > 0) *data = hn::GetLane(low);
    return;
  }
#elif !HWY_MEM_OPS_MIGHT_FAULT
  if constexpr (sizeof(T) == sizeof(float)) return hn::BlendedStore(values, hn::FirstN(d, count), d, data);
#endif
  alignas(64) T buffer[hn::MaxLanes(Floats())];
  store(d, values, buffer);
  for (std::size_t i = 0; i < count; ++i) data[i] = buffer[i];
}

template <typename In>
HWY_INLINE Vector load_at(Floats d, const std::byte* data) {
  return load(d, reinterpret_cast<const In*>(data));
}
template <typename In>
HWY_INLINE Vector load_part_at(Floats d, const std::byte* data, std::size_t count) {
  return load_part(d, reinterpret_cast<const In*>(data), count);
}

HWY_INLINE Vector result(Vector values, std::size_t) { return values; }
template <std::size_t count>
HWY_INLINE Vector result(const Results<count>& results, std::size_t output) {
  return results.values[output];
}

/// Rows of one length. What moves from row to row does so by its own number of bytes. The last, partial vector of a row goes
/// through the same arithmetic, so no result depends on where a tile was cut.
template <class Function, typename... Out, typename... In, std::size_t... o, std::size_t... i>
HWY_NOINLINE void map_rows(Outputs<Out...>, Inputs<In...>, std::index_sequence<o...>, std::index_sequence<i...>,
                           const Function& shared_function, const RowCursor* inputs, const RowCursor* outputs, std::int64_t rows,
                           std::int64_t columns) {
  const Floats d;
  const std::size_t lanes = hn::Lanes(d);
  constexpr std::size_t kAtOnce = sizeof...(In) + sizeof...(Out) <= 3 ? 2 : 1;  // the loop itself costs the cheap operations much
  const Function function = shared_function;  // a copy that no store can change: its constants stay in registers
  const RowCursor in[] = {inputs[i]...};
  const RowCursor out[] = {outputs[o]...};
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::byte* source[] = {in[i].data + row * in[i].row_step...};
    std::byte* target[] = {const_cast<std::byte*>(out[o].data) + row * out[o].row_step...};
    auto rest = static_cast<std::size_t>(columns);
    for (; rest >= kAtOnce * lanes; rest -= kAtOnce * lanes) {
      for (std::size_t vector = 0; vector < kAtOnce; ++vector) {
        const auto y = function(d, load_at<In>(d, source[i])...);
        (store(d, result(y, o), reinterpret_cast<Out*>(target[o])), ...);
        ((source[i] += in[i].step), ...);
        ((target[o] += lanes * sizeof(Out)), ...);
      }
    }
    for (; rest >= lanes; rest -= lanes) {
      const auto y = function(d, load_at<In>(d, source[i])...);
      (store(d, result(y, o), reinterpret_cast<Out*>(target[o])), ...);
      ((source[i] += in[i].step), ...);
      ((target[o] += lanes * sizeof(Out)), ...);
    }
    if (rest > 0) {
      const auto y = function(d, load_part_at<In>(d, source[i], rest)...);
      (store_part(d, result(y, o), reinterpret_cast<Out*>(target[o]), rest), ...);
    }
  }
}

/// Applies `function(d, inputs…)`, which returns a vector or Results, to the whole tile. Between the inputs' streams and the
/// outputs' are `scalars` ones of which `function` knows already.
template <std::size_t scalars = 0, class Function, typename... Out, typename... In>
HWY_INLINE void map(Outputs<Out...> outputs, Inputs<In...> inputs, const Tile& tile, const Function& function) {
  constexpr std::size_t kInputs = sizeof...(In);
  constexpr std::size_t kOutputs = sizeof...(Out);
  constexpr std::size_t kFirstOutput = kInputs + scalars;
  constexpr std::size_t kInputBytes[] = {sizeof(In)...};
  constexpr std::size_t kOutputBytes[] = {sizeof(Out)...};
  alignas(64) std::byte staging[kInputs][kGatherColumns * sizeof(float)];
  RowCursor in[kInputs];
  RowCursor out[kOutputs];
  // From one place on: `rows` rows of which none needs staging of its own, or a single one.
  const auto run_rows = [&](const Stream* streams, std::int64_t row, std::int64_t rows, std::int64_t column,
                            std::int64_t columns) HWY_ATTR {
    for (std::size_t s = 0; s < kInputs; ++s) {
      const Cursor cursor = open_row(streams[s], kInputBytes[s], row, column, columns, hn::Lanes(Floats()), staging[s]);
      in[s] = {cursor.data, cursor.step, streams[s].row_stride * static_cast<std::ptrdiff_t>(kInputBytes[s])};
    }
    for (std::size_t s = 0; s < kOutputs; ++s) {
      const Stream& stream = streams[kFirstOutput + s];
      const auto bytes = static_cast<std::ptrdiff_t>(kOutputBytes[s]);
      out[s] = {stream.data + (row * stream.row_stride + column) * bytes, 0, stream.row_stride * bytes};
    }
    map_rows(outputs, inputs, std::make_index_sequence<kOutputs>(), std::make_index_sequence<kInputs>(), function, in, out, rows,
             columns);
  };
  if (is_one_row(tile, 0, kInputs) && is_one_row(tile, kFirstOutput, kFirstOutput + kOutputs))
    return run_rows(tile.streams, 0, 1, 0, tile.rows * tile.columns);

  const TileRows walk = walk_rows(tile, kInputs, scalars, kOutputs);
  if (walk.stages_once) return run_rows(walk.streams, 0, walk.rows, 0, walk.columns);
  for (std::int64_t row = 0; row < walk.rows; ++row) {
    for (std::int64_t column = 0; column < walk.columns; column += walk.columns_per_pass) {
      run_rows(walk.streams, row, 1, column, std::min(walk.columns - column, walk.columns_per_pass));
    }
  }
}

template <class Function>
HWY_INLINE void map_unary(const Tile& tile, const Function& function) {
  map(Outputs<float>(), Inputs<float>(), tile, function);
}
template <class Function>
HWY_INLINE void map_binary(const Tile& tile, const Function& function) {
  map(Outputs<float>(), Inputs<float, float>(), tile, function);
}

/// The operation's constants, or their defaults where the tile brings none.
template <class Options>
HWY_INLINE Options options_of(const Tile& tile) {
  return tile.options == nullptr ? Options() : *static_cast<const Options*>(tile.options);
}

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // NEURONS_KERNELS_MAP_INL_H_
