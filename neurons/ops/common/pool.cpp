#include "neurons/ops/common/pool.hpp"

#include <cmath>
#include <utility>

#include "neurons/ops/common/channels.hpp"
#include "neurons/ops/common/emit.hpp"

namespace neurons::ops {
namespace {

/// Windows that begin in the padding may step over a small input.
void require_inputs(const InferContext& context, const kernels::PoolShape& shape, std::size_t axis, std::size_t spatial) {
  for (std::int64_t o = 0; o < shape.output[axis]; ++o) {
    if (shape.inside(axis, o).count() > 0) continue;
    context.fail("window {} of spatial axis {} sees padding alone; pads must be smaller than the kernel", o, spatial);
  }
}

}  // namespace

ResolvedPool resolve_pool(const InferContext& context, const PoolOptions& options, const Shape& x) {
  const int rank = x.rank() - 2;
  if (rank < 1 || rank > 3) {
    context.fail("expects x [batch, {}]",
                 options.channels_last ? "1 to 3 spatial axes, channels" : "channels, 1 to 3 spatial axes");
  }
  if (options.kernel_shape.empty()) context.fail("expects the window's extents (kernel_shape)");
  const Shape first = options.channels_last ? channels_first(x) : x;
  const auto window = resolve_window(context, options, options.kernel_shape, first.extents().subspan(2), options.ceil_mode);
  ResolvedPool pool;
  pool.shape.batch = first[0];
  pool.shape.channels = first[1];
  std::vector<std::int64_t> y{first[0], first[1]};
  for (std::size_t i = 0; i < window.size(); ++i) {
    const std::size_t axis = 3 - window.size() + i;
    pool.shape.input[axis] = window[i].input;
    pool.shape.output[axis] = window[i].output;
    pool.shape.kernel[axis] = window[i].kernel;
    pool.shape.stride[axis] = window[i].stride;
    pool.shape.dilation[axis] = window[i].dilation;
    pool.shape.pad[axis] = window[i].pad_begin;
    pool.shape.pad_end[axis] = window[i].pad_end;
    require_inputs(context, pool.shape, axis, i);
    y.push_back(window[i].output);
  }
  pool.y = Shape(std::span<const std::int64_t>(y));
  if (options.channels_last) pool.y = channels_last(pool.y);
  return pool;
}

ResolvedPool resolve_pool(const PoolOptions& options, const Shape& x) {
  const OpDef op;  // its name would be for messages
  const Options none;
  return resolve_pool({op, none, {}, {}}, options, x);
}

Shape pool_input(const PoolOptions& options, const Shape& y, std::span<const std::int64_t> extents) {
  std::vector<std::int64_t> x{y[0]};
  if (!options.channels_last) x.push_back(y[1]);
  x.insert(x.end(), extents.begin(), extents.end());
  if (options.channels_last) x.push_back(y[-1]);
  return Shape(std::span<const std::int64_t>(x));
}

void for_each_window(const kernels::PoolShape& shape, bool channels_last, const std::function<void(const PoolWindow&)>& visit) {
  const auto place = [&](std::int64_t image, std::int64_t channel, std::int64_t pixel, std::int64_t pixels) {
    return static_cast<std::size_t>(channels_last ? (image * pixels + pixel) * shape.channels + channel
                                                  : (image * shape.channels + channel) * pixels + pixel);
  };
  std::vector<std::size_t> places;
  for (std::int64_t i = 0; i < shape.batch * shape.channels * shape.output_pixels(); ++i) {
    const std::int64_t o = i % shape.output_pixels();
    const std::int64_t channel = i / shape.output_pixels() % shape.channels;
    const std::int64_t image = i / shape.output_pixels() / shape.channels;
    const std::int64_t at[] = {o / shape.output[2] / shape.output[1], o / shape.output[2] % shape.output[1], o % shape.output[2]};
    places.clear();
    std::int64_t padded = 0;
    for (std::int64_t t = 0; t < shape.taps(); ++t) {
      const std::int64_t tap[] = {t / shape.kernel[2] / shape.kernel[1], t / shape.kernel[2] % shape.kernel[1],
                                  t % shape.kernel[2]};
      bool in_input = true;
      bool in_padded = true;
      std::int64_t pixel = 0;
      for (std::size_t axis = 0; axis < 3; ++axis) {
        const std::int64_t q = at[axis] * shape.stride[axis] + tap[axis] * shape.dilation[axis] - shape.pad[axis];
        in_input = in_input && q >= 0 && q < shape.input[axis];
        in_padded = in_padded && q < shape.input[axis] + shape.pad_end[axis];
        pixel = pixel * shape.input[axis] + q;
      }
      padded += in_padded ? 1 : 0;
      if (in_input) places.push_back(place(image, channel, pixel, shape.input_pixels()));
    }
    visit({place(image, channel, o, shape.output_pixels()), places, padded});
  }
}

std::size_t largest_in(const PoolWindow& window, const std::vector<double>& x) {
  std::size_t best = window.x.front();
  for (const std::size_t place : window.x) {
    if (x[place] > x[best] || std::isnan(x[place])) best = place;
  }
  return best;
}

double pool_flops(const ResolvedPool& pool) {
  return static_cast<double>(pool.y.elements()) * static_cast<double>(pool.shape.taps());
}

std::string refuse_pool(const InferContext& context, const PoolOptions& options) {
  if (context.dtype() != DType::f32) return "only f32";
  return options.channels_last ? "" : "only channels last";
}

std::vector<Value> emit_channels_last(const RewriteContext& context) {
  std::vector<Value> inputs;
  for (const Value& value : context.inputs) inputs.push_back(to_channels_last(value));
  const Options options = context.options.with({{"channels_last", true}});
  std::vector<Value> outputs = context.graph.emit_all(context.op, inputs, options, context.name);
  for (Value& output : outputs) output = to_channels_first(output);
  return outputs;
}

void require_norm(const InferContext& context, std::int64_t p) {
  if (p < 1) context.fail("p = {}, expected at least 1", p);
  if (context.dtype() != DType::f32 && context.dtype() != DType::f64) context.fail("expects floats; Cast x to f32 first");
}

OpDef global_pool(std::string name, std::string summary, int since, std::string pool, const Options& defaults) {
  OpDef op;
  op.default_options = defaults;
  op.name = std::move(name);
  op.summary = std::move(summary);
  op.source = "https://onnx.ai/onnx/operators/onnx__" + op.name + ".html";
  op.infer = [](const InferContext& context) -> std::vector<TensorType> {
    const Shape& x = context.shape(0);
    if (x.rank() < 3 || x.rank() > 5) context.fail("expects x [batch, channels, 1 to 3 spatial axes]");
    Shape y = x;
    for (int axis = 2; axis < x.rank(); ++axis) {
      if (x[axis] == 0) context.fail("spatial axis {} is empty", axis - 2);
      y = y.with(axis, 1);
    }
    return {{context.dtype(), y}};
  };
  op.decompose = [pool = std::move(pool)](const RewriteContext& context) -> std::vector<Value> {
    const std::vector<std::int64_t> extents = extents_of(context.inputs[0].shape());
    Attributes attributes = context.options.attributes();
    attributes.push_back({"kernel_shape", std::vector<std::int64_t>(extents.begin() + 2, extents.end())});
    return {emit_with(pool, {context.inputs[0]}, attributes)};
  };
  op.flops = [](const InferContext& context) { return static_cast<double>(context.shape(0).elements()); };
  op.onnx = {{op.name, since, ""}};
  op.samples = [defaults] {
    std::vector<Sample> samples;
    for (const Shape& shape : {Shape{2, 5, 3, 4}, Shape{3, 17, 7}, Shape{1, 2, 2, 3, 2}, Shape{2, 3, 1, 1}, Shape{0, 3, 4, 4}}) {
      samples.push_back({{{{DType::f32, shape}, Sample::Fill::distinct}}, defaults, shape.to_string()});
    }
    return samples;
  };
  return op;
}

std::vector<PoolSample> pool_samples() {
  using List = std::vector<std::int64_t>;
  struct Case {
    Shape x;
    List kernel, strides, pads, dilations;
    bool ceil_mode;
    const char* note;
  };
  const std::vector<Case> cases = {
      {{2, 17, 6, 8}, {2, 2}, {2, 2}, {}, {}, false, "two by two"},
      {{1, 1, 1, 1}, {1, 1}, {}, {}, {}, false, "one number"},
      {{2, 3, 7, 9}, {3, 2}, {1, 2}, {0, 1, 2, 0}, {}, false, "windows meet, lopsided pads"},
      {{1, 67, 3, 4}, {3, 3}, {2, 2}, {1, 1, 1, 1}, {}, true, "ceil mode, several vectors of channels"},
      {{2, 4, 6, 7}, {2, 2}, {3, 4}, {}, {}, true, "a last window beyond the input, gaps"},
      {{1, 33, 8, 9}, {3, 2}, {2, 1}, {2, 1, 1, 1}, {2, 3}, false, "dilations"},
      {{3, 5, 11}, {4}, {3}, {2, 1}, {2}, true, "one axis"},
      {{1, 2, 5, 4, 6}, {2, 3, 2}, {2, 1, 2}, {1, 0, 0, 0, 1, 1}, {1, 1, 2}, false, "three axes"},
      {{2, 19, 4, 5}, {4, 5}, {}, {}, {}, false, "the whole image"},
      {{0, 3, 5, 5}, {2, 2}, {2, 2}, {}, {}, false, "no images"},
      {{2, 0, 5, 5}, {2, 2}, {}, {}, {}, false, "no channels"},
  };
  std::vector<PoolSample> samples;
  const auto add = [&](const PoolOptions& options, const Shape& x, const std::string& note) {
    samples.push_back({options, x, note});
    samples.push_back({options, channels_last(x), note + ", channels last"});
    samples.back().options.channels_last = true;
  };
  for (const Case& c : cases) {
    PoolOptions options;
    options.kernel_shape = c.kernel;
    options.strides = c.strides;
    options.pads = c.pads;
    options.dilations = c.dilations;
    options.ceil_mode = c.ceil_mode;
    add(options, c.x, c.note);
  }
  for (const char* pad : {"SAME_UPPER", "SAME_LOWER", "VALID"}) {
    PoolOptions options;
    options.auto_pad = pad;
    options.kernel_shape = {4, 3};
    options.strides = {3, 2};
    add(options, {2, 3, 7, 8}, pad);
  }
  return samples;
}

}  // namespace neurons::ops
