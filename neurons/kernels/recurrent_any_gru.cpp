#include "neurons/kernels/elementwise.hpp"
#include "neurons/kernels/recurrent_any.hpp"
#include "neurons/kernels/recurrent_walk.hpp"

namespace neurons::kernels {
namespace {

enum Gate : std::int64_t { kUpdate, kReset, kCandidate, kGates };

class GruWalk {
 public:
  GruWalk(const AnyGruForward& call, RowRange range, std::byte* scratch) noexcept
      : call_(call), rows_(call.shape, range), gates_(call.shape.gates), parts_(scratch) {
    h_ = parts_.rows(rows_.count(), state_stride(call.shape));
    recurrent_ = parts_.rows(rows_.count(), state_stride(call.shape));
    change_ = parts_.rows(rows_.rows_at_a_time(), gates_.padded());
    if (call.activated == nullptr) sums_ = parts_.rows(rows_.count(), gates_.columns());
    const FloatRows z = call.activated == nullptr ? sums_ : FloatRows{call.activated, gates_.columns()};
    two_gates_ = prepare(gate_product(gates_, call.panels, kUpdate, kCandidate, h_, rows_.count(), z));
    candidate_ =
        prepare(call.kind.resets_before ? gate_product(gates_, call.panels, kCandidate, kGates, recurrent_, rows_.count(), z)
                                        : gate_product(gates_, call.panels, kCandidate, kGates, h_, rows_.count(), recurrent_));
    product_scratch_ = parts_.bytes(std::max(two_gates_.scratch_bytes(), candidate_.scratch_bytes()));
  }
  std::size_t used() const noexcept { return parts_.used(); }

  void run() noexcept {
    rows_.load(call_.initial_h, h_);
    rows_.each_step(false, [&](std::int64_t step) {
      const FloatRows given = readable(call_.sums, gates_.columns()).at(rows_.place(step));
      const FloatRows z = call_.activated == nullptr ? sums_ : FloatRows{call_.activated, gates_.columns()}.at(rows_.place(step));
      RowLoop{rows_.count(), gates_.columns()}.copy(given, z);
      const bool has_state = !rows_.is_first(step) || call_.initial_h != nullptr;  // zeros contribute nothing
      two_gates_.product.c = z.data;
      if (has_state) neurons::kernels::run(two_gates_, product_scratch_, {0, 1});
      rows_.each_run(step, [&](const StepRows& at) { squash(at, z.at(at.own)); });
      if (call_.kind.resets_before) {
        candidate_.product.c = z.at(0, kCandidate * gates_.padded()).data;
      } else {
        begin_recurrent();
      }
      if (has_state) neurons::kernels::run(candidate_, product_scratch_, {0, 1});
      rows_.each_run(step, [&](const StepRows& at) { finish(at, z.at(at.own)); });
    });
    rows_.store(h_, call_.last_h);
  }

 private:
  FloatRows state(float* data, const StepRows& at) const noexcept { return FloatRows{data, gates_.hidden}.at(at.place); }

  /// The bias, and 0 in the padding.
  void begin_recurrent() noexcept {
    const RowLoop units{rows_.count(), gates_.hidden};
    RowLoop{rows_.count(), gates_.padded()}.fill(0, recurrent_);
    if (call_.bias != nullptr) units.copy(readable(call_.bias, 0), recurrent_);
  }

  void squash(const StepRows& at, FloatRows z) noexcept {
    const RowLoop units{at.count, gates_.hidden};
    if (call_.previous != nullptr) units.copy(h_.at(at.own), state(call_.previous, at));
    call_.kind.gate.apply({at.count, kCandidate * gates_.padded()}, z, z);
    if (!call_.kind.resets_before) return;
    units(multiply, {h_.at(at.own), z.at(0, kReset * gates_.padded()), recurrent_.at(at.own)});
  }

  void finish(const StepRows& at, FloatRows z) noexcept {
    const RowLoop units{at.count, gates_.hidden};
    const FloatRows h = h_.at(at.own);
    const FloatRows recurrent = recurrent_.at(at.own);
    const FloatRows n = z.at(0, kCandidate * gates_.padded());
    if (at.active) {
      const RowLoop padded{at.count, gates_.padded()};  // so that padding, too, is what the reference says
      if (!call_.kind.resets_before) padded(multiply_add, {z.at(0, kReset * gates_.padded()), recurrent, n, n});
      call_.kind.candidate.apply(padded, n, n);
      units(subtract, {h, n, change_});
      units(multiply_add, {z, change_, n, h});
    } else {
      RowLoop{at.count, gates_.columns()}.fill(0, z);
    }
    if (call_.recurrent != nullptr) put(at, units, recurrent, state(call_.recurrent, at));
    if (call_.y != nullptr) put(at, units, h, state(call_.y, at));
  }
  static void put(const StepRows& at, const RowLoop& units, FloatRows from, FloatRows to) noexcept {
    return at.active ? units.copy(from, to) : units.fill(0, to);
  }

  const AnyGruForward& call_;
  WorkerRows rows_;
  const GateShape& gates_;
  ScratchParts parts_;
  FloatRows h_, recurrent_, change_, sums_;
  PreparedProduct two_gates_;
  PreparedProduct candidate_;
  std::byte* product_scratch_ = nullptr;
};

/// dz = dh · (h - n), dn = dh · (1 - z), da = dn · Rᵀ where the reset comes before the sum, dr = da · h or dn · (h · R + b), each
/// times its gate's slope; dh · z and da · r reach h of the step before past the weights.
class GruWalkBack {
 public:
  GruWalkBack(const AnyGruBackward& call, RowRange range, std::byte* scratch) noexcept
      : call_(call),
        rows_(call.shape, range),
        gates_(call.shape.gates),
        parts_(scratch),
        dh_(parts_.rows(rows_.count(), state_stride(call.shape))),
        da_(parts_.rows(rows_.count(), state_stride(call.shape))),
        slopes_(parts_.rows(rows_.count(), slope_stride(call.shape))),
        to_da_(call.shape, call.turned, kCandidate, kGates, slopes_, da_, rows_.count()),
        to_dh_(call.shape, call.turned, kUpdate, call.kind.resets_before ? kCandidate : kGates, slopes_, dh_, rows_.count()) {
    carry_ = parts_.rows(rows_.count(), state_stride(call.shape));
    for (FloatRows* part : {&total_, &change_}) *part = parts_.rows(rows_.rows_at_a_time(), gates_.padded());
    product_scratch_ = parts_.bytes(std::max(to_da_.scratch_bytes(), to_dh_.scratch_bytes()));
  }
  std::size_t used() const noexcept { return parts_.used(); }

  void run() noexcept {
    rows_.load(call_.last_dh, dh_);
    RowLoop{rows_.count(), gates_.columns()}.fill(0, slopes_);
    rows_.each_step(true, [&](std::int64_t step) {
      rows_.each_run(step, [&](const StepRows& at) { update_and_candidate(at, slopes_.at(at.own)); });
      if (call_.kind.resets_before) to_da_.run(product_scratch_);
      rows_.each_run(step, [&](const StepRows& at) { reset(at, slopes_.at(at.own)); });
      if (rows_.is_first(step) && call_.initial_dh == nullptr) return;
      to_dh_.run(product_scratch_);
      RowLoop{rows_.count(), gates_.hidden}(add, {dh_, carry_, dh_});
    });
    rows_.store(dh_, call_.initial_dh);
  }

 private:
  FloatRows saved(const StepRows& at, Gate gate) const noexcept {
    return readable(call_.activated, gates_.columns()).at(at.place, gate * gates_.padded());
  }
  FloatRows part(FloatRows slopes, Gate gate) const noexcept { return slopes.at(0, gate * gates_.padded()); }

  void update_and_candidate(const StepRows& at, FloatRows slopes) noexcept {
    const RowLoop units{at.count, gates_.hidden};
    const FloatRows carry = carry_.at(at.own);
    if (!at.active) {
      RowLoop{at.count, gates_.columns()}.fill(0, slopes);
      return units.copy(dh_.at(at.own), carry);
    }
    if (call_.dy == nullptr) {
      units.copy(dh_.at(at.own), total_);
    } else {
      units(add, {dh_.at(at.own), readable(call_.dy, gates_.hidden).at(at.place), total_});
    }
    units(subtract, {readable(call_.previous, gates_.hidden).at(at.place), saved(at, kCandidate), change_});
    units(multiply, {total_, change_, change_});
    call_.kind.gate.apply_slope(units, change_, saved(at, kUpdate), part(slopes, kUpdate));
    units(multiply, {total_, saved(at, kUpdate), carry});
    units(subtract, {total_, carry, change_});
    call_.kind.candidate.apply_slope(units, change_, saved(at, kCandidate), part(slopes, kCandidate));
  }

  void reset(const StepRows& at, FloatRows slopes) noexcept {
    const RowLoop units{at.count, gates_.hidden};
    const RowLoop columns{at.count, gates_.columns()};
    const FloatRows r = saved(at, kReset);
    const FloatRows n = part(slopes, kCandidate);
    if (at.active && call_.kind.resets_before) {
      const FloatRows da = da_.at(at.own);
      units(multiply, {da, readable(call_.previous, gates_.hidden).at(at.place), change_});
      units(multiply_add, {da, r, carry_.at(at.own), carry_.at(at.own)});
    } else if (at.active) {
      units(multiply, {n, readable(call_.recurrent, gates_.hidden).at(at.place), change_});
    }
    if (at.active) call_.kind.gate.apply_slope(units, change_, r, part(slopes, kReset));
    if (call_.dsums != nullptr) columns.copy(slopes, FloatRows{call_.dsums, gates_.columns()}.at(at.place));
    if (at.active && !call_.kind.resets_before) units(multiply, {n, r, n});
    if (call_.drecurrent != nullptr) columns.copy(slopes, FloatRows{call_.drecurrent, gates_.columns()}.at(at.place));
  }

  const AnyGruBackward& call_;
  WorkerRows rows_;
  const GateShape& gates_;
  ScratchParts parts_;
  FloatRows dh_, da_, slopes_;
  GateProductBack to_da_;
  GateProductBack to_dh_;
  FloatRows carry_, total_, change_;
  std::byte* product_scratch_ = nullptr;
};

}  // namespace

std::size_t scratch_bytes(const AnyGruForward& call) noexcept { return walk_bytes<GruWalk>(call); }
void any_gru(const AnyGruForward& call, std::byte* scratch, Worker worker) noexcept { run_walk<GruWalk>(call, scratch, worker); }

std::size_t scratch_bytes(const AnyGruBackward& call) noexcept { return walk_bytes<GruWalkBack>(call); }
void any_gru_gradient(const AnyGruBackward& call, std::byte* scratch, Worker worker) noexcept {
  run_walk<GruWalkBack>(call, scratch, worker);
}

}  // namespace neurons::kernels
