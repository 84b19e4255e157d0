#include "neurons/spec/load_data.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <vector>

#include "neurons/base/error.hpp"
#include "neurons/base/suggest.hpp"
#include "neurons/data/picture_options.hpp"
#include "neurons/data/readers/idx.hpp"
#include "neurons/data/readers/npy.hpp"
#include "neurons/data/readers/pictures.hpp"
#include "neurons/data/readers/source.hpp"
#include "neurons/data/splits.hpp"
#include "neurons/spec/load_series.hpp"
#include "neurons/spec/load_text.hpp"

namespace neurons {
namespace fs = std::filesystem;

namespace {

std::vector<std::string> texts_of(const std::vector<ColumnName>& columns) {
  std::vector<std::string> texts;
  for (const ColumnName& column : columns) texts.push_back(column.text);
  return texts;
}

/// The samples that a part takes from `samples` of `source`, sorted. `labels` is empty where nothing is to be stratified.
Indices part_of(const Part& part, std::string_view name, const std::string& source, std::int64_t samples,
                std::span<const std::int64_t> labels, std::uint64_t seed) {
  if (part.folds > samples) {
    fail_input("[data] {}: {} folds, but {} holds only {} sample{} to part", name, part.folds, source, samples,
               samples == 1 ? "" : "s");
  }
  if (part.folds > 0) {
    const auto folds = labels.empty() ? k_fold(samples, part.folds, seed) : stratified_k_fold(labels, part.folds, seed);
    return folds[static_cast<std::size_t>(part.fold - 1)].test;
  }
  if (part.amount >= static_cast<double>(samples)) {
    fail_input("[data] {} = {}: {} holds only {} sample{} to part", name, part.amount, source, samples, samples == 1 ? "" : "s");
  }
  if (samples < 2) fail_input("[data] {} = {}: {} holds only one sample, nothing to part", name, part.amount, source);
  const double share = part.amount < 1 ? part.amount : part.amount / static_cast<double>(samples);
  if (std::llround(share * static_cast<double>(samples)) == 0) {
    fail_input("[data] {} = {}: that share of the {} samples of {} is none; give a larger one", name, part.amount, samples, source);
  }
  const std::vector<double> shares = {share};
  return labels.empty() ? random_split(samples, shares, seed).front() : stratified_split(labels, shares, seed).front();
}

/// A class of which `taken` holds every sample keeps one of them: what is never learnt cannot be judged.
void leave_one_of_each_class(Indices& taken, std::span<const std::int64_t> labels) {
  std::map<std::int64_t, std::int64_t> left;
  for (const std::int64_t label : labels) ++left[label];
  for (const std::int64_t sample : taken) --left[labels[static_cast<std::size_t>(sample)]];
  std::erase_if(taken, [&](std::int64_t sample) { return left[labels[static_cast<std::size_t>(sample)]]++ == 0; });
}

/// Which samples learn, validate and test.
struct Parting {
  Indices train;
  Indices validation;
  Indices test;
};

Parting part(const DataSpec& spec, const std::string& source, std::int64_t samples, std::span<const std::int64_t> labels) {
  Parting parting;
  parting.train.resize(static_cast<std::size_t>(samples));
  for (std::int64_t i = 0; i < samples; ++i) parting.train[static_cast<std::size_t>(i)] = i;
  std::vector<std::int64_t> left(labels.begin(), labels.end());
  const auto take = [&](const Part& wanted, std::string_view name, Indices& into) {
    if (!wanted.is_parted()) return;
    Indices taken = part_of(wanted, name, source, static_cast<std::int64_t>(parting.train.size()), left, spec.seed.value_or(0));
    if (!left.empty()) leave_one_of_each_class(taken, left);
    if (taken.empty()) {
      fail_input("[data] {}: holds no sample: no class of {} has two; say stratified = false, or leave it out", name, source);
    }
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
  if (!spec.stratified.value_or(true) || !data.is_classification() || data.has_targets_of_steps()) return {};
  const auto labels = data.targets.values<std::int64_t>();
  return {labels.begin(), labels.end()};
}

void deal_out(LoadedData& loaded, const Dataset& all, const Parting& parting) {
  if (!parting.test.empty()) loaded.test = all.subset(parting.test);
  if (!parting.validation.empty()) loaded.validation = all.subset(parting.validation);
  loaded.train = all.subset(parting.train);
}

/// A column that the table lacks; the message begins where the spec names it.
[[noreturn]] void fail_column(const Table& table, const ColumnName& column, std::string_view key) {
  std::vector<std::string> names;
  for (const Column& one : table.columns) names.push_back(one.name);
  fail_input("{}{} = \"{}\": {} has no such column{}", column.place, key, column.text, table.source,
             did_you_mean(column.text, names));
}

/// Throws where the table lacks a column that the spec names.
void require_columns(const Table& table, const DataSpec& spec) {
  const auto by_name_or_number = [&](const ColumnName& column, std::string_view key) {
    if (!column.text.empty() && !table.find_name_or_number(column.text)) fail_column(table, column, key);
  };
  const auto by_name = [&](const std::vector<ColumnName>& columns, std::string_view key) {
    for (const ColumnName& column : columns) {
      if (!table.find(column.text)) fail_column(table, column, key);
    }
  };
  by_name_or_number(spec.target, "target");
  by_name_or_number(spec.weights, "weights");
  by_name(spec.ignore, "ignore");
  by_name(spec.categorical, "categorical");
}

/// Throws if all samples to learn from are of one class.
void require_classes(const Dataset& train) {
  if (!train.is_classification()) return;
  std::vector<std::int64_t> labels;
  std::ranges::copy_if(train.targets.values<std::int64_t>(), std::back_inserter(labels),
                       [](std::int64_t one) { return one != kIgnoredLabel; });
  if (std::ranges::adjacent_find(labels, std::ranges::not_equal_to{}) != labels.end() || labels.empty()) return;
  const auto label = static_cast<std::size_t>(labels.front());
  fail_input("{}: all {} {} to learn from are of the class \"{}\": there is nothing to tell apart", train.source, labels.size(),
             train.has_targets_of_steps() ? "steps" : "samples",
             label < train.class_names.size() ? train.class_names[label] : std::to_string(label));
}

/// A table, by an encoder that is known.
LoadedData load_table(const fs::path& path, const DataSpec& spec, const TableEncoder& encoder) {
  const Table table = read_csv(csv_file_of(path), csv_options(spec, &encoder));
  const Dataset all = encoder.encode(table);
  LoadedData loaded;
  loaded.encoder = encoder;
  deal_out(loaded, all, part(spec, table.source, table.rows(), labels_of(all, spec)));
  return loaded;
}

/// A table, its encoder fitted to the training part.
LoadedData load_table(const fs::path& path, const DataSpec& spec, std::string_view bundled_target) {
  if (spec.pictures) fail_input("[data] pictures is for pictures, but {} holds a table", path.string());
  const Table table = read_csv(csv_file_of(path), csv_options(spec));
  require_columns(table, spec);
  EncoderOptions options{.target = spec.target.text.empty() ? std::string(bundled_target) : spec.target.text,
                         .ignore = texts_of(spec.ignore),
                         .weights = spec.weights.text,
                         .task = spec.task.value_or(Task::automatic),
                         .scaling = spec.scaling.value_or(Scaling::standardise),
                         .missing = spec.missing.value_or(MissingValues::mean),
                         .standardise_target = spec.standardise_target.value_or(true)};
  // The labels must be known before the samples are parted, and the parts before the encoding is fitted.
  const TableEncoder first = TableEncoder::fit(table, {}, options);
  if (options.task == Task::automatic) options.task = first.is_classification() ? Task::classification : Task::regression;
  const Parting parting = part(spec, table.source, table.rows(), labels_of(first.encode(table), spec));
  LoadedData loaded;
  loaded.encoder = TableEncoder::fit(table, parting.train, options);
  deal_out(loaded, loaded.encoder->encode(table), parting);
  return loaded;
}

/// Throws if the spec sets a field of tables other than `usable` ones; `what` says what the data are instead.
void refuse_table_fields(const DataSpec& spec, const std::vector<std::string_view>& usable, const std::string& what) {
  const auto is_set = [](const auto& field) {
    if constexpr (requires { field.has_value(); })
      return field.has_value();
    else if constexpr (requires { field.text; })
      return !field.text.empty();
    else
      return !field.empty();
  };
  DataSpec::table_fields(spec, [&](std::string_view name, const auto& field) {
    if (is_set(field) && std::ranges::find(usable, name) == usable.end()) fail_input("[data] {} is for tables, but {}", name, what);
  });
}

const PictureOptions* pictures_of(const DataSpec& spec) { return spec.pictures ? &*spec.pictures : nullptr; }
/// How to read sequences, if the data at `path` are such: the network's one input may say that they are tokens.
const SequenceOptions* sequences_of(const Spec& spec, const fs::path& path) {
  static const SequenceOptions kTokens{.tokens = true};
  if (spec.data.sequences) return &*spec.data.sequences;
  const auto& inputs = spec.network.inputs;
  const bool tokens = inputs.size() == 1 && inputs.front().type == InputType::tokens;
  return tokens && source_kind(path) == SourceKind::npz ? &kTokens : nullptr;
}

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

LoadedData load_arrays(const fs::path& path, const DataSpec& spec, const SequenceOptions* sequences) {
  refuse_table_fields(spec, {}, fmt::format("{} holds {}", path.string(), name_of(source_kind(path))));
  TrainTest both = read_arrays(path, pictures_of(spec), sequences);
  const bool has_test = both.test.samples() > 0;
  if (has_test && spec.test.is_parted()) {
    fail_input("[data] test: {} comes with a test part of its own; leave test out", path.string());
  }
  LoadedData loaded;
  if (!spec.test.is_parted() && !spec.validation.is_parted()) {
    loaded.train = std::move(both.train);
  } else {
    deal_out(loaded, both.train, part(spec, path.string(), both.train.samples(), labels_of(both.train, spec)));
  }
  if (has_test) loaded.test = std::move(both.test);
  return loaded;
}

/// Throws if the spec sets what only parts that are drawn at random have.
void refuse_random_fields(const DataSpec& spec, std::string_view kind) {
  const std::string_view field = spec.stratified ? "stratified" : spec.seed ? "seed" : "";
  if (!field.empty()) fail_input("[data] {}: the parts of a {} follow one another in its order; leave it out", field, kind);
}

/// Throws where a table stands in for other data that a model was fitted to, or other data for a table.
void require_kind(const fs::path& path, const FittedData& fitted) {
  const bool is_table = source_kind(path) == SourceKind::csv;
  if (is_table && !fitted.encoder) {
    fail_input("{}: holds a table, but the network was trained on arrays or pictures", path.string());
  }
  if (!is_table && fitted.encoder) {
    fail_input("{}: holds {}, but the network was trained on a table", path.string(), name_of(source_kind(path)));
  }
}

/// What was fitted to a text or a series; null: it is to be fitted now.
template <typename T>
const T* fitted_part(const fs::path& path, const FittedData* fitted, std::optional<T> FittedData::*part, const DataSpec& spec,
                     std::string_view kind) {
  if (fitted == nullptr) {
    refuse_random_fields(spec, kind);
    return nullptr;
  }
  if (!(fitted->*part)) fail_input("{}: is read as a {}, but the network was not trained on one", path.string(), kind);
  return &*(fitted->*part);
}

/// Training, validation and test part as far as they come from the one source.
LoadedData load_parts(const fs::path& path, const Spec& whole, std::string_view bundled_target, const FittedData* fitted) {
  const DataSpec& spec = whole.data;
  if (int{spec.pictures.has_value()} + int{spec.series.has_value()} + int{spec.text.has_value()} + int{spec.sequences.has_value()} >
      1) {
    fail_input("[data] has more than one of pictures, series, text and sequences; leave only the one that {} is", path.string());
  }
  if (spec.sequences && source_kind(path) != SourceKind::npz) {
    fail_input("[data] sequences is for .npz files, but {} holds {}", path.string(), name_of(source_kind(path)));
  }
  if (spec.text) {
    refuse_table_fields(spec, {}, fmt::format("{} is to be a text", path.string()));
    return load_text(path, whole, fitted_part(path, fitted, &FittedData::tokenizer, spec, "text"));
  }
  if (spec.series) {
    refuse_table_fields(spec, {"header", "delimiter", "decimal", "scaling"}, "not for series: name columns in [data] series");
    return load_series(path, whole, bundled_target, fitted_part(path, fitted, &FittedData::series, spec, "series"));
  }
  if (source_kind(path) == SourceKind::text) {
    fail_input(
        "{} is a text: say in [data] how it is cut into tokens and windows, such as text = {{ tokens = \"character\", length = 128 "
        "}}",
        path.string());
  }
  if (fitted != nullptr) require_kind(path, *fitted);
  if (source_kind(path) != SourceKind::csv) return load_arrays(path, spec, sequences_of(whole, path));
  return fitted != nullptr ? load_table(path, spec, *fitted->encoder) : load_table(path, spec, bundled_target);
}

}  // namespace

CsvOptions csv_options(const DataSpec& spec, const TableEncoder* encoder) {
  CsvOptions options{.header = spec.header.value_or(CsvOptions::Header::automatic),
                     .delimiter = spec.delimiter.value_or('\0'),
                     .decimal = spec.decimal.value_or('.'),
                     .categorical_if_there = texts_of(spec.categorical)};
  if (encoder != nullptr) std::ranges::copy(encoder->text_columns(), std::back_inserter(options.categorical_if_there));
  return options;
}

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
  const fs::path here = folder.empty() ? fs::path(".") : folder;
  std::vector<fs::path> starts = {here};
  starts.insert(starts.end(), places.begin(), places.end());
  for (const fs::path& start : starts) {
    if (const auto found = find_data_folder(fs::absolute(start, ignored))) return *found / bundled->folder;
  }
  fail_input("data \"{}\": the folder data/ of the bundled data sets was not found at or above {}; give its path instead", source,
             fs::absolute(here, ignored).lexically_normal().string());
}

TrainTest read_arrays(const fs::path& path, const PictureOptions* pictures, const SequenceOptions* sequences) {
  const SourceKind kind = source_kind(path);
  if (sequences != nullptr && kind != SourceKind::npz) {
    fail_input("[data] sequences is for .npz files, but {} holds {}", path.string(), name_of(kind));
  }
  if (kind == SourceKind::csv) fail_input("{}: holds a table, but arrays or pictures are needed", path.string());
  if (kind == SourceKind::text) fail_input("{}: holds a text, but arrays or pictures are needed", path.string());
  if (kind == SourceKind::pictures) return {read_picture_folder(path, pictures == nullptr ? PictureOptions{} : *pictures), {}};
  TrainTest both = kind == SourceKind::idx ? read_mnist(path) : read_npz_data(path, sequences);
  if (pictures == nullptr) return both;
  prepare_pictures(both.train, *pictures);
  if (both.test.samples() > 0) prepare_pictures(both.test, *pictures);
  return both;
}

LoadedData load_data(const Spec& spec, std::span<const fs::path> places, const FittedData* fitted) {
  const fs::path folder = spec.file.parent_path();
  const fs::path path = find_source(spec.data.source, folder, places);
  const BundledData* bundled = find_bundled(spec.data.source);
  LoadedData loaded = load_parts(path, spec, bundled == nullptr ? "" : bundled->target, fitted);
  const auto load_own = [&](const Part& wanted, std::optional<Dataset>& into) {
    if (!wanted.source.empty()) into = load_all(find_source(wanted.source, folder, places), loaded, spec);
  };
  load_own(spec.data.test, loaded.test);
  load_own(spec.data.validation, loaded.validation);
  standardise(loaded, spec.data);
  loaded.train.validate();
  if (fitted == nullptr) require_classes(loaded.train);
  if (loaded.validation) loaded.validation->validate();
  if (loaded.test) loaded.test->validate();
  return loaded;
}

Dataset load_all(const fs::path& path, const FittedData& fitted, const Spec& spec) {
  if (fitted.series) return load_all_windows(path, spec, *fitted.series);
  if (fitted.tokenizer) return load_all_tokens(path, spec, *fitted.tokenizer);
  const DataSpec& data = spec.data;
  const TableEncoder* encoder = fitted.encoder ? &*fitted.encoder : nullptr;
  require_kind(path, fitted);
  if (encoder != nullptr) return encoder->encode(read_csv(csv_file_of(path), csv_options(data, encoder)));
  TrainTest both = read_arrays(path, pictures_of(data), sequences_of(spec, path));
  Dataset all = both.test.samples() > 0 ? std::move(both.test) : std::move(both.train);
  if (data.pictures) set_channels(all, data.pictures->means, data.pictures->deviations);
  return all;
}

}  // namespace neurons
