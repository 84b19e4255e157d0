#include "neurons/formats/onnx/option_data.hpp"

#include <algorithm>
#include <array>

#include "neurons/base/error.hpp"

namespace neurons::onnx {
namespace {

constexpr std::array kAlways = {std::string_view("axis"), std::string_view("to"),          std::string_view("blocksize"),
                                std::string_view("size"), std::string_view("num_groups"),  std::string_view("equation"),
                                std::string_view("perm"), std::string_view("hidden_size"), std::string_view("kernel_shape"),
                                std::string_view("k"),    std::string_view("shape")};
constexpr std::array kOurs = {std::string_view("channels"), std::string_view("channels_last"), std::string_view("indices"),
                              std::string_view("unbiased")};

/// Options that operators have had only since an opset.
struct Newer {
  std::string_view op;
  std::string_view option;
  std::int64_t since;
};
constexpr std::array kNewer = {Newer{"Pad", "axes", 18},
                               Newer{"Resize", "axes", 18},
                               Newer{"Resize", "antialias", 18},
                               Newer{"Resize", "keep_aspect_ratio_policy", 18},
                               Newer{"ScatterND", "reduction", 16},
                               Newer{"ScatterElements", "reduction", 16},
                               Newer{"AveragePool", "dilations", 19},
                               Newer{"LpPool", "dilations", 18},
                               Newer{"LpPool", "ceil_mode", 18},
                               Newer{"SpaceToDepth", "mode", 28},
                               Newer{"Attention", "left_window_size", 25},
                               Newer{"Attention", "right_window_size", 25}};
/// The same for inputs.
struct NewerInput {
  std::string_view op;
  std::size_t input;
  std::int64_t since;
};
constexpr std::array kNewerInputs = {NewerInput{"Attention", 6, 24}};

/// GridSample's words for how it interpolates changed with an opset.
constexpr std::int64_t kGridSampleWords = 20;

}  // namespace

bool is_always_written(std::string_view option) { return std::ranges::find(kAlways, option) != kAlways.end(); }

bool is_ours(std::string_view option) { return std::ranges::find(kOurs, option) != kOurs.end(); }

std::int64_t option_since(std::string_view op, std::string_view option) {
  const auto found = std::ranges::find_if(kNewer, [&](const Newer& one) { return one.op == op && one.option == option; });
  return found == kNewer.end() ? 0 : found->since;
}

std::int64_t input_since(std::string_view op, std::size_t input) {
  const auto found = std::ranges::find_if(kNewerInputs, [&](const NewerInput& one) { return one.op == op && one.input == input; });
  return found == kNewerInputs.end() ? 0 : found->since;
}

std::string grid_sample_mode(const std::string& mode, std::int64_t opset) {
  if (mode == "linear" || mode == "bilinear") return opset < kGridSampleWords ? "bilinear" : "linear";
  if (mode == "cubic" || mode == "bicubic") return opset < kGridSampleWords ? "bicubic" : "cubic";
  return mode;
}

bool is_empty(const AttributeValue& value) {
  const auto* integers = std::get_if<std::vector<std::int64_t>>(&value);
  const auto* reals = std::get_if<std::vector<double>>(&value);
  const auto* texts = std::get_if<std::vector<std::string>>(&value);
  const auto* text = std::get_if<std::string>(&value);
  return (integers != nullptr && integers->empty()) || (reals != nullptr && reals->empty()) ||
         (texts != nullptr && texts->empty()) || (text != nullptr && text->empty());
}

AttributeData attribute_of(const std::string& name, const AttributeValue& value) {
  AttributeData data;
  data.name = name;
  if (const auto* flag = std::get_if<bool>(&value)) {
    data.type = AttributeData::Type::integer;
    data.integer = *flag ? 1 : 0;
  } else if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    data.type = AttributeData::Type::integer;
    data.integer = *integer;
  } else if (const auto* real = std::get_if<double>(&value)) {
    data.type = AttributeData::Type::real;
    data.real = static_cast<float>(*real);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    data.type = AttributeData::Type::text;
    data.text = *text;
  } else if (const auto* integers = std::get_if<std::vector<std::int64_t>>(&value)) {
    data.type = AttributeData::Type::integers;
    data.integers = *integers;
  } else if (const auto* reals = std::get_if<std::vector<double>>(&value)) {
    data.type = AttributeData::Type::reals;
    data.reals.assign(reals->begin(), reals->end());
  } else if (const auto* texts = std::get_if<std::vector<std::string>>(&value)) {
    data.type = AttributeData::Type::texts;
    data.texts = *texts;
  } else {
    data.type = AttributeData::Type::tensor;
    data.tensor = from_tensor("", std::get<Tensor>(value));
  }
  return data;
}

Tensor tensor_of(const AttributeValue& value, DType number) {
  if (const auto* integers = std::get_if<std::vector<std::int64_t>>(&value)) {
    return Tensor::of<std::int64_t>({static_cast<std::int64_t>(integers->size())}, *integers);
  }
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return Tensor::of<std::int64_t>({1}, std::vector{*integer});
  if (const auto* real = std::get_if<double>(&value)) return Tensor::of<double>({}, std::vector{*real}).cast(number);
  if (const auto* reals = std::get_if<std::vector<double>>(&value)) {
    return Tensor::of<double>({static_cast<std::int64_t>(reals->size())}, *reals).cast(DType::f32);
  }
  if (const auto* tensor = std::get_if<Tensor>(&value)) return *tensor;
  fail_input("an option of a kind that ONNX takes no input for");
}

}  // namespace neurons::onnx
