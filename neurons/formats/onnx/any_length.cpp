#include "neurons/formats/onnx/any_length.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "neurons/base/error.hpp"
#include "neurons/formats/onnx/imported_model.hpp"
#include "neurons/layers/embedding.hpp"
#include "neurons/layers/step_graph.hpp"

namespace neurons::onnx {
namespace {

/// Throws unless sequences of other lengths are the same network's.
void require_open_time(const Network& network) {
  constexpr std::string_view kWanted = "sequences of any length";
  for (const auto& [name, layer] : network.layers()) {
    if (layer.as<ImportedModel>() != nullptr) {
      fail_input(
          "{}: layer \"{}\" was read from ONNX, where any number may be that of steps; give the run folder or the "
          "model.safetensors of a network of layers",
          kWanted, name);
    }
    if (layer.as<LearnedPositions>() == nullptr) continue;
    const std::string table = name + ".weight";
    const auto is_table = [&table](const auto& parameter) { return parameter.first == table; };
    const auto types = network.parameter_types();
    if (std::ranges::find_if(types, is_table)->second.shape[0] > 1) continue;
    fail_input("{}: layer \"{}\" has learnt one step alone, which ONNX would add to all", kWanted, name);
  }
  const auto& inputs = network.inputs();
  const bool tokens = !inputs.empty() && inputs[0].dtype == DType::i64;
  const bool steps = !inputs.empty() && inputs[0].sample.rank() == (tokens ? 1 : 2);
  const auto is_whole_number = [](const Network::Input& input) { return input.sample.rank() == 0 && input.dtype != DType::f32; };
  if (steps && std::all_of(inputs.begin() + 1, inputs.end(), is_whole_number) && network.outputs().size() == 1) return;
  fail_input(
      "{}: expects a network with one output and one input, [time, features] of numbers or [time] of tokens, or behind it the "
      "lengths of sequences",
      kWanted);
}

/// Learnt positions are cut out of a table that is longer than any sequence, so that the file cuts its own.
Layer with_long_table(const Layer& layer) {
  constexpr std::int64_t kLonger = std::int64_t{1} << 40;
  return layer.as<LearnedPositions>() == nullptr ? layer : layer.with({{"length", kLonger}});
}

}  // namespace

std::vector<Variant> variants_of_length(const Network& network) {
  require_open_time(network);
  const std::int64_t steps = std::max<std::int64_t>(2, network.inputs()[0].sample[0]);  // a single one needs no broadcasting
  const std::array<std::array<std::int64_t, 2>, 6> extents = {
      {{2, steps}, {3, steps}, {2, steps + 1}, {2, steps + 2}, {2, steps + 3}, {3, steps + 997}}};
  std::vector<Variant> variants;
  for (const auto& [batch, time] : extents) {
    Graph graph(network.table());
    try {
      with_time(network, time, with_long_table).build(graph, batch, Mode::inference);
    } catch (const InputError& error) {
      fail_input("sequences of any length: with {} steps in place of {}: {}", time, network.inputs()[0].sample[0], error.what());
    }
    variants.push_back({std::move(graph), {batch, time}});
  }
  return variants;
}

bool takes_any_length(const Network& network) {
  const ImportedModel* imported = imported_in(network);
  if (imported == nullptr || imported->model == nullptr || network.inputs().empty()) return false;
  const std::size_t axes = network.inputs().front().dtype == DType::f32 ? 3 : 2;
  const auto& dims = imported->model->graph.given_inputs().front()->dims;
  return dims && dims->size() == axes && std::holds_alternative<std::string>((*dims)[1]);
}

Network with_steps(const Network& network, std::int64_t steps) {
  if (!takes_any_length(network)) fail_input("expects a file of ONNX that takes sequences of any length");
  if (steps < 1) fail_input("a sequence of {} steps: expects one at least", steps);
  const auto written = imported_in(network)->model->graph.given_inputs();
  const Dim time = (*written.front()->dims)[1];
  Network sized(network.table());
  std::vector<Network::Tap> taps;
  for (std::size_t i = 0; i < written.size(); ++i) {
    const Network::Input& input = network.inputs()[i];
    Shape sample = input.sample;
    for (int axis = 0; axis < sample.rank(); ++axis) {
      const bool is_same = time != Dim("") && (*written[i]->dims)[static_cast<std::size_t>(axis) + 1] == time;
      if (is_same || (i == 0 && axis == 0)) sample = sample.with(axis, steps);
    }
    taps.push_back(sized.input(input.name, sample, input.dtype));
  }
  const auto& [name, layer] = network.layers().front();
  sized.output(network.outputs().front().name, sized.add(layer, taps, name));
  sized.parameter_types();  // builds it: what does not take as many steps says so
  for (const auto& [parameter, value] : network.parameters()) sized.set_parameter(parameter, value);
  return sized;
}

std::vector<Waves> waves_in(const Network& network) {
  std::vector<Waves> waves;
  for (const bool cosines : {true, false}) {
    waves.emplace_back([cosines](std::int64_t pairs) { return rotary_waves(pairs, cosines); });
  }
  for (const auto& [name, layer] : network.layers()) {
    const auto* encoding = layer.as<PositionalEncoding>();
    if (encoding == nullptr) continue;
    const auto period = static_cast<double>(encoding->period);
    waves.emplace_back([period](std::int64_t width) { return encoding_waves(width, period); });
  }
  return waves;
}

}  // namespace neurons::onnx
