#include "neurons/graph/gradients.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace neurons {

GradientContext::GradientContext(Graph& graph, int node, std::span<const Value> output_gradients)
    : graph_(&graph),
      node_(node),
      output_gradients_(output_gradients),
      wanted_(graph.node(node).inputs.size(), false),
      stated_(graph.node(node).inputs.size(), -1) {}

const Options& GradientContext::options() const { return graph_->node(node_).options; }
std::size_t GradientContext::input_count() const { return graph_->node(node_).inputs.size(); }
bool GradientContext::has_input(std::size_t index) const { return index < input_count() && graph_->node(node_).inputs[index] >= 0; }
Value GradientContext::input(std::size_t index) const { return graph_->value(graph_->node(node_).inputs[index]); }
Value GradientContext::output(std::size_t index) const { return graph_->value(graph_->node(node_).outputs[index]); }
bool GradientContext::has_gradient(std::size_t index) const { return static_cast<bool>(output_gradients_[index]); }

Value GradientContext::gradient(std::size_t index) const {
  if (has_gradient(index)) return output_gradients_[index];
  return graph_->constant(Tensor(output(index).type()));
}

void GradientContext::set(std::size_t index, Value gradient) {
  if (gradient.shape() != input(index).shape()) {
    fail_input("{}: the gradient of input {} has shape {}, the input {}", describe(graph_->node(node_)), index,
               gradient.shape().to_string(), input(index).shape().to_string());
  }
  stated_[index] = gradient.id();
}

namespace {

bool is_float(DType dtype) { return dtype == DType::f32 || dtype == DType::f64; }

/// New nodes carry a name until the end of the block, even where that is an exception.
class NamedScope {
 public:
  NamedScope(Graph& graph, const std::string& name) : graph_(graph), before_(graph.scope()) { graph.set_scope(name); }
  ~NamedScope() { graph_.set_scope(before_); }
  NamedScope(const NamedScope&) = delete;
  NamedScope& operator=(const NamedScope&) = delete;

 private:
  Graph& graph_;
  std::string before_;
};

}  // namespace

/// Walks nodes backwards, handing each its outputs' gradients and adding up what it says of its inputs'.
class GradientDriver {
 public:
  GradientDriver(Graph& graph, std::span<const Value> wanted) : graph_(graph), flows_(graph.values().size(), false) {
    for (const Value& value : wanted) flows_[index(value.id())] = true;
    gradients_.resize(graph.values().size());
  }

  void add(int value, Value gradient) {
    Value& sum = gradients_[index(value)];
    sum = sum ? sum + gradient : gradient;
  }
  Value gradient_of(int value) const { return gradients_[index(value)]; }

  /// Differentiates the nodes [first, last).
  void run(int first, int last) {
    for (int n = first; n < last; ++n) {
      const Node& node = graph_.node(n);
      const bool depends = std::ranges::any_of(node.inputs, [&](int id) { return id >= 0 && flows(id); });
      for (const int id : node.outputs) {
        if (depends && is_float(graph_.info(id).type.dtype)) mark(id);
      }
    }
    for (int n = last - 1; n >= first; --n) differentiate(n);
  }

 private:
  static std::size_t index(int id) { return static_cast<std::size_t>(id); }
  bool flows(int id) const { return index(id) < flows_.size() && flows_[index(id)]; }
  void mark(int id) {
    if (index(id) >= flows_.size()) {
      flows_.resize(graph_.values().size(), false);
      gradients_.resize(graph_.values().size());
    }
    flows_[index(id)] = true;
  }

  void differentiate(int n) {
    std::vector<Value> arriving;
    bool any = false;
    for (const int id : graph_.node(n).outputs) {
      arriving.push_back(flows(id) ? gradients_[index(id)] : Value{});
      any = any || arriving.back();
    }
    if (!any) return;
    GradientContext context(graph_, n, arriving);
    for (std::size_t i = 0; i < context.wanted_.size(); ++i) {
      const int id = graph_.node(n).inputs[i];
      context.wanted_[i] = id >= 0 && flows(id);
    }
    const NamedScope scope(graph_, graph_.node(n).name);
    const OpDef& op = *graph_.node(n).op;
    if (op.gradient) {
      op.gradient(context);
    } else if (op.decompose) {
      through_decomposition(context, op);
      context.set_zero();  // its parts have spoken for themselves
    } else {
      fail_input("{} has no gradient: {}", describe(graph_.node(n)), op.not_differentiable);
    }
    bool stated = context.zero_ || std::ranges::find(context.wanted_, true) == context.wanted_.end();
    for (std::size_t i = 0; i < context.stated_.size(); ++i) {
      if (context.stated_[i] < 0 || !context.wanted_[i]) continue;
      add(graph_.node(n).inputs[i], graph_.value(context.stated_[i]));
      stated = true;
    }
    if (!stated) {
      fail_input(
          "{}: its gradient rule states no gradient of input {}, which is to learn; state it with set(), or, if the "
          "derivative is 0 wherever there is one, say so with set_zero()",
          describe(graph_.node(n)), std::ranges::find(context.wanted_, true) - context.wanted_.begin());
    }
  }

  /// Emits the simpler ops beside the node and differentiates those.
  void through_decomposition(GradientContext& context, const OpDef& op) {
    std::vector<Value> inputs;
    std::vector<Value> wanted;
    for (std::size_t i = 0; i < context.input_count(); ++i) {
      inputs.push_back(context.has_input(i) ? context.input(i) : Value{});
      if (context.wants(i)) wanted.push_back(inputs.back());
    }
    const int first = static_cast<int>(graph_.nodes().size());
    const Options options = context.options();
    const std::vector<Value> outputs = op.decompose({graph_, op, options, inputs, graph_.scope()});
    const int last = static_cast<int>(graph_.nodes().size());
    GradientDriver inner(graph_, wanted);
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      if (context.has_gradient(i)) inner.add(outputs[i].id(), context.gradient(i));
    }
    inner.run(first, last);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (!context.wants(i)) continue;
      const bool repeated = std::find(inputs.begin(), inputs.begin() + static_cast<std::ptrdiff_t>(i), inputs[i]) !=
                            inputs.begin() + static_cast<std::ptrdiff_t>(i);  // the sum was stated at its first place
      if (const Value gradient = inner.gradient_of(inputs[i].id()); gradient && !repeated) context.set(i, gradient);
    }
  }

  Graph& graph_;
  std::vector<bool> flows_;  ///< values through which a wanted one reaches the loss
  std::vector<Value> gradients_;
};

std::vector<Value> gradients(Value loss, std::span<const Value> with_respect_to, Value seed) {
  Graph& graph = loss.graph();
  if (!is_float(loss.type().dtype)) {
    fail_input("gradients: the loss must be a float, is {}", loss.type().to_string());
  }
  if (!seed) {
    Tensor ones(DType::f32, loss.shape());
    std::ranges::fill(ones.values<float>(), 1.0F);
    seed = graph.constant(ones.cast(loss.type().dtype));
  }
  if (&seed.graph() != &graph || seed.type() != loss.type()) {
    fail_input("gradients: the seed is {}, the loss {}", seed.type().to_string(), loss.type().to_string());
  }
  for (const Value& value : with_respect_to) {
    if (&value.graph() != &graph) fail_input("gradients: \"{}\" belongs to another graph than the loss", value.name());
    if (!is_float(value.type().dtype)) {
      fail_input("gradients: \"{}\" is {}; only floats have gradients", value.name(), value.type().to_string());
    }
  }
  const int last = static_cast<int>(graph.nodes().size());
  GradientDriver driver(graph, with_respect_to);
  driver.add(loss.id(), seed);
  driver.run(0, last);
  std::vector<Value> result;
  for (const Value& value : with_respect_to) {
    const Value gradient = driver.gradient_of(value.id());
    result.push_back(gradient ? gradient : graph.constant(Tensor(value.type())));
  }
  return result;
}

}  // namespace neurons
