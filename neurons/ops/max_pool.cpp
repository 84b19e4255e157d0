#include "neurons/ops/common/pool.hpp"

namespace neurons::ops {
namespace {

struct MaxPoolOptions : PoolOptions {
  std::int64_t storage_order = 0;  ///< of the places: 0 counts the last spatial axis fastest, 1 the first
  bool indices = false;            ///< whether there is a second output, the places of the maxima

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    PoolOptions::fields(self, visit);
    visit("storage_order", self.storage_order);
    visit("indices", self.indices);
  }
};

std::vector<TensorType> infer(const InferContext& context) {
  const auto& options = context.as<MaxPoolOptions>();
  if (options.storage_order != 0 && options.storage_order != 1) {
    context.fail("storage_order = {}, expected 0 or 1", options.storage_order);
  }
  const Shape y = resolve_pool(context, options, context.shape(0)).y;
  if (options.indices) return {{context.dtype(), y}, {DType::i64, y}};
  return {{context.dtype(), y}};
}

/// A place in x, counted as ONNX wants it: channels first, and in an image with the last spatial axis fastest or the first.
std::size_t ordered(const kernels::PoolShape& shape, std::size_t place, const MaxPoolOptions& options) {
  const auto pixels = static_cast<std::size_t>(shape.input_pixels());
  if (options.channels_last) {
    const auto channels = static_cast<std::size_t>(shape.channels);
    place = (place / channels / pixels * channels + place % channels) * pixels + place / channels % pixels;
  }
  if (options.storage_order == 0) return place;
  std::size_t rest = place % pixels;
  std::size_t pixel = 0;
  std::size_t stride = pixels;
  for (std::size_t axis = 3; axis-- > 0;) {
    const auto extent = static_cast<std::size_t>(shape.input[axis]);
    stride /= extent;
    pixel += rest % extent * stride;
    rest /= extent;
  }
  return place - place % pixels + pixel;
}

void reference(const ReferenceContext& context) {
  const auto& options = context.as<MaxPoolOptions>();
  const ReferenceTensor& x = *context.inputs[0];
  const kernels::PoolShape shape = resolve_pool(options, x.type.shape).shape;
  for_each_window(shape, options.channels_last, [&](const PoolWindow& window) {
    const std::size_t best = largest_in(window, x.data);
    context.outputs[0].data[window.y] = x.data[best];
    if (options.indices) context.outputs[1].data[window.y] = static_cast<double>(ordered(shape, best, options));
  });
}

struct MaxPoolCall {
  kernels::PoolShape shape;
  const float* x = nullptr;
  float* y = nullptr;
  std::int64_t* places = nullptr;  ///< null: nobody asks where the maxima are
  bool columns_first = false;
};
void run(const MaxPoolCall& call, std::byte*, Worker worker) noexcept {
  if (call.places == nullptr) return kernels::max_pool(call.shape, call.x, call.y, worker);
  kernels::max_pool_places(call.shape, call.columns_first, call.x, call.y, call.places, worker);
}

std::string refuse(const InferContext& context) {
  const auto& options = context.as<MaxPoolOptions>();
  const bool large = options.indices && resolve_pool(options, context.shape(0)).shape.input_pixels() > INT32_MAX;
  return large ? "finds places in images of less than 2^31 pixels" : refuse_pool(context, options);
}

Call prepare(const PrepareContext& context) {
  const auto& options = context.as<MaxPoolOptions>();
  const Buffer& x = context.inputs[0];
  MaxPoolCall call{resolve_pool(options, x.type.shape).shape, x.as<float>(), context.outputs[0].as<float>()};
  if (options.indices) call.places = context.outputs[1].as<std::int64_t>();
  call.columns_first = options.storage_order == 1;
  return Call::of<run>(call, true);
}

std::vector<Sample> samples() {
  std::vector<Sample> result;
  const auto with = [](const PoolOptions& pool, std::int64_t storage_order, bool indices) {
    MaxPoolOptions options;
    static_cast<PoolOptions&>(options) = pool;
    options.storage_order = storage_order;
    options.indices = indices;
    return options;
  };
  for (const PoolSample& sample : pool_samples()) {
    const Sample::Input x{{DType::f32, sample.x}, Sample::Fill::distinct};
    result.push_back({{x}, with(sample.options, 0, false), sample.note});
    result.push_back({{x}, with(sample.options, 0, true), sample.note + ", places"});
    result.push_back({{x}, with(sample.options, 1, true), sample.note + ", places by columns"});
  }
  PoolOptions two;
  two.kernel_shape = {2};
  result.push_back({{{{DType::u8, {2, 3, 5}}, Sample::Fill::index, 9}}, with(two, 0, true), "bytes"});
  return result;
}

}  // namespace

std::vector<OpDef> max_pool() {
  OpDef op;
  op.name = "MaxPool";
  op.summary = "y[n, c, p] = the largest x[n, c, p · stride + t · dilation - pad] over the window's taps t; NaN is the largest";
  op.source = "https://onnx.ai/onnx/operators/onnx__MaxPool.html";
  op.default_options = MaxPoolOptions{};
  op.infer = infer;
  op.reference = reference;
  op.gradient = [](GradientContext& context) {
    const PoolOptions options = context.as<MaxPoolOptions>();
    if (context.has_gradient(0)) {
      context.set(0, context.graph().emit("MaxPoolGradient", {context.input(0), context.gradient()}, options));
    }
  };
  op.kernels = {{"max_pool", refuse, prepare}};
  op.simplify = pool_channels_last<MaxPoolOptions>;
  op.flops = [](const InferContext& context) {
    return pool_flops(resolve_pool(context, context.as<MaxPoolOptions>(), context.shape(0)));
  };
  op.onnx = {{"MaxPool", 1, ""}};
  op.samples = samples;
  return {std::move(op)};
}

}  // namespace neurons::ops
