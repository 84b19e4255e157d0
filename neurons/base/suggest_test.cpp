#include "neurons/base/suggest.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace neurons {
namespace {

const std::vector<std::string> kKnown = {"relu", "leaky_relu", "selu", "sigmoid", "softmax", "learning_rate", "lr"};

TEST(NearestName, FindsMissingAddedSwappedAndWrongLetters) {
  EXPECT_EQ(nearest_name("rellu", kKnown), "relu");
  EXPECT_EQ(nearest_name("sigmod", kKnown), "sigmoid");
  EXPECT_EQ(nearest_name("sofmtax", kKnown), "softmax");
  EXPECT_EQ(nearest_name("learning_rage", kKnown), "learning_rate");
  EXPECT_EQ(nearest_name("learnin_rat", kKnown), "learning_rate");
  EXPECT_EQ(nearest_name("relu", kKnown), "relu");
}

TEST(NearestName, DoesNotMindCase) {
  EXPECT_EQ(nearest_name("ReLU", kKnown), "relu");
  EXPECT_EQ(nearest_name("SOFTMAX", kKnown), "softmax");
}

TEST(NearestName, PrefersNamesThatBeginAlike) {
  EXPECT_EQ(nearest_name("rate", std::vector<std::string>{"name", "ratio"}), "ratio");
  EXPECT_EQ(nearest_name("name", std::vector<std::string>{"name", "nam"}), "name");
}

TEST(NearestName, KnowsBeginningsAndInitials) {
  const std::vector<std::string> known = {"units", "activation", "learning_rate", "early_stopping"};
  EXPECT_EQ(nearest_name("act", known), "activation");
  EXPECT_EQ(nearest_name("early_stop", known), "early_stopping");
  EXPECT_EQ(nearest_name("lr", known), "learning_rate");
  EXPECT_EQ(nearest_name("a", known), "");
}

TEST(NearestName, PrefersTheFirstOfEquallyNear) {
  const std::vector<std::string> known = {"beta1", "beta2"};
  EXPECT_EQ(nearest_name("beta", known), "beta1");
}

TEST(NearestName, SuggestsNothingThatIsFar) {
  EXPECT_EQ(nearest_name("convolution", kKnown), "");
  EXPECT_EQ(nearest_name("", kKnown), "");
  EXPECT_EQ(nearest_name("relu", {}), "");
}

TEST(NearestName, SuggestsNothingWithoutALetterInCommon) { EXPECT_EQ(nearest_name("ab", kKnown), ""); }

TEST(DidYouMean, IsTheEndOfASentence) {
  EXPECT_EQ(did_you_mean("rellu", kKnown), "; did you mean \"relu\"?");
  EXPECT_EQ(did_you_mean("convolution", kKnown), "");
}

TEST(NearestOrAll, NamesThemAllWhereNoneIsNearAndTheyAreFew) {
  const std::vector<std::string> few = {"adam", "sgd"};
  EXPECT_EQ(nearest_or_all("adan", few), "; did you mean \"adam\"?");
  EXPECT_EQ(nearest_or_all("momentum", few), "; known are adam, sgd");
  EXPECT_EQ(nearest_or_all("momentum", {}), "");
  EXPECT_EQ(nearest_or_all("momentum", std::vector<std::string>(25, "x")), "");
}

}  // namespace
}  // namespace neurons
