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
struct Share {
  std::int64_t row_begin, row_end, channel_begin, channel_end;
};
HWY_INLINE Share share_of(std::int64_t rows, std::int64_t channels, Worker worker) {
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

  std::int64_t count() const { return taps[0].count() * taps[1].count() * taps[2].count(); }
};

/// Windows of the output row `row` of all images; its pixels are set one by one.
struct WindowRow {
  const PoolShape& shape;
  std::int64_t image, z, y;
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
  }
  HWY_INLINE void move_to(std::int64_t x) {
    window.taps[2] = shape.inside(2, x);
    std::int64_t pixel = image;
    const std::int64_t at[] = {z, y, x};
    for (std::size_t axis = 0; axis < 3; ++axis) {
      pixel = pixel * shape.input[axis] + shape.start(axis, at[axis]) + window.taps[axis].begin * shape.dilation[axis];
    }
    window.first = pixel * shape.channels;
  }
};

/// Calls visit(place in floats) for each tap, in order.
template <class Visit>
HWY_INLINE void for_each_tap(const Window& window, const Visit& visit) {
  std::ptrdiff_t at[3] = {window.first, 0, 0};
  for (std::int64_t i = window.taps[0].count(); i > 0; --i, at[0] += window.step[0]) {
    at[1] = at[0];
    for (std::int64_t j = window.taps[1].count(); j > 0; --j, at[1] += window.step[1]) {
      at[2] = at[1];
      for (std::int64_t k = window.taps[2].count(); k > 0; --k, at[2] += window.step[2]) visit(at[2]);
    }
  }
}

HWY_INLINE hn::Mask<Floats> beats(Vector value, Vector best) { return hn::Or(hn::Gt(value, best), hn::IsNaN(value)); }

/// How a window becomes one number.
struct Maximum {
  static HWY_INLINE Vector start(Floats d) { return hn::Set(d, -std::numeric_limits<float>::infinity()); }
  static HWY_INLINE Vector join(Vector best, Vector value) { return hn::IfThenElse(beats(value, best), value, best); }
  static HWY_INLINE Vector finish(Floats, Vector best, float) { return best; }
};
struct Sum {
  static HWY_INLINE Vector start(Floats d) { return hn::Zero(d); }
  static HWY_INLINE Vector join(Vector sum, Vector value) { return hn::Add(sum, value); }
  static HWY_INLINE Vector finish(Floats d, Vector sum, float divisor) { return hn::Div(sum, hn::Set(d, divisor)); }
};

/// Calls visit(channel, block of vectors, lanes of the last): four vectors at a time, then one, then a part of one.
constexpr std::size_t kBlock = 4;
template <std::size_t vectors>
struct Vectors {
  static constexpr std::size_t kCount = vectors;
};
template <class Visit>
HWY_INLINE void for_each_block(std::int64_t begin, std::int64_t end, const Visit& visit) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(Floats()));
  const auto all = static_cast<std::size_t>(lanes);
  constexpr auto kVectors = static_cast<std::int64_t>(kBlock);
  for (; begin + kVectors * lanes <= end; begin += kVectors * lanes) visit(begin, Vectors<kBlock>(), all);
  for (; begin + 2 * lanes <= end; begin += 2 * lanes) visit(begin, Vectors<2>(), all);
  for (; begin < end; begin += lanes) visit(begin, Vectors<1>(), static_cast<std::size_t>(std::min(lanes, end - begin)));
}

template <class Pool, std::size_t vectors>
HWY_INLINE void pool_window(const Window& window, const float* x, float* y, float divisor, std::size_t count) {
  const Floats d;
  const std::size_t lanes = hn::Lanes(d);
  Vector result[vectors];
  for (std::size_t v = 0; v < vectors; ++v) result[v] = Pool::start(d);
  for_each_tap(window, [&](std::ptrdiff_t at) HWY_ATTR {
    for (std::size_t v = 0; v < vectors; ++v) result[v] = Pool::join(result[v], load_some(d, x + at + v * lanes, count));
  });
  for (std::size_t v = 0; v < vectors; ++v) store_some(d, Pool::finish(d, result[v], divisor), y + v * lanes, count);
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

template <class Pool>
HWY_INLINE void pool_all(const PoolShape& shape, PoolDivisor divisor, const float* x, float* y, Worker worker) {
  const Share share = share_of(shape.batch * shape.output[0] * shape.output[1], shape.channels, worker);
  for (std::int64_t row = share.row_begin; row < share.row_end; ++row) {
    WindowRow windows(shape, row);
    for (std::int64_t ox = 0; ox < shape.output[2]; ++ox) {
      windows.move_to(ox);
      const float by = divisor_at(shape, divisor, windows.z, windows.y, ox);
      float* to = y + (row * shape.output[2] + ox) * shape.channels;
      for_each_block(share.channel_begin, share.channel_end, [&](std::int64_t c, auto block, std::size_t count) HWY_ATTR {
        pool_window<Pool, decltype(block)::kCount>(windows.window, x + c, to + c, by, count);
      });
    }
  }
}

void max_pool_rows(const PoolShape& shape, const float* x, float* y, Worker worker) {
  pool_all<Maximum>(shape, PoolDivisor::one, x, y, worker);
}
void sum_pool_rows(const PoolShape& shape, PoolDivisor divisor, const float* x, float* y, Worker worker) {
  pool_all<Sum>(shape, divisor, x, y, worker);
}

/// Finds each channel's best tap, then hands dy to it: added, or stored where no two windows meet. Floats [begin, end) of dx are
/// this worker's.
template <bool adds, std::size_t vectors>
HWY_INLINE void give_to_best(const Window& window, const float* x, const float* dy, float* dx, std::ptrdiff_t begin,
                             std::ptrdiff_t end, std::size_t count) {
  const Floats d;
  const std::size_t lanes = hn::Lanes(d);
  const Vector one = hn::Set(d, 1.0F);
  Vector best[vectors];
  Vector best_tap[vectors];  // numbers of taps, exact as floats up to 2^24 of them
  Vector tap = hn::Zero(d);
  for (std::size_t v = 0; v < vectors; ++v) {
    best[v] = hn::Set(d, -std::numeric_limits<float>::infinity());
    best_tap[v] = tap;
  }
  for_each_tap(window, [&](std::ptrdiff_t at) HWY_ATTR {
    for (std::size_t v = 0; v < vectors; ++v) {
      const Vector value = load_some(d, x + at + v * lanes, count);
      const auto won = beats(value, best[v]);
      best[v] = hn::IfThenElse(won, value, best[v]);
      best_tap[v] = hn::IfThenElse(won, tap, best_tap[v]);
    }
    tap = hn::Add(tap, one);
  });
  Vector gift[vectors];
  for (std::size_t v = 0; v < vectors; ++v) gift[v] = load_some(d, dy + v * lanes, count);
  tap = hn::Zero(d);
  for_each_tap(window, [&](std::ptrdiff_t at) HWY_ATTR {
    if (at >= begin && at < end) {
      for (std::size_t v = 0; v < vectors; ++v) {
        const Vector given = hn::IfThenElseZero(hn::Eq(best_tap[v], tap), gift[v]);
        float* to = dx + at + v * lanes;
        store_some(d, adds ? hn::Add(load_some(d, to, count), given) : given, to, count);
      }
    }
    tap = hn::Add(tap, one);
  });
}

/// Windows [begin, end) on an axis that may show input `q`.
HWY_INLINE Taps windows_at(const PoolShape& shape, std::size_t axis, std::int64_t q) {
  const std::int64_t at = q + shape.pad[axis];
  const std::int64_t reach = at - (shape.kernel[axis] - 1) * shape.dilation[axis];
  const std::int64_t begin = reach <= 0 ? 0 : (reach + shape.stride[axis] - 1) / shape.stride[axis];
  return {begin, std::min(shape.output[axis], at / shape.stride[axis] + 1)};
}

/// Output rows [begin, end) of image `image` whose windows may show its input rows [first, last).
HWY_INLINE Taps rows_that_show(const PoolShape& shape, std::int64_t first, std::int64_t last) {
  const std::int64_t height = shape.input[1];
  const Taps depth{windows_at(shape, 0, first / height).begin, windows_at(shape, 0, (last - 1) / height).end};
  if (shape.input[0] > 1) return {depth.begin * shape.output[1], depth.end * shape.output[1]};
  const Taps rows{windows_at(shape, 1, first).begin, windows_at(shape, 1, last - 1).end};
  return {rows.begin, rows.end};
}

template <bool adds>
HWY_INLINE void max_pool_gradient_all(const PoolShape& shape, const float* x, const float* dy, float* dx, Worker worker) {
  const std::int64_t image_rows = shape.input[0] * shape.input[1];
  const Share share = share_of(shape.batch * image_rows, shape.channels, worker);
  const std::ptrdiff_t row_floats = shape.input[2] * shape.channels;
  const std::size_t own = static_cast<std::size_t>(share.channel_end - share.channel_begin);
  for (std::int64_t row = share.row_begin; row < share.row_end;) {  // image by image
    const std::int64_t image = row / image_rows;
    const std::int64_t end_row = std::min(share.row_end, (image + 1) * image_rows);
    const std::ptrdiff_t begin = row * row_floats;
    const std::ptrdiff_t end = end_row * row_floats;
    if (own == static_cast<std::size_t>(shape.channels)) {
      std::fill(dx + begin, dx + end, 0.0F);
    } else {
      for (std::ptrdiff_t at = begin; at < end; at += shape.channels) std::fill_n(dx + at + share.channel_begin, own, 0.0F);
    }
    const std::int64_t output_rows = shape.output[0] * shape.output[1];
    const Taps outputs = rows_that_show(shape, row - image * image_rows, end_row - image * image_rows);
    for (std::int64_t o = outputs.begin; o < outputs.end; ++o) {
      WindowRow windows(shape, image * output_rows + o);
      for (std::int64_t ox = 0; ox < shape.output[2]; ++ox) {
        windows.move_to(ox);
        const float* from = dy + ((image * output_rows + o) * shape.output[2] + ox) * shape.channels;
        for_each_block(share.channel_begin, share.channel_end, [&](std::int64_t c, auto block, std::size_t count) HWY_ATTR {
          give_to_best<adds, decltype(block)::kCount>(windows.window, x + c, from + c, dx + c, begin, end, count);
        });
      }
    }
    row = end_row;
  }
}

void max_pool_gradient_rows(const PoolShape& shape, const float* x, const float* dy, float* dx, Worker worker) {
  bool meet = false;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    meet = meet || (shape.output[axis] > 1 && (shape.kernel[axis] - 1) * shape.dilation[axis] >= shape.stride[axis]);
  }
  meet ? max_pool_gradient_all<true>(shape, x, dy, dx, worker) : max_pool_gradient_all<false>(shape, x, dy, dx, worker);
}

/// The sum over the windows that show one pixel.
template <std::size_t vectors>
HWY_INLINE void gather_windows(const PoolShape& shape, PoolDivisor divisor, const Taps* windows, const std::int64_t* pixel,
                               const float* dy, float* dx, std::size_t count) {
  const Floats d;
  const std::size_t lanes = hn::Lanes(d);
  Vector sum[vectors];
  for (std::size_t v = 0; v < vectors; ++v) sum[v] = hn::Zero(d);
  const auto shows = [&](std::size_t axis, std::int64_t o) {
    return shape.dilation[axis] == 1 || (pixel[axis] - shape.start(axis, o)) % shape.dilation[axis] == 0;
  };
  for (std::int64_t z = windows[0].begin; z < windows[0].end; ++z) {
    if (!shows(0, z)) continue;
    for (std::int64_t y = windows[1].begin; y < windows[1].end; ++y) {
      if (!shows(1, y)) continue;
      for (std::int64_t x = windows[2].begin; x < windows[2].end; ++x) {
        if (!shows(2, x)) continue;
        const Vector by = hn::Set(d, divisor_at(shape, divisor, z, y, x));
        const float* from = dy + ((z * shape.output[1] + y) * shape.output[2] + x) * shape.channels;
        for (std::size_t v = 0; v < vectors; ++v) sum[v] = hn::Add(sum[v], hn::Div(load_some(d, from + v * lanes, count), by));
      }
    }
  }
  for (std::size_t v = 0; v < vectors; ++v) store_some(d, sum[v], dx + v * lanes, count);
}

void sum_pool_gradient_rows(const PoolShape& shape, PoolDivisor divisor, const float* dy, float* dx, Worker worker) {
  const Share share = share_of(shape.batch * shape.input[0] * shape.input[1], shape.channels, worker);
  for (std::int64_t row = share.row_begin; row < share.row_end; ++row) {
    const std::int64_t image = row / shape.input[1] / shape.input[0];
    std::int64_t pixel[] = {row / shape.input[1] % shape.input[0], row % shape.input[1], 0};
    Taps windows[] = {windows_at(shape, 0, pixel[0]), windows_at(shape, 1, pixel[1]), {}};
    const float* from = dy + image * shape.output_pixels() * shape.channels;
    for (std::int64_t& x = pixel[2]; x < shape.input[2]; ++x) {
      windows[2] = windows_at(shape, 2, x);
      float* to = dx + (row * shape.input[2] + x) * shape.channels;
      for_each_block(share.channel_begin, share.channel_end, [&](std::int64_t c, auto block, std::size_t count) HWY_ATTR {
        gather_windows<decltype(block)::kCount>(shape, divisor, windows, pixel, from + c, to + c, count);
      });
    }
  }
}

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace neurons::kernels {

HWY_EXPORT(max_pool_rows);
HWY_EXPORT(max_pool_gradient_rows);
HWY_EXPORT(sum_pool_rows);
HWY_EXPORT(sum_pool_gradient_rows);

void max_pool(const PoolShape& shape, const float* x, float* y, Worker worker) noexcept {
  HWY_DYNAMIC_DISPATCH(max_pool_rows)(shape, x, y, worker);
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
