#include "neurons/formats/onnx/test_case.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "neurons/base/atomic_file.hpp"
#include "neurons/base/error.hpp"
#include "neurons/formats/onnx/model_testing.hpp"
#include "neurons/formats/onnx/wire.hpp"

namespace neurons::onnx {
namespace {

using namespace testing;
namespace fs = std::filesystem;

/// A tensor as ONNX's test data hold it.
std::string tensor_file(const Tensor& tensor) {
  WireWriter message;
  for (const std::int64_t extent : tensor.shape().extents()) message.integer(1, extent);
  message.integer(2, static_cast<std::int64_t>(element_type_of(tensor.dtype())));
  message.bytes(9, tensor.bytes());
  return message.take();
}

class TestCase : public ::testing::Test {
 protected:
  void SetUp() override { folder_ = fs::path(::testing::TempDir()) / ("neurons_onnx_case_" + std::to_string(::getpid())); }
  void TearDown() override { fs::remove_all(folder_); }

  CaseResult result_of(const std::string& name, const std::string& op, const Tensor& expected) {
    const fs::path data = folder_ / name / "test_data_set_0";
    fs::create_directories(data);
    write(folder_ / name / "model.onnx", model({node(op, {"x"}, {"y"})}, {value("x", {std::int64_t{2}})}, {"y"}));
    write_file_atomically(data / "input_0.pb", tensor_file(f32({2}, {-1, 2})));
    write_file_atomically(data / "output_0.pb", tensor_file(expected));
    return run_case(folder_ / name, ops::table());
  }

  fs::path folder_;
};

TEST_F(TestCase, PassesFailsAndSkips) {
  using Outcome = CaseResult::Outcome;
  EXPECT_EQ(result_of("test_relu", "Relu", f32({2}, {0, 2.001F})).outcome, Outcome::passed);
  const CaseResult wrong = result_of("test_wrong", "Relu", f32({2}, {0, 2.01F}));
  EXPECT_EQ(wrong.outcome, Outcome::failed);
  EXPECT_THAT(wrong.reason, ::testing::StartsWith("test_data_set_0: output y has 2 at 1, expected 2.0"));
  const CaseResult other = result_of("test_shape", "Relu", f32({1}, {0}));
  EXPECT_EQ(other.reason, "test_data_set_0: output y is f32[2], expected f32[1]");
  const CaseResult unknown = result_of("test_unknown", "Foo", f32({2}, {0, 2}));
  EXPECT_EQ(unknown.outcome, Outcome::skipped);
  EXPECT_EQ(unknown.reason, "uses operators that are not known here: Foo");
  EXPECT_EQ(find_cases(folder_).size(), 4U);
  EXPECT_EQ(find_cases(folder_ / "test_relu").size(), 1U);
  const CaseResult slash = run_case(find_cases(folder_ / "test_relu" / "").front(), ops::table());
  EXPECT_EQ(slash.name, "test_relu");
  EXPECT_EQ(slash.outcome, Outcome::passed);
}

/// Not run with zeros in place of what is not there.
TEST_F(TestCase, AnInputWithoutItsFile) {
  const fs::path data = folder_ / "test_add" / "test_data_set_0";
  fs::create_directories(data);
  const std::vector<ValueData> inputs{value("a", {std::int64_t{2}}), value("b", {std::int64_t{2}})};
  write(folder_ / "test_add" / "model.onnx", model({node("Add", {"a", "b"}, {"y"})}, inputs, {"y"}));
  write_file_atomically(data / "input_0.pb", tensor_file(f32({2}, {-1, 2})));
  write_file_atomically(data / "output_0.pb", tensor_file(f32({2}, {-1, 2})));
  const CaseResult result = run_case(folder_ / "test_add", ops::table());
  EXPECT_EQ(result.outcome, CaseResult::Outcome::failed);
  EXPECT_EQ(result.reason, "test_data_set_0 has no input_1.pb, the values of input \"b\"");
}

TEST_F(TestCase, NumbersThatNothingHolds) {
  const fs::path data = folder_ / "test_max" / "test_data_set_0";
  fs::create_directories(data);
  write(folder_ / "test_max" / "model.onnx",
        model({node("Identity", {"x"}, {"y"})}, {value("x", {std::int64_t{2}}, ElementType::u64)}, {"y"}));
  WireWriter message;
  message.integer(1, 2);
  message.integer(2, static_cast<std::int64_t>(ElementType::u64));
  message.bytes(9, i64({2}, {5, -1}).bytes());
  write_file_atomically(data / "input_0.pb", message.take());
  write_file_atomically(data / "output_0.pb", tensor_file(i64({2}, {5, -1})));
  EXPECT_EQ(run_case(folder_ / "test_max", ops::table()).reason,
            "input_0.pb: input \"x\" holds 18446744073709551615, but numbers of uint64 from 2^63 on have no place here");
}

TEST_F(TestCase, CasesThatAreNone) {
  fs::create_directories(folder_ / "empty");
  EXPECT_THROW(find_cases(folder_ / "empty"), InputError);
  EXPECT_THROW(find_cases(folder_ / "nowhere"), InputError);
  result_of("test_relu", "Relu", f32({2}, {0, 2}));
  fs::remove_all(folder_ / "test_relu" / "test_data_set_0");
  EXPECT_EQ(run_case(folder_ / "test_relu", ops::table()).reason, "has no test_data_set_0");
}

}  // namespace
}  // namespace neurons::onnx
