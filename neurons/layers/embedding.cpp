#include "neurons/layers/embedding.hpp"

#include <algorithm>
#include <cmath>

#include "neurons/layers/emit.hpp"
#include "neurons/layers/network.hpp"
#include "neurons/layers/waves.hpp"

namespace neurons {
namespace {

bool is_whole(const Value& x) { return x.type().dtype == DType::i64 || x.type().dtype == DType::i32; }

}  // namespace

Value Embedding::build(BuildContext& context, const std::vector<Value>& inputs) const {
  const Value x = single_input(context, inputs);
  const std::string& scope = context.graph().scope();
  if (vocabulary < 1) fail_input("{}: vocabulary = {} must be at least 1", scope, vocabulary);
  if (width < 1) fail_input("{}: width = {} must be at least 1", scope, width);
  if (!is_whole(x)) fail_input("{}: expects tokens i64[batch, time], got {}", scope, x.type().to_string());
  const Value table = context.parameter("weight", {{vocabulary, width}, {initializer, initializer_value}, 1, width, {}});
  return context.graph().emit("Gather", {table, x});
}

Value PositionalEncoding::build(BuildContext& context, const std::vector<Value>& inputs) const {
  const Value x = sequence_input(context, single_input(context, inputs));
  if (!(period > 1 && std::isfinite(period))) fail_input("{}: period = {} must be above 1", context.graph().scope(), period);
  const Shape table{x.shape()[1], x.shape()[2]};
  return x + context.graph().constant(wave_table(table, encoding_waves(table[1], static_cast<double>(period))));
}

Value LearnedPositions::build(BuildContext& context, const std::vector<Value>& inputs) const {
  const Value x = sequence_input(context, single_input(context, inputs));
  const std::int64_t time = x.shape()[1];
  const std::int64_t width = x.shape()[2];
  const std::int64_t rows = length == 0 ? time : length;
  if (rows < time) {
    fail_input("{}: a sequence of {} steps is longer than length = {}; give it more, or cut the sequences", context.graph().scope(),
               time, length);
  }
  Value table = context.parameter("weight", {{rows, width}, {initializer, initializer_value}, 1, width, {}});
  if (rows > time) table = first_steps(table, time);
  return x + table;
}

Value PaddingMask::build(BuildContext& context, const std::vector<Value>& inputs) const {
  const Value x = single_input(context, inputs);
  if (!is_whole(x) || x.shape().rank() != 2) {
    fail_input("{}: expects tokens i64[batch, time], got {}", context.graph().scope(), x.type().to_string());
  }
  const Value token = context.graph().constant(Tensor::of<std::int64_t>({}, {padding}).cast(x.type().dtype));
  return context.graph().emit("Not", {context.graph().emit("Equal", {x, token})});
}

std::optional<std::int64_t> vocabulary_of(const Network& network, int input) {
  int seen = -1;
  std::optional<std::int64_t> least;
  for (std::size_t c = 0; c < network.calls().size(); ++c) {
    if (network.calls()[c].layer >= 0 || ++seen != input) continue;
    for (const Network::Call& call : network.calls()) {
      if (call.layer < 0 || std::ranges::find(call.from, static_cast<int>(c)) == call.from.end()) continue;
      const Layer& layer = network.layers()[static_cast<std::size_t>(call.layer)].layer;
      if (layer.kind() != Embedding::kKind) continue;
      const Attributes attributes = layer.attributes();
      const auto found = std::ranges::find(attributes, std::string("vocabulary"), &Attribute::name);
      const std::int64_t size = std::get<std::int64_t>(found->value);
      least = std::min(least.value_or(size), size);
    }
  }
  return least;
}

}  // namespace neurons
