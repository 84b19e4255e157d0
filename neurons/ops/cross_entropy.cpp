#include <algorithm>
#include <cmath>
#include <limits>

#include "neurons/kernels/rows.hpp"
#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/labels.hpp"
#include "neurons/ops/common/view.hpp"

namespace neurons::ops {
namespace {

struct CrossEntropyOptions {
  float label_smoothing = 0.0F;
  std::int64_t ignore_index = -100;

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("label_smoothing", self.label_smoothing);
    visit("ignore_index", self.ignore_index);
  }
};

/// Checks what forward and gradient share: a matrix [rows, classes], labels [rows], class weights [classes].
void require_inputs(const InferContext& context) {
  const float smoothing = context.as<CrossEntropyOptions>().label_smoothing;
  context.require_rank(0, 2);
  const Shape& shape = context.shape(0);
  if (context.dtype() != DType::f32) context.fail("expects f32 [rows, classes]");
  if (context.inputs[1] != TensorType{DType::i64, {shape[0]}}) context.fail("expects labels i64[{}]", shape[0]);
  if (context.has(2) && context.inputs[2] != TensorType{DType::f32, {shape[1]}}) {
    context.fail("expects class weights f32[{}]", shape[1]);
  }
  if (!(smoothing >= 0.0F && smoothing <= 1.0F)) context.fail("label_smoothing must be from 0 to 1");
}

void run(const kernels::CrossEntropyCall& call, std::byte*, Worker worker) noexcept { kernels::cross_entropy(call, worker); }

struct GradientCall {
  kernels::CrossEntropyCall call;
  const float* dlosses;
  float* dlogits;
};

void run_gradient(const GradientCall& gradient, std::byte*, Worker worker) noexcept {
  kernels::cross_entropy_gradient(gradient.call, gradient.dlosses, 1, gradient.dlogits, worker);
}

kernels::CrossEntropyCall base_call(const PrepareContext& context) {
  const auto& options = context.as<CrossEntropyOptions>();
  kernels::CrossEntropyCall call;
  call.rows = context.inputs[0].type.shape[0];
  call.classes = context.inputs[0].type.shape[1];
  call.labels = context.inputs[1].as<std::int64_t>();
  call.class_weights = context.input(2).as<float>();
  call.smoothing = options.label_smoothing;
  call.ignore_index = options.ignore_index;
  return call;
}

Call prepare(const PrepareContext& context) {
  kernels::CrossEntropyCall call = base_call(context);
  call.logits = context.inputs[0].as<float>();
  call.losses = context.outputs[0].as<float>();
  call.row_weights = context.outputs[1].as<float>();
  call.probabilities = context.outputs[2].as<float>();
  return Call::of<run>(call, true);
}

Call prepare_gradient(const PrepareContext& context) {
  kernels::CrossEntropyCall call = base_call(context);
  call.probabilities = context.inputs[0].as<float>();
  return Call::of<run_gradient>(GradientCall{call, context.inputs[3].as<float>(), context.outputs[0].as<float>()}, true);
}

/// What the references know of a row: the coefficient of -log p of each class.
struct Target {
  std::vector<double> coefficients;
  double weight = 0;  ///< that of the label's class; 0 where ignored
  bool bad = false;   ///< the label is neither a class nor to be ignored
};

Target target_of(const ReferenceContext& context, std::size_t row, std::size_t classes) {
  const auto& options = context.as<CrossEntropyOptions>();
  const double label = context.inputs[1]->data[row];
  Target target{std::vector<double>(classes, 0.0), 0, false};
  if (label == static_cast<double>(options.ignore_index)) return target;
  if (!(label >= 0 && label < static_cast<double>(classes))) return {target.coefficients, 0, true};
  const auto weight = [&](std::size_t c) {
    return context.inputs.size() > 2 && context.inputs[2] ? context.inputs[2]->data[c] : 1.0;
  };
  const auto smoothing = static_cast<double>(options.label_smoothing);
  for (std::size_t c = 0; c < classes; ++c) target.coefficients[c] = smoothing / static_cast<double>(classes) * weight(c);
  target.weight = weight(static_cast<std::size_t>(label));
  target.coefficients[static_cast<std::size_t>(label)] += (1 - smoothing) * target.weight;
  return target;
}

void reference(const ReferenceContext& context) {
  const auto& logits = context.inputs[0]->data;
  const auto rows = static_cast<std::size_t>(context.inputs[0]->type.shape[0]);
  const auto classes = static_cast<std::size_t>(context.inputs[0]->type.shape[1]);
  for (std::size_t r = 0; r < rows; ++r) {
    const double* x = logits.data() + r * classes;
    double* probabilities = context.outputs[2].data.data() + r * classes;
    double largest = -std::numeric_limits<double>::infinity();
    for (std::size_t c = 0; c < classes; ++c) largest = std::max(largest, x[c]);
    double sum = 0;
    for (std::size_t c = 0; c < classes; ++c) sum += probabilities[c] = std::exp(x[c] - largest);
    for (std::size_t c = 0; c < classes; ++c) probabilities[c] /= sum;
    const Target target = target_of(context, r, classes);
    double loss = target.bad ? std::numeric_limits<double>::quiet_NaN() : 0.0;
    for (std::size_t c = 0; c < classes; ++c) {
      if (target.coefficients[c] != 0) loss -= target.coefficients[c] * (x[c] - largest - std::log(sum));
    }
    context.outputs[0].data[r] = loss;
    context.outputs[1].data[r] = target.weight;
  }
}

void reference_gradient(const ReferenceContext& context) {
  const auto& probabilities = context.inputs[0]->data;
  const auto& dlosses = context.inputs[3]->data;
  const auto classes = static_cast<std::size_t>(context.inputs[0]->type.shape[1]);
  for (std::size_t r = 0; r < dlosses.size(); ++r) {
    const Target target = target_of(context, r, classes);
    double total = 0;
    for (const double coefficient : target.coefficients) total += coefficient;
    for (std::size_t c = 0; c < classes; ++c) {  // of an ignored row 0, whatever its probabilities are
      context.outputs[0].data[r * classes + c] =
          total == 0 ? 0.0 : dlosses[r] * (probabilities[r * classes + c] * total - target.coefficients[c]);
    }
  }
}

void gradient(GradientContext& context) {
  if (context.has_input(2) && context.wants(2)) fail_input("CrossEntropy: class weights are constants, they have no gradient");
  if (!context.wants(0)) return;
  const Value weights = context.has_input(2) ? context.input(2) : Value{};
  const Value probabilities = context.output(2);
  Value dlogits;
  if (context.has_gradient(0)) {
    dlogits = context.graph().emit("CrossEntropyGradient", {probabilities, context.input(1), weights, context.gradient(0)},
                                   context.options());
  }
  if (context.has_gradient(2)) {
    const Value through = context.graph().emit("SoftmaxGradient", {context.gradient(2), probabilities});
    dlogits = dlogits ? dlogits + through : through;
  }
  if (dlogits) {
    context.set(0, dlogits);
  } else {
    context.set_zero();  // the rows' weights know nothing of the logits
  }
}

/// dlogits = dloss · (p · Σ u - u), where u are the coefficients of -log p.
std::vector<Value> decompose_gradient(const RewriteContext& context) {
  const auto& options = context.options.as<CrossEntropyOptions>();
  const Value probabilities = context.inputs[0];
  const Value weights = context.inputs[2];
  const std::int64_t classes = probabilities.shape()[1];
  const double smoothing = options.label_smoothing;
  const Value mask = label_mask(context.inputs[1], classes, options.ignore_index);
  const Value used = sum_over(mask, {1}, true);
  Value target = mask * (1 - smoothing) + used * (smoothing / static_cast<double>(classes));
  if (weights) target = target * weights;
  const Value dlosses = reshaped(context.inputs[3], {probabilities.shape()[0], 1});
  return {dlosses * (probabilities * sum_over(target, {1}, true) - target)};
}

std::vector<Sample> samples(bool of_gradient) {
  using Fill = Sample::Fill;
  std::vector<Sample> result;
  const auto add = [&](std::int64_t rows, std::int64_t classes, bool weighted, CrossEntropyOptions options, const char* note) {
    const Fill fill = of_gradient ? Fill::probability : Fill::normal;
    Sample sample{{{{DType::f32, {rows, classes}}, fill}, {{DType::i64, {rows}}, Fill::index, classes}}, options, note};
    if (weighted || of_gradient) sample.inputs.push_back({{DType::f32, {classes}}, Fill::positive, 1, {}, false, weighted});
    if (of_gradient) sample.inputs.push_back({{DType::f32, {rows}}});
    result.push_back(std::move(sample));
  };
  add(5, 10, false, {}, "plain");
  add(7, 3, true, {}, "class weights");
  add(37, 2, false, {0.1F, 0}, "two classes, smoothing, one ignored");
  add(21, 3, true, {0.3F, -100}, "three classes, smoothing, class weights");
  add(6, 17, false, {0.1F, -100}, "smoothing");
  add(33, 5, true, {0.2F, 1}, "smoothing, class weights, one class ignored");
  add(1, 1, false, {}, "one class");
  add(0, 4, false, {}, "no rows");
  return result;
}

OpDef frame(std::string name, std::string summary) {
  OpDef op;
  op.name = std::move(name);
  op.summary = std::move(summary);
  op.source = "https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html";
  op.default_options = CrossEntropyOptions{};
  op.flops = [](const InferContext& context) { return 6.0 * static_cast<double>(context.shape(0).elements()); };
  return op;
}

}  // namespace

/// The loss of a classifier, one for each row, from logits and labels; with the label's class weight, by which a weighted mean
/// divides, and the probabilities, which the gradient needs. A row whose label is ignore_index has loss and weight 0. A label that
/// is neither that nor a class gives a loss of NaN, weight 0 and gradient 0: data readers check the range, this catches the rest.
std::vector<OpDef> cross_entropy() {
  OpDef op = frame("CrossEntropy",
                   "losses = -Σ target · log softmax(logits), weights of the labels' classes, probabilities; "
                   "inputs logits, labels, class weights");
  op.minimum_inputs = 2;
  op.maximum_inputs = 3;
  op.infer = [](const InferContext& context) -> std::vector<TensorType> {
    require_inputs(context);
    const TensorType per_row{DType::f32, {context.shape(0)[0]}};
    return {per_row, per_row, context.inputs[0]};
  };
  op.gradient = gradient;
  op.reference = reference;
  op.kernels = {{"cross_entropy", nullptr, prepare}};
  op.samples = [] { return samples(false); };

  OpDef backward = frame("CrossEntropyGradient", "dlogits; inputs probabilities, labels, class weights, dlosses");
  backward.minimum_inputs = 2;  // class weights, the third, may be absent
  backward.maximum_inputs = 4;
  backward.infer = [](const InferContext& context) -> std::vector<TensorType> {
    require_inputs(context);
    if (!context.has(3)) context.fail("takes dlosses, the fourth input");
    if (context.inputs[3] != TensorType{DType::f32, {context.shape(0)[0]}}) context.fail("expects dlosses f32[rows]");
    return {context.inputs[0]};
  };
  backward.decompose = decompose_gradient;
  backward.reference = reference_gradient;
  backward.kernels = {{"cross_entropy_gradient", nullptr, prepare_gradient}};
  backward.may_alias = [](const InferContext&) { return std::vector<std::pair<int, int>>{{0, 0}}; };
  backward.samples = [] { return samples(true); };
  return {std::move(op), std::move(backward)};
}

}  // namespace neurons::ops
