#include "neurons/kernels/recurrent_scratch.hpp"
#include "neurons/kernels/simd_targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "neurons/kernels/recurrent_gru.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "neurons/kernels/recurrent-inl.h"

HWY_BEFORE_NAMESPACE();
namespace neurons::kernels::HWY_NAMESPACE {

class GruCell {
 public:
  static constexpr int kGates = 3;

  explicit GruCell(const GruForward& call) : call_(call) {}

  /// The candidate's recurrent sum is kept apart from its inputs' sum: the reset comes between.
  HWY_INLINE void begin(const UnitPlace& at, int row, Vector (&sum)[kGates]) const {
    const Floats d;
    const float* const from = call_.sums + (at.place + row) * columns() + at.column;
    sum[0] = hn::LoadU(d, from);
    sum[1] = hn::LoadU(d, from + kGateUnits);
    sum[2] = call_.bias == nullptr ? hn::Zero(d) : load_columns(d, call_.bias + at.unit, at.count);
  }

  HWY_INLINE void fetch(const UnitPlace& at, int rows) const {
    fetch_gated<kGates>(at, rows, call_.shape.gates, call_.sums, call_.activated, {call_.y, call_.recurrent, call_.previous});
  }

  template <int kRows>
  HWY_INLINE void squash(const UnitPlace&, Vector (&sum)[kRows][kGates]) const {
    const Floats d;
    for (int r = 0; r < kRows; ++r) {
      for (int g = 0; g < 2; ++g) sum[r][g] = gate(d, sum[r][g]);
    }
  }

  HWY_INLINE void finish(const UnitPlace& at, const Vector (&sum)[kGates], const float* h, float* next_h) const {
    const Floats d;
    const Vector zero = hn::Zero(d);
    const Vector old_h = hn::LoadU(d, h);
    const Vector own = hn::LoadU(d, call_.sums + at.place * columns() + at.column + 2 * kGateUnits);
    Vector z = sum[0];
    Vector r = sum[1];
    Vector recurrent = sum[2];
    Vector n = tanh(d, hn::MulAdd(r, recurrent, own));
    Vector new_h = hn::MulAdd(z, hn::Sub(old_h, n), n);
    Vector y = new_h;
    if (!at.active) {
      z = r = n = recurrent = y = zero;
      new_h = old_h;
    }
    hn::StoreU(new_h, d, next_h);
    store_units(at, hidden(), y, call_.y);
    store_units(at, hidden(), old_h, call_.previous);
    store_units(at, hidden(), recurrent, call_.recurrent);
    if (call_.activated == nullptr) return;
    float* const gates = call_.activated + at.place * columns() + at.column;
    hn::StoreU(z, d, gates);
    hn::StoreU(r, d, gates + kGateUnits);
    hn::StoreU(n, d, gates + 2 * kGateUnits);
  }

 private:
  std::int64_t hidden() const { return call_.shape.gates.hidden; }
  std::int64_t columns() const { return call_.shape.gates.columns(); }
  const GruForward& call_;
};

ForwardScratch gru_scratch(const RecurrentShape& shape, std::int64_t rows) { return {shape, rows, 0, kLinesInParts}; }
std::size_t gru_scratch_bytes(const GruForward& call) { return gru_scratch(call.shape, call.shape.batch).bytes(); }

void run_gru(const GruForward& call, float* scratch, std::int64_t first, std::int64_t end) {
  GruCell cell(call);
  float* const ordered = scratch + gru_scratch(call.shape, end - first).ordered;
  ForwardWalk<GruCell>(cell, call.shape, call.panels, scratch, ordered, first, end).run(call.initial_h, call.last_h);
}

/// dn = dh · (1 - z) · (1 - n²), dz = dh · (h - n) · z (1 - z), dr = dn · a · r (1 - r), da = dn · r, where a is the candidate's
/// recurrent sum; dh · z reaches h of the step before past the weights.
class GruBackwardCell {
 public:
  static constexpr int kGates = 3;
  static constexpr bool kCarries = true;

  explicit GruBackwardCell(const GruBackward& call) : call_(call) {}

  HWY_INLINE void slopes(const UnitPlace& at, Vector dh, Vector (&slope)[kGates], float* carry) const {
    const Floats d;
    const Vector one = hn::Set(d, 1.0F);
    const float* const gates = call_.activated + at.place * columns() + at.column;
    const Vector z = hn::LoadU(d, gates);
    const Vector r = hn::LoadU(d, gates + kGateUnits);
    const Vector n = hn::LoadU(d, gates + 2 * kGateUnits);
    const Vector old_h = load_units(at, hidden(), call_.previous);
    const Vector dn = hn::Mul(hn::NegMulAdd(dh, z, dh), hn::NegMulAdd(n, n, one));
    slope[0] = hn::Mul(hn::Mul(dh, hn::Sub(old_h, n)), hn::NegMulAdd(z, z, z));
    slope[1] = hn::Mul(hn::Mul(dn, load_units(at, hidden(), call_.recurrent)), hn::NegMulAdd(r, r, r));
    slope[2] = hn::Mul(dn, r);
    hn::StoreU(hn::Mul(dh, z), d, carry);
    store(at, slope[0], slope[1], dn, call_.dsums);
    store(at, slope[0], slope[1], slope[2], call_.drecurrent);
  }

  HWY_INLINE void skip(const UnitPlace& at) const {
    const Vector zero = hn::Zero(Floats());
    store(at, zero, zero, zero, call_.dsums);
    store(at, zero, zero, zero, call_.drecurrent);
  }

 private:
  HWY_INLINE void store(const UnitPlace& at, Vector a, Vector b, Vector c, float* target) const {
    if (target == nullptr) return;
    const Floats d;
    float* const to = target + at.place * columns() + at.column;
    hn::StoreU(a, d, to);
    hn::StoreU(b, d, to + kGateUnits);
    hn::StoreU(c, d, to + 2 * kGateUnits);
  }
  std::int64_t hidden() const { return call_.shape.gates.hidden; }
  std::int64_t columns() const { return call_.shape.gates.columns(); }
  const GruBackward& call_;
};

void run_gru_gradient(const GruBackward& call, float* scratch, std::int64_t first, std::int64_t end) {
  GruBackwardCell cell(call);
  BackwardWalk<GruBackwardCell>(cell, call.shape, call.turned, scratch, first, end).run(call.dy, call.last_dh, call.initial_dh);
}

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace neurons::kernels {

HWY_EXPORT(gru_scratch_bytes);
HWY_EXPORT(run_gru);
HWY_EXPORT(run_gru_gradient);

std::size_t scratch_bytes(const GruForward& call) noexcept { return HWY_DYNAMIC_DISPATCH(gru_scratch_bytes)(call); }
void gru(const GruForward& call, std::byte* scratch, Worker worker) noexcept {
  const auto [first, end] = row_range(call.shape, worker);
  if (first < end) HWY_DYNAMIC_DISPATCH(run_gru)(call, reinterpret_cast<float*>(scratch), first, end);
}

std::size_t scratch_bytes(const GruBackward& call) noexcept { return backward_scratch_bytes(call.shape); }
void gru_gradient(const GruBackward& call, std::byte* scratch, Worker worker) noexcept {
  const auto [first, end] = row_range(call.shape, worker);
  if (first < end) HWY_DYNAMIC_DISPATCH(run_gru_gradient)(call, reinterpret_cast<float*>(scratch), first, end);
}

}  // namespace neurons::kernels
#endif  // HWY_ONCE
