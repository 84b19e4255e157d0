#include "neurons/kernels/winograd.hpp"

#include "neurons/kernels/convolution_rows.hpp"
#include "neurons/kernels/simd_targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "neurons/kernels/winograd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>

#include "neurons/kernels/tap_kernel-inl.h"
#include "neurons/kernels/winograd_transforms-inl.h"

HWY_BEFORE_NAMESPACE();
namespace neurons::kernels::HWY_NAMESPACE {

/// One row of pixels as it lies, or zeros where there is none.
struct PixelRow {
  const float* data = nullptr;
  std::int64_t stride = 0;
};

/// One call on one worker.
template <int tile>
class WinogradRun {
 public:
  WinogradRun(const WinogradPlan& plan, std::byte* scratch) : plan_(plan), shape_(plan.panels_shape) {
    const auto take = [&scratch](std::int64_t floats) {
      auto* const place = reinterpret_cast<float*>(scratch);
      scratch += align_up(static_cast<std::size_t>(floats) * sizeof(float));
      return place;
    };
    weights_ = take(plan.weight_floats());
    inputs_ = take(plan.input_floats());
    results_ = take(plan.result_floats());
    zeros_ = take(plan.zero_floats());
    sums_ = take(plan.sum_floats());
    epilogue_scratch_ = scratch;
    std::fill_n(zeros_, plan.zero_floats(), 0.0F);
  }

  /// Where weights are kept, rows of tiles fall to the workers in equal runs, else panels do; each transforms for itself what it
  /// needs of the other.
  void sums(Worker worker) const {
    const bool by_panel = !plan_.keeps_weights && worker.count <= shape_.panels();
    const Range rows = by_panel ? Range{0, plan_.rows_of_tiles()} : share_of(plan_.rows_of_tiles(), worker);
    const Range panels = by_panel ? share_of(shape_.panels(), worker) : Range{0, shape_.panels()};
    for (std::int64_t row = rows.begin; row < rows.end; row += plan_.block) {
      const std::int64_t count = std::min(plan_.block, rows.end - row);
      const std::int64_t pitch = WinogradPlan::pitch(count * plan_.tiles[1], plan_.channels);
      for (std::int64_t r = 0; r < count; ++r) {
        transform_inputs(row + r, inputs_ + r * plan_.tiles[1] * plan_.channels, pitch);
      }
      for (std::int64_t panel = panels.begin; panel < panels.end; ++panel) {
        float* const weights = weights_ + (plan_.keeps_weights ? panel * kPlaces * weight_pitch() : 0);
        for (std::int64_t c = 0; c < plan_.channels; c += plan_.channels_at_a_time()) {
          const Range channels{c, std::min(plan_.channels, c + plan_.channels_at_a_time())};
          if (!plan_.keeps_weights || row == rows.begin) transform_weights(panel, channels, weights);
          multiply(panel, channels, weights, count * plan_.tiles[1], pitch);
        }
        for (std::int64_t r = 0; r < count; ++r) finish_row(row + r, panel, r * plan_.tiles[1], count * plan_.tiles[1]);
      }
    }
  }

  /// Where weights are not kept, panels by channels fall to the workers: each transforms all inputs, and finishes what it sums.
  void weight_gradient_by_panel(Worker worker) const {
    const std::int64_t step = plan_.channels_at_a_time();
    const std::int64_t parts = (plan_.channels + step - 1) / step;
    const Range units = share_of(parts * shape_.panels(), worker);
    const Range rows{0, plan_.rows_of_tiles()};
    const std::int64_t tiles = rows.end * plan_.tiles[1];
    const std::int64_t input_pitch = WinogradPlan::pitch(tiles, plan_.channels);
    const std::int64_t gradient_pitch = WinogradPlan::pitch(tiles, shape_.width());
    for (std::int64_t row = 0; row < rows.end && units.begin < units.end; ++row) {
      transform_inputs(row, inputs_ + row * plan_.tiles[1] * plan_.channels, input_pitch);
    }
    for (std::int64_t unit = units.begin; unit < units.end; ++unit) {
      const std::int64_t panel = unit / parts;
      if (unit == units.begin || unit % parts == 0) {
        for (std::int64_t i = 0; i < kSide; ++i) transform_gradients_of(i, rows, panel, results_ + i * kSide * gradient_pitch);
      }
      const Range channels{unit % parts * step, std::min(plan_.channels, (unit % parts + 1) * step)};
      for (std::int64_t place = 0; place < kPlaces; ++place) {
        accumulate(inputs_ + place * input_pitch + channels.begin, results_ + place * gradient_pitch,
                   weights_ + place * weight_pitch(), channels.end - channels.begin, columns_of(panel), tiles, false);
      }
      finish_weights(panel, channels, weights_, weight_pitch(), false);
    }
  }

  /// Rows of places by panels fall to the workers, where those are few by channels, too; each sums over all tiles in their order.
  /// The last worker to arrive puts the gradient together: the same sums, whoever it is.
  void weight_gradient(Worker worker) const {
    constexpr std::int64_t kChannels = 16;
    const std::int64_t parts = worker.count > kSide * shape_.panels() ? plan_.channels / kChannels : 1;
    const Range units = share_of(kSide * parts * shape_.panels(), worker);
    for (std::int64_t row = 0; row < plan_.rows_of_tiles() && units.begin < units.end; row += plan_.block) {
      const std::int64_t count = std::min(plan_.block, plan_.rows_of_tiles() - row);
      std::int64_t transformed = -1;
      for (std::int64_t unit = units.begin; unit < units.end; ++unit) {
        const std::int64_t i = unit / shape_.panels() / parts;
        const std::int64_t part = unit / shape_.panels() % parts;
        const Range channels{plan_.channels * part / parts, plan_.channels * (part + 1) / parts};
        const std::int64_t panel = unit % shape_.panels();
        if (transformed != unit / shape_.panels()) transform_inputs_of(i, {row, row + count}, channels);
        transformed = unit / shape_.panels();
        transform_gradients_of(i, {row, row + count}, panel, results_);
        const std::int64_t tiles = count * plan_.tiles[1];
        for (std::int64_t j = 0; j < kSide; ++j) {
          accumulate(inputs_ + j * WinogradPlan::pitch(tiles, plan_.channels) + channels.begin,
                     results_ + j * WinogradPlan::pitch(tiles, shape_.width()),
                     sums_of(panel) + (i * kSide + j) * matrix() + channels.begin * shape_.width(), channels.end - channels.begin,
                     columns_of(panel), tiles, row != 0);
        }
      }
    }
    if (plan_.shared->arrived.fetch_add(1, std::memory_order_acq_rel) + 1 < worker.count) return;
    plan_.shared->arrived.store(0, std::memory_order_relaxed);
    for (std::int64_t panel = 0; panel < shape_.panels(); ++panel) {
      finish_weights(panel, {0, plan_.channels}, sums_of(panel), matrix(), plan_.rows_of_tiles() * plan_.tiles[1] == 0);
    }
  }

 private:
  using Transform = Winograd<tile>;
  static constexpr int kSide = tile + 2;
  static constexpr std::int64_t kPlaces = kSide * kSide;

  struct Place {
    std::int64_t image;
    std::int64_t row;  ///< of tiles
  };
  Place place_of(std::int64_t row) const { return {row / plan_.tiles[0], row % plan_.tiles[0]}; }

  PixelRow input_row(const Place& place, std::int64_t row) const {
    const std::int64_t y = plan_.origin[0] + tile * place.row + row;
    if (y < 0 || y >= plan_.in[0]) return {zeros_, 0};
    return {plan_.x + (place.image * plan_.in[0] + y) * plan_.in[1] * plan_.channels, plan_.channels};
  }
  PixelRow gradient_row(const Place& place, std::int64_t row) const {
    const std::int64_t y = tile * place.row + row;
    if (y >= plan_.out[0]) return {zeros_, 0};
    return {plan_.dy + (place.image * plan_.out[0] + y) * plan_.out[1] * shape_.outputs, shape_.outputs};
  }
  bool has_column(std::int64_t column) const { return column >= 0 && column < plan_.in[1]; }
  /// Columns that exist of a panel.
  std::int64_t columns_of(std::int64_t panel) const { return std::min(shape_.width(), shape_.outputs - panel * shape_.width()); }
  /// Weights of a panel at one place of the window or the tile.
  std::int64_t matrix() const { return plan_.channels * shape_.width(); }
  std::int64_t weight_pitch() const { return WinogradPlan::pitch(plan_.channels_at_a_time(), shape_.width()); }

  /// G g Gᵀ for some channels' weights of a panel: [places, channels, width].
  void transform_weights(std::int64_t panel, const Range& channels, float* to) const {
    const Floats d;
    const float* const from = plan_.weights + panel * 9 * matrix() + channels.begin * shape_.width();
    for (std::int64_t e = 0; e < (channels.end - channels.begin) * shape_.width(); e += kLanes) {
      Line<kSide> rows[3]{};
      NEURONS_UNROLL
      for (int x = 0; x < 3; ++x) {
        Line<3> column{};
        NEURONS_UNROLL
        for (int y = 0; y < 3; ++y) column.v[y] = hn::LoadU(d, from + (y * 3 + x) * matrix() + e);
        rows[x] = Transform::weights(column);
      }
      NEURONS_UNROLL
      for (int i = 0; i < kSide; ++i) {
        const Line<kSide> places = Transform::weights({{rows[0].v[i], rows[1].v[i], rows[2].v[i]}});
        NEURONS_UNROLL
        for (int j = 0; j < kSide; ++j) hn::StoreU(places.v[j], d, to + (i * kSide + j) * weight_pitch() + e);
      }
    }
  }

  /// Bᵀ d B for one row of tiles: places `pitch` apart, in each a row of channels for every tile.
  void transform_inputs(std::int64_t row, float* to, std::int64_t pitch) const {
    const Floats d;
    const Place place = place_of(row);
    PixelRow rows[kSide];
    for (int r = 0; r < kSide; ++r) rows[r] = input_row(place, r);
    const std::int64_t channels = plan_.channels;
    for (std::int64_t c = 0; c < channels; c += kLanes) {
      const auto column = [&](std::int64_t x) HWY_ATTR {
        Line<kSide> pixels{};
        NEURONS_UNROLL
        for (int r = 0; r < kSide; ++r) {
          pixels.v[r] = has_column(x) ? hn::LoadU(d, rows[r].data + x * rows[r].stride + c) : hn::Zero(d);
        }
        return Transform::inputs(pixels);
      };
      Line<kSide> seen[kSide]{};
      std::int64_t x = plan_.origin[1];
      seen[tile] = column(x);
      seen[tile + 1] = column(x + 1);
      for (std::int64_t t = 0; t < plan_.tiles[1]; ++t, x += tile) {
        seen[0] = seen[tile];
        seen[1] = seen[tile + 1];
        NEURONS_UNROLL
        for (int k = 2; k < kSide; ++k) seen[k] = column(x + k);
        float* const own = to + t * channels + c;
        NEURONS_UNROLL
        for (int i = 0; i < kSide; ++i) {
          Line<kSide> across{};
          NEURONS_UNROLL
          for (int k = 0; k < kSide; ++k) across.v[k] = seen[k].v[i];
          const Line<kSide> places = Transform::inputs(across);
          NEURONS_UNROLL
          for (int j = 0; j < kSide; ++j) hn::StoreU(places.v[j], d, own + (i * kSide + j) * pitch);
        }
      }
    }
  }

  /// The same for the places of row i of the tile, rows of tiles and channels of a range.
  void transform_inputs_of(std::int64_t i, const Range& rows, const Range& channels) const {
    const std::int64_t pitch = WinogradPlan::pitch((rows.end - rows.begin) * plan_.tiles[1], plan_.channels);
    for (std::int64_t row = rows.begin; row < rows.end; ++row) {
      transform_input_row_of(i, row, channels, inputs_ + (row - rows.begin) * plan_.tiles[1] * plan_.channels, pitch);
    }
  }
  void transform_input_row_of(std::int64_t i, std::int64_t row, const Range& channels, float* to, std::int64_t pitch) const {
    const Floats d;
    const Place place = place_of(row);
    PixelRow rows[Transform::kInputTerms];
    Vector factors[Transform::kInputTerms];
    for (int k = 0; k < Transform::kInputTerms; ++k) {
      const Term& term = Transform::kInputs[i][k];
      rows[k] = term.factor == 0 ? PixelRow{zeros_, 0} : input_row(place, term.place);
      factors[k] = constant(term.factor);
    }
    for (std::int64_t c = channels.begin; c < channels.end; c += kLanes) {
      const auto column = [&](std::int64_t x) HWY_ATTR {
        Vector sum = hn::Zero(d);
        if (!has_column(x)) return sum;
        NEURONS_UNROLL
        for (int k = 0; k < Transform::kInputTerms; ++k) {
          sum = hn::MulAdd(factors[k], hn::LoadU(d, rows[k].data + x * rows[k].stride + c), sum);
        }
        return sum;
      };
      Line<kSide> seen{};
      std::int64_t x = plan_.origin[1];
      seen.v[tile] = column(x);
      seen.v[tile + 1] = column(x + 1);
      for (std::int64_t t = 0; t < plan_.tiles[1]; ++t, x += tile) {
        seen.v[0] = seen.v[tile];
        seen.v[1] = seen.v[tile + 1];
        NEURONS_UNROLL
        for (int k = 2; k < kSide; ++k) seen.v[k] = column(x + k);
        const Line<kSide> places = Transform::inputs(seen);
        NEURONS_UNROLL
        for (int j = 0; j < kSide; ++j) hn::StoreU(places.v[j], d, to + j * pitch + t * plan_.channels + c);
      }
    }
  }

  /// Row i of A dy Aᵀ for rows of tiles and one panel of outputs.
  void transform_gradients_of(std::int64_t i, const Range& rows, std::int64_t panel, float* to) const {
    const std::int64_t pitch = WinogradPlan::pitch((rows.end - rows.begin) * plan_.tiles[1], shape_.width());
    for (std::int64_t row = rows.begin; row < rows.end; ++row) {
      transform_gradient_row_of(i, row, panel, to + (row - rows.begin) * plan_.tiles[1] * shape_.width(), pitch);
    }
  }
  void transform_gradient_row_of(std::int64_t i, std::int64_t row, std::int64_t panel, float* to, std::int64_t pitch) const {
    const Floats d;
    const Place place = place_of(row);
    PixelRow rows[tile];
    Vector factors[tile];
    for (int k = 0; k < tile; ++k) {
      const float factor = Transform::kGradients[i][k];
      rows[k] = factor == 0 ? PixelRow{zeros_, 0} : gradient_row(place, k);
      factors[k] = constant(factor);
      if (rows[k].stride != 0) rows[k].data += panel * shape_.width();
    }
    const std::int64_t columns = columns_of(panel);
    for (std::int64_t t = 0; t < plan_.tiles[1]; ++t) {
      for (std::int64_t n = 0; n < columns; n += kLanes) {
        Line<tile> across{};
        NEURONS_UNROLL
        for (int x = 0; x < tile; ++x) {
          across.v[x] = hn::Zero(d);
          if (tile * t + x >= plan_.out[1]) continue;
          NEURONS_UNROLL
          for (int k = 0; k < tile; ++k) {
            const Vector gradient = hn::LoadU(d, rows[k].data + (tile * t + x) * rows[k].stride + n);
            across.v[x] = hn::MulAdd(factors[k], gradient, across.v[x]);
          }
        }
        const Line<kSide> places = Transform::gradients(across);
        NEURONS_UNROLL
        for (int j = 0; j < kSide; ++j) hn::StoreU(places.v[j], d, to + j * pitch + t * shape_.width() + n);
      }
    }
  }

  template <Layout layout>
  void run_tile(TapTile& part, std::int64_t height, std::int64_t columns, const float* b, float* c) const {
    const std::int64_t step = std::min<std::int64_t>(kTileVectors * kLanes, shape_.width());
    const auto& kernels = step == kTileVectors * kLanes ? kTapKernels<layout, kTileVectors> : kTapKernels<layout, 1>;
    for (std::int64_t column = 0; column < columns; column += step) {
      part.b = b + column;
      part.c = c + column;
      part.columns = columns - column;
      kernels[static_cast<std::size_t>(height - 1)](part);
    }
  }

  /// results[place] (+)= inputs[place] · weights[place] over some channels, for each place.
  void multiply(std::int64_t panel, const Range& channels, const float* weights, std::int64_t rows,
                std::int64_t input_pitch) const {
    static constexpr std::int64_t kStart = 0;
    const std::int64_t width = shape_.width();
    TapTile part;
    part.segments = 1;
    part.steps = channels.end - channels.begin;
    part.a_offsets = &kStart;
    part.a_stride = plan_.channels;
    part.b_stride = width;
    part.c_stride = width;
    part.accumulate = channels.begin > 0;
    const std::int64_t parts = (rows + kMaxRows - 1) / kMaxRows;
    for (std::int64_t place = 0; place < kPlaces; ++place) {
      float* const c = results_ + place * WinogradPlan::pitch(rows, width);
      for (std::int64_t p = 0; p < parts; ++p) {
        const std::int64_t begin = rows * p / parts;
        part.a = inputs_ + place * input_pitch + begin * plan_.channels + channels.begin;
        run_tile<Layout::inner_contiguous>(part, rows * (p + 1) / parts - begin, columns_of(panel),
                                           weights + place * weight_pitch(), c + begin * width);
      }
    }
  }

  /// y = Aᵀ m A + bias for one row of tiles and one panel, then the epilogue.
  void finish_row(std::int64_t row, std::int64_t panel, std::int64_t first_tile, std::int64_t block_tiles) const {
    const Floats d;
    const Place place = place_of(row);
    const std::int64_t width = shape_.width();
    const std::int64_t pitch = WinogradPlan::pitch(block_tiles, width);
    const std::int64_t columns = columns_of(panel);
    const std::int64_t first = (place.image * plan_.out[0] + tile * place.row) * plan_.out[1];
    float* const y = plan_.y + first * shape_.outputs + panel * width;
    const std::int64_t rows = std::min<std::int64_t>(tile, plan_.out[0] - tile * place.row);
    for (std::int64_t t = 0; t < plan_.tiles[1]; ++t) {
      for (std::int64_t n = 0; n < columns; n += kLanes) {
        const float* const from = results_ + (first_tile + t) * width + n;
        Line<tile> down[kSide]{};
        NEURONS_UNROLL
        for (int j = 0; j < kSide; ++j) {
          Line<kSide> column{};
          NEURONS_UNROLL
          for (int i = 0; i < kSide; ++i) column.v[i] = hn::LoadU(d, from + (i * kSide + j) * pitch);
          down[j] = Transform::results(column);
        }
        const Vector bias = plan_.bias == nullptr ? hn::Zero(d) : hn::LoadU(d, plan_.bias + panel * width + n);
        NEURONS_UNROLL
        for (int r = 0; r < tile; ++r) {
          if (r >= rows) break;
          Line<kSide> across{};
          NEURONS_UNROLL
          for (int j = 0; j < kSide; ++j) across.v[j] = down[j].v[r];
          const Line<tile> results = Transform::results(across);
          float* const to = y + (r * plan_.out[1] + tile * t) * shape_.outputs + n;
          NEURONS_UNROLL
          for (int x = 0; x < tile; ++x) {
            if (tile * t + x < plan_.out[1]) hn::StoreU(hn::Add(results.v[x], bias), d, to + x * shape_.outputs);
          }
        }
      }
    }
    if (plan_.epilogue == nullptr) return;
    plan_.epilogue->run(first, rows * plan_.out[1], panel * width, columns, {reinterpret_cast<std::byte*>(y), shape_.outputs, 1},
                        epilogue_scratch_);
  }

  /// sums (+)= inputsᵀ · gradients over a block of tiles, for some channels at one place.
  void accumulate(const float* inputs, const float* gradients, float* sums, std::int64_t channels, std::int64_t columns,
                  std::int64_t tiles, bool adds) const {
    static constexpr std::int64_t kStart = 0;
    TapTile part;
    part.segments = 1;
    part.steps = tiles;
    part.a_offsets = &kStart;
    part.a_stride = plan_.channels;
    part.b_stride = shape_.width();
    part.c_stride = shape_.width();
    part.accumulate = adds;
    const std::int64_t parts = (channels + kMaxRows - 1) / kMaxRows;
    for (std::int64_t p = 0; p < parts; ++p) {
      const std::int64_t begin = channels * p / parts;
      part.a = inputs + begin;
      run_tile<Layout::rows_contiguous>(part, channels * (p + 1) / parts - begin, columns, gradients,
                                        sums + begin * shape_.width());
    }
  }

  /// dg = Gᵀ s G for some channels of a panel, whose sums have their places `pitch` apart, then the epilogue.
  void finish_weights(std::int64_t panel, const Range& channels, const float* from, std::int64_t pitch, bool none) const {
    const Floats d;
    const std::int64_t width = shape_.width();
    const std::int64_t count = channels.end - channels.begin;
    const std::int64_t first = panel * shape_.inputs + channels.begin;
    float* const to = (plan_.dw == nullptr ? sums_ : plan_.dw) + first * width;
    for (std::int64_t e = 0; e < count * width; e += kLanes) {
      const bool exists = !none && e % width < columns_of(panel);
      Line<3> down[kSide]{};
      NEURONS_UNROLL
      for (int j = 0; j < kSide; ++j) {
        Line<kSide> column{};
        NEURONS_UNROLL
        for (int i = 0; i < kSide; ++i) column.v[i] = exists ? hn::LoadU(d, from + (i * kSide + j) * pitch + e) : hn::Zero(d);
        down[j] = Transform::sums(column);
      }
      NEURONS_UNROLL
      for (int y = 0; y < 3; ++y) {
        Line<kSide> across{};
        NEURONS_UNROLL
        for (int j = 0; j < kSide; ++j) across.v[j] = down[j].v[y];
        const Line<3> taps = Transform::sums(across);
        NEURONS_UNROLL
        for (int x = 0; x < 3; ++x) hn::StoreU(taps.v[x], d, to + (y * 3 + x) * matrix() + e);
      }
    }
    if (plan_.epilogue == nullptr) return;
    for (std::int64_t tap = 0; tap < 9; ++tap) {
      plan_.epilogue->run(first + tap * plan_.channels, count, 0, width,
                          {reinterpret_cast<std::byte*>(to + tap * matrix()), width, 1}, epilogue_scratch_);
    }
  }

  float* sums_of(std::int64_t panel) const {
    return reinterpret_cast<float*>(plan_.shared->sums.data()) + panel * kPlaces * matrix();
  }

  const WinogradPlan& plan_;
  PanelShape shape_;
  float* weights_;
  float* inputs_;
  float* results_;
  float* zeros_;
  float* sums_;
  std::byte* epilogue_scratch_;
};

template <int tile>
void run_tiles(const WinogradPlan& plan, std::byte* scratch, Worker worker) {
  const WinogradRun<tile> run(plan, scratch);
  if (plan.weight_gradient && !plan.keeps_weights) {
    run.weight_gradient_by_panel(worker);
  } else if (plan.weight_gradient) {
    run.weight_gradient(worker);
  } else {
    run.sums(worker);
  }
}

void run_winograd(const WinogradPlan& plan, std::byte* scratch, Worker worker) {
  if (plan.tile == 4) {
    run_tiles<4>(plan, scratch, worker);
  } else {
    run_tiles<2>(plan, scratch, worker);
  }
}

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace neurons::kernels {

HWY_EXPORT(run_winograd);

void run_winograd(const WinogradPlan& plan, std::byte* scratch, Worker worker) noexcept {
  HWY_DYNAMIC_DISPATCH(run_winograd)(plan, scratch, worker);
}

}  // namespace neurons::kernels
#endif  // HWY_ONCE
