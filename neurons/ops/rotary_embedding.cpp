#include <algorithm>

#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/move.hpp"
#include "neurons/ops/common/only_f32.hpp"

namespace neurons::ops {
namespace {

struct RotaryOptions {
  bool interleaved = false;               ///< pairs are neighbours; otherwise the two halves of a head
  std::int64_t num_heads = 0;             ///< of x [batch, time, heads · size]; that of rank 4 tells it itself
  std::int64_t rotary_embedding_dim = 0;  ///< the first features of a head that turn; 0: all

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("interleaved", self.interleaved);
    visit("num_heads", self.num_heads);
    visit("rotary_embedding_dim", self.rotary_embedding_dim);
  }
};

/// x seen as heads of steps, and where a step's angles are.
struct Turning {
  std::int64_t batch = 0, heads = 0, steps = 0, size = 0;
  std::int64_t head_stride = 0, step_stride = 0;
  std::int64_t half = 0;       ///< pairs that turn
  std::int64_t positions = 0;  ///< rows of the tables that positions choose from; 0: one row for each step
  bool interleaved = false;
  bool shared = false;  ///< one table for the whole batch

  Turning(const Shape& x, const Shape& table, const RotaryOptions& options) : batch(x[0]), interleaved(options.interleaved) {
    const bool apart = x.rank() == 4;
    heads = apart ? x[1] : std::max<std::int64_t>(1, options.num_heads);
    steps = apart ? x[2] : x[1];
    size = apart ? x[3] : x[2] / heads;
    head_stride = apart ? steps * size : size;
    step_stride = apart ? size : heads * size;
    half = (options.rotary_embedding_dim == 0 ? size : options.rotary_embedding_dim) / 2;
    positions = table.rank() == 2 ? table[0] : 0;
    shared = table.rank() == 3 && table[0] == 1;
  }
  std::int64_t row(std::int64_t b, std::int64_t t) const { return (shared ? 0 : b) * steps + t; }
  std::int64_t first(std::int64_t i) const { return interleaved ? 2 * i : i; }
  std::int64_t second(std::int64_t i) const { return interleaved ? 2 * i + 1 : i + half; }
};

std::vector<TensorType> infer(const InferContext& context) {
  const auto& options = context.as<RotaryOptions>();
  const Shape& x = context.shape(0);
  if (context.dtype() != DType::f32 && context.dtype() != DType::f64) context.fail("x must be a float");
  if (x.rank() != 3 && x.rank() != 4) {
    context.fail("expects x [batch, time, heads · size] or [batch, heads, time, size], got {}", x.to_string());
  }
  if (x.rank() == 3 && (options.num_heads < 1 || x[2] % options.num_heads != 0)) {
    context.fail("num_heads = {} must divide the {} features of x", options.num_heads, x[2]);
  }
  const Turning turning(x, context.shape(1), options);
  const std::int64_t turned = options.rotary_embedding_dim == 0 ? turning.size : options.rotary_embedding_dim;
  if (turned < 0 || turned > turning.size || turned % 2 != 0) {
    context.fail("{} of the {} features of a head cannot turn: expected an even number of them", turned, turning.size);
  }
  const bool placed = context.has(3);
  const Shape& table = context.shape(1);
  const bool fits = table.rank() == (placed ? 2 : 3) && table[-1] == turning.half &&
                    (placed ? table[0] > 0 : (table[0] == turning.batch || table[0] == 1) && table[1] == turning.steps);
  if (!fits || context.inputs[2] != context.inputs[1] || context.dtype(1) != context.dtype(0)) {
    context.fail("expects cosines and sines {}, got {} and {}",
                 placed ? fmt::format("[positions, {}]", turning.half)
                        : fmt::format("[{} or 1, {}, {}] (or tables and position_ids)", turning.batch, turning.steps, turning.half),
                 table.to_string(), context.shape(2).to_string());
  }
  if (placed && context.inputs[3] != TensorType{DType::i64, {turning.batch, turning.steps}}) {
    context.fail("expects position_ids i64[{}, {}]", turning.batch, turning.steps);
  }
  return {context.inputs[0]};
}

void reference(const ReferenceContext& context) {
  const Turning turning(context.inputs[0]->type.shape, context.inputs[1]->type.shape, context.as<RotaryOptions>());
  const bool placed = context.inputs.size() > 3 && context.inputs[3] != nullptr;
  const auto& x = context.inputs[0]->data;
  auto& y = context.outputs[0].data;
  y = x;
  const auto at = [](std::int64_t index) { return static_cast<std::size_t>(index); };
  for (std::int64_t b = 0; b < turning.batch; ++b) {
    for (std::int64_t t = 0; t < turning.steps; ++t) {
      const std::int64_t own = b * turning.steps + t;
      const auto last = static_cast<double>(turning.positions - 1);
      const std::int64_t row =
          placed ? static_cast<std::int64_t>(std::clamp(context.inputs[3]->data[at(own)], 0.0, last)) : turning.row(b, t);
      for (std::int64_t h = 0; h < turning.heads; ++h) {
        const std::int64_t base =
            b * turning.heads * turning.steps * turning.size + h * turning.head_stride + t * turning.step_stride;
        for (std::int64_t i = 0; i < turning.half; ++i) {
          const double cosine = context.inputs[1]->data[at(row * turning.half + i)];
          const double sine = context.inputs[2]->data[at(row * turning.half + i)];
          const std::size_t first = at(base + turning.first(i));
          const std::size_t second = at(base + turning.second(i));
          y[first] = cosine * x[first] - sine * x[second];
          y[second] = sine * x[first] + cosine * x[second];
        }
      }
    }
  }
}

struct RotaryCall {
  Turning turning;
  const float* x;
  const float* cosines;
  const float* sines;
  const std::int64_t* positions;  ///< null: a row for each step
  float* y;
};

/// y may be x.
void run(const RotaryCall& call, std::byte*, Worker worker) noexcept {
  const Turning& turning = call.turning;
  const auto [begin, end] = split_work(static_cast<std::size_t>(turning.batch * turning.steps), worker);
  for (auto step = static_cast<std::int64_t>(begin); step < static_cast<std::int64_t>(end); ++step) {
    const std::int64_t b = step / turning.steps;
    const std::int64_t t = step % turning.steps;
    std::int64_t row = turning.row(b, t);
    if (call.positions != nullptr) row = std::clamp<std::int64_t>(call.positions[step], 0, turning.positions - 1);
    const float* const cosines = call.cosines + row * turning.half;
    const float* const sines = call.sines + row * turning.half;
    for (std::int64_t h = 0; h < turning.heads; ++h) {
      const std::int64_t base =
          b * turning.heads * turning.steps * turning.size + h * turning.head_stride + t * turning.step_stride;
      const float* const x = call.x + base;
      float* const y = call.y + base;
      for (std::int64_t i = 0; i < turning.half; ++i) {
        const float first = x[turning.first(i)];
        const float second = x[turning.second(i)];
        y[turning.first(i)] = cosines[i] * first - sines[i] * second;
        y[turning.second(i)] = sines[i] * first + cosines[i] * second;
      }
      std::copy(x + 2 * turning.half, x + turning.size, y + 2 * turning.half);
    }
  }
}

Call prepare(const PrepareContext& context) {
  const RotaryCall call{Turning(context.inputs[0].type.shape, context.inputs[1].type.shape, context.as<RotaryOptions>()),
                        context.inputs[0].as<float>(),
                        context.inputs[1].as<float>(),
                        context.inputs[2].as<float>(),
                        context.input(3).as<std::int64_t>(),
                        context.outputs[0].as<float>()};
  return Call::of<run>(call, true);
}

/// What comes back turns the other way.
void gradient(GradientContext& context) {
  if (context.wants(1) || context.wants(2)) fail_input("RotaryEmbedding: cosines and sines are constants, they have no gradient");
  if (!context.wants(0)) return;
  const Value back = context.graph().emit("Neg", {context.input(2)});
  const Value positions = context.has_input(3) ? context.input(3) : Value{};
  context.set(0,
              context.graph().emit("RotaryEmbedding", {context.gradient(), context.input(1), back, positions}, context.options()));
}

std::vector<Sample> samples() {
  const auto of = [](const Shape& shape, bool differentiate = false) {
    return Sample::Input{{DType::f32, shape}, Sample::Fill::normal, 1, {}, differentiate};
  };
  const Sample::Input positions{{DType::i64, {2, 3}}, Sample::Fill::index, 9};
  return {{{of({2, 3, 12}, true), of({2, 3, 3}), of({2, 3, 3})}, RotaryOptions{false, 2}, "halves"},
          {{of({2, 3, 12}, true), of({1, 3, 2}), of({1, 3, 2})}, RotaryOptions{true, 3}, "neighbours, one table for the batch"},
          {{of({2, 4, 3, 6}, true), of({9, 3}), of({9, 3}), positions}, RotaryOptions{}, "[batch, heads, time, size], positions"},
          {{of({2, 3, 12}, true), of({9, 1}), of({9, 1}), positions}, RotaryOptions{true, 3, 2}, "the first features alone"},
          {{of({0, 3, 4}, true), of({1, 3, 2}), of({1, 3, 2})}, RotaryOptions{false, 1}, "no batch"}};
}

}  // namespace

/// A position outside of the tables takes the nearest row.
std::vector<OpDef> rotary_embedding() {
  OpDef op = mover("RotaryEmbedding",
                   "Pairs (a, b) of a head's features turned by the angle of their step: (a·cos - b·sin, a·sin + b·cos); inputs x, "
                   "cosines, sines, position_ids",
                   23, RotaryOptions{});
  op.minimum_inputs = 3;
  op.maximum_inputs = 4;
  op.infer = infer;
  op.reference = reference;
  op.kernels = {{"pairs", only_f32, prepare}};
  op.gradient = gradient;
  op.may_alias = [](const InferContext&) { return std::vector<std::pair<int, int>>{{0, 0}}; };
  op.flops = [](const InferContext& context) { return 3.0 * static_cast<double>(context.shape(0).elements()); };
  op.samples = samples;
  return {std::move(op)};
}

}  // namespace neurons::ops
