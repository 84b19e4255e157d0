#include "neurons/data/readers/idx.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <numeric>

#include "neurons/base/random.hpp"
#include "neurons/base/sha256.hpp"
#include "neurons/data/data_testing.hpp"

namespace neurons {
namespace {

using ::testing::AllOf;
using testing::bundled;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::message_of;
using ::testing::StartsWith;
using testing::TemporaryFolder;

std::string gzip(std::string_view text) {
  z_stream z{};
  deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&z, text.size()) + 32, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&z, Z_FINISH), Z_STREAM_END);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

std::string number(std::uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8), static_cast<char>(value)};
}

std::string idx(int type, const std::vector<std::uint32_t>& extents, std::string_view data) {
  std::string text{'\0', '\0', static_cast<char>(type), static_cast<char>(extents.size())};
  for (const std::uint32_t extent : extents) text += number(extent);
  return text.append(data);
}

Tensor idx_tensor(std::string_view text) { return parse_idx(std::as_bytes(std::span(text)), "some.idx"); }
std::string idx_message(std::string_view text) {
  return message_of([&] { idx_tensor(text); });
}

TEST(Idx, ReadsEveryType) {
  using namespace std::string_view_literals;
  EXPECT_EQ(idx_tensor(idx(0x08, {2, 3}, "\x00\x01\x02\x7f\x80\xff"sv)),
            Tensor::of<std::uint8_t>({2, 3}, {0, 1, 2, 127, 128, 255}));
  EXPECT_EQ(idx_tensor(idx(0x09, {4}, "\x00\x7f\x80\xff"sv)), Tensor::of<std::int32_t>({4}, {0, 127, -128, -1}));
  EXPECT_EQ(idx_tensor(idx(0x0B, {3}, "\x01\x02\xff\xff\x80\x00"sv)), Tensor::of<std::int32_t>({3}, {258, -1, -32768}));
  EXPECT_EQ(idx_tensor(idx(0x0C, {2}, "\x01\x02\x03\x04\xff\xff\xff\xfe"sv)), Tensor::of<std::int32_t>({2}, {16909060, -2}));
  EXPECT_EQ(idx_tensor(idx(0x0D, {2}, "\x3f\x80\x00\x00\xc0\x49\x0f\xdb"sv)), Tensor::of<float>({2}, {1, -3.14159274F}));
  EXPECT_EQ(idx_tensor(idx(0x0E, {1, 1}, "\x40\x09\x21\xfb\x54\x44\x2d\x18"sv)), Tensor::of<double>({1, 1}, {3.141592653589793}));
}

TEST(Idx, ReadsOddShapes) {
  EXPECT_EQ(idx_tensor(idx(0x08, {1, 1, 1, 1, 1, 1, 1, 1}, "x")).shape(), Shape({1, 1, 1, 1, 1, 1, 1, 1}));
  EXPECT_EQ(idx_tensor(idx(0x08, {0, 28, 28}, "")).shape(), Shape({0, 28, 28}));
  EXPECT_EQ(idx_message(idx(0x08, {0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0}, "")),
            "some.idx: shape [4294967295, 4294967295, 4294967295, 0]: more than 2^48 elements");
}

TEST(Idx, ReadsGzipAndItsMembers) {
  const std::string file = idx(0x08, {5}, "abcde");
  EXPECT_EQ(idx_tensor(gzip(file)), idx_tensor(file));
  EXPECT_EQ(idx_tensor(gzip(file.substr(0, 6)) + gzip(file.substr(6))), idx_tensor(file));
}

TEST(Idx, RefusesEveryTruncation) {
  const std::string plain = idx(0x0C, {2, 2}, "0123456789abcdef");
  for (const std::string& file : {plain, gzip(plain), gzip(plain.substr(0, 9)) + gzip(plain.substr(9))}) {
    for (std::size_t length = 0; length < file.size(); ++length) {
      const std::string text = idx_message(file.substr(0, length));
      EXPECT_THAT(text, StartsWith("some.idx: ")) << length;
    }
  }
  EXPECT_EQ(idx_message(""),
            "some.idx: ends after 0 bytes, inside the header of an IDX file; the download was cut, fetch it again");
  EXPECT_THAT(idx_message(plain.substr(0, 8)), HasSubstr("ends after 8 bytes, inside the header"));
  std::string noise(100'000, '\0');
  RandomStream random(1);
  for (char& byte : noise) byte = static_cast<char>(random.next_u32() % 16);
  const std::string cut = gzip(idx(0x08, {100'000}, noise));
  EXPECT_THAT(idx_message(cut.substr(0, cut.size() / 2)),
              AllOf(HasSubstr("ends after "), HasSubstr(" of 100008 bytes ([100000] of 1 bytes")));
}

TEST(Idx, RefusesLengthsThatAreNotWhatTheHeaderSays) {
  EXPECT_EQ(idx_message(idx(0x08, {2, 3}, "12345")),
            "some.idx: ends after 17 of 18 bytes ([2, 3] of 1 bytes each); the download was cut, fetch it again");
  EXPECT_EQ(idx_message(idx(0x08, {2, 3}, "1234567")),
            "some.idx: goes on after the 18 bytes that its header says ([2, 3] of 1 bytes each)");
  EXPECT_EQ(idx_message(gzip(idx(0x08, {2, 3}, "12345"))),
            "some.idx: ends after 17 of 18 bytes ([2, 3] of 1 bytes each); the download was cut, fetch it again");
  EXPECT_THAT(idx_message(gzip(idx(0x08, {2, 3}, "1234567"))), HasSubstr("goes on after the 18 bytes"));
}

TEST(Idx, TakesNoMemoryForWhatAHeaderClaims) {
  for (const std::vector<std::uint32_t>& extents :
       {std::vector<std::uint32_t>{0xFFFFFFFF}, {60'000, 28, 28}, {0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF}}) {
    for (const int type : {0x08, 0x09, 0x0E}) {
      const std::string file = idx(type, extents, "1234");
      EXPECT_THAT(idx_message(file), extents.back() > 28 && extents.size() > 1 ? HasSubstr("but at most 4 bytes can follow it")
                                                                               : HasSubstr("; the download was cut"));
      EXPECT_THAT(idx_message(gzip(file)), HasSubstr("bytes can follow it; the header is damaged"));
    }
  }
}

TEST(Idx, RefusesWhatIsNoIdx) {
  EXPECT_THAT(idx_message("<!DOCTYPE html>"),
              AllOf(StartsWith("some.idx: is no IDX file, neither plain nor gzip-compressed: its data begin with 3c 21 44 4f")));
  EXPECT_THAT(idx_message(gzip("<!DOCTYPE html>")), HasSubstr("its data begin with 3c 21 44 4f"));
  EXPECT_THAT(idx_message(idx(0x0A, {1}, "x")), HasSubstr("begin with 00 00 0a 01"));
  EXPECT_THAT(idx_message(idx(0x08, {}, "x")), HasSubstr("begin with 00 00 08 00"));
  EXPECT_THAT(idx_message(idx(0x08, {1, 1, 1, 1, 1, 1, 1, 1, 1}, "x")), HasSubstr("begin with 00 00 08 09"));
}

TEST(Idx, RefusesDamagedGzip) {
  std::string file = gzip(idx(0x08, {64}, std::string(64, 'x')));
  EXPECT_THAT(idx_message(file + "more"), HasSubstr("4 bytes follow the end of the compressed data"));
  file[file.size() - 6] ^= 1;  // in the checksum
  EXPECT_THAT(idx_message(file), AllOf(HasSubstr("damaged after 72 decompressed bytes"), HasSubstr("incorrect data check")));
  file[3] = '\xff';
  EXPECT_THAT(idx_message(file), HasSubstr("some.idx: the compressed data are damaged after 0"));
}

TEST(Idx, NamesAFileThatIsNotThere) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "nothing.idx";
  EXPECT_EQ(message_of([&] { read_idx(path); }), path.string() + ": cannot be opened: No such file or directory");
  EXPECT_THAT(message_of([&] { read_idx(folder.path()); }), HasSubstr("is a folder"));
}

std::string sha256(std::span<const std::byte> bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.hex();
}

TEST(Mnist, ReadsTheBundledData) {
  const auto [train, test] = read_mnist(bundled() / "mnist");
  train.validate();
  test.validate();
  EXPECT_EQ(train.inputs.shape(), Shape({60'000, 1, 28, 28}));
  EXPECT_EQ(test.inputs.shape(), Shape({10'000, 1, 28, 28}));
  EXPECT_EQ(train.inputs.dtype(), DType::u8);
  EXPECT_EQ(train.input_scale, 1.0F / 255);
  EXPECT_THAT(train.class_names, ElementsAre("0", "1", "2", "3", "4", "5", "6", "7", "8", "9"));
  EXPECT_EQ(test.class_names, train.class_names);
  // Hashes of the arrays without their headers, by `zcat FILE | tail -c +17 | sha256sum`.
  EXPECT_EQ(sha256(train.inputs.bytes()), "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757");
  EXPECT_EQ(sha256(test.inputs.bytes()), "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161");
  std::vector<std::int64_t> counts(10);
  for (const std::int64_t label : train.targets.values<std::int64_t>()) ++counts[static_cast<std::size_t>(label)];
  EXPECT_THAT(counts, ElementsAre(5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949));  // as LeCun's page says
  EXPECT_THAT(test.targets.values<std::int64_t>().first(5), ElementsAre(7, 2, 1, 0, 4));
}

TEST(Mnist, ReadsPlainAndCompressedFiles) {
  const TemporaryFolder folder;
  folder.write("train-images-idx3-ubyte", idx(0x08, {2, 1, 3}, "abcdef"));
  folder.write("train-labels-idx1-ubyte.gz", gzip(idx(0x08, {2}, std::string("\x01\x05", 2))));
  folder.write("t10k-images-idx3-ubyte.gz", gzip(idx(0x08, {1, 1, 3}, "xyz")));
  folder.write("t10k-labels-idx1-ubyte", idx(0x08, {1}, std::string("\x03", 1)));
  const auto [train, test] = read_mnist(folder.path());
  EXPECT_EQ(train.inputs.shape(), Shape({2, 1, 1, 3}));
  EXPECT_THAT(train.targets.values<std::int64_t>(), ElementsAre(1, 5));
  EXPECT_EQ(train.classes(), 6);
  EXPECT_EQ(test.classes(), 6);
}

TEST(Mnist, RefusesATestLabelThatNoTrainingSampleHas) {
  const TemporaryFolder folder;
  folder.write("train-images-idx3-ubyte", idx(0x08, {2, 1, 3}, "abcdef"));
  folder.write("train-labels-idx1-ubyte", idx(0x08, {2}, std::string("\x01\x05", 2)));
  folder.write("t10k-images-idx3-ubyte", idx(0x08, {1, 1, 3}, "xyz"));
  folder.write("t10k-labels-idx1-ubyte", idx(0x08, {1}, std::string("\x06", 1)));
  EXPECT_THAT(message_of([&] { read_mnist(folder.path()); }),
              HasSubstr("label 6 of sample 0 (from 0) occurs in no training sample, whose labels go up to 5"));
}

TEST(Mnist, RefusesALabelFarBeyondThoseThatOccur) {
  const TemporaryFolder folder;
  folder.write("train-images-idx3-ubyte", idx(0x08, {2, 1, 3}, "abcdef"));
  folder.write("train-labels-idx1-ubyte", idx(0x08, {2}, std::string("\x01\xff", 2)));
  folder.write("t10k-images-idx3-ubyte", idx(0x08, {1, 1, 3}, "xyz"));
  folder.write("t10k-labels-idx1-ubyte", idx(0x08, {1}, std::string("\x06", 1)));
  EXPECT_EQ(message_of([&] { read_mnist(folder.path()); }),
            folder.path().string() +
                ": label 255 of sample 1 (from 0) is out of range: only 3 different labels occur; mend it, or "
                "number the classes from 0");
}

TEST(Mnist, RefusesFoldersThatDoNotFitTogether) {
  const TemporaryFolder folder;
  EXPECT_EQ(message_of([&] { read_mnist(folder.path()); }),
            folder.path().string() + ": holds neither train-images-idx3-ubyte nor train-images-idx3-ubyte.gz");
  folder.write("train-images-idx3-ubyte", idx(0x08, {2, 1, 3}, "abcdef"));
  EXPECT_THAT(message_of([&] { read_mnist(folder.path()); }), HasSubstr("neither train-labels-idx1-ubyte nor"));
  folder.write("train-labels-idx1-ubyte", idx(0x08, {3}, "abc"));
  EXPECT_THAT(message_of([&] { read_mnist(folder.path()); }), AllOf(HasSubstr("train-images-idx3-ubyte holds 2 pictures, but "),
                                                                    HasSubstr("train-labels-idx1-ubyte holds 3 labels")));
  folder.write("train-labels-idx1-ubyte", idx(0x08, {2, 1}, "ab"));
  EXPECT_THAT(message_of([&] { read_mnist(folder.path()); }), HasSubstr("holds u8[2, 1], expected labels u8[samples] (type 08)"));
  folder.write("train-images-idx3-ubyte", idx(0x08, {2, 3}, "abcdef"));
  EXPECT_THAT(message_of([&] { read_mnist(folder.path()); }), HasSubstr("holds u8[2, 3], expected pictures"));
  folder.write("train-images-idx3-ubyte", idx(0x0B, {1, 1, 1}, "ab"));
  EXPECT_THAT(message_of([&] { read_mnist(folder.path()); }),
              HasSubstr("holds i16[1, 1, 1], expected pictures u8[samples, height, width] (type 08)"));
  folder.write("train-images-idx3-ubyte", idx(0x08, {3, 0, 5}, ""));
  folder.write("train-labels-idx1-ubyte", idx(0x08, {3}, "abc"));
  EXPECT_THAT(message_of([&] { read_mnist(folder.path()); }),
              HasSubstr("train-images-idx3-ubyte: holds u8[3, 0, 5]: pictures of 0 × 5 pixels"));
  folder.write("train-labels-idx1-ubyte", idx(0x09, {3}, "abc"));
  EXPECT_THAT(message_of([&] { read_mnist(folder.path()); }), HasSubstr("holds i8[3], expected labels"));
}

TEST(Mnist, RefusesATrainingPartOfNothing) {
  const TemporaryFolder folder;
  folder.write("train-images-idx3-ubyte", idx(0x08, {0, 1, 3}, ""));
  folder.write("train-labels-idx1-ubyte", idx(0x08, {0}, ""));
  folder.write("t10k-images-idx3-ubyte", idx(0x08, {1, 1, 3}, "xyz"));
  folder.write("t10k-labels-idx1-ubyte", idx(0x08, {1}, std::string("\x02", 1)));
  EXPECT_EQ(message_of([&] { read_mnist(folder.path()); }), folder.path().string() + ": holds no sample to learn from");
}

}  // namespace
}  // namespace neurons
