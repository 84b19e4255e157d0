// Every op that a file can name, on its samples with one thing changed: an option at the end of its range, a list of another
// length, an input of another shape or element type. It must refuse that with its name, or compute what its reference does.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "neurons/ops/testing.hpp"

namespace neurons::ops::testing {
namespace {

constexpr std::int64_t kMostNegative = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMostPositive = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kHostileNumbers[] = {kMostNegative,         -(std::int64_t{1} << 62), -9,           -2, -1, 0, 1, 2, 9,
                                            std::int64_t{1} << 31, std::int64_t{1} << 62,    kMostPositive};
constexpr double kHostileReals[] = {
    std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(), -1e30, -1, 0, 1e30};

/// A list with each element replaced by each number, without its last, with that twice, and empty.
template <typename T, typename Numbers>
std::vector<AttributeValue> hostile_lists(const std::vector<T>& list, const Numbers& numbers) {
  std::vector<AttributeValue> result{std::vector<T>{}};
  for (std::size_t i = 0; i < list.size(); ++i) {
    for (const T number : numbers) {
      std::vector<T> changed = list;
      changed[i] = number;
      result.push_back(changed);
    }
  }
  for (const T number : numbers) result.push_back(std::vector<T>(std::max<std::size_t>(1, list.size()), number));
  std::vector<T> longer = list;
  longer.push_back(list.empty() ? T(0) : list.back());
  result.push_back(longer);
  if (!list.empty()) result.push_back(std::vector<T>(list.begin(), list.end() - 1));
  return result;
}

std::vector<AttributeValue> hostile_values(const AttributeValue& value) {
  std::vector<AttributeValue> result;
  if (const auto* flag = std::get_if<bool>(&value)) result = {!*flag};
  if (std::holds_alternative<std::int64_t>(value)) result.assign(std::begin(kHostileNumbers), std::end(kHostileNumbers));
  if (std::holds_alternative<double>(value)) result.assign(std::begin(kHostileReals), std::end(kHostileReals));
  if (std::holds_alternative<std::string>(value)) result = {std::string(), std::string("unheard-of")};
  if (const auto* list = std::get_if<std::vector<std::int64_t>>(&value)) result = hostile_lists(*list, kHostileNumbers);
  if (const auto* list = std::get_if<std::vector<double>>(&value)) result = hostile_lists(*list, kHostileReals);
  if (std::holds_alternative<std::vector<std::string>>(value)) {
    result = {std::vector<std::string>{}, std::vector<std::string>{"unheard-of"}, std::vector<std::string>(7, "")};
  }
  return result;
}

/// Large numbers take references, which visit all that a window spans, for ever; NaN spreads as it likes.
bool is_tame(const AttributeValue& value) {
  const auto small = [](std::int64_t number) { return number >= -9 && number <= 9; };
  if (const auto* number = std::get_if<std::int64_t>(&value)) return small(*number);
  if (const auto* list = std::get_if<std::vector<std::int64_t>>(&value)) return std::ranges::all_of(*list, small);
  return !std::holds_alternative<double>(value) && !std::holds_alternative<std::vector<double>>(value);
}

std::vector<TensorType> hostile_types(const TensorType& type) {
  std::vector<TensorType> result;
  for (const DType dtype : {DType::f32, DType::f64, DType::i32, DType::i64, DType::u8, DType::boolean}) {
    if (dtype != type.dtype) result.push_back({dtype, type.shape});
  }
  const auto extents = type.shape.extents();
  std::vector<std::int64_t> list(extents.begin(), extents.end());
  for (std::size_t axis = 0; axis < list.size(); ++axis) {
    for (const std::int64_t extent : {std::int64_t{0}, std::int64_t{1}, list[axis] + 1}) {
      std::vector<std::int64_t> changed = list;
      changed[axis] = extent;
      result.push_back({type.dtype, Shape(std::span<const std::int64_t>(changed))});
    }
  }
  if (!list.empty()) result.push_back({type.dtype, Shape(std::span<const std::int64_t>(list).subspan(1))});
  if (list.size() < Shape::kMaxRank) {
    list.insert(list.begin(), 1);
    result.push_back({type.dtype, Shape(std::span<const std::int64_t>(list))});
  }
  return result;
}

class Hostile : public ::testing::TestWithParam<const OpDef*> {
 protected:
  /// The op's refusal, or none: then each of its kernels stays inside its memory and, if `exact`, computes what the reference does.
  static std::string refusal(const OpDef& op, const Sample& sample, bool exact) {
    const Case test(op, sample);
    Graph graph(table());
    const std::vector<Value> inputs = test.values(graph);
    std::vector<Value> outputs;
    try {
      outputs = graph.emit_all(op, inputs, sample.options);
    } catch (const InputError& error) {
      return error.what();
    }
    constexpr std::int64_t kMostElements = 4096;
    for (const Value& output : outputs) {
      if (output.shape().elements() > kMostElements) return {};
    }
    if (!op.reference) op.decompose({graph, op, sample.options, inputs, ""});  // those that it is made of take what it takes
    const std::vector<ReferenceTensor> expected = exact ? reference_of(test) : std::vector<ReferenceTensor>();
    for (const Kernel& kernel : op.kernels) {
      if (kernel.refuse && !kernel.refuse(test.context()).empty()) continue;
      const KernelRun run = run_kernel(kernel, test, 2, {});
      EXPECT_TRUE(run.stayed_inside) << kernel.name << " wrote outside of its outputs";
      EXPECT_TRUE(run.inputs_unchanged) << kernel.name << " wrote to an input";
      for (std::size_t o = 0; o < expected.size(); ++o) {
        expect_near(widen(tensor_of(expected[o].type, run.outputs[o])), widen(narrow(expected[o])), sample.tolerance, kernel.name);
      }
    }
    return {};
  }
  static void expect_sense(const OpDef& op, const Sample& sample, bool exact) {
    std::string shown = op.name + ", sample \"" + sample.note + "\" {" + sample.options.to_string() + "}";
    for (const auto& input : sample.inputs) shown += input.present ? " " + input.type.to_string() : " -";
    SCOPED_TRACE(shown);
    try {
      const std::string text = refusal(op, sample, exact);
      if (!text.empty()) {
        EXPECT_THAT(text, ::testing::HasSubstr(op.name));
      }
    } catch (const std::exception& error) {
      ADD_FAILURE() << "threw: " << error.what();
    }
  }
};

TEST_P(Hostile, OptionsAreRefusedOrMakeSense) {
  const OpDef& op = *GetParam();
  for (const Sample& sample : op.samples()) {
    for (const Attribute& attribute : sample.options.attributes()) {
      for (const AttributeValue& value : hostile_values(attribute.value)) {
        Sample changed = sample;
        try {
          changed.options = sample.options.with({{attribute.name, value}});
        } catch (const InputError&) {
          continue;
        }
        expect_sense(op, changed, is_tame(value));
      }
    }
  }
}

TEST_P(Hostile, InputsAreRefusedOrMakeSense) {
  const OpDef& op = *GetParam();
  for (const Sample& sample : op.samples()) {
    for (std::size_t i = 0; i < sample.inputs.size(); ++i) {
      if (sample.inputs[i].fill == Sample::Fill::given || !sample.inputs[i].present) continue;
      for (const TensorType& type : hostile_types(sample.inputs[i].type)) {
        Sample changed = sample;
        changed.inputs[i].type = type;
        expect_sense(op, changed, type.dtype != DType::u8);  // which wraps around
      }
    }
  }
}

TEST_P(Hostile, IndicesStayInside) {
  const OpDef& op = *GetParam();
  for (const Sample& sample : op.samples()) {
    for (std::size_t i = 0; i < sample.inputs.size(); ++i) {
      const Sample::Input& input = sample.inputs[i];
      if (input.fill != Sample::Fill::index || !input.present || input.type.dtype == DType::boolean) continue;
      for (const std::int64_t number : kHostileNumbers) {
        const std::vector<std::int64_t> numbers(static_cast<std::size_t>(input.type.shape.elements()), number);
        Sample changed = sample;
        changed.inputs[i].fill = Sample::Fill::given;
        changed.inputs[i].value = Tensor::of<std::int64_t>(input.type.shape, numbers).cast(input.type.dtype);
        reference_of(Case(op, changed));
        expect_sense(op, changed, is_tame(number) && input.type.dtype != DType::u8);  // sums of larger ones wrap around
      }
    }
  }
}

std::vector<const OpDef*> onnx_ops() {
  std::vector<const OpDef*> result = table()->all();
  std::erase_if(result, [](const OpDef* op) { return op->onnx.empty(); });
  return result;
}

INSTANTIATE_TEST_SUITE_P(Ops, Hostile, ::testing::ValuesIn(onnx_ops()), [](const auto& chosen) { return chosen.param->name; });

}  // namespace
}  // namespace neurons::ops::testing
