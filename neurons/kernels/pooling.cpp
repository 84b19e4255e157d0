#include "neurons/kernels/simd_targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "neurons/kernels/pooling.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "neurons/kernels/pooling.hpp"
#include "neurons/kernels/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace neurons::kernels::HWY_NAMESPACE {

using Taps = PoolShape::Taps;

/// A worker's part: rows of pixels (an image has depth · height of them), and channels.
struct PoolingShare {
  std::int64_t row_begin, row_end, channel_begin, channel_end;
};
HWY_INLINE PoolingShare pooling_share(std::int64_t rows, std::int64_t channels, Worker worker) {
  if (rows >= 2 * worker.count) {
    const WorkRange part = split_work(static_cast<std::size_t>(rows), worker);
    return {static_cast<std::int64_t>(part.begin), static_cast<std::int64_t>(part.end), 0, channels};
  }
  const WorkRange part = split_work(static_cast<std::size_t>(channels), worker, 64 / sizeof(float));
  return {0, rows, static_cast<std::int64_t>(part.begin), static_cast<std::int64_t>(part.end)};
}

/// The taps of one window that lie in the input: where the first is, and how far apart they are, in floats.
struct Window {
  Taps taps[3];
  std::ptrdiff_t first = 0;
  std::ptrdiff_t step[3] = {};
};

/// Windows of the output row `row` of all images; its pixels are set one by one.
struct WindowRow {
  const PoolShape& shape;
  std::int64_t image, z, y;
  std::int64_t first_pixel;  ///< of the input row that the first tap is in
  Window window;

  HWY_INLINE WindowRow(const PoolShape& pool, std::int64_t row) : shape(pool) {
    y = row % pool.output[1];
    z = row / pool.output[1] % pool.output[0];
    image = row / pool.output[1] / pool.output[0];
    window.taps[0] = pool.inside(0, z);
    window.taps[1] = pool.inside(1, y);
    window.step[2] = pool.dilation[2] * pool.channels;
    window.step[1] = pool.dilation[1] * pool.input[2] * pool.channels;
    window.step[0] = pool.dilation[0] * pool.input[1] * pool.input[2] * pool.channels;
    const std::int64_t plane = image * pool.input[0] + pool.start(0, z) + window.taps[0].begin * pool.dilation[0];
    first_pixel = (plane * pool.input[1] + pool.start(1, y) + window.taps[1].begin * pool.dilation[1]) * pool.input[2];
  }
  HWY_INLINE void move_to(std::int64_t x) {
    window.taps[2] = shape.inside(2, x);
    window.first = (first_pixel + shape.start(2, x) + window.taps[2].begin * shape.dilation[2]) * shape.channels;
  }
};

/// Calls visit(place in floats) for each tap, in order.
template <class Visit>
HWY_INLINE void for_each_tap(const Window& window, const Visit& visit) {
  const std::int64_t counts[] = {window.taps[0].count(), window.taps[1].count(), window.taps[2].count()};
  std::ptrdiff_t plane = window.first;
  for (std::int64_t i = 0; i < counts[0]; ++i, plane += window.step[0]) {
    std::ptrdiff_t row = plane;
    for (std::int64_t j = 0; j < counts[1]; ++j, row += window.step[1]) {
      std::ptrdiff_t at = row;
      for (std::int64_t k = 0; k < counts[2]; ++k, at += window.step[2]) visit(at);
    }
  }
}

/// Calls visit(channel, block of vectors, lanes of the last): four vectors at a time, then two, then one, then a part of one.
template <std::size_t vectors>
struct Vectors {
  static constexpr std::size_t kCount = vectors;
};
template <class Visit>
HWY_INLINE void for_each_block(std::int64_t begin, std::int64_t end, const Visit& visit) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(Floats()));
  const auto all = static_cast<std::size_t>(lanes);
  for (; begin + 4 * lanes <= end; begin += 4 * lanes) visit(begin, Vectors<4>(), all);
  for (; begin + 2 * lanes <= end; begin += 2 * lanes) visit(begin, Vectors<2>(), all);
  if (begin + lanes <= end) visit(begin, Vectors<1>(), all), begin += lanes;
  if (begin < end) visit(begin, Vectors<1>(), static_cast<std::size_t>(end - begin));
}

HWY_INLINE hn::Mask<Floats> beats(Vector value, Vector best) { return hn::Or(hn::Gt(value, best), hn::IsNaN(value)); }

/// The largest of each channel, fast; false where there may be NaN, with which the vectors' maximum does as it likes. Sums tell:
/// NaN stays in them.
template <std::size_t vectors>
HWY_INLINE bool find_maxima(const Window& window, const float* x, std::size_t count, Vector* best) {
  const Floats d;
  const std::size_t lanes = hn::Lanes(d);
  Vector sum[vectors];
  for (std::size_t v = 0; v < vectors; ++v) {
    best[v] = hn::Set(d, -std::numeric_limits<float>::infinity());
    sum[v] = hn::Zero(d);
  }
  for_each_tap(window, [&](std::ptrdiff_t at) HWY_ATTR {
    for (std::size_t v = 0; v < vectors; ++v) {
      const Vector value = load_some(d, x + at + v * lanes, count);
      best[v] = hn::Max(best[v], value);
      sum[v] = hn::Add(sum[v], value);
    }
  });
  for (std::size_t v = 1; v < vectors; ++v) sum[0] = hn::Add(sum[0], sum[v]);
  return hn::AllFalse(d, hn::IsNaN(sum[0]));
}

/// One vector of maxima with care for NaN, and where they are: numbers of taps, exact as floats up to 2^24 of them.
struct Maxima {
  Vector best, tap;
};
HWY_NOINLINE Maxima find_maxima_and_nan(const Window& window, const float* x, std::size_t count) {
  const Floats d;
  Maxima result{hn::Set(d, -std::numeric_limits<float>::infinity()), hn::Zero(d)};
  Vector tap = hn::Zero(d);
  for_each_tap(window, [&](std::ptrdiff_t at) HWY_ATTR {
    const Vector value = load_some(d, x + at, count);
    const auto won = beats(value, result.best);
    result.best = hn::IfThenElse(won, value, result.best);
    result.tap = hn::IfThenElse(won, tap, result.tap);
    tap = hn::Add(tap, hn::Set(d, 1.0F));
  });
  return result;
}

template <std::size_t vectors>
HWY_INLINE void max_window(const Window& window, const float* x, float* y, std::size_t count) {
  const Floats d;
  const std::size_t lanes = hn::Lanes(d);
  Vector best[vectors];
  const bool numbers = find_maxima<vectors>(window, x, count, best);
  for (std::size_t v = 0; v < vectors; ++v) {
    store_some(d, numbers ? best[v] : find_maxima_and_nan(window, x + v * lanes, count).best, y + v * lanes, count);
  }
}

template <std::size_t vectors>
HWY_INLINE void sum_window(const Window& window, const float* x, float* y, float divisor, std::size_t count) {
  const Floats d;
  const std::size_t lanes = hn::Lanes(d);
  Vector sum[vectors];
  for (std::size_t v = 0; v < vectors; ++v) sum[v] = hn::Zero(d);
  for_each_tap(window, [&](std::ptrdiff_t at) HWY_ATTR {
    for (std::size_t v = 0; v < vectors; ++v) sum[v] = hn::Add(sum[v], load_some(d, x + at + v * lanes, count));
  });
  const Vector by = hn::Set(d, divisor);
  for (std::size_t v = 0; v < vectors; ++v) store_some(d, hn::Div(sum[v], by), y + v * lanes, count);
}

/// What a sum over the window at these places is divided by.
HWY_INLINE float divisor_at(const PoolShape& shape, PoolDivisor divisor, std::int64_t z, std::int64_t y, std::int64_t x) {
  if (divisor == PoolDivisor::one) return 1.0F;
  const std::int64_t at[] = {z, y, x};
  std::int64_t count = 1;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    count *= (divisor == PoolDivisor::inside ? shape.inside(axis, at[axis]) : shape.padded(axis, at[axis])).count();
  }
  return static_cast<float>(count);
}

/// Calls solve(window, divisor, place in x's image, place in y, block, lanes) for every window and block of channels.
template <class Solve>
HWY_INLINE void pool_all(const PoolShape& shape, PoolDivisor divisor, Worker worker, const Solve& solve) {
  const PoolingShare share = pooling_share(shape.batch * shape.output[0] * shape.output[1], shape.channels, worker);
  for (std::int64_t row = share.row_begin; row < share.row_end; ++row) {
    WindowRow windows(shape, row);
    for (std::int64_t ox = 0; ox < shape.output[2]; ++ox) {
      windows.move_to(ox);
      const float by = divisor_at(shape, divisor, windows.z, windows.y, ox);
      const std::ptrdiff_t to = (row * shape.output[2] + ox) * shape.channels;
      for_each_block(share.channel_begin, share.channel_end, [&](std::int64_t c, auto block, std::size_t count) HWY_ATTR {
        solve(windows.window, by, c, to + c, block, count);
      });
    }
  }
}

void max_pool_rows(const PoolShape& shape, const float* x, float* y, Worker worker) {
  pool_all(shape, PoolDivisor::one, worker,
           [&](const Window& window, float, std::ptrdiff_t from, std::ptrdiff_t to, auto block, std::size_t count)
               HWY_ATTR { max_window<decltype(block)::kCount>(window, x + from, y + to, count); });
}

/// The pixels of a window's taps, in their image.
struct TapPixels {
  std::int64_t first = 0;
  std::int64_t step[3] = {};
};

/// One vector of maxima, and the pixels where they are.
struct PlacedMaxima {
  Vector best;
  hn::Vec<Integers<Floats>> pixel;
};
HWY_INLINE PlacedMaxima find_places(const Window& window, const TapPixels& pixels, const float* x, std::size_t count) {
  const Floats d;
  const Integers<Floats> integers;
  const auto as_vector = [&](std::int64_t pixel) HWY_ATTR { return hn::Set(integers, static_cast<std::int32_t>(pixel)); };
  PlacedMaxima result{hn::Set(d, -std::numeric_limits<float>::infinity()), as_vector(pixels.first)};
  for (std::int64_t i = 0; i < window.taps[0].count(); ++i) {
    for (std::int64_t j = 0; j < window.taps[1].count(); ++j) {
      const float* from = x + window.first + i * window.step[0] + j * window.step[1];
      std::int64_t pixel = pixels.first + i * pixels.step[0] + j * pixels.step[1];
      for (std::int64_t k = 0; k < window.taps[2].count(); ++k, from += window.step[2], pixel += pixels.step[2]) {
        const Vector value = load_some(d, from, count);
        const auto won = beats(value, result.best);
        result.best = hn::IfThenElse(won, value, result.best);
        result.pixel = hn::IfThenElse(hn::RebindMask(integers, won), as_vector(pixel), result.pixel);
      }
    }
  }
  return result;
}

void max_pool_places_rows(const PoolShape& shape, bool columns_first, const float* x, float* y, std::int64_t* places,
                          Worker worker) {
  const Floats d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const PoolingShare share = pooling_share(shape.batch * shape.output[0] * shape.output[1], shape.channels, worker);
  const std::int64_t by_rows[] = {shape.input[1] * shape.input[2], shape.input[2], 1};
  const std::int64_t by_columns[] = {1, shape.input[0], shape.input[0] * shape.input[1]};
  const auto& strides = columns_first ? by_columns : by_rows;
  alignas(64) std::int32_t pixel[hn::MaxLanes(Floats())];
  for (std::int64_t row = share.row_begin; row < share.row_end; ++row) {
    WindowRow windows(shape, row);
    for (std::int64_t ox = 0; ox < shape.output[2]; ++ox) {
      windows.move_to(ox);
      const std::int64_t at[] = {windows.z, windows.y, ox};
      TapPixels pixels;
      for (std::size_t axis = 0; axis < 3; ++axis) {
        pixels.step[axis] = shape.dilation[axis] * strides[axis];
        pixels.first += shape.start(axis, at[axis]) * strides[axis] + windows.window.taps[axis].begin * pixels.step[axis];
      }
      const std::ptrdiff_t to = (row * shape.output[2] + ox) * shape.channels;
      for (std::int64_t c = share.channel_begin; c < share.channel_end; c += lanes) {
        const auto count = static_cast<std::size_t>(std::min(lanes, share.channel_end - c));
        const PlacedMaxima found = find_places(windows.window, pixels, x + c, count);
        store_some(d, found.best, y + to + c, count);
        hn::Store(found.pixel, Integers<Floats>(), pixel);
        const std::int64_t first = (windows.image * shape.channels + c) * shape.input_pixels();
        for (std::size_t lane = 0; lane < count; ++lane) {
          places[to + c + static_cast<std::ptrdiff_t>(lane)] =
              first + static_cast<std::int64_t>(lane) * shape.input_pixels() + pixel[lane];
        }
      }
    }
  }
}

void sum_pool_rows(const PoolShape& shape, PoolDivisor divisor, const float* x, float* y, Worker worker) {
  pool_all(shape, divisor, worker,
           [&](const Window& window, float by, std::ptrdiff_t from, std::ptrdiff_t to, auto block, std::size_t count)
               HWY_ATTR { sum_window<decltype(block)::kCount>(window, x + from, y + to, by, count); });
}

/// The part of dx that is a worker's: floats [begin, end), to which windows add, or in which they store where no two meet.
struct Target {
  float* dx;
  std::ptrdiff_t begin, end;

  bool holds(std::ptrdiff_t at) const { return at >= begin && at < end; }
  template <bool adds>
  HWY_INLINE void give(Floats d, Vector values, std::ptrdiff_t at, std::size_t count) const {
    store_some(d, adds ? hn::Add(load_some(d, dx + at, count), values) : values, dx + at, count);
  }
};

template <bool adds>
HWY_NOINLINE void give_to_best_or_nan(const Window& window, const float* x, const float* dy, const Target& target, std::ptrdiff_t c,
                                      std::size_t count) {
  const Floats d;
  const Maxima maxima = find_maxima_and_nan(window, x, count);
  const Vector gift = load_some(d, dy, count);
  Vector tap = hn::Zero(d);
  for_each_tap(window, [&](std::ptrdiff_t at) HWY_ATTR {
    if (target.holds(at)) target.give<adds>(d, hn::IfThenElseZero(hn::Eq(maxima.tap, tap), gift), at + c, count);
    tap = hn::Add(tap, hn::Set(d, 1.0F));
  });
}

/// Hands dy to the first tap of each channel that holds the maximum. x and dy begin at channel c.
template <bool adds, std::size_t vectors>
HWY_INLINE void give_to_best(const Window& window, const float* x, const float* dy, const Target& target, std::ptrdiff_t c,
                             std::size_t count) {
  const Floats d;
  const std::size_t lanes = hn::Lanes(d);
  Vector best[vectors];
  if (!find_maxima<vectors>(window, x, count, best)) {
    for (std::size_t v = 0; v < vectors; ++v) {
      const auto at = static_cast<std::ptrdiff_t>(v * lanes);
      give_to_best_or_nan<adds>(window, x + at, dy + at, target, c + at, count);
    }
    return;
  }
  Vector gift[vectors];
  for (std::size_t v = 0; v < vectors; ++v) gift[v] = load_some(d, dy + v * lanes, count);
  for_each_tap(window, [&](std::ptrdiff_t at) HWY_ATTR {
    const bool own = target.holds(at);
    for (std::size_t v = 0; v < vectors; ++v) {
      const auto won = hn::Eq(load_some(d, x + at + v * lanes, count), best[v]);
      if (own) target.give<adds>(d, hn::IfThenElseZero(won, gift[v]), at + c + static_cast<std::ptrdiff_t>(v * lanes), count);
      gift[v] = hn::IfThenZeroElse(won, gift[v]);
    }
  });
}

/// Hands dy, divided, to every tap.
template <bool adds, std::size_t vectors>
HWY_INLINE void give_to_all(const Window& window, const float* dy, float divisor, const Target& target, std::ptrdiff_t c,
                            std::size_t count) {
  const Floats d;
  const std::size_t lanes = hn::Lanes(d);
  const Vector by = hn::Set(d, divisor);
  Vector gift[vectors];
  for (std::size_t v = 0; v < vectors; ++v) gift[v] = hn::Div(load_some(d, dy + v * lanes, count), by);
  for_each_tap(window, [&](std::ptrdiff_t at) HWY_ATTR {
    if (!target.holds(at)) return;
    for (std::size_t v = 0; v < vectors; ++v) {
      target.give<adds>(d, gift[v], at + c + static_cast<std::ptrdiff_t>(v * lanes), count);
    }
  });
}

/// Windows [begin, end) on an axis that may show input `q`.
HWY_INLINE Taps windows_at(const PoolShape& shape, std::size_t axis, std::int64_t q) {
  const std::int64_t at = q + shape.pad[axis];
  const std::int64_t reach = at - (shape.kernel[axis] - 1) * shape.dilation[axis];
  const std::int64_t begin = reach <= 0 ? 0 : (reach + shape.stride[axis] - 1) / shape.stride[axis];
  return {begin, std::min(shape.output[axis], at / shape.stride[axis] + 1)};
}

/// Output rows [begin, end) of an image whose windows may show its input rows [first, last).
HWY_INLINE Taps rows_that_show(const PoolShape& shape, std::int64_t first, std::int64_t last) {
  const std::int64_t height = shape.input[1];
  if (shape.input[0] == 1 && shape.output[0] == 1) return {windows_at(shape, 1, first).begin, windows_at(shape, 1, last - 1).end};
  return {windows_at(shape, 0, first / height).begin * shape.output[1],
          windows_at(shape, 0, (last - 1) / height).end * shape.output[1]};
}

/// The input row of its image behind the last that windows of the row show.
HWY_INLINE std::int64_t row_behind(const PoolShape& shape, const WindowRow& windows) {
  const auto behind = [&](std::size_t axis, std::int64_t o) {
    return std::min(shape.input[axis], shape.start(axis, o) + (shape.kernel[axis] - 1) * shape.dilation[axis] + 1);
  };
  return shape.input[0] == 1 ? behind(1, windows.y) : behind(0, windows.z) * shape.input[1];
}

/// Whether an input may be in two windows, and whether every input is in one.
struct Cover {
  bool meet = false;
  bool whole = true;
};
Cover cover_of(const PoolShape& shape) {
  Cover cover;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const std::int64_t last = shape.output[axis] - 1;
    cover.meet = cover.meet || (last > 0 && (shape.kernel[axis] - 1) * shape.dilation[axis] >= shape.stride[axis]);
    cover.whole = cover.whole && shape.dilation[axis] == 1 && (last == 0 || shape.kernel[axis] >= shape.stride[axis]) &&
                  shape.start(axis, last) + shape.kernel[axis] >= shape.input[axis];
  }
  return cover;
}

/// Calls give(windows, x, place in dy, channel, target, block, lanes) for every window that touches this worker's part of dx, and
/// sees to the zeros: just before they are needed, while they are still near.
template <class Give>
HWY_INLINE void scatter_all(const PoolShape& shape, bool needs_zeros, float* dx, Worker worker, const Give& give) {
  const std::int64_t image_rows = shape.input[0] * shape.input[1];
  const std::int64_t output_rows = shape.output[0] * shape.output[1];
  const PoolingShare share = pooling_share(shape.batch * image_rows, shape.channels, worker);
  const std::ptrdiff_t row_floats = shape.input[2] * shape.channels;
  const auto fill = [&](std::int64_t from, std::int64_t to) {
    if (!needs_zeros || from >= to) return;
    if (share.channel_end - share.channel_begin == shape.channels) {
      std::fill(dx + from * row_floats, dx + to * row_floats, 0.0F);
    } else {
      for (std::ptrdiff_t at = from * row_floats; at < to * row_floats; at += shape.channels) {
        std::fill(dx + at + share.channel_begin, dx + at + share.channel_end, 0.0F);
      }
    }
  };
  for (std::int64_t row = share.row_begin; row < share.row_end;) {  // image by image
    const std::int64_t image = row / image_rows;
    const std::int64_t first = image * image_rows;
    const std::int64_t end_row = std::min(share.row_end, first + image_rows);
    const Target target{dx, row * row_floats, end_row * row_floats};
    const Taps outputs = rows_that_show(shape, row - first, end_row - first);
    std::int64_t filled = row;
    for (std::int64_t o = outputs.begin; o < outputs.end; ++o) {
      WindowRow windows(shape, image * output_rows + o);
      const std::int64_t behind = std::min(end_row, first + row_behind(shape, windows));
      fill(filled, behind);
      filled = std::max(filled, behind);
      for (std::int64_t ox = 0; ox < shape.output[2]; ++ox) {
        windows.move_to(ox);
        const std::ptrdiff_t from = ((image * output_rows + o) * shape.output[2] + ox) * shape.channels;
        for_each_block(share.channel_begin, share.channel_end, [&](std::int64_t c, auto block, std::size_t count) HWY_ATTR {
          give(windows, ox, from + c, c, target, block, count);
        });
      }
    }
    fill(filled, end_row);
    row = end_row;
  }
}

template <bool adds>
HWY_INLINE void max_pool_gradient_all(const PoolShape& shape, bool needs_zeros, const float* x, const float* dy, float* dx,
                                      Worker worker) {
  scatter_all(shape, needs_zeros, dx, worker,
              [&](const WindowRow& windows, std::int64_t, std::ptrdiff_t from, std::int64_t c, const Target& target, auto block,
                  std::size_t count)
                  HWY_ATTR { give_to_best<adds, decltype(block)::kCount>(windows.window, x + c, dy + from, target, c, count); });
}
template <bool adds>
HWY_INLINE void sum_pool_gradient_all(const PoolShape& shape, bool needs_zeros, PoolDivisor divisor, const float* dy, float* dx,
                                      Worker worker) {
  scatter_all(shape, needs_zeros, dx, worker,
              [&](const WindowRow& windows, std::int64_t ox, std::ptrdiff_t from, std::int64_t c, const Target& target, auto block,
                  std::size_t count) HWY_ATTR {
                const float by = divisor_at(shape, divisor, windows.z, windows.y, ox);
                give_to_all<adds, decltype(block)::kCount>(windows.window, dy + from, by, target, c, count);
              });
}

void max_pool_gradient_rows(const PoolShape& shape, const float* x, const float* dy, float* dx, Worker worker) {
  const Cover cover = cover_of(shape);
  if (cover.meet) return max_pool_gradient_all<true>(shape, true, x, dy, dx, worker);
  max_pool_gradient_all<false>(shape, !cover.whole, x, dy, dx, worker);
}

void sum_pool_gradient_rows(const PoolShape& shape, PoolDivisor divisor, const float* dy, float* dx, Worker worker) {
  const Cover cover = cover_of(shape);
  if (cover.meet) return sum_pool_gradient_all<true>(shape, true, divisor, dy, dx, worker);
  sum_pool_gradient_all<false>(shape, !cover.whole, divisor, dy, dx, worker);
}

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace neurons::kernels {

HWY_EXPORT(max_pool_rows);
HWY_EXPORT(max_pool_places_rows);
HWY_EXPORT(max_pool_gradient_rows);
HWY_EXPORT(sum_pool_rows);
HWY_EXPORT(sum_pool_gradient_rows);

void max_pool(const PoolShape& shape, const float* x, float* y, Worker worker) noexcept {
  HWY_DYNAMIC_DISPATCH(max_pool_rows)(shape, x, y, worker);
}
void max_pool_places(const PoolShape& shape, bool columns_first, const float* x, float* y, std::int64_t* places,
                     Worker worker) noexcept {
  HWY_DYNAMIC_DISPATCH(max_pool_places_rows)(shape, columns_first, x, y, places, worker);
}
void max_pool_gradient(const PoolShape& shape, const float* x, const float* dy, float* dx, Worker worker) noexcept {
  HWY_DYNAMIC_DISPATCH(max_pool_gradient_rows)(shape, x, dy, dx, worker);
}
void sum_pool(const PoolShape& shape, PoolDivisor divisor, const float* x, float* y, Worker worker) noexcept {
  HWY_DYNAMIC_DISPATCH(sum_pool_rows)(shape, divisor, x, y, worker);
}
void sum_pool_gradient(const PoolShape& shape, PoolDivisor divisor, const float* dy, float* dx, Worker worker) noexcept {
  HWY_DYNAMIC_DISPATCH(sum_pool_gradient_rows)(shape, divisor, dy, dx, worker);
}

}  // namespace neurons::kernels
#endif  // HWY_ONCE
