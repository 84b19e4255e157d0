#include "neurons/data/readers/source.hpp"

#include <algorithm>
#include <string>
#include <system_error>
#include <vector>

#include "neurons/base/error.hpp"

namespace neurons {
namespace {

namespace fs = std::filesystem;

constexpr BundledData kBundled[] = {
    {"breast_cancer", "breast_cancer", SourceKind::csv, "diagnosis", true, 569,
     "30 measurements of cell nuclei, malignant or benign (Wisconsin, diagnostic)", "CC BY 4.0"},
    {"diabetes", "diabetes", SourceKind::csv, "progression", false, 442,
     "10 measurements of diabetes patients, progression after a year (Efron et al. 2004)",
     "published with the paper, no explicit licence"},
    {"digits", "digits", SourceKind::csv, "digit", true, 1797, "8×8 pictures of handwritten digits (Alpaydin, Kaynak 1998)",
     "CC BY 4.0"},
    {"iris", "iris", SourceKind::csv, "species", true, 150, "4 lengths of iris flowers, 3 species (Fisher 1936)", "CC BY 4.0"},
    {"mnist", "mnist", SourceKind::idx, "", true, 70'000,
     "28×28 pictures of handwritten digits, 60,000 to train and 10,000 to test (LeCun, Cortes, Burges)", "CC BY-SA 3.0"},
    {"moby-dick", "moby-dick", SourceKind::text, "", true, 1'190'317, "the chapters of Melville's novel as plain text (1851)",
     "public domain, CC0"},
    {"sunspots", "sunspots", SourceKind::csv, "sunspots", false, 2820,
     "monthly numbers of sunspots from 1749 to 1983 (Zürich, Tokyo; Andrews, Herzberg 1985)",
     "published with the book, no explicit licence"},
    {"wine", "wine", SourceKind::csv, "cultivar", true, 178, "13 chemical measurements of wines, 3 cultivars (Forina et al.)",
     "CC BY 4.0"},
};

std::string lower_extension(const fs::path& path) {
  std::string extension = path.extension().string();
  for (char& c : extension) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return extension;
}

bool is_csv(const fs::path& path) { return lower_extension(path) == ".csv" || lower_extension(path) == ".tsv"; }

bool is_text_file(const fs::path& path) {
  return lower_extension(path) == ".txt" || (lower_extension(path) == ".gz" && lower_extension(path.stem()) == ".txt");
}

bool is_hidden(const fs::path& path) { return path.filename().string().starts_with('.'); }

bool has_mnist_name(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.find("-idx3-ubyte") != std::string::npos || name.find("-idx1-ubyte") != std::string::npos;
}

struct Contents {
  std::vector<fs::path> tables;
  std::vector<fs::path> texts;
  bool has_mnist_file = false;
  bool has_folder = false;
};

Contents look_into(const fs::path& folder) {
  std::error_code error;
  fs::directory_iterator entries(folder, error);
  if (error) fail_input("{}: cannot be read: {}", folder.string(), error.message());
  Contents contents;
  for (const fs::directory_entry& entry : entries) {
    if (is_hidden(entry.path())) continue;
    if (entry.is_directory(error)) {
      contents.has_folder = true;
    } else if (is_csv(entry.path())) {
      contents.tables.push_back(entry.path());
    } else if (is_text_file(entry.path())) {
      contents.texts.push_back(entry.path());
    } else if (has_mnist_name(entry.path())) {
      contents.has_mnist_file = true;
    }
  }
  std::ranges::sort(contents.tables);
  std::ranges::sort(contents.texts);
  return contents;
}

void require_existing(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error)) fail_input("{}: there is no such file or folder", path.string());
}

}  // namespace

std::string_view name_of(SourceKind kind) noexcept {
  constexpr std::string_view kNames[] = {"idx", "csv", "npz", "pictures", "text"};
  return kNames[static_cast<std::size_t>(kind)];
}

SourceKind source_kind(const fs::path& path) {
  require_existing(path);
  std::error_code error;
  if (!fs::is_directory(path, error)) {
    if (is_csv(path)) return SourceKind::csv;
    if (lower_extension(path) == ".npz") return SourceKind::npz;
    if (is_text_file(path)) return SourceKind::text;
    fail_input("{}: is no kind of data known here; expected a .csv, .tsv, .npz or .txt file, or a folder", path.string());
  }
  const Contents contents = look_into(path);
  if (contents.has_mnist_file) return SourceKind::idx;
  if (!contents.tables.empty()) return csv_file_of(path), SourceKind::csv;
  if (contents.texts.size() == 1) return SourceKind::text;
  if (contents.has_folder) return SourceKind::pictures;
  fail_input(
      "{}: holds no data known here; expected IDX files of MNIST's names, one .csv, .tsv or .txt file, or a folder of pictures for "
      "each class",
      path.string());
}

fs::path csv_file_of(const fs::path& path) {
  require_existing(path);
  std::error_code error;
  if (!fs::is_directory(path, error)) return path;
  const Contents contents = look_into(path);
  if (contents.tables.size() == 1) return contents.tables.front();
  if (contents.tables.empty()) fail_input("{}: holds no .csv or .tsv file", path.string());
  fail_input("{}: holds {} tables, such as {} and {}; name one of them", path.string(), contents.tables.size(),
             contents.tables[0].filename().string(), contents.tables[1].filename().string());
}

fs::path text_file_of(const fs::path& path) {
  require_existing(path);
  std::error_code error;
  if (!fs::is_directory(path, error)) return path;
  const Contents contents = look_into(path);
  if (contents.texts.size() == 1) return contents.texts.front();
  fail_input("{}: holds {} .txt files, expected one; name the file itself", path.string(), contents.texts.size());
}

std::span<const BundledData> bundled_data() noexcept { return kBundled; }

const BundledData* find_bundled(std::string_view name) noexcept {
  const auto* found = std::ranges::find(kBundled, name, &BundledData::name);
  return found == std::end(kBundled) ? nullptr : found;
}

std::optional<fs::path> find_data_folder(fs::path start) {
  std::error_code error;
  start = fs::absolute(start, error).lexically_normal();
  for (;;) {
    if (fs::is_regular_file(start / "data" / "iris" / "iris.csv", error)) return start / "data";
    if (start == start.root_path() || !start.has_parent_path() || start.parent_path() == start) return std::nullopt;
    start = start.parent_path();
  }
}

}  // namespace neurons
