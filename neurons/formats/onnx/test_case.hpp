#pragma once
/// ONNX's test cases: a folder with a model and data sets of inputs and the outputs that they must give.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "neurons/graph/op_table.hpp"

namespace neurons::onnx {

struct CaseResult {
  enum class Outcome : std::uint8_t {
    passed,
    failed,
    skipped,  ///< the model uses operators that are not known here
  };
  std::string name;  ///< of the folder
  Outcome outcome = Outcome::failed;
  std::string reason;  ///< why not: what is not supported, or the first element that differs
};

/// Compiles the folder's model and runs it on each `test_data_set_*`. Numbers may differ by 1e-3 of the expected one plus 1e-7, as
/// in ONNX's own runner. Inputs on which shapes hang are taken as known. Never throws for what is wrong with the case: it fails.
CaseResult run_case(const std::filesystem::path& folder, const std::shared_ptr<const OpTable>& table);

/// The folders at or below `folder` that are test cases, in order of their names. Throws InputError where there are none.
std::vector<std::filesystem::path> find_cases(const std::filesystem::path& folder);

}  // namespace neurons::onnx
