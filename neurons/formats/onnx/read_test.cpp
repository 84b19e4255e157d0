// Files as they are written: what is read is what was written, weights stay where they are, and broken files are refused.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdio>
#include <fstream>

#include "neurons/base/error.hpp"
#include "neurons/formats/onnx/model_testing.hpp"
#include "neurons/formats/onnx/wire.hpp"

namespace neurons::onnx {
namespace {

using namespace testing;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// A model with something of everything.
Model rich_model() {
  GraphData branch;
  branch.name = "branch";
  branch.nodes = {node("Identity", {"y"}, {"b"})};
  branch.outputs = {value("b", {std::int64_t{2}, "width"})};
  Model result = model(
      {node("MatMul", {"x", "w"}, {"y"}), node("If", {"yes"}, {"z"}, {graph("then_branch", branch), graph("else_branch", branch)}),
       node("Scale", {"z"}, {"out"}, {real("factor", 2.5F)}, "test")},
      {value("x", {std::int64_t{2}, std::int64_t{3}})}, {"out"},
      {from_tensor("w", f32({3, 2}, {1, 2, 3, 4, 5, 6})), from_tensor("yes", Tensor(DType::boolean, Shape{}))});
  FunctionData scale;
  scale.name = "Scale";
  scale.domain = "test";
  scale.inputs = {"a"};
  scale.outputs = {"b"};
  scale.nodes = {node("Constant", {}, {"c"}, {of_caller("value_float", AttributeData::Type::real, "factor")}),
                 node("Mul", {"a", "c"}, {"b"})};
  scale.defaults = {real("factor", 1)};
  scale.opsets = {{"", 13}};
  result.functions = {scale};
  result.opsets["test"] = 1;
  result.metadata = {{"classes", "cat,dog"}};
  result.graph.values = {value("y", {std::int64_t{2}, std::int64_t{2}})};
  result.graph.nodes[0].attributes = {};
  result.graph.nodes[0].name = "first";
  return result;
}

std::string read_fault(const std::string& bytes) {
  try {
    const Model found = parse(std::as_bytes(std::span(bytes)), "m.onnx");
    to_graph(found, ops::table());
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

TEST(Read, WhatIsWrittenIsRead) {
  const Model source = rich_model();
  const ReadBack back(source);
  EXPECT_EQ(format(back.model), back.bytes);
  EXPECT_EQ(back.model.producer_name, "test");
  EXPECT_EQ(back.model.opsets, source.opsets);
  EXPECT_EQ(back.model.metadata.at("classes"), "cat,dog");
  EXPECT_EQ(back.model.graph.nodes[0].name, "first");
  const auto& branch = *back.model.graph.nodes[1].attribute("then_branch")->graph;
  EXPECT_EQ(std::get<std::string>(branch.outputs[0].dims->at(1)), "width");
  EXPECT_EQ(to_tensor(back.model.graph.initializers[0], ""), f32({3, 2}, {1, 2, 3, 4, 5, 6}));
  const auto results = run(source, {{"x", f32({2, 3}, {1, 0, 0, 0, 0, 1})}});
  EXPECT_EQ(results[0], f32({2, 2}, {2.5F, 5, 12.5F, 15}));
}

TEST(Read, ElementsInListsAndOtherFilesAreWrittenAgain) {
  WireWriter listed;
  listed.integer(1, 3);
  listed.integer(2, static_cast<std::int64_t>(ElementType::i64));
  listed.bytes(8, std::string_view("list"));
  for (const std::int64_t number : {-1, 0, 300}) listed.integer(7, number);
  WireWriter location;
  location.bytes(1, std::string_view("location"));
  location.bytes(2, std::string_view("w.bin"));
  WireWriter outside;
  outside.integer(2, static_cast<std::int64_t>(ElementType::f32));
  outside.bytes(8, std::string_view("outside"));
  outside.message(13, location);
  WireWriter members;
  members.message(5, listed);
  members.message(5, outside);
  WireWriter file;
  file.message(7, members);
  const Model found = parse(std::as_bytes(std::span(file.str())), "m.onnx");
  const ReadBack back(found);
  EXPECT_EQ(to_tensor(back.model.graph.initializers.at(0), ""), i64({3}, {-1, 0, 300}));
  EXPECT_EQ(back.model.graph.initializers.at(1).external.at("location"), "w.bin");
}

TEST(Read, WeightsStayInTheFile) {
  const auto folder = std::filesystem::path(::testing::TempDir()) / ("neurons_onnx_read_" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  const Tensor weights(DType::f32, {1024, 256});
  write(folder / "m.onnx", model({node("MatMul", {"x", "w"}, {"y"})}, {value("x", {std::int64_t{1}, std::int64_t{1024}})}, {"y"},
                                 {from_tensor("w", weights)}));
  const Model found = read(folder / "m.onnx");
  const auto raw = found.graph.initializers.at(0).raw;
  ASSERT_EQ(raw.size(), weights.bytes().size());
  std::ifstream maps("/proc/self/maps");
  bool in_file = false;
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t first = 0;
    std::uintptr_t last = 0;
    ASSERT_EQ(std::sscanf(line.c_str(), "%" SCNxPTR "-%" SCNxPTR, &first, &last), 2);
    const auto at = reinterpret_cast<std::uintptr_t>(raw.data());
    if (first <= at && at + raw.size() <= last) in_file = line.ends_with("m.onnx");
  }
  EXPECT_TRUE(in_file) << "the weights are not where the file is mapped";
  std::filesystem::remove_all(folder);
}

TEST(Read, EveryTruncationIsToldOrHarmless) {
  const std::string whole = format(rich_model());
  std::size_t refused = 0;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::string fault = read_fault(whole.substr(0, size));
    if (fault.empty()) continue;
    EXPECT_THAT(fault, StartsWith("m.onnx: "));
    ++refused;
  }
  EXPECT_GT(refused, whole.size() * 9 / 10);
  EXPECT_EQ(read_fault(""), "m.onnx: is no ONNX model: it holds no graph");
  EXPECT_EQ(read_fault(whole.substr(0, 40)).substr(0, 22), "m.onnx: is cut short: ");
}

TEST(Read, NoFlippedBitBringsItDown) {
  const std::string whole = format(rich_model());
  std::size_t refused = 0;
  for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    std::string flipped = whole;
    flipped[bit / 8] = static_cast<char>(static_cast<unsigned char>(flipped[bit / 8]) ^ (1U << bit % 8));
    const std::string fault = read_fault(flipped);
    if (fault.empty()) continue;
    EXPECT_THAT(fault, StartsWith("m.onnx: "));
    ++refused;
  }
  EXPECT_GT(refused, 4 * whole.size());
}

TEST(Read, FloodsOfEmptyPartsTakeNoMemory) {
  // 2 bytes each, hundreds in memory
  for (const int number : {1, 5, 11, 12, 13}) {  // nodes, initialisers, inputs, outputs, values
    std::string flood{static_cast<char>(number << 3 | 2), 0};
    while (flood.size() < 4'000'000) flood += flood;
    WireWriter file;
    file.bytes(7, flood);
    EXPECT_EQ(read_fault(file.str()),
              "m.onnx: is made of so many small parts that they would take more memory than 2 times the file and 128 MB")
        << number;
  }
  WireWriter attributes;
  for (int i = 0; i < 20'000; ++i) attributes.bytes(8, std::string(1000, '\1'));  // integers, of a byte each
  WireWriter node;
  node.message(5, attributes);
  WireWriter members;
  members.message(1, node);
  WireWriter file;
  file.message(7, members);
  EXPECT_THAT(read_fault(file.str()), HasSubstr("so many small parts"));
}

TEST(Read, AttributesAreOfOneKindAndThereOnce) {
  const auto file_with = [](const std::vector<AttributeData>& attributes) {
    return format(model({node("Softmax", {"x"}, {"y"}, attributes)}, {value("x", {std::int64_t{2}})}, {"y"}));
  };
  EXPECT_EQ(read_fault(file_with({integer("axis", -1)})), "");
  EXPECT_EQ(read_fault(file_with({integer("axis", -1), integer("axis", 0)})), "m.onnx: holds a node with two attributes \"axis\"");
  AttributeData both = integer("axis", -1);
  both.texts = {"word"};
  EXPECT_EQ(read_fault(file_with({both})), "m.onnx: holds an attribute \"axis\" of two kinds");
  AttributeData lie = attribute("axis", AttributeData::Type::real);
  lie.type = AttributeData::Type::tensor;
  lie.integers = {1};
  EXPECT_EQ(read_fault(file_with({lie})), "m.onnx: holds an attribute \"axis\" that says it is of kind 4, but holds kind 7");
}

TEST(Read, NegativeExtentsAreOpen) {
  const ReadBack back(model({node("Relu", {"x"}, {"y"})}, {value("x", {std::int64_t{-1}, std::int64_t{3}})}, {"y"}));
  EXPECT_EQ(back.model.graph.inputs[0].extents(), (std::vector<std::int64_t>{1, 3}));
  EXPECT_EQ(run(back.model, {{"x", f32({1, 3}, {-1, 0, 2})}})[0], f32({1, 3}, {0, 0, 2}));
}

TEST(Read, FunctionsOfOneNameAreToldApart) {
  Model source =
      model({node("F", {"x"}, {"y"}, {}, "test"), node("F", {"y"}, {"z"}, {}, "test")}, {value("x", {std::int64_t{2}})}, {"z"});
  source.opsets["test"] = 1;
  source.functions = {function("F", {node("Neg", {"a"}, {"b"})}), function("F", {node("Abs", {"a"}, {"b"})})};
  source.functions[1].overload = "second";
  source.graph.nodes[1].overload = "second";
  EXPECT_EQ(run(source, {{"x", f32({2}, {3, -4})}})[0], f32({2}, {3, 4}));
}

TEST(Read, RefusesGraphsWithinGraphsWithoutEnd) {
  GraphData body;
  body.outputs = {value("x", {})};
  for (int depth = 0; depth < 40; ++depth) {
    GraphData outer;
    outer.nodes = {node("If", {"c"}, {"x"}, {graph("then_branch", body)})};
    body = outer;
  }
  Model deep = model({}, {}, {});
  deep.graph = body;
  EXPECT_EQ(read_fault(format(deep)), "m.onnx: holds graphs within graphs, more than 32 deep");
}

TEST(Read, RefusesSparseInitialisersAndTwoGraphs) {
  WireWriter sparse_graph;
  sparse_graph.bytes(15, std::string_view());
  WireWriter sparse;
  sparse.message(7, sparse_graph);
  EXPECT_EQ(read_fault(sparse.str()), "m.onnx: holds a sparse initialiser; store it dense");
  const std::string once = format(model({}, {}, {}));
  EXPECT_EQ(read_fault(once + once), "m.onnx: holds two graphs");
}

TEST(Read, FilesThatCannotBeRead) {
  EXPECT_THROW(read("/nowhere/m.onnx"), InputError);
  try {
    read(std::filesystem::temp_directory_path());
    FAIL() << "a folder was read";
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("cannot be read: Is a directory"));
  }
}

}  // namespace
}  // namespace neurons::onnx
