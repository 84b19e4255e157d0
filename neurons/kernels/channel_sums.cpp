#include "neurons/kernels/simd_targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "neurons/kernels/channel_sums.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "neurons/kernels/channel_sums.hpp"
#include "neurons/kernels/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace neurons::kernels::HWY_NAMESPACE {

/// Two sums over rows, of kVectors neighbouring vectors: row r goes to partial sum r mod (4 / kVectors), so that at least four
/// additions of each kind are under way at a time. `term(row, v, first, second)` adds to both sums of vector v.
template <int kVectors, class Term>
HWY_INLINE void sum_two(std::int64_t rows, const Term& term, Vector (&first)[kVectors], Vector (&second)[kVectors]) {
  constexpr int kSets = 4 / kVectors;
  const Floats d;
  Vector a[kSets][kVectors];
  Vector b[kSets][kVectors];
  for (int s = 0; s < kSets; ++s) {
    for (int v = 0; v < kVectors; ++v) a[s][v] = b[s][v] = hn::Zero(d);
  }
  std::int64_t row = 0;
  for (; row + kSets <= rows; row += kSets) {
    for (int s = 0; s < kSets; ++s) {
      for (int v = 0; v < kVectors; ++v) term(row + s, v, a[s][v], b[s][v]);
    }
  }
  for (; row < rows; ++row) {
    for (int v = 0; v < kVectors; ++v) term(row, v, a[0][v], b[0][v]);
  }
  for (int v = 0; v < kVectors; ++v) {
    first[v] = a[0][v];
    second[v] = b[0][v];
    for (int s = 1; s < kSets; ++s) {
      first[v] = hn::Add(first[v], a[s][v]);
      second[v] = hn::Add(second[v], b[s][v]);
    }
  }
}

/// Calls body(size, column, count) for all columns, where size() vectors begin at a column; `count` elements of the last are used.
template <class Body>
HWY_INLINE void for_columns(std::int64_t columns, const Body& body) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(Floats()));
  std::int64_t column = 0;
  for (; column + 4 * lanes <= columns; column += 4 * lanes) body(std::integral_constant<int, 4>(), column, lanes);
  for (; column + 2 * lanes <= columns; column += 2 * lanes) body(std::integral_constant<int, 2>(), column, lanes);
  for (; column < columns; column += lanes) {
    body(std::integral_constant<int, 1>(), column, std::min(lanes, columns - column));
  }
}

/// Calls body(sample, first row of the block, its rows, its partials) for the worker's blocks.
template <class Body>
HWY_INLINE void for_blocks(const ChannelRows& extents, float* partials, Worker worker, const Body& body) {
  const std::int64_t blocks = extents.blocks();
  const WorkRange range = split_work(static_cast<std::size_t>(extents.samples * blocks), worker);
  for (auto item = static_cast<std::int64_t>(range.begin); item < static_cast<std::int64_t>(range.end); ++item) {
    const std::int64_t sample = item / blocks;
    const std::int64_t first = item % blocks * extents.block_rows();
    const std::int64_t rows = std::min(extents.block_rows(), extents.rows - first);
    body(sample, sample * extents.rows + first, rows, partials + item * 2 * extents.channels);
  }
}

/// The block stays in the cache between its two passes.
void moments_of_blocks(const ChannelRows& extents, const float* x, float* partials, Worker worker) {
  const Floats d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const std::int64_t channels = extents.channels;
  for_blocks(extents, partials, worker, [&](std::int64_t, std::int64_t row, std::int64_t rows, float* block) HWY_ATTR {
    const Vector share = hn::Set(d, 1.0F / static_cast<float>(rows));
    for_columns(channels, [&](auto size, std::int64_t column, std::int64_t last) HWY_ATTR {
      constexpr int kVectors = decltype(size)::value;
      const auto count = static_cast<std::size_t>(kVectors == 1 ? last : lanes);
      const float* const from = x + row * channels + column;
      Vector first[kVectors];  // the sums are of distances from it: little is lost where values lie far from 0
      Vector mean[kVectors];
      Vector squares[kVectors];
      Vector unused[kVectors];
      for (int v = 0; v < kVectors; ++v) first[v] = load_some(d, from + v * lanes, count);
      sum_two<kVectors>(
          rows,
          [&](std::int64_t r, int v, Vector& sum, Vector&)
              HWY_ATTR { sum = hn::Add(sum, hn::Sub(load_some(d, from + r * channels + v * lanes, count), first[v])); },
          mean, unused);
      for (int v = 0; v < kVectors; ++v) mean[v] = hn::MulAdd(mean[v], share, first[v]);
      sum_two<kVectors>(
          rows,
          [&](std::int64_t r, int v, Vector& sum, Vector&) HWY_ATTR {
            const Vector distance = hn::Sub(load_some(d, from + r * channels + v * lanes, count), mean[v]);
            sum = hn::MulAdd(distance, distance, sum);
          },
          squares, unused);
      for (int v = 0; v < kVectors; ++v) {
        store_some(d, mean[v], block + column + v * lanes, count);
        store_some(d, squares[v], block + channels + column + v * lanes, count);
      }
    });
  });
}

void products_of_blocks(const ChannelRows& extents, const float* x, const float* dy, const float* mean, const float* inverse,
                        float* partials, Worker worker) {
  const Floats d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const std::int64_t channels = extents.channels;
  for_blocks(extents, partials, worker, [&](std::int64_t sample, std::int64_t row, std::int64_t rows, float* block) HWY_ATTR {
    for_columns(channels, [&](auto size, std::int64_t column, std::int64_t last) HWY_ATTR {
      constexpr int kVectors = decltype(size)::value;
      const auto count = static_cast<std::size_t>(kVectors == 1 ? last : lanes);
      const std::int64_t at = row * channels + column;
      const std::int64_t statistic = sample * channels + column;
      Vector centre[kVectors];
      Vector sums[kVectors];
      Vector products[kVectors];
      for (int v = 0; v < kVectors; ++v) centre[v] = load_some(d, mean + statistic + v * lanes, count);
      sum_two<kVectors>(
          rows,
          [&](std::int64_t r, int v, Vector& sum, Vector& product) HWY_ATTR {
            const std::int64_t place = at + r * channels + v * lanes;
            const Vector slope = load_some(d, dy + place, count);
            sum = hn::Add(sum, slope);
            product = hn::MulAdd(slope, hn::Sub(load_some(d, x + place, count), centre[v]), product);
          },
          sums, products);
      for (int v = 0; v < kVectors; ++v) {
        const Vector scaled = hn::Mul(products[v], load_some(d, inverse + statistic + v * lanes, count));
        store_some(d, sums[v], block + column + v * lanes, count);
        store_some(d, scaled, block + channels + column + v * lanes, count);
      }
    });
  });
}

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace neurons::kernels {

HWY_EXPORT(moments_of_blocks);
HWY_EXPORT(products_of_blocks);

namespace {

/// Channels that are combined side by side in double precision.
constexpr std::int64_t kSide = 16;

/// Calls body(partials of a sample from a channel on, place of the result, how many channels).
template <typename Body>
void for_sides(const ChannelRows& extents, const float* partials, const Body& body) {
  for (std::int64_t sample = 0; sample < extents.samples; ++sample) {
    for (std::int64_t first = 0; first < extents.channels; first += kSide) {
      body(partials + sample * extents.blocks() * 2 * extents.channels + first, sample * extents.channels + first,
           std::min(kSide, extents.channels - first));
    }
  }
}

}  // namespace

std::int64_t ChannelRows::block_rows() const noexcept {
  constexpr std::int64_t kElements = 8192;  // of a block: two operands of it fit the cache
  constexpr std::int64_t kFewest = 32;      // so that partials are few beside what they sum
  return std::max(kFewest, kElements / std::max<std::int64_t>(1, channels));
}

std::int64_t ChannelRows::blocks() const noexcept { return (rows + block_rows() - 1) / block_rows(); }

void channel_moments(const ChannelRows& extents, const float* x, float* partials, Worker worker) noexcept {
  HWY_DYNAMIC_DISPATCH(moments_of_blocks)(extents, x, partials, worker);
}

void channel_products(const ChannelRows& extents, const float* x, const float* dy, const float* mean, const float* inverse,
                      float* partials, Worker worker) noexcept {
  HWY_DYNAMIC_DISPATCH(products_of_blocks)(extents, x, dy, mean, inverse, partials, worker);
}

/// Σ (x - m)² over several blocks is Σ over blocks of (their own sum + rows · (their mean - m)²) (Chan et al. 1979).
void combine_moments(const ChannelRows& extents, const float* partials, float* mean, float* variance) noexcept {
  const auto count = static_cast<double>(extents.rows);
  const auto rows_of = [&](std::int64_t block) {
    return static_cast<double>(std::min(extents.block_rows(), extents.rows - block * extents.block_rows()));
  };
  for_sides(extents, partials, [&](const float* from, std::int64_t place, std::int64_t width) {
    double centre[kSide] = {};
    double squares[kSide] = {};
    for (std::int64_t block = 0; block < extents.blocks(); ++block) {
      const float* const means = from + block * 2 * extents.channels;
      for (std::int64_t i = 0; i < width; ++i) centre[i] += rows_of(block) * static_cast<double>(means[i]);
    }
    for (std::int64_t i = 0; i < width; ++i) centre[i] /= count;
    for (std::int64_t block = 0; block < extents.blocks(); ++block) {
      const float* const means = from + block * 2 * extents.channels;
      for (std::int64_t i = 0; i < width; ++i) {
        const double distance = static_cast<double>(means[i]) - centre[i];
        squares[i] += static_cast<double>(means[extents.channels + i]) + rows_of(block) * distance * distance;
      }
    }
    for (std::int64_t i = 0; i < width; ++i) {
      mean[place + i] = static_cast<float>(centre[i]);
      variance[place + i] = static_cast<float>(squares[i] / count);
    }
  });
}

void combine_products(const ChannelRows& extents, const float* partials, float* sums, float* products) noexcept {
  for_sides(extents, partials, [&](const float* from, std::int64_t place, std::int64_t width) {
    double totals[2][kSide] = {};
    for (std::int64_t block = 0; block < extents.blocks(); ++block) {
      for (std::int64_t kind = 0; kind < 2; ++kind) {
        const float* const values = from + (block * 2 + kind) * extents.channels;
        for (std::int64_t i = 0; i < width; ++i) totals[kind][i] += static_cast<double>(values[i]);
      }
    }
    for (std::int64_t i = 0; i < width; ++i) {
      sums[place + i] = static_cast<float>(totals[0][i]);
      products[place + i] = static_cast<float>(totals[1][i]);
    }
  });
}

}  // namespace neurons::kernels
#endif  // HWY_ONCE
