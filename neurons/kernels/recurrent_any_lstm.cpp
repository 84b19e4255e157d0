#include "neurons/kernels/elementwise.hpp"
#include "neurons/kernels/recurrent_any.hpp"
#include "neurons/kernels/recurrent_walk.hpp"

namespace neurons::kernels {
namespace {

enum LstmGate : std::int64_t { kLstmInput, kLstmOutput, kLstmForget, kLstmCandidate };
constexpr float kOne = 1;

/// 1 in each place of every row.
void subtract_from_one(const RowLoop& loop, FloatRows x, FloatRows y) noexcept {
  Tile tile;
  tile.streams[0] = {reinterpret_cast<std::byte*>(const_cast<float*>(&kOne)), 0, 0};
  tile.streams[1] = {reinterpret_cast<std::byte*>(x.data), x.stride, 1};
  tile.streams[2] = {reinterpret_cast<std::byte*>(y.data), y.stride, 1};
  tile.rows = loop.rows;
  tile.columns = loop.columns;
  subtract(tile);
}

/// The peepholes of a gate, the same in every row.
FloatRows peepholes_of(const float* peepholes, std::int64_t part, std::int64_t hidden) noexcept {
  return readable(peepholes == nullptr ? nullptr : peepholes + part * hidden, 0);
}

class LstmWalk {
 public:
  LstmWalk(const AnyLstmForward& call, RowRange range, std::byte* scratch) noexcept
      : call_(call), rows_(call.shape, range), gates_(call.shape.gates), parts_(scratch) {
    const std::int64_t stride = state_stride(call.shape);
    h_ = parts_.rows(rows_.count(), stride);
    c_ = parts_.rows(rows_.count(), stride);
    squashed_ = parts_.rows(rows_.rows_at_a_time(), gates_.padded());
    if (call.activated == nullptr) sums_ = parts_.rows(rows_.count(), gates_.columns());
    const FloatRows z = call.activated == nullptr ? sums_ : FloatRows{call.activated, gates_.columns()};
    product_ = prepare(gate_product(gates_, call.panels, 0, 4, h_, rows_.count(), z));
    product_scratch_ = parts_.bytes(product_.scratch_bytes());
  }
  std::size_t used() const noexcept { return parts_.used(); }

  void run() noexcept {
    rows_.load(call_.initial_h, h_);
    rows_.load(call_.initial_c, c_);
    rows_.each_step(false, [&](std::int64_t step) {
      const FloatRows given = readable(call_.sums, gates_.columns()).at(rows_.place(step));
      const FloatRows z = call_.activated == nullptr ? sums_ : FloatRows{call_.activated, gates_.columns()}.at(rows_.place(step));
      RowLoop{rows_.count(), gates_.columns()}.copy(given, z);
      product_.product.c = z.data;
      if (!rows_.is_first(step) || call_.initial_h != nullptr) neurons::kernels::run(product_, product_scratch_, {0, 1});
      rows_.each_run(step, [&](const StepRows& at) { finish(at, z.at(at.own)); });
    });
    rows_.store(h_, call_.last_h);
    rows_.store(c_, call_.last_c);
  }

 private:
  void finish(const StepRows& at, FloatRows z) noexcept {
    const RowLoop units{at.count, gates_.hidden};
    const RowLoop padded{at.count, gates_.padded()};  // so that padding, too, is what the reference says
    const auto state = [&](float* data) { return FloatRows{data, gates_.hidden}.at(at.place); };
    const auto gate = [&](LstmGate which) { return z.at(0, which * gates_.padded()); };
    const auto peep = [&](std::int64_t part) { return peepholes_of(call_.peepholes, part, gates_.hidden); };
    const FloatRows h = h_.at(at.own);
    const FloatRows c = c_.at(at.own);
    if (call_.previous != nullptr) units.copy(h, state(call_.previous));
    if (at.active) {
      if (peep(0)) units(multiply_add, {c, peep(0), gate(kLstmInput), gate(kLstmInput)});
      call_.kind.gate.apply(padded, gate(kLstmInput), gate(kLstmInput));
      if (call_.kind.couples) {
        subtract_from_one(padded, gate(kLstmInput), gate(kLstmForget));
      } else {
        if (peep(2)) units(multiply_add, {c, peep(2), gate(kLstmForget), gate(kLstmForget)});
        call_.kind.gate.apply(padded, gate(kLstmForget), gate(kLstmForget));
      }
      call_.kind.candidate.apply(padded, gate(kLstmCandidate), gate(kLstmCandidate));
      units(multiply, {gate(kLstmForget), c, c});
      units(multiply_add, {gate(kLstmInput), gate(kLstmCandidate), c, c});
      if (peep(1)) units(multiply_add, {c, peep(1), gate(kLstmOutput), gate(kLstmOutput)});
      call_.kind.gate.apply(padded, gate(kLstmOutput), gate(kLstmOutput));
      call_.kind.cell.apply(units, c, squashed_);
      units(multiply, {gate(kLstmOutput), squashed_, h});
    } else {
      RowLoop{at.count, gates_.columns()}.fill(0, z);
    }
    if (call_.cells != nullptr) units.copy(c, state(call_.cells));
    if (call_.y == nullptr) return;
    return at.active ? units.copy(h, state(call_.y)) : units.fill(0, state(call_.y));
  }

  const AnyLstmForward& call_;
  WorkerRows rows_;
  const GateShape& gates_;
  ScratchParts parts_;
  FloatRows h_, c_, squashed_, sums_;
  PreparedProduct product_;
  std::byte* product_scratch_ = nullptr;
};

/// With t = cell(c'): do = dh · t, dc' += dh · o · cell'(t) + p · dzo, then di = dc' · g, df = dc' · c, dg = dc' · i, each times
/// its gate's slope, and dc = dc' · f + p · dzi + p · dzf. Coupled, f = 1 - i: di = dc' · (g - c).
class LstmWalkBack {
 public:
  LstmWalkBack(const AnyLstmBackward& call, RowRange range, std::byte* scratch) noexcept
      : call_(call),
        rows_(call.shape, range),
        gates_(call.shape.gates),
        parts_(scratch),
        dh_(parts_.rows(rows_.count(), state_stride(call.shape))),
        slopes_(parts_.rows(rows_.count(), slope_stride(call.shape))),
        product_(call.shape, call.turned, 0, 4, slopes_, dh_, rows_.count()) {
    dc_ = parts_.rows(rows_.count(), state_stride(call.shape));
    carry_ = parts_.rows(rows_.count(), state_stride(call.shape));
    for (FloatRows* part : {&total_, &squashed_, &slope_}) *part = parts_.rows(rows_.rows_at_a_time(), gates_.padded());
    product_scratch_ = parts_.bytes(product_.scratch_bytes());
  }
  std::size_t used() const noexcept { return parts_.used(); }

  void run() noexcept {
    rows_.load(call_.last_dh, dh_);
    rows_.load(call_.last_dc, dc_);
    RowLoop{rows_.count(), gates_.columns()}.fill(0, slopes_);
    if (call_.dpeepholes != nullptr) RowLoop{rows_.count(), 3 * gates_.hidden}.fill(0, dpeepholes(rows_.place(0)));
    rows_.each_step(true, [&](std::int64_t step) {
      rows_.each_run(step, [&](const StepRows& at) { finish(at, slopes_.at(at.own), step); });
      if (rows_.is_first(step) && call_.initial_dh == nullptr) return;
      product_.run(product_scratch_);
      rows_.pass_by(step, carry_, dh_);
    });
    rows_.store(dh_, call_.initial_dh);
    rows_.store(dc_, call_.initial_dc);
  }

 private:
  FloatRows dpeepholes(std::int64_t row) const noexcept { return FloatRows{call_.dpeepholes, 3 * gates_.hidden}.at(row); }

  /// c before the step; absent: 0.
  FloatRows cell_before(const StepRows& at, std::int64_t step) const noexcept {
    if (rows_.is_first(step)) return readable(call_.initial_c, gates_.hidden).at(at.row);
    const std::int64_t batch = call_.shape.batch;
    return readable(call_.cells, gates_.hidden).at(at.place + (call_.shape.reverse ? batch : -batch));
  }

  void finish(const StepRows& at, FloatRows slopes, std::int64_t step) noexcept {
    const RowLoop units{at.count, gates_.hidden};
    const RowLoop columns{at.count, gates_.columns()};
    const FloatRows dh = dh_.at(at.own);
    if (at.active) {
      active(units, at, slopes, cell_before(at, step));
    } else {
      columns.fill(0, slopes);
      units.copy(dh, carry_.at(at.own));
    }
    if (call_.dsums != nullptr) columns.copy(slopes, FloatRows{call_.dsums, gates_.columns()}.at(at.place));
  }

  void active(const RowLoop& units, const StepRows& at, FloatRows slopes, FloatRows before) noexcept {
    const FloatRows gates = readable(call_.activated, gates_.columns()).at(at.place);
    const auto gate = [&](LstmGate which) { return gates.at(0, which * gates_.padded()); };
    const auto slope = [&](LstmGate which) { return slopes.at(0, which * gates_.padded()); };
    const auto peep = [&](std::int64_t part) { return peepholes_of(call_.peepholes, part, gates_.hidden); };
    const FloatRows dc = dc_.at(at.own);
    const FloatRows cell = readable(call_.cells, gates_.hidden).at(at.place);
    const AnyLstm& kind = call_.kind;
    if (call_.dy == nullptr) {
      units.copy(dh_.at(at.own), total_);
    } else {
      units(add, {dh_.at(at.own), readable(call_.dy, gates_.hidden).at(at.place), total_});
    }
    kind.cell.apply(units, cell, squashed_);
    units(multiply, {total_, squashed_, slope(kLstmOutput)});
    kind.gate.apply_slope(units, slope(kLstmOutput), gate(kLstmOutput), slope(kLstmOutput));
    units(multiply, {total_, gate(kLstmOutput), slope_});
    kind.cell.apply_slope(units, slope_, squashed_, slope_);
    units(add, {dc, slope_, dc});
    if (peep(1)) units(multiply_add, {slope(kLstmOutput), peep(1), dc, dc});

    units(multiply, {dc, gate(kLstmInput), slope(kLstmCandidate)});
    kind.candidate.apply_slope(units, slope(kLstmCandidate), gate(kLstmCandidate), slope(kLstmCandidate));
    units(multiply, {dc, gate(kLstmCandidate), slope(kLstmInput)});
    if (!before) {
      units.fill(0, slope_);
    } else {
      units(multiply, {dc, before, slope_});
    }
    if (kind.couples) {
      units(subtract, {slope(kLstmInput), slope_, slope(kLstmInput)});
      units.fill(0, slope(kLstmForget));
    } else {
      kind.gate.apply_slope(units, slope_, gate(kLstmForget), slope(kLstmForget));
    }
    kind.gate.apply_slope(units, slope(kLstmInput), gate(kLstmInput), slope(kLstmInput));
    units(multiply, {dc, gate(kLstmForget), dc});
    if (peep(0)) units(multiply_add, {slope(kLstmInput), peep(0), dc, dc});
    if (peep(2)) units(multiply_add, {slope(kLstmForget), peep(2), dc, dc});
    if (call_.dpeepholes == nullptr || call_.peepholes == nullptr) return;
    const auto peep_slope = [&](std::int64_t part) { return dpeepholes(at.row).at(0, part * gates_.hidden); };
    units(multiply_add, {slope(kLstmOutput), cell, peep_slope(1), peep_slope(1)});
    if (!before) return;
    units(multiply_add, {slope(kLstmInput), before, peep_slope(0), peep_slope(0)});
    units(multiply_add, {slope(kLstmForget), before, peep_slope(2), peep_slope(2)});
  }

  const AnyLstmBackward& call_;
  WorkerRows rows_;
  const GateShape& gates_;
  ScratchParts parts_;
  FloatRows dh_, slopes_;
  GateProductBack product_;
  FloatRows dc_, carry_, total_, squashed_, slope_;
  std::byte* product_scratch_ = nullptr;
};

}  // namespace

std::size_t scratch_bytes(const AnyLstmForward& call) noexcept { return walk_bytes<LstmWalk>(call); }
void any_lstm(const AnyLstmForward& call, std::byte* scratch, Worker worker) noexcept { run_walk<LstmWalk>(call, scratch, worker); }

std::size_t scratch_bytes(const AnyLstmBackward& call) noexcept { return walk_bytes<LstmWalkBack>(call); }
void any_lstm_gradient(const AnyLstmBackward& call, std::byte* scratch, Worker worker) noexcept {
  run_walk<LstmWalkBack>(call, scratch, worker);
}

}  // namespace neurons::kernels
