#include "neurons/formats/onnx/given_shapes.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <span>
#include <variant>

namespace neurons::onnx {
namespace {

/// Calls `visit` with each open extent of the input: its axis and its name, which may be "".
template <typename Visit>
void each_open(const ValueData& input, const Visit& visit) {
  for (std::size_t axis = 0; input.dims && axis < input.dims->size(); ++axis) {
    if (const auto* name = std::get_if<std::string>(&(*input.dims)[axis])) visit(axis, *name);
  }
}

/// Open extents by their names; if `batch` is 0, it becomes the first of those of a batch.
std::map<std::string, std::int64_t> named_extents(const GraphData& graph, const std::map<std::string, Shape>& asked,
                                                  std::int64_t& batch) {
  std::map<std::string, std::int64_t> named;
  for (const ValueData* input : graph.given_inputs()) {
    const auto given = asked.find(input->name);
    if (given == asked.end() || !input->dims || std::ssize(*input->dims) != given->second.rank()) continue;
    each_open(*input, [&](std::size_t axis, const std::string& name) {
      const std::int64_t extent = given->second.extents()[axis];
      if (!name.empty()) named.emplace(name, extent);
      if (axis == 0 && batch == 0) batch = extent;
    });
  }
  return named;
}

std::string note_on(const ValueData& input, std::int64_t batch) {
  std::vector<std::string> open;
  each_open(input, [&](std::size_t axis, const std::string& name) {
    if (axis > 0) open.push_back(name.empty() ? fmt::format("axis {}", axis) : fmt::format("\"{}\"", name));
  });
  if (open.empty()) return "";
  std::vector<std::int64_t> extents = input.extents();
  if (std::holds_alternative<std::string>(input.dims->front())) extents.front() = batch;
  return fmt::format("input \"{}\" leaves {} open, {}: --shape {}={} takes another", input.name, fmt::join(open, " and "),
                     open.size() == 1 ? "1 is taken" : "1 is taken of each", input.name, fmt::join(extents, ","));
}

}  // namespace

GivenShapes given_shapes(const GraphData& graph, const std::map<std::string, Shape>& asked, std::int64_t batch) {
  const std::map<std::string, std::int64_t> named = named_extents(graph, asked, batch);
  GivenShapes result{asked, std::max<std::int64_t>(1, batch), {}};
  for (const ValueData* input : graph.given_inputs()) {
    if (asked.contains(input->name) || !input->dims) continue;
    std::vector<std::int64_t> extents = input->extents();
    bool follows = false;
    each_open(*input, [&](std::size_t axis, const std::string& name) {
      const auto known = named.find(name);
      follows = follows || known != named.end();
      if (axis == 0 || known != named.end()) extents[axis] = known == named.end() ? result.batch : known->second;
    });
    if (follows) {
      result.shapes.emplace(input->name, Shape(std::span<const std::int64_t>(extents)));
    } else if (std::string note = note_on(*input, result.batch); !note.empty()) {
      result.notes.push_back(std::move(note));
    }
  }
  return result;
}

}  // namespace neurons::onnx
