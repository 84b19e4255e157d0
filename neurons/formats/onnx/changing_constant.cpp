#include "neurons/formats/onnx/changing_constant.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "neurons/formats/onnx/option_data.hpp"

namespace neurons::onnx {
namespace {

/// The place in a tensor of `one`'s shape, axes of extent 1 standing for all entries, of an element of `shape`.
std::size_t place_in(const Shape& one, const Shape& shape, std::int64_t element) {
  const auto strides = shape.strides();
  const auto own = one.strides();
  std::int64_t place = 0;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const auto a = static_cast<std::size_t>(axis);
    place += one[axis] == 1 ? 0 : element / strides[a] % shape[axis] * own[a];
  }
  return static_cast<std::size_t>(place);
}

/// The entries 0 along the axes that are 1 in `one`.
Tensor first_of(const Tensor& tensor, const Shape& one) {
  Tensor result(tensor.dtype(), one);
  const std::size_t size = size_of(tensor.dtype());
  for (std::int64_t i = tensor.elements() - 1; i >= 0; --i) {  // the first ones last
    const auto from = tensor.bytes().subspan(static_cast<std::size_t>(i) * size, size);
    std::ranges::copy(from, result.bytes().subspan(place_in(one, tensor.shape(), i) * size, size).begin());
  }
  return result;
}

bool repeats(const Tensor& tensor, const Tensor& sample) {
  const std::size_t size = size_of(tensor.dtype());
  for (std::int64_t i = 0; i < tensor.elements(); ++i) {
    const auto here = tensor.bytes().subspan(static_cast<std::size_t>(i) * size, size);
    if (!std::ranges::equal(here, sample.bytes().subspan(place_in(sample.shape(), tensor.shape(), i) * size, size))) return false;
  }
  return true;
}

/// Whether query i sees keys 0 to i: bool [queries, keys].
bool is_causal(const Tensor& mask) {
  if (mask.dtype() != DType::boolean || mask.shape().rank() != 2) return false;
  const auto seen = mask.values<bool>();
  const std::int64_t keys = mask.shape()[1];
  for (std::int64_t i = 0; i < mask.elements(); ++i) {
    if (seen[static_cast<std::size_t>(i)] != (i % keys <= i / keys)) return false;
  }
  return true;
}

/// Whether it is the table of those waves, for any number of steps.
bool has_waves(const Tensor& table, const std::vector<Wave>& waves) {
  const Shape& shape = table.shape();
  if (table.dtype() != DType::f32 || shape.rank() < 2 || shape.product(0, shape.rank() - 2) != 1) return false;
  return shape[-1] == std::ssize(waves) && table == wave_table(shape, waves);
}

/// Whether it is n, n + step, n + 2 · step, …: numbers [1, places].
bool goes_by(const Tensor& row, std::int64_t step) {
  const Shape& shape = row.shape();
  if (row.dtype() == DType::boolean || shape.rank() != 2 || shape[0] != 1 || shape[1] == 0) return false;
  const Tensor wide = row.cast(DType::f64);
  const auto values = wide.values<double>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] != values[0] + static_cast<double>(step) * static_cast<double>(i)) return false;
  }
  return values[0] == std::trunc(values[0]);
}

/// One such constant.
class Writer {
 public:
  Writer(const ChangingConstant& all, const std::string& where, const std::string& name, FileNodes& nodes)
      : all_(all), where_(where), name_(name), nodes_(nodes) {
    for (const auto& one : all) shapes_.emplace_back(one->shape().extents().begin(), one->shape().extents().end());
  }

  void repeated(const Tensor& sample) {
    const std::string node = nodes_.fresh_node(name_);
    const std::string kept = nodes_.constant(name_ + ".sample", sample);
    nodes_.add_as("Expand", {kept, nodes_.extents(where_, shapes_, name_ + ".shape")}, node, name_);
  }

  /// Key ≤ query, of their places.
  void causal() {
    const std::string queries = places(0);
    nodes_.add_as("LessOrEqual", {places(1), in_rows(queries)}, nodes_.fresh_node(name_), name_);
  }

  /// What it begins with, and the place more or less.
  void progression(std::int64_t step) {
    std::vector<std::vector<std::int64_t>> starts;
    for (const auto& row : all_) starts.push_back({row->cast(DType::i64).values<std::int64_t>().front()});
    const std::string start = nodes_.extents(where_, starts, name_ + ".start");
    const std::string whole = nodes_.add(step > 0 ? "Add" : "Sub", {start, places(1)}, name_ + ".whole");
    const std::string row = nodes_.add("Unsqueeze", {whole, nodes_.number("columns.axis", 0)}, name_ + ".whole");
    nodes_.add_as("Cast", {row}, nodes_.fresh_node(name_), name_);
    nodes_.attribute(attribute_of("to", static_cast<std::int64_t>(element_type_of(all_.front()->dtype()))));
  }

  /// sin(2π · turn) with turns as whole 2⁻⁴⁰, since a product of floats would have lost them after some thousand steps.
  void waves(const std::vector<Wave>& waves) {
    constexpr std::int64_t kTurn = std::int64_t{1} << 40;
    constexpr double kFullTurn = 2 * std::numbers::pi;
    std::vector<std::int64_t> rates;
    std::vector<std::int64_t> starts;  // half a turn ahead: the rest is taken from -1/2 to 1/2
    for (const Wave& wave : waves) {
      rates.push_back(std::llround(static_cast<double>(kTurn) / (kFullTurn * wave.radian)));
      starts.push_back(kTurn / 2 + (wave.cosine ? kTurn / 4 : 0));
    }
    const auto list = [&](const char* part, const std::vector<std::int64_t>& numbers) {
      return nodes_.constant(name_ + part, Tensor::of<std::int64_t>({std::ssize(numbers)}, numbers));
    };
    const int rank = all_.front()->shape().rank();
    const std::string rows = in_rows(places(rank - 2));
    const std::string turns = nodes_.add("Mul", {rows, list(".rates", rates)}, name_ + ".turns");
    const std::string ahead = nodes_.add("Add", {turns, list(".starts", starts)}, name_ + ".turns");
    const std::string rest = nodes_.add("Mod", {ahead, nodes_.number(name_ + ".turn", kTurn)}, name_ + ".rest");
    const std::string centred = nodes_.add("Sub", {rest, nodes_.number(name_ + ".half", kTurn / 2)}, name_ + ".rest");
    const std::string share = nodes_.add("Cast", {centred}, name_ + ".rest");
    nodes_.attribute(attribute_of("to", static_cast<std::int64_t>(ElementType::f32)));
    const Tensor scale = Tensor::scalar(static_cast<float>(kFullTurn / static_cast<double>(kTurn)));
    const std::string angle = nodes_.add("Mul", {share, nodes_.constant(name_ + ".scale", scale)}, name_ + ".angle");
    if (rank == 2) return nodes_.add_as("Sin", {angle}, nodes_.fresh_node(name_), name_);
    std::vector<std::int64_t> front;
    for (int axis = 0; axis + 2 < rank; ++axis) front.push_back(axis);
    const std::string table = nodes_.add("Sin", {angle}, name_ + ".table");
    nodes_.add_as("Unsqueeze", {table, list(".axes", front)}, nodes_.fresh_node(name_), name_);
  }

 private:
  std::string places(int axis) { return nodes_.places(where_, column(shapes_, static_cast<std::size_t>(axis))); }
  std::string in_rows(const std::string& list) { return nodes_.add("Unsqueeze", {list, nodes_.number("rows.axis", 1)}, "rows"); }

  const ChangingConstant& all_;
  const std::string& where_;
  const std::string& name_;
  FileNodes& nodes_;
  std::vector<std::vector<std::int64_t>> shapes_;
};

}  // namespace

std::string ChangingConstants::write(const ChangingConstant& all, const std::string& where, const std::string& name) {
  const Tensor& first = *all.front();
  Shape one = first.shape();
  for (const auto& other : all) {
    variants_.require(other->dtype() == first.dtype() && other->shape().rank() == one.rank(), where);
    for (int axis = 0; axis < one.rank(); ++axis) {
      if (other->shape()[axis] != first.shape()[axis]) one = one.with(axis, 1);
    }
  }
  const auto all_are = [&](const auto& test) {
    return std::ranges::all_of(all, [&](const auto& constant) { return test(*constant); });
  };
  Writer writer(all, where, name, nodes_);
  const Tensor sample = first_of(first, one);
  if (all_are([&](const Tensor& constant) { return repeats(constant, sample); })) {
    writer.repeated(sample);
    return name;
  }
  const auto is_same = [](const auto& a, const auto& b) { return *a == *b; };
  const auto known =
      std::ranges::find_if(tables_, [&](const auto& table) { return std::ranges::equal(table.first, all, is_same); });
  if (known != tables_.end()) return known->second;
  std::vector<Wave> found;
  for (const Waves& kind : waves_) {
    const std::vector<Wave> waves = kind(one.rank() == 0 ? 0 : first.shape()[-1]);
    if (all_are([&](const Tensor& constant) { return has_waves(constant, waves); })) found = waves;
  }
  if (!found.empty()) {
    writer.waves(found);
  } else if (all_are(is_causal)) {
    writer.causal();
  } else {
    const bool rises = all_are([](const Tensor& constant) { return goes_by(constant, 1); });
    variants_.require(rises || all_are([](const Tensor& constant) { return goes_by(constant, -1); }), where);
    writer.progression(rises ? 1 : -1);
  }
  tables_.emplace_back(all, name);
  return name;
}

}  // namespace neurons::onnx
