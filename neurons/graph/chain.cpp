#include "neurons/graph/chain.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace neurons {
namespace {

using Operand = Chain::Operand;
using From = Chain::Operand::From;

std::size_t at(int index) { return static_cast<std::size_t>(index); }

/// Strides with which an operand of shape `from` is read over `to`: 0 along broadcast dimensions.
std::vector<std::int64_t> broadcast_strides(const Shape& from, const Shape& to) {
  if (from.rank() > to.rank() || broadcast(from, to) != to) {
    fail_input("elementwise: shape {} does not broadcast to {}", from.to_string(), to.to_string());
  }
  const auto own = from.strides();
  std::vector<std::int64_t> strides(at(to.rank()), 0);
  const int leading = to.rank() - from.rank();
  for (int axis = leading; axis < to.rank(); ++axis) {
    if (from[axis - leading] != 1) strides[at(axis)] = own[at(axis - leading)];
  }
  return strides;
}

std::string name_of(const Operand& operand) {
  if (operand.from == From::tile) return "tile";
  if (operand.from == From::input) return fmt::format("in{}", operand.index);
  return operand.output == 0 ? fmt::format("%{}", operand.index) : fmt::format("%{}.{}", operand.index, operand.output);
}

}  // namespace

std::string Chain::to_string() const {
  std::string text;
  for (std::size_t s = 0; s < steps.size(); ++s) {
    std::string operands;
    for (const Operand& operand : steps[s].operands) operands += (operands.empty() ? "" : ", ") + name_of(operand);
    const std::string options = steps[s].options.to_string();
    text +=
        fmt::format("{}%{} = {}({}{}{})", s == 0 ? "" : "; ", s, steps[s].op->name, operands, options.empty() ? "" : "; ", options);
  }
  text += " →";
  for (const Operand& operand : outputs) text += " " + name_of(operand);
  return text;
}

TensorType Chain::type_of(const Operand& operand, std::span<const TensorType> inputs, const TensorType& tile) const {
  switch (operand.from) {
    case From::tile:
      return tile;
    case From::input:
      return inputs[at(operand.index)];
    case From::step:
      break;
  }
  return steps[at(operand.index)].types[at(operand.output)];
}

int Chain::tile_output(const TensorType& tile) const {
  int last_reader = -1;
  for (std::size_t s = 0; s < steps.size(); ++s) {
    const bool reads = std::ranges::any_of(steps[s].operands, [](const Operand& operand) { return operand.from == From::tile; });
    if (reads) last_reader = static_cast<int>(s);
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].from == From::tile) return static_cast<int>(i);
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const Operand& output = outputs[i];
    if (output.index >= last_reader && steps[at(output.index)].types[at(output.output)] == tile) return static_cast<int>(i);
  }
  return -1;
}

std::vector<std::pair<int, int>> Chain::aliases(std::span<const TensorType> inputs) const {
  std::vector<std::pair<int, int>> pairs;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].from != From::step) continue;
    for (std::size_t j = 0; j < inputs.size(); ++j) {
      if (inputs[j] != steps[at(outputs[i].index)].types[at(outputs[i].output)]) continue;
      bool read_later = false;
      for (std::size_t s = at(outputs[i].index) + 1; s < steps.size(); ++s) {
        read_later = read_later || std::ranges::any_of(steps[s].operands, [&](const Operand& operand) {
                       return operand.from == From::input && at(operand.index) == j;
                     });
      }
      if (!read_later) pairs.emplace_back(static_cast<int>(i), static_cast<int>(j));
    }
  }
  return pairs;
}

IterationSpace::IterationSpace(const Shape& shape, std::span<const Shape> operands) {
  std::vector<std::vector<std::int64_t>> all;
  for (const Shape& operand : operands) all.push_back(broadcast_strides(operand, shape));
  strides_.resize(all.size());
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const std::int64_t extent = shape[axis];
    if (extent == 1) continue;
    bool joins = !extents_.empty();
    for (std::size_t k = 0; k < all.size(); ++k) joins = joins && strides_[k].back() == all[k][at(axis)] * extent;
    if (joins) {
      extents_.back() *= extent;
      for (std::size_t k = 0; k < all.size(); ++k) strides_[k].back() = all[k][at(axis)];
    } else {
      extents_.push_back(extent);
      for (std::size_t k = 0; k < all.size(); ++k) strides_[k].push_back(all[k][at(axis)]);
    }
  }
  while (extents_.size() < 2) {
    extents_.insert(extents_.begin(), 1);
    for (auto& strides : strides_) strides.insert(strides.begin(), 0);
  }
}

bool IterationSpace::split(std::int64_t rows, std::int64_t columns) {
  if (extents_.size() != 2) return false;
  if (extents_[0] == rows && extents_[1] == columns) return true;
  if (extents_[0] != 1 || extents_[1] != rows * columns) return false;
  extents_ = {rows, columns};
  for (auto& strides : strides_) strides = {strides[1] * columns, strides[1]};
  return true;
}

kernels::External IterationSpace::external(std::size_t operand, const Buffer& buffer) const {
  kernels::External external;
  const auto& strides = strides_[operand];
  const std::size_t outer = strides.size() - 2;
  external.data = buffer.data;
  external.element_bytes = size_of(buffer.type.dtype);
  external.row_stride = strides[outer];
  external.column_stride = strides[outer + 1];
  for (std::size_t i = 0; i < outer; ++i) external.outer_strides[external.outer_strides.size() - outer + i] = strides[i];
  return external;
}

void IterationSpace::set_extents(kernels::Program& program) const {
  const std::size_t outer = extents_.size() - 2;
  program.rows = extents_[outer];
  program.columns = extents_[outer + 1];
  for (std::size_t i = 0; i < outer; ++i) program.outer[program.outer.size() - outer + i] = extents_[i];
}

namespace {

/// Outputs are fetched to be written; so are the inputs in the same place, by that. Rows that all tiles share are at hand anyway.
void choose_fetches(std::span<kernels::External> externals, std::size_t inputs) {
  using Ahead = kernels::External::Ahead;
  const auto written = externals.subspan(inputs);
  for (auto& output : written) output.ahead = Ahead::to_write;
  for (auto& input : externals.first(inputs)) {
    const bool replaced = std::ranges::find(written, input.data, &kernels::External::data) != written.end();
    if (input.row_stride != 0 && input.column_stride != 0 && !replaced) input.ahead = Ahead::to_read;
  }
}

}  // namespace

kernels::Program lower_chain(const Chain& chain, const Shape& shape, std::span<const Buffer> inputs,
                             std::span<const Buffer> outputs, std::optional<std::pair<std::int64_t, std::int64_t>> matrix) {
  std::vector<Shape> shapes;
  std::vector<TensorType> input_types;
  for (const Buffer& buffer : inputs) {
    shapes.push_back(buffer.type.shape);
    input_types.push_back(buffer.type);
  }
  for (const Buffer& buffer : outputs) shapes.push_back(buffer.type.shape);
  IterationSpace space(shape, shapes);
  if (matrix && !space.split(matrix->first, matrix->second)) {
    fail_input("epilogue: shape {} is no matrix of {} × {} to all operands", shape.to_string(), matrix->first, matrix->second);
  }
  kernels::Program program;
  space.set_extents(program);
  for (std::size_t i = 0; i < inputs.size(); ++i) program.externals.push_back(space.external(i, inputs[i]));
  for (std::size_t i = 0; i < outputs.size(); ++i) program.externals.push_back(space.external(inputs.size() + i, outputs[i]));

  choose_fetches(program.externals, inputs.size());

  using Place = kernels::Operand::Place;
  const TensorType tile{DType::f32, shape};
  /// Where each step's outputs live: an external if they leave the chain, else a block that is free again after its last reader.
  std::vector<std::vector<kernels::Operand>> places(chain.steps.size());
  std::vector<int> free_blocks;
  const auto last_reader = [&](int step) {
    int last = step;
    for (std::size_t s = at(step) + 1; s < chain.steps.size(); ++s) {
      for (const Operand& operand : chain.steps[s].operands) {
        if (operand.from == From::step && operand.index == step) last = static_cast<int>(s);
      }
    }
    return last;
  };
  for (std::size_t s = 0; s < chain.steps.size(); ++s) {
    const Chain::Step& step = chain.steps[s];
    kernels::Instruction instruction;
    std::vector<TensorType> types;
    for (const Operand& operand : step.operands) {
      types.push_back(chain.type_of(operand, input_types, tile));
      switch (operand.from) {
        case From::tile:
          instruction.operands.push_back({Place::tile, 0});
          break;
        case From::input:
          instruction.operands.push_back({Place::external, operand.index});
          break;
        case From::step:
          instruction.operands.push_back(places[at(operand.index)][at(operand.output)]);
          break;
      }
    }
    const InferContext context{*step.op, step.options, types, std::vector<bool>(types.size(), true)};
    for (std::size_t o = 0; o < step.types.size(); ++o) {
      const auto leaving = std::ranges::find(chain.outputs, Operand{From::step, static_cast<int>(s), static_cast<int>(o)});
      kernels::Operand place;
      if (leaving != chain.outputs.end()) {
        place = {Place::external, static_cast<int>(inputs.size()) + static_cast<int>(leaving - chain.outputs.begin())};
      } else if (!free_blocks.empty()) {
        place = {Place::block, free_blocks.back()};
        free_blocks.pop_back();
      } else {
        place = {Place::block, program.blocks++};
      }
      places[s].push_back(place);
      instruction.operands.push_back(place);
    }
    instruction.function = step.op->elementwise->function(context);
    if (step.op->elementwise->tile_options) instruction.options = step.op->elementwise->tile_options(step.options);
    program.instructions.push_back(std::move(instruction));
    for (std::size_t earlier = 0; earlier <= s; ++earlier) {
      if (last_reader(static_cast<int>(earlier)) != static_cast<int>(s)) continue;
      for (const auto& place : places[earlier]) {
        if (place.place == Place::block) free_blocks.push_back(place.index);
      }
    }
  }
  program.prepare();
  return program;
}

void run_reference(const Chain& chain, std::span<const ReferenceTensor* const> inputs, const ReferenceTensor* tile,
                   std::span<ReferenceTensor> outputs) {
  std::vector<std::vector<ReferenceTensor>> results;
  const auto resolve = [&](const Operand& operand) -> const ReferenceTensor* {
    if (operand.from == From::tile) return tile;
    if (operand.from == From::input) return inputs[at(operand.index)];
    return &results[at(operand.index)][at(operand.output)];
  };
  for (const Chain::Step& step : chain.steps) {
    std::vector<const ReferenceTensor*> operands;
    for (const Operand& operand : step.operands) operands.push_back(resolve(operand));
    std::vector<ReferenceTensor> made;
    for (const TensorType& type : step.types) {
      made.push_back({type, std::vector<double>(static_cast<std::size_t>(type.shape.elements()))});
    }
    step.op->reference({step.options, operands, made});
    results.push_back(std::move(made));
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) outputs[i].data = resolve(chain.outputs[i])->data;
}

}  // namespace neurons
