#include "neurons/formats/safetensors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "neurons/base/atomic_file.hpp"
#include "neurons/base/random.hpp"

namespace neurons {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// A file from the text of its header and as many bytes of data.
std::string file_of(const std::string& header, std::size_t data_bytes) {
  const std::uint64_t length = header.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  bytes += header;
  for (std::size_t i = 0; i < data_bytes; ++i) bytes += static_cast<char>(i + 1);
  return bytes;
}

TensorFile parse(const std::string& bytes) { return parse_safetensors(std::as_bytes(std::span(bytes)), "it"); }

/// What the reader says of a file.
std::string complaint(const std::string& bytes) {
  try {
    parse(bytes);
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), StartsWith("it: "));
    return error.what();
  }
  return "no complaint";
}

TensorFile some_file() {
  TensorFile file;
  file.tensors.emplace("dense1.weight", Tensor::of<float>({2, 3}, std::vector<float>{1, -2, 0.5F, -0.0F, 1e-40F, 3}));
  file.tensors.emplace("flag", Tensor(DType::boolean, {3}));
  file.tensors.emplace("step", Tensor::of<std::int64_t>({}, std::vector<std::int64_t>{-7}));
  file.tensors.emplace("none", Tensor(DType::f32, {0, 4}));
  file.metadata = {{"spec", "a \"quoted\" text\nwith lines"}, {"names", "α, β"}};
  return file;
}

bool same(const TensorFile& a, const TensorFile& b) {
  return a.metadata == b.metadata && std::ranges::equal(a.tensors, b.tensors, [](const auto& x, const auto& y) {
           return x.first == y.first && x.second == y.second;
         });
}

TEST(Safetensors, WhatIsWrittenIsReadAgain) {
  rc::check([] {
    constexpr DType kTypes[] = {DType::f32, DType::f64, DType::i32, DType::i64, DType::u8, DType::boolean};
    TensorFile file;
    const auto count = *rc::gen::inRange(0, 6);
    for (int t = 0; t < count; ++t) {
      std::vector<std::int64_t> extents;
      const auto rank = *rc::gen::inRange(0, 5);
      for (int axis = 0; axis < rank; ++axis) extents.push_back(*rc::gen::inRange(0, 5));
      Tensor tensor(kTypes[*rc::gen::inRange(0, 6)], Shape(std::span<const std::int64_t>(extents)));
      RandomStream random(static_cast<std::uint64_t>(*rc::gen::inRange(0, 1000)));
      for (std::byte& byte : tensor.bytes()) {  // any bits, NaN and infinity among them
        byte = static_cast<std::byte>(random.below(tensor.dtype() == DType::boolean ? 2 : 256));
      }
      file.tensors.emplace(
          "t" + std::to_string(*rc::gen::inRange(0, 100)) + *rc::gen::element<std::string>(".weight", "\"", "é", ""), tensor);
    }
    file.metadata =
        *rc::gen::container<std::map<std::string, std::string>>(rc::gen::container<std::string>(rc::gen::inRange('\1', '\x7f')),
                                                                rc::gen::container<std::string>(rc::gen::inRange('\1', '\x7f')));
    const std::string bytes = format_safetensors(file);
    RC_ASSERT(same(parse(bytes), file));
    RC_ASSERT(format_safetensors(parse(bytes)) == bytes);
  });
}

TEST(Safetensors, KeepsTheFormatsRules) {
  const std::string bytes = format_safetensors(some_file());
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  EXPECT_EQ((8 + length) % 64, 0U);
  EXPECT_EQ(bytes[8], '{');
  EXPECT_EQ(bytes.size(), 8 + length + 8 + 6 * 4 + 3) << "no gap between tensors";
  EXPECT_THAT(bytes, HasSubstr(R"("step":{"data_offsets":[0,8],"dtype":"I64","shape":[]})")) << "wide elements first";
  EXPECT_THAT(bytes, HasSubstr(R"("dense1.weight":{"data_offsets":[8,32],"dtype":"F32","shape":[2,3]})"));
}

TEST(Safetensors, ReadsAFileMadeByHand) {
  const std::string header = R"({"__metadata__":{"by":"hand"},"b":{"dtype":"U8","shape":[2,1],"data_offsets":[0,2]}}   )";
  const TensorFile file = parse(file_of(header, 2));
  EXPECT_EQ(file.metadata.at("by"), "hand");
  EXPECT_EQ(file.tensors.at("b"), Tensor::of<std::uint8_t>({2, 1}, std::vector<std::uint8_t>{1, 2}));
}

TEST(Safetensors, EveryTruncationIsRefused) {
  const std::string bytes = format_safetensors(some_file());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const std::string said = complaint(bytes.substr(0, size));
    EXPECT_TRUE(said.find("cut short") != std::string::npos || said.find("is no safetensors file") != std::string::npos)
        << size << " bytes: " << said;
  }
  EXPECT_THAT(complaint(bytes + "x"), HasSubstr("36 bytes of data, but its tensors end at byte 35"));
}

TEST(Safetensors, NoFlippedBitGoesUnnoticed) {
  const std::string bytes = format_safetensors(some_file());
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ 1 << bit % 8);
    if (bit >= 8 * (8 + length)) {
      EXPECT_THAT(complaint(damaged), HasSubstr("it: is damaged: its content does not match its checksum")) << bit;
      continue;
    }
    try {  // in the header a flip may change the checksum's name, or nothing that counts
      TensorFile read = parse(damaged);
      std::erase_if(read.metadata, [](const auto& text) { return text.second.size() == 64; });
      EXPECT_TRUE(same(read, some_file())) << bit;
    } catch (const InputError&) {
    }
  }
}

TEST(Safetensors, ChecksumsAreOfTheContentNotOfItsSpelling) {
  const std::string bytes = format_safetensors(some_file());
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  std::string spaced = bytes;  // as another program may write the same header
  spaced.insert(9, "  ");
  length += 2;
  std::memcpy(spaced.data(), &length, 8);
  EXPECT_TRUE(same(parse(spaced), some_file()));
}

TEST(Safetensors, WidensHalfAndBrainFloats) {
  const auto widen = [](const std::string& dtype, std::uint16_t bits) {
    std::string bytes = file_of(R"({"x":{"dtype":")" + dtype + R"(","shape":[1],"data_offsets":[0,2]}})", 2);
    std::memcpy(bytes.data() + bytes.size() - 2, &bits, 2);
    return parse(bytes).tensors.at("x").values<float>()[0];
  };
  EXPECT_EQ(widen("F16", 0x3C00), 1.0F);
  EXPECT_EQ(widen("F16", 0xC000), -2.0F);
  EXPECT_EQ(widen("F16", 0x7BFF), 65504.0F);
  EXPECT_EQ(widen("F16", 0x0001), std::ldexp(1.0F, -24));
  EXPECT_EQ(widen("F16", 0x83FF), -std::ldexp(1023.0F, -24));
  EXPECT_TRUE(std::signbit(widen("F16", 0x8000)));
  EXPECT_EQ(widen("F16", 0xFC00), -HUGE_VALF);
  EXPECT_TRUE(std::isnan(widen("F16", 0x7E01)));
  EXPECT_EQ(widen("BF16", 0x3F80), 1.0F);
  EXPECT_EQ(widen("BF16", 0xC0A0), -5.0F);
  EXPECT_EQ(widen("BF16", 0x7F80), HUGE_VALF);
  EXPECT_TRUE(std::isnan(widen("BF16", 0x7FC0)));
  for (int bits = 0; bits < 0x7C00; bits += 97) {  // binary16: (1 + mantissa / 1024) · 2^(exponent - 15)
    const int exponent = bits >> 10;
    const int mantissa = bits & 0x3FF;
    const double expected = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
    EXPECT_EQ(static_cast<double>(widen("F16", static_cast<std::uint16_t>(bits))), expected) << bits;
  }
}

TEST(Safetensors, BooleansAreZeroOrOne) {
  const TensorFile file = parse(file_of(R"({"x":{"dtype":"BOOL","shape":[3],"data_offsets":[0,3]}})", 3));
  for (const std::byte byte : file.tensors.at("x").bytes()) EXPECT_EQ(byte, std::byte{1});
}

TEST(Safetensors, FaultsAreNamed) {
  const auto tensor = [](const std::string& fields) { return file_of("{\"w\":{" + fields + "}}", 8); };
  EXPECT_THAT(complaint(file_of("[1, 2]", 0)), HasSubstr("its header is no JSON object"));
  EXPECT_THAT(complaint(file_of("{\"w\":", 0)), HasSubstr("its header is no valid JSON"));
  EXPECT_THAT(complaint(file_of("{\"w\xFF\":1}", 0)), HasSubstr("its header is no valid JSON"));
  EXPECT_EQ(complaint(tensor(R"("dtype":"F32","shape":[1e999],"data_offsets":[0,8])")),
            "it: its header holds a number that is too large for JSON: it is damaged, fetch or write it again");
  EXPECT_THAT(complaint(file_of(std::string(100'000, '['), 0)), HasSubstr("nested too deeply"));
  EXPECT_THAT(complaint(file_of("{\"w\":5}", 0)), HasSubstr("the header's \"w\" is no JSON object"));
  EXPECT_THAT(complaint(tensor(R"("shape":[2],"data_offsets":[0,8])")), HasSubstr("tensor \"w\" has no \"dtype\""));
  EXPECT_THAT(complaint(tensor(R"("dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8])")),
              HasSubstr("tensor \"w\" has dtype F8_E4M3; F32, F64"));
  EXPECT_THAT(complaint(tensor(R"("dtype":7,"shape":[8],"data_offsets":[0,8])")), HasSubstr("has dtype 7"));
  EXPECT_THAT(complaint(tensor(R"("dtype":"F32","shape":[3],"data_offsets":[0,8])")),
              HasSubstr("F32 of shape [3] takes 12 bytes, its data_offsets span 8"));
  EXPECT_THAT(complaint(tensor(R"("dtype":"F32","shape":[-2],"data_offsets":[0,8])")), HasSubstr("no whole number"));
  EXPECT_THAT(complaint(tensor(R"("dtype":"F32","shape":[2.0],"data_offsets":[0,8])")), HasSubstr("no whole number"));
  EXPECT_THAT(complaint(tensor(R"("dtype":"F32","shape":2,"data_offsets":[0,8])")), HasSubstr("its shape is no list"));
  EXPECT_THAT(complaint(tensor(R"("dtype":"F32","shape":[2],"data_offsets":[0,8,9])")), HasSubstr("no [begin, end]"));
  EXPECT_THAT(complaint(tensor(R"("dtype":"F32","shape":[2],"data_offsets":[8,0])")), HasSubstr("no [begin, end]"));
  EXPECT_THAT(complaint(tensor(R"("dtype":"F32","shape":[2],"data_offsets":[4,12])")), HasSubstr("goes on to byte 12"));
  EXPECT_THAT(complaint(tensor(R"("dtype":"F32","shape":[1],"data_offsets":[0,4])")),
              HasSubstr("8 bytes of data, but its tensors end at byte 4"));
  EXPECT_THAT(complaint(tensor(R"("dtype":"F32","shape":[1],"data_offsets":[4,8])")),
              HasSubstr("bytes 0 to 4 of the data belong to no tensor"));
  EXPECT_THAT(complaint(tensor(R"("dtype":"F32","shape":[1,1,1,1,1,1,1,1,2],"data_offsets":[0,8])")), HasSubstr("tensor \"w\""));
  EXPECT_THAT(complaint(tensor(R"("dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,8])")), HasSubstr("too large"));
  EXPECT_THAT(complaint(tensor(R"("dtype":"F32","shape":[281474976710656,281474976710656],"data_offsets":[0,8])")),
              HasSubstr("tensor \"w\""));
  EXPECT_THAT(complaint(file_of(R"({"__metadata__":{"a":1}})", 0)), HasSubstr("a \"a\" that is no text"));
  EXPECT_THAT(complaint(file_of(R"({"__metadata__":"a"})", 0)), HasSubstr("__metadata__ is no JSON object"));
}

TEST(Safetensors, OverlapsAndDuplicatesAreNamed) {
  EXPECT_THAT(complaint(file_of(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},
                                   "b":{"dtype":"U8","shape":[5],"data_offsets":[3,8]}})",
                                8)),
              HasSubstr("two tensors overlap at byte 3"));
  EXPECT_THAT(complaint(file_of(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},
                                   "a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})",
                                4)),
              HasSubstr("its header has \"a\" twice"));
  EXPECT_THAT(complaint(file_of(R"({"a":{"dtype":"U8","dtype":"I8","shape":[4],"data_offsets":[0,4]}})", 4)),
              HasSubstr("its header has \"dtype\" twice"));
  EXPECT_EQ(parse(file_of(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},
                             "b":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})",
                          8))
                .tensors.size(),
            2U)
      << "the same fields in two tensors are no duplicates";
}

TEST(Safetensors, GiantHeadersTakeNoMemory) {
  std::string bytes(8, '\xFF');
  EXPECT_THAT(complaint(bytes), HasSubstr("begins with a header length of 18446744073709551615 bytes"));
  const std::uint64_t length = 90'000'000;
  std::memcpy(bytes.data(), &length, 8);
  EXPECT_THAT(complaint(bytes + "{}"), AllOf(HasSubstr("ends after 2 of 90000000 bytes of its header"), HasSubstr("cut short")));
}

TEST(Safetensors, WhatCannotBeStoredIsRefused) {
  TensorFile file;
  file.tensors.emplace("__metadata__", Tensor());
  EXPECT_THROW(format_safetensors(file), InputError);
  file.tensors.clear();
  file.metadata = {{"neurons.sha256", "mine"}};
  EXPECT_THROW(format_safetensors(file), InputError);
  file.metadata = {{"text", "\xFF"}};
  EXPECT_THROW(format_safetensors(file), InputError);
}

TEST(Safetensors, FilesOnDisk) {
  const auto folder = std::filesystem::temp_directory_path() / ("neurons-safetensors-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  write_safetensors(folder / "a.safetensors", some_file());
  EXPECT_TRUE(same(read_safetensors(folder / "a.safetensors"), some_file()));
  EXPECT_THROW(read_safetensors(folder / "missing.safetensors"), InputError);
  EXPECT_THROW(write_safetensors(folder / "no" / "a.safetensors", some_file()), RuntimeError);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace neurons
