#include "neurons/training/method.hpp"

#include <gmock/gmock.h>

#include <cmath>

#include "neurons/base/testing.hpp"
#include "neurons/training/optimizers.hpp"

namespace neurons {
namespace {

using ::testing::HasSubstr;
using testing::message_of;

TEST(Method, IsMadeFromEachRule) {
  const Method adam = Adam{.learning_rate = 0.5F};
  ASSERT_NE(adam.optimizer(), nullptr);
  EXPECT_DOUBLE_EQ(adam.optimizer()->learning_rate(), 0.5);
  EXPECT_FALSE(adam.is_full_batch());
  EXPECT_EQ(adam.lbfgs(), nullptr);

  const Method sgd = Optimizer(Sgd{});
  EXPECT_EQ(sgd.kind(), "sgd");

  const Method lbfgs = Lbfgs{.memory = 3};
  EXPECT_TRUE(lbfgs.is_full_batch());
  ASSERT_NE(lbfgs.lbfgs(), nullptr);
  EXPECT_EQ(lbfgs.lbfgs()->memory, 3);
  EXPECT_EQ(lbfgs.optimizer(), nullptr);

  const Method marquardt = LevenbergMarquardt{.bayesian = true};
  EXPECT_TRUE(marquardt.is_full_batch());
  ASSERT_NE(marquardt.levenberg_marquardt(), nullptr);
  EXPECT_TRUE(marquardt.levenberg_marquardt()->bayesian);
}

TEST(Method, TheTableHoldsOptimisersAndFullBatchMethods) {
  EXPECT_EQ(method_kinds().size(), optimizer_kinds().size() + 2);
  for (const auto& [kind, method] : method_kinds()) {
    EXPECT_EQ(method.kind(), kind);
    EXPECT_EQ(method.with(method.attributes()).attributes(), method.attributes());
    EXPECT_EQ(method.is_full_batch(), kind == "lbfgs" || kind == "levenberg_marquardt") << kind;
  }
  const Method changed = method_of_kind("adam").with({{"learning_rate", 0.25}});
  EXPECT_DOUBLE_EQ(changed.optimizer()->learning_rate(), 0.25);
  EXPECT_EQ(method_of_kind("lbfgs").with({{"memory", std::int64_t{5}}}).lbfgs()->memory, 5);
}

TEST(Method, NumbersOfARuleMustMakeSense) {
  const float nan = std::nanf("");
  EXPECT_THAT(message_of([] { Method(Adam{.beta1 = 1}); }), HasSubstr("adam: beta1 = 1 must be at least 0 and below 1"));
  EXPECT_THAT(message_of([] { Method(AdamW{.beta2 = -0.5F}); }), HasSubstr("adamw: beta2 = -0.5 must be at least 0 and below 1"));
  EXPECT_THAT(message_of([] { Method(AdamW{.weight_decay = -1}); }), HasSubstr("adamw: weight_decay = -1 must be at least 0"));
  EXPECT_THAT(message_of([] { Method(Sgd{.learning_rate = -1}); }), HasSubstr("sgd: learning_rate = -1 must be at least 0"));
  EXPECT_THAT(message_of([] { Method(Sgd{.momentum = 2}); }), HasSubstr("sgd: momentum = 2 must be at least 0 and below 1"));
  EXPECT_THAT(message_of([] { Method(Sgd{.dampening = 1.5F}); }), HasSubstr("sgd: dampening = 1.5 must be between 0 and 1"));
  EXPECT_THAT(message_of([&] { Method(RmsProp{.alpha = nan}); }), HasSubstr("rmsprop: alpha = nan must be"));
  EXPECT_THAT(message_of([] { Method(Adagrad{.epsilon = -1}); }), HasSubstr("adagrad: epsilon = -1 must be at least 0"));
  EXPECT_THAT(message_of([] { Method(Lion{.beta2 = 1}); }), HasSubstr("lion: beta2 = 1 must be"));
  for (const auto& [kind, rule] : optimizer_kinds()) EXPECT_NO_THROW(rule.with({})) << kind;
}

TEST(Method, SaysWhatIsWrong) {
  EXPECT_THAT(message_of([] { method_of_kind("adma"); }), HasSubstr("unknown optimizer \"adma\"; did you mean \"adam\"?"));
  EXPECT_THAT(message_of([] {
                method_of_kind("lbfgs").with({{"memroy", std::int64_t{5}}});
              }),
              HasSubstr("did you mean \"memory\"?"));
  EXPECT_THAT(message_of([] { Method(Lbfgs{.memory = 0}); }), HasSubstr("lbfgs: memory = 0 must be at least 1"));
  EXPECT_THAT(message_of([] { Method(Lbfgs{.gradient_tolerance = -1}); }), HasSubstr("gradient_tolerance = -1 must be at least 0"));
  EXPECT_THAT(message_of([] { Method(Lbfgs{.line_search_evaluations = 1}); }), HasSubstr("line_search_evaluations = 1"));
  EXPECT_THAT(message_of([] { Method(LevenbergMarquardt{.damping = 0}); }),
              HasSubstr("levenberg_marquardt: damping = 0 must be above 0"));
  EXPECT_THAT(message_of([] { Method(LevenbergMarquardt{.damping = std::nan("")}); }), HasSubstr("damping = nan"));
  EXPECT_THAT(message_of([] {
                method_of_kind("levenberg_marquardt").with({{"attempts", std::int64_t{0}}});
              }),
              HasSubstr("attempts = 0 must be at least 1"));
}

}  // namespace
}  // namespace neurons
