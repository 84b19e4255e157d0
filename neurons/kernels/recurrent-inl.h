// Walking through the steps of recurrent neurons, forwards and backwards, for any kind of cell. Compiled once per target.

#if defined(NEURONS_KERNELS_RECURRENT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NEURONS_KERNELS_RECURRENT_INL_H_
#undef NEURONS_KERNELS_RECURRENT_INL_H_
#else
#define NEURONS_KERNELS_RECURRENT_INL_H_
#endif

#include <algorithm>
#include <array>
#include <initializer_list>

#include "neurons/base/aligned_buffer.hpp"
#include "neurons/kernels/maths-inl.h"
#include "neurons/kernels/micro_kernel-inl.h"
#include "neurons/kernels/recurrent_scratch.hpp"

HWY_BEFORE_NAMESPACE();
namespace neurons::kernels::HWY_NAMESPACE {

static_assert(kGateUnits % kLanes == 0);

/// Vectors of half a line or less use what a line of the weights holds in parts, and the lines of all gates of a block fill the
/// first-level cache: for several rows the weights are first brought into the order in which they are read.
constexpr bool kLinesInParts = kLanes < kGateUnits;

/// Rows of a register tile that holds all gates of a vector of units.
template <int kGates>
constexpr int kGateRows = std::min(kMaxRows, kMaxSums / kGates);

/// sums += h · R for a tile: rows of h broadcast, each gate's weights as a vector.
template <int kRows, int kGates>
HWY_INLINE void add_recurrent(const float* h, std::int64_t h_stride, std::int64_t inner, const float* const* weights,
                              std::int64_t weight_stride, Vector (&sum)[kRows][kGates]) {
  const Floats d;
  RowPointers<Layout::inner_contiguous, kRows> left(h, h_stride);
  const float* right[kGates];
  NEURONS_UNROLL
  for (int g = 0; g < kGates; ++g) right[g] = weights[g];
  for (std::int64_t k = 0; k < inner; ++k) {
    Vector values[kGates];
    NEURONS_UNROLL
    for (int g = 0; g < kGates; ++g) values[g] = hn::LoadU(d, right[g]);
    left.hide_strides();
    NEURONS_UNROLL
    for (int r = 0; r < kRows; ++r) {
      const Vector value = hn::Set(d, left[r]);
      NEURONS_UNROLL
      for (int g = 0; g < kGates; ++g) sum[r][g] = hn::MulAdd(value, values[g], sum[r][g]);
    }
    left.advance();
    NEURONS_UNROLL
    for (int g = 0; g < kGates; ++g) right[g] += weight_stride;
  }
}

/// The same for one row and neighbouring vectors of units: one alone would have as many sums as there are gates, too few to hide a
/// multiply-add's latency, and use half of each line.
template <int kParts, int kGates>
HWY_INLINE void add_recurrent_row(const float* h, std::int64_t inner, const float* const* weights, std::int64_t weight_stride,
                                  Vector (&sum)[kParts][1][kGates]) {
  const Floats d;
  const float* right[kGates];
  NEURONS_UNROLL
  for (int g = 0; g < kGates; ++g) right[g] = weights[g];
  for (std::int64_t k = 0; k < inner; ++k) {
    const Vector value = hn::Set(d, h[k]);
    NEURONS_UNROLL
    for (int g = 0; g < kGates; ++g) {
      NEURONS_UNROLL
      for (int p = 0; p < kParts; ++p) sum[p][0][g] = hn::MulAdd(value, hn::LoadU(d, right[g] + p * kLanes), sum[p][0][g]);
      right[g] += weight_stride;
    }
  }
}

/// 1 / (1 + e^-x), ≤ 3 ulp where it is above e^-87, the least that it gives; NaN for NaN. Cheaper than sigmoid().
HWY_INLINE Vector gate(Floats d, Vector x) {
  const Vector one = hn::Set(d, 1.0F);
  const auto reduced = reduce_exponential(d, hn::Neg(at_most(d, at_least(d, x, -87.0F), 87.0F)));
  const Vector scale = power_of_two(d, reduced.exponent);
  return hn::Div(one, hn::Add(one, hn::MulAdd(reduced.expm1, scale, scale)));
}

/// Where a vector of units is: in one row and step.
struct UnitPlace {
  std::int64_t row = 0;     ///< of the worker's
  std::int64_t place = 0;   ///< step · batch + row of the batch
  std::int64_t unit = 0;    ///< the first
  std::int64_t count = 0;   ///< units from there on that exist
  std::int64_t column = 0;  ///< of gate 0
  bool active = true;       ///< whether that row has that step
};

/// Asks for what the gated cells of a tile write, gates (null: none) and units, and for the sums that the next tile reads.
template <int kGates>
HWY_INLINE void fetch_gated(const UnitPlace& at, int rows, const GateShape& gates, const float* sums, const float* activated,
                            std::initializer_list<const float*> units) {
  for (int r = 0; r < rows; ++r) {
    const std::int64_t place = at.place + r;
    const float* const ahead = sums + (place + rows) * gates.columns() + at.column;
    for (int g = 0; g < kGates; ++g) {
      prefetch_to_read(reinterpret_cast<const std::byte*>(ahead + g * kGateUnits));
      if (activated != nullptr) {
        prefetch_to_write(reinterpret_cast<const std::byte*>(activated + place * gates.columns() + at.column + g * kGateUnits));
      }
    }
    for (const float* target : units) {
      if (target != nullptr) prefetch_to_write(reinterpret_cast<const std::byte*>(target + place * gates.hidden + at.unit));
    }
  }
}

/// Rows [first, end) of the batch, walked through all steps. `Cell` knows its gates, how sums begin and what becomes of them: first
/// `squash` for all rows of a tile, so that the processor has independent work, then `finish` row by row.
template <class Cell>
class ForwardWalk {
 public:
  static constexpr int kGates = Cell::kGates;

  /// `scratch` has the two states first; `ordered` is where the weights are put in order.
  ForwardWalk(Cell& cell, const RecurrentShape& shape, const float* panels, float* scratch, float* ordered, std::int64_t first,
              std::int64_t end)
      : cell_(cell), shape_(shape), panels_(panels), first_(first), rows_(end - first), stride_(state_stride(shape)) {
    now_ = scratch;
    next_ = scratch + rows_ * stride_;
    if (kLinesInParts && orders_weights(shape, rows_)) order_weights(ordered);
  }

  void run(const float* initial_h, float* last_h) {
    load_state(initial_h);
    bool any = initial_h != nullptr;  // zeros contribute nothing
    for (std::int64_t i = 0; i < shape_.steps; ++i) {
      step_ = shape_.reverse ? shape_.steps - 1 - i : i;
      inner_ = any ? shape_.gates.hidden : 0;
      for (std::int64_t b = 0; b < shape_.gates.blocks(); ++b) {  // there and back: the last weights are still in the cache
        const std::int64_t block = i % 2 == 0 ? b : shape_.gates.blocks() - 1 - b;
        if (kLinesInParts && rows_ == 1) {
          for (std::int64_t part = 0; part < kGateUnits; part += kRowParts * kLanes) row_of(*this, block, part);
        } else {
          for (std::int64_t part = 0; part < kGateUnits; part += kLanes) run_units(block, part);
        }
      }
      std::swap(now_, next_);
      any = true;
    }
    for (std::int64_t row = 0; last_h != nullptr && row < rows_; ++row) {
      std::copy_n(now_ + row * stride_, shape_.gates.hidden, last_h + (first_ + row) * shape_.gates.hidden);
    }
  }

 private:
  void load_state(const float* initial_h) {
    std::fill_n(now_, 2 * rows_ * stride_, 0.0F);
    for (std::int64_t row = 0; initial_h != nullptr && row < rows_; ++row) {
      std::copy_n(initial_h + (first_ + row) * shape_.gates.hidden, shape_.gates.hidden, now_ + row * stride_);
    }
  }

  struct Weights {
    const float* of_gate[kGates];
    std::int64_t stride;  ///< from one input to the next
  };

  Weights weights_in_panels(std::int64_t block, std::int64_t part) const {
    const PanelShape panels = shape_.gates.panels();
    Weights weights;
    weights.stride = panels.width();
    for (int g = 0; g < kGates; ++g) {
      const std::int64_t column = (block * kGates + g) * kGateUnits + part;
      weights.of_gate[g] = panels_ + column / weights.stride * panels.inputs * weights.stride + column % weights.stride;
    }
    return weights;
  }

  /// All weights of a vector of units behind each other: for each input, those of its gates.
  void order_weights(float* to) {
    const Floats d;
    ordered_ = to;
    for (std::int64_t block = 0; block < shape_.gates.blocks(); ++block) {
      for (std::int64_t part = 0; part < kGateUnits; part += kLanes) {
        const Weights from = weights_in_panels(block, part);
        for (std::int64_t k = 0; k < shape_.gates.hidden; ++k) {
          for (int g = 0; g < kGates; ++g, to += kLanes) hn::StoreU(hn::LoadU(d, from.of_gate[g] + k * from.stride), d, to);
        }
      }
    }
  }

  Weights weights_of(std::int64_t block, std::int64_t part) const {
    if (ordered_ == nullptr) return weights_in_panels(block, part);
    Weights weights;
    weights.stride = kGates * kLanes;
    const float* const first = ordered_ + (block * kGateUnits + part) * kGates * shape_.gates.hidden;
    for (int g = 0; g < kGates; ++g) weights.of_gate[g] = first + g * kLanes;
    return weights;
  }

  UnitPlace place_of(std::int64_t row, std::int64_t block, std::int64_t part) const {
    UnitPlace at;
    at.row = row;
    at.place = step_ * shape_.batch + first_ + row;
    at.unit = block * kGateUnits + part;
    at.count = shape_.gates.hidden - at.unit;
    at.column = block * kGates * kGateUnits + part;
    return at;
  }
  bool is_active(std::int64_t row) const { return shape_.lengths == nullptr || step_ < shape_.lengths[first_ + row]; }

  static constexpr int kRowParts = kLinesInParts ? 2 : 1;
  /// The only row, two vectors of units at a time.
  static HWY_NOINLINE void row_of(ForwardWalk& walk, std::int64_t block, std::int64_t part) { walk.run_row(block, part); }
  HWY_INLINE void run_row(std::int64_t block, std::int64_t part) {
    const Weights weights = weights_of(block, part);
    Vector sum[kRowParts][1][kGates];
    NEURONS_UNROLL
    for (int p = 0; p < kRowParts; ++p) cell_.begin(place_of(0, block, part + p * kLanes), 0, sum[p][0]);
    add_recurrent_row<kRowParts, kGates>(now_, inner_, weights.of_gate, weights.stride, sum);
    NEURONS_UNROLL
    for (int p = 0; p < kRowParts; ++p) {
      UnitPlace at = place_of(0, block, part + p * kLanes);
      at.active = is_active(0);
      cell_.squash(at, sum[p]);
      cell_.finish(at, sum[p][0], now_ + at.unit, next_ + at.unit);
    }
  }

  /// All rows, cut as evenly as possible into tiles.
  void run_units(std::int64_t block, std::int64_t part) {
    constexpr std::int64_t kTile = kGateRows<kGates>;
    const std::int64_t tiles = (rows_ + kTile - 1) / kTile;
    const std::int64_t height = rows_ / tiles;
    const std::int64_t higher = rows_ - height * tiles;
    std::int64_t row = 0;
    for (std::int64_t t = 0; t < tiles; ++t) {
      const std::int64_t count = height + (t < higher ? 1 : 0);
      run_tile(count, row, block, part, std::make_index_sequence<kTile>());
      row += count;
    }
  }

  template <std::size_t... r>
  void run_tile(std::int64_t count, std::int64_t row, std::int64_t block, std::int64_t part, std::index_sequence<r...>) {
    using Tile = void (*)(ForwardWalk&, std::int64_t, std::int64_t, std::int64_t);
    static constexpr Tile kTiles[] = {&ForwardWalk::template tile_of<static_cast<int>(r) + 1>...};
    kTiles[count - 1](*this, row, block, part);
  }
  template <int kRows>
  static HWY_NOINLINE void tile_of(ForwardWalk& walk, std::int64_t row, std::int64_t block, std::int64_t part) {
    walk.template tile<kRows>(row, block, part);
  }

  template <int kRows>
  HWY_INLINE void tile(std::int64_t row, std::int64_t block, std::int64_t part) {
    const Weights weights = weights_of(block, part);
    UnitPlace at = place_of(row, block, part);
    Vector sum[kRows][kGates];
    NEURONS_UNROLL
    for (int r = 0; r < kRows; ++r) cell_.begin(at, r, sum[r]);
    cell_.fetch(at, kRows);
    add_recurrent<kRows, kGates>(now_ + row * stride_, stride_, inner_, weights.of_gate, weights.stride, sum);
    cell_.squash(at, sum);
    for (int r = 0; r < kRows; ++r) {
      at.active = is_active(row + r);
      cell_.finish(at, sum[r], now_ + at.row * stride_ + at.unit, next_ + at.row * stride_ + at.unit);
      ++at.row;
      ++at.place;
    }
  }

  Cell& cell_;
  const RecurrentShape& shape_;
  const float* panels_;
  const float* ordered_ = nullptr;
  std::int64_t first_;
  std::int64_t rows_;
  std::int64_t stride_;
  std::int64_t step_ = 0;
  std::int64_t inner_ = 0;
  float* now_;
  float* next_;
};

/// Stores units that exist in [steps, batch, hidden], where that is wanted.
HWY_INLINE void store_units(const UnitPlace& at, std::int64_t hidden, Vector values, float* target) {
  if (target != nullptr) store_columns(Floats(), values, target + at.place * hidden + at.unit, at.count);
}
HWY_INLINE Vector load_units(const UnitPlace& at, std::int64_t hidden, const float* source) {
  return source == nullptr ? hn::Zero(Floats()) : load_columns(Floats(), source + at.place * hidden + at.unit, at.count);
}

/// The walk backwards. At each step `Cell::slopes` makes of dL/dh the slopes of the sums, which through the transposed weights give
/// dL/dh of the step before.
template <class Cell>
class BackwardWalk {
 public:
  static constexpr int kGates = Cell::kGates;

  BackwardWalk(Cell& cell, const RecurrentShape& shape, const float* turned, float* scratch, std::int64_t first, std::int64_t end)
      : cell_(cell), shape_(shape), first_(first), rows_(end - first), stride_(state_stride(shape)) {
    const BackwardScratch parts(shape, rows_);
    dh_ = scratch;
    carry_ = scratch + parts.carry;
    slopes_ = scratch + parts.slopes;
    product_ = prepare(backward_product(shape, turned, slopes_, dh_, rows_));
    product_scratch_ = reinterpret_cast<std::byte*>(scratch + parts.product);
  }

  void run(const float* dy, const float* last_dh, float* initial_dh) {
    const std::int64_t hidden = shape_.gates.hidden;
    std::fill_n(dh_, rows_ * stride_, 0.0F);
    for (std::int64_t row = 0; last_dh != nullptr && row < rows_; ++row) {
      std::copy_n(last_dh + (first_ + row) * hidden, hidden, dh_ + row * stride_);
    }
    for (std::int64_t i = 0; i < shape_.steps; ++i) {
      const std::int64_t step = shape_.reverse ? i : shape_.steps - 1 - i;
      for (std::int64_t row = 0; row < rows_; ++row) run_row(step, row, dy);
      if (i + 1 == shape_.steps && initial_dh == nullptr) return;
      neurons::kernels::run(product_, product_scratch_, {0, 1});
      if (Cell::kCarries || shape_.lengths != nullptr) add_carry(step);
    }
    for (std::int64_t row = 0; row < rows_; ++row) std::copy_n(dh_ + row * stride_, hidden, initial_dh + (first_ + row) * hidden);
  }

 private:
  void run_row(std::int64_t step, std::int64_t row, const float* dy) {
    const Floats d;
    const std::int64_t hidden = shape_.gates.hidden;
    float* const row_slopes = slopes_ + row * slope_stride(shape_);
    UnitPlace at;
    at.row = row;
    at.place = step * shape_.batch + first_ + row;
    at.active = shape_.lengths == nullptr || step < shape_.lengths[first_ + row];
    for (at.unit = 0; at.unit < shape_.gates.padded(); at.unit += kLanes) {
      at.count = hidden - at.unit;
      at.column = at.unit / kGateUnits * kGates * kGateUnits + at.unit % kGateUnits;
      const Vector dh = hn::LoadU(d, dh_ + row * stride_ + at.unit);
      Vector slopes[kGates];
      float* const carry = carry_ + row * stride_ + at.unit;
      if (at.active) {
        cell_.slopes(at, hn::Add(dh, load_units(at, hidden, dy)), slopes, carry);
      } else {
        NEURONS_UNROLL
        for (int g = 0; g < kGates; ++g) slopes[g] = hn::Zero(d);
        hn::StoreU(dh, d, carry);
        cell_.skip(at);
      }
      NEURONS_UNROLL
      for (int g = 0; g < kGates; ++g) hn::StoreU(slopes[g], d, row_slopes + at.column + g * kGateUnits);
    }
  }

  void add_carry(std::int64_t step) {
    const Floats d;
    for (std::int64_t row = 0; row < rows_; ++row) {
      if (!Cell::kCarries && step < shape_.lengths[first_ + row]) continue;
      for (std::int64_t unit = 0; unit < shape_.gates.padded(); unit += kLanes) {
        float* const dh = dh_ + row * stride_ + unit;
        hn::StoreU(hn::Add(hn::LoadU(d, dh), hn::LoadU(d, carry_ + row * stride_ + unit)), d, dh);
      }
    }
  }

  Cell& cell_;
  const RecurrentShape& shape_;
  std::int64_t first_;
  std::int64_t rows_;
  std::int64_t stride_;
  float* dh_;
  float* carry_;   ///< what reaches h of the step before past the weights
  float* slopes_;  ///< of the sums, those that go through the weights
  PreparedProduct product_;
  std::byte* product_scratch_;
};

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // NEURONS_KERNELS_RECURRENT_INL_H_
