#include "neurons/training/carried_state.hpp"

#include <algorithm>

#include "neurons/base/error.hpp"
#include "neurons/layers/carry_state.hpp"

namespace neurons {
namespace {

CarriedGraph carried_graph(const Network& network, std::int64_t rows, Mode mode, const std::string& suffix) {
  Graph graph(network.table());
  network.build(graph, rows, mode);
  return carry_state(graph, "carry_state", suffix);
}

}  // namespace

Graph CarriedState::build(const Network& network, std::int64_t rows, Mode mode) const {
  if (rows_ != 0 && rows != rows_) {
    fail_input("carry_state: each batch goes on where the one before it ended, so all have {} rows, not {}", rows_, rows);
  }
  return std::move(carried_graph(network, rows, mode, suffix_).graph);
}

void CarriedState::bind(const Network& network, std::int64_t rows, StateStore& states) {
  if (rows_ != 0) return;
  rows_ = rows;
  for (const std::string& name : carried_graph(network, rows, Mode::inference, suffix_).memory) {
    const Buffer buffer = states.bind(name);
    memory_.emplace_back(reinterpret_cast<float*>(buffer.data), static_cast<std::size_t>(buffer.type.shape.elements()));
  }
}

void CarriedState::reset(std::optional<std::int64_t> row) {
  if (row && rows_ != 0 && (*row < 0 || *row >= rows_)) fail_input("carry_state: there is no row {} of {} to forget", *row, rows_);
  for (const std::span<float> numbers : memory_) {
    const std::size_t width = numbers.size() / static_cast<std::size_t>(rows_);
    std::ranges::fill(row ? numbers.subspan(static_cast<std::size_t>(*row) * width, width) : numbers, 0.0F);
  }
}

}  // namespace neurons
