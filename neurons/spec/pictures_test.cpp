// Folders of pictures from their files to a model that reads others.

#include "neurons/data/readers/pictures.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "neurons/base/testing.hpp"
#include "neurons/data/picture_writer.hpp"
#include "neurons/spec/data_info.hpp"
#include "neurons/spec/mistakes.hpp"
#include "neurons/spec/predict.hpp"
#include "neurons/spec/run.hpp"

namespace neurons {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::message_of;
using testing::TemporaryFolder;

/// A picture whose left or right half is bright, noisy by `seed`.
Tensor half(std::int64_t height, std::int64_t width, bool right, std::uint64_t seed, std::int64_t channels = 1) {
  Tensor picture(DType::u8, {channels, height, width});
  RandomStream random(seed);
  std::int64_t i = 0;
  for (std::uint8_t& pixel : picture.values<std::uint8_t>()) {
    const bool bright = (i++ % width >= width / 2) == right;
    pixel = static_cast<std::uint8_t>((bright ? 180 : 20) + random.below(50));
  }
  return picture;
}

class Pictures : public ::testing::Test {
 protected:
  Pictures() {
    for (std::uint64_t i = 0; i < 12; ++i) {
      const auto side = static_cast<std::int64_t>(6 + i);
      write("all/left/" + std::to_string(i) + ".png", half(side, 8, false, i, i == 3 ? 3 : 1));
      write("all/right/" + std::to_string(i) + ".png", half(8, side, true, 100 + i));
    }
  }
  void write(const std::string& name, const Tensor& picture) {
    fs::create_directories((folder_ / name).parent_path());
    write_png(folder_ / name, picture);
  }
  Spec spec(const std::string& data, const std::string& more = "") const {
    return parse_spec(
        "[data]\nsource = \"all\"\n" + data +
            "\n[network]\nlayers = [\"flatten\", { kind = \"dense\", units = \"outputs\" }]\n"
            "[training]\noptimizer = { kind = \"adam\", learning_rate = 0.02 }\nepochs = 30\nbatch_size = 6\nthreads = 1\n" +
            more,
        folder_ / "s.toml");
  }
  TemporaryFolder folder_;
};

TEST_F(Pictures, OfMixedSizesNeedASize) {
  EXPECT_THAT(message_of([&] { load_data(spec("")); }),
              HasSubstr("left/1.png: is 8×7 pixels, but " + (folder_ / "all/left/0.png").string() + " is 8×6; give the size"));
  const LoadedData loaded = load_data(spec("validation = 6\npictures = { size = [5, 4], colour = \"grey\" }"));
  EXPECT_EQ(loaded.train.inputs.type(), (TensorType{DType::u8, {18, 1, 5, 4}}));
  EXPECT_EQ(loaded.validation->inputs.type(), (TensorType{DType::u8, {6, 1, 5, 4}}));
  EXPECT_EQ(load_data(spec("pictures = { size = [5] }")).train.input_shape(), Shape({3, 5, 5})) << "one of them is coloured";
}

TEST_F(Pictures, OfMixedSizesAreDescribed) {
  const DataInfo info = describe_data(folder_ / "all");
  EXPECT_EQ(info.samples, 24);
  EXPECT_THAT(info.classes, ElementsAre(std::pair("left", 12), std::pair("right", 12)));
  EXPECT_EQ(info.sample, (Shape{1, 6, 6}));
  EXPECT_EQ(info.largest, (Shape{3, 17, 17}));
  EXPECT_TRUE(std::isnan(info.input_maximum));
  write("even/a/1.png", half(6, 8, false, 1));
  write("even/b/1.png", half(6, 8, true, 2));
  const DataInfo even = describe_data(folder_ / "even");
  EXPECT_EQ(even.largest.rank(), 0);
  EXPECT_EQ(even.sample, (Shape{1, 6, 8}));
  EXPECT_GE(even.input_maximum, 180);
}

TEST_F(Pictures, AreStandardisedByTheTrainingPartAlone) {
  const Spec given = spec("validation = 6\npictures = { size = [6], colour = \"grey\", standardise = true }");
  const LoadedData loaded = load_data(given);
  double sum = 0;
  double squares = 0;
  const Tensor seen = loaded.train.scaled_inputs();
  for (const float value : seen.values<float>()) {
    sum += static_cast<double>(value);
    squares += static_cast<double>(value) * static_cast<double>(value);
  }
  const auto count = static_cast<double>(seen.elements());
  EXPECT_NEAR(sum / count, 0, 1e-5);
  EXPECT_NEAR(squares / count, 1, 1e-4);
  EXPECT_EQ(loaded.validation->channel_means, loaded.train.channel_means);
  const Spec resolved = resolve(given, loaded);
  EXPECT_EQ(resolved.data.pictures->means, loaded.train.channel_means);
  EXPECT_EQ(parse_spec(to_toml(resolved), "r.toml").data.pictures->deviations, loaded.train.channel_deviations);
  EXPECT_THAT(resolved.data.pictures->size, ElementsAre(6, 6));
  const LoadedData by_hand = load_data(spec("pictures = { size = [6], colour = \"grey\", means = [0.5], deviations = [0.25] }"));
  EXPECT_THAT(by_hand.train.channel_means, ElementsAre(0.5F));
  EXPECT_EQ(
      message_of([&] { load_data(spec("pictures = { size = [6], colour = \"colour\", means = [0.5], deviations = [0.25] }")); }),
      (folder_ / "all").string() + ": 1 channel means for samples of shape [3, 6, 6], expected one for each channel");
}

TEST_F(Pictures, OfAnySizeAndColourAreReadByTheModelThatWasTrained) {
  const RunOptions options{.folder = folder_ / "run"};
  run(spec("pictures = { size = [8], colour = \"grey\", fit = \"crop\", standardise = true }", "[augment]\nshift = 0.5\n"),
      options);
  const Model model = open_model(folder_ / "run");
  write("a.png", half(30, 40, true, 1, 3));
  write("b.png", half(8, 8, false, 2));
  write("c.png", half(30, 40, false, 3, 3));
  write("d.png", half(16, 16, true, 4));
  const std::vector<std::string> files = {(folder_ / "a.png").string(), (folder_ / "b.png").string(), (folder_ / "c.png").string(),
                                          (folder_ / "d.png").string()};
  const NamedSamples samples = read_samples(model, files);
  ASSERT_EQ(samples.changes.size(), 2U);
  EXPECT_EQ(samples.changes[0].what, "resized from 40×30 to 8×8 pixels (cut to its middle) and made grey");
  EXPECT_THAT(samples.changes[0].inputs, ElementsAre(files[0], files[2]));
  EXPECT_EQ(samples.changes[1].what, "resized from 16×16 to 8×8 pixels");
  std::vector<std::string> said;
  for (const Prediction& prediction : predict(model, samples.inputs, 1)) said.push_back(prediction.class_name);
  EXPECT_THAT(said, ElementsAre("right", "left", "left", "right"));

  // As it was seen in training: the same numbers by way of the folder.
  const fs::path all = folder_ / "all";
  const Dataset data = evaluation_data(model, &all);
  const std::vector<std::string> first = {(folder_ / "all/left/0.png").string()};
  const Tensor alone = read_samples(model, first).inputs;
  const Tensor seen = data.scaled_inputs();
  EXPECT_TRUE(std::ranges::equal(alone.values<float>(), seen.values<float>().subspan(0, 64)));
}

TEST_F(Pictures, MistakesAreShownWorstFirst) {
  const RunOptions options{.folder = folder_ / "run"};
  run(spec("pictures = { size = [8], colour = \"grey\" }"), options);
  write("all/left/odd.png", half(8, 8, true, 7));  // in the wrong folder
  const Model model = open_model(folder_ / "run");
  const fs::path all = folder_ / "all";
  const Dataset data = evaluation_data(model, &all);
  const Evaluation evaluation = evaluate(model, data, 1);
  const auto worst = worst_mistakes(model, data, evaluation);
  ASSERT_EQ(worst.size(), 1U);
  EXPECT_EQ(worst[0].sample, 12) << "odd.png comes last of its class";
  EXPECT_EQ(worst[0].truth, 0);
  EXPECT_EQ(worst[0].predicted, 1);
  EXPECT_GT(worst[0].confidence, 0.5);
  const auto sheet = mistakes_sheet(model, data, evaluation);
  ASSERT_TRUE(sheet);
  EXPECT_EQ(sheet->shape()[0], 3);
  Evaluation right = evaluation;
  for (std::size_t i = 0; i < 25; ++i) {
    const bool is_right = i >= 13;
    right.outputs.values<float>()[2 * i] = is_right ? 0 : 1;
    right.outputs.values<float>()[2 * i + 1] = is_right ? 1 : 0;
  }
  EXPECT_FALSE(mistakes_sheet(model, data, right)) << "nothing to show";
}

TEST_F(Pictures, ArraysOfBytesTooAreResized) {
  const Spec digits = parse_spec(
      "[data]\nsource = \"mnist\"\nvalidation = 5000\npictures = { size = [4], standardise = true }\n"
      "[network]\nlayers = [{ kind = \"dense\", units = 2 }]\n",
      "s.toml");
  const std::vector<fs::path> places = {NEURONS_SOURCE_DIR};
  const LoadedData loaded = load_data(digits, places);
  EXPECT_EQ(loaded.train.inputs.type(), (TensorType{DType::u8, {55'000, 1, 4, 4}}));
  EXPECT_EQ(loaded.test->inputs.type(), (TensorType{DType::u8, {10'000, 1, 4, 4}}));
  ASSERT_EQ(loaded.test->channel_means.size(), 1U);
  EXPECT_NEAR(loaded.test->channel_means[0], 0.1307, 1e-3);  // the well-known mean of MNIST: area keeps it
}

TEST(PictureSpecs, AreCheckedLikeAllElse) {
  const auto refusal = [](const std::string& pictures) {
    return message_of(
        [&] { parse_spec("[data]\nsource = \"x\"\npictures = " + pictures + "\n[network]\nlayers = [\"relu\"]\n", "s.toml"); });
  };
  EXPECT_EQ(refusal("{ siz = [2] }"), "s.toml:3:14: unknown key \"siz\"; did you mean \"size\"?");
  EXPECT_EQ(refusal("{ size = [2, 0] }"), "s.toml:3:25: pictures.size[1] = 0 must be from 1 to 16384");
  EXPECT_EQ(refusal("{ fit = \"squeeze\" }"), "s.toml:3:20: fit = \"squeeze\": expected stretch, crop, pad");
  EXPECT_EQ(refusal("{ means = [0.5] }"),
            "s.toml:3:22: pictures.means needs as many of the other: means and deviations go together");
  EXPECT_EQ(refusal("[2]"), "s.toml:3:12: pictures: expected a table, found a list");
  const TemporaryFolder folder;
  std::ofstream(folder / "t.csv") << "a,b\n1,x\n2,y\n";
  EXPECT_EQ(message_of([&] {
              load_data(parse_spec("[data]\nsource = \"t.csv\"\npictures = { size = [4] }\n[network]\nlayers = [\"relu\"]\n",
                                   folder / "s.toml"));
            }),
            "[data] pictures is for pictures, but " + (folder / "t.csv").string() + " holds a table");
}

}  // namespace
}  // namespace neurons
