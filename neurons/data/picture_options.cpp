#include "neurons/data/picture_options.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "neurons/data/resample.hpp"

namespace neurons {
namespace {

/// One channel of a picture as it is asked for: its own, the only one, or the grey of three.
class Channel {
 public:
  Channel(const PictureView& picture, std::int64_t channels, std::int64_t channel) {
    const auto& [shape, bytes] = picture;
    const std::size_t plane = shape.plane();
    if (shape.channels == channels || shape.channels == 1) {
      pixels_ = bytes.subspan(shape.channels == 1 ? 0 : static_cast<std::size_t>(channel) * plane, plane);
      return;
    }
    grey_.resize(plane);
    for (std::size_t i = 0; i < plane; ++i) {
      grey_[i] = static_cast<std::uint8_t>((299 * bytes[i] + 587 * bytes[plane + i] + 114 * bytes[2 * plane + i] + 500) / 1000);
    }
    pixels_ = grey_;
  }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  std::span<const std::uint8_t> pixels() const { return pixels_; }

 private:
  std::vector<std::uint8_t> grey_;
  std::span<const std::uint8_t> pixels_;
};

/// Of an axis of `from` pixels, which part is seen along how many of the `to` pixels of the result.
struct Span {
  double begin = 0, end = 0;         ///< of the picture
  std::int64_t first = 0, last = 0;  ///< of the result
};

struct Spans {
  Span x, y;
};

Spans fit_in(std::int64_t height, std::int64_t width, const PictureShape& to, PictureOptions::Fit fit) {
  Spans spans{{0, static_cast<double>(width), 0, to.width}, {0, static_cast<double>(height), 0, to.height}};
  const double zoom_x = static_cast<double>(to.width) / static_cast<double>(width);
  const double zoom_y = static_cast<double>(to.height) / static_cast<double>(height);
  if (fit == PictureOptions::Fit::stretch || zoom_x == zoom_y) return spans;
  const bool crop = fit == PictureOptions::Fit::crop;
  const double zoom = crop ? std::max(zoom_x, zoom_y) : std::min(zoom_x, zoom_y);
  const auto narrow = [&](Span& span, std::int64_t from, std::int64_t into) {
    if (crop) {
      const double seen = static_cast<double>(into) / zoom;
      span.begin = (static_cast<double>(from) - seen) / 2;
      span.end = span.begin + seen;
    } else {
      const std::int64_t covered = std::max<std::int64_t>(1, std::llround(static_cast<double>(from) * zoom));
      span.first = (into - covered) / 2;
      span.last = span.first + covered;
    }
  };
  narrow(zoom_x == zoom ? spans.y : spans.x, zoom_x == zoom ? height : width, zoom_x == zoom ? to.height : to.width);
  return spans;
}

Resample resample_of(const Span& span, std::int64_t pixels, PictureOptions::Filter filter) {
  const std::int64_t into = span.last - span.first;
  const bool shrinks = span.end - span.begin > static_cast<double>(into);
  const bool area = filter == PictureOptions::Filter::area || (filter == PictureOptions::Filter::automatic && shrinks);
  return area ? Resample::area(pixels, span.begin, span.end, into) : Resample::bilinear(pixels, span.begin, span.end, into);
}

}  // namespace

NumberCheck check_numbers(const PictureOptions& options) {
  NumberCheck check;
  for (std::size_t i = 0; i < options.size.size(); ++i) {
    check.between<std::int64_t>(fmt::format("size[{}]", i), options.size[i], 1, kMaxPictureSide);
  }
  if (options.size.size() > 2) check.refuse("size", "has more than two numbers, expected [height, width] or [side]");
  for (std::size_t i = 0; i < options.deviations.size(); ++i) {
    if (!(options.deviations[i] > 0)) check.refuse(fmt::format("deviations[{}]", i), "must be positive");
  }
  const std::size_t channels = options.means.size();
  if (channels == 2 || channels > 3) check.refuse("means", "must be one number for grey pictures, three for coloured ones");
  if (channels != options.deviations.size())
    check.refuse(channels > 0 ? "means" : "deviations", "needs as many of the other: means and deviations go together");
  return check;
}

PictureShape shape_of(const PictureOptions& options, const PictureShape& given, std::int64_t channels) {
  PictureShape shape{channels, given.height, given.width};
  if (options.colour == PictureOptions::Colour::grey) shape.channels = 1;
  if (options.colour == PictureOptions::Colour::colour) shape.channels = 3;
  if (options.size.empty()) return shape;
  shape.height = options.size.front();
  shape.width = options.size.back();
  return shape;
}

PictureView view_of(const Tensor& picture) {
  const auto shape = picture_shape(picture.shape());
  if (picture.dtype() != DType::u8 || picture.shape().rank() != 3 || !shape || (shape->channels != 1 && shape->channels != 3)) {
    fail_input("{} is no picture, expected u8[1 or 3, height, width]", picture.type().to_string());
  }
  return {*shape, picture.values<std::uint8_t>()};
}

void prepare_picture(const PictureView& picture, const PictureShape& shape, const PictureOptions& options,
                     std::span<std::uint8_t> out) {
  const std::int64_t height = picture.shape.height;
  const std::int64_t width = picture.shape.width;
  if (height == shape.height && width == shape.width) {
    for (std::int64_t c = 0; c < shape.channels; ++c, out = out.subspan(shape.plane())) {
      std::ranges::copy(Channel(picture, shape.channels, c).pixels(), out.begin());
    }
    return;
  }
  const Spans spans = fit_in(height, width, shape, options.fit);
  const Resample columns = resample_of(spans.x, width, options.filter);
  const Resample rows = resample_of(spans.y, height, options.filter);
  std::ranges::fill(out, std::uint8_t{0});
  for (std::int64_t c = 0; c < shape.channels; ++c, out = out.subspan(shape.plane())) {
    const Channel channel(picture, shape.channels, c);
    const std::vector<float> seen = resample(channel.pixels(), width, columns, rows);
    const float* from = seen.data();
    for (std::int64_t y = spans.y.first; y < spans.y.last; ++y) {
      for (std::int64_t x = spans.x.first; x < spans.x.last; ++x) {
        out[static_cast<std::size_t>(y * shape.width + x)] = static_cast<std::uint8_t>(std::clamp(*from++ + 0.5F, 0.0F, 255.0F));
      }
    }
  }
}

void prepare_pictures(Dataset& data, const PictureOptions& options) {
  const auto given = picture_shape(data.input_shape());
  const std::string source = data.name();
  if (data.inputs.dtype() != DType::u8 || !given || (given->channels != 1 && given->channels != 3)) {
    fail_input(
        "{}: its samples are {} {}, but pictures are bytes of shape [height, width], [1, height, width] or [3, height, width]",
        source, name_of(data.inputs.dtype()), data.input_shape().to_string());
  }
  const PictureShape shape = shape_of(options, *given, given->channels);
  if (shape == *given) return;
  const std::int64_t samples = data.samples();
  const bool flat = data.inputs.shape().rank() == 3 && shape.channels == 1;
  Tensor inputs(DType::u8,
                flat ? Shape{samples, shape.height, shape.width} : Shape{samples, shape.channels, shape.height, shape.width});
  for (std::int64_t i = 0; i < samples; ++i) {
    const auto sample = static_cast<std::size_t>(i);
    const PictureView picture{
        *given, std::as_const(data.inputs).values<std::uint8_t>().subspan(sample * given->elements(), given->elements())};
    prepare_picture(picture, shape, options, inputs.values<std::uint8_t>().subspan(sample * shape.elements(), shape.elements()));
  }
  data.inputs = std::move(inputs);
}

void set_picture_rank(Dataset& data, int rank) {
  const auto shape = picture_shape(data.input_shape());
  if (!shape || shape->channels != 1 || data.has_tokens() || data.input_shape().rank() == rank) return;
  const std::int64_t samples = data.samples();
  if (rank == 2) data.inputs = data.inputs.reshaped({samples, shape->height, shape->width});
  if (rank == 3) data.inputs = data.inputs.reshaped({samples, 1, shape->height, shape->width});
}

ChannelStatistics channel_statistics(const Dataset& data) {
  const auto shape = picture_shape(data.input_shape());
  if (!shape || data.samples() == 0) {
    fail_input("{}: holds no pictures whose channels could be standardised", data.name());
  }
  const auto channels = static_cast<std::size_t>(shape->channels);
  std::vector<double> sums(channels);
  std::vector<double> squares(channels);
  const auto visit = [&](const auto values) {
    for (std::size_t i = 0; i < values.size(); i += shape->plane()) {
      // By planes: sums of bytes are exact, and of floats accurate.
      double sum = 0;
      double square = 0;
      for (const auto value : values.subspan(i, shape->plane())) {
        sum += static_cast<double>(value);
        square += static_cast<double>(value) * static_cast<double>(value);
      }
      sums[i / shape->plane() % channels] += sum;
      squares[i / shape->plane() % channels] += square;
    }
  };
  if (data.inputs.dtype() == DType::u8) {
    visit(data.inputs.values<std::uint8_t>());
  } else {
    visit(data.inputs.values<float>());
  }
  const double count = static_cast<double>(data.samples()) * static_cast<double>(shape->plane());
  ChannelStatistics statistics;
  for (std::size_t c = 0; c < channels; ++c) {
    const double mean = sums[c] / count;
    const double scale = static_cast<double>(data.input_scale);
    const double deviation = std::sqrt(std::max(0.0, squares[c] / count - mean * mean)) * std::abs(scale);
    statistics.means.push_back(static_cast<float>(mean * scale + static_cast<double>(data.input_offset)));
    statistics.deviations.push_back(deviation > 1e-6 ? static_cast<float>(deviation) : 1.0F);
  }
  return statistics;
}

}  // namespace neurons
