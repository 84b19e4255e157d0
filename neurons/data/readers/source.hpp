#pragma once
/// What kind of data a path holds, and the data that come with this project.

#include <filesystem>
#include <optional>
#include <span>
#include <string_view>

namespace neurons {

enum class SourceKind { idx, csv, npz, pictures, text };

/// "idx", "csv", "npz", "pictures", "text"
std::string_view name_of(SourceKind kind) noexcept;

/// idx: a folder with MNIST's file names; csv: a .csv or .tsv file or a folder with exactly one; npz: a .npz file; pictures: a
/// folder of folders; text: a .txt or .txt.gz file, or a folder with exactly one and no table. Throws InputError if the path does
/// not exist or is none of these.
SourceKind source_kind(const std::filesystem::path& path);

/// The .csv or .tsv file that `path` is or, if a folder, holds.
std::filesystem::path csv_file_of(const std::filesystem::path& path);
/// The same of a .txt or .txt.gz file.
std::filesystem::path text_file_of(const std::filesystem::path& path);

/// A dataset of the folder data/.
struct BundledData {
  std::string_view name;    ///< "mnist"
  std::string_view folder;  ///< below the data folder
  SourceKind kind;
  std::string_view target;  ///< name of the target column; empty for idx and text
  bool is_classification;
  std::int64_t samples;  ///< of a series its steps, of a text its characters
  std::string_view description;
  std::string_view licence;
};

/// All of them, by name.
std::span<const BundledData> bundled_data() noexcept;
/// The one of this name, or null.
const BundledData* find_bundled(std::string_view name) noexcept;

/// The data folder at or above `start`: the nearest parent with a folder data/ that holds data/iris/iris.csv.
std::optional<std::filesystem::path> find_data_folder(std::filesystem::path start);

}  // namespace neurons
