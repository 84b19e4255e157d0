#pragma once
/// A chain of elementwise ops that runs as one: the options of a fused node, or the epilogue of a weighted sum.

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "neurons/graph/op.hpp"
#include "neurons/kernels/program.hpp"

namespace neurons {

/// Steps in order, each an elementwise op. An operand is an outside input of the chain, an output of an earlier step, or the host's
/// tile (what the weighted sum that carries this chain has just computed).
struct Chain {
  struct Operand {
    enum class From { input, step, tile };
    From from = From::input;
    int index = 0;   ///< which input, or which step
    int output = 0;  ///< which output of that step
    bool operator==(const Operand&) const = default;
  };
  struct Step {
    const OpDef* op = nullptr;
    Options options;
    std::vector<Operand> operands;
    std::vector<TensorType> types;  ///< of its outputs
    bool operator==(const Step&) const = default;
  };
  std::vector<Step> steps;
  std::vector<Operand> outputs;  ///< what leaves the chain: step outputs, or the tile itself

  bool operator==(const Chain&) const = default;
  bool empty() const { return steps.empty(); }
  /// "Relu(tile) → Mul(%0, in0)"
  std::string to_string() const;
  /// The output to which no later step would be surprised to find the tile's memory in use: the first leaving output of type
  /// `tile` made at or after the last step that reads the tile. -1 if there is none.
  int tile_output(const TensorType& tile) const;
  /// Pairs {output, input} that may share memory: same type, and no step after the one that makes the output reads the input.
  std::vector<std::pair<int, int>> aliases(std::span<const TensorType> inputs) const;
  TensorType type_of(const Operand& operand, std::span<const TensorType> inputs, const TensorType& tile) const;
};

/// The iteration space of an elementwise computation whose result has `shape`: dimensions collapsed as far as the operands'
/// broadcasting allows. Operands are then addressed by strides (kernels::External).
class IterationSpace {
 public:
  /// Throws InputError if an operand does not broadcast to `shape`, or if more than 8 dimensions remain.
  IterationSpace(const Shape& shape, std::span<const Shape> operands);

  /// Makes the space a plain matrix of rows × columns. False if the operands' broadcasting does not allow it.
  bool split(std::int64_t rows, std::int64_t columns);
  kernels::External external(std::size_t operand, const Buffer& buffer) const;
  void set_extents(kernels::Program& program) const;

 private:
  std::vector<std::int64_t> extents_;               ///< outermost first, at least 2
  std::vector<std::vector<std::int64_t>> strides_;  ///< per operand
};

/// The runnable form of a chain over `shape`. `inputs` and `outputs` are the chain's own. Where the chain is an epilogue, `matrix`
/// gives the host's rows and columns: the program then is over exactly that matrix. Throws InputError if that cannot be.
kernels::Program lower_chain(const Chain& chain, const Shape& shape, std::span<const Buffer> inputs,
                             std::span<const Buffer> outputs,
                             std::optional<std::pair<std::int64_t, std::int64_t>> matrix = std::nullopt);

/// A chain's result in double precision, step by step with the steps' own references. `tile` may be null.
void run_reference(const Chain& chain, std::span<const ReferenceTensor* const> inputs, const ReferenceTensor* tile,
                   std::span<ReferenceTensor> outputs);

}  // namespace neurons
