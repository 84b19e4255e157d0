#include "neurons/data/resample.hpp"

#include <algorithm>
#include <cmath>

namespace neurons {

Resample Resample::bilinear(std::int64_t from, double begin, double end, std::int64_t into) {
  Resample result;
  const double step = (end - begin) / static_cast<double>(into);
  for (std::int64_t i = 0; i < into; ++i) {
    const double middle = begin + (static_cast<double>(i) + 0.5) * step - 0.5;
    const double at = std::clamp(middle, 0.0, static_cast<double>(from - 1));
    const auto first = std::min(static_cast<std::int64_t>(at), std::max<std::int64_t>(0, from - 2));
    const double share = at - static_cast<double>(first);
    if (from == 1) {
      result.pixels.push_back({0, {1.0F}});
    } else {
      result.pixels.push_back({first, {static_cast<float>(1 - share), static_cast<float>(share)}});
    }
  }
  return result;
}

Resample Resample::area(std::int64_t from, double begin, double end, std::int64_t into) {
  Resample result;
  const double step = (end - begin) / static_cast<double>(into);
  for (std::int64_t i = 0; i < into; ++i) {
    const double left = begin + static_cast<double>(i) * step;
    const double right = left + step;
    const auto first = std::clamp<std::int64_t>(static_cast<std::int64_t>(std::floor(left)), 0, from - 1);
    const auto last = std::clamp<std::int64_t>(static_cast<std::int64_t>(std::ceil(right)), first + 1, from);
    Pixel pixel{first, {}};
    double sum = 0;
    std::vector<double> covered;
    for (std::int64_t p = first; p < last; ++p) {
      const double share = std::min(right, static_cast<double>(p + 1)) - std::max(left, static_cast<double>(p));
      covered.push_back(std::max(0.0, share));
      sum += covered.back();
    }
    for (const double share : covered) pixel.shares.push_back(static_cast<float>(share / sum));
    result.pixels.push_back(std::move(pixel));
  }
  return result;
}

std::vector<float> resample(std::span<const std::uint8_t> plane, std::int64_t width, const Resample& columns,
                            const Resample& rows) {
  const auto stride = static_cast<std::size_t>(width);
  std::vector<float> result;
  result.reserve(rows.pixels.size() * columns.pixels.size());
  std::vector<float> row(stride);
  for (const auto& [first_row, row_shares] : rows.pixels) {
    std::ranges::fill(row, 0.0F);
    for (std::size_t r = 0; r < row_shares.size(); ++r) {
      const std::uint8_t* from = plane.data() + (static_cast<std::size_t>(first_row) + r) * stride;
      for (std::size_t x = 0; x < stride; ++x) row[x] += row_shares[r] * static_cast<float>(from[x]);
    }
    for (const auto& [first, shares] : columns.pixels) {
      float sum = 0;
      for (std::size_t i = 0; i < shares.size(); ++i) sum += shares[i] * row[static_cast<std::size_t>(first) + i];
      result.push_back(sum);
    }
  }
  return result;
}

}  // namespace neurons
