#include "neurons/data/readers/source.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "neurons/data/data_testing.hpp"
#include "neurons/data/readers/csv.hpp"
#include "neurons/data/readers/idx.hpp"

namespace neurons {
namespace {

using testing::bundled;
using ::testing::HasSubstr;
using testing::message_of;
using ::testing::Optional;
using testing::TemporaryFolder;

TEST(SourceKind, RecognisesEachKind) {
  const TemporaryFolder folder;
  EXPECT_EQ(source_kind(folder.write("a.csv", "")), SourceKind::csv);
  EXPECT_EQ(source_kind(folder.write("a.TSV", "")), SourceKind::csv);
  EXPECT_EQ(source_kind(folder.write("a.npz", "")), SourceKind::npz);
  folder.write("table/one.csv", "");
  folder.write("table/README.md", "");
  folder.write("table/.hidden.csv", "");
  EXPECT_EQ(source_kind(folder.path() / "table"), SourceKind::csv);
  EXPECT_EQ(csv_file_of(folder.path() / "table"), folder.path() / "table/one.csv");
  EXPECT_EQ(csv_file_of(folder.path() / "a.csv"), folder.path() / "a.csv");
  EXPECT_EQ(source_kind(folder.write("a.txt", "")), SourceKind::text);
  EXPECT_EQ(source_kind(folder.write("book/a.txt.gz", "")), SourceKind::text);
  EXPECT_EQ(text_file_of(folder.path() / "book"), folder.path() / "book/a.txt.gz");
  folder.write("pictures/cat/1.png", "");
  EXPECT_EQ(source_kind(folder.path() / "pictures"), SourceKind::pictures);
  folder.write("idx/t10k-labels-idx1-ubyte.gz", "");
  EXPECT_EQ(source_kind(folder.path() / "idx"), SourceKind::idx) << "so that read_mnist() can say which file is missing";
}

TEST(SourceKind, RefusesTheRest) {
  const TemporaryFolder folder;
  EXPECT_THAT(message_of([&] { source_kind(folder.path() / "nothing"); }), HasSubstr("nothing: there is no such file or folder"));
  EXPECT_THAT(message_of([&] { source_kind(folder.path()); }), HasSubstr("holds no data known here; expected IDX files"));
  EXPECT_THAT(message_of([&] { source_kind(folder.write("a.docx", "")); }), HasSubstr("a.docx: is no kind of data known here"));
  EXPECT_THAT(message_of([&] { csv_file_of(folder.path()); }), HasSubstr("holds no .csv or .tsv file"));
  EXPECT_THAT(message_of([&] { csv_file_of(folder.path() / "nothing"); }), HasSubstr("there is no such file"));
  folder.write("b.csv", "");
  folder.write("c.csv", "");
  EXPECT_THAT(message_of([&] { source_kind(folder.path()); }),
              HasSubstr("holds 2 tables, such as b.csv and c.csv; name one of them"));
}

TEST(SourceKind, HasNames) {
  EXPECT_EQ(name_of(SourceKind::idx), "idx");
  EXPECT_EQ(name_of(SourceKind::csv), "csv");
  EXPECT_EQ(name_of(SourceKind::npz), "npz");
  EXPECT_EQ(name_of(SourceKind::pictures), "pictures");
  EXPECT_EQ(name_of(SourceKind::text), "text");
}

TEST(BundledData, IsWhatTheTableSays) {
  EXPECT_EQ(bundled_data().size(), 8U);
  for (const BundledData& data : bundled_data()) {
    const auto folder = bundled() / data.folder;
    EXPECT_EQ(source_kind(folder), data.kind) << data.name;
    EXPECT_TRUE(std::filesystem::exists(folder / "README.md"));
    if (data.kind != SourceKind::csv) continue;  // idx_test.cpp and tokenizer_test.cpp read them
    const Table table = read_csv(csv_file_of(folder));
    EXPECT_EQ(table.rows(), data.samples);
    EXPECT_TRUE(table.find(data.target)) << data.target;
  }
  EXPECT_EQ(find_bundled("iris"), &bundled_data()[3]);
  EXPECT_EQ(find_bundled("minst"), nullptr);
}

TEST(FindDataFolder, LooksUpwards) {
  EXPECT_THAT(find_data_folder(bundled().parent_path()), Optional(bundled()));
  EXPECT_THAT(find_data_folder(bundled() / "mnist"), Optional(bundled()));
  EXPECT_THAT(find_data_folder(bundled() / "nothing" / ".." / "iris"), Optional(bundled()));
  const TemporaryFolder folder;
  EXPECT_EQ(find_data_folder(folder.path()), std::nullopt);
  EXPECT_EQ(find_data_folder("/"), std::nullopt);
}

}  // namespace
}  // namespace neurons
