#include "neurons/kernels/recurrent_scratch.hpp"
#include "neurons/kernels/simd_targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "neurons/kernels/recurrent_rnn.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "neurons/kernels/recurrent-inl.h"

HWY_BEFORE_NAMESPACE();
namespace neurons::kernels::HWY_NAMESPACE {

class RnnCell {
 public:
  static constexpr int kGates = 1;

  explicit RnnCell(const RnnForward& call) : call_(call) {}

  HWY_INLINE void begin(const UnitPlace& at, int row, Vector (&sum)[kGates]) const {
    sum[0] = hn::LoadU(Floats(), call_.sums + (at.place + row) * columns() + at.column);
  }
  HWY_INLINE void fetch(const UnitPlace&, int) const {}

  template <int kRows>
  HWY_INLINE void squash(const UnitPlace&, Vector (&sum)[kRows][kGates]) const {
    const Floats d;
    if (call_.rectifies) {
      for (int r = 0; r < kRows; ++r) sum[r][0] = at_least(d, sum[r][0], 0.0F);
    } else {
      for (int r = 0; r < kRows; ++r) sum[r][0] = tanh(d, sum[r][0]);
    }
  }

  HWY_INLINE void finish(const UnitPlace& at, const Vector (&sum)[kGates], const float* h, float* next_h) const {
    const Floats d;
    const Vector old_h = hn::LoadU(d, h);
    Vector new_h = sum[0];
    Vector y = new_h;
    if (!at.active) {
      y = hn::Zero(d);
      new_h = old_h;
    }
    hn::StoreU(new_h, d, next_h);
    store_units(at, hidden(), y, call_.y);
    store_units(at, hidden(), old_h, call_.previous);
  }

 private:
  std::int64_t hidden() const { return call_.shape.gates.hidden; }
  std::int64_t columns() const { return call_.shape.gates.columns(); }
  const RnnForward& call_;
};

void run_rnn(const RnnForward& call, float* scratch, std::int64_t first, std::int64_t end) {
  RnnCell cell(call);
  Walk<RnnCell>(cell, call.shape, call.panels, scratch, first, end).run(call.initial_h, call.last_h);
}

class RnnBackwardCell {
 public:
  static constexpr int kGates = 1;
  static constexpr bool kCarries = false;

  explicit RnnBackwardCell(const RnnBackward& call) : call_(call) {}

  HWY_INLINE void slopes(const UnitPlace& at, Vector dh, Vector (&slope)[kGates], float*) const {
    const Floats d;
    const Vector zero = hn::Zero(d);
    const Vector y = load_units(at, call_.shape.gates.hidden, call_.y);
    slope[0] = call_.rectifies ? hn::IfThenElse(hn::Gt(y, zero), dh, zero) : hn::NegMulAdd(hn::Mul(dh, y), y, dh);
    hn::StoreU(slope[0], d, call_.dsums + at.place * call_.shape.gates.columns() + at.column);
  }
  HWY_INLINE void skip(const UnitPlace& at) const {
    hn::StoreU(hn::Zero(Floats()), Floats(), call_.dsums + at.place * call_.shape.gates.columns() + at.column);
  }

 private:
  const RnnBackward& call_;
};

void run_rnn_gradient(const RnnBackward& call, float* scratch, std::int64_t first, std::int64_t end) {
  RnnBackwardCell cell(call);
  BackwardWalk<RnnBackwardCell>(cell, call.shape, call.turned, scratch, first, end).run(call.dy, call.last_dh, call.initial_dh);
}

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace neurons::kernels {

HWY_EXPORT(run_rnn);
HWY_EXPORT(run_rnn_gradient);

std::size_t scratch_bytes(const RnnForward& call) noexcept { return forward_scratch_bytes(call.shape, 0); }
void rnn(const RnnForward& call, std::byte* scratch, Worker worker) noexcept {
  const auto [first, end] = row_range(call.shape, worker);
  if (first < end) HWY_DYNAMIC_DISPATCH(run_rnn)(call, reinterpret_cast<float*>(scratch), first, end);
}

std::size_t scratch_bytes(const RnnBackward& call) noexcept { return backward_scratch_bytes(call.shape); }
void rnn_gradient(const RnnBackward& call, std::byte* scratch, Worker worker) noexcept {
  const auto [first, end] = row_range(call.shape, worker);
  if (first < end) HWY_DYNAMIC_DISPATCH(run_rnn_gradient)(call, reinterpret_cast<float*>(scratch), first, end);
}

}  // namespace neurons::kernels
#endif  // HWY_ONCE
