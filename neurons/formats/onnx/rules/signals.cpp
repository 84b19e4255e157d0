// Spectra and what is prepared for them: discrete Fourier transforms are products with matrices that are known at import.

#include <cmath>
#include <numbers>

#include "neurons/formats/onnx/rules/rules.hpp"

namespace neurons::onnx {
namespace {

using Outputs = std::vector<Value>;
using Extents = std::vector<std::int64_t>;

constexpr std::int64_t kMostOfMatrix = std::int64_t{1} << 24;  // elements: 64 MB

/// What a transform does to each row: `given` numbers (of which those from `length` on are not seen) become `kept` of `length`.
struct Transform {
  std::int64_t given = 0, length = 0, kept = 0;
  bool complex_in = false, complex_out = true, inverse = false;
};

/// The matrix from [given, real and imaginary part] to [kept, …]. Of a real inverse, what is given is the first half of a spectrum
/// whose other half is its mirror image.
Tensor matrix_of(const NodeContext& node, const Transform& what) {
  const std::int64_t in = what.complex_in ? 2 : 1;
  const std::int64_t out = what.complex_out ? 2 : 1;
  std::int64_t elements = 0;
  const bool fits = !__builtin_mul_overflow(what.given * in, what.kept * out, &elements) && elements <= kMostOfMatrix;
  if (!fits) node.fail(fmt::format("transforms {} numbers at once, too many for a product with a matrix", what.given));
  Tensor matrix(DType::f32, {what.given * in, what.kept * out});
  const auto numbers = matrix.values<float>();
  const bool mirrored = what.inverse && !what.complex_out;
  const std::int64_t seen = std::min(what.given, mirrored ? what.length / 2 + 1 : what.length);
  for (std::int64_t j = 0; j < seen; ++j) {
    for (std::int64_t k = 0; k < what.kept; ++k) {
      const auto turn = static_cast<double>(j * k % what.length) / static_cast<double>(what.length);
      const double angle = (what.inverse ? 2 : -2) * std::numbers::pi * turn;
      double share = what.inverse ? 1 / static_cast<double>(what.length) : 1;
      if (mirrored && j > 0 && 2 * j != what.length) share *= 2;
      const auto put = [&](std::int64_t from, std::int64_t to, double number) {
        numbers[static_cast<std::size_t>((j * in + from) * what.kept * out + k * out + to)] = static_cast<float>(share * number);
      };
      put(0, 0, std::cos(angle));
      if (what.complex_out) put(0, 1, std::sin(angle));
      if (what.complex_in) put(1, 0, -std::sin(angle));
      if (what.complex_in && what.complex_out) put(1, 1, std::cos(angle));
    }
  }
  return matrix;
}

/// x [.., given, parts] transformed along its last axis but one.
Value transformed(const NodeContext& node, const Value& x, const Transform& what) {
  Extents rows(x.shape().extents().begin(), x.shape().extents().end() - 2);
  rows.push_back(what.given * (what.complex_in ? 2 : 1));
  const Value product = node.emit("MatMul", {reshaped(node, x, rows), node.constant(matrix_of(node, what).cast(x.type().dtype))});
  rows.back() = what.kept;
  rows.push_back(what.complex_out ? 2 : 1);
  return reshaped(node, product, rows);
}

/// Real numbers or complex ones, by the last axis.
bool is_complex(const NodeContext& node, const Value& x) {
  if (x.shape().rank() < 2 || (x.shape()[-1] != 1 && x.shape()[-1] != 2)) {
    node.fail(fmt::format("expects real numbers [.., 1] or complex ones [.., 2], got {}", x.shape().to_string()));
  }
  return x.shape()[-1] == 2;
}

Outputs dft(const NodeContext& node) {
  constexpr std::int64_t kAxisAsInput = 20;
  const Value x = node.input(0);
  const int rank = x.shape().rank();
  Transform what;
  what.complex_in = is_complex(node, x);
  const std::int64_t given = node.opset < kAxisAsInput ? node.integer("axis", 1) : node.has(2) ? node.whole(2, "axis") : -2;
  const int axis = x.shape().normalized_axis(given);
  if (axis == rank - 1) node.fail("the last axis holds real and imaginary parts; nothing is transformed along it");
  what.given = x.shape()[axis];
  what.inverse = node.integer("inverse", 0) != 0;
  const bool onesided = node.integer("onesided", 0) != 0;
  if (onesided && what.inverse != what.complex_in) {
    node.fail("onesided is for real numbers, or for the inverse that gives such");
  }
  what.complex_out = !(onesided && what.inverse);
  what.length = node.has(1) ? node.whole(1, "dft_length") : what.complex_out ? what.given : 2 * (what.given - 1);
  if (what.length < 1) node.fail(fmt::format("dft_length = {} must be at least 1", what.length));
  what.kept = onesided && !what.inverse ? what.length / 2 + 1 : what.length;
  Extents order;
  for (std::int64_t i = 0; i < rank; ++i) order.push_back(i);
  std::swap(order[static_cast<std::size_t>(axis)], order[static_cast<std::size_t>(rank - 2)]);
  const auto turned = [&](const Value& value) {
    return axis == rank - 2 ? value : node.emit("Transpose", {value}, {{"perm", order}});
  };
  return {turned(transformed(node, turned(x), what))};
}

/// Frames of the signal [batch, time, parts], each times the window, transformed.
Outputs stft(const NodeContext& node) {
  Value x = node.input(0);
  if (x.shape().rank() == 2) x = reshaped(node, x, {x.shape()[0], x.shape()[1], 1});
  if (x.shape().rank() != 3) node.fail("expects a signal [batch, time, 1 or 2]");
  Transform what;
  what.complex_in = is_complex(node, x);
  const std::int64_t step = node.whole(1, "frame_step");
  if (!node.has(2) && !node.has(3)) node.fail("has neither a window nor a frame_length");
  what.given = what.length = node.has(3) ? node.whole(3, "frame_length") : node.input(2).shape().elements();
  if (step < 1 || what.length < 1 || what.length > x.shape()[1]) {
    node.fail(fmt::format("frames of {} every {} do not fit a signal of {} steps", what.length, step, x.shape()[1]));
  }
  const bool onesided = node.integer("onesided", 1) != 0;
  if (onesided && what.complex_in) node.fail("onesided is for real signals");
  what.kept = onesided ? what.length / 2 + 1 : what.length;
  const std::int64_t frames = 1 + (x.shape()[1] - what.length) / step;
  std::vector<std::int64_t> places;
  for (std::int64_t frame = 0; frame < frames; ++frame) {
    for (std::int64_t i = 0; i < what.length; ++i) places.push_back(frame * step + i);
  }
  const Value indices = node.constant(Tensor::of<std::int64_t>({frames, what.length}, places));
  Value framed = node.emit("Gather", {x, indices}, {{"axis", std::int64_t{1}}});
  if (node.has(2)) {
    if (node.input(2).shape() != Shape{what.length}) {
      node.fail(fmt::format("its window is {}, its frames are of {}", node.input(2).shape().to_string(), what.length));
    }
    framed = node.emit("Mul", {framed, reshaped(node, node.input(2), {what.length, 1})});
  }
  return {transformed(node, framed, what)};
}

/// A weighted sum of cosines.
Rule window(double first, double second, double third) {
  return [=](const NodeContext& node) -> Outputs {
    const std::int64_t size = node.whole(0, "size");
    if (size < 1 || size > kMostOfMatrix) node.fail(fmt::format("size = {} must be from 1 to {}", size, kMostOfMatrix));
    const std::int64_t period = node.integer("periodic", 1) != 0 ? size : std::max<std::int64_t>(1, size - 1);
    std::vector<double> values;
    for (std::int64_t i = 0; i < size; ++i) {
      const double angle = 2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(period);
      values.push_back(first - second * std::cos(angle) + third * std::cos(2 * angle));
    }
    const auto dtype = dtype_of(static_cast<ElementType>(node.integer("output_datatype", 1)));
    if (!dtype) node.fail("output_datatype is a type that has no place here");
    return {node.constant(Tensor::of<double>({size}, values).cast(*dtype))};
  };
}

/// Triangles over the bins of a spectrum, equally wide in mel (O'Shaughnessy 1987).
Outputs mel_weight_matrix(const NodeContext& node) {
  const std::int64_t bands = node.whole(0, "num_mel_bins");
  const std::int64_t length = node.whole(1, "dft_length");
  const std::int64_t rate = node.whole(2, "sample_rate");
  const double lowest = node.number(3, "lower_edge_hertz");
  const double highest = node.number(4, "upper_edge_hertz");
  const std::int64_t bins = length / 2 + 1;
  if (bands < 1 || length < 1 || rate < 1 || bands > kMostOfMatrix / bins) node.fail("has sizes that cannot be");
  if (!(lowest >= 0 && highest > lowest)) node.fail(fmt::format("from {} to {} hertz there is no band", lowest, highest));
  constexpr double kMelScale = 2595;
  constexpr double kCorner = 700;
  const auto mel = [](double hertz) { return kMelScale * std::log10(1 + hertz / kCorner); };
  const auto bin_of = [&](std::int64_t edge) {
    const double at = mel(lowest) + static_cast<double>(edge) * (mel(highest) - mel(lowest)) / static_cast<double>(bands + 2);
    const double hertz = kCorner * (std::pow(10, at / kMelScale) - 1);
    return static_cast<std::int64_t>(std::floor(static_cast<double>(length + 1) * hertz / static_cast<double>(rate)));
  };
  Tensor result(DType::f32, {bins, bands});
  const auto weights = result.values<float>();
  for (std::int64_t band = 0; band < bands; ++band) {
    const std::int64_t low = bin_of(band);
    const std::int64_t middle = bin_of(band + 1);
    const std::int64_t high = bin_of(band + 2);
    const auto put = [&](std::int64_t bin, double weight) {
      if (bin < bins) weights[static_cast<std::size_t>(bin * bands + band)] = static_cast<float>(weight);
    };
    if (low == middle) put(middle, 1);
    for (std::int64_t bin = low; bin <= middle && low < middle; ++bin) {
      put(bin, static_cast<double>(bin - low) / static_cast<double>(middle - low));
    }
    for (std::int64_t bin = middle; bin < high; ++bin) {
      put(bin, static_cast<double>(high - bin) / static_cast<double>(high - middle));
    }
  }
  const auto dtype = dtype_of(static_cast<ElementType>(node.integer("output_datatype", 1)));
  if (!dtype) node.fail("output_datatype is a type that has no place here");
  return {node.constant(result.cast(*dtype))};
}

}  // namespace

void add_signal_rules(Rules& rules) {
  rules["DFT"] = dft;
  rules["STFT"] = stft;
  rules["HannWindow"] = window(0.5, 0.5, 0);
  rules["HammingWindow"] = window(25.0 / 46, 21.0 / 46, 0);
  rules["BlackmanWindow"] = window(0.42, 0.5, 0.08);
  rules["MelWeightMatrix"] = mel_weight_matrix;
}

}  // namespace neurons::onnx
