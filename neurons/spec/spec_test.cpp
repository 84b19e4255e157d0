#include "neurons/spec/spec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "neurons/base/testing.hpp"
#include "neurons/training/optimizers.hpp"

namespace neurons {
namespace {

using testing::message_of;
using testing::TemporaryFolder;

constexpr const char* kNetwork = "[network]\nlayers = [{ kind = \"dense\", units = 3 }]\n";

Spec parse(const std::string& text) { return parse_spec(text, "s.toml"); }
std::string refusal(const std::string& text) {
  return message_of([&] { parse(text); });
}
/// The refusal of a [training] or [data] section before a network that is right.
std::string refusal_of_section(const std::string& section) { return refusal(section + "\n" + kNetwork); }

double attribute(const Attributes& attributes, const std::string& name) {
  for (const auto& [key, value] : attributes) {
    if (key == name) return std::get<double>(value);
  }
  return -1;
}

std::string attribute_text(const Attributes& attributes, const std::string& name) {
  for (const auto& [key, value] : attributes) {
    if (key == name) return std::get<std::string>(value);
  }
  return "";
}

TEST(Spec, ReadsEverySection) {
  const Spec spec = parse(R"(
[data]
source = "flowers.csv"
test = 0.25
validation = { fold = 2, folds = 5 }
stratified = false
seed = 7
target = -1
ignore = ["id"]
weights = "times"
categorical = ["zone"]
header = "present"
delimiter = ";"
task = "classification"
scaling = "min_max"
missing = "error"
standardise_target = false

[network]
initializer = "he_normal"
layers = [
  { kind = "dense", units = 16, activation = "tanh", name = "hidden" },
  "relu",
  { kind = "dropout", ratio = 0.25 },
  { kind = "dense", units = "outputs", bias = false },
]

[training]
loss = { kind = "cross_entropy", label_smoothing = 0.1, class_weights = [1, 2.5, 3] }
optimizer = { kind = "sgd", learning_rate = 0.1, momentum = 0.9, nesterov = true }
schedule = { kind = "step", epochs = 4, decay = 0.5 }
warm_up_steps = 10
epochs = 20
batch_size = 16
accumulate = 2
early_stopping = { patience = 5, minimum_improvement = 1e-4 }
clip_norm = 1
groups = [{ pattern = "*.bias", rate_factor = 2 }, { pattern = "hidden*", weight_decay = 0 }]
freeze = ["hidden.bias"]
seed = 18446744073
threads = 1
)");
  EXPECT_EQ(spec.data.source, "flowers.csv");
  EXPECT_EQ(spec.data.test.amount, 0.25);
  EXPECT_EQ(spec.data.validation, (Part{.fold = 2, .folds = 5}));
  EXPECT_EQ(spec.data.stratified, false);
  EXPECT_EQ(spec.data.seed, 7U);
  EXPECT_EQ(spec.data.target.text, "-1");
  ASSERT_EQ(spec.data.ignore.size(), 1U);
  EXPECT_EQ(spec.data.ignore[0].text, "id");
  EXPECT_EQ(spec.data.weights.text, "times");
  ASSERT_EQ(spec.data.categorical.size(), 1U);
  EXPECT_EQ(spec.data.categorical[0].text, "zone");
  EXPECT_EQ(spec.data.header, CsvOptions::Header::present);
  EXPECT_EQ(spec.data.delimiter, ';');
  EXPECT_EQ(spec.data.task, Task::classification);
  EXPECT_EQ(spec.data.scaling, Scaling::min_max);
  EXPECT_EQ(spec.data.missing, MissingValues::error);
  EXPECT_EQ(spec.data.standardise_target, false);

  ASSERT_EQ(spec.network.layers.size(), 4U);
  EXPECT_EQ(spec.network.layers[0].name, "hidden");
  EXPECT_EQ(spec.network.layers[1].layer.kind(), "relu");
  EXPECT_EQ(spec.network.layers[1].name, "relu1");
  EXPECT_EQ(attribute(spec.network.layers[2].layer.attributes(), "ratio"), 0.25);
  EXPECT_EQ(spec.network.layers[3].name, "dense1");
  EXPECT_EQ(spec.network.layers[3].as_outputs, std::vector<std::string>{"units"});
  EXPECT_EQ(spec.network.initializer, "he_normal");

  const TrainOptions& options = spec.training.options;
  EXPECT_EQ(spec.training.loss->kind(), "cross_entropy");
  EXPECT_EQ(options.optimizer.kind(), "sgd");
  EXPECT_EQ(options.optimizer.optimizer()->learning_rate(), static_cast<double>(0.1F));
  EXPECT_EQ(options.schedule.kind(), "step");
  EXPECT_EQ(attribute(options.schedule.attributes(), "decay"), 0.5);
  EXPECT_EQ(options.warm_up_steps, 10);
  EXPECT_EQ(options.epochs, 20);
  EXPECT_EQ(options.batch_size, 16);
  EXPECT_EQ(options.accumulate, 2);
  EXPECT_EQ(options.early_stopping.patience, 5);
  EXPECT_EQ(options.early_stopping.minimum_improvement, 1e-4);
  EXPECT_EQ(options.clip_norm, 1);
  ASSERT_EQ(options.groups.size(), 2U);
  EXPECT_EQ(options.groups[0].rate_factor, 2);
  EXPECT_FALSE(options.groups[0].weight_decay.has_value());
  EXPECT_EQ(options.groups[1].weight_decay, 0);
  EXPECT_EQ(spec.training.freeze, std::vector<std::string>{"hidden.bias"});
  EXPECT_EQ(options.seed, 18446744073U);
  EXPECT_EQ(options.threads, 1);
}

TEST(Spec, WhatIsNotSaidHasItsDefault) {
  const Spec spec = parse(kNetwork);
  EXPECT_EQ(spec.data.source, "");
  EXPECT_FALSE(spec.data.test.is_parted());
  EXPECT_FALSE(spec.data.stratified.has_value());
  EXPECT_FALSE(spec.data.scaling.has_value());
  EXPECT_FALSE(spec.training.loss.has_value());
  EXPECT_EQ(spec.training.options.epochs, TrainOptions{}.epochs);
  EXPECT_EQ(spec.training.options.optimizer.kind(), "adam");
}

TEST(Spec, IsWrittenAndReadBackEqual) {
  const Spec spec = parse(R"(
[data]
source = "odd \"name\"\\ with\ttab \u007f ü.csv"
test = 30
validation = "own.csv"
delimiter = "\t"
target = "y"
[network]
inputs = [{ name = "a", shape = [4] }, { name = "b", shape = [4] }]
outputs = ["sum", "twin"]
layers = [
  { kind = "dense", units = "outputs", initializer = "normal", initializer_value = 0.1 },
  { kind = "leaky_relu", alpha = 0.3 },
  { share = "dense1", name = "twin", from = "b" },
  { kind = "add", name = "sum", from = ["leaky_relu1", "twin"] },
]
[training]
optimizer = { kind = "adamw", learning_rate = 3e-4, beta2 = 0.98, epsilon = 1e-7 }
loss = { kind = "huber", delta = 0.7 }
schedule = { kind = "one_cycle", final_factor = 1e-9 }
l2 = 1e-300
groups = [{ pattern = "*" }]
)");
  const std::string text = to_toml(spec);
  EXPECT_EQ(to_toml(parse(text)), text);
  EXPECT_EQ(parse(text), spec);
  EXPECT_NE(text.find("learning_rate = 0.0003,"), std::string::npos) << text;  // the shortest digits of the float
  EXPECT_NE(text.find("units = \"outputs\""), std::string::npos) << text;
  EXPECT_NE(text.find("l2 = 1e-300"), std::string::npos) << text;
  EXPECT_EQ(text.find("scaling"), std::string::npos) << text;  // never said, never written
}

TEST(Spec, EveryKindSurvivesTheRoundTrip) {
  const auto survives = [](const Spec& spec) {
    const std::string text = to_toml(spec);
    EXPECT_EQ(to_toml(parse(text)), text);
  };
  Spec spec = parse(kNetwork);
  for (const auto& [kind, layer] : layer_kinds()) {
    spec.network.layers[0] = {.layer = layer, .name = "it"};
    survives(spec);
  }
  for (const auto& [kind, loss] : loss_kinds()) {
    spec.training.loss = loss;
    survives(spec);
  }
  for (const auto& [kind, method] : method_kinds()) {
    spec.training.options.optimizer = method;
    survives(spec);
  }
  for (const auto& [kind, schedule] : schedule_kinds()) {
    spec.training.options.schedule = schedule;
    survives(spec);
  }
}

constexpr const char* kBlock = R"(
[network]
inputs = [{ name = "x", shape = [3, 8, 8] }]
initializer = "he_normal"
layers = [
  { kind = "conv2d", filters = 4, padding = "same" },
  { kind = "residual", name = "deep", activation = "tanh", body = [
      { kind = "conv2d", filters = 6, pads = 1, stride = 2, bias = false }, "batch_norm",
    ], projection = [{ kind = "conv2d", filters = 6, kernel = 1, stride = 2 }] },
  { kind = "residual", body = [{ kind = "conv2d", filters = 6, padding = "same" }] },
  { kind = "conv2d", filters = 2, from = "deep" },
]
)";

TEST(Spec, HoldsBlocksOfLayers) {
  const Spec spec = parse(kBlock);
  const std::string text = to_toml(spec);
  EXPECT_EQ(to_toml(parse(text)), text);
  EXPECT_NE(text.find("{ kind = \"residual\", name = \"residual1\", body = [{ kind = \"conv2d\", filters = 6"), std::string::npos)
      << text;
  const Network network = make_network(spec.network);
  std::vector<std::string> names;
  for (const auto& layer : network.layers()) names.push_back(layer.name);
  EXPECT_THAT(names, ::testing::ElementsAre("conv2d1", "deep.projection.conv2d1", "deep.conv2d1", "deep.batch_norm1", "deep.add",
                                            "deep.tanh", "residual1.conv2d1", "residual1.add", "residual1.relu", "conv2d2"));
  EXPECT_EQ(attribute_text(network.layers()[2].layer.attributes(), "initializer"), "he_normal");
}

TEST(Spec, AppliesLayersToEachStep) {
  const Spec spec = parse(R"(
[network]
inputs = [{ name = "x", shape = [5, 3, 8, 8] }]
initializer = "he_normal"
layers = [
  { kind = "time_distributed", name = "picture", body = [{ kind = "conv2d", filters = 4 }, "relu", "flatten"] },
  { kind = "lstm", hidden = 6, return_sequences = true },
  { kind = "time_distributed", body = [{ kind = "dense", units = 2 }] },
]
)");
  const std::string text = to_toml(spec);
  EXPECT_EQ(to_toml(parse(text)), text);
  EXPECT_NE(text.find("{ kind = \"time_distributed\", name = \"picture\", body = [{ kind = \"conv2d\", filters = 4"),
            std::string::npos)
      << text;
  const Network network = make_network(spec.network);
  std::vector<std::string> names;
  for (const auto& layer : network.layers()) names.push_back(layer.name);
  EXPECT_THAT(names, ::testing::ElementsAre("picture.fold_time", "picture.conv2d1", "picture.relu1", "picture.flatten1",
                                            "picture.unfold_time", "lstm1", "time_distributed1.fold_time",
                                            "time_distributed1.dense1", "time_distributed1.unfold_time"));
  EXPECT_EQ(attribute_text(network.layers()[1].layer.attributes(), "initializer"), "he_normal");
}

TEST(Spec, NamesReadyMadeNetworks) {
  const Spec spec = parse(R"(
[network]
layers = [{ kind = "reshape", shape = [1, 28, 28] }, { kind = "resize2d", size = 32 }, { kind = "resnet20", classes = "outputs" }]
)");
  EXPECT_EQ(parse(to_toml(spec)), spec);
  EXPECT_EQ(spec.network.layers[2].name, "resnet20_1");
  EXPECT_FALSE(is_resolved(spec.network));
  const Network network = make_network(resolve(spec.network, {28, 28}, 7));
  EXPECT_EQ(network.trained_parameters().back().second.shape, Shape{7});
  const Network flat = make_network(resolve(parse("[network]\nlayers = [\"autoencoder\", \"flatten\"]").network, {1, 8, 8}, 64));
  EXPECT_EQ(flat.layers().back().name, "flatten1");
  EXPECT_EQ(refusal("[network]\nlayers = [\"resnet2\"]"),
            "s.toml:2:11: unknown layer or activation \"resnet2\"; did you mean \"resnet20\"?");
  EXPECT_EQ(refusal("[network]\nlayers = [{ kind = \"unet\", deepth = 2 }]"),
            "s.toml:2:28: unknown key \"deepth\"; did you mean \"depth\"?");
  EXPECT_EQ(message_of([] { make_network(resolve(parse("[network]\nlayers = [\"resnet20\"]").network, {784}, 7)); }),
            "s.toml:2:11: resnet20: expects samples [channels, height, width], got [784]");
}

TEST(Spec, TakesOneNumberOrOneForEachAxis) {
  const Spec spec = parse("[network]\nlayers = [{ kind = \"conv2d\", kernel = [3, 5], pads = 1 }]");
  const Attributes attributes = spec.network.layers[0].layer.attributes();
  const std::vector<std::int64_t> both{3, 5};
  EXPECT_NE(std::ranges::find(attributes, Attribute{"kernel", both}), attributes.end());
  EXPECT_NE(std::ranges::find(attributes, Attribute{"pads", std::int64_t{1}}), attributes.end());
  EXPECT_EQ(parse(to_toml(spec)), spec);
  EXPECT_THAT(refusal("[network]\nlayers = [{ kind = \"dense\", units = [3, 5] }]"), ::testing::StartsWith("s.toml:2:37: "));
}

TEST(SpecErrors, BlocksSayWhatIsWrong) {
  const auto refused = [](const std::string& layer) { return refusal("[network]\nlayers = [" + layer + "]"); };
  EXPECT_EQ(refused("\"residual\""), "s.toml:2:11: a residual block needs a body: { kind = \"residual\", body = [ … ] }");
  EXPECT_EQ(refused("{ kind = \"residual\" }"), "s.toml:2:11: a residual block needs a body: body = [ … ] with at least one layer");
  EXPECT_EQ(refused("{ kind = \"residual\", bodi = [] }"), "s.toml:2:32: unknown key \"bodi\"; did you mean \"body\"?");
  EXPECT_EQ(refused("{ kind = \"residual\", body = [\"rely\"] }"),
            "s.toml:2:40: unknown layer or activation \"rely\"; did you mean \"relu\"?");
  EXPECT_EQ(refused("{ kind = \"residual\", body = [{ kind = \"dense\", unit = 2 }] }"),
            "s.toml:2:58: unknown key \"unit\"; did you mean \"units\"?");
  EXPECT_THAT(refused("{ kind = \"residual\", body = [\"relu\"], activation = \"dropout\" }"),
              ::testing::StartsWith("s.toml:2:62: unknown activation \"dropout\"; known are celu, "));
  EXPECT_EQ(refused("\"time_distributed\""),
            "s.toml:2:11: a time-distributed block needs a body: { kind = \"time_distributed\", body = [ … ] }");
  EXPECT_EQ(refused("{ kind = \"time_distributed\", layers = [\"relu\"] }"),
            "s.toml:2:40: unknown key \"layers\"; layer \"time_distributed\" takes kind, name, from, body");
  const auto unfit = [](const std::string& layers) {
    return message_of([&] { make_network(resolve(parse("[network]\nlayers = " + layers).network, {4}, 3)); });
  };
  EXPECT_EQ(unfit("[{ kind = \"residual\", body = [{ kind = \"dense\", units = 3 }] }]"),
            "s.toml:2:11: residual1.add: the body gives [1, 3], what is led around it is [1, 4]; give the block a projection to "
            "that shape");
  EXPECT_EQ(unfit("[\"relu\", { kind = \"residual\", from = [\"x\", \"relu1\"], body = [\"relu\"] }]"),
            "s.toml:2:19: residual1: takes one input, got 2");
}

TEST(Spec, AugmentsPicturesOnlyWhereItSaysSo) {
  EXPECT_FALSE(parse(kNetwork).training.options.augment.has_value());
  EXPECT_EQ(to_toml(parse(kNetwork)).find("[augment]"), std::string::npos);
  const Spec spec =
      parse(std::string(kNetwork) + "[augment]\nshift = 2\ncrop_padding = 4\nflip_horizontal = true\nborder = \"edge\"\n");
  const Augmentation expected{.flip_horizontal = true, .shift = 2, .crop_padding = 4, .border = Augmentation::Border::edge};
  EXPECT_EQ(spec.training.options.augment, expected);
  EXPECT_EQ(parse(to_toml(spec)).training.options.augment, expected);
  EXPECT_EQ(parse(std::string(kNetwork) + "[augment]\n").training.options.augment, Augmentation{});
}

TEST(SpecErrors, AugmentationIsCheckedLikeAllElse) {
  EXPECT_EQ(refusal_of_section("[augment]\nrotat = 5"), "s.toml:2:1: unknown key \"rotat\"; did you mean \"rotate\"?");
  EXPECT_EQ(refusal_of_section("[augment]\nrotate = 200"), "s.toml:2:10: rotate = 200 must be from 0 to 180");
  EXPECT_EQ(refusal_of_section("[augment]\nshift = 1\nmix_up = -0.5"), "s.toml:3:10: mix_up = -0.5 must be from 0 to 100");
  EXPECT_EQ(refusal_of_section("[augment]\ncut_out = 1.5"), "s.toml:2:11: cut_out: expected a whole number, found 1.5");
  EXPECT_EQ(refusal_of_section("[augment]\nborder = \"white\""), "s.toml:2:10: border = \"white\": expected black, edge");
  EXPECT_EQ(refusal_of_section("[augment]\nflip_vertical = 1"), "s.toml:2:17: flip_vertical: expected true or false, found 1");
}

TEST(SpecErrors, AKeyOfTooManyPartsIsNoEnd) {
  std::string key = "a";
  for (int i = 0; i < 50'000; ++i) key += ".a";
  EXPECT_EQ(refusal("\n" + key + " = 1\n"), "s.toml:2: this line holds 50000 dots, more than 2048; break it");
}

TEST(SpecErrors, UnknownKeysAreNamedWithPlaceAndNearestName) {
  EXPECT_EQ(refusal_of_section("[training]\noptimiser = \"adam\""),
            "s.toml:2:1: unknown key \"optimiser\"; did you mean \"optimizer\"?");
  EXPECT_EQ(refusal_of_section("[training]\noptimizer = { kind = \"adam\", rate = 1, learningrate = 2 }"),
            "s.toml:2:30: unknown key \"rate\"; optimizer \"adam\" takes kind, learning_rate, beta1, beta2, epsilon, weight_decay");
  EXPECT_EQ(refusal_of_section("[train]\nepochs = 1"), "s.toml:1:2: unknown key \"train\"; did you mean \"training\"?");
  EXPECT_EQ(refusal_of_section("[serving]\nport = 1"),
            "s.toml:1:2: unknown key \"serving\"; a spec takes data, network, augment, training");
  EXPECT_EQ(refusal_of_section("[data]\nsource = \"iris\"\n  tets = 0.2"),
            "s.toml:3:3: unknown key \"tets\"; did you mean \"test\"?");
  EXPECT_EQ(refusal("[network]\nlayers = [\n  { kind = \"dense\", unit = 3 },\n]"),
            "s.toml:3:21: unknown key \"unit\"; did you mean \"units\"?");
  EXPECT_EQ(refusal("[network]\nlayers = [{ kind = \"dense\", units = 3 }, { share = \"dense1\", units = 3 }]"),
            "s.toml:2:62: unknown key \"units\"; a shared layer takes name, from, share");
  EXPECT_EQ(refusal_of_section("[training]\ngroups = [{ patern = \"*\" }]"),
            "s.toml:2:13: unknown key \"patern\"; did you mean \"pattern\"?");
}

TEST(SpecErrors, UnknownKindsAreNamedWithPlaceAndNearestName) {
  EXPECT_EQ(refusal("[network]\nlayers = [\"reluu\"]"),
            "s.toml:2:11: unknown layer or activation \"reluu\"; did you mean \"relu\"?");
  EXPECT_EQ(refusal("[network]\nlayers = [{ kind = \"dens\" }]"),
            "s.toml:2:20: unknown layer or activation \"dens\"; did you mean \"dense\"?");
  EXPECT_EQ(refusal_of_section("[training]\nloss = \"cross_entropi\""),
            "s.toml:2:8: unknown loss \"cross_entropi\"; did you mean \"cross_entropy\"?");
  EXPECT_THAT(refusal_of_section("[training]\noptimizer = \"adm\""),
              ::testing::StartsWith("s.toml:2:13: unknown optimizer \"adm\"; did you mean"));
  EXPECT_THAT(refusal_of_section("[training]\nschedule = \"cosin\""),
              ::testing::AllOf(::testing::StartsWith("s.toml:2:12: "), ::testing::HasSubstr("\"cosine\"")));
}

TEST(SpecErrors, WrongTypesAreNamedWithPlaceAndWhatWasFound) {
  EXPECT_EQ(refusal_of_section("[training]\nepochs = \"ten\""),
            "s.toml:2:10: epochs: expected a whole number, found the text \"ten\"");
  EXPECT_EQ(refusal_of_section("[training]\nepochs = 1.5"), "s.toml:2:10: epochs: expected a whole number, found 1.5");
  EXPECT_EQ(refusal_of_section("[training]\nepochs = 3.0"), "s.toml:2:10: epochs: expected a whole number, found 3.0");
  EXPECT_EQ(refusal_of_section("[training]\nepochs = 1979-05-27"),
            "s.toml:2:10: epochs: expected a whole number, found a date or time");
  EXPECT_EQ(refusal_of_section("[training]\nl2 = true"), "s.toml:2:6: l2: expected a number, found true");
  EXPECT_EQ(refusal_of_section("[training]\nl2 = nan"), "s.toml:2:6: l2: expected a finite number, found nan");
  EXPECT_EQ(refusal_of_section("[training]\nrestore_best = 1"), "s.toml:2:16: restore_best: expected true or false, found 1");
  EXPECT_EQ(refusal_of_section("[training]\nseed = -1"), "s.toml:2:8: seed = -1 is out of range");
  EXPECT_EQ(refusal_of_section("[training]\nthreads = 9999999999"), "s.toml:2:11: threads = 9999999999 is out of range");
  EXPECT_EQ(refusal_of_section("[training]\noptimizer = 3"),
            "s.toml:2:13: optimizer: expected a name in quotes or a table { kind = … }, found 3");
  EXPECT_EQ(refusal_of_section("[training]\noptimizer = { learning_rate = 3 }"),
            "s.toml:2:13: optimizer: the key \"kind\" is missing");
  EXPECT_EQ(refusal_of_section("[training]\noptimizer = { kind = \"adam\", beta1 = \"a\" }"),
            "s.toml:2:38: beta1: expected a number, found the text \"a\"");
  EXPECT_EQ(refusal_of_section("[training]\noptimizer = { kind = \"adam\", learning_rate = 1e300 }"),
            "s.toml:2:46: learning_rate is too large");
  EXPECT_EQ(refusal_of_section("[training]\nfreeze = \"a\""), "s.toml:2:10: freeze: expected a list in [ ], found the text \"a\"");
  EXPECT_EQ(refusal_of_section("[training]\nfreeze = [1]"), "s.toml:2:11: freeze: expected a text in quotes, found 1");
  EXPECT_EQ(refusal_of_section("data = 3"), "s.toml:1:8: data: expected a table, found 3");
  EXPECT_EQ(refusal_of_section("[data]\nscaling = \"standardize\""),
            "s.toml:2:11: scaling = \"standardize\": expected standardise, min_max, none");
  EXPECT_EQ(refusal_of_section("[data]\nseed = 1\nsource = \"\""),
            "s.toml:3:10: source is empty: name a bundled data set, a file or a folder, or leave the key out");
  EXPECT_EQ(refusal_of_section("[data]\ndelimiter = \"::\""),
            "s.toml:2:13: delimiter: expected one character, found the text \"::\"");
  EXPECT_EQ(refusal_of_section("[data]\ntarget = 1.5"), "s.toml:2:10: target: expected a column's name or number, found 1.5");
  EXPECT_EQ(refusal("[network]\nlayers = [{ kind = \"dense\", units = \"many\" }]"),
            "s.toml:2:37: units: expected a whole number or \"outputs\", found the text \"many\"");
  EXPECT_EQ(refusal("[network]\nlayers = [3]"), "s.toml:2:11: layers: expected a name in quotes or a table { kind = … }, found 3");
  EXPECT_EQ(refusal("[network]\nlayers = [{ units = 3 }]"), "s.toml:2:11: a layer needs the key \"kind\" or \"share\"");
}

TEST(SpecErrors, NumbersOutOfRangeAreNamedWithPlace) {
  const auto says = [](const std::string& line, const std::string& expected) {
    EXPECT_EQ(refusal_of_section("[training]\n" + line), "s.toml:2:" + expected);
  };
  says("epochs = 0", "10: epochs = 0 must be at least 1");
  says("batch_size = 0", "14: batch_size = 0 must be at least 1");
  says("threads = -1", "11: threads = -1 must be at least 0");
  says("warm_up_steps = -1", "17: warm_up_steps = -1 must be at least 0");
  says("checkpoint_steps = -5", "20: checkpoint_steps = -5 must be at least 0");
  says("checkpoint_seconds = -0.5", "22: checkpoint_seconds = -0.5 must be at least 0");
  says("early_stopping = { patience = -2 }", "31: early_stopping.patience = -2 must be at least 0");
  says("early_stopping = { patience = 2, minimum_improvement = -1 }",
       "56: early_stopping.minimum_improvement = -1 must be at least 0");
  says("accumulate = 0", "14: accumulate = 0 must be at least 1");
  says("clip_value = -1", "14: clip_value = -1 must be positive, or 0 for none");
  says("clip_norm = -1", "13: clip_norm = -1 must be positive, or 0 for none");
  says("l1 = -1", "6: l1 = -1 must be at least 0");
  says("l2 = -1", "6: l2 = -1 must be at least 0");
  says("groups = [{ pattern = \"*\" }, { pattern = \"*\", rate_factor = -1 }]",
       "61: groups[1].rate_factor = -1 must be at least 0");
  says("groups = [{ pattern = \"*\", weight_decay = -1 }]", "43: groups[0].weight_decay = -1 must be at least 0");
  for (const std::string kind : {"sgd", "adam", "adamw", "rmsprop", "adagrad", "lion"}) {
    EXPECT_THAT(refusal_of_section("[training]\noptimizer = { learning_rate = -0.1, weight_decay = 0.1, kind = \"" + kind + "\" }"),
                "s.toml:2:31: " + kind + ": learning_rate = -0.1 must be at least 0");
  }
  says("optimizer = { kind = \"sgd\", learning_rate = 0.1, momentum = 1.5 }",
       "61: sgd: momentum = 1.5 must be at least 0 and below 1");
  says("schedule = { kind = \"one_cycle\", start_factor = 0.1, peak_share = 2.0 }",
       "67: schedule one_cycle: peak_share = 2 must be between 0 and 1, neither included");
  says("schedule = { kind = \"reduce_on_plateau\", patience = -1, decay = 0.5 }",
       "53: schedule reduce_on_plateau: patience = -1 must be at least 0");
}

TEST(SpecErrors, PartsMustMakeSense) {
  EXPECT_EQ(refusal_of_section("[data]\ntest = 1.5"),
            "s.toml:2:8: test = 1.5: expected a share below 1, such as 0.2, or a whole number of samples");
  EXPECT_EQ(refusal_of_section("[data]\ntest = 1.0"),
            "s.toml:2:8: test = 1: expected a share below 1, such as 0.2, or a whole number of samples");
  EXPECT_EQ(refusal_of_section("[data]\ntest = -1"),
            "s.toml:2:8: test = -1: expected a share below 1, such as 0.2, or a whole number of samples");
  EXPECT_EQ(refusal_of_section("[data]\ntest = { fold = 6, folds = 5 }"),
            "s.toml:2:8: test: fold = 6 of folds = 5: there must be at least 2 folds, counted from 1");
  EXPECT_EQ(refusal_of_section("[data]\ntest = { fold = 1, foldss = 5 }"),
            "s.toml:2:20: unknown key \"foldss\"; did you mean \"folds\"?");
  EXPECT_EQ(refusal_of_section("[data]\ntest = \"\""), "s.toml:2:8: test: the path is empty");
  EXPECT_EQ(refusal_of_section("[data]\ntest = [1]"),
            "s.toml:2:8: test: expected a share, a number of samples, a path, or { fold, folds }, found a list");
}

TEST(SpecErrors, NamesOfLayersMustBeKnown) {
  EXPECT_EQ(refusal("[network]\nlayers = [\"relu\", { kind = \"add\", from = [\"rel1\", \"x\"] }]"),
            "s.toml:2:19: from names \"rel1\", but no layer before is called so; did you mean \"relu1\"?");
  EXPECT_EQ(refusal("[network]\nlayers = [{ share = \"relu1\" }]"),
            "s.toml:2:11: share names \"relu1\", but no layer before is called so");
  EXPECT_EQ(refusal("[network]\nlayers = [\"relu\"]\noutputs = [\"tanh1\"]"),
            "s.toml:3:12: outputs names \"tanh1\", but no layer before is called so");
  EXPECT_EQ(refusal("[network]\nlayers = [{ kind = \"relu\", name = \"a\" }, { kind = \"tanh\", name = \"a\" }]"),
            "s.toml:2:42: the name \"a\" is taken");
}

TEST(SpecErrors, WhatIsNoSpec) {
  EXPECT_EQ(refusal(""), "s.toml: [network] has no layers; add layers = [ … ]");
  EXPECT_EQ(refusal("[network]\nlayers = []"), "s.toml: [network] has no layers; add layers = [ … ]");
  EXPECT_THAT(refusal("[network\nlayers = []"), ::testing::StartsWith("s.toml:1:9: "));
  EXPECT_THAT(refusal("a = 1\na = 2"), ::testing::StartsWith("s.toml:2:"));
  EXPECT_THAT(refusal(std::string("\xff\xfe", 2)), ::testing::StartsWith("s.toml:1:1: "));
  EXPECT_THAT(refusal(std::string(100000, '[')), ::testing::StartsWith("s.toml:1:"));
}

TEST(Spec, FilesKnowWhereTheyAre) {
  const TemporaryFolder folder;
  const auto path = folder / "a.toml";
  std::ofstream(path) << kNetwork;
  EXPECT_EQ(read_spec(path).file, path);
  EXPECT_THAT(message_of([&] { read_spec(folder / "b.toml"); }), ::testing::HasSubstr("b.toml"));
}

TEST(NetworkSpec, TakesShapesAndOutputsFromTheData) {
  const Spec spec = parse("[network]\nlayers = [\"flatten\", { kind = \"dense\", units = \"outputs\" }]");
  EXPECT_FALSE(is_resolved(spec.network));
  EXPECT_EQ(message_of([&] { make_network(spec.network); }),
            "the network's input shape or number of outputs comes from the data: name data, or write both into [network]");
  const NetworkSpec resolved = resolve(spec.network, {1, 2, 3}, 5);
  EXPECT_TRUE(is_resolved(resolved));
  const Network network = make_network(resolved);
  EXPECT_EQ(network.inputs().front().sample, Shape({1, 2, 3}));
  EXPECT_EQ(network.parameter_count(), 6 * 5 + 5);
  EXPECT_EQ(network.outputs().front().name, "y");
}

TEST(NetworkSpec, ShapesThatDoNotFitGiveTheLayersOwnSentence) {
  const auto refused = [](const std::string& layers) {
    return message_of([&] { make_network(resolve(parse("[network]\nlayers = " + layers).network, {4}, 3)); });
  };
  EXPECT_EQ(refused("[\"relu\",\n  { kind = \"dense\", units = 0 }, \"relu\"]"),
            "s.toml:3:3: dense1: units = 0 must be at least 1");
  EXPECT_THAT(refused("[{ kind = \"reshape\", name = \"square\", shape = [3, 3] }]"),
              ::testing::StartsWith("s.toml:2:11: square: "));
  EXPECT_EQ(refused("[{ kind = \"dense\", units = 3, activation = \"reluu\" }]"),
            "s.toml:2:11: dense1: unknown activation \"reluu\"; did you mean \"relu\"?");
  EXPECT_EQ(refused("[{ kind = \"dense\", units = 3 },\n { share = \"dense1\" }]"),
            "s.toml:3:2: dense1: expects 4 inputs, but dense1 gives 3; change the layer before it, or draw the parameters anew");
  EXPECT_THAT(refused("[\"relu\", { kind = \"dense\", units = 3, initializer = \"he_norm\" }]"),
              ::testing::StartsWith("s.toml:2:19: dense1: unknown initializer \"he_norm\"; did you mean \"he_normal\"?"));
}

TEST(NetworkSpec, WiresSkipsSharedLayersAndSeveralInputsAndOutputs) {
  const Spec spec = parse(R"(
[network]
inputs = [{ name = "a", shape = [4] }, { name = "b", shape = [4] }]
outputs = ["joint", "dense1"]
layers = [
  { kind = "dense", units = 4 },
  { share = "dense1", from = "b" },
  { kind = "add", name = "joint", from = ["dense1", "dense1_2", "a"] },
]
)");
  const Network network = make_network(spec.network);
  ASSERT_EQ(network.calls().size(), 5U);
  EXPECT_EQ(network.calls()[2].from, std::vector<int>{0});  // the first layer reads the first input
  EXPECT_EQ(network.calls()[3].from, std::vector<int>{1});
  EXPECT_EQ(network.calls()[3].layer, network.calls()[2].layer);
  EXPECT_EQ(network.calls()[4].from, (std::vector<int>{2, 3, 0}));
  EXPECT_EQ(network.parameter_count(), 4 * 4 + 4);
  ASSERT_EQ(network.outputs().size(), 2U);
  EXPECT_EQ(network.outputs()[1].call, 2);
  EXPECT_THAT(message_of([&] { resolve(spec.network, {4}, 3); }), ::testing::StartsWith("the network has 2 inputs"));
}

TEST(NetworkSpec, TokensReachAnEmbedding) {
  const std::string layers = R"(layers = [
  { kind = "padding_mask", name = "mask" },
  { kind = "embedding", vocabulary = 9, width = 4, from = "x" },
  { kind = "transformer_encoder", heads = 2, from = ["embedding1", "mask"] },
  { kind = "dense", units = "outputs" },
])";
  const Spec spec = parse("[network]\n" + layers);
  const NetworkSpec resolved = resolve(spec.network, {5}, 9, InputType::tokens);
  EXPECT_EQ(make_network(resolved).inputs().front().dtype, DType::i64);
  Spec whole = spec;
  whole.network = resolved;
  EXPECT_EQ(make_network(parse(to_toml(whole)).network).inputs().front().dtype, DType::i64);
  const Spec named = parse("[network]\ninputs = [{ name = \"x\", shape = [5], type = \"tokens\" }]\n" + layers);
  EXPECT_EQ(resolve(named.network, {5}, 9, InputType::tokens).inputs.front().type, InputType::tokens);
  EXPECT_EQ(message_of([&] { resolve(named.network, {5}, 9); }),
            "input \"x\" takes tokens, but the data hold numbers; leave the type out to take the data's");
  EXPECT_THAT(message_of([&] { make_network(resolve(spec.network, {5}, 9)); }),
              ::testing::HasSubstr("mask: expects tokens i64[batch, time], got f32[1, 5]"));
}

TEST(NetworkSpec, TheInputsShapeMustBeTheDatas) {
  const Spec spec = parse("[network]\ninputs = [{ name = \"pixels\", shape = [784] }]\nlayers = [{ kind = \"dense\", units = 3 }]");
  EXPECT_EQ(make_network(spec.network).parameter_count(), 784 * 3 + 3);
  EXPECT_EQ(
      message_of([&] {
        resolve(spec.network, {1, 28, 28}, 3);
      }),
      "input \"pixels\" has shape [784], but the samples of the data have [1, 28, 28]; leave the shape out to take the data's");
}

TEST(NetworkSpec, TheInitializerIsForLayersWithoutTheirOwn) {
  Spec spec = parse(R"(
[network]
initializer = "constant"
inputs = [{ shape = [2] }]
layers = [{ kind = "dense", units = 2, initializer = "uniform", initializer_value = 0.5 }, { kind = "dense", units = 2 }]
)");
  Network network = make_network(spec.network);
  network.initialize(1);
  EXPECT_NE(network.parameter("dense1.weight").values<float>()[0], 0.0F);
  EXPECT_EQ(network.parameter("dense2.weight").values<float>()[0], 0.0F);
}

}  // namespace
}  // namespace neurons
