#include "neurons/kernels/recurrent_gru_before.hpp"

#include "neurons/kernels/recurrent_scratch.hpp"
#include "neurons/kernels/simd_targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "neurons/kernels/recurrent_gru_before.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "neurons/kernels/recurrent-inl.h"

HWY_BEFORE_NAMESPACE();
namespace neurons::kernels::HWY_NAMESPACE {

/// Each step twice through the units: the candidate's sum needs r · h of all of them.
class GruBeforeSteps {
 public:
  GruBeforeSteps(const GruBeforeForward& call, float* scratch, std::int64_t first, std::int64_t end)
      : call_(call), shape_(call.shape), first_(first), rows_(end - first), stride_(state_stride(call.shape)) {
    now_ = scratch;
    next_ = now_ + rows_ * stride_;
    update_ = next_ + rows_ * stride_;
    reset_h_ = update_ + rows_ * stride_;
  }

  void run() {
    const std::int64_t hidden = shape_.gates.hidden;
    std::fill_n(now_, 4 * rows_ * stride_, 0.0F);
    for (std::int64_t row = 0; call_.initial_h != nullptr && row < rows_; ++row) {
      std::copy_n(call_.initial_h + (first_ + row) * hidden, hidden, now_ + row * stride_);
    }
    for (std::int64_t i = 0; i < shape_.steps; ++i) {
      step_ = shape_.reverse ? shape_.steps - 1 - i : i;
      inner_ = i > 0 || call_.initial_h != nullptr ? hidden : 0;  // zeros contribute nothing
      for (std::int64_t unit = 0; unit < shape_.gates.padded(); unit += kLanes) run_units<2>(unit);
      for (std::int64_t unit = 0; unit < shape_.gates.padded(); unit += kLanes) run_units<1>(unit);
      std::swap(now_, next_);
    }
    for (std::int64_t row = 0; call_.last_h != nullptr && row < rows_; ++row) {
      std::copy_n(now_ + row * stride_, hidden, call_.last_h + (first_ + row) * hidden);
    }
  }

 private:
  /// Two gates: update and reset; one: the candidate.
  template <int kGates>
  void run_units(std::int64_t unit) {
    constexpr std::int64_t kTile = kGateRows<kGates>;
    for (std::int64_t row = 0; row < rows_; row += kTile) {
      run_tile<kGates>(std::min(kTile, rows_ - row), row, unit, std::make_index_sequence<kTile>());
    }
  }

  template <int kGates, std::size_t... r>
  void run_tile(std::int64_t count, std::int64_t row, std::int64_t unit, std::index_sequence<r...>) {
    using Tile = void (*)(GruBeforeSteps&, std::int64_t, std::int64_t);
    static constexpr Tile kTiles[] = {&GruBeforeSteps::template tile<static_cast<int>(r) + 1, kGates>...};
    kTiles[count - 1](*this, row, unit);
  }

  template <int kRows, int kGates>
  static HWY_NOINLINE void tile(GruBeforeSteps& walk, std::int64_t row, std::int64_t unit) {
    const Floats d;
    constexpr int kFirst = kGates == 2 ? 0 : 2;
    const GateShape& gates = walk.shape_.gates;
    const PanelShape panels = gates.panels();
    const std::int64_t width = panels.width();
    UnitPlace at;
    at.row = row;
    at.place = walk.step_ * walk.shape_.batch + walk.first_ + row;
    at.unit = unit;
    at.count = gates.hidden - unit;
    at.column = gates.column(0, unit);
    const float* weights[kGates];
    Vector sum[kRows][kGates];
    for (int g = 0; g < kGates; ++g) {
      const std::int64_t column = gates.column(kFirst + g, unit);
      weights[g] = walk.call_.panels + column / width * panels.inputs * width + column % width;
      for (int r = 0; r < kRows; ++r) sum[r][g] = hn::LoadU(d, walk.call_.sums + (at.place + r) * gates.columns() + column);
    }
    const float* const from = kGates == 2 ? walk.now_ : walk.reset_h_;
    add_recurrent<kRows, kGates>(from + row * walk.stride_, walk.stride_, walk.inner_, weights, width, sum);
    for (int r = 0; r < kRows; ++r) {
      at.active = walk.shape_.lengths == nullptr || walk.step_ < walk.shape_.lengths[walk.first_ + at.row];
      if constexpr (kGates == 2) {
        walk.reset(at, gate(d, sum[r][0]), gate(d, sum[r][1]));
      } else {
        walk.finish(at, tanh(d, sum[r][0]));
      }
      ++at.row;
      ++at.place;
    }
  }

  HWY_INLINE void reset(const UnitPlace& at, Vector z, Vector r) {
    const Floats d;
    const std::int64_t own = at.row * stride_ + at.unit;
    const Vector h = hn::LoadU(d, now_ + own);
    if (!at.active) z = r = hn::Zero(d);
    const Vector reset_h = hn::Mul(r, h);
    hn::StoreU(z, d, update_ + own);
    hn::StoreU(reset_h, d, reset_h_ + own);
    store_units(at, shape_.gates.hidden, h, call_.previous);
    store_units(at, shape_.gates.hidden, reset_h, call_.recurrent);
    if (call_.activated == nullptr) return;
    float* const gates = call_.activated + at.place * shape_.gates.columns() + at.column;
    hn::StoreU(z, d, gates);
    hn::StoreU(r, d, gates + kGateUnits);
  }

  HWY_INLINE void finish(const UnitPlace& at, Vector n) {
    const Floats d;
    const std::int64_t own = at.row * stride_ + at.unit;
    const Vector h = hn::LoadU(d, now_ + own);
    Vector new_h = hn::MulAdd(hn::LoadU(d, update_ + own), hn::Sub(h, n), n);
    Vector y = new_h;
    if (!at.active) {
      new_h = h;
      n = y = hn::Zero(d);
    }
    hn::StoreU(new_h, d, next_ + own);
    store_units(at, shape_.gates.hidden, y, call_.y);
    if (call_.activated == nullptr) return;
    hn::StoreU(n, d, call_.activated + at.place * shape_.gates.columns() + at.column + 2 * kGateUnits);
  }

  const GruBeforeForward& call_;
  const RecurrentShape& shape_;
  std::int64_t first_;
  std::int64_t rows_;
  std::int64_t stride_;
  std::int64_t step_ = 0;
  std::int64_t inner_ = 0;
  float* now_;
  float* next_;
  float* update_;
  float* reset_h_;
};

void run_gru_before(const GruBeforeForward& call, float* scratch, std::int64_t first, std::int64_t end) {
  GruBeforeSteps(call, scratch, first, end).run();
}

/// dn = dh · (1 - z) · (1 - n²), dz = dh · (h - n) · z (1 - z), da = dn · Rᵀ of the candidate, where a = r · h, dr = da · h · r (1
/// - r); dh · z and da · r reach h of the step before past the other weights.
class GruBeforeBackwardSteps {
 public:
  GruBeforeBackwardSteps(const GruBeforeBackward& call, float* scratch, std::int64_t first, std::int64_t end)
      : call_(call), shape_(call.shape), first_(first), rows_(end - first), stride_(state_stride(call.shape)) {
    const BackwardScratch parts(shape_, rows_);
    dh_ = scratch;
    carry_ = scratch + parts.carry;
    slopes_ = scratch + parts.slopes;
    da_ = scratch + parts.own;
    to_da_ = prepare(backward_product(shape_, call.turned, slopes_, da_, rows_));
    to_dh_ = prepare(backward_product(shape_, call.turned, slopes_, dh_, rows_));
    product_scratch_ = reinterpret_cast<std::byte*>(scratch + parts.product);
  }

  void run() {
    const std::int64_t hidden = shape_.gates.hidden;
    std::fill_n(dh_, rows_ * stride_, 0.0F);
    std::fill_n(da_, rows_ * stride_, 0.0F);
    for (std::int64_t row = 0; call_.last_dh != nullptr && row < rows_; ++row) {
      std::copy_n(call_.last_dh + (first_ + row) * hidden, hidden, dh_ + row * stride_);
    }
    for (std::int64_t i = 0; i < shape_.steps; ++i) {
      const std::int64_t step = shape_.reverse ? i : shape_.steps - 1 - i;
      each_unit(step, [&](const UnitPlace& at) HWY_ATTR { candidate(at); });
      neurons::kernels::run(to_da_, product_scratch_, {0, 1});
      each_unit(step, [&](const UnitPlace& at) HWY_ATTR { reset(at); });
      if (i + 1 == shape_.steps && call_.initial_dh == nullptr) return;
      neurons::kernels::run(to_dh_, product_scratch_, {0, 1});
      each_unit(step, [&](const UnitPlace& at) HWY_ATTR {
        const Floats d;
        const std::int64_t own = at.row * stride_ + at.unit;
        hn::StoreU(hn::Add(hn::LoadU(d, dh_ + own), hn::LoadU(d, carry_ + own)), d, dh_ + own);
      });
    }
    for (std::int64_t row = 0; call_.initial_dh != nullptr && row < rows_; ++row) {
      std::copy_n(dh_ + row * stride_, hidden, call_.initial_dh + (first_ + row) * hidden);
    }
  }

 private:
  template <class Function>
  HWY_INLINE void each_unit(std::int64_t step, const Function& function) {
    UnitPlace at;
    for (at.row = 0; at.row < rows_; ++at.row) {
      at.place = step * shape_.batch + first_ + at.row;
      at.active = shape_.lengths == nullptr || step < shape_.lengths[first_ + at.row];
      for (at.unit = 0; at.unit < shape_.gates.padded(); at.unit += kLanes) {
        at.count = shape_.gates.hidden - at.unit;
        at.column = shape_.gates.column(0, at.unit);
        function(at);
      }
    }
  }

  HWY_INLINE Vector saved(const UnitPlace& at, int gate) const {
    return hn::LoadU(Floats(), call_.activated + at.place * shape_.gates.columns() + at.column + gate * kGateUnits);
  }

  HWY_INLINE void candidate(const UnitPlace& at) {
    const Floats d;
    const Vector zero = hn::Zero(d);
    const std::int64_t own = at.row * stride_ + at.unit;
    const Vector dh = hn::LoadU(d, dh_ + own);
    Vector dz = zero;
    Vector dn = zero;
    Vector carry = dh;
    if (at.active) {
      const Vector total = hn::Add(dh, load_units(at, shape_.gates.hidden, call_.dy));
      const Vector z = saved(at, 0);
      const Vector n = saved(at, 2);
      const Vector old_h = load_units(at, shape_.gates.hidden, call_.previous);
      dz = hn::Mul(hn::Mul(total, hn::Sub(old_h, n)), hn::NegMulAdd(z, z, z));
      dn = hn::Mul(hn::NegMulAdd(total, z, total), hn::NegMulAdd(n, n, hn::Set(d, 1.0F)));
      carry = hn::Mul(total, z);
    }
    hn::StoreU(dz, d, dh_ + own);  // kept there until the product overwrites it
    hn::StoreU(carry, d, carry_ + own);
    store(slopes_ + at.row * slope_stride(shape_) + at.column, zero, zero, dn);
    if (call_.dreset != nullptr) store(call_.dreset + at.place * shape_.gates.columns() + at.column, zero, zero, dn);
    if (call_.dsums != nullptr) hn::StoreU(dn, d, call_.dsums + at.place * shape_.gates.columns() + at.column + 2 * kGateUnits);
  }

  HWY_INLINE void reset(const UnitPlace& at) {
    const Floats d;
    const Vector zero = hn::Zero(d);
    const std::int64_t own = at.row * stride_ + at.unit;
    const Vector dz = hn::LoadU(d, dh_ + own);
    Vector dr = zero;
    if (at.active) {
      const Vector da = hn::LoadU(d, da_ + own);
      const Vector r = saved(at, 1);
      dr = hn::Mul(hn::Mul(da, load_units(at, shape_.gates.hidden, call_.previous)), hn::NegMulAdd(r, r, r));
      hn::StoreU(hn::MulAdd(da, r, hn::LoadU(d, carry_ + own)), d, carry_ + own);
    }
    store(slopes_ + at.row * slope_stride(shape_) + at.column, dz, dr, zero);
    const std::int64_t to = at.place * shape_.gates.columns() + at.column;
    if (call_.drecurrent != nullptr) store(call_.drecurrent + to, dz, dr, zero);
    if (call_.dsums == nullptr) return;
    hn::StoreU(dz, d, call_.dsums + to);
    hn::StoreU(dr, d, call_.dsums + to + kGateUnits);
  }

  static HWY_INLINE void store(float* to, Vector a, Vector b, Vector c) {
    const Floats d;
    hn::StoreU(a, d, to);
    hn::StoreU(b, d, to + kGateUnits);
    hn::StoreU(c, d, to + 2 * kGateUnits);
  }

  const GruBeforeBackward& call_;
  const RecurrentShape& shape_;
  std::int64_t first_;
  std::int64_t rows_;
  std::int64_t stride_;
  float* dh_;
  float* carry_;   ///< what reaches h of the step before past the weights
  float* slopes_;  ///< of the sums, those that go through the weights
  float* da_;
  PreparedProduct to_da_;
  PreparedProduct to_dh_;
  std::byte* product_scratch_;
};

void run_gru_before_gradient(const GruBeforeBackward& call, float* scratch, std::int64_t first, std::int64_t end) {
  GruBeforeBackwardSteps(call, scratch, first, end).run();
}

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace neurons::kernels {

HWY_EXPORT(run_gru_before);
HWY_EXPORT(run_gru_before_gradient);

std::size_t scratch_bytes(const GruBeforeForward& call) noexcept { return forward_scratch_bytes(call.shape, 2); }
void gru_before(const GruBeforeForward& call, std::byte* scratch, Worker worker) noexcept {
  const auto [first, end] = row_range(call.shape, worker);
  if (first < end) HWY_DYNAMIC_DISPATCH(run_gru_before)(call, reinterpret_cast<float*>(scratch), first, end);
}

void gru_before_gradient(const GruBeforeBackward& call, std::byte* scratch, Worker worker) noexcept {
  const auto [first, end] = row_range(call.shape, worker);
  if (first < end) HWY_DYNAMIC_DISPATCH(run_gru_before_gradient)(call, reinterpret_cast<float*>(scratch), first, end);
}

}  // namespace neurons::kernels
#endif  // HWY_ONCE
