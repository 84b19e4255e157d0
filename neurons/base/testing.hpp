#pragma once
/// For tests: what a call throws, and a folder to write into.

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "neurons/base/error.hpp"
#include "neurons/base/temporary_folder.hpp"

namespace neurons::testing {

/// The message of the InputError (or other Error) that `call` throws; "nothing thrown" if it throws none.
template <typename Kind = InputError, typename Call>
std::string message_of(Call call) {
  try {
    call();
  } catch (const Kind& error) {
    return error.what();
  }
  return "nothing thrown";
}

class TemporaryFolder : public neurons::TemporaryFolder {
 public:
  /// Writes a file below the folder, with its parents, and returns its path.
  std::filesystem::path write(const std::filesystem::path& name, std::string_view text) const {
    const auto file = path() / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
    return file;
  }
};

}  // namespace neurons::testing
