#include "neurons/spec/foreign_table.hpp"

#include <algorithm>
#include <cmath>

#include "neurons/base/error.hpp"
#include "neurons/data/readers/csv.hpp"
#include "neurons/data/readers/source.hpp"
#include "neurons/formats/onnx/any_length.hpp"
#include "neurons/spec/load_data.hpp"

namespace neurons {
namespace {

/// "a, b, c and 5 more"
std::string list_of(const std::vector<const Column*>& columns) {
  constexpr std::size_t kMost = 8;
  std::string list;
  for (std::size_t i = 0; i < std::min(columns.size(), kMost); ++i) list += (i == 0 ? "" : ", ") + columns[i]->name;
  return columns.size() > kMost ? fmt::format("{} and {} more", list, columns.size() - kMost) : list;
}

Tensor inputs_of(const Model& model, const Table& table, const std::vector<const Column*>& columns) {
  Shape sample = model.sample_shape();
  if (onnx::takes_any_length(model.network)) {  // the columns are one step after the other
    const std::int64_t width = std::max<std::int64_t>(1, sample.product(1, sample.rank()));
    sample = sample.with(0, std::max<std::int64_t>(1, std::ssize(columns) / width));
  }
  if (std::ssize(columns) != sample.elements()) {
    fail_input("{}: has {} column{} of inputs ({}), but the model takes {} number{}, one column each, in their order", table.source,
               columns.size(), columns.size() == 1 ? "" : "s", list_of(columns), sample.elements(),
               sample.elements() == 1 ? "" : "s");
  }
  std::vector<std::int64_t> extents(sample.extents().begin(), sample.extents().end());
  extents.insert(extents.begin(), table.rows());
  Tensor result(DType::f32, Shape(std::span<const std::int64_t>(extents)));
  const auto values = result.values<float>();
  for (std::size_t c = 0; c < columns.size(); ++c) {
    if (!columns[c]->is_numeric) {
      fail_input("{}: column {} holds texts; a model that another program has made takes numbers only", table.source,
                 columns[c]->name);
    }
    for (std::size_t row = 0; row < columns[c]->numbers.size(); ++row) {
      const auto value = static_cast<float>(columns[c]->numbers[row]);
      if (!std::isfinite(value)) {
        fail_input("{}: column {}: a value is missing or too large; what stands for it is not known",
                   table.place(static_cast<std::int64_t>(row)), columns[c]->name);
      }
      values[row * columns.size() + c] = value;
    }
  }
  return result;
}

std::vector<const Column*> columns_but(const Table& table, std::optional<std::size_t> left_out) {
  std::vector<const Column*> columns;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (i != left_out) columns.push_back(&table.columns[i]);
  }
  return columns;
}

}  // namespace

Tensor foreign_inputs(const Model& model, const Table& table, const std::string& target) {
  return inputs_of(model, table, columns_but(table, target.empty() ? std::nullopt : table.find(target)));
}

Dataset read_foreign_table(const Model& model, const std::filesystem::path& path, const std::string& target) {
  const Table table = read_csv(csv_file_of(path), csv_options(model.spec.data));
  const EncoderOptions options{
      .target = target, .scaling = Scaling::none, .missing = MissingValues::error, .standardise_target = false};
  const TableEncoder encoder = TableEncoder::fit(table, {}, options);
  Dataset data;
  data.inputs = inputs_of(model, table, columns_but(table, table.find(encoder.target_name())));
  Dataset encoded = encoder.encode(table);
  data.targets = std::move(encoded.targets);
  data.class_names = std::move(encoded.class_names);
  data.source = table.source;
  return data;
}

}  // namespace neurons
