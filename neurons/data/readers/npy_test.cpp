#include "neurons/data/readers/npy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>
#include <numeric>

#include "neurons/data/data_testing.hpp"

namespace neurons {
namespace {

using namespace std::string_literals;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Key;
using testing::message_of;
using testing::TemporaryFolder;

Tensor npy_tensor(std::string_view text) { return parse_npy(std::as_bytes(std::span(text)), "a.npy"); }
std::string npy_message(std::string_view text) {
  return message_of([&] { npy_tensor(text); });
}
std::map<std::string, Tensor> unzip(std::string_view text) { return parse_npz(std::as_bytes(std::span(text)), "a.npz"); }
std::string zip_message(std::string_view text) {
  return message_of([&] { unzip(text); });
}

/// A file of version 1.0 with that dictionary.
std::string npy(const std::string& dictionary, const std::string& data) {
  return "\x93NUMPY\x01\x00"s + static_cast<char>(dictionary.size() + 1) + "\0"s + dictionary + "\n" + data;
}
std::string npy(const std::string& type, const std::string& shape, const std::string& data, const std::string& order = "False") {
  return npy("{'descr': '" + type + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }", data);
}

TEST(Npy, ReadsEveryType) {
  EXPECT_EQ(npy_tensor(npy("<f4", "(2,)", "\x00\x00\x80\x3f\xdb\x0f\x49\xc0"s)), Tensor::of<float>({2}, {1, -3.14159274F}));
  EXPECT_EQ(npy_tensor(npy("<f8", "(1, 1)", "\x18\x2d\x44\x54\xfb\x21\x09\x40"s)), Tensor::of<double>({1, 1}, {3.141592653589793}));
  EXPECT_EQ(npy_tensor(npy("<i4", "(1,)", "\xfe\xff\xff\xff"s)), Tensor::of<std::int32_t>({1}, {-2}));
  EXPECT_EQ(npy_tensor(npy("<i8", "()", "\x01\x00\x00\x00\x00\x00\x00\x80"s)),
            Tensor::of<std::int64_t>({}, std::vector{std::numeric_limits<std::int64_t>::min() + 1}));
  EXPECT_EQ(npy_tensor(npy("|u1", "(3,)", "\x00\x7f\xff"s)), Tensor::of<std::uint8_t>({3}, {0, 127, 255}));
  EXPECT_EQ(npy_tensor(npy("<u1", "(1,)", "a")).dtype(), DType::u8);
  const Tensor truths = npy_tensor(npy("|b1", "(2,)", "\x01\x00"s));
  EXPECT_THAT(truths.values<bool>(), ElementsAre(true, false));
  EXPECT_EQ(npy_tensor(npy("<f4", "(0, 3)", "")).shape(), Shape({0, 3}));
}

TEST(Npy, ReadsNarrowAndUnsignedNumbersAsTheNextThatHoldThem) {
  EXPECT_EQ(npy_tensor(npy("<f2", "(4,)", "\x00\x3c\x00\xc1\x01\x00\x00\xfc"s)),
            Tensor::of<float>({4}, {1, -2.5F, 0x1p-24F, -INFINITY}));
  EXPECT_EQ(npy_tensor(npy("|i1", "(3,)", "\x7f\x80\xff"s)), Tensor::of<std::int32_t>({3}, {127, -128, -1}));
  EXPECT_EQ(npy_tensor(npy("<i2", "(2,)", "\x01\x80\x02\x01"s)), Tensor::of<std::int32_t>({2}, {-32767, 258}));
  EXPECT_EQ(npy_tensor(npy("<u2", "(2,)", "\xff\xff\x02\x01"s)), Tensor::of<std::int32_t>({2}, {65535, 258}));
  EXPECT_EQ(npy_tensor(npy("<u4", "(1,)", "\xff\xff\xff\xff"s)), Tensor::of<std::int64_t>({1}, {4294967295}));
  EXPECT_EQ(npy_tensor(npy("<u8", "(1,)", "\xff\xff\xff\xff\xff\xff\xff\x7f"s)),
            Tensor::of<std::int64_t>({1}, {std::numeric_limits<std::int64_t>::max()}));
  EXPECT_EQ(npy_tensor(npy("<u2", "(2, 1, 2)", "\x00\x00\x02\x00\x01\x00\x03\x00"s, "True")),
            Tensor::of<std::int32_t>({2, 1, 2}, {0, 1, 2, 3}));
}

TEST(Npy, ReadsBigEndianNumbers) {
  EXPECT_EQ(npy_tensor(npy(">f4", "(1,)", "\xc0\x49\x0f\xdb"s)), Tensor::of<float>({1}, {-3.14159274F}));
  EXPECT_EQ(npy_tensor(npy(">f8", "(1,)", "\x40\x09\x21\xfb\x54\x44\x2d\x18"s)), Tensor::of<double>({1}, {3.141592653589793}));
  EXPECT_EQ(npy_tensor(npy(">f2", "(1,)", "\xc1\x00"s)), Tensor::of<float>({1}, {-2.5F}));
  EXPECT_EQ(npy_tensor(npy(">i2", "(2,)", "\x80\x01\x01\x02"s)), Tensor::of<std::int32_t>({2}, {-32767, 258}));
  EXPECT_EQ(npy_tensor(npy(">u2", "(1,)", "\xff\xfe"s)), Tensor::of<std::int32_t>({1}, {65534}));
  EXPECT_EQ(npy_tensor(npy(">i4", "(1,)", "\xff\xff\xff\xfe"s)), Tensor::of<std::int32_t>({1}, {-2}));
  EXPECT_EQ(npy_tensor(npy(">u4", "(1,)", "\x80\x00\x00\x01"s)), Tensor::of<std::int64_t>({1}, {2147483649}));
  EXPECT_EQ(npy_tensor(npy(">i8", "(1,)", "\x80\x00\x00\x00\x00\x00\x00\x01"s)),
            Tensor::of<std::int64_t>({1}, {std::numeric_limits<std::int64_t>::min() + 1}));
  EXPECT_EQ(npy_tensor(npy(">u8", "(1,)", "\x00\x00\x00\x00\x00\x00\x01\x02"s)), Tensor::of<std::int64_t>({1}, {258}));
}

TEST(Npy, RefusesWholeNumbersThatNothingHolds) {
  const std::string high = "\x00\x00\x00\x00\x00\x00\x00\x80"s;
  EXPECT_EQ(npy_message(npy("<u8", "(1, 2)", std::string(8, '\0') + high)),
            "a.npy: element [0, 1] (from 0) is 9223372036854775808, but whole numbers can be at most 9223372036854775807; save the "
            "array as int64 or float64");
  EXPECT_THAT(npy_message(npy("<u8", "()", high)), HasSubstr("a.npy: its only number is 9223372036854775808, but whole"));
  // In Fortran order the second of the file is the first of the second row.
  EXPECT_THAT(npy_message(npy("<u8", "(2, 2)", std::string(8, '\0') + high + std::string(16, '\0'), "True")),
              HasSubstr("element [1, 0] (from 0)"));
}

TEST(Npy, ReadsFortranOrder) {
  // numpy.asfortranarray(numpy.arange(6, dtype="u1").reshape(2, 3)) lies in memory as 0 3 1 4 2 5.
  EXPECT_EQ(npy_tensor(npy("|u1", "(2, 3)", "\x00\x03\x01\x04\x02\x05"s, "True")),
            Tensor::of<std::uint8_t>({2, 3}, {0, 1, 2, 3, 4, 5}));
  const std::string cube = "\x00\x06\x02\x08\x04\x0a\x01\x07\x03\x09\x05\x0b"s;
  EXPECT_EQ(npy_tensor(npy("|u1", "(2, 3, 2)", cube, "True")),
            Tensor::of<std::uint8_t>({2, 3, 2}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}));
  EXPECT_EQ(npy_tensor(npy("<i4", "()", "\x07\0\0\0"s, "True")), Tensor::of<std::int32_t>({}, std::vector{7}));
}

TEST(Npy, ReadsHeadersOfAnyStyle) {
  const Tensor expected = Tensor::of<std::uint8_t>({2}, {97, 98});
  EXPECT_EQ(npy_tensor(npy(R"({"shape":(2,),"fortran_order":False,"descr":"|u1"})", "ab")), expected);
  EXPECT_EQ(npy_tensor(npy("{'shape': (2 , ),  'descr': '|u1', 'fortran_order': False,}          ", "ab")), expected);
  for (const char version : {'\x02', '\x03'}) {
    const std::string dictionary = "{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }";
    EXPECT_EQ(npy_tensor("\x93NUMPY"s + version + "\0"s + static_cast<char>(dictionary.size()) + "\0\0\0"s + dictionary + "ab"),
              expected);
  }
}

TEST(Npy, RefusesEveryTruncation) {
  const std::string file = npy("<i4", "(2, 2)", "0123456789abcdef");
  for (std::size_t length = 0; length < file.size(); ++length) {
    EXPECT_THAT(npy_message(file.substr(0, length)), HasSubstr("a.npy: ")) << length;
  }
  EXPECT_EQ(npy_message(file.substr(0, file.size() - 1)),
            "a.npy: holds 15 bytes of data, but its header says i32[2, 2], 16 bytes; the file was cut or its header is damaged");
  EXPECT_THAT(npy_message(file + "x"), HasSubstr("holds 17 bytes of data"));
  EXPECT_EQ(npy_message(file.substr(0, 20)), "a.npy: ends after 20 bytes, inside its npy header; the file was cut");
}

TEST(Npy, TakesNoMemoryForWhatAHeaderClaims) {
  EXPECT_THAT(npy_message(npy("<f8", "(9223372036854775807,)", "x")), HasSubstr("holds 1 bytes of data"));
  EXPECT_THAT(npy_message(npy("<f8", "(4294967296, 4294967296)", "")), HasSubstr("holds 0 bytes of data"));
  EXPECT_EQ(npy_tensor(npy("<f8", "(281474976710656, 0)", "")).elements(), 0);
  EXPECT_EQ(npy_message(npy("<f8", "(9223372036854775807, 0)", "")),
            "a.npy: shape [9223372036854775807, 0]: more than 2^48 elements");
}

TEST(Npy, RefusesOtherTypesAndDamagedHeaders) {
  EXPECT_EQ(
      npy_message(npy("<c8", "(1,)", "12345678")),
      "a.npy: its elements are of type \"<c8\", expected one of f2, f4, f8, i1, i2, i4, i8, u1, u2, u4, u8, b1, with < or > in "
      "front; convert them before saving");
  for (const char* type : {"<c8", "|O", "<U4", "<M8[ns]", "f4", "", "|f4", "=f4", "<f16"}) {
    EXPECT_THAT(npy_message(npy(type, "(1,)", "1234")), HasSubstr("its elements are of type "));
  }
  EXPECT_THAT(npy_message(npy("|b1", "(2,)", "\x01\x02")), HasSubstr("a truth value is stored as 2, expected 0 or 1"));
  EXPECT_THAT(npy_message(npy("|u1", "(1, 1, 1, 1, 1, 1, 1, 1, 1)", "x")), HasSubstr("an array of 9 dimensions, at most 8"));
  EXPECT_THAT(npy_message("PK\x03\x04"), HasSubstr("is no npy file"));
  EXPECT_THAT(npy_message("\x93NUMPY\x04\x00"s), HasSubstr("of version 4, expected 1, 2 or 3"));
  for (const char* dictionary :
       {"", "{", "{}", "{'descr': '|u1'}", "{'descr': '|u1', 'fortran_order': False, 'shape': (1,)",
        "{'descr': '|u1', 'fortran_order': 0, 'shape': (1,)}", "{'descr': '|u1', 'fortran_order': False, 'shape': (-1,)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999,)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': 1}", "{'descr': '|u1', 'fortran_order': False, 'shape': (1 1)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1,), 'more': 1}", "{'descr': '|u1', 'descr': '|u1', 'shape': (1,)}",
        "{'descr': [('a', '<f4')", "{'descr': [('a', '<f4), 'fortran_order': False, 'shape': (1,)]}", "{'descr: 1",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1,)} x"}) {
    EXPECT_THAT(npy_message(npy(dictionary, "x")), HasSubstr("a.npy: is damaged: its npy header is ")) << dictionary;
  }
}

TEST(Npy, RefusesRecords) {
  EXPECT_EQ(
      npy_message(npy("{'descr': [('a', '<f4'), ('b]', '<i8', (2,))], 'fortran_order': False, 'shape': (1,), }", "x")),
      "a.npy: holds records of [('a', '<f4'), ('b]', '<i8', (2,))], expected numbers of one type; save each field as an array "
      "of its own");
  std::string many;
  for (int i = 0; i < 8; ++i) many += fmt::format("('colonne_\xC3\xA9_{}', '<f4'), ", i);
  EXPECT_THAT(npy_message(npy("{'descr': [" + many + "], 'fortran_order': False, 'shape': (1,), }", "x")),
              HasSubstr("holds records of [('colonne_.._0', '<f4'), ('colonne_.._1', '<f4'), ('colonne_…, expected"));
}

Tensor any_tensor() {
  const auto rank = *rc::gen::inRange<std::size_t>(0, 5);
  const auto extents = *rc::gen::container<std::vector<std::int64_t>>(rank, rc::gen::inRange<std::int64_t>(0, 5));
  const Shape shape{std::span<const std::int64_t>(extents)};
  Tensor tensor(*rc::gen::element(DType::f32, DType::f64, DType::i32, DType::i64, DType::u8), shape);
  for (std::byte& byte : tensor.bytes()) byte = static_cast<std::byte>(*rc::gen::inRange(0, 256));
  return tensor;
}

TEST(Npy, ReadsBackWhatItWrites) {
  EXPECT_TRUE(rc::check([] {
    const Tensor tensor = any_tensor();
    RC_ASSERT(npy_tensor(format_npy(tensor)) == tensor);
    RC_ASSERT((format_npy(tensor).size() - tensor.bytes().size()) % 64 == 0);
  }));
  const Tensor truths = npy_tensor(npy("|b1", "(2,)", "\x01\x00"s));
  EXPECT_EQ(npy_tensor(format_npy(truths)), truths);
  EXPECT_THAT(format_npy(Tensor(DType::f32, {3})), HasSubstr("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }"));
}

TEST(Npz, ReadsBackWhatItWrites) {
  EXPECT_TRUE(rc::check([] {
    std::map<std::string, Tensor> arrays;
    const int count = *rc::gen::inRange(0, 4);
    for (int i = 0; i < count; ++i) arrays.emplace(fmt::format("layer{}/weight", i), any_tensor());
    RC_ASSERT(unzip(format_npz(arrays)) == arrays);
    RC_ASSERT(format_npz(arrays) == format_npz(arrays));
  }));
}

TEST(Npz, ReadsWhatNumPyWrites) {
  const auto arrays = read_npz(std::filesystem::path(NEURONS_SOURCE_DIR) / "tests/fixtures/activations.npz");
  EXPECT_EQ(arrays.at("x").dtype(), DType::f64);
  const auto x = arrays.at("x").values<double>();
  const auto value = arrays.at("tanh/value").values<double>();
  ASSERT_EQ(x.size(), 196U);
  for (std::size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(value[i], std::tanh(x[i]), 1e-15);
  EXPECT_EQ(arrays.at("prelu/x").shape(), Shape({9, 5}));
}

TEST(Npz, RefusesEveryTruncationAndEveryBitFlip) {
  const Tensor tensor = Tensor::of<std::uint8_t>({40}, std::vector<std::uint8_t>(40, 7));
  const std::string file = format_npz({{"a", tensor}, {"b", tensor}});
  for (std::size_t length = 0; length < file.size(); ++length) EXPECT_THAT(zip_message(file.substr(0, length)), HasSubstr("a.npz"));
  for (std::size_t i = 0; i < file.size() * 8; ++i) {
    std::string damaged = file;
    damaged[i / 8] = static_cast<char>(damaged[i / 8] ^ (1 << i % 8));
    try {
      for (const auto& [name, array] : unzip(damaged)) EXPECT_EQ(array, tensor) << "bit " << i;  // dates, names, versions
    } catch (const InputError& error) {
      EXPECT_THAT(error.what(), HasSubstr("a.npz: ")) << "bit " << i;
    }
  }
}

TEST(Npz, NamesWhatIsWrong) {
  const std::string file = format_npz({{"a", Tensor(DType::u8, {100})}});
  EXPECT_EQ(zip_message("hello, world, this is no archive"), "a.npz: is no npz file: it does not begin as a zip archive");
  EXPECT_THAT(zip_message(file.substr(0, 60)), HasSubstr("a.npz: is cut: the directory at the end"));
  const auto with = [&](std::size_t at, const std::string& bytes) {
    std::string changed = file;
    return changed.replace(at, bytes.size(), bytes);
  };
  const std::size_t directory = file.find("PK\x01\x02");
  EXPECT_EQ(zip_message(with(directory + 8, "\x01")), "a.npz: a.npy is encrypted; save the archive without a password");
  EXPECT_EQ(zip_message(with(directory + 10, "\x0c")),
            "a.npz: a.npy is compressed by method 12, expected stored (0) or deflated (8)");
  EXPECT_THAT(zip_message(with(directory + 24, "\xff\xff\xff\x7f")), HasSubstr("a.npz: a.npy: is damaged: "));
  EXPECT_THAT(zip_message(with(directory + 24, "\xff\xff\xff\xff")), HasSubstr("a.npy is larger than 4 GiB"));
  EXPECT_THAT(zip_message(with(directory + 24, "\xe5")), HasSubstr("holds less than the 229 bytes"));
  EXPECT_THAT(zip_message(with(directory + 24, "\xe3")), HasSubstr("holds more than the 227 bytes"));
  EXPECT_THAT(zip_message(with(directory + 16, "\x01")), HasSubstr("its checksum is wrong"));
  EXPECT_THAT(zip_message(with(directory + 42, "\x01")), HasSubstr("a.npy does not begin at byte 1"));
  EXPECT_THAT(zip_message(with(directory + 46, "a.txt")), HasSubstr("holds a.txt, expected arrays (.npy) only"));
}

TEST(Npz, RefusesEntriesThatShareTheirBytes) {
  // Two entries of the directory that point to one stretch: many of them would make a small file a large one.
  const std::string file = format_npz({{"a", Tensor(DType::u8, {100})}, {"b", Tensor(DType::u8, {100})}});
  const std::size_t second = file.rfind("PK\x01\x02");
  std::string shared = file;
  shared.replace(second + 42, 4, "\0\0\0\0"s);
  EXPECT_NO_THROW(unzip(shared)) << "one shared entry still fits the file";
  const std::size_t begin = file.find("PK\x03\x04", 4);
  const std::size_t directory = file.find("PK\x01\x02");
  shared = file.substr(0, begin) + file.substr(directory);
  const std::size_t end = shared.rfind("PK\x05\x06");
  shared[end + 16] = static_cast<char>(begin);
  shared[end + 17] = static_cast<char>(begin >> 8);
  shared.replace(shared.rfind("PK\x01\x02") + 42, 4, "\0\0\0\0"s);
  EXPECT_THAT(zip_message(shared), HasSubstr("b.npy overlaps with other entries"));
}

TEST(Npz, WritesFiles) {
  const TemporaryFolder folder;
  const Tensor tensor = Tensor::of<float>({2, 2}, {1, 2, 3, NAN});
  write_npy(folder.path() / "a.npy", tensor);
  EXPECT_EQ(read_npy(folder.path() / "a.npy"), tensor);
  write_npz(folder.path() / "a.npz", {{"x", tensor}});
  EXPECT_THAT(read_npz(folder.path() / "a.npz"), ElementsAre(Key("x")));
  EXPECT_THROW(write_npz(folder.path() / "no" / "a.npz", {}), RuntimeError);
  EXPECT_THAT(message_of([&] { read_npz(folder.path() / "b.npz"); }), HasSubstr("b.npz: cannot be opened"));
}

class NpzData : public ::testing::Test {
 protected:
  TrainTest read(const std::map<std::string, Tensor>& arrays) {
    write_npz(folder_.path() / "d.npz", arrays);
    return read_npz_data(folder_.path() / "d.npz");
  }
  std::string npy_message(const std::map<std::string, Tensor>& arrays) {
    return message_of([&] { read(arrays); });
  }
  TemporaryFolder folder_;
  const Tensor bytes_ = Tensor::of<std::uint8_t>({2, 1, 2}, {0, 1, 254, 255});
  const Tensor labels_ = Tensor::of<std::int64_t>({2}, {1, 3});
};

TEST_F(NpzData, ReadsOnePart) {
  const auto [train, test] = read({{"x", bytes_}, {"y", labels_}});
  EXPECT_EQ(train.inputs, bytes_);
  EXPECT_EQ(train.targets, labels_);
  EXPECT_EQ(train.input_scale, 1.0F / 255);
  EXPECT_THAT(train.class_names, ElementsAre("0", "1", "2", "3"));
  EXPECT_EQ(test.samples(), 0);
  EXPECT_EQ(read({{"inputs", bytes_}, {"targets", labels_}}).train.targets, labels_);
}

TEST_F(NpzData, ReadsTwoPartsOfTheSameClasses) {
  const Tensor test_labels = Tensor::of<std::uint8_t>({2, 1}, {2, 0});
  const auto [train, test] = read({{"x_train", bytes_}, {"y_train", labels_}, {"x_test", bytes_}, {"y_test", test_labels}});
  EXPECT_EQ(train.classes(), 4);
  EXPECT_EQ(test.classes(), 4);
  EXPECT_THAT(test.targets.values<std::int64_t>(), ElementsAre(2, 0));
}

TEST_F(NpzData, RefusesLabelsFarBeyondThoseThatOccur) {
  const Tensor beyond = Tensor::of<std::int64_t>({2}, {0, 20});
  EXPECT_THAT(npy_message({{"x", bytes_}, {"y", beyond}}),
              HasSubstr("label 20 of sample 1 (from 0) is out of range: only 2 different labels occur"));
}

TEST_F(NpzData, ConvertsTypes) {
  const Dataset data = read({{"x", Tensor::of<double>({2, 1}, {0.1, -2})}, {"y", Tensor::of<double>({2}, {0.5, 1})}}).train;
  EXPECT_THAT(data.inputs.values<float>(), ElementsAre(0.1F, -2));
  EXPECT_EQ(data.input_scale, 1.0F);
  EXPECT_EQ(data.targets, Tensor::of<float>({2, 1}, {0.5F, 1}));
  EXPECT_FALSE(data.is_classification());
  EXPECT_EQ(read({{"x", bytes_}, {"y", Tensor::of<std::int32_t>({2, 2}, {1, 2, 3, 4})}}).train.targets.type().to_string(),
            "f32[2, 2]");
  EXPECT_EQ(read({{"x", Tensor::of<std::int32_t>({2, 1}, {7, -8})}, {"y", labels_}}).train.inputs,
            Tensor::of<float>({2, 1}, {7, -8}));
}

TEST_F(NpzData, KeepsTokens) {
  const Tensor words = Tensor::of<std::int32_t>({2, 3}, {7, 0, 1, 2, 2, 300});
  const Tensor steps = Tensor::of<std::int32_t>({2, 3}, {1, 0, 1, 0, -100, 1});
  const auto tokens = [&](const Tensor& x, const Tensor& y) {
    write_npz(folder_.path() / "t.npz", {{"x", x}, {"y", y}});
    const SequenceOptions options{.tokens = true};
    return read_npz_data(folder_.path() / "t.npz", &options).train;
  };
  const Dataset data = tokens(words, labels_);
  EXPECT_TRUE(data.has_tokens());
  EXPECT_THAT(data.inputs.values<std::int64_t>(), ElementsAre(7, 0, 1, 2, 2, 300));
  EXPECT_EQ(data.targets, labels_);
  EXPECT_THAT(tokens(words, steps).targets.values<std::int64_t>(), ElementsAre(1, 0, 1, 0, -100, 1));
  EXPECT_EQ(tokens(words, steps).classes(), 2);
  EXPECT_TRUE(tokens(bytes_.reshaped({2, 2}), labels_).has_tokens());
  EXPECT_THAT(message_of([&] {
                tokens(Tensor(DType::f32, {2, 3}), labels_);
              }),
              HasSubstr("t.npz: array x is f32[2, 3], expected tokens: whole numbers [samples, time]"));
  EXPECT_THAT(message_of([&] { tokens(Tensor::of<std::int64_t>({2, 1}, {3, -1}), labels_); }), HasSubstr("token -1 of"));
}

TEST_F(NpzData, TakesSampleWeights) {
  const Tensor weights = Tensor::of<double>({2}, {0.5, 2});
  EXPECT_THAT(read({{"x", bytes_}, {"y", labels_}, {"w", weights}}).train.sample_weights, ElementsAre(0.5F, 2));
  EXPECT_THAT(read({{"inputs", bytes_}, {"targets", labels_}, {"weights", weights}}).train.sample_weights, ElementsAre(0.5F, 2));
  const auto [train, test] =
      read({{"x_train", bytes_}, {"y_train", labels_}, {"w_train", weights}, {"x_test", bytes_}, {"y_test", labels_}});
  EXPECT_THAT(train.sample_weights, ElementsAre(0.5F, 2));
  EXPECT_TRUE(test.sample_weights.empty());
  EXPECT_THAT(npy_message({{"x", bytes_}, {"y", labels_}, {"w", Tensor::of<double>({2, 1}, {1, 2})}}),
              HasSubstr("d.npz: array w of sample weights is f64[2, 1], expected one number a sample"));
  EXPECT_THAT(npy_message({{"x", bytes_}, {"y", labels_}, {"w", Tensor::of<double>({3}, {1, 2, 3})}}),
              HasSubstr("2 samples, but 3 sample weights"));
  EXPECT_THAT(npy_message({{"x", bytes_}, {"y", labels_}, {"w", Tensor::of<double>({2}, {1, -2})}}), HasSubstr("-2"));
}

TEST_F(NpzData, RefusesWhatDoesNotFit) {
  EXPECT_THAT(npy_message({{"x", bytes_}, {"z", labels_}}), HasSubstr("d.npz: holds x, z; expected arrays x and y"));
  EXPECT_THAT(npy_message({}), HasSubstr("holds nothing; expected"));
  EXPECT_THAT(npy_message({{"x_train", bytes_}, {"y_train", labels_}}), HasSubstr("holds x_train, y_train; expected"));
  EXPECT_THAT(npy_message({{"x", bytes_}, {"y", Tensor::of<std::int64_t>({3}, {1, 2, 3})}}),
              HasSubstr("2 samples of inputs, but 3 of targets"));
  EXPECT_THAT(npy_message({{"x", bytes_}, {"y", Tensor::of<std::int64_t>({2}, {1, -1})}}), HasSubstr("label -1 of sample 1"));
  EXPECT_THAT(npy_message({{"x", bytes_}, {"y", Tensor::of<std::int64_t>({2}, {1, 1LL << 60})}}), HasSubstr("is out of range"));
  EXPECT_THAT(npy_message({{"x", Tensor::of<float>({2, 1}, {1, NAN})}, {"y", labels_}}),
              HasSubstr("sample 1 (from 0), column 0 is nan"));
  EXPECT_THAT(
      npy_message({{"x", Tensor::of<double>({2, 1}, {1, 1e300})}, {"y", labels_}}),
      HasSubstr("d.npz: array x: sample 1 (from 0), column 0 is 1e+300, beyond float32's range (±3.4e38); scale the values, or "
                "leave the sample out"));
  EXPECT_THAT(npy_message({{"x", bytes_}, {"y", Tensor::of<double>({2}, {-1e39, 0})}}),
              HasSubstr("d.npz: array y: sample 0 (from 0) is -1e+39, beyond float32's range"));
  EXPECT_THAT(npy_message({{"x", Tensor::of<double>({2, 1}, {1, INFINITY})}, {"y", labels_}}),
              HasSubstr("column 0 is inf, expected"));
  EXPECT_THAT(npy_message({{"x", Tensor(DType::f32, {})}, {"y", labels_}}), HasSubstr("array x is f32[], a single number"));
  for (const Tensor& one : {Tensor(DType::i64, {}), Tensor::of<double>({}, std::vector{1e300})}) {
    EXPECT_THAT(npy_message({{"x", bytes_}, {"y", one}}),
                EndsWith(fmt::format("d.npz: array y is {}, a single number, expected one or several for each sample; save it with "
                                     "an axis of samples in front",
                                     one.type().to_string())));
  }
  EXPECT_THAT(npy_message({{"x_train", bytes_}, {"y_train", labels_}, {"x_test", Tensor(DType::u8, {2, 3})}, {"y_test", labels_}}),
              HasSubstr("the two parts differ: training u8[2, 1, 2]"));
}

}  // namespace
}  // namespace neurons
