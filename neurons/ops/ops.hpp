#pragma once
/// The built-in ops: one file each in this folder, listed in ops.list.

#include <memory>

#include "neurons/graph/op_table.hpp"

namespace neurons::ops {

/// The table of all built-in ops; one object for the whole program.
const std::shared_ptr<const OpTable>& table();

}  // namespace neurons::ops
