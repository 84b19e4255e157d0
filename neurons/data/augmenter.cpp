#include "neurons/data/augmenter.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "neurons/kernels/scale_bytes.hpp"

namespace neurons {
namespace {

/// Pixels of border: bilinear interpolation reads one before the picture and two behind it.
constexpr std::int64_t kBefore = 1;
constexpr std::int64_t kBehind = 2;

/// Of the random streams of samples: "augment".
constexpr std::array<std::uint32_t, 2> kSampleStreams{0x6175676d, 0x656e74};

/// Gamma(shape, 1) (Marsaglia, Tsang: "A simple method for generating gamma variables", 2000; below 1 by its boost).
double gamma(double shape, RandomStream& random) {
  if (shape < 1) return gamma(shape + 1, random) * std::pow(1 - random.uniform(), 1 / shape);
  const double d = shape - 1.0 / 3;
  const double c = 1 / std::sqrt(9 * d);
  for (;;) {
    const double x = random.normal();
    const double root = 1 + c * x;
    const double u = 1 - random.uniform();
    if (root <= 0) continue;
    const double v = root * root * root;
    if (std::log(u) < x * x / 2 + d - d * v + d * std::log(v)) return d * v;
  }
}

/// Beta(alpha, alpha).
double symmetric_beta(double alpha, RandomStream& random) {
  const double a = gamma(alpha, random);
  const double b = gamma(alpha, random);
  return a + b > 0 ? a / (a + b) : 1;  // both vanish where alpha is tiny: all of one picture
}

/// Where pixel (x, y) of the result comes from: (x0 + xx x + xy y, y0 + yx x + yy y).
struct Map {
  float x0 = 0, xx = 1, xy = 0;
  float y0 = 0, yx = 0, yy = 1;
  /// Every pixel comes from exactly one.
  bool is_exact() const {
    return xy == 0 && yx == 0 && std::abs(xx) == 1 && std::abs(yy) == 1 && x0 == std::floor(x0) && y0 == std::floor(y0);
  }
};

/// A plane within its border, and how far coordinates may go: beyond, there is nothing else to see.
struct Framed {
  const float* origin;  ///< pixel (0, 0)
  std::int64_t stride;
  float least, most_x, most_y;
};

/// A row of the result by whole pixels.
void move_exactly(const Framed& plane, const Map& map, std::int64_t y, std::span<float> to) noexcept {
  const float row = std::clamp(map.y0 + map.yy * static_cast<float>(y), plane.least, plane.most_y);
  const float* from = plane.origin + static_cast<std::int64_t>(row) * plane.stride;
  const auto least = static_cast<std::int64_t>(plane.least);
  const auto most = static_cast<std::int64_t>(plane.most_x);
  const auto step = static_cast<std::int64_t>(map.xx);
  auto at = static_cast<std::int64_t>(map.x0);
  for (float& value : to) {
    value = from[std::clamp(at, least, most)];
    at += step;
  }
}

/// A row of the result between pixels.
void interpolate(const Framed& plane, const Map& map, std::int64_t y, std::span<float> to) noexcept {
  const float row_x = map.x0 + map.xy * static_cast<float>(y);
  const float row_y = map.y0 + map.yy * static_cast<float>(y);
  const float* corner = plane.origin - kBefore * plane.stride - kBefore;
  for (std::size_t x = 0; x < to.size(); ++x) {
    const float at_x = std::clamp(row_x + map.xx * static_cast<float>(x), plane.least, plane.most_x) + kBefore;
    const float at_y = std::clamp(row_y + map.yx * static_cast<float>(x), plane.least, plane.most_y) + kBefore;
    const auto left = static_cast<std::int32_t>(at_x);  // rounds down: both are at least 0
    const auto top = static_cast<std::int32_t>(at_y);
    const float part_x = at_x - static_cast<float>(left);
    const float part_y = at_y - static_cast<float>(top);
    const float* pixel = corner + top * plane.stride + left;
    const float above = pixel[0] + part_x * (pixel[1] - pixel[0]);
    const float below = pixel[plane.stride] + part_x * (pixel[plane.stride + 1] - pixel[plane.stride]);
    to[x] = above + part_y * (below - above);
  }
}

/// The grey of a colour by the luma of ITU-R BT.601.
float grey_of(const float* pixel, std::size_t plane) {
  return 0.299F * pixel[0] + 0.587F * pixel[plane] + 0.114F * pixel[2 * plane];
}

}  // namespace

Augmenter::Augmenter(const Augmentation& options, const Dataset& data) : options_(options), data_(data), scaling_(data.scaling()) {
  data.validate_shapes();
  check_augmentation(options, data);
  shape_ = *picture_shape(data.input_shape());
  constexpr std::int64_t kBorder = kBefore + kBehind;
  framed_.resize(static_cast<std::size_t>(shape_.channels * (shape_.height + kBorder) * (shape_.width + kBorder)));
  if (options_.mixes()) other_.resize(shape_.elements());
}

Augmenter::Mixture Augmenter::write(std::uint64_t seed, std::int64_t epoch, std::int64_t index, std::span<float> out) noexcept {
  RandomStream random = stream_of(seed, kSampleStreams, epoch, index);
  draw(index, random, out);
  if (!options_.mixes()) return {index, 1};
  const auto share = static_cast<float>(symmetric_beta(options_.mix_up, random));
  const auto other = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(data_.samples())));
  draw(other, random, other_);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = share * out[i] + (1 - share) * other_[i];
  return {other, share};
}

/// A picture, changed, as the network sees it.
void Augmenter::draw(std::int64_t index, RandomStream& random, std::span<float> out) noexcept {
  frame(index);
  move(random, out);
  colour(random, out);
  if (options_.cut_out > 0) cut_out(random, out);
  const std::size_t plane = out.size() / scaling_.size();
  for (std::size_t c = 0; c < scaling_.size(); ++c) {
    for (float& value : out.subspan(c * plane, plane)) value = value * scaling_[c].scale + scaling_[c].offset;
  }
}

/// The raw picture in the middle of its border.
void Augmenter::frame(std::int64_t index) noexcept {
  const std::int64_t stride = shape_.width + kBefore + kBehind;
  const std::size_t first = static_cast<std::size_t>(index) * shape_.elements();
  const std::byte* bytes = data_.inputs.bytes().data();
  float* to = framed_.data() + kBefore * stride + kBefore;
  for (std::int64_t c = 0; c < shape_.channels; ++c, to += (kBefore + kBehind) * stride) {
    for (std::int64_t y = 0; y < shape_.height; ++y, to += stride) {
      const std::size_t row = first + static_cast<std::size_t>((c * shape_.height + y) * shape_.width);
      if (data_.inputs.dtype() == DType::u8) {
        kernels::scale_bytes(shape_.width, reinterpret_cast<const std::uint8_t*>(bytes) + row, 1, 0, to);
      } else {
        std::copy_n(reinterpret_cast<const float*>(bytes) + row, shape_.width, to);
      }
    }
  }
}

/// Mirrors, turns, enlarges and moves the framed picture.
void Augmenter::move(RandomStream& random, std::span<float> out) noexcept {
  const double mirror_x = options_.flip_horizontal && random.below(2) == 1 ? -1 : 1;
  const double mirror_y = options_.flip_vertical && random.below(2) == 1 ? -1 : 1;
  const double angle = options_.rotate > 0 ? random.uniform(-1, 1) * options_.rotate * std::numbers::pi / 180 : 0;
  const double zoom = options_.scale > 0 ? std::pow(1 + options_.scale, random.uniform(-1, 1)) : 1;
  double right = 0;
  double down = 0;
  if (options_.shift > 0) {
    right = random.uniform(-options_.shift, options_.shift);
    down = random.uniform(-options_.shift, options_.shift);
  }
  if (options_.crop_padding > 0) {
    const auto places = static_cast<std::uint64_t>(2 * options_.crop_padding + 1);
    right += static_cast<double>(static_cast<std::int64_t>(random.below(places)) - options_.crop_padding);
    down += static_cast<double>(static_cast<std::int64_t>(random.below(places)) - options_.crop_padding);
  }
  const double centre_x = static_cast<double>(shape_.width - 1) / 2;
  const double centre_y = static_cast<double>(shape_.height - 1) / 2;
  const double cosine = std::cos(angle) / zoom;
  const double sine = std::sin(angle) / zoom;
  Map map;
  map.xx = static_cast<float>(mirror_x * cosine);
  map.xy = static_cast<float>(mirror_x * sine);
  map.yx = static_cast<float>(-mirror_y * sine);
  map.yy = static_cast<float>(mirror_y * cosine);
  map.x0 = static_cast<float>(centre_x - mirror_x * (cosine * (centre_x + right) + sine * (centre_y + down)));
  map.y0 = static_cast<float>(centre_y - mirror_y * (cosine * (centre_y + down) - sine * (centre_x + right)));

  const bool edge = options_.border == Augmentation::Border::edge;
  const std::int64_t beyond = edge ? 0 : 1;
  const std::int64_t stride = shape_.width + kBefore + kBehind;
  const auto row_length = static_cast<std::size_t>(shape_.width);
  Framed plane{framed_.data() + kBefore * stride + kBefore, stride, static_cast<float>(-beyond),
               static_cast<float>(shape_.width - 1 + beyond), static_cast<float>(shape_.height - 1 + beyond)};
  const auto look_up = map.is_exact() ? move_exactly : interpolate;
  for (std::int64_t c = 0; c < shape_.channels; ++c) {
    for (std::int64_t y = 0; y < shape_.height; ++y, out = out.subspan(row_length)) look_up(plane, map, y, out.first(row_length));
    plane.origin += stride * (shape_.height + kBefore + kBehind);
  }
}

/// Brightness, then contrast, then saturation; bytes stay between 0 and 255.
void Augmenter::colour(RandomStream& random, std::span<float> out) const noexcept {
  const auto factor = [&](double most) { return static_cast<float>(1 + most * random.uniform(-1, 1)); };
  const std::size_t plane = shape_.plane();
  const bool coloured = shape_.channels == 3;
  if (options_.brightness > 0) {
    const float times = factor(options_.brightness);
    for (float& value : out) value *= times;
  }
  if (options_.contrast > 0) {
    const float times = factor(options_.contrast);
    double sum = 0;
    if (coloured) {
      for (std::size_t i = 0; i < plane; ++i) sum += static_cast<double>(grey_of(&out[i], plane));
    } else {
      for (const float value : out) sum += static_cast<double>(value);
    }
    const auto mean = static_cast<float>(sum / static_cast<double>(coloured ? plane : out.size()));
    for (float& value : out) value = mean + times * (value - mean);
  }
  if (options_.saturation > 0) {
    const float times = factor(options_.saturation);
    for (std::size_t i = 0; i < plane; ++i) {
      const float grey = grey_of(&out[i], plane);
      for (std::size_t c = 0; c < 3; ++c) out[c * plane + i] = grey + times * (out[c * plane + i] - grey);
    }
  }
  const bool changed = options_.brightness > 0 || options_.contrast > 0 || options_.saturation > 0;
  if (!changed || data_.inputs.dtype() != DType::u8) return;
  for (float& value : out) value = std::clamp(value, 0.0F, 255.0F);
}

void Augmenter::cut_out(RandomStream& random, std::span<float> out) const noexcept {
  const auto from_centre = [&](std::int64_t extent) {
    return static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(extent))) - options_.cut_out / 2;
  };
  const std::int64_t left = from_centre(shape_.width);
  const std::int64_t top = from_centre(shape_.height);
  const std::int64_t first = std::max<std::int64_t>(0, left);
  const std::int64_t last = std::min(shape_.width, left + options_.cut_out);
  for (std::int64_t c = 0; c < shape_.channels; ++c) {
    for (std::int64_t y = std::max<std::int64_t>(0, top); y < std::min(shape_.height, top + options_.cut_out); ++y) {
      std::fill_n(out.data() + (c * shape_.height + y) * shape_.width + first, last - first, 0.0F);
    }
  }
}

}  // namespace neurons
