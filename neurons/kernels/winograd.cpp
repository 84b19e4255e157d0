#include "neurons/kernels/winograd.hpp"

#include "neurons/kernels/convolution_rows.hpp"
#include "neurons/kernels/simd_targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "neurons/kernels/winograd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>

#include "neurons/kernels/tap_kernel-inl.h"

HWY_BEFORE_NAMESPACE();
namespace neurons::kernels::HWY_NAMESPACE {

constexpr std::int64_t kPlaces = WinogradPlan::kPlaces;

struct Four {
  Vector v[4];
};
struct Three {
  Vector v[3];
};
/// The transforms of one axis.
HWY_INLINE Four of_inputs(const Four& d) {
  return {{hn::Sub(d.v[0], d.v[2]), hn::Add(d.v[1], d.v[2]), hn::Sub(d.v[2], d.v[1]), hn::Sub(d.v[1], d.v[3])}};
}
HWY_INLINE Four of_weights(const Three& g) {
  const Vector half = hn::Set(Floats(), 0.5F);
  const Vector outer = hn::Mul(half, hn::Add(g.v[0], g.v[2]));
  const Vector middle = hn::Mul(half, g.v[1]);
  return {{g.v[0], hn::Add(outer, middle), hn::Sub(outer, middle), g.v[2]}};
}
HWY_INLINE Three of_sums(const Four& s) {
  const Vector half = hn::Set(Floats(), 0.5F);
  const Vector sum = hn::Mul(half, hn::Add(s.v[1], s.v[2]));
  return {{hn::Add(s.v[0], sum), hn::Mul(half, hn::Sub(s.v[1], s.v[2])), hn::Add(sum, s.v[3])}};
}
HWY_INLINE Four of_gradients(Vector first, Vector second) {
  return {{first, hn::Add(first, second), hn::Sub(first, second), hn::Neg(second)}};
}

/// One row of pixels as it lies, or zeros where there is none.
struct PixelRow {
  const float* data = nullptr;
  std::int64_t stride = 0;
};

/// One call on one worker.
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

  /// Rows of tiles fall to the workers in equal runs; each transforms the weights for itself.
  void sums(Worker worker) const {
    const Range rows = share_of(plan_.rows_of_tiles(), worker);
    if (rows.begin == rows.end) return;
    transform_weights();
    for (std::int64_t row = rows.begin; row < rows.end; row += plan_.block) {
      const std::int64_t count = std::min(plan_.block, rows.end - row);
      const std::int64_t pitch = WinogradPlan::pitch(count * plan_.tiles[1], plan_.channels);
      for (std::int64_t r = 0; r < count; ++r) {
        transform_inputs(row + r, inputs_ + r * plan_.tiles[1] * plan_.channels, pitch);
      }
      for (std::int64_t panel = 0; panel < shape_.panels(); ++panel) {
        multiply(panel, count * plan_.tiles[1], pitch);
        for (std::int64_t r = 0; r < count; ++r) finish_row(row + r, panel, r * plan_.tiles[1], count * plan_.tiles[1]);
      }
    }
  }

  /// Rows of places by panels fall to the workers, where those are few by channels, too; each sums over all tiles in their order.
  /// The last worker to arrive puts the gradient together: the same sums, whoever it is.
  void weight_gradient(Worker worker) const {
    constexpr std::int64_t kChannels = 16;
    const std::int64_t parts = worker.count > 4 * shape_.panels() ? plan_.channels / kChannels : 1;
    const Range units = share_of(4 * parts * shape_.panels(), worker);
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
        transform_gradients_of(i, {row, row + count}, panel);
        for (std::int64_t j = 0; j < 4; ++j) accumulate(panel, i, j, channels, count * plan_.tiles[1], row != 0);
      }
    }
    if (plan_.shared->arrived.fetch_add(1, std::memory_order_acq_rel) + 1 < worker.count) return;
    plan_.shared->arrived.store(0, std::memory_order_relaxed);
    finish_weights();
  }

 private:
  struct Place {
    std::int64_t image;
    std::int64_t row;  ///< of tiles
  };
  Place place_of(std::int64_t row) const { return {row / plan_.tiles[0], row % plan_.tiles[0]}; }

  PixelRow input_row(const Place& place, std::int64_t row) const {
    const std::int64_t y = plan_.origin[0] + 2 * place.row + row;
    if (y < 0 || y >= plan_.in[0]) return {zeros_, 0};
    return {plan_.x + (place.image * plan_.in[0] + y) * plan_.in[1] * plan_.channels, plan_.channels};
  }
  bool has_column(std::int64_t column) const { return column >= 0 && column < plan_.in[1]; }
  /// Columns that exist of a panel.
  std::int64_t columns_of(std::int64_t panel) const { return std::min(shape_.width(), shape_.outputs - panel * shape_.width()); }

  /// G g Gᵀ for all weights: [panels, places, channels, width].
  void transform_weights() const {
    const Floats d;
    const std::int64_t width = shape_.width();
    const std::int64_t matrix = plan_.channels * width;
    for (std::int64_t panel = 0; panel < shape_.panels(); ++panel) {
      const float* const from = plan_.weights + panel * 9 * matrix;
      float* const to = weights_ + panel * kPlaces * matrix;
      for (std::int64_t e = 0; e < matrix; e += kLanes) {
        Four rows[3];
        NEURONS_UNROLL
        for (int x = 0; x < 3; ++x) {
          Three column;
          NEURONS_UNROLL
          for (int y = 0; y < 3; ++y) column.v[y] = hn::LoadU(d, from + (y * 3 + x) * matrix + e);
          rows[x] = of_weights(column);
        }
        NEURONS_UNROLL
        for (int i = 0; i < 4; ++i) {
          const Four places = of_weights({{rows[0].v[i], rows[1].v[i], rows[2].v[i]}});
          NEURONS_UNROLL
          for (int j = 0; j < 4; ++j) hn::StoreU(places.v[j], d, to + (i * 4 + j) * matrix + e);
        }
      }
    }
  }

  /// Bᵀ d B for one row of tiles: places `pitch` apart, in each a row of channels for every tile.
  void transform_inputs(std::int64_t row, float* to, std::int64_t pitch) const {
    const Floats d;
    const Place place = place_of(row);
    const PixelRow rows[4] = {input_row(place, 0), input_row(place, 1), input_row(place, 2), input_row(place, 3)};
    const std::int64_t channels = plan_.channels;
    for (std::int64_t c = 0; c < channels; c += kLanes) {
      const auto column = [&](std::int64_t x) HWY_ATTR {
        if (!has_column(x)) return Four{{hn::Zero(d), hn::Zero(d), hn::Zero(d), hn::Zero(d)}};
        Four pixels;
        NEURONS_UNROLL
        for (int r = 0; r < 4; ++r) pixels.v[r] = hn::LoadU(d, rows[r].data + x * rows[r].stride + c);
        return of_inputs(pixels);
      };
      std::int64_t x = plan_.origin[1];
      Four first = column(x);
      Four second = column(x + 1);
      for (std::int64_t tile = 0; tile < plan_.tiles[1]; ++tile) {
        x += 2;
        const Four third = column(x);
        const Four fourth = column(x + 1);
        float* const own = to + tile * channels + c;
        NEURONS_UNROLL
        for (int i = 0; i < 4; ++i) {
          const Four places = of_inputs({{first.v[i], second.v[i], third.v[i], fourth.v[i]}});
          NEURONS_UNROLL
          for (int j = 0; j < 4; ++j) hn::StoreU(places.v[j], d, own + (i * 4 + j) * pitch);
        }
        first = third;
        second = fourth;
      }
    }
  }

  /// The same for the four places of row i of the tile, rows of tiles and channels of a range.
  void transform_inputs_of(std::int64_t i, const Range& rows, const Range& channels) const {
    const std::int64_t pitch = WinogradPlan::pitch((rows.end - rows.begin) * plan_.tiles[1], plan_.channels);
    for (std::int64_t row = rows.begin; row < rows.end; ++row) {
      transform_input_row_of(i, row, channels, inputs_ + (row - rows.begin) * plan_.tiles[1] * plan_.channels, pitch);
    }
  }
  void transform_input_row_of(std::int64_t i, std::int64_t row, const Range& channels, float* to, std::int64_t pitch) const {
    static constexpr int kFirst[4] = {0, 1, 2, 1};
    static constexpr int kSecond[4] = {2, 2, 1, 3};
    const Floats d;
    const Place place = place_of(row);
    const PixelRow a = input_row(place, kFirst[i]);
    const PixelRow b = input_row(place, kSecond[i]);
    const Vector sign = hn::Set(d, i == 1 ? 1.0F : -1.0F);
    for (std::int64_t c = channels.begin; c < channels.end; c += kLanes) {
      const auto column = [&](std::int64_t x) HWY_ATTR {
        if (!has_column(x)) return hn::Zero(d);
        return hn::MulAdd(sign, hn::LoadU(d, b.data + x * b.stride + c), hn::LoadU(d, a.data + x * a.stride + c));
      };
      std::int64_t x = plan_.origin[1];
      Vector first = column(x);
      Vector second = column(x + 1);
      for (std::int64_t tile = 0; tile < plan_.tiles[1]; ++tile) {
        x += 2;
        const Vector third = column(x);
        const Vector fourth = column(x + 1);
        const Four places = of_inputs({{first, second, third, fourth}});
        NEURONS_UNROLL
        for (int j = 0; j < 4; ++j) hn::StoreU(places.v[j], d, to + j * pitch + tile * plan_.channels + c);
        first = third;
        second = fourth;
      }
    }
  }

  /// Row i of A dy Aᵀ for rows of tiles and one panel of outputs.
  void transform_gradients_of(std::int64_t i, const Range& rows, std::int64_t panel) const {
    const std::int64_t pitch = WinogradPlan::pitch((rows.end - rows.begin) * plan_.tiles[1], shape_.width());
    for (std::int64_t row = rows.begin; row < rows.end; ++row) {
      transform_gradient_row_of(i, row, panel, results_ + (row - rows.begin) * plan_.tiles[1] * shape_.width(), pitch);
    }
  }
  void transform_gradient_row_of(std::int64_t i, std::int64_t row, std::int64_t panel, float* to, std::int64_t pitch) const {
    const Floats d;
    const Place place = place_of(row);
    const auto gradient_row = [&](std::int64_t r) {
      const std::int64_t y = 2 * place.row + r;
      if (y >= plan_.out[0]) return PixelRow{zeros_, 0};
      return PixelRow{plan_.dy + (place.image * plan_.out[0] + y) * plan_.out[1] * shape_.outputs + panel * shape_.width(),
                      shape_.outputs};
    };
    const PixelRow a = gradient_row(0);
    const PixelRow b = gradient_row(1);
    const Vector sign = hn::Set(d, i == 1 ? 1.0F : -1.0F);
    const std::int64_t columns = columns_of(panel);
    for (std::int64_t tile = 0; tile < plan_.tiles[1]; ++tile) {
      for (std::int64_t n = 0; n < columns; n += kLanes) {
        const auto column = [&](std::int64_t x) HWY_ATTR {
          if (x >= plan_.out[1]) return hn::Zero(d);
          if (i == 0) return hn::LoadU(d, a.data + x * a.stride + n);
          const Vector lower = hn::LoadU(d, b.data + x * b.stride + n);
          if (i == 3) return hn::Neg(lower);
          return hn::MulAdd(sign, lower, hn::LoadU(d, a.data + x * a.stride + n));
        };
        const Four places = of_gradients(column(2 * tile), column(2 * tile + 1));
        NEURONS_UNROLL
        for (int j = 0; j < 4; ++j) hn::StoreU(places.v[j], d, to + j * pitch + tile * shape_.width() + n);
      }
    }
  }

  template <Layout layout>
  void run_tile(TapTile& tile, std::int64_t height, std::int64_t columns, const float* b, float* c) const {
    const std::int64_t step = std::min<std::int64_t>(kTileVectors * kLanes, shape_.width());
    const auto& kernels = step == kTileVectors * kLanes ? kTapKernels<layout, kTileVectors> : kTapKernels<layout, 1>;
    for (std::int64_t column = 0; column < columns; column += step) {
      tile.b = b + column;
      tile.c = c + column;
      tile.columns = columns - column;
      kernels[static_cast<std::size_t>(height - 1)](tile);
    }
  }

  /// results[place] = inputs[place] · weights[place], for each place.
  void multiply(std::int64_t panel, std::int64_t rows, std::int64_t input_pitch) const {
    static constexpr std::int64_t kStart = 0;
    const std::int64_t width = shape_.width();
    const std::int64_t matrix = plan_.channels * width;
    TapTile tile;
    tile.segments = 1;
    tile.steps = plan_.channels;
    tile.a_offsets = &kStart;
    tile.a_stride = plan_.channels;
    tile.b_stride = width;
    tile.c_stride = width;
    const std::int64_t parts = (rows + kMaxRows - 1) / kMaxRows;
    for (std::int64_t place = 0; place < kPlaces; ++place) {
      const float* const b = weights_ + (panel * kPlaces + place) * matrix;
      float* const c = results_ + place * WinogradPlan::pitch(rows, width);
      for (std::int64_t part = 0; part < parts; ++part) {
        const std::int64_t begin = rows * part / parts;
        tile.a = inputs_ + place * input_pitch + begin * plan_.channels;
        run_tile<Layout::inner_contiguous>(tile, rows * (part + 1) / parts - begin, columns_of(panel), b, c + begin * width);
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
    const std::int64_t first = (place.image * plan_.out[0] + 2 * place.row) * plan_.out[1];
    float* const y = plan_.y + first * shape_.outputs + panel * width;
    const bool two_rows = 2 * place.row + 1 < plan_.out[0];
    for (std::int64_t tile = 0; tile < plan_.tiles[1]; ++tile) {
      const bool two_columns = 2 * tile + 1 < plan_.out[1];
      for (std::int64_t n = 0; n < columns; n += kLanes) {
        const float* const from = results_ + (first_tile + tile) * width + n;
        Vector upper[4];
        Vector lower[4];
        NEURONS_UNROLL
        for (int j = 0; j < 4; ++j) {
          const Vector m1 = hn::LoadU(d, from + (4 + j) * pitch);
          const Vector m2 = hn::LoadU(d, from + (8 + j) * pitch);
          upper[j] = hn::Add(hn::LoadU(d, from + j * pitch), hn::Add(m1, m2));
          lower[j] = hn::Sub(hn::Sub(m1, m2), hn::LoadU(d, from + (12 + j) * pitch));
        }
        const Vector bias = plan_.bias == nullptr ? hn::Zero(d) : hn::LoadU(d, plan_.bias + panel * width + n);
        float* const to = y + 2 * tile * shape_.outputs + n;
        const auto write = [&](const Vector* m, float* at) HWY_ATTR {
          hn::StoreU(hn::Add(hn::Add(m[0], bias), hn::Add(m[1], m[2])), d, at);
          if (two_columns) hn::StoreU(hn::Add(hn::Sub(hn::Sub(m[1], m[2]), m[3]), bias), d, at + shape_.outputs);
        };
        write(upper, to);
        if (two_rows) write(lower, to + plan_.out[1] * shape_.outputs);
      }
    }
    if (plan_.epilogue == nullptr) return;
    const std::int64_t pixels = (two_rows ? 2 : 1) * plan_.out[1];
    plan_.epilogue->run(first, pixels, panel * width, columns, {reinterpret_cast<std::byte*>(y), shape_.outputs, 1},
                        epilogue_scratch_);
  }

  /// sums[panel, place i, j] (+)= inputsᵀ · gradients over a block of tiles, for some channels.
  void accumulate(std::int64_t panel, std::int64_t i, std::int64_t j, const Range& channels, std::int64_t tiles, bool adds) const {
    static constexpr std::int64_t kStart = 0;
    const std::int64_t width = shape_.width();
    TapTile tile;
    tile.segments = 1;
    tile.steps = tiles;
    tile.a_offsets = &kStart;
    tile.a_stride = plan_.channels;
    tile.b_stride = width;
    tile.c_stride = width;
    tile.accumulate = adds;
    const float* const a = inputs_ + j * WinogradPlan::pitch(tiles, plan_.channels);
    const float* const b = results_ + j * WinogradPlan::pitch(tiles, width);
    float* const c = shared_sums() + (panel * kPlaces + i * 4 + j) * plan_.channels * width;
    const std::int64_t count = channels.end - channels.begin;
    const std::int64_t parts = (count + kMaxRows - 1) / kMaxRows;
    for (std::int64_t part = 0; part < parts; ++part) {
      const std::int64_t begin = channels.begin + count * part / parts;
      tile.a = a + begin;
      run_tile<Layout::rows_contiguous>(tile, channels.begin + count * (part + 1) / parts - begin, columns_of(panel), b,
                                        c + begin * width);
    }
  }

  /// dg = Gᵀ s G, then the epilogue.
  void finish_weights() const {
    const Floats d;
    const std::int64_t width = shape_.width();
    const std::int64_t matrix = plan_.channels * width;
    float* const all = plan_.dw == nullptr ? sums_ : plan_.dw;
    const bool none = plan_.rows_of_tiles() == 0 || plan_.tiles[1] == 0;
    for (std::int64_t panel = 0; panel < shape_.panels(); ++panel) {
      const float* const from = shared_sums() + panel * kPlaces * matrix;
      float* const to = all + panel * 9 * matrix;
      for (std::int64_t e = 0; e < matrix; e += kLanes) {
        const bool exists = !none && e % width < columns_of(panel);
        Three rows[4];
        NEURONS_UNROLL
        for (int j = 0; j < 4; ++j) {
          Four column;
          NEURONS_UNROLL
          for (int i = 0; i < 4; ++i) column.v[i] = exists ? hn::LoadU(d, from + (i * 4 + j) * matrix + e) : hn::Zero(d);
          rows[j] = of_sums(column);
        }
        NEURONS_UNROLL
        for (int y = 0; y < 3; ++y) {
          const Three taps = of_sums({{rows[0].v[y], rows[1].v[y], rows[2].v[y], rows[3].v[y]}});
          NEURONS_UNROLL
          for (int x = 0; x < 3; ++x) hn::StoreU(taps.v[x], d, to + (y * 3 + x) * matrix + e);
        }
      }
    }
    if (plan_.epilogue == nullptr) return;
    plan_.epilogue->run(0, shape_.panels() * shape_.inputs, 0, width, {reinterpret_cast<std::byte*>(all), width, 1},
                        epilogue_scratch_);
  }

  float* shared_sums() const { return reinterpret_cast<float*>(plan_.shared->sums.data()); }

  const WinogradPlan& plan_;
  PanelShape shape_;
  float* weights_;
  float* inputs_;
  float* results_;
  float* zeros_;
  float* sums_;
  std::byte* epilogue_scratch_;
};

void run_winograd(const WinogradPlan& plan, std::byte* scratch, Worker worker) {
  const WinogradRun run(plan, scratch);
  if (plan.weight_gradient) {
    run.weight_gradient(worker);
  } else {
    run.sums(worker);
  }
}

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace neurons::kernels {

HWY_EXPORT(run_winograd);

namespace {

/// From x[batch, in, channels] to y[batch, out, outputs].
WinogradPlan plan_of(const ConvolutionShape& shape, bool backwards) {
  constexpr std::int64_t kTiles = 64;  // at a time: enough terms for a sum, few enough for the second-level cache
  WinogradPlan plan;
  plan.batch = shape.batch;
  plan.channels = backwards ? shape.outputs : shape.channels;
  plan.panels_shape = backwards ? shape.transposed_panels() : shape.group_panels();
  for (std::size_t axis = 0; axis < 2; ++axis) {
    plan.in[axis] = (backwards ? shape.output : shape.input)[axis + 1];
    plan.out[axis] = (backwards ? shape.input : shape.output)[axis + 1];
    plan.origin[axis] = backwards ? shape.pad[axis + 1] - 2 : -shape.pad[axis + 1];
    plan.tiles[axis] = (plan.out[axis] + 1) / 2;
  }
  plan.block = std::max<std::int64_t>(1, kTiles / std::max<std::int64_t>(1, plan.tiles[1]));
  return plan;
}

}  // namespace

std::string refuse_winograd(const ConvolutionShape& shape) {
  using Axes = ConvolutionShape::Axes;
  constexpr std::int64_t kLeastTiles = 32;          // fewer do not pay for the transformed weights
  constexpr std::int64_t kMostWeights = 256 * 256;  // more transformed weights do not stay in the cache
  if (shape.kernel != Axes{1, 3, 3}) return "windows are not 3×3";
  if (shape.stride != Axes{1, 1, 1} || shape.dilation != Axes{1, 1, 1}) return "windows step or spread";
  if (shape.groups != 1) return "groups";
  if (shape.channels % 16 != 0 || shape.outputs % 16 != 0) return "channels in and out are not multiples of 16";
  if (shape.input[0] != 1 || shape.pad[0] != 0) return "three axes";
  const std::int64_t tiles = shape.batch * ((shape.output[1] + 1) / 2) * ((shape.output[2] + 1) / 2);
  if (tiles < kLeastTiles) return "few results";
  if (shape.channels * shape.outputs > kMostWeights) return "many weights";
  return "";
}

std::size_t WinogradPlan::scratch_bytes() const {
  std::size_t bytes = epilogue == nullptr ? 0 : epilogue->scratch_bytes();
  for (const std::int64_t floats : {weight_floats(), input_floats(), result_floats(), zero_floats(), sum_floats()}) {
    bytes += align_up(static_cast<std::size_t>(floats) * sizeof(float));
  }
  return bytes;
}

std::shared_ptr<const WinogradPlan> winograd_plan(const ConvolutionForward& call) {
  auto plan = std::make_shared<WinogradPlan>(plan_of(call.shape, false));
  plan->x = call.x;
  plan->weights = call.panels;
  plan->bias = call.bias;
  plan->y = call.y;
  plan->epilogue = call.epilogue;
  return plan;
}

std::shared_ptr<const WinogradPlan> winograd_plan(const ConvolutionInputGradient& call) {
  auto plan = std::make_shared<WinogradPlan>(plan_of(call.shape, true));
  plan->x = call.dy;
  plan->weights = call.transposed;
  plan->bias = call.bias;
  plan->y = call.dx;
  plan->epilogue = call.epilogue;
  return plan;
}

std::shared_ptr<const WinogradPlan> winograd_plan(const ConvolutionWeightGradient& call) {
  auto plan = std::make_shared<WinogradPlan>(plan_of(call.shape, false));
  plan->weight_gradient = true;
  plan->x = call.x;
  plan->dy = call.dy;
  plan->dw = call.panels;
  plan->epilogue = call.epilogue;
  plan->shared = std::make_shared<WinogradPlan::Shared>();
  plan->shared->sums =
      AlignedBuffer(static_cast<std::size_t>(WinogradPlan::kPlaces * plan->panels_shape.elements() / 9) * sizeof(float));
  return plan;
}

void run_winograd(const WinogradPlan& plan, std::byte* scratch, Worker worker) noexcept {
  HWY_DYNAMIC_DISPATCH(run_winograd)(plan, scratch, worker);
}

}  // namespace neurons::kernels
#endif  // HWY_ONCE
