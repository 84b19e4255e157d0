#include "neurons/kernels/attention_tiles.hpp"

#include "neurons/kernels/simd_targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "neurons/kernels/attention_tiles.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <limits>

#include "neurons/kernels/pack-inl.h"
#include "neurons/kernels/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace neurons::kernels::HWY_NAMESPACE {

constexpr float kNothing = -std::numeric_limits<float>::infinity();

HWY_INLINE std::int64_t visible_in(const ScoreTile& tile, std::int64_t row) {
  return std::clamp<std::int64_t>(tile.visible + row * tile.visible_step, 0, tile.columns);
}

/// What is added to some scores of a row: the mask's floats, or 0 and -inf.
class MaskRow {
 public:
  MaskRow(const ScoreTile& tile, std::int64_t row) : boolean_(tile.boolean), column_stride_(tile.mask_column_stride) {
    if (tile.mask == nullptr) return;
    const std::int64_t at = row * tile.mask_row_stride;
    bytes_ = boolean_ ? reinterpret_cast<const std::uint8_t*>(tile.mask) + at : nullptr;
    floats_ = boolean_ ? nullptr : reinterpret_cast<const float*>(tile.mask) + at;
  }
  HWY_INLINE Vector added(Floats d, std::int64_t column, std::size_t count) const {
    if (boolean_) {
      const Vector flags = column_stride_ == 0 ? hn::Set(d, static_cast<float>(*bytes_)) : load_bytes(d, bytes_ + column, count);
      return hn::IfThenElse(hn::Eq(flags, hn::Zero(d)), hn::Set(d, kNothing), hn::Zero(d));
    }
    return column_stride_ == 0 ? hn::Set(d, *floats_) : load_some(d, floats_ + column, count);
  }

 private:
  static HWY_INLINE Vector load_bytes(Floats d, const std::uint8_t* bytes, std::size_t count) {
    return count == hn::Lanes(d) ? load(d, bytes) : load_part(d, bytes, count);
  }
  bool boolean_;
  std::int64_t column_stride_;
  const std::uint8_t* bytes_ = nullptr;
  const float* floats_ = nullptr;
};

/// Scores from products: scale alone, or all that there is.
template <bool kPlain>
struct Scores {
  const ScoreTile& tile;
  MaskRow mask;

  Scores(const ScoreTile& of, std::int64_t row) : tile(of), mask(of, row) {}
  /// tanh(product · scale / softcap), or the scaled product.
  HWY_INLINE Vector inner(Floats d, Vector product) const {
    if constexpr (kPlain) return hn::Mul(product, hn::Set(d, tile.scale));
    if (tile.softcap == 0) return hn::Mul(product, hn::Set(d, tile.scale));
    return tanh(d, hn::Mul(product, hn::Set(d, tile.scale / tile.softcap)));
  }
  HWY_INLINE Vector from_inner(Floats d, Vector inside, std::int64_t column, std::size_t count) const {
    if constexpr (kPlain) return inside;
    const Vector capped = tile.softcap == 0 ? inside : hn::Mul(inside, hn::Set(d, tile.softcap));
    return tile.mask == nullptr ? capped : hn::Add(capped, mask.added(d, column, count));
  }
  HWY_INLINE Vector operator()(Floats d, Vector product, std::int64_t column, std::size_t count) const {
    return from_inner(d, inner(d, product), column, count);
  }
};

/// Visits a row's scores from 0 on, vector by vector: step(first score, lanes in use, whether that is all of them).
template <class Step>
HWY_INLINE void for_each_vector(std::int64_t scores, const Step& step) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(Floats()));
  std::int64_t c = 0;
  for (; c + lanes <= scores; c += lanes) step(c, static_cast<std::size_t>(lanes), std::true_type());
  if (c < scores) step(c, static_cast<std::size_t>(scores - c), std::false_type());
}

/// Zeros behind `visible` scores whose last vector was stored whole.
HWY_INLINE void clear_rest(std::int64_t visible, std::int64_t columns, float* scores) {
  const Floats d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t c = (visible + lanes - 1) / lanes * lanes; c < columns; c += lanes) store(d, hn::Zero(d), scores + c);
}

template <bool kPlain>
HWY_INLINE void soften_row(const ScoreTile& tile, std::int64_t row, float& maximum, float& sum, float& rescale) {
  const Floats d;
  float* const scores = tile.scores + row * tile.stride;
  const std::int64_t visible = visible_in(tile, row);
  const Scores<kPlain> score(tile, row);
  const Vector nothing = hn::Set(d, kNothing);
  Vector largest = nothing;
  for_each_vector(visible, [&](std::int64_t c, std::size_t count, auto all) HWY_ATTR {
    const Vector s = score(d, load(d, scores + c), c, count);
    if constexpr (!kPlain) store(d, s, scores + c);
    largest = hn::Max(largest, all ? s : hn::IfThenElse(hn::FirstN(d, count), s, nothing));
  });
  const float before = maximum;
  maximum = std::max(before, hn::GetLane(hn::MaxOfLanes(d, largest)));
  rescale = 1.0F;
  if (maximum == kNothing) return clear_rest(0, tile.columns, scores);
  const Vector top = hn::Set(d, maximum);
  Vector total = hn::Zero(d);
  for_each_vector(visible, [&](std::int64_t c, std::size_t count, auto all) HWY_ATTR {
    Vector s = load(d, scores + c);
    if constexpr (kPlain) s = score.inner(d, s);
    Vector p = exp_of_nonpositive(d, hn::Sub(s, top));
    if (!all) p = hn::IfThenElseZero(hn::FirstN(d, count), p);
    store(d, p, scores + c);
    total = hn::Add(total, p);
  });
  clear_rest(visible, tile.columns, scores);
  rescale = hn::GetLane(exp_of_nonpositive(d, hn::Sub(hn::Set(d, before), top)));
  sum = sum * rescale + hn::GetLane(hn::SumOfLanes(d, total));
}

void soften_all(const ScoreTile& tile, float* maximum, float* sum, float* rescale) {
  const bool plain = tile.softcap == 0 && tile.mask == nullptr;
  for (std::int64_t row = 0; row < tile.rows; ++row) {
    plain ? soften_row<true>(tile, row, maximum[row], sum[row], rescale[row])
          : soften_row<false>(tile, row, maximum[row], sum[row], rescale[row]);
  }
}

template <bool kPlain>
HWY_INLINE void differentiate_row(const ScoreTile& tile, std::int64_t row, float log_sum_exp, float offset, float* slopes) {
  const Floats d;
  float* const scores = tile.scores + row * tile.stride;
  float* const slope = slopes + row * tile.stride;
  const std::int64_t visible = visible_in(tile, row);
  const Scores<kPlain> score(tile, row);
  const Vector scale = hn::Set(d, tile.scale);
  const Vector one = hn::Set(d, 1.0F);
  for_each_vector(visible, [&](std::int64_t c, std::size_t count, auto all) HWY_ATTR {
    const Vector inside = score.inner(d, load(d, scores + c));
    const Vector s = score.from_inner(d, inside, c, count);
    Vector p = exp_of_nonpositive(d, hn::Sub(s, hn::Set(d, log_sum_exp)));
    Vector ds = hn::Mul(hn::Mul(p, hn::Sub(load(d, slope + c), hn::Set(d, offset))), scale);
    if (!kPlain && tile.softcap != 0) ds = hn::Mul(ds, hn::NegMulAdd(inside, inside, one));
    if (!all) {
      p = hn::IfThenElseZero(hn::FirstN(d, count), p);
      ds = hn::IfThenElseZero(hn::FirstN(d, count), ds);
    }
    store(d, p, scores + c);
    store(d, ds, slope + c);
  });
  clear_rest(visible, tile.columns, scores);
  clear_rest(visible, tile.columns, slope);
}

void differentiate_tile(const ScoreTile& tile, const float* log_sum_exp, const float* offsets, float* slopes) {
  const bool plain = tile.softcap == 0 && tile.mask == nullptr;
  for (std::int64_t row = 0; row < tile.rows; ++row) {
    plain ? differentiate_row<true>(tile, row, log_sum_exp[row], offsets[row], slopes)
          : differentiate_row<false>(tile, row, log_sum_exp[row], offsets[row], slopes);
  }
}

void pack_all(std::int64_t inner, std::int64_t columns, std::int64_t width, const float* from, std::int64_t row_stride,
              std::int64_t column_stride, float* panels) {
  for (std::int64_t column = 0; column < columns; column += width) {
    pack_strided(from + column * column_stride, row_stride, column_stride, inner, std::min(width, columns - column), width,
                 panels + column * inner);
  }
}

void scale_all_rows(std::int64_t count, std::int64_t columns, const float* factors, float* rows, std::int64_t stride) {
  const Floats d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t r = 0; r < count; ++r) {
    const Vector factor = hn::Set(d, factors[r]);
    for (std::int64_t c = 0; c < columns; c += lanes) {
      const auto part = static_cast<std::size_t>(std::min(lanes, columns - c));
      float* const at = rows + r * stride + c;
      store_some(d, hn::Mul(load_some(d, at, part), factor), at, part);
    }
  }
}

void multiply_rows(std::int64_t count, std::int64_t columns, const float* a, std::int64_t a_stride, const float* b,
                   std::int64_t b_stride, float* results) {
  const Floats d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t r = 0; r < count; ++r) {
    Vector sum = hn::Zero(d);
    for (std::int64_t c = 0; c < columns; c += lanes) {
      const auto part = static_cast<std::size_t>(std::min(lanes, columns - c));
      const Vector product = hn::Mul(load_some(d, a + r * a_stride + c, part), load_some(d, b + r * b_stride + c, part));
      sum = hn::Add(sum, only_some(d, product, part));
    }
    results[r] = hn::GetLane(hn::SumOfLanes(d, sum));
  }
}

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace neurons::kernels {

HWY_EXPORT(soften_all);
HWY_EXPORT(differentiate_tile);
HWY_EXPORT(pack_all);
HWY_EXPORT(scale_all_rows);
HWY_EXPORT(multiply_rows);

void soften_scores(const ScoreTile& tile, float* maximum, float* sum, float* rescale) noexcept {
  HWY_DYNAMIC_DISPATCH(soften_all)(tile, maximum, sum, rescale);
}
void differentiate_scores(const ScoreTile& tile, const float* log_sum_exp, const float* offsets, float* slopes) noexcept {
  HWY_DYNAMIC_DISPATCH(differentiate_tile)(tile, log_sum_exp, offsets, slopes);
}
void pack_right(std::int64_t inner, std::int64_t columns, std::int64_t width, const float* from, std::int64_t row_stride,
                std::int64_t column_stride, float* panels) noexcept {
  HWY_DYNAMIC_DISPATCH(pack_all)(inner, columns, width, from, row_stride, column_stride, panels);
}
void scale_rows(std::int64_t count, std::int64_t columns, const float* factors, float* rows, std::int64_t stride) noexcept {
  HWY_DYNAMIC_DISPATCH(scale_all_rows)(count, columns, factors, rows, stride);
}
void row_products(std::int64_t count, std::int64_t columns, const float* a, std::int64_t a_stride, const float* b,
                  std::int64_t b_stride, float* results) noexcept {
  HWY_DYNAMIC_DISPATCH(multiply_rows)(count, columns, a, a_stride, b, b_stride, results);
}

}  // namespace neurons::kernels
#endif  // HWY_ONCE
