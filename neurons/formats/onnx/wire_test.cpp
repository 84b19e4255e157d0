#include "neurons/formats/onnx/wire.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "neurons/base/error.hpp"

namespace neurons::onnx {
namespace {

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

std::string wire_fault(const std::string& text) {
  try {
    WireReader reader(bytes_of(text));
    Field field;
    while (reader.next(field)) continue;
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

// The examples of https://protobuf.dev/programming-guides/encoding.
TEST(Wire, ReadsThePublishedExamples) {
  const std::string message = "\x08\x96\x01\x12\x07testing";
  WireReader reader(bytes_of(message));
  Field field;
  ASSERT_TRUE(reader.next(field));
  EXPECT_EQ(field.number, 1);
  EXPECT_EQ(field.integer(), 150);
  ASSERT_TRUE(reader.next(field));
  EXPECT_EQ(field.number, 2);
  EXPECT_EQ(field.text(), "testing");
  EXPECT_FALSE(reader.next(field));

  const std::string packed = "\x32\x06\x03\x8E\x02\x9E\xA7\x05";
  WireReader list(bytes_of(packed));
  ASSERT_TRUE(list.next(field));
  std::vector<std::int64_t> numbers;
  for_each_integer(field, [&](std::int64_t number) { numbers.push_back(number); });
  EXPECT_THAT(numbers, ::testing::ElementsAre(3, 270, 86942));
}

RC_GTEST_PROP(Wire, WhatIsWrittenIsRead, (std::int64_t integer, const std::string& text, float real)) {
  WireWriter inner;
  inner.integer(3, integer);
  WireWriter writer;
  writer.integer(1, integer);
  writer.bytes(2000, text);
  writer.real(7, real);
  writer.message(16, inner);
  WireReader reader(bytes_of(writer.str()));
  Field field;
  RC_ASSERT(reader.next(field) && field.number == 1 && field.integer() == integer);
  RC_ASSERT(reader.next(field) && field.number == 2000 && field.text() == text);
  RC_ASSERT(reader.next(field) && field.number == 7 && field.real() == real);
  RC_ASSERT(reader.next(field) && field.number == 16 && field.message().size() == inner.str().size());
  RC_ASSERT(!reader.next(field));
}

TEST(Wire, RefusesWhatIsCutShortOrNoMessage) {
  EXPECT_EQ(wire_fault(std::string("\x12\x07test", 6)), "is cut short: a field of 7 bytes, 4 are left");
  EXPECT_EQ(wire_fault("\x08"), "is cut short: a field of 1 bytes, 0 are left");
  EXPECT_EQ(wire_fault(std::string("\x09\x01\x02", 3)), "is cut short: a field of 8 bytes, 2 are left");
  EXPECT_EQ(wire_fault("\x08" + std::string(11, '\xFF')), "holds an integer of more than 10 bytes");
  EXPECT_EQ(wire_fault(std::string("\x02\x00", 2)), "holds a field of number 0");
  EXPECT_EQ(wire_fault("\x0B"), "holds a field of type 3, which there is not");
  EXPECT_EQ(wire_fault("\x12" + std::string(9, '\xFF') + "\x01"),
            "is cut short: a field of 18446744073709551615 bytes, 0 are left");
}

TEST(Wire, SaysWhereAFieldIsOfAnotherType) {
  const std::string message = "\x08\x05";
  WireReader reader(bytes_of(message));
  Field field;
  ASSERT_TRUE(reader.next(field));
  try {
    field.text();
    FAIL() << "a number was read as a text";
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(), "field 1 is stored as type 0, expected bytes");
  }
  EXPECT_THROW(field.real(), InputError);
}

}  // namespace
}  // namespace neurons::onnx
