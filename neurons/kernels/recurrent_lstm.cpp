#include "neurons/kernels/recurrent_scratch.hpp"
#include "neurons/kernels/simd_targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "neurons/kernels/recurrent_lstm.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "neurons/kernels/recurrent-inl.h"

HWY_BEFORE_NAMESPACE();
namespace neurons::kernels::HWY_NAMESPACE {

class LstmCell {
 public:
  static constexpr int kGates = 4;

  LstmCell(const LstmForward& call, float* c) : call_(call), c_(c), stride_(state_stride(call.shape)) {}

  HWY_INLINE void begin(const UnitPlace& at, int row, Vector (&sum)[kGates]) const {
    const float* const from = call_.sums + (at.place + row) * columns() + at.column;
    NEURONS_UNROLL
    for (int g = 0; g < kGates; ++g) sum[g] = hn::LoadU(Floats(), from + g * kGateUnits);
  }

  HWY_INLINE void fetch(const UnitPlace& at, int rows) const {
    fetch_gated<kGates>(at, rows, call_.shape.gates, call_.sums, call_.activated, {call_.y, call_.cells, call_.previous});
  }

  template <int kRows>
  HWY_INLINE void squash(const UnitPlace&, Vector (&sum)[kRows][kGates]) const {
    const Floats d;
    for (int r = 0; r < kRows; ++r) {
      for (int g = 0; g < 3; ++g) sum[r][g] = gate(d, sum[r][g]);
    }
    for (int r = 0; r < kRows; ++r) sum[r][3] = tanh(d, sum[r][3]);
  }

  HWY_INLINE void finish(const UnitPlace& at, const Vector (&sum)[kGates], const float* h, float* next_h) const {
    const Floats d;
    float* const cell = c_ + at.row * stride_ + at.unit;
    const Vector zero = hn::Zero(d);
    const Vector old_h = hn::LoadU(d, h);
    const Vector old_c = hn::LoadU(d, cell);
    Vector i = sum[0];
    Vector o = sum[1];
    Vector f = sum[2];
    Vector g = sum[3];
    Vector new_c = hn::MulAdd(i, g, hn::Mul(f, old_c));
    Vector new_h = hn::Mul(o, tanh(d, new_c));
    Vector y = new_h;
    if (!at.active) {
      i = o = f = g = y = zero;
      new_c = old_c;
      new_h = old_h;
    }
    hn::StoreU(new_c, d, cell);
    hn::StoreU(new_h, d, next_h);
    store_units(at, hidden(), y, call_.y);
    store_units(at, hidden(), new_c, call_.cells);
    store_units(at, hidden(), old_h, call_.previous);
    if (call_.activated == nullptr) return;
    float* const gates = call_.activated + at.place * columns() + at.column;
    hn::StoreU(i, d, gates);
    hn::StoreU(o, d, gates + kGateUnits);
    hn::StoreU(f, d, gates + 2 * kGateUnits);
    hn::StoreU(g, d, gates + 3 * kGateUnits);
  }

 private:
  std::int64_t hidden() const { return call_.shape.gates.hidden; }
  std::int64_t columns() const { return call_.shape.gates.columns(); }
  const LstmForward& call_;
  float* c_;
  std::int64_t stride_;
};

ForwardScratch lstm_scratch(const RecurrentShape& shape, std::int64_t rows) { return {shape, rows, 1, kLinesInParts}; }
std::size_t lstm_scratch_bytes(const LstmForward& call) { return lstm_scratch(call.shape, call.shape.batch).bytes(); }

void run_lstm(const LstmForward& call, float* scratch, std::int64_t first, std::int64_t end) {
  const std::int64_t stride = state_stride(call.shape);
  const std::int64_t hidden = call.shape.gates.hidden;
  const std::int64_t rows = end - first;
  const ForwardScratch parts = lstm_scratch(call.shape, rows);
  float* const c = scratch + parts.own;
  std::fill_n(c, rows * stride, 0.0F);
  for (std::int64_t row = 0; call.initial_c != nullptr && row < rows; ++row) {
    std::copy_n(call.initial_c + (first + row) * hidden, hidden, c + row * stride);
  }
  LstmCell cell(call, c);
  ForwardWalk<LstmCell>(cell, call.shape, call.panels, scratch, scratch + parts.ordered, first, end)
      .run(call.initial_h, call.last_h);
  for (std::int64_t row = 0; call.last_c != nullptr && row < rows; ++row) {
    std::copy_n(c + row * stride, hidden, call.last_c + (first + row) * hidden);
  }
}

/// With t = tanh c': do = dh · t · o (1 - o), dc' += dh · o (1 - t²), then di = dc' · g · i (1 - i), df = dc' · c · f (1 - f),
/// dg = dc' · i (1 - g²), dc = dc' · f.
class LstmBackwardCell {
 public:
  static constexpr int kGates = 4;
  static constexpr bool kCarries = false;

  LstmBackwardCell(const LstmBackward& call, float* dc, std::int64_t first) : call_(call), dc_(dc), first_(first) {}

  HWY_INLINE void slopes(const UnitPlace& at, Vector dh, Vector (&slope)[kGates], float*) const {
    const Floats d;
    const Vector one = hn::Set(d, 1.0F);
    const float* const gates = call_.activated + at.place * columns() + at.column;
    const Vector i = hn::LoadU(d, gates);
    const Vector o = hn::LoadU(d, gates + kGateUnits);
    const Vector f = hn::LoadU(d, gates + 2 * kGateUnits);
    const Vector g = hn::LoadU(d, gates + 3 * kGateUnits);
    const Vector squashed = tanh(d, load_units(at, hidden(), call_.cells));
    float* const cell = dc_ + at.row * state_stride(call_.shape) + at.unit;
    const Vector through = hn::Mul(dh, o);
    const Vector dc = hn::Add(hn::LoadU(d, cell), hn::NegMulAdd(hn::Mul(through, squashed), squashed, through));
    slope[0] = hn::Mul(hn::Mul(dc, g), hn::NegMulAdd(i, i, i));
    slope[1] = hn::Mul(hn::Mul(through, squashed), hn::Sub(one, o));
    slope[2] = hn::Mul(hn::Mul(dc, cell_before(at)), hn::NegMulAdd(f, f, f));
    slope[3] = hn::Mul(hn::Mul(dc, i), hn::NegMulAdd(g, g, one));
    hn::StoreU(hn::Mul(dc, f), d, cell);
    float* const sums = call_.dsums + at.place * columns() + at.column;
    NEURONS_UNROLL
    for (int gate = 0; gate < kGates; ++gate) hn::StoreU(slope[gate], d, sums + gate * kGateUnits);
  }

  /// A step that does not exist: its sums reach nothing.
  HWY_INLINE void skip(const UnitPlace& at) const {
    float* const sums = call_.dsums + at.place * columns() + at.column;
    for (int gate = 0; gate < kGates; ++gate) hn::StoreU(hn::Zero(Floats()), Floats(), sums + gate * kGateUnits);
  }

 private:
  HWY_INLINE Vector cell_before(const UnitPlace& at) const {
    const std::int64_t batch = call_.shape.batch;
    UnitPlace before = at;
    before.place += call_.shape.reverse ? batch : -batch;
    if (before.place >= 0 && before.place < call_.shape.steps * batch) return load_units(before, hidden(), call_.cells);
    before.place = first_ + at.row;
    return load_units(before, hidden(), call_.initial_c);
  }
  std::int64_t hidden() const { return call_.shape.gates.hidden; }
  std::int64_t columns() const { return call_.shape.gates.columns(); }
  const LstmBackward& call_;
  float* dc_;
  std::int64_t first_;
};

void run_lstm_gradient(const LstmBackward& call, float* scratch, std::int64_t first, std::int64_t end) {
  const std::int64_t stride = state_stride(call.shape);
  const std::int64_t hidden = call.shape.gates.hidden;
  const std::int64_t rows = end - first;
  float* const dc = scratch + BackwardScratch(call.shape, rows).own;
  std::fill_n(dc, rows * stride, 0.0F);
  for (std::int64_t row = 0; call.last_dc != nullptr && row < rows; ++row) {
    std::copy_n(call.last_dc + (first + row) * hidden, hidden, dc + row * stride);
  }
  LstmBackwardCell cell(call, dc, first);
  BackwardWalk<LstmBackwardCell>(cell, call.shape, call.turned, scratch, first, end).run(call.dy, call.last_dh, call.initial_dh);
  for (std::int64_t row = 0; call.initial_dc != nullptr && row < rows; ++row) {
    std::copy_n(dc + row * stride, hidden, call.initial_dc + (first + row) * hidden);
  }
}

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace neurons::kernels {

HWY_EXPORT(lstm_scratch_bytes);
HWY_EXPORT(run_lstm);
HWY_EXPORT(run_lstm_gradient);

std::size_t scratch_bytes(const LstmForward& call) noexcept { return HWY_DYNAMIC_DISPATCH(lstm_scratch_bytes)(call); }
void lstm(const LstmForward& call, std::byte* scratch, Worker worker) noexcept {
  const auto [first, end] = row_range(call.shape, worker);
  if (first < end) HWY_DYNAMIC_DISPATCH(run_lstm)(call, reinterpret_cast<float*>(scratch), first, end);
}

std::size_t scratch_bytes(const LstmBackward& call) noexcept { return backward_scratch_bytes(call.shape); }
void lstm_gradient(const LstmBackward& call, std::byte* scratch, Worker worker) noexcept {
  const auto [first, end] = row_range(call.shape, worker);
  if (first < end) HWY_DYNAMIC_DISPATCH(run_lstm_gradient)(call, reinterpret_cast<float*>(scratch), first, end);
}

}  // namespace neurons::kernels
#endif  // HWY_ONCE
