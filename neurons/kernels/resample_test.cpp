#include "neurons/kernels/resample.hpp"

#include "neurons/base/random.hpp"
#include "neurons/kernels/kernel_testing.hpp"

namespace neurons::kernels {
namespace {

using testing::for_each_target;

/// Sums of 0 to 3 terms, some of one with weight 1.
AxisSums random_axis(RandomStream& random, std::int64_t sources, std::int64_t results) {
  AxisSums axis{sources, {0}, {}, {}};
  for (std::int64_t i = 0; i < results; ++i) {
    const auto terms = random.below(4);
    for (std::uint64_t t = 0; t < terms; ++t) {
      axis.source.push_back(static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(sources))));
      axis.weight.push_back(terms == 1 ? 1.0F : static_cast<float>(random.normal()));
    }
    axis.begin.push_back(axis.source.size());
  }
  return axis;
}

/// One result, term by term in double precision.
double result_at(const Resample& call, const std::vector<std::int64_t>& place, std::int64_t outer, std::int64_t channel) {
  double sum = 0;
  bool some = true;
  std::vector<std::size_t> term(place.size(), 0);
  for (std::size_t a = 0; a < place.size(); ++a) {
    term[a] = call.axes[a].begin[static_cast<std::size_t>(place[a])];
    some = some && term[a] < call.axes[a].begin[static_cast<std::size_t>(place[a]) + 1];
  }
  if (!some) return static_cast<double>(call.empty);
  while (true) {
    double weight = 1;
    std::int64_t at = outer;
    for (std::size_t a = 0; a < place.size(); ++a) {
      weight *= static_cast<double>(call.axes[a].weight[term[a]]);
      at = at * call.axes[a].sources + call.axes[a].source[term[a]];
    }
    sum += weight * static_cast<double>(call.x[at * call.inner + channel]);
    std::size_t axis = place.size();
    while (axis-- > 0) {
      if (++term[axis] < call.axes[axis].begin[static_cast<std::size_t>(place[axis]) + 1]) break;
      term[axis] = call.axes[axis].begin[static_cast<std::size_t>(place[axis])];
      if (axis == 0) return sum;
    }
  }
}

TEST(Resample, SumsTheProductsOfAllAxesOnEveryTarget) {
  for_each_target([] {
    RandomStream random(5);
    for (const std::int64_t inner : {1, 3, 16, 37, 70}) {
      for (const std::size_t axes : {1UL, 2UL, 3UL}) {
        Resample call;
        call.outer = 2;
        call.inner = inner;
        call.empty = -3.5F;
        std::int64_t from = call.outer * inner;
        std::int64_t to = call.outer;
        for (std::size_t a = 0; a < axes; ++a) {
          call.axes.push_back(random_axis(random, 4 + static_cast<std::int64_t>(a), 6 - static_cast<std::int64_t>(a)));
          from *= call.axes.back().sources;
          to *= call.axes.back().results();
        }
        std::vector<float> x(static_cast<std::size_t>(from));
        for (float& value : x) value = static_cast<float>(random.normal());
        std::vector<float> y(static_cast<std::size_t>(to * inner) + 1, -7.0F);
        call.x = x.data();
        call.y = y.data();
        std::vector<std::byte> scratch(call.scratch_bytes());
        for (const int worker : {0, 1}) resample(call, scratch.data(), {worker, 2});
        EXPECT_EQ(y.back(), -7.0F) << "nothing is written behind the end";
        for (std::int64_t pixel = 0; pixel < to; ++pixel) {
          std::vector<std::int64_t> place(axes);
          std::int64_t rest = pixel;
          for (std::size_t a = axes; a-- > 0; rest /= call.axes[a].results()) place[a] = rest % call.axes[a].results();
          for (std::int64_t channel = 0; channel < inner; ++channel) {
            const double expected = result_at(call, place, rest, channel);
            ASSERT_NEAR(static_cast<double>(y[static_cast<std::size_t>(pixel * inner + channel)]), expected, 1e-5) << pixel;
          }
        }
      }
    }
  });
}

}  // namespace
}  // namespace neurons::kernels
