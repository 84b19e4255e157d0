#include "neurons/layers/time_distributed.hpp"

#include <algorithm>
#include <map>

#include "neurons/layers/emit.hpp"

namespace neurons {
namespace {

/// `x` [batch, time, …], 0 in steps that do not exist; tokens stay what they are.
Value masked_steps(BuildContext& context, Value x, const std::vector<Value>& mask) {
  const std::string& scope = context.graph().scope();
  if (x.shape().rank() < 3 && !(x.type().dtype == DType::i64 && x.shape().rank() == 2)) {
    fail_input("{}: expects sequences [batch, time, …], got {}", scope, x.type().to_string());
  }
  if (mask.empty()) return x;
  const Value existing = step_mask(context, x, mask[0]);
  return x.type().dtype == DType::f32 ? existing_steps(x, existing) : x;
}

/// The extents from `axis` on behind those of `first`.
Shape joined(std::vector<std::int64_t> first, const Shape& shape, int axis) {
  for (; axis < shape.rank(); ++axis) first.push_back(shape[axis]);
  return Shape(std::span<const std::int64_t>(first));
}

bool has_block(const Network& network, const std::string& name) {
  return std::ranges::any_of(network.layers(), [&](const auto& layer) { return layer.name.starts_with(name + "."); });
}

}  // namespace

Network::Tap TimeDistributed::add_to(Network& network, const std::vector<Network::Tap>& from, std::string name) const {
  for (int number = 1; name.empty(); ++number) {
    const std::string candidate = std::string(kKind) + std::to_string(number);
    if (!has_block(network, candidate)) name = candidate;
  }
  if (body.empty()) fail_input("{}: its body has no layers", name);
  Network::Tap tap = network.add(FoldTime{}, from, name + ".fold_time");
  std::map<std::string, int> counts;
  for (const Layer& layer : body) {
    tap = network.add(layer, tap, fmt::format("{}.{}{}", name, layer.kind(), ++counts[layer.kind()]));
  }
  std::vector<Network::Tap> back{tap};
  back.insert(back.end(), from.begin(), from.end());
  return network.add(UnfoldTime{}, back, name + ".unfold_time");
}

Value FoldTime::build(BuildContext& context, const std::vector<Value>& inputs) const {
  if (inputs.empty() || inputs.size() > 2) {
    fail_input("{}: takes the sequences and, if there is padding, a mask; got {} inputs", context.graph().scope(), inputs.size());
  }
  const Value x = masked_steps(context, inputs[0], {inputs.begin() + 1, inputs.end()});
  return reshape(x, joined({x.shape()[0] * x.shape()[1]}, x.shape(), 2));
}

Value UnfoldTime::build(BuildContext& context, const std::vector<Value>& inputs) const {
  const std::string& scope = context.graph().scope();
  if (inputs.size() < 2 || inputs.size() > 3) {
    fail_input(
        "{}: takes what was made of the steps, the sequences that were folded and, if there is padding, a mask; got {} inputs",
        scope, inputs.size());
  }
  const Shape& y = inputs[0].shape();
  const Shape& x = inputs[1].shape();
  if (x.rank() < 2 || y.rank() < 1 || y[0] != x[0] * x[1]) {
    fail_input("{}: the layers before it give {}, not a row for each step of {}", scope, y.to_string(), x.to_string());
  }
  const Value steps = reshape(inputs[0], joined({x[0], x[1]}, y, 1));
  return masked_steps(context, steps, {inputs.begin() + 2, inputs.end()});
}

}  // namespace neurons
