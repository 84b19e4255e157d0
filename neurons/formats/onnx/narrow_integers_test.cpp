// Integers of fewer bits than ours, against what two's complement says.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "neurons/formats/onnx/model_testing.hpp"

namespace neurons::onnx {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::size_t bytes_of(ElementType type) {
  if (type == ElementType::i8 || type == ElementType::u8) return 1;
  if (type == ElementType::i64 || type == ElementType::u64) return 8;
  return type == ElementType::i16 || type == ElementType::u16 ? 2 : 4;
}

/// A list of numbers as a file keeps them.
TensorData stored(const std::string& name, ElementType type, const std::vector<std::int64_t>& numbers) {
  const auto bytes = std::make_shared<std::vector<std::byte>>();
  for (const std::int64_t number : numbers) {
    for (std::size_t byte = 0; byte < bytes_of(type); ++byte) bytes->push_back(static_cast<std::byte>(number >> (8 * byte)));
  }
  TensorData data;
  data.name = name;
  data.type = type;
  data.dims = {std::ssize(numbers)};
  data.raw = *bytes;
  data.owner = bytes;
  return data;
}

std::vector<std::int64_t> whole(const Tensor& tensor) {
  const Tensor wide = tensor.cast(DType::i64);
  const auto values = wide.values<std::int64_t>();
  return {values.begin(), values.end()};
}

/// What an operator gives for lists of a type, be they known when the model is imported or when it runs.
std::vector<std::int64_t> result_of(const std::string& op, ElementType type, const std::vector<std::vector<std::int64_t>>& lists) {
  std::vector<std::string> names;
  std::vector<ValueData> inputs;
  std::vector<TensorData> constants;
  std::map<std::string, Tensor> given;
  for (const auto& list : lists) {
    names.push_back("x" + std::to_string(names.size()));
    inputs.push_back(value(names.back(), {std::ssize(list)}, type));
    constants.push_back(stored(names.back(), type, list));
    given.emplace(names.back(), i64({std::ssize(list)}, list).cast(*dtype_of(type)));
  }
  const auto late = whole(run(model({node(op, names, {"y"})}, inputs, {"y"}), given)[0]);
  EXPECT_EQ(whole(run(model({node(op, names, {"y"})}, {}, {"y"}, constants), {})[0]), late) << op;
  return late;
}

TEST(NarrowIntegers, ArithmeticWrapsAround) {
  EXPECT_THAT(result_of("Add", ElementType::i8, {{100, -100, 1}, {100, -100, 2}}), ElementsAre(-56, 56, 3));
  EXPECT_THAT(result_of("Mul", ElementType::i8, {{100}, {3}}), ElementsAre(44));
  EXPECT_THAT(result_of("Neg", ElementType::i8, {{-128, 127}}), ElementsAre(-128, -127));
  EXPECT_THAT(result_of("Div", ElementType::i8, {{-128, 7}, {-1, -2}}), ElementsAre(-128, -3));
  EXPECT_THAT(result_of("Add", ElementType::u8, {{200}, {100}}), ElementsAre(44));
  EXPECT_THAT(result_of("Mul", ElementType::i16, {{200, -200}, {200, 200}}), ElementsAre(-25536, 25536));
  EXPECT_THAT(result_of("Sub", ElementType::u16, {{3}, {5}}), ElementsAre(65534));
  EXPECT_THAT(result_of("Mul", ElementType::u16, {{65535}, {65535}}), ElementsAre(1));
  EXPECT_THAT(result_of("Sub", ElementType::u32, {{1}, {2}}), ElementsAre(4294967295));
  EXPECT_THAT(result_of("Mul", ElementType::u32, {{65536}, {65537}}), ElementsAre(65536));
  EXPECT_THAT(result_of("ReduceSum", ElementType::i8, {{100, 100, 100}}), ElementsAre(44));
  EXPECT_THAT(result_of("Mul", ElementType::i32, {{65536}, {65537}}), ElementsAre(65536));
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  EXPECT_THAT(result_of("Mul", ElementType::i64, {{kMost, 3037000500}, {2, 3037000500}}), ElementsAre(-2, -9223372036709301616));
  EXPECT_THAT(result_of("ReduceSum", ElementType::i64, {{kMost, kMost, 5}}), ElementsAre(3));
  EXPECT_THAT(result_of("MatMul", ElementType::i64, {{kMost, 3}, {kMost, 5}}), ElementsAre(16));
  EXPECT_THAT(result_of("MatMul", ElementType::i8, {{100, 100}, {2, 2}}), ElementsAre(-112));
  EXPECT_THAT(result_of("Pow", ElementType::i64, {{3, -3, 2}, {39, 3, 63}}), ElementsAre(4052555153018976267, -27, -kMost - 1));
  EXPECT_THAT(result_of("Pow", ElementType::i8, {{3}, {5}}), ElementsAre(-13));
  EXPECT_THAT(result_of("ReduceSum", ElementType::i32, {{2147483647, 1}}), ElementsAre(-2147483648));
}

TEST(NarrowIntegers, TypesFollowTheValues) {
  const std::vector<NodeData> nodes = {node("Cast", {"x"}, {"narrow"}, {integer("to", 3)}),
                                       node("Reshape", {"narrow", "shape"}, {"moved"}),
                                       node("Add", {"moved", "moved"}, {"sum"}),
                                       node("Shape", {"sum"}, {"extents"}),
                                       node("Mul", {"extents", "many"}, {"product"}),
                                       node("Cast", {"sum"}, {"wide"}, {integer("to", 6)}),
                                       node("Add", {"wide", "wide"}, {"twice"})};
  const std::vector<TensorData> constants = {from_tensor("shape", i64({2}, {2, 1})), from_tensor("many", i64({2}, {1000, 1000}))};
  const auto results =
      run(model(nodes, {value("x", {2})}, {"narrow", "sum", "product", "twice"}, constants), {{"x", f32({2}, {100.75F, -100})}});
  EXPECT_THAT(whole(results[0]), ElementsAre(100, -100));
  EXPECT_THAT(whole(results[1]), ElementsAre(-56, 56));
  EXPECT_THAT(whole(results[2]), ElementsAre(2000, 1000));
  EXPECT_THAT(whole(results[3]), ElementsAre(-112, 112));
}

TEST(NarrowIntegers, BitsAsOtherTypes) {
  const auto bits = [](ElementType from, const std::vector<std::int64_t>& list, ElementType to) {
    const NodeData cast = node("BitCast", {"x"}, {"y"}, {integer("to", static_cast<std::int64_t>(to))});
    return whole(run(model({cast}, {}, {"y"}, {stored("x", from, list)}, 26), {})[0]);
  };
  EXPECT_THAT(bits(ElementType::i8, {-1, 5}, ElementType::u8), ElementsAre(255, 5));
  EXPECT_THAT(bits(ElementType::u8, {255, 5}, ElementType::i8), ElementsAre(-1, 5));
  EXPECT_THAT(bits(ElementType::u16, {65535}, ElementType::i16), ElementsAre(-1));
  EXPECT_THAT(bits(ElementType::i32, {-1}, ElementType::u32), ElementsAre(4294967295));
  EXPECT_THAT(bits(ElementType::u32, {4294967295}, ElementType::i32), ElementsAre(-1));
  EXPECT_THAT(bits(ElementType::u32, {0xC0000000}, ElementType::f32), ElementsAre(-2));
  EXPECT_THAT(bits(ElementType::f32, {0x3f800000}, ElementType::u32), ElementsAre(0x3f800000));
  EXPECT_THAT(bits(ElementType::f32, {0xbf800000}, ElementType::i32), ElementsAre(static_cast<std::int32_t>(0xbf800000)));
  const NodeData halves = node("BitCast", {"x"}, {"y"}, {integer("to", static_cast<std::int64_t>(ElementType::f16))});
  EXPECT_THAT(fault_of(model({halves}, {value("x", {1}, ElementType::i16)}, {"y"}, {}, 26)), HasSubstr("whose bits have no place"));
}

TEST(Quantization, OfEachType) {
  const Tensor x = f32({4}, {-400, -0.75F, 0.25F, 1e9F});
  const auto quantized = [&](ElementType type, std::int64_t zero) {
    const NodeData quantize = node("QuantizeLinear", {"x", "scale", "zero"}, {"y"});
    std::vector<TensorData> constants = {from_tensor("scale", Tensor::scalar(0.5F)), stored("zero", type, {zero})};
    constants[1].dims.clear();
    return whole(run(model({quantize}, {value("x", {4})}, {"y"}, constants), {{"x", x}})[0]);
  };
  EXPECT_THAT(quantized(ElementType::u8, 3), ElementsAre(0, 1, 3, 255));  // -1.5 and 0.5 go to even numbers
  EXPECT_THAT(quantized(ElementType::i8, 3), ElementsAre(-128, 1, 3, 127));
  EXPECT_THAT(quantized(ElementType::i16, -3), ElementsAre(-803, -5, -3, 32767));
  EXPECT_THAT(quantized(ElementType::u16, 1000), ElementsAre(200, 998, 1000, 65535));
}

TEST(Quantization, ThereAndBack) {
  const Tensor x = f32({2, 3}, {-1, 0.5F, 60, 8, -4, 1000});
  const std::vector<NodeData> nodes = {
      node("QuantizeLinear", {"x", "scale"}, {"q"}, {integer("axis", 1), integer("block_size", 2), integer("output_dtype", 3)}),
      node("DequantizeLinear", {"q", "scale"}, {"y"}, {integer("axis", 1), integer("block_size", 2)})};
  const std::vector<TensorData> scales = {from_tensor("scale", f32({2, 2}, {0.5F, 1, 2, 4}))};
  const auto results = run(model(nodes, {value("x", {2, 3})}, {"q", "y"}, scales, 21), {{"x", x}});
  EXPECT_THAT(whole(results[0]), ElementsAre(-2, 1, 60, 4, -2, 127));
  EXPECT_EQ(results[1], f32({2, 3}, {-1, 0.5F, 60, 8, -4, 508}));
  const std::vector<TensorData> misfit = {from_tensor("scale", f32({2, 3}, {1, 1, 1, 1, 1, 1}))};
  EXPECT_THAT(fault_of(model(nodes, {value("x", {2, 3})}, {"q", "y"}, misfit, 21)), HasSubstr("do not stand for blocks of 2"));
}

TEST(Quantization, Products) {
  const NodeData product = node("MatMulInteger", {"a", "b", "za", "zb"}, {"y"});
  std::vector<TensorData> constants = {stored("a", ElementType::u8, {255, 0, 3, 200}), stored("b", ElementType::i8, {-128, 5}),
                                       stored("za", ElementType::u8, {5, 100}), stored("zb", ElementType::i8, {2})};
  constants[0].dims = {2, 2};
  constants[1].dims = {2, 1};
  EXPECT_THAT(whole(run(model({product}, {}, {"y"}, constants), {})[0]), ElementsAre(-32515, 12910));
  const NodeData scaled = node("QLinearMatMul", {"a", "sa", "za", "b", "sb", "zb", "sy", "zy"}, {"y"});
  for (const auto& [name, scale] : {std::pair("sa", 0.5F), std::pair("sb", 0.25F), std::pair("sy", 50.0F)}) {
    constants.push_back(from_tensor(name, Tensor::scalar(scale)));
  }
  constants.push_back(stored("zy", ElementType::i8, {-10}));
  EXPECT_THAT(whole(run(model({scaled}, {}, {"y"}, constants), {})[0]), ElementsAre(-91, 22));
}

TEST(Quantization, OfWhatIsNotKnownHere) {
  const NodeData quantize = node("QuantizeLinear", {"x", "scale"}, {"y"}, {integer("output_dtype", 17)});
  EXPECT_THAT(fault_of(model({quantize}, {value("x", {4})}, {"y"}, {from_tensor("scale", Tensor::scalar(0.5F))}, 21)),
              HasSubstr("gives element type 17, which has no place here"));
}

TEST(WideIntegers, ConstantsThatWouldBeNegativeAreRefusedWhereTheirOrderCounts) {
  constexpr std::int64_t kLarge = std::numeric_limits<std::int64_t>::min() + 5;  // 2^63 + 5, as bits
  const auto reads = [](const std::string& op, std::int64_t number, std::vector<AttributeData> attributes = {}) {
    const std::vector<std::string> inputs = op == "Cast" ? std::vector<std::string>{"c"} : std::vector<std::string>{"x", "c"};
    return fault_of(model({node(op, inputs, {"y"}, std::move(attributes))}, {value("x", {std::int64_t{1}}, ElementType::u64)},
                          {"y"}, {stored("c", ElementType::u64, {number})}));
  };
  for (const std::string op : {"Greater", "Less", "GreaterOrEqual", "Div", "Mod", "Max", "Min"}) {
    EXPECT_THAT(reads(op, kLarge), HasSubstr("uint64 constant from 2^63 on")) << op;
    EXPECT_EQ(reads(op, 5), "") << op;
  }
  EXPECT_THAT(reads("Cast", kLarge, {integer("to", 1)}), HasSubstr("uint64 constant from 2^63 on"));
  EXPECT_EQ(reads("Cast", kLarge, {integer("to", 7)}), "");
  for (const std::string op : {"Add", "Mul", "Equal"}) EXPECT_EQ(reads(op, kLarge), "") << op << " wraps around";
  const Model named = model({node("Constant", {}, {"c"}, {tensor("value", i64({1}, {kLarge}))}), node("Max", {"x", "c"}, {"y"})},
                            {value("x", {std::int64_t{1}}, ElementType::u64)}, {"y"});
  Model constant = named;
  constant.graph.nodes[0].attributes[0].tensor = stored("", ElementType::u64, {kLarge});
  EXPECT_EQ(fault_of(named), "");
  EXPECT_THAT(fault_of(constant), HasSubstr("uint64 constant from 2^63 on"));
}

}  // namespace
}  // namespace neurons::onnx
