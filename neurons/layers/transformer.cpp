#include "neurons/layers/transformer.hpp"

#include <functional>

#include "neurons/layers/attention.hpp"
#include "neurons/layers/dense.hpp"
#include "neurons/layers/dropout.hpp"
#include "neurons/layers/emit.hpp"
#include "neurons/layers/normalizations.hpp"
#include "neurons/layers/part.hpp"

namespace neurons {
namespace {

/// The halves of a block around which x is led.
template <typename Block>
class Halves {
 public:
  Halves(BuildContext& context, const Block& block) : context_(context), block_(block) {}

  /// x and what the half `name` makes of it, normalised before or after.
  Value around(const std::string& name, Value x, const std::function<Value(Value)>& half) {
    const auto norm = [&](Value value) { return part(name + "_norm", LayerNorm{.epsilon = block_.epsilon}, {value}); };
    const Value changed = dropped(name + "_dropout", half(block_.post_norm ? x : norm(x)));
    return block_.post_norm ? norm(x + changed) : x + changed;
  }

  Value attention(const std::string& name, const std::vector<Value>& inputs, bool causal, bool rotary) {
    const MultiHeadAttention attention{
        .heads = block_.heads, .causal = causal, .kv_heads = block_.kv_heads, .rotary = rotary, .dropout = block_.dropout};
    return part(name, attention, inputs);
  }

  Value feed_forward(Value x) {
    return around("feed_forward", x, [&](Value seen) {
      const std::int64_t width = x.shape()[2];
      const std::int64_t units = block_.feed_forward == 0 ? 4 * width : block_.feed_forward;
      const Value inner = part("feed_forward", Dense{.units = units, .activation = block_.activation}, {seen});
      return part("feed_forward_output", Dense{.units = width}, {dropped("feed_forward_inner_dropout", inner)});
    });
  }

 private:
  Value part(const std::string& name, const Layer& layer, const std::vector<Value>& inputs) {
    return build_part(context_, name, layer, inputs);
  }
  Value dropped(const std::string& name, Value value) { return part(name, Dropout{block_.dropout}, {value}); }

  BuildContext& context_;
  const Block& block_;
};

void check(BuildContext& context, float dropout, std::int64_t feed_forward) {
  const std::string& scope = context.graph().scope();
  if (!(dropout >= 0.0F && dropout < 1.0F)) fail_input("{}: dropout = {} must be in [0, 1)", scope, dropout);
  if (feed_forward < 0) fail_input("{}: feed_forward = {} must be at least 1 (or 0: four times the width)", scope, feed_forward);
}

}  // namespace

Value TransformerEncoder::build(BuildContext& context, const std::vector<Value>& inputs) const {
  if (inputs.empty() || inputs.size() > 2) {
    fail_input("{}: takes x, and a mask if there is padding; got {} inputs", context.graph().scope(), inputs.size());
  }
  check(context, dropout, feed_forward);
  Halves halves(context, *this);
  Value steps = sequence_input(context, inputs[0]);
  if (inputs.size() == 2) steps = existing_steps(steps, steps_in_use(context, steps, inputs[1]));
  const Value x = halves.around("attention", steps, [&](Value seen) {
    std::vector<Value> operands = inputs;
    operands[0] = seen;
    return halves.attention("attention", operands, causal, rotary);
  });
  return halves.feed_forward(x);
}

Value TransformerDecoder::build(BuildContext& context, const std::vector<Value>& inputs) const {
  if (inputs.size() < 2 || inputs.size() > 4) {
    fail_input("{}: takes x, a memory, a mask of the memory if it has padding, and one of x; got {} inputs",
               context.graph().scope(), inputs.size());
  }
  check(context, dropout, feed_forward);
  Halves halves(context, *this);
  Value x = sequence_input(context, inputs[0]);
  const Value existing = inputs.size() == 4 ? step_mask(context, x, inputs[3]) : Value{};
  if (existing) x = existing_steps(x, existing);
  x = halves.around("attention", x, [&](Value seen) {
    return halves.attention("attention", existing ? std::vector{seen, existing} : std::vector{seen}, true, rotary);
  });
  x = halves.around("cross_attention", x, [&](Value seen) {
    std::vector<Value> operands{seen, inputs[1]};  // attention reads 0 where the memory is padding
    if (inputs.size() > 2) operands.push_back(inputs[2]);
    return halves.attention("cross_attention", operands, false, false);
  });
  return halves.feed_forward(x);
}

}  // namespace neurons
