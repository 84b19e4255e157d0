#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "neurons/graph/gradients.hpp"
#include "neurons/kernels/attention.hpp"
#include "neurons/ops/common/attention.hpp"
#include "neurons/ops/common/only_f32.hpp"

namespace neurons::ops {
namespace {

constexpr std::size_t kMask = 3;  // of the forward op

AttentionSizes sizes_of(std::span<const TensorType> inputs, const Options& options) {
  return {inputs[0].shape, inputs[1].shape, inputs[2].shape, options.as<PlacedAttentionOptions>()};
}

AttentionSizes checked(const InferContext& context) {
  check_attention(context, context.shape(0), context.shape(1), context.shape(2), context.as<PlacedAttentionOptions>());
  if (context.as<PlacedAttentionOptions>().past < 0) context.fail("past must be at least 0");
  return sizes_of(context.inputs, context.options);
}

/// Element strides of a mask along [batch, heads, queries, keys], 0 where it does not tell them apart.
std::array<std::int64_t, 4> mask_strides(const Shape& mask) {
  std::array<std::int64_t, 4> result{};
  const auto own = mask.strides();
  const auto rank = static_cast<std::size_t>(mask.rank());
  for (std::size_t axis = 0; axis < rank; ++axis) {
    if (mask[static_cast<int>(axis)] != 1) result[result.size() - rank + axis] = own[axis];
  }
  return result;
}

// ---------------------------------------------------------------- kernels

template <typename T>
kernels::Heads<T> heads_of(const Buffer& buffer, const HeadsShape& shape) {
  return {buffer.as<float>(), shape.batch_stride, shape.head_stride, shape.step_stride};
}

kernels::Attention call_of(const PrepareContext& context, const Buffer& mask) {
  const auto& options = context.as<PlacedAttentionOptions>();
  const AttentionSizes sizes(context.inputs[0].type.shape, context.inputs[1].type.shape, context.inputs[2].type.shape, options);
  kernels::Attention call;
  call.batch = sizes.q.batch;
  call.heads = sizes.q.heads;
  call.kv_heads = sizes.k.heads;
  call.queries = sizes.q.steps;
  call.keys = sizes.k.steps;
  call.size = sizes.q.size;
  call.value_size = sizes.v.size;
  call.scale = static_cast<float>(sizes.scale);
  call.softcap = options.softcap;
  call.causal = options.is_causal;
  call.past = options.past;
  call.q = heads_of<const float>(context.inputs[0], sizes.q);
  call.k = heads_of<const float>(context.inputs[1], sizes.k);
  call.v = heads_of<const float>(context.inputs[2], sizes.v);
  if (mask) {
    const auto strides = mask_strides(mask.type.shape);
    call.mask = {mask.data, mask.type.dtype == DType::boolean, strides[0], strides[1], strides[2], strides[3]};
  }
  return call;
}

void run(const kernels::Attention& call, std::byte* scratch, Worker worker) noexcept { kernels::attention(call, scratch, worker); }
void run_gradient(const kernels::AttentionGradient& call, std::byte* scratch, Worker worker) noexcept {
  kernels::attention_gradient(call, scratch, worker);
}

Call prepare(const PrepareContext& context) {
  kernels::Attention call = call_of(context, context.input(kMask));
  const HeadsShape y(context.outputs[0].type.shape, call.heads);
  call.y = heads_of<float>(context.outputs[0], y);
  call.log_sum_exp = context.outputs[1].as<float>();
  return Call::of<run>(call, true, kernels::scratch_bytes(call));
}

// The inputs of the gradient.
enum GradientInput : std::size_t { kQ, kK, kV, kY, kSums, kDy, kGradientMask, kDsums };

Call prepare_gradient(const PrepareContext& context) {
  kernels::AttentionGradient call;
  call.forward = call_of(context, context.input(kGradientMask));
  const HeadsShape q(context.inputs[kQ].type.shape, call.forward.heads);
  const HeadsShape k(context.inputs[kK].type.shape, call.forward.kv_heads);
  const HeadsShape v(context.inputs[kV].type.shape, call.forward.kv_heads);
  const HeadsShape y(context.inputs[kY].type.shape, call.forward.heads);
  call.forward.y = heads_of<float>(context.inputs[kY], y);
  call.forward.log_sum_exp = context.inputs[kSums].as<float>();
  call.dy = heads_of<const float>(context.inputs[kDy], y);
  call.dlog_sum_exp = context.input(kDsums).as<float>();
  call.dq = heads_of<float>(context.outputs[0], q);
  call.dk = heads_of<float>(context.outputs[1], k);
  call.dv = heads_of<float>(context.outputs[2], v);
  return Call::of<run_gradient>(call, true, kernels::scratch_bytes(call));
}

// ---------------------------------------------------------------- references

/// The rows of scores of a call, in double precision.
class Rows {
 public:
  Rows(const ReferenceContext& context, const ReferenceTensor* mask)
      : sizes(context.inputs[0]->type.shape, context.inputs[1]->type.shape, context.inputs[2]->type.shape,
              context.as<PlacedAttentionOptions>()),
        softcap_(static_cast<double>(context.as<PlacedAttentionOptions>().softcap)),
        q_(context.inputs[0]->data),
        k_(context.inputs[1]->data),
        mask_(mask) {}

  const AttentionSizes sizes;

  std::int64_t kv_head(std::int64_t head) const { return head / (sizes.q.heads / sizes.k.heads); }
  std::size_t row(std::int64_t b, std::int64_t h, std::int64_t t) const {
    return static_cast<std::size_t>((b * sizes.q.heads + h) * sizes.q.steps + t);
  }
  /// Scores of a query; -inf where it does not see the key. `inner` (if not null): what the softcap saw, over the softcap, by tanh.
  std::vector<double> scores(std::int64_t b, std::int64_t h, std::int64_t t, std::vector<double>* inner = nullptr) const {
    std::vector<double> result(static_cast<std::size_t>(sizes.k.steps), -std::numeric_limits<double>::infinity());
    if (inner != nullptr) inner->assign(result.size(), 0);
    for (std::int64_t j = 0; j < sizes.visible(t); ++j) {
      double sum = 0;
      for (std::int64_t i = 0; i < sizes.q.size; ++i) {
        sum += q_[place(sizes.q.at(b, h, t) + i)] * k_[place(sizes.k.at(b, kv_head(h), j) + i)];
      }
      sum *= sizes.scale;
      if (softcap_ != 0) {
        const double bent = std::tanh(sum / softcap_);
        if (inner != nullptr) (*inner)[place(j)] = bent;
        sum = softcap_ * bent;
      }
      result[place(j)] = sum + masked(b, h, t, j);
    }
    return result;
  }
  /// Probabilities from scores, and log Σ exp: 0 where there are none.
  static double soften(std::vector<double>& scores) {
    double largest = -std::numeric_limits<double>::infinity();
    for (const double score : scores) largest = std::max(largest, score);
    if (std::isinf(largest)) {
      std::ranges::fill(scores, 0.0);
      return 0;
    }
    double sum = 0;
    for (double& score : scores) sum += score = std::exp(score - largest);
    for (double& score : scores) score /= sum;
    return largest + std::log(sum);
  }
  static std::size_t place(std::int64_t index) { return static_cast<std::size_t>(index); }

 private:
  double masked(std::int64_t b, std::int64_t h, std::int64_t t, std::int64_t j) const {
    if (mask_ == nullptr) return 0;
    const auto strides = mask_strides(mask_->type.shape);
    const double value = mask_->data[place(b * strides[0] + h * strides[1] + t * strides[2] + j * strides[3])];
    if (mask_->type.dtype != DType::boolean) return value;
    return value != 0 ? 0 : -std::numeric_limits<double>::infinity();
  }
  double softcap_;
  const std::vector<double>& q_;
  const std::vector<double>& k_;
  const ReferenceTensor* mask_;
};

const ReferenceTensor* optional_input(const ReferenceContext& context, std::size_t index) {
  return context.inputs.size() > index ? context.inputs[index] : nullptr;
}

template <typename Visit>
void for_each_row(const AttentionSizes& sizes, Visit visit) {
  for (std::int64_t b = 0; b < sizes.q.batch; ++b) {
    for (std::int64_t h = 0; h < sizes.q.heads; ++h) {
      for (std::int64_t t = 0; t < sizes.q.steps; ++t) visit(b, h, t);
    }
  }
}

void reference(const ReferenceContext& context) {
  const Rows rows(context, optional_input(context, kMask));
  const AttentionSizes& sizes = rows.sizes;
  const auto& v = context.inputs[2]->data;
  for_each_row(sizes, [&](std::int64_t b, std::int64_t h, std::int64_t t) {
    auto p = rows.scores(b, h, t);
    context.outputs[1].data[rows.row(b, h, t)] = Rows::soften(p);
    for (std::int64_t i = 0; i < sizes.v.size; ++i) {
      double sum = 0;
      for (std::int64_t j = 0; j < sizes.k.steps; ++j) {
        sum += p[Rows::place(j)] * v[Rows::place(sizes.v.at(b, rows.kv_head(h), j) + i)];
      }
      context.outputs[0].data[Rows::place(sizes.y.at(b, h, t) + i)] = sum;
    }
  });
}

void reference_gradient(const ReferenceContext& context) {
  const Rows rows(context, optional_input(context, kGradientMask));
  const AttentionSizes& sizes = rows.sizes;
  const bool capped = context.as<PlacedAttentionOptions>().softcap != 0;
  const auto& q = context.inputs[kQ]->data;
  const auto& k = context.inputs[kK]->data;
  const auto& v = context.inputs[kV]->data;
  const auto& y = context.inputs[kY]->data;
  const auto& dy = context.inputs[kDy]->data;
  const ReferenceTensor* dsums = optional_input(context, kDsums);
  for (auto& output : context.outputs) std::ranges::fill(output.data, 0.0);
  for_each_row(sizes, [&](std::int64_t b, std::int64_t h, std::int64_t t) {
    std::vector<double> bent;
    auto p = rows.scores(b, h, t, &bent);
    const double sum = context.inputs[kSums]->data[rows.row(b, h, t)];
    for (double& value : p) value = std::exp(value - sum);
    double offset = dsums == nullptr ? 0 : -dsums->data[rows.row(b, h, t)];
    for (std::int64_t i = 0; i < sizes.v.size; ++i) {
      const std::size_t at = Rows::place(sizes.y.at(b, h, t) + i);
      offset += y[at] * dy[at];
    }
    for (std::int64_t j = 0; j < sizes.k.steps; ++j) {
      const double share = p[Rows::place(j)];
      double slope = -offset;
      for (std::int64_t i = 0; i < sizes.v.size; ++i) {
        const std::size_t at = Rows::place(sizes.v.at(b, rows.kv_head(h), j) + i);
        const double arriving = dy[Rows::place(sizes.y.at(b, h, t) + i)];
        slope += arriving * v[at];
        context.outputs[2].data[at] += share * arriving;
      }
      slope *= share * sizes.scale * (capped ? 1 - bent[Rows::place(j)] * bent[Rows::place(j)] : 1);
      for (std::int64_t i = 0; i < sizes.q.size; ++i) {
        const std::size_t at_q = Rows::place(sizes.q.at(b, h, t) + i);
        const std::size_t at_k = Rows::place(sizes.k.at(b, rows.kv_head(h), j) + i);
        context.outputs[0].data[at_q] += slope * k[at_k];
        context.outputs[1].data[at_k] += slope * q[at_q];
      }
    }
  });
}

// ---------------------------------------------------------------- gradients

/// The gradient of attention in plain ops: dq, dk, dv and, where the mask is learnt, its own, from dy and (if given) d log Σ exp.
std::vector<Value> plain_gradient(std::span<const Value> inputs, bool learns_mask, const PlacedAttentionOptions& options, Value dy,
                                  Value dsums) {
  std::vector<Value> operands;  // each a value of its own, though the same tensor may be several of them
  for (const Value& input : inputs.first(learns_mask ? 4 : 3)) operands.push_back(dy.graph().emit("Identity", {input}));
  const Value mask = learns_mask ? operands[kMask] : inputs[kMask];
  const auto results = plain_attention(operands[0], operands[1], operands[2], mask, options);
  auto slopes = gradients(results[0], operands, dy);
  if (!dsums) return slopes;
  const auto more = gradients(results[1], operands, dsums);
  for (std::size_t i = 0; i < slopes.size(); ++i) slopes[i] = slopes[i] + more[i];
  return slopes;
}

void gradient(GradientContext& context) {
  const Value mask = context.has_input(kMask) ? context.input(kMask) : Value{};
  const Value dsums = context.has_gradient(1) ? context.gradient(1) : Value{};
  std::vector<Value> slopes;
  if (mask && context.wants(kMask)) {  // whose gradient is a matrix of all pairs
    const std::array inputs{context.input(0), context.input(1), context.input(2), mask};
    slopes = plain_gradient(inputs, true, context.as<PlacedAttentionOptions>(), context.gradient(0), dsums);
  } else {
    const OpDef& op = context.graph().table()->find("ScaledDotProductAttentionGradient");
    const std::array inputs{context.input(0),
                            context.input(1),
                            context.input(2),
                            context.output(0),
                            context.output(1),
                            context.gradient(0),
                            mask,
                            dsums};
    slopes = context.graph().emit_all(op, inputs, context.options());
  }
  for (std::size_t i = 0; i < slopes.size(); ++i) {
    if (context.wants(i)) context.set(i, slopes[i]);
  }
}

std::vector<Value> decompose_gradient(const RewriteContext& context) {
  const auto optional = [&](std::size_t index) { return context.inputs.size() > index ? context.inputs[index] : Value{}; };
  const std::array inputs{context.inputs[0], context.inputs[1], context.inputs[2], optional(kGradientMask)};
  return plain_gradient(inputs, false, context.options.as<PlacedAttentionOptions>(), context.inputs[kDy], optional(kDsums));
}

// ---------------------------------------------------------------- samples

struct SampleShape {
  Shape q, k, v;
  PlacedAttentionOptions options;
  const char* note;
  std::optional<TensorType> mask{};
};

PlacedAttentionOptions options_of(std::int64_t heads, std::int64_t kv_heads, bool causal = false, float softcap = 0,
                                  std::int64_t past = 0, float scale = 0) {
  PlacedAttentionOptions options;
  options.q_num_heads = heads;
  options.kv_num_heads = kv_heads;
  options.is_causal = causal;
  options.softcap = softcap;
  options.past = past;
  options.scale = scale;
  return options;
}

/// Too large for differences: its references are checked on smaller ones, its kernels against these.
bool is_large(const SampleShape& shape) { return shape.q.elements() * shape.k.elements() > 10000; }

const std::vector<SampleShape>& sample_shapes() {
  static const std::vector<SampleShape> kShapes = {
      {{2, 5, 6}, {2, 7, 6}, {2, 7, 6}, options_of(2, 2), "[batch, time, heads · size]"},
      {{2, 3, 5, 4}, {2, 3, 7, 4}, {2, 3, 7, 3}, options_of(0, 0), "[batch, heads, time, size], values of another size"},
      {{1, 5, 8}, {1, 2, 7, 2}, {1, 2, 7, 2}, options_of(4, 2), "shared keys, ranks 3 and 4"},
      {{2, 5, 6}, {2, 5, 6}, {2, 5, 6}, options_of(2, 2, true), "causal"},
      {{2, 3, 6}, {2, 7, 6}, {2, 7, 6}, options_of(2, 2, true, 0, 4), "causal behind a past"},
      {{1, 7, 4}, {1, 3, 4}, {1, 3, 4}, options_of(2, 2, true), "causal, more queries than keys"},
      {{2, 5, 6}, {2, 7, 6}, {2, 7, 6}, options_of(3, 3, false, 1.5F, 0, 0.7F), "softcap and scale"},
      {{2, 5, 6}, {2, 7, 6}, {2, 7, 6}, options_of(2, 2), "padding", TensorType{DType::boolean, {2, 1, 1, 7}}},
      {{2, 5, 6},
       {2, 7, 6},
       {2, 7, 6},
       options_of(2, 2, true, 2),
       "mask of bytes, causal, softcap",
       TensorType{DType::boolean, {5, 7}}},
      {{2, 5, 6}, {2, 7, 6}, {2, 7, 6}, options_of(2, 2), "rows without a key", TensorType{DType::boolean, {2, 1, 5, 1}}},
      {{2, 5, 6}, {2, 7, 3}, {2, 7, 3}, options_of(2, 1), "added mask", TensorType{DType::f32, {2, 5, 7}}},
      {{1, 70, 5}, {1, 300, 5}, {1, 300, 5}, options_of(1, 1), "several blocks of queries and keys"},
      {{1, 70, 5}, {1, 300, 5}, {1, 300, 5}, options_of(1, 1, true, 0, 230), "several blocks, causal"},
      {{1, 2, 66, 3},
       {1, 1, 270, 3},
       {1, 1, 270, 3},
       options_of(0, 0),
       "several blocks, masked",
       TensorType{DType::boolean, {66, 270}}},
      {{0, 3, 4}, {0, 3, 4}, {0, 3, 4}, options_of(2, 2), "no batch"},
      {{1, 0, 4}, {1, 3, 4}, {1, 3, 4}, options_of(2, 2), "no queries"}};
  return kShapes;
}

std::vector<Sample> samples() {
  std::vector<Sample> result;
  for (const SampleShape& shape : sample_shapes()) {
    Sample sample{{{{DType::f32, shape.q}}, {{DType::f32, shape.k}}, {{DType::f32, shape.v}}}, shape.options, shape.note};
    for (Sample::Input& input : sample.inputs) input.differentiate = !is_large(shape);
    if (shape.mask) {
      const bool boolean = shape.mask->dtype == DType::boolean;
      sample.inputs.push_back({*shape.mask, boolean ? Sample::Fill::boolean : Sample::Fill::normal, 1, {}, !boolean});
    }
    result.push_back(std::move(sample));
  }
  return result;
}

/// Numbers without a pattern, exact in their own type.
ReferenceTensor waves(const TensorType& type, double frequency) {
  ReferenceTensor result{type, std::vector<double>(static_cast<std::size_t>(type.shape.elements()))};
  for (std::size_t i = 0; i < result.data.size(); ++i) {
    const double value = std::sin(frequency * static_cast<double>(i + 1));
    result.data[i] = type.dtype == DType::boolean ? static_cast<double>(value > -0.5) : value;
  }
  return widen(narrow(result));
}

/// Of a forward pass: y and its sums are what they must be for q, k and v.
std::vector<Sample> gradient_samples() {
  std::vector<Sample> result;
  for (const SampleShape& shape : sample_shapes()) {
    const AttentionSizes sizes(shape.q, shape.k, shape.v, shape.options);
    const std::vector<ReferenceTensor> given{waves({DType::f32, shape.q}, 3), waves({DType::f32, shape.k}, 4),
                                             waves({DType::f32, shape.v}, 5), waves(shape.mask.value_or(TensorType{}), 6)};
    std::vector<ReferenceTensor> forward{waves({DType::f32, sizes.y_shape}, 1), waves({DType::f32, sizes.row_shape}, 1)};
    const std::vector<const ReferenceTensor*> inputs{&given[0], &given[1], &given[2], shape.mask ? &given[3] : nullptr};
    const Options options = shape.options;
    reference({options, inputs, forward});
    const auto fixed = [](const ReferenceTensor& tensor, bool present = true) {
      return Sample::Input{tensor.type, Sample::Fill::given, 1, narrow(tensor), false, present};
    };
    Sample sample{{fixed(given[0]), fixed(given[1]), fixed(given[2]), fixed(forward[0]), fixed(forward[1])}, options, shape.note};
    sample.inputs.push_back({{DType::f32, sizes.y_shape}, Sample::Fill::normal, 1, {}, !is_large(shape)});
    sample.inputs.push_back(fixed(given[3], shape.mask.has_value()));
    if (sizes.q.steps % 2 == 1) sample.inputs.push_back({{DType::f32, sizes.row_shape}});  // others have no slope of their sums
    result.push_back(std::move(sample));
  }
  return result;
}

double pair_flops(const InferContext& context, double of_size, double of_value_size) {
  const AttentionSizes sizes = sizes_of(context.inputs, context.options);
  return 2 * static_cast<double>(sizes.q.batch * sizes.q.heads) * sizes.pairs() *
         (of_size * static_cast<double>(sizes.q.size) + of_value_size * static_cast<double>(sizes.v.size));
}

}  // namespace

/// What ONNX's Attention comes down to. A query that sees no key gives 0: ONNX's formula would give NaN.
std::vector<OpDef> scaled_dot_product_attention() {
  OpDef op;
  op.name = "ScaledDotProductAttention";
  op.summary =
      "y = softmax(softcap(scale · q · kᵀ) + mask) · v for each head, and log Σ exp of each row of scores; inputs q, k, v, mask";
  op.source = "Vaswani et al., Attention Is All You Need, 2017; tiles: Dao et al., FlashAttention, 2022";
  op.default_options = PlacedAttentionOptions{};
  op.minimum_inputs = 3;
  op.maximum_inputs = 4;
  op.infer = [](const InferContext& context) -> std::vector<TensorType> {
    const AttentionSizes sizes = checked(context);
    check_attention_mask(context, kMask, sizes.score_shape());
    return {{context.dtype(), sizes.y_shape}, {context.dtype(), sizes.row_shape}};
  };
  op.gradient = gradient;
  op.decompose = [](const RewriteContext& context) {
    const Value mask = context.inputs.size() > kMask ? context.inputs[kMask] : Value{};
    return plain_attention(context.inputs[0], context.inputs[1], context.inputs[2], mask,
                           context.options.as<PlacedAttentionOptions>());
  };
  op.reference = reference;
  op.kernels = {{"tiles", only_f32, prepare}};
  op.flops = [](const InferContext& context) { return pair_flops(context, 1, 1); };
  op.samples = samples;

  OpDef back;
  back.name = "ScaledDotProductAttentionGradient";
  back.summary = "dq, dk and dv of ScaledDotProductAttention; inputs q, k, v, y, log Σ exp, dy, mask, d log Σ exp";
  back.source = op.source;
  back.default_options = op.default_options;
  back.minimum_inputs = 6;
  back.maximum_inputs = 8;
  back.infer = [](const InferContext& context) -> std::vector<TensorType> {
    const AttentionSizes sizes = checked(context);
    check_attention_mask(context, kGradientMask, sizes.score_shape());
    const TensorType y{context.dtype(), sizes.y_shape};
    const TensorType sums{context.dtype(), sizes.row_shape};
    if (context.inputs[kY] != y || context.inputs[kDy] != y) context.fail("expects y and dy {}", y.to_string());
    if (context.inputs[kSums] != sums || (context.has(kDsums) && context.inputs[kDsums] != sums)) {
      context.fail("expects sums {}", sums.to_string());
    }
    return {context.inputs[0], context.inputs[1], context.inputs[2]};
  };
  back.decompose = decompose_gradient;
  back.reference = reference_gradient;
  back.kernels = {{"tiles", only_f32, prepare_gradient}};
  back.flops = [](const InferContext& context) { return pair_flops(context, 3, 2); };
  back.samples = gradient_samples;
  return {std::move(op), std::move(back)};
}

}  // namespace neurons::ops
