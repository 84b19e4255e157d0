#include "neurons/spec/raw_graph.hpp"

#include <algorithm>

#include "neurons/graph/rewrite.hpp"
#include "neurons/layers/emit.hpp"
#include "neurons/layers/last_activation.hpp"

namespace neurons {
namespace {

Value row(Graph& graph, const std::vector<float>& values) {
  return graph.constant(Tensor::of<float>({std::ssize(values)}, values));
}

/// (x - shifts) · factors, in the order that loses no digits where shifts are large.
Value standardised(Value x, const std::vector<float>& shifts, const std::vector<float>& factors) {
  return (x - row(x.graph(), shifts)) * row(x.graph(), factors);
}

Value columns(Value x, std::int64_t first, std::int64_t last) {
  return emit_with(
      "Slice", {x},
      {{"starts", std::vector<std::int64_t>{first}}, {"ends", std::vector{last}}, {"axes", std::vector<std::int64_t>{1}}});
}

/// 1 at the feature of the level whose index x [1, 1] holds.
Value one_of(Value x, std::int64_t levels) {
  Tensor identity(DType::f32, {levels, levels});
  for (std::int64_t i = 0; i < levels; ++i) identity.values<float>()[static_cast<std::size_t>(i * levels + i)] = 1;
  const Value index = emit_with("Cast", {x}, {{"to", std::string("i64")}});
  return reshape(x.graph().emit("Gather", {x.graph().constant(std::move(identity)), index}), {1, levels});
}

/// Features from x [1, columns] of a table.
Value encoded(Value x, const TableEncoder& encoder) {
  const auto& rules = encoder.rules();
  std::vector<Value> parts;
  const auto place = [&](auto rule) { return rule - rules.begin(); };
  for (auto rule = rules.begin(); rule != rules.end();) {
    if (!rule->is_numeric) {
      parts.push_back(one_of(columns(x, place(rule), place(rule) + 1), rule->width()));
      ++rule;
      continue;
    }
    const auto end = std::find_if(rule, rules.end(), [](const TableEncoder::Rule& other) { return !other.is_numeric; });
    std::vector<float> shifts;
    std::vector<float> factors;
    for (auto number = rule; number != end; ++number) {
      shifts.push_back(static_cast<float>(number->shift));
      factors.push_back(static_cast<float>(number->factor));
    }
    const bool all = rule == rules.begin() && end == rules.end();
    parts.push_back(standardised(all ? x : columns(x, place(rule), place(end)), shifts, factors));
    rule = end;
  }
  if (parts.size() == 1) return parts.front();
  const OpDef& concat = x.graph().table()->find("Concat");
  return x.graph().emit_all(concat, parts, concat.default_options.with({{"axis", std::int64_t{1}}})).front();
}

/// The model's input from raw numbers, described.
class Input {
 public:
  Input(Graph& graph, const Model& model, RawNumbers& numbers) : graph_(graph), model_(model), numbers_(numbers) {}

  Value build(const std::string& name, const TensorType& type) {
    if (model_.encoder) {
      describe_table();
      return encoded(graph_.input(name, {DType::f32, {1, std::ssize(model_.encoder->rules())}}), *model_.encoder);
    }
    const Value x = graph_.input(name, type);
    if (model_.series) return series(x);
    if (type.dtype != DType::f32) {
      numbers_.input = "numbers of tokens";
      return x;
    }
    return pixels(x);
  }

 private:
  void describe_table() {
    numbers_.input = "one row of the table; of a column of texts, the number of the text";
    const auto is_numeric = [](const TableEncoder::Rule& rule) { return rule.is_numeric; };
    if (std::ranges::all_of(model_.encoder->rules(), is_numeric)) numbers_.input = "one row of the table";
    for (const TableEncoder::Rule& rule : model_.encoder->rules()) {
      std::string levels;
      for (std::size_t i = 0; i < rule.levels.size(); ++i)
        levels += fmt::format("{}{} = {}", i == 0 ? ": " : ", ", i, rule.levels[i]);
      numbers_.input_names.push_back(rule.column + levels);
    }
  }

  Value series(Value x) {
    std::vector<float> shifts;
    std::vector<float> factors;
    const auto& names = model_.series->columns();
    for (std::int64_t column = 0; column < std::ssize(names); ++column) {
      shifts.push_back(static_cast<float>(model_.series->unscaled(0, column)));
      factors.push_back(static_cast<float>(model_.series->scaled(1, column) - model_.series->scaled(0, column)));
    }
    numbers_.input = "steps of the series in their own units, the oldest first; of each step";
    numbers_.input_names = names;
    return standardised(x, shifts, factors);
  }

  Value pixels(Value x) {
    Dataset seen;
    seen.input_scale = model_.input_scale;
    seen.input_offset = model_.input_offset;
    if (const auto& pictures = model_.spec.data.pictures) {
      seen.channel_means = pictures->means;
      seen.channel_deviations = pictures->deviations;
    }
    const auto channels = seen.scaling();
    const bool plain = channels.size() == 1 && channels[0] == Dataset::Scaling{};
    numbers_.input = plain ? "what the network was trained on" : "bytes of a picture, 0 to 255: channels, rows, columns";
    if (plain) return x;
    if (channels.size() == 1) {
      const Value scaled = x * static_cast<double>(channels[0].scale);
      return channels[0].offset == 0 ? scaled : scaled + static_cast<double>(channels[0].offset);
    }
    const std::int64_t pixels = x.shape().elements() / std::ssize(channels);
    std::vector<float> scales;
    std::vector<float> offsets;
    for (const auto& [scale, offset] : channels) {
      scales.push_back(scale);
      offsets.push_back(offset);
    }
    const Shape each{std::ssize(channels), 1};
    const Value planes = reshape(x, {std::ssize(channels), pixels});
    return reshape(planes * reshape(row(graph_, scales), each) + reshape(row(graph_, offsets), each), x.shape());
  }

  Graph& graph_;
  const Model& model_;
  RawNumbers& numbers_;
};

/// Probabilities of classes, or values in their own unit.
Value answer(Value y, const Model& model, RawNumbers& numbers) {
  Graph& graph = y.graph();
  if (model.is_classification) {
    numbers.output = "the probability of each class";
    if (!model.assumption.empty()) numbers.output += "; " + model.assumption;
    for (std::int64_t label = 0; label < std::ssize(model.class_names); ++label)
      numbers.output_names.push_back(model.class_name(label));
    if (y.shape().elements() == 1) {  // the logit of the second of two classes
      const OpDef& concat = graph.table()->find("Concat");
      const std::vector<Value> both{graph.emit("Sigmoid", {-y}), graph.emit("Sigmoid", {y})};
      return graph.emit_all(concat, both, concat.default_options.with({{"axis", std::int64_t{-1}}})).front();
    }
    if (last_activation(model.network, model.network.outputs().front().name) == "softmax") return y;
    return emit_with("Softmax", {y}, {{"axis", std::int64_t{-1}}});
  }
  std::vector<float> spreads;
  std::vector<float> shifts;
  for (std::int64_t output = 0; output < y.shape()[-1]; ++output) {
    shifts.push_back(static_cast<float>(model.decode(0, output)));
    spreads.push_back(static_cast<float>(model.decode(1, output) - model.decode(0, output)));
  }
  numbers.output = model.encoder ? fmt::format("{}, in its own unit", model.encoder->target_name()) : "values in their own units";
  if (model.series) {
    const auto& names = model.series->columns();
    const std::int64_t forecast = model.series->forecast_columns();
    numbers.output = "the next steps in their own units";
    for (std::int64_t output = 0; output < y.shape()[-1]; ++output) {
      numbers.output_names.push_back(
          fmt::format("{}, step {}", names[static_cast<std::size_t>(output % forecast)], output / forecast + 1));
    }
  }
  const bool plain =
      std::ranges::all_of(shifts, [](float v) { return v == 0; }) && std::ranges::all_of(spreads, [](float v) { return v == 1; });
  if (plain) return y;
  const auto is_one = [](const std::vector<float>& values) {
    return std::ranges::count(values, values.front()) == std::ssize(values);
  };
  if (is_one(spreads) && is_one(shifts)) return y * static_cast<double>(spreads.front()) + static_cast<double>(shifts.front());
  return y * row(graph, spreads) + row(graph, shifts);
}

}  // namespace

RawGraph with_raw_numbers(const Graph& network, const Model& model) {
  Rebuild rebuild(network);
  Graph& graph = rebuild.graph();
  RawNumbers numbers;
  graph.set_scope("scaling");
  for (std::size_t id = 0; id < network.values().size(); ++id) {
    const ValueInfo& info = network.values()[id];
    if (info.kind == ValueKind::input) rebuild.map(static_cast<int>(id), Input(graph, model, numbers).build(info.name, info.type));
  }
  for (const Node& node : network.nodes()) rebuild.copy(node);
  graph.set_scope("unit");
  const int output = network.outputs().front().value;
  rebuild.map(output, answer(rebuild(output), model, numbers));
  graph.set_scope("");
  return {rebuild.finish(), std::move(numbers)};
}

}  // namespace neurons
