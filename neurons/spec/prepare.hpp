#pragma once
/// A spec made ready to run: data loaded, everything known, the network built.

#include <filesystem>
#include <optional>
#include <span>

#include "neurons/spec/load_data.hpp"
#include "neurons/spec/spec.hpp"

namespace neurons {

struct PreparedSpec {
  Spec spec;                       ///< resolved
  std::optional<LoadedData> data;  ///< none where the spec names no source
  Network network;                 ///< frozen as the spec says, without parameters
};

/// Throws InputError as load_data() and make_network() do, with the spec's file before it; and where a spec without data leaves
/// shapes open.
PreparedSpec prepare(Spec spec, std::span<const std::filesystem::path> places = {});

/// The spec with everything put in that data say: shapes, numbers of outputs, the task and the loss that suits it, absolute paths.
Spec resolve(Spec spec, const LoadedData& data);

/// The spec trained on other data than its own: a path, relative to where the program runs, or the name of a bundled data set. A
/// share that its own data set aside for testing is not taken from these: all that is there is to learn from. Throws InputError as
/// find_source() does.
void use_data(Spec& spec, const std::string& source);

}  // namespace neurons
