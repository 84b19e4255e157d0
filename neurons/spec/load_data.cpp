#include "neurons/spec/load_data.hpp"

#include <algorithm>
#include <vector>

#include "neurons/base/error.hpp"
#include "neurons/base/suggest.hpp"
#include "neurons/data/picture_options.hpp"
#include "neurons/data/readers/idx.hpp"
#include "neurons/data/readers/npy.hpp"
#include "neurons/data/readers/pictures.hpp"
#include "neurons/data/readers/source.hpp"
#include "neurons/data/splits.hpp"

namespace neurons {
namespace fs = std::filesystem;

namespace {

const BundledData* find_bundled(std::string_view name) {
  const auto all = bundled_data();
  const auto found = std::ranges::find(all, name, &BundledData::name);
  return found == all.end() ? nullptr : &*found;
}

CsvOptions csv_options(const DataSpec& spec) {
  return {.header = spec.header.value_or(CsvOptions::Header::automatic),
          .delimiter = spec.delimiter.value_or('\0'),
          .categorical = spec.categorical};
}

/// The samples that a part takes from `samples`, sorted. `labels` is empty where nothing is to be stratified.
Indices part_of(const Part& part, std::string_view name, std::int64_t samples, std::span<const std::int64_t> labels,
                std::uint64_t seed) {
  if (part.folds > 0) {
    const auto folds = labels.empty() ? k_fold(samples, part.folds, seed) : stratified_k_fold(labels, part.folds, seed);
    return folds[static_cast<std::size_t>(part.fold - 1)].test;
  }
  if (part.amount >= static_cast<double>(samples)) {
    fail_input("{} = {}: there are only {} samples to part", name, part.amount, samples);
  }
  const double share = part.amount < 1 ? part.amount : part.amount / static_cast<double>(samples);
  const std::vector<double> shares = {share};
  return labels.empty() ? random_split(samples, shares, seed).front() : stratified_split(labels, shares, seed).front();
}

/// Which samples learn, validate and test.
struct Parting {
  Indices train;
  Indices validation;
  Indices test;
};

Parting part(const DataSpec& spec, std::int64_t samples, std::span<const std::int64_t> labels) {
  Parting parting;
  parting.train.resize(static_cast<std::size_t>(samples));
  for (std::int64_t i = 0; i < samples; ++i) parting.train[static_cast<std::size_t>(i)] = i;
  std::vector<std::int64_t> left(labels.begin(), labels.end());
  const auto take = [&](const Part& wanted, std::string_view name, Indices& into) {
    if (!wanted.is_parted()) return;
    const Indices taken = part_of(wanted, name, static_cast<std::int64_t>(parting.train.size()), left, spec.seed);
    Indices kept;
    std::vector<std::int64_t> kept_labels;
    for (std::size_t i = 0; i < parting.train.size(); ++i) {
      const bool moves = std::ranges::binary_search(taken, static_cast<std::int64_t>(i));
      (moves ? into : kept).push_back(parting.train[i]);
      if (!moves && !left.empty()) kept_labels.push_back(left[i]);
    }
    parting.train = std::move(kept);
    left = std::move(kept_labels);
  };
  take(spec.test, "test", parting.test);
  take(spec.validation, "validation", parting.validation);
  return parting;
}

std::vector<std::int64_t> labels_of(const Dataset& data, const DataSpec& spec) {
  if (!spec.stratified || !data.is_classification()) return {};
  const auto labels = data.targets.values<std::int64_t>();
  return {labels.begin(), labels.end()};
}

void deal_out(LoadedData& loaded, const Dataset& all, const Parting& parting) {
  if (!parting.test.empty()) loaded.test = all.subset(parting.test);
  if (!parting.validation.empty()) loaded.validation = all.subset(parting.validation);
  loaded.train = all.subset(parting.train);
}

/// Throws where the table lacks a column that the spec names; the message begins where it does so.
void require_column(const Table& table, const ColumnName& column, std::string_view key) {
  if (column.text.empty() || table.find_name_or_number(column.text)) return;
  std::vector<std::string> names;
  for (const Column& one : table.columns) names.push_back(one.name);
  fail_input("{}{} = \"{}\": {} has no such column{}", column.place, key, column.text, table.source,
             did_you_mean(column.text, names));
}

LoadedData load_table(const fs::path& path, const DataSpec& spec, std::string_view bundled_target) {
  if (spec.pictures) fail_input("[data] pictures is for pictures, but {} holds a table", path.string());
  const Table table = read_csv(csv_file_of(path), csv_options(spec));
  require_column(table, spec.target, "target");
  require_column(table, spec.weights, "weights");
  EncoderOptions options{.target = spec.target.text.empty() ? std::string(bundled_target) : spec.target.text,
                         .ignore = spec.ignore,
                         .weights = spec.weights.text,
                         .task = spec.task.value_or(Task::automatic),
                         .scaling = spec.scaling.value_or(Scaling::standardise),
                         .missing = spec.missing.value_or(MissingValues::mean),
                         .standardise_target = spec.standardise_target.value_or(true)};
  // The labels must be known before the samples are parted, and the parts before the encoding is fitted.
  const TableEncoder first = TableEncoder::fit(table, {}, options);
  if (options.task == Task::automatic) options.task = first.is_classification() ? Task::classification : Task::regression;
  const Parting parting = part(spec, table.rows(), labels_of(first.encode(table), spec));
  LoadedData loaded;
  loaded.encoder = TableEncoder::fit(table, parting.train, options);
  deal_out(loaded, loaded.encoder->encode(table), parting);
  return loaded;
}

/// Throws if the spec sets a field that only tables have.
void refuse_table_fields(const DataSpec& spec, const fs::path& path) {
  const auto is_set = [](const auto& field) {
    if constexpr (requires { field.has_value(); })
      return field.has_value();
    else if constexpr (requires { field.text; })
      return !field.text.empty();
    else
      return !field.empty();
  };
  DataSpec::table_fields(spec, [&](std::string_view name, const auto& field) {
    if (is_set(field)) fail_input("[data] {} is for tables, but {} holds {}", name, path.string(), name_of(source_kind(path)));
  });
}

const PictureOptions* pictures_of(const DataSpec& spec) { return spec.pictures ? &*spec.pictures : nullptr; }

void set_channels(Dataset& data, const std::vector<float>& means, const std::vector<float>& deviations) {
  data.channel_means = means;
  data.channel_deviations = deviations;
  data.validate_shapes();
}

/// Every part by the means and deviations of the spec, or of the training part.
void standardise(LoadedData& loaded, const DataSpec& spec) {
  if (!spec.pictures) return;
  ChannelStatistics channels{spec.pictures->means, spec.pictures->deviations};
  if (channels.means.empty() && spec.pictures->standardise) channels = channel_statistics(loaded.train);
  for (Dataset* part : {&loaded.train, loaded.validation ? &*loaded.validation : nullptr, loaded.test ? &*loaded.test : nullptr}) {
    if (part != nullptr) set_channels(*part, channels.means, channels.deviations);
  }
}

LoadedData load_arrays(const fs::path& path, const DataSpec& spec) {
  refuse_table_fields(spec, path);
  TrainTest both = read_arrays(path, pictures_of(spec));
  const bool has_test = both.test.samples() > 0;
  if (has_test && spec.test.is_parted()) {
    fail_input("[data] test: {} comes with a test part of its own; leave test out", path.string());
  }
  LoadedData loaded;
  if (!spec.test.is_parted() && !spec.validation.is_parted()) {
    loaded.train = std::move(both.train);
  } else {
    deal_out(loaded, both.train, part(spec, both.train.samples(), labels_of(both.train, spec)));
  }
  if (has_test) loaded.test = std::move(both.test);
  return loaded;
}

}  // namespace

fs::path find_source(const std::string& source, const fs::path& folder, std::span<const fs::path> places) {
  if (source.empty()) fail_input("[data] names no source: give a bundled data set, a file or a folder");
  std::error_code ignored;
  const BundledData* bundled = find_bundled(source);
  if (bundled == nullptr) {
    const fs::path path = folder / source;
    if (fs::exists(path, ignored)) return path;
    std::vector<std::string> known;
    for (const BundledData& one : bundled_data()) known.emplace_back(one.name);
    fail_input("data \"{}\": neither a file or folder ({}) nor a bundled data set{}", source, path.string(),
               did_you_mean(source, known));
  }
  std::vector<fs::path> starts = {folder};
  starts.insert(starts.end(), places.begin(), places.end());
  for (const fs::path& start : starts) {
    if (const auto found = find_data_folder(fs::absolute(start, ignored))) return *found / bundled->folder;
  }
  fail_input("data \"{}\": the folder data/ of the bundled data sets was not found at or above {}; give its path instead", source,
             fs::absolute(folder, ignored).string());
}

TrainTest read_arrays(const fs::path& path, const PictureOptions* pictures) {
  const SourceKind kind = source_kind(path);
  if (kind == SourceKind::csv) fail_input("{}: holds a table, but arrays or pictures are needed", path.string());
  if (kind == SourceKind::pictures) return {read_picture_folder(path, pictures == nullptr ? PictureOptions{} : *pictures), {}};
  TrainTest both = kind == SourceKind::idx ? read_mnist(path) : read_npz_data(path);
  if (pictures == nullptr) return both;
  prepare_pictures(both.train, *pictures);
  if (both.test.samples() > 0) prepare_pictures(both.test, *pictures);
  return both;
}

LoadedData load_data(const Spec& spec, std::span<const fs::path> places) {
  const fs::path folder = spec.file.parent_path();
  const fs::path path = find_source(spec.data.source, folder, places);
  const BundledData* bundled = find_bundled(spec.data.source);
  LoadedData loaded = source_kind(path) == SourceKind::csv ? load_table(path, spec.data, bundled == nullptr ? "" : bundled->target)
                                                           : load_arrays(path, spec.data);
  const TableEncoder* encoder = loaded.encoder ? &*loaded.encoder : nullptr;
  const auto load_own = [&](const Part& wanted, std::optional<Dataset>& into) {
    if (!wanted.source.empty()) into = load_all(find_source(wanted.source, folder, places), encoder, spec.data);
  };
  load_own(spec.data.test, loaded.test);
  load_own(spec.data.validation, loaded.validation);
  standardise(loaded, spec.data);
  loaded.train.validate();
  if (loaded.validation) loaded.validation->validate();
  if (loaded.test) loaded.test->validate();
  return loaded;
}

Dataset load_all(const fs::path& path, const TableEncoder* encoder, const DataSpec& data) {
  const bool is_table = source_kind(path) == SourceKind::csv;
  if (is_table && encoder == nullptr)
    fail_input("{}: holds a table, but the network was trained on arrays or pictures", path.string());
  if (!is_table && encoder != nullptr) {
    fail_input("{}: holds {}, but the network was trained on a table", path.string(), name_of(source_kind(path)));
  }
  if (is_table) return encoder->encode(read_csv(csv_file_of(path), csv_options(data)));
  TrainTest both = read_arrays(path, pictures_of(data));
  Dataset all = both.test.samples() > 0 ? std::move(both.test) : std::move(both.train);
  if (data.pictures) set_channels(all, data.pictures->means, data.pictures->deviations);
  return all;
}

}  // namespace neurons
