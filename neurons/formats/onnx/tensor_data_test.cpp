// Tensors of files: every element type, both ways to store it, files beside the model, and dims that lie.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "neurons/base/error.hpp"
#include "neurons/formats/onnx/model.hpp"
#include "neurons/formats/onnx/wire.hpp"

namespace neurons::onnx {
namespace {

namespace fs = std::filesystem;

/// The tensor of a message, with the bytes that it looks at.
struct Stored {
  Stored(ElementType type, const std::vector<std::int64_t>& dims, const WireWriter& elements) {
    WireWriter message;
    message.integer(2, static_cast<std::int64_t>(type));
    bytes = std::make_shared<std::string>(message.take() + elements.str());
    data.name = "t";
    data.type = type;
    data.dims = dims;
    data.message = std::as_bytes(std::span(*bytes));
    data.owner = bytes;
  }
  std::shared_ptr<std::string> bytes;
  TensorData data;
};

TensorData raw(ElementType type, std::vector<std::int64_t> dims, const std::string& bytes) {
  TensorData data;
  const auto copy = std::make_shared<std::string>(bytes);
  data.name = "t";
  data.type = type;
  data.dims = std::move(dims);
  data.raw = std::as_bytes(std::span(*copy));
  data.owner = copy;
  return data;
}

std::string tensor_fault(const TensorData& data, const fs::path& folder = "") {
  try {
    to_tensor(data, folder);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

WireWriter varints(int field, const std::vector<std::int64_t>& numbers) {
  WireWriter result;
  for (const std::int64_t number : numbers) result.integer(field, number);
  return result;
}

TEST(TensorData, ElementTypesFromBytes) {
  using T = ElementType;
  // 1.5, -2 and infinity in half precision: 0x3E00, 0xC000, 0x7C00.
  const std::string halves("\x00\x3E\x00\xC0\x00\x7C", 6);
  EXPECT_EQ(to_tensor(raw(T::f16, {3}, halves), ""), Tensor::of<float>({3}, {1.5F, -2, std::numeric_limits<float>::infinity()}));
  // 1 and -0.5 in bfloat16: 0x3F80, 0xBF00.
  EXPECT_EQ(to_tensor(raw(T::bf16, {2}, std::string("\x80\x3F\x00\xBF", 4)), ""), Tensor::of<float>({2}, {1, -0.5F}));
  EXPECT_EQ(to_tensor(raw(T::i8, {2}, "\x7F\x80"), ""), Tensor::of<std::int32_t>({2}, {127, -128}));
  EXPECT_EQ(to_tensor(raw(T::u8, {2}, "\x7F\x80"), ""), Tensor::of<std::uint8_t>({2}, {127, 128}));
  EXPECT_EQ(to_tensor(raw(T::i16, {1}, "\xFE\xFF"), ""), Tensor::of<std::int32_t>({1}, {-2}));
  EXPECT_EQ(to_tensor(raw(T::u16, {1}, "\xFE\xFF"), ""), Tensor::of<std::int32_t>({1}, {65534}));
  EXPECT_EQ(to_tensor(raw(T::u32, {1}, "\xFE\xFF\xFF\xFF"), ""), Tensor::of<std::int64_t>({1}, {4294967294}));
  EXPECT_EQ(to_tensor(raw(T::f64, {1}, std::string("\0\0\0\0\0\0\xE0\x3F", 8)), ""), Tensor::of<double>({1}, {0.5}));
  const Tensor truths = to_tensor(raw(T::boolean, {2}, std::string("\x01\x00", 2)), "");
  EXPECT_TRUE(truths.values<bool>()[0]);
  EXPECT_FALSE(truths.values<bool>()[1]);
}

TEST(TensorData, ElementTypesFromLists) {
  using T = ElementType;
  WireWriter floats;
  floats.real(4, 1.5F);
  floats.real(4, -0.25F);
  EXPECT_EQ(to_tensor(Stored(T::f32, {2}, floats).data, ""), Tensor::of<float>({2}, {1.5F, -0.25F}));
  WireWriter packed;
  packed.bytes(4, std::string_view("\x00\x00\xC0\x3F\x00\x00\x80\xBE", 8));
  EXPECT_EQ(to_tensor(Stored(T::f32, {2, 1}, packed).data, ""), Tensor::of<float>({2, 1}, {1.5F, -0.25F}));
  EXPECT_EQ(to_tensor(Stored(T::i64, {2}, varints(7, {-3, 1LL << 40})).data, ""), Tensor::of<std::int64_t>({2}, {-3, 1LL << 40}));
  EXPECT_EQ(to_tensor(Stored(T::i32, {1}, varints(5, {-3})).data, ""), Tensor::of<std::int32_t>({1}, {-3}));
  EXPECT_EQ(to_tensor(Stored(T::f16, {1}, varints(5, {0x3E00})).data, ""), Tensor::of<float>({1}, {1.5F}));
  EXPECT_EQ(to_tensor(Stored(T::u64, {1}, varints(11, {5})).data, ""), Tensor::of<std::int64_t>({1}, {5}));
  EXPECT_EQ(to_tensor(raw(T::f32, {0, 3}, ""), "").shape(), Shape({0, 3}));
}

TEST(TensorData, DimsThatLieTakeNoMemory) {
  using T = ElementType;
  const std::int64_t huge = std::int64_t{1} << 62;
  EXPECT_EQ(tensor_fault(raw(T::f32, {huge}, "1234")), "tensor \"t\": the dims have no end");
  EXPECT_EQ(tensor_fault(raw(T::f32, {huge, huge}, "1234")), "tensor \"t\": the dims have no end");
  EXPECT_EQ(tensor_fault(raw(T::f32, {1LL << 40}, "1234")), "tensor \"t\": holds 4 bytes, its dims say 4398046511104");
  EXPECT_EQ(tensor_fault(raw(T::f32, {-1}, "1234")), "tensor \"t\": dim -1 is negative");
  EXPECT_EQ(tensor_fault(raw(T::f32, {2}, "1234")), "tensor \"t\": holds 4 bytes, its dims say 8");
  EXPECT_EQ(tensor_fault(Stored(T::i64, {1LL << 40}, varints(7, {1})).data),
            "tensor \"t\": its dims say 1099511627776 elements, more than it holds");
  EXPECT_EQ(tensor_fault(Stored(T::i64, {3}, varints(7, {1})).data), "tensor \"t\": holds 1 elements, its dims say 3");
  EXPECT_EQ(tensor_fault(Stored(T::i64, {1}, varints(7, {1, 2})).data), "tensor \"t\": holds more than the 1 elements of its dims");
  EXPECT_EQ(tensor_fault(raw(T::u8, std::vector<std::int64_t>(9, 1), "1")),
            "tensor \"t\": shape of 9 dimensions: at most 8 are supported");
  EXPECT_EQ(tensor_fault(raw(T::string, {1}, "a")), "tensor \"t\": is of string, which has no place here");
  EXPECT_EQ(tensor_fault(raw(static_cast<T>(77), {1}, "a")), "tensor \"t\": is of element type 77, which has no place here");
}

class ExternalData : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(::testing::TempDir()) / ("neurons_onnx_external_" + std::to_string(::getpid()));
    fs::create_directories(folder_ / "model" / "weights");
    std::ofstream(folder_ / "model" / "weights" / "w.bin") << std::string("skipped!\x07\x00\x00\x00\x09\x00\x00\x00", 16);
    std::ofstream(folder_ / "secret.bin") << "12345678";
    fs::create_symlink(folder_ / "secret.bin", folder_ / "model" / "link.bin");
  }
  void TearDown() override { fs::remove_all(folder_); }

  TensorData at(const std::string& location, std::map<std::string, std::string> more = {}) const {
    TensorData data;
    data.name = "w";
    data.type = ElementType::i32;
    data.dims = {2};
    data.external = std::move(more);
    data.external["location"] = location;
    return data;
  }
  std::string fault(const TensorData& data) const { return tensor_fault(data, folder_ / "model"); }

  fs::path folder_;
};

TEST_F(ExternalData, IsReadFromBesideTheModel) {
  const TensorData data = at("weights/w.bin", {{"offset", "8"}, {"length", "8"}});
  EXPECT_EQ(to_tensor(data, folder_ / "model"), Tensor::of<std::int32_t>({2}, {7, 9}));
}

TEST_F(ExternalData, NeverLeavesTheFolder) {
  const std::string rule = "only files beside the model are read";
  const std::vector<std::string> places = {"../secret.bin", "weights/../../secret.bin", (folder_ / "secret.bin").string(),
                                           "/etc/passwd", ""};
  for (const std::string& place : places) {
    EXPECT_EQ(fault(at(place)), "tensor \"w\": its external data is at \"" + place + "\", outside of the model's folder; " + rule);
  }
  EXPECT_EQ(fault(at("link.bin")), "tensor \"w\": its external data \"link.bin\" is a link out of the model's folder; " + rule);
}

TEST_F(ExternalData, TellsWhatIsMissing) {
  EXPECT_THAT(fault(at("none.bin")), ::testing::HasSubstr("none.bin: cannot be read: No such file or directory"));
  EXPECT_EQ(fault(at("weights/w.bin", {{"offset", "12"}})),
            "tensor \"w\": needs 8 bytes from 12 on of \"weights/w.bin\", which has 16");
  EXPECT_EQ(fault(at("weights/w.bin", {{"offset", "18446744073709551615"}})),
            "tensor \"w\": needs 8 bytes from 18446744073709551615 on of \"weights/w.bin\", which has 16");
  EXPECT_EQ(fault(at("weights/w.bin", {{"offset", "x"}})), "tensor \"w\": external offset \"x\" is no number");
  EXPECT_EQ(fault(at("weights/w.bin", {{"length", "4"}})), "tensor \"w\": holds 4 bytes, its dims say 8");
  TensorData nowhere = at("");
  nowhere.external = {{"offset", "0"}};
  EXPECT_EQ(fault(nowhere), "tensor \"w\": its external data has no location");
}

TEST_F(ExternalData, ComesAlongIntoAnotherFolder) {
  Model source;
  source.folder = folder_ / "model";
  source.ir_version = 8;
  source.graph.initializers = {at("weights/w.bin", {{"offset", "8"}})};
  AttributeData value;
  value.name = "value";
  value.type = AttributeData::Type::tensor;
  value.tensor = at("weights/w.bin");
  source.graph.nodes = {{"Constant", "", "", {}, {"c"}, {value}}};
  fs::create_directories(folder_ / "other");
  write(folder_ / "other" / "m.onnx", source);
  fs::remove_all(folder_ / "model");
  const Model moved = read(folder_ / "other" / "m.onnx");
  EXPECT_EQ(to_tensor(moved.graph.initializers.at(0), moved.folder), Tensor::of<std::int32_t>({2}, {7, 9}));
  EXPECT_TRUE(moved.graph.nodes.at(0).attributes.at(0).tensor->external.empty());
  EXPECT_THROW(write(folder_ / "m.onnx", source), InputError) << "its weights are gone";
}

}  // namespace
}  // namespace neurons::onnx
