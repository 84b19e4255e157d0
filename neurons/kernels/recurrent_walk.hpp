#pragma once
/// What the walks of recurrent_any.hpp have in common.

#include <algorithm>

#include "neurons/kernels/gate_activation.hpp"
#include "neurons/kernels/recurrent_scratch.hpp"

namespace neurons::kernels {

/// Parts of a worker's scratch, one after the other, each on a line of its own. Without scratch, what they would take is counted.
class ScratchParts {
 public:
  explicit ScratchParts(std::byte* scratch) noexcept : scratch_(scratch) {}

  std::byte* bytes(std::size_t count) noexcept {
    std::byte* const part = scratch_ == nullptr ? nullptr : scratch_ + used_;
    used_ += align_up(count);
    return part;
  }
  FloatRows rows(std::int64_t count, std::int64_t stride) noexcept {
    return {reinterpret_cast<float*>(bytes(static_cast<std::size_t>(count * stride) * sizeof(float))), stride};
  }
  std::size_t used() const noexcept { return used_; }

 private:
  std::byte* scratch_;
  std::size_t used_ = 0;
};

/// Rows of one worker that follow one another at one step, and all have it or all lack it.
struct StepRows {
  std::int64_t row = 0;    ///< of the batch, the first
  std::int64_t own = 0;    ///< the same of the worker's
  std::int64_t place = 0;  ///< step · batch + row
  std::int64_t count = 0;
  bool active = true;
};

/// The rows of one worker.
class WorkerRows {
 public:
  WorkerRows(const RecurrentShape& shape, RowRange range) noexcept : shape_(shape), range_(range) {}

  const GateShape& gates() const noexcept { return shape_.gates; }
  std::int64_t count() const noexcept { return range_.end - range_.first; }
  std::int64_t place(std::int64_t step) const noexcept { return step * shape_.batch + range_.first; }

  /// Calls visit(step) for all of them, forwards in time as the walk goes, or back.
  template <typename Visit>
  void each_step(bool back, const Visit& visit) const {
    for (std::int64_t i = 0; i < shape_.steps; ++i) visit(shape_.reverse != back ? shape_.steps - 1 - i : i);
  }

  /// Whether the walk ends, backwards, with that step.
  bool is_first(std::int64_t step) const noexcept { return step == (shape_.reverse ? shape_.steps - 1 : 0); }

  /// Calls visit(StepRows) for as many rows at a time as stay in the first-level cache.
  template <typename Visit>
  void each_run(std::int64_t step, const Visit& visit) const {
    StepRows run;
    for (run.row = range_.first; run.row < range_.end; run.row += run.count) {
      run.own = run.row - range_.first;
      run.place = step * shape_.batch + run.row;
      run.active = has(run.row, step);
      const std::int64_t most = std::min(range_.end - run.row, rows_at_a_time());
      run.count = 1;
      while (run.count < most && has(run.row + run.count, step) == run.active) ++run.count;
      visit(run);
    }
  }
  /// Rows that lack the step get back what they carry past it.
  void pass_by(std::int64_t step, FloatRows carry, FloatRows state) const noexcept {
    each_run(step, [&](const StepRows& at) {
      if (!at.active) RowLoop{at.count, shape_.gates.hidden}.copy(carry.at(at.own), state.at(at.own));
    });
  }
  std::int64_t rows_at_a_time() const noexcept { return std::max<std::int64_t>(1, kRunFloats / shape_.gates.padded()); }

  /// The worker's rows of [batch, hidden] to or from its state; absent: 0, or nowhere.
  void load(const float* from, FloatRows state) const noexcept {
    const RowLoop all{count(), shape_.gates.hidden};
    return from == nullptr ? all.fill(0, state) : all.copy(given(from), state);
  }
  void store(FloatRows state, float* to) const noexcept {
    if (to != nullptr) RowLoop{count(), shape_.gates.hidden}.copy(state, given(to));
  }

 private:
  static constexpr std::int64_t kRunFloats = 1024;

  bool has(std::int64_t row, std::int64_t step) const noexcept { return shape_.lengths == nullptr || step < shape_.lengths[row]; }
  FloatRows given(const float* data) const noexcept {
    return FloatRows{const_cast<float*>(data), shape_.gates.hidden}.at(range_.first);
  }

  const RecurrentShape& shape_;
  RowRange range_;
};

/// Rows of an operand that is only read.
inline FloatRows readable(const float* data, std::int64_t stride) noexcept { return {const_cast<float*>(data), stride}; }

/// Memory of a worker that may get all rows.
template <class Walk, class Call>
std::size_t walk_bytes(const Call& call) noexcept {
  return Walk(call, {0, call.shape.batch}, nullptr).used();
}
template <class Walk, class Call>
void run_walk(const Call& call, std::byte* scratch, Worker worker) noexcept {
  const RowRange range = row_range(call.shape, worker);
  if (range.first < range.end) Walk(call, range, scratch).run();
}

/// C += h · the weights of gates [first, end), whose columns begin a panel.
inline PanelProduct gate_product(const GateShape& gates, const float* panels, std::int64_t first, std::int64_t end, FloatRows h,
                                 std::int64_t rows, FloatRows c) noexcept {
  PanelProduct product;
  product.rows = rows;
  product.inner = gates.hidden;
  product.columns = (end - first) * gates.padded();
  product.width = gates.panels().width();
  product.a = h.data;
  product.a_row_stride = h.stride;
  product.b = panels + first * gates.padded() * gates.hidden;
  product.b_in_panels = true;
  product.c = c.data;
  product.c_row_stride = c.stride;
  product.accumulate = true;
  return product;
}

/// dh = slopes of gates [first, end) · Rᵀ, panel by panel: the gates' rows are a part of each.
class GateProductBack {
 public:
  GateProductBack(const RecurrentShape& shape, const float* turned, std::int64_t first, std::int64_t end, FloatRows slopes,
                  FloatRows dh, std::int64_t rows) noexcept;
  std::size_t scratch_bytes() const noexcept { return std::max(whole_.scratch_bytes(), last_.scratch_bytes()); }
  void run(std::byte* scratch) noexcept;

 private:
  PreparedProduct whole_;
  PreparedProduct last_;  ///< the last panel may have fewer columns
  std::int64_t panels_ = 0;
  std::int64_t panel_floats_ = 0;
};

}  // namespace neurons::kernels
