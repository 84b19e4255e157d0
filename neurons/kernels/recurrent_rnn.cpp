#include "neurons/kernels/elementwise.hpp"
#include "neurons/kernels/recurrent_any.hpp"
#include "neurons/kernels/recurrent_walk.hpp"

namespace neurons::kernels {
namespace {

class RnnWalk {
 public:
  RnnWalk(const RnnForward& call, RowRange range, std::byte* scratch) noexcept
      : call_(call), rows_(call.shape, range), gates_(call.shape.gates), parts_(scratch) {
    h_ = parts_.rows(rows_.count(), state_stride(call.shape));
    sums_ = parts_.rows(rows_.count(), state_stride(call.shape));
    product_ = prepare(gate_product(gates_, call.panels, 0, 1, h_, rows_.count(), sums_));
    product_scratch_ = parts_.bytes(product_.scratch_bytes());
  }
  std::size_t used() const noexcept { return parts_.used(); }

  void run() noexcept {
    rows_.load(call_.initial_h, h_);
    rows_.each_step(false, [&](std::int64_t step) {
      RowLoop{rows_.count(), gates_.columns()}.copy(readable(call_.sums, gates_.columns()).at(rows_.place(step)), sums_);
      if (!rows_.is_first(step) || call_.initial_h != nullptr) neurons::kernels::run(product_, product_scratch_, {0, 1});
      rows_.each_run(step, [&](const StepRows& at) {
        const RowLoop units{at.count, gates_.hidden};
        const FloatRows h = h_.at(at.own);
        if (call_.previous != nullptr) units.copy(h, FloatRows{call_.previous, gates_.hidden}.at(at.place));
        if (at.active) call_.activation.apply(units, sums_.at(at.own), h);
        if (call_.y == nullptr) return;
        const FloatRows y = FloatRows{call_.y, gates_.hidden}.at(at.place);
        return at.active ? units.copy(h, y) : units.fill(0, y);
      });
    });
    rows_.store(h_, call_.last_h);
  }

 private:
  const RnnForward& call_;
  WorkerRows rows_;
  const GateShape& gates_;
  ScratchParts parts_;
  FloatRows h_, sums_;
  PreparedProduct product_;
  std::byte* product_scratch_ = nullptr;
};

class RnnWalkBack {
 public:
  RnnWalkBack(const RnnBackward& call, RowRange range, std::byte* scratch) noexcept
      : call_(call),
        rows_(call.shape, range),
        gates_(call.shape.gates),
        parts_(scratch),
        dh_(parts_.rows(rows_.count(), state_stride(call.shape))),
        slopes_(parts_.rows(rows_.count(), slope_stride(call.shape))),
        product_(call.shape, call.turned, 0, 1, slopes_, dh_, rows_.count()) {
    carry_ = parts_.rows(rows_.count(), state_stride(call.shape));
    product_scratch_ = parts_.bytes(product_.scratch_bytes());
  }
  std::size_t used() const noexcept { return parts_.used(); }

  void run() noexcept {
    rows_.load(call_.last_dh, dh_);
    RowLoop{rows_.count(), gates_.columns()}.fill(0, slopes_);
    rows_.each_step(true, [&](std::int64_t step) {
      rows_.each_run(step, [&](const StepRows& at) { finish(at, slopes_.at(at.own)); });
      if (rows_.is_first(step) && call_.initial_dh == nullptr) return;
      product_.run(product_scratch_);
      rows_.pass_by(step, carry_, dh_);
    });
    rows_.store(dh_, call_.initial_dh);
  }

 private:
  void finish(const StepRows& at, FloatRows slopes) noexcept {
    const RowLoop units{at.count, gates_.hidden};
    const FloatRows dh = dh_.at(at.own);
    if (at.active) {
      if (call_.dy != nullptr) units(add, {dh, readable(call_.dy, gates_.hidden).at(at.place), dh});
      call_.activation.apply_slope(units, dh, readable(call_.y, gates_.hidden).at(at.place), slopes);
    } else {
      units.fill(0, slopes);
      units.copy(dh, carry_.at(at.own));
    }
    if (call_.dsums != nullptr) {
      RowLoop{at.count, gates_.columns()}.copy(slopes, FloatRows{call_.dsums, gates_.columns()}.at(at.place));
    }
  }

  const RnnBackward& call_;
  WorkerRows rows_;
  const GateShape& gates_;
  ScratchParts parts_;
  FloatRows dh_, slopes_;
  GateProductBack product_;
  FloatRows carry_;
  std::byte* product_scratch_ = nullptr;
};

}  // namespace

std::size_t scratch_bytes(const RnnForward& call) noexcept { return walk_bytes<RnnWalk>(call); }
void rnn(const RnnForward& call, std::byte* scratch, Worker worker) noexcept { run_walk<RnnWalk>(call, scratch, worker); }

std::size_t scratch_bytes(const RnnBackward& call) noexcept { return walk_bytes<RnnWalkBack>(call); }
void rnn_gradient(const RnnBackward& call, std::byte* scratch, Worker worker) noexcept {
  run_walk<RnnWalkBack>(call, scratch, worker);
}

}  // namespace neurons::kernels
