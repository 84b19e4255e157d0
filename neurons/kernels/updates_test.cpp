// The optimisers' updates over several steps, in place, against plain loops in double.
#include "neurons/kernels/updates.hpp"

#include <functional>
#include <string>

#include "neurons/kernels/kernel_testing.hpp"

namespace neurons::kernels {
namespace {

using testing::for_each_target;
using testing::stream;
using testing::varied_values;

/// The rule for one element: g, w and states (changed in place), scalars of the step.
using Rule = std::function<void(double g, double& w, double* states, const float* scalars)>;

struct Case {
  std::string name;
  TileFunction function;
  const void* options;
  int states;
  std::vector<std::vector<float>> scalars;  ///< per step
  Rule rule;
};

double d(float value) { return static_cast<double>(value); }

const MomentumOptions kHeavyBall{0.9F, false};
const MomentumOptions kNesterov{0.8F, true};
const AdamOptions kAdam;
const RmsPropOptions kRmsProp;
const AdagradOptions kAdagrad;
const LionOptions kLion;

std::vector<Case> cases() {
  const std::vector<std::vector<float>> rates(8, {0.01F});
  const std::vector<std::vector<float>> damped(8, {0.01F, 0.9F});
  std::vector<std::vector<float>> adam_scalars;
  for (int t = 1; t <= 8; ++t) {
    adam_scalars.push_back({static_cast<float>(0.01 / (1 - std::pow(d(kAdam.beta1), t))),
                            static_cast<float>(std::sqrt(1 - std::pow(d(kAdam.beta2), t))), t % 2 == 0 ? 0.001F : 0.0F});
  }
  const auto momentum = [](const MomentumOptions& options) -> Rule {
    return [options](double g, double& w, double* v, const float* scalars) {
      v[0] = d(options.momentum) * v[0] + d(scalars[1]) * g;
      w -= d(scalars[0]) * (options.nesterov ? g + d(options.momentum) * v[0] : v[0]);
    };
  };
  return {
      {"sgd", sgd_update, nullptr, 0, rates, [](double g, double& w, double*, const float* scalars) { w -= d(scalars[0]) * g; }},
      {"momentum", momentum_update, &kHeavyBall, 1, damped, momentum(kHeavyBall)},
      {"nesterov", momentum_update, &kNesterov, 1, damped, momentum(kNesterov)},
      {"adam", adam_update, &kAdam, 2, adam_scalars,
       [](double g, double& w, double* state, const float* scalars) {
         state[0] = d(kAdam.beta1) * state[0] + d(1.0F - kAdam.beta1) * g;
         state[1] = d(kAdam.beta2) * state[1] + d(1.0F - kAdam.beta2) * g * g;
         w = w * (1 - d(scalars[2])) - d(scalars[0]) * state[0] / (std::sqrt(state[1]) / d(scalars[1]) + d(kAdam.epsilon));
       }},
      {"rmsprop", rmsprop_update, &kRmsProp, 1, rates,
       [](double g, double& w, double* s, const float* scalars) {
         s[0] = d(kRmsProp.alpha) * s[0] + d(1.0F - kRmsProp.alpha) * g * g;
         w -= d(scalars[0]) * g / (std::sqrt(s[0]) + d(kRmsProp.epsilon));
       }},
      {"adagrad", adagrad_update, &kAdagrad, 1, rates,
       [](double g, double& w, double* s, const float* scalars) {
         s[0] += g * g;
         w -= d(scalars[0]) * g / (std::sqrt(s[0]) + d(kAdagrad.epsilon));
       }},
      {"lion", lion_update, &kLion, 1, std::vector<std::vector<float>>(8, {0.01F, 0.001F}),
       [](double g, double& w, double* m, const float* scalars) {
         const double c = d(kLion.beta1) * m[0] + d(1.0F - kLion.beta1) * g;
         w = w * (1 - d(scalars[1])) - d(scalars[0]) * (c > 0 ? 1 : c < 0 ? -1 : 0);
         m[0] = d(kLion.beta2) * m[0] + d(1.0F - kLion.beta2) * g;
       }},
  };
}

/// One tile of [begin, end), outputs in place of the inputs.
void run(const Case& test, const std::vector<float>& g, std::vector<std::vector<float>>& values, std::size_t step,
         std::size_t begin, std::size_t end) {
  Tile tile;
  tile.rows = 1;
  tile.columns = static_cast<std::int64_t>(end - begin);
  tile.options = test.options;
  Stream* next = tile.streams;
  *next++ = stream(g.data() + begin, 0, 1);
  for (const auto& value : values) *next++ = stream(value.data() + begin, 0, 1);
  for (const float& scalar : test.scalars[step]) *next++ = stream(&scalar, 0, 0);
  for (const auto& value : values) *next++ = stream(value.data() + begin, 0, 1);
  test.function(tile);
}

constexpr std::size_t kCount = 113;
constexpr std::size_t kPadding = 5;  // g = w = state = 0 stays 0

TEST(Updates, FollowTheirRulesOverStepsForAnyCut) {
  for_each_target([] {
    for (const auto& test : cases()) {
      auto w = varied_values(kCount, 1);
      for (std::size_t i = kCount - kPadding; i < kCount; ++i) w[i] = 0.0F;
      std::vector<std::vector<float>> values{w};
      values.resize(static_cast<std::size_t>(test.states) + 1, std::vector<float>(kCount, 0.0F));
      auto cut = values;
      std::vector<double> exact_w(w.begin(), w.end());
      std::vector<double> exact_states(kCount * 2, 0.0);
      for (std::size_t step = 0; step < test.scalars.size(); ++step) {
        auto g = varied_values(kCount, 100 + step);
        for (std::size_t i = kCount - kPadding; i < kCount; ++i) g[i] = 0.0F;
        run(test, g, values, step, 0, kCount);
        for (std::size_t begin = 0; begin < kCount; begin += 11) run(test, g, cut, step, begin, std::min(begin + 11, kCount));
        for (std::size_t i = 0; i < kCount; ++i) test.rule(d(g[i]), exact_w[i], &exact_states[2 * i], test.scalars[step].data());
      }
      for (std::size_t i = 0; i < kCount; ++i) {
        EXPECT_NEAR(d(values[0][i]), exact_w[i], 2e-6 * (1.0 + std::abs(exact_w[i]))) << test.name;
        for (std::size_t s = 1; s < values.size(); ++s) {
          const double exact = exact_states[2 * i + s - 1];
          EXPECT_NEAR(d(values[s][i]), exact, 1e-5 * (0.1 + std::abs(exact))) << test.name;
        }
        if (i >= kCount - kPadding) {
          for (const auto& value : values) EXPECT_EQ(value[i], 0.0F) << test.name;
        }
      }
      for (std::size_t s = 0; s < values.size(); ++s) EXPECT_TRUE(testing::same_bits(values[s], cut[s])) << test.name;
    }
  });
}

TEST(Updates, LetABrokenGradientShow) {
  for_each_target([] {
    for (const auto& test : cases()) {
      std::vector<std::vector<float>> values(static_cast<std::size_t>(test.states) + 1, std::vector<float>(1, 1.0F));
      run(test, {NAN}, values, 0, 0, 1);
      EXPECT_TRUE(std::isnan(values[0][0])) << test.name;
    }
  });
}

}  // namespace
}  // namespace neurons::kernels
