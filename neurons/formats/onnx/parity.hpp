#pragma once
/// Layer by layer: what a model computes here, beside what another runtime has computed.

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "neurons/formats/onnx/model.hpp"
#include "neurons/graph/op_table.hpp"

namespace neurons::onnx {

/// One value of the model, here and as it was recorded.
struct ValueParity {
  std::string value;
  std::string node;  ///< that computes it: "conv1 (Conv)"
  bool agrees = true;
  std::string fault;  ///< of types that are not the same
  std::int64_t elements = 0;
  std::int64_t differing = 0;  ///< by more than the tolerance
  double largest = 0;          ///< difference, relative to the recorded number, or to the mean size of all where that is larger;
                               ///< what is rounding of terms that cancel in a sum does not count
  std::int64_t place = 0;      ///< of the largest
  std::vector<std::int64_t> index;
  double here = 0;  ///< there
  double there = 0;
};

struct Parity {
  std::vector<ValueParity> values;        ///< in the order in which they are computed
  std::vector<std::string> not_compared;  ///< recorded, but not computed here under that name: what was known at import
};

inline constexpr double kParityTolerance = 1e-4;

/// Runs the model on the recorded inputs and compares every value that was recorded. `recorded` holds arrays by the names of the
/// model's values, inputs among them. Throws InputError for an input that is missing, and as to_graph() does.
Parity compare(const Model& model, const std::shared_ptr<const OpTable>& table, const std::map<std::string, Tensor>& recorded,
               double tolerance = kParityTolerance);

/// In plain words: how many elements differ, by how much, and where.
std::string to_string(const ValueParity& value);

/// The same model with all that its nodes compute as outputs: for another runtime, which then records it.
Model with_all_outputs(Model model);

}  // namespace neurons::onnx
