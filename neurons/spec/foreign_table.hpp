#pragma once
/// Tables for models that another program has made: nothing is known of their columns but how many numbers they take.

#include <filesystem>
#include <string>

#include "neurons/data/dataset.hpp"
#include "neurons/data/readers/table.hpp"
#include "neurons/spec/model.hpp"

namespace neurons {

/// The inputs and targets of a table: the column `target` ("": the last one) is what is to be found out, the others are the model's
/// inputs, in their order, as they are. Throws InputError where they hold texts or a missing value, and where their number is not
/// the model's.
Dataset read_foreign_table(const Model& model, const std::filesystem::path& path, const std::string& target);

/// The inputs alone, f32 [rows, …], of a table of nothing else but, if it has that column, `target`. Throws as above.
Tensor foreign_inputs(const Model& model, const Table& table, const std::string& target = "");

}  // namespace neurons
