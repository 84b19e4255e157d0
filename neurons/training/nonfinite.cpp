#include "neurons/training/nonfinite.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "neurons/data/dataset.hpp"
#include "neurons/layers/embedding.hpp"

namespace neurons {
namespace {

/// The index of the first value that is NaN or infinite.
std::optional<std::int64_t> first_nonfinite(const TensorView& view) {
  if (view.data == nullptr || view.dtype != DType::f32) return std::nullopt;
  const auto values = view.values<float>();
  const auto found = std::ranges::find_if(values, [](float value) { return !std::isfinite(value); });
  if (found == values.end()) return std::nullopt;
  return found - values.begin();
}

bool has_no_infinity(const TensorView& view) {
  return std::ranges::none_of(view.values<float>(), [](float value) { return std::isinf(value); });
}

float value_at(const TensorView& view, std::int64_t element) { return view.values<float>()[static_cast<std::size_t>(element)]; }

/// "[12, 5]": the indices of an element, from axis `first` on.
std::string indices(const Shape& shape, std::int64_t element, int first) {
  std::string text;
  const auto strides = shape.strides();
  for (int axis = first; axis < shape.rank(); ++axis) {
    text += fmt::format("{}{}", text.empty() ? "" : ", ", element / strides[static_cast<std::size_t>(axis)] % shape[axis]);
  }
  return fmt::format("[{}]", text);
}

class Search {
 public:
  Search(const Learner& learner, const Batch& batch, std::span<const std::int64_t> rows_of_data)
      : learner_(learner), batch_(batch), rows_(batch.target.shape[0]), rows_of_data_(rows_of_data) {}

  std::string run() const {
    const std::string cause = find();
    return fmt::format("step {}: {}", learner_.steps() + 1, cause);
  }

 private:
  std::string find() const {
    if (auto found = in_batch()) return *found;
    if (auto found = in_tokens()) return *found;
    if (auto found = in_weights()) return *found;
    const Graph graph = learner_.forward_graph(rows_, Mode::training);
    if (auto found = in_labels(graph)) return *found;
    if (auto found = in_computed(graph)) return *found;
    return "the loss is not finite, though every value of the forward pass is finite when computed op by op; nothing was updated; "
           "lower the learning rate, or clip the gradients";
  }

  /// " of the batch (row 1041 of the data)"
  std::string sample(std::int64_t row) const {
    const auto place = static_cast<std::size_t>(row);
    const std::string origin = place < rows_of_data_.size() ? fmt::format(" (row {} of the data)", rows_of_data_[place]) : "";
    return fmt::format("sample {} of the batch{}", row, origin);
  }

  /// The sample that an element of a value belongs to, and which of its numbers it is.
  std::string place(const Shape& shape, std::int64_t element, std::string_view unit) const {
    if (shape.rank() == 0) return "";
    if (shape[0] != rows_) return fmt::format("element {}", indices(shape, element, 0));
    const std::int64_t row = element / (shape.elements() / rows_);
    if (shape.rank() == 1) return sample(row);
    if (shape.rank() == 2) return fmt::format("{} {}, {}", unit, element % shape[1], sample(row));
    return fmt::format("{} {}, {}", unit, indices(shape, element, 1), sample(row));
  }

  std::optional<std::string> in_batch() const {
    const auto look = [&](const std::string& part, std::string_view unit, const TensorView& view) -> std::optional<std::string> {
      const auto element = first_nonfinite(view);
      if (!element) return std::nullopt;
      return fmt::format("{}, {}: the data holds {}; nothing was updated; repair that sample, or leave it out", part,
                         place(view.shape, *element, unit), value_at(view, *element));
    };
    const auto& inputs = learner_.structure().inputs();
    for (std::size_t i = 0; i < batch_.inputs.size(); ++i) {
      if (auto found = look(fmt::format("input \"{}\"", inputs[i].name), "feature", batch_.inputs[i])) return found;
    }
    for (std::size_t i = 0; i < batch_.targets.size(); ++i) {
      if (batch_.targets[i].shape.rank() == 3 && has_no_infinity(batch_.targets[i])) continue;  // NaN is a step that does not count
      if (auto found = look(target_name(i), "output", batch_.targets[i])) return found;
    }
    return look("sample weight", "", batch_.weights);
  }

  std::optional<std::string> in_tokens() const {
    for (std::size_t i = 0; i < batch_.inputs.size(); ++i) {
      const auto vocabulary = vocabulary_of(learner_.structure(), static_cast<int>(i));
      if (batch_.inputs[i].dtype != DType::i64 || !vocabulary) continue;
      const auto tokens = batch_.inputs[i].values<std::int64_t>();
      const auto bad = std::ranges::find_if(tokens, [&](std::int64_t token) { return token < 0 || token >= *vocabulary; });
      if (bad == tokens.end()) continue;
      return fmt::format("input \"{}\", {}: token {} is none of the vocabulary's {}, 0 to {}; nothing was updated",
                         learner_.structure().inputs()[i].name, place(batch_.inputs[i].shape, bad - tokens.begin(), "step"), *bad,
                         *vocabulary, *vocabulary - 1);
    }
    return std::nullopt;
  }

  std::optional<std::string> in_weights() const {
    const auto found = nonfinite_parameter(learner_.structure(), value_of());
    if (!found) return std::nullopt;
    return fmt::format("{} already: {}", found->to_string(),
                       learner_.steps() == 0 ? "the network was given so; initialize it, or take another file of weights"
                                             : "an update before this step made it so; lower the learning rate, clip the "
                                               "gradients (clip_norm), or go back to an earlier checkpoint");
  }

  std::string target_name(std::size_t index) const {
    const auto& losses = learner_.losses();
    return losses.size() == 1 ? "target" : fmt::format("target of \"{}\"", losses[index].output);
  }

  std::optional<std::string> in_labels(const Graph& graph) const {
    for (std::size_t i = 0; i < batch_.targets.size(); ++i) {
      if (batch_.targets[i].dtype != DType::i64) continue;
      const auto output = std::ranges::find(graph.outputs(), learner_.losses()[i].output, &NamedOutput::name);
      const auto labels = batch_.targets[i].values<std::int64_t>();
      const std::int64_t steps = batch_.targets[i].shape.elements() / rows_;
      const bool sequences = batch_.targets[i].shape.rank() > 1;
      const std::int64_t classes = std::max<std::int64_t>(2, graph.info(output->value).type.shape.elements() / rows_ / steps);
      for (std::size_t place = 0; place < labels.size(); ++place) {
        if ((labels[place] >= 0 && labels[place] < classes) || (sequences && labels[place] == kIgnoredLabel)) continue;
        const auto at = static_cast<std::int64_t>(place);
        return fmt::format("{}, {}{}: label {} is none of the {} classes 0 to {}; nothing was updated; repair that sample",
                           target_name(i), sequences ? fmt::format("step {}, ", at % steps) : "", sample(at / steps), labels[place],
                           classes, classes - 1);
      }
    }
    return std::nullopt;
  }

  std::optional<std::string> in_computed(const Graph& graph) const {
    const auto found = nonfinite_result(graph, value_of(), [this](const Plan& plan) { fill(plan); });
    if (!found) return std::nullopt;
    const std::string where = place(found->shape, found->element, "neuron");
    return fmt::format(
        "{}{}{}: the first value that is not finite is {}; nothing was updated; lower the learning rate, clip the gradients "
        "(clip_norm), or check the data",
        found->where, where.empty() ? "" : ", ", where, found->value);
  }

  ValueOfParameter value_of() const {
    return [this](const std::string& name) { return learner_.states().get(name); };
  }

  void fill(const Plan& plan) const {
    const auto copy = [&](std::string_view name, const TensorView& from) {
      std::ranges::copy(from.bytes(), plan.input(name).bytes().begin());
    };
    const auto& inputs = learner_.structure().inputs();
    for (std::size_t i = 0; i < inputs.size(); ++i) copy(inputs[i].name, batch_.inputs[i]);
    for (std::size_t i = 0; i < batch_.targets.size(); ++i) copy(name_of_part("target", i, learner_.losses()), batch_.targets[i]);
    if (batch_.weights.data != nullptr) copy("sample_weights", batch_.weights);
    if (plan.graph().has("step")) plan.input("step").values<std::int64_t>()[0] = learner_.batches();
  }

  const Learner& learner_;
  const Batch& batch_;
  std::int64_t rows_;
  std::span<const std::int64_t> rows_of_data_;
};

}  // namespace

std::string Nonfinite::to_string() const { return fmt::format("{}{} is {}", where, indices(shape, element, 0), value); }

std::optional<Nonfinite> nonfinite_parameter(const Network& network, const ValueOfParameter& value_of) {
  for (const auto& [name, type] : network.parameter_types()) {
    Tensor tensor = value_of(name);
    const TensorView view{tensor.dtype(), tensor.shape(), tensor.bytes().data()};
    if (const auto element = first_nonfinite(view)) return Nonfinite{name, view.shape, *element, value_at(view, *element)};
  }
  return std::nullopt;
}

std::optional<Nonfinite> nonfinite_parameter(const Network& network) {
  return nonfinite_parameter(network, [&](const std::string& name) { return network.parameter(name); });
}

std::optional<Nonfinite> nonfinite_result(Graph graph, const ValueOfParameter& value_of,
                                          const std::function<void(const Plan& plan)>& fill) {
  // All values of the graph as outputs of a plan without any fusion.
  const auto name_of = [](int id) { return "nonfinite#" + std::to_string(id); };
  const int count = static_cast<int>(graph.values().size());
  for (int id = 0; id < count; ++id) {
    if (graph.info(id).kind == ValueKind::computed) graph.output(name_of(id), graph.value(id));
  }
  auto states = std::make_shared<StateStore>(graph.table());
  for (const ValueInfo& value : graph.values()) {
    if (value.kind == ValueKind::state) states->set(value.name, value_of(value.name));
  }
  CompileOptions plain;
  plain.lay_out = false;
  plain.fuse = false;
  Plan plan = compile(graph, states, plain);
  fill(plan);
  plan.run();
  for (const Node& node : graph.nodes()) {
    for (const int id : node.outputs) {
      const TensorView view = plan.output(name_of(id));
      const auto element = first_nonfinite(view);
      if (!element) continue;
      const std::string layer = node.name.empty() ? "the network" : node.name;
      return Nonfinite{fmt::format("{} ({})", layer, node.op->name), view.shape, *element, value_at(view, *element)};
    }
  }
  return std::nullopt;
}

std::string explain_nonfinite(const Learner& learner, const Batch& batch, std::span<const std::int64_t> rows_of_data) {
  return Search(learner, batch, rows_of_data).run();
}

}  // namespace neurons
