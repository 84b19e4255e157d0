#include "neurons/spec/predict.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "neurons/base/error.hpp"
#include "neurons/data/readers/csv.hpp"
#include "neurons/data/readers/npy.hpp"
#include "neurons/data/readers/pictures.hpp"
#include "neurons/data/readers/source.hpp"
#include "neurons/formats/onnx/any_length.hpp"
#include "neurons/layers/last_activation.hpp"
#include "neurons/spec/foreign_table.hpp"
#include "neurons/spec/load_data.hpp"
#include "neurons/training/nonfinite.hpp"
#include "neurons/training/trainer.hpp"

namespace neurons {
namespace fs = std::filesystem;

namespace {

/// Samples gathered one source after the other.
class Gathering {
 public:
  explicit Gathering(const Model& model) : model_(model), sample_(model.sample_shape()) {}

  /// Adds samples [n, …] of the model's shape.
  void add(const Tensor& samples, const std::vector<std::string>& names) {
    const std::int64_t size = sample_.elements();
    if (samples.elements() != size * static_cast<std::int64_t>(names.size())) {
      fail_input("{}: has {} values, but a sample of this model has {} {}", names.front(),
                 samples.elements() / static_cast<std::int64_t>(names.size()), size, sample_.to_string());
    }
    names_.insert(names_.end(), names.begin(), names.end());
    lengths_.insert(lengths_.end(), names.size(), size == 0 ? 0 : sample_[0]);
    if (has_tokens()) return add_tokens(samples, names.front());
    const Tensor flat = floats(samples);
    const auto values = flat.values<float>();
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (std::isfinite(values[i])) continue;
      const std::int64_t at = static_cast<std::int64_t>(i) % size;
      if (samples.dtype() == DType::f64 && std::isfinite(samples.values<double>()[i])) {
        fail_input("{}: value {} (from 0) is {}, beyond float32's range (±3.4e38); scale the values as those of the training data",
                   names[i / static_cast<std::size_t>(size)], at, samples.values<double>()[i]);
      }
      fail_input("{}: value {} (from 0) is {}, expected a finite number", names[i / static_cast<std::size_t>(size)], at, values[i]);
    }
    values_.insert(values_.end(), values.begin(), values.end());
  }

  /// Adds samples of this shape, which the model takes.
  void add(const Tensor& samples, const std::vector<std::string>& names, const Shape& shape) {
    if (names.empty()) return;
    if (!names_.empty() && shape != sample_) {
      fail_input("{}: its sequences have {} steps, those before them {}: give those of one length at a time", names.front(),
                 shape[0], sample_[0]);
    }
    sample_ = shape;
    add(samples, names);
  }

  /// Adds sequences of which some end before their last step.
  void add_sequences(const Dataset& data, const std::vector<std::string>& names) {
    add(data.inputs, names, data.input_shape());
    if (!data.lengths.empty()) std::ranges::copy(data.lengths, lengths_.end() - std::ssize(names));
  }

  bool has_tokens() const { return model_.takes_tokens(); }

  /// Adds the sample that column=value pairs make.
  void add_row(const TableEncoder& encoder, std::map<std::string, std::string> cells, const std::string& name) {
    if (model_.spec.data.decimal == ',') {
      const auto texts = encoder.text_columns();
      for (auto& [column, cell] : cells) {
        const bool is_number = parse_number(cell, ',') && std::ranges::find(texts, column) == texts.end();
        if (is_number) std::ranges::replace(cell, ',', '.');
      }
    }
    add(encoder.encode_row(cells), {name});
    for (const std::string& column : encoder.column_names()) {
      if (!cells.contains(column)) left_out_.push_back(column);
    }
  }

  /// Remembers what was done to a picture.
  void note(const std::string& change, const std::string& input) {
    if (change.empty()) return;
    const auto known = std::ranges::find(changes_, change, &InputChange::what);
    if (known == changes_.end()) {
      changes_.push_back({change, {input}});
    } else {
      known->inputs.push_back(input);
    }
  }

  NamedSamples finish() && {
    std::vector<std::int64_t> extents(sample_.extents().begin(), sample_.extents().end());
    extents.insert(extents.begin(), static_cast<std::int64_t>(names_.size()));
    const Shape shape{std::span<const std::int64_t>(extents)};
    Tensor inputs = has_tokens() ? Tensor::of<std::int64_t>(shape, tokens_) : Tensor::of<float>(shape, values_);
    if (model_.network.inputs().size() == 1 && !model_.spec.data.sequences) lengths_.clear();
    return {std::move(inputs), std::move(lengths_), std::move(names_), std::move(left_out_), std::move(changes_)};
  }

 private:
  void add_tokens(const Tensor& samples, const std::string& name) {
    if (samples.dtype() == DType::f32 || samples.dtype() == DType::f64) {
      fail_input("{}: is {}, but this model reads tokens, which are whole numbers", name, samples.type().to_string());
    }
    const Tensor tokens = samples.cast(DType::i64);
    const auto values = tokens.values<std::int64_t>();
    tokens_.insert(tokens_.end(), values.begin(), values.end());
  }

  /// Bytes as the network saw them in training.
  Tensor floats(const Tensor& samples) const {
    Tensor result = samples.cast(DType::f32);
    if (samples.dtype() != DType::u8) return result;
    const bool trained_on_bytes = model_.input_scale != 1 || model_.input_offset != 0;
    Dataset seen;
    seen.input_scale = trained_on_bytes ? model_.input_scale : 1.0F / 255.0F;
    seen.input_offset = model_.input_offset;
    if (const auto& pictures = model_.spec.data.pictures) {
      seen.channel_means = pictures->means;
      seen.channel_deviations = pictures->deviations;
    }
    const auto channels = seen.scaling();
    const std::size_t plane = static_cast<std::size_t>(sample_.elements()) / channels.size();
    const auto values = result.values<float>();
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto& [scale, offset] = channels[i / plane % channels.size()];
      values[i] = values[i] * scale + offset;
    }
    return result;
  }

  const Model& model_;
  Shape sample_;                      ///< of all; of a model for any length, that of the first
  std::vector<float> values_;         ///< or
  std::vector<std::int64_t> tokens_;  ///< of all samples
  std::vector<std::int64_t> lengths_;
  std::vector<std::string> names_;
  std::vector<std::string> left_out_;
  std::vector<InputChange> changes_;
};

/// What has to be done to a picture of one shape to make it one of the other; empty: nothing.
std::string change_of(const PictureShape& from, const PictureShape& to, PictureOptions::Fit fit) {
  std::string change;
  if (from.height != to.height || from.width != to.width) {
    change = fmt::format("resized from {}×{} to {}×{} pixels", from.width, from.height, to.width, to.height);
    constexpr std::string_view kFits[] = {"stretched", "cut to its middle", "with black on both sides"};
    if (from.height * to.width != from.width * to.height) change += fmt::format(" ({})", kFits[static_cast<std::size_t>(fit)]);
  }
  if (from.channels == to.channels) return change;
  return change + (change.empty() ? "" : " and ") + (to.channels == 1 ? "made grey" : "made coloured");
}

/// Numbers of a picture or an array reach the network as they are, but a network of a table has learnt scaled and encoded columns.
void require_no_table(const Model& model, const std::string& input) {
  if (!model.encoder) return;
  fail_input("{}: the model was trained on a table, whose columns it scales itself; give a .csv file or column=value pairs of {}",
             input, fmt::join(model.encoder->column_names(), ", "));
}

void add_picture(const Model& model, const std::string& input, Gathering& gathering) {
  require_no_table(model, input);
  const Tensor picture = read_picture(input);
  const PictureView view = view_of(picture);
  // Networks that know nothing of rows and columns take what has as many pixels.
  PictureShape shape = picture_shape(model.sample_shape()).value_or(PictureShape{1, view.shape.height, view.shape.width});
  if (shape.channels != 1 && shape.channels != 3) shape.channels = view.shape.channels;
  const PictureOptions options = model.spec.data.pictures.value_or(PictureOptions{});
  Tensor prepared(DType::u8, {shape.channels, shape.height, shape.width});
  prepare_picture(view, shape, options, prepared.values<std::uint8_t>());
  gathering.add(prepared, {input});
  gathering.note(change_of(view.shape, shape, options.fit), input);
}

const TableEncoder& encoder_of(const Model& model, const std::string& input) {
  if (model.is_foreign) {
    fail_input(
        "{}: another program made the model, which knows no columns by name; give a .csv file of its {} numbers, in their order",
        input, model.sample_shape().elements());
  }
  if (!model.encoder) {
    fail_input("{}: the model was not trained on a table; give pictures or .npy arrays of shape {}", input,
               model.sample_shape().to_string());
  }
  return *model.encoder;
}

/// `target`: of a bundled table, which a model of another program does not take.
void add_csv(const Model& model, const std::string& input, std::string_view target, Gathering& gathering) {
  const TableEncoder* encoder = model.is_foreign ? nullptr : &encoder_of(model, input);
  const Table table = read_csv(input, csv_options(model.spec.data, encoder));
  std::vector<std::string> names;
  for (std::int64_t row = 0; row < table.rows(); ++row) names.push_back(table.place(row));
  if (encoder != nullptr) return gathering.add(encoder->encode_inputs(table), names);
  const Tensor inputs = foreign_inputs(model, table, std::string(target));
  gathering.add(inputs, names, Shape(inputs.shape().extents().subspan(1)));
}

std::vector<std::int64_t> without_ones(std::span<const std::int64_t> extents) {
  std::vector<std::int64_t> others;
  std::ranges::copy_if(extents, std::back_inserter(others), [](std::int64_t extent) { return extent != 1; });
  return others;
}

/// Whether an array of these extents is a sample: axes of one element count nothing.
bool is_sample(std::span<const std::int64_t> extents, const Shape& sample) {
  return without_ones(extents) == without_ones(sample.extents());
}

/// The shape of the sample that an array of these extents is, or of each along its first axis.
std::optional<Shape> sample_in(const Model& model, std::span<const std::int64_t> extents, bool many) {
  Shape sample = model.sample_shape();
  if (many && extents.empty()) return std::nullopt;
  if (many) extents = extents.subspan(1);
  if (onnx::takes_any_length(model.network) && !extents.empty()) sample = sample.with(0, extents.front());
  return is_sample(extents, sample) ? std::optional(sample) : std::nullopt;
}

void add_array(const Model& model, const std::string& input, Gathering& gathering) {
  require_no_table(model, input);
  const Tensor array = read_npy(input);
  const auto extents = array.shape().extents();
  const auto one = sample_in(model, extents, false);
  const auto each = sample_in(model, extents, true);
  // Where any number of steps will do, the number of axes tells one from many.
  const bool are_many = each && array.shape().rank() > each->rank() && onnx::takes_any_length(model.network);
  if (one && !are_many) return gathering.add(array, {input}, *one);
  const bool many = each.has_value();
  if (many && extents.front() == 0) fail_input("{}: holds no samples: its array has shape {}", input, array.shape().to_string());
  if (!many) {
    fail_input("{}: the array has shape {}, but the model expects {} or a list of such", input, array.shape().to_string(),
               model.sample_shape().to_string());
  }
  std::vector<std::string> names;
  for (std::int64_t row = 0; row < array.shape()[0]; ++row) names.push_back(fmt::format("{}[{}]", input, row));
  gathering.add(array, names, *each);
}

void add_npz(const Model& model, const std::string& input, Gathering& gathering) {
  if (!model.spec.data.sequences && model.network.inputs().size() == 1 && !gathering.has_tokens()) {
    fail_input("{}: the model was not trained on sequences; give its samples as .npy arrays", input);
  }
  SequenceOptions options = model.spec.data.sequences.value_or(SequenceOptions{});
  options.tokens = gathering.has_tokens();
  const Dataset data = read_npz_inputs(input, options);
  if (!takes_samples(model, data.input_shape())) {
    fail_input("{}: its sequences have shape {}, but the model expects {}", input, data.input_shape().to_string(),
               model.sample_shape().to_string());
  }
  std::vector<std::string> names;
  for (std::int64_t row = 0; row < data.samples(); ++row) names.push_back(fmt::format("{}[{}]", input, row));
  if (!names.empty()) gathering.add_sequences(data, names);
}

std::string lower_extension(const std::string& input) {
  std::string extension = fs::path(input).extension().string();
  for (char& c : extension) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return extension;
}

/// Where in "column=value" the value's sign stands: behind the longest name of an input column that fits, else the first.
std::size_t equals_of(const Model& model, const std::string& input) {
  std::size_t longest = 0;
  for (const std::string& name : model.encoder ? model.encoder->column_names() : std::vector<std::string>{}) {
    if (name.size() > longest && input.starts_with(name + "=")) longest = name.size();
  }
  return longest > 0 ? longest : input.find('=');
}

/// Probabilities of the classes from a row of the network's outputs.
std::vector<double> probabilities_of(bool are_probabilities, std::span<const float> row) {
  std::vector<double> result(row.begin(), row.end());
  if (result.size() == 1) {  // one logit of the second of two classes
    const double second = 1 / (1 + std::exp(-result[0]));
    return {1 - second, second};
  }
  if (are_probabilities) return result;
  const double largest = std::ranges::max(result);
  double sum = 0;
  for (double& value : result) sum += value = std::exp(value - largest);
  for (double& value : result) value /= sum;
  return result;
}

/// Throws if the scores of a sample make no probabilities.
void require_numbers(const Model& model, const Prediction& prediction, std::span<const float> scores) {
  if (std::ranges::none_of(prediction.probabilities, [](double value) { return std::isnan(value); })) return;
  const auto bad = std::ranges::find_if(scores, [](float score) { return !std::isfinite(score); });
  const auto weight = nonfinite_parameter(model.network);
  fail_input(
      "{}: gives no class for sample {} (from 0), one of its scores is {}: {}", model.file.string(), prediction.sample, *bad,
      weight ? weight->to_string() + "; take another file of weights"
             : "every weight is finite, so the sample's numbers grew beyond float32's range; scale them as the training data were");
}

}  // namespace

NamedSamples read_samples(const Model& model, std::span<const std::string> inputs, std::span<const fs::path> places) {
  Gathering gathering(model);
  std::map<std::string, std::string> cells;
  std::string pairs;
  for (const std::string& input : inputs) {
    std::error_code ignored;
    const std::string extension = lower_extension(input);
    const std::size_t equals = equals_of(model, input);
    if (const BundledData* bundled = find_bundled(input)) {
      if (bundled->kind != SourceKind::csv)
        fail_input("{}: is no table; predict takes rows of tables, and pictures and arrays by their files", input);
      add_csv(model, csv_file_of(find_source(input, "", places)).string(), bundled->target, gathering);
    } else if (equals != std::string::npos && !fs::exists(input, ignored)) {
      if (!cells.emplace(input.substr(0, equals), input.substr(equals + 1)).second) {
        fail_input("{}: the column \"{}\" is given twice", input, input.substr(0, equals));
      }
      pairs += (pairs.empty() ? "" : " ") + input;
    } else if (!fs::exists(input, ignored)) {
      fail_input("{}: neither a file nor a column=value pair", input);
    } else if (extension == ".csv" || extension == ".tsv") {
      add_csv(model, input, "", gathering);
    } else if (extension == ".png" || extension == ".jpg" || extension == ".jpeg") {
      add_picture(model, input, gathering);
    } else if (extension == ".npy") {
      add_array(model, input, gathering);
    } else if (extension == ".npz") {
      require_no_table(model, input);
      add_npz(model, input, gathering);
    } else {
      fail_input("{}: expected a .csv, .png, .jpg, .npy or .npz file, or column=value pairs", input);
    }
  }
  if (!cells.empty()) gathering.add_row(encoder_of(model, pairs), cells, pairs);
  return std::move(gathering).finish();
}

std::vector<Prediction> predict(const Model& model, const Tensor& inputs, int threads, const std::vector<std::int64_t>& lengths) {
  const Shape& shape = inputs.shape();
  if (shape.rank() == 0 || shape[0] == 0 || !takes_samples(model, Shape(shape.extents().subspan(1)))) {
    fail_input("predict: expected inputs [samples, …] with samples of shape {}, got {}", model.sample_shape().to_string(),
               shape.to_string());
  }
  Dataset data;
  data.inputs = inputs;
  const std::int64_t samples = inputs.shape()[0];
  if (model.network.inputs().size() > 1) data.lengths = lengths;
  data.targets = model.is_classification ? Tensor(DType::i64, {samples}) : Tensor(DType::f32, {samples, 1});
  const auto said_by = [&](const Network& network) {
    return predictions_of(model, neurons::predict(network, data, std::min<std::int64_t>(256, samples), threads), lengths);
  };
  return data.input_shape() == model.sample_shape() ? said_by(model.network) : said_by(onnx::with_steps(model.network, shape[1]));
}

std::vector<Prediction> predictions_of(const Model& model, const Tensor& outputs, const std::vector<std::int64_t>& lengths) {
  const Shape& shape = outputs.shape();
  const bool of_steps = model.spec.data.sequences && shape.rank() == 3;
  const std::int64_t steps = of_steps ? shape[1] : 1;
  const auto width = static_cast<std::size_t>(outputs.elements() / std::max<std::int64_t>(1, shape[0] * steps));
  if (width == 0) fail_input("the model gives no numbers for a sample: its result has shape {}", shape.to_string());
  const bool are_probabilities = last_activation(model.network, model.network.outputs().front().name) == "softmax";
  std::vector<Prediction> predictions;
  for (std::int64_t place = 0; place < shape[0] * steps; ++place) {
    const std::int64_t sample = place / steps;
    if (of_steps && !lengths.empty() && place % steps >= lengths[static_cast<std::size_t>(sample)]) continue;
    const auto row = outputs.values<float>().subspan(static_cast<std::size_t>(place) * width, width);
    Prediction& prediction = predictions.emplace_back();
    prediction.sample = sample;
    if (of_steps) prediction.step = place % steps;
    if (!model.is_classification) {
      for (const float value : row) {
        prediction.values.push_back(model.decode(static_cast<double>(value), std::ssize(prediction.values)));
      }
      continue;
    }
    prediction.probabilities = probabilities_of(are_probabilities, row);
    require_numbers(model, prediction, row);
    prediction.label = std::ranges::max_element(prediction.probabilities) - prediction.probabilities.begin();
    prediction.class_name = model.class_name(prediction.label);
    prediction.confidence = prediction.probabilities[static_cast<std::size_t>(prediction.label)];
  }
  return predictions;
}

}  // namespace neurons
