// Softmax, cross-entropy, reductions and gathering against formulas in double, for every worker split.
#include "neurons/kernels/rows.hpp"

#include <algorithm>
#include <map>
#include <numeric>

#include "neurons/kernels/kernel_testing.hpp"

namespace neurons::kernels {
namespace {

using testing::for_each_target;
using testing::same_bits;
using testing::varied_values;

double d(float value) { return static_cast<double>(value); }

struct Extents {
  std::int64_t outer, axis, inner;
  std::size_t elements() const { return static_cast<std::size_t>(outer * axis * inner); }
};
std::ostream& operator<<(std::ostream& out, const Extents& e) { return out << e.outer << "×" << e.axis << "×" << e.inner; }

const std::vector<Extents> kExtents = {{1, 1, 1},    {5, 1, 1}, {32, 3, 1}, {37, 10, 1}, {3, 32, 1},  {3, 33, 1},
                                       {2, 1000, 1}, {4, 7, 5}, {2, 5, 16}, {1, 40, 37}, {3, 2, 100}, {0, 4, 1},
                                       {4, 0, 1},    {4, 0, 3}, {2, 3, 0},  {19, 2, 1},  {16, 4, 1},  {17, 17, 1}};

/// Calls run(worker) for one worker and for three; both must write the same bits to y.
template <class Run>
void expect_same_for_any_split(std::vector<float>& y, const Run& run) {
  std::fill(y.begin(), y.end(), NAN);
  run(Worker{0, 1});
  const auto whole = y;
  std::fill(y.begin(), y.end(), NAN);
  for (int index = 2; index >= 0; --index) run(Worker{index, 3});
  EXPECT_TRUE(same_bits(y, whole));
}

/// Offsets of the elements of one row along the axis.
template <class Body>
void for_each_row(const Extents& e, const Body& body) {
  for (std::int64_t o = 0; o < e.outer; ++o) {
    for (std::int64_t i = 0; i < e.inner; ++i) {
      std::vector<std::size_t> at;
      for (std::int64_t a = 0; a < e.axis; ++a) at.push_back(static_cast<std::size_t>((o * e.axis + a) * e.inner + i));
      body(at);
    }
  }
}

TEST(Softmax, AgreesWithTheFormulasAndTheirGradients) {
  for_each_target([] {
    for (const auto& e : kExtents) {
      SCOPED_TRACE(::testing::PrintToString(e));
      const auto x = varied_values(e.elements(), 1);
      const auto dy = varied_values(e.elements(), 2);
      std::vector<float> y(x.size()), logs(x.size()), dx(x.size()), dlogs(x.size());
      expect_same_for_any_split(y, [&](Worker worker) { softmax(e.outer, e.axis, e.inner, x.data(), y.data(), worker); });
      expect_same_for_any_split(logs, [&](Worker worker) { log_softmax(e.outer, e.axis, e.inner, x.data(), logs.data(), worker); });
      expect_same_for_any_split(
          dx, [&](Worker worker) { softmax_gradient(e.outer, e.axis, e.inner, dy.data(), y.data(), dx.data(), worker); });
      expect_same_for_any_split(dlogs, [&](Worker worker) {
        log_softmax_gradient(e.outer, e.axis, e.inner, dy.data(), logs.data(), dlogs.data(), worker);
      });
      for_each_row(e, [&](const std::vector<std::size_t>& at) {
        double maximum = -HUGE_VAL, sum = 0.0, dot = 0.0, total = 0.0, size = 0.0;
        for (const auto i : at) maximum = std::max(maximum, d(x[i]));
        for (const auto i : at) sum += std::exp(d(x[i]) - maximum);
        for (const auto i : at) {
          dot += d(dy[i]) * std::exp(d(x[i]) - maximum) / sum;
          total += d(dy[i]);
          size += std::abs(d(dy[i]));
        }
        for (const auto i : at) {
          const double p = std::exp(d(x[i]) - maximum) / sum;
          const double relative = 1e-6 + 1e-7 * (maximum - d(x[i]));  // the rounding of x - maximum
          EXPECT_NEAR(d(y[i]), p, relative * p + 1e-37);
          EXPECT_NEAR(d(logs[i]), std::log(p), 2e-7 * (1 + std::abs(d(x[i]) - maximum)) + 1e-6);
          EXPECT_NEAR(d(dx[i]), p * (d(dy[i]) - dot), (2 * relative * p + 1e-37) * (size + 1));
          EXPECT_NEAR(d(dlogs[i]), d(dy[i]) - p * total, 3e-5 * p * (size + 1) + 1e-6 * (1 + std::abs(d(dy[i]))));
        }
      });
      // In place.
      auto again = x;
      softmax(e.outer, e.axis, e.inner, again.data(), again.data(), {0, 1});
      EXPECT_TRUE(same_bits(again, y));
    }
  });
}

TEST(Softmax, KeepsToTheFormulaAtTheLimits) {
  for_each_target([] {
    for (const std::int64_t axis : {3, 40}) {
      const auto run = [&](std::vector<float> x) {
        x.resize(static_cast<std::size_t>(axis), -HUGE_VALF);
        std::vector<float> y(x.size());
        softmax(1, axis, 1, x.data(), y.data(), {0, 1});
        return y;
      };
      EXPECT_TRUE(std::isnan(run({})[0]));
      EXPECT_TRUE(std::isnan(run({1.0F, NAN, 2.0F})[0]));
      EXPECT_EQ(run({3e38F, -3e38F, 0.0F})[0], 1.0F);
      EXPECT_EQ(run({3e38F, -3e38F, 0.0F})[1], 0.0F);
      EXPECT_EQ(run({-3e38F})[0], 1.0F);
      EXPECT_EQ(run({1.0F, 1.0F})[1], 0.5F);
    }
  });
}

struct CrossEntropyData {
  CrossEntropyCall call;
  std::vector<float> logits, weights, losses, row_weights, probabilities, upstream;
  std::vector<std::int64_t> labels;

  CrossEntropyData(std::int64_t rows, std::int64_t classes, bool weighted, float smoothing) {
    const auto count = static_cast<std::size_t>(rows);
    logits = varied_values(static_cast<std::size_t>(rows * classes), 1);
    upstream = varied_values(count, 3);
    losses.resize(count);
    row_weights.resize(count);
    probabilities.resize(logits.size());
    RandomStream random(4);
    for (std::int64_t c = 0; c < classes; ++c) weights.push_back(static_cast<float>(random.uniform(0.0, 2.0)));
    for (std::int64_t r = 0; r < rows; ++r) {
      labels.push_back(r % 5 == 4 || classes == 0 ? -100
                                                  : static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(classes))));
    }
    call.rows = rows;
    call.classes = classes;
    call.logits = logits.data();
    call.labels = labels.data();
    call.class_weights = weighted ? weights.data() : nullptr;
    call.smoothing = smoothing;
    call.losses = losses.data();
    call.row_weights = row_weights.data();
    call.probabilities = probabilities.data();
  }
  double weight(std::int64_t c) const { return call.class_weights == nullptr ? 1.0 : d(weights[static_cast<std::size_t>(c)]); }
};

TEST(CrossEntropy, FollowsPyTorchsDefinition) {
  for_each_target([] {
    for (const std::int64_t classes : {1, 2, 3, 10, 32, 33, 100}) {
      for (const std::int64_t rows : {0, 1, 16, 37}) {
        for (const bool weighted : {false, true}) {
          for (const float smoothing : {0.0F, 0.1F}) {
            SCOPED_TRACE(::testing::Message() << rows << "×" << classes << " weighted " << weighted << " smoothing " << smoothing);
            CrossEntropyData data(rows, classes, weighted, smoothing);
            std::vector<float> gradient(data.logits.size());
            expect_same_for_any_split(data.losses, [&](Worker worker) { cross_entropy(data.call, worker); });
            expect_same_for_any_split(gradient, [&](Worker worker) {
              cross_entropy_gradient(data.call, data.upstream.data(), 1, gradient.data(), worker);
            });
            for (std::int64_t r = 0; r < rows; ++r) {
              const auto row = static_cast<std::size_t>(r);
              const std::int64_t label = data.labels[row];
              const float* x = data.logits.data() + r * classes;
              const double maximum = d(*std::max_element(x, x + classes));
              double sum = 0.0, all_weights = 0.0, smooth = 0.0;
              for (std::int64_t c = 0; c < classes; ++c) {
                sum += std::exp(d(x[c]) - maximum);
                all_weights += data.weight(c);
              }
              const double log_sum = maximum + std::log(sum);
              for (std::int64_t c = 0; c < classes; ++c) smooth += data.weight(c) * (log_sum - d(x[c]));
              const bool ignored = label == -100;
              const double own = ignored ? 0.0 : data.weight(label);
              const double share = d(smoothing) / static_cast<double>(classes);
              const double loss = ignored ? 0.0 : (1 - d(smoothing)) * own * (log_sum - d(x[label])) + share * smooth;
              EXPECT_EQ(data.row_weights[row], static_cast<float>(own));
              EXPECT_NEAR(d(data.losses[row]), loss, 1e-6 * (1 + std::abs(loss)) + 2e-7 * std::abs(maximum));
              for (std::int64_t c = 0; c < classes; ++c) {
                const double p = std::exp(d(x[c]) - log_sum);
                const auto at = static_cast<std::size_t>(r * classes + c);
                EXPECT_NEAR(d(data.probabilities[at]), p, (1e-6 + 1e-7 * (maximum - d(x[c]))) * p + 1e-37);
                const double slope = ignored ? 0.0
                                             : p * ((1 - d(smoothing)) * own + share * all_weights) - share * data.weight(c) -
                                                   (c == label ? (1 - d(smoothing)) * own : 0.0);
                EXPECT_NEAR(d(gradient[at]), d(data.upstream[row]) * slope, 2e-6 * std::abs(d(data.upstream[row])));
              }
            }
          }
        }
      }
    }
  });
}

// A row's NaN and infinities are its own; a class that cannot be costs its label infinitely.
TEST(CrossEntropy, OfSpecialValues) {
  for_each_target([] {
    for (const std::int64_t classes : {1, 2, 3, 10, 33}) {
      SCOPED_TRACE(::testing::Message() << classes << " classes");
      CrossEntropyData plain(37, classes, false, 0.0F);
      cross_entropy(plain.call, {0, 1});
      CrossEntropyData data(37, classes, false, 0.0F);
      const auto first_of = [&](std::int64_t row) { return static_cast<std::size_t>(row * classes); };
      const auto set_row = [&](std::int64_t row, float first) {
        data.labels[static_cast<std::size_t>(row)] = 0;
        data.logits[first_of(row)] = first;
      };
      set_row(2, NAN);
      set_row(11, HUGE_VALF);
      set_row(20, -HUGE_VALF);
      set_row(36, 1e38F);
      data.labels[30] = classes;  // no class
      std::vector<float> gradient(data.logits.size());
      cross_entropy(data.call, {0, 1});
      cross_entropy_gradient(data.call, data.upstream.data(), 1, gradient.data(), {0, 1});
      for (std::int64_t r = 0; r < 37; ++r) {
        const float loss = data.losses[static_cast<std::size_t>(r)];
        if (r == 2 || r == 11 || r == 30) {
          EXPECT_TRUE(std::isnan(loss)) << "row " << r;
        } else if (r == 20) {
          EXPECT_TRUE(classes == 1 ? std::isnan(loss) : std::isinf(loss) && loss > 0) << loss;
        } else if (r == 36) {
          EXPECT_EQ(loss, 0.0F);
        } else {
          EXPECT_EQ(loss, plain.losses[static_cast<std::size_t>(r)]) << "row " << r;
        }
        const bool is_number = r != 2 && r != 11 && (r != 20 || classes > 1);
        EXPECT_EQ(std::isnan(gradient[first_of(r)]), !is_number) << "row " << r;
        if (r == 30) {
          EXPECT_EQ(gradient[first_of(r)], 0.0F);
        }
      }
    }
  });
}

TEST(CrossEntropy, WorksWithoutTheOptionalOutputsAndInPlace) {
  for_each_target([] {
    for (const std::int64_t classes : {3, 40}) {
      CrossEntropyData data(21, classes, false, 0.0F);
      cross_entropy(data.call, {0, 1});
      const auto losses = data.losses;
      auto bare = data.call;
      bare.row_weights = nullptr;
      bare.probabilities = nullptr;
      cross_entropy(bare, {0, 1});
      EXPECT_TRUE(same_bits(data.losses, losses));

      const auto probabilities = data.probabilities;
      auto in_place = data.call;
      in_place.probabilities = data.logits.data();
      cross_entropy(in_place, {0, 1});
      EXPECT_TRUE(same_bits(data.losses, losses));
      EXPECT_TRUE(same_bits(data.logits, probabilities));

      std::vector<float> scalar(probabilities.size()), expected(probabilities.size());
      const float upstream = 0.25F;
      cross_entropy_gradient(data.call, &upstream, 0, scalar.data(), {0, 1});
      const std::vector<float> repeated(21, upstream);
      cross_entropy_gradient(data.call, repeated.data(), 1, expected.data(), {0, 1});
      EXPECT_TRUE(same_bits(scalar, expected));
    }
  });
}

TEST(CrossEntropy, GivesNaNAndNoGradientForLabelsThatAreNoClass) {
  for_each_target([] {
    for (const std::int64_t classes : {3, 40}) {
      CrossEntropyData data(21, classes, true, 0.1F);
      std::vector<float> gradient(data.logits.size());
      const auto run = [&](Worker worker) { cross_entropy(data.call, worker); };
      const auto run_gradient = [&](Worker worker) {
        cross_entropy_gradient(data.call, data.upstream.data(), 1, gradient.data(), worker);
      };
      expect_same_for_any_split(data.losses, run);
      expect_same_for_any_split(gradient, run_gradient);
      const auto losses = data.losses;
      const auto gradients = gradient;
      const std::int64_t far = std::int64_t{1} << 32;  // whose low half is a class
      const std::map<std::size_t, std::int64_t> unknown = {{0, -1}, {5, classes}, {6, far}, {17, far + 1}, {20, -far}};
      for (const auto& [row, label] : unknown) data.labels[row] = label;
      expect_same_for_any_split(data.losses, run);
      expect_same_for_any_split(gradient, run_gradient);
      for (std::size_t row = 0; row < losses.size(); ++row) {
        const bool is_known = !unknown.contains(row);
        if (is_known) {
          EXPECT_EQ(data.losses[row], losses[row]);
        } else {
          EXPECT_TRUE(std::isnan(data.losses[row]));
          EXPECT_EQ(data.row_weights[row], 0.0F);
        }
        for (std::size_t c = 0; c < static_cast<std::size_t>(classes); ++c) {
          const std::size_t at = row * static_cast<std::size_t>(classes) + c;
          EXPECT_EQ(gradient[at], is_known ? gradients[at] : 0.0F);
        }
      }
    }
    CrossEntropyData none(2, 0, false, 0.1F);
    none.labels = {0, -100};
    none.call.labels = none.labels.data();
    cross_entropy(none.call, {0, 1});
    EXPECT_TRUE(std::isnan(none.losses[0]));
    EXPECT_EQ(none.losses[1], 0.0F);
  });
}

TEST(CrossEntropy, CanIgnoreAClass) {
  for_each_target([] {
    for (const std::int64_t classes : {3, 40}) {
      CrossEntropyData data(21, classes, false, 0.0F);
      std::fill(data.logits.begin(), data.logits.end(), 0.5F);
      std::fill(data.labels.begin(), data.labels.end(), 1);
      data.labels[19] = 2;
      data.call.ignore_index = 1;
      std::vector<float> gradient(data.logits.size(), NAN);
      cross_entropy(data.call, {0, 1});
      cross_entropy_gradient(data.call, data.upstream.data(), 1, gradient.data(), {0, 1});
      for (std::size_t row = 0; row < data.losses.size(); ++row) {
        EXPECT_EQ(data.losses[row] != 0.0F, row == 19);
        EXPECT_EQ(data.row_weights[row], row == 19 ? 1.0F : 0.0F);
        EXPECT_EQ(gradient[row * static_cast<std::size_t>(classes)] != 0.0F, row == 19);
      }
    }
  });
}

TEST(CrossEntropy, StaysFiniteForHugeLogitsAndShowsNaN) {
  for_each_target([] {
    const std::vector<float> logits = {1e30F, 0.0F, -1e30F, -50.0F, 60.0F, 0.0F, NAN, 0.0F, 0.0F, NAN, 1.0F, 2.0F};
    const std::vector<std::int64_t> labels = {0, 0, 1, -100};
    std::vector<float> losses(4);
    CrossEntropyCall call;
    call.rows = 4;
    call.classes = 3;
    call.logits = logits.data();
    call.labels = labels.data();
    call.losses = losses.data();
    cross_entropy(call, {0, 1});
    EXPECT_EQ(losses[0], 0.0F);
    EXPECT_FLOAT_EQ(losses[1], 110.0F);
    EXPECT_TRUE(std::isnan(losses[2]));
    EXPECT_EQ(losses[3], 0.0F);
  });
}

double reduced(Reduction reduction, const std::vector<double>& values) {
  double sum = 0.0, product = 1.0, squares = 0.0, absolutes = 0.0, maximum = -HUGE_VAL, minimum = HUGE_VAL;
  for (const double value : values) {
    sum += value;
    product *= value;
    squares += value * value;
    absolutes += std::abs(value);
    maximum = std::isnan(value) || std::isnan(maximum) ? NAN : std::max(maximum, value);
    minimum = std::isnan(value) || std::isnan(minimum) ? NAN : std::min(minimum, value);
  }
  switch (reduction) {
    case Reduction::sum:
      return sum;
    case Reduction::mean:
      return sum / static_cast<double>(values.size());
    case Reduction::maximum:
      return maximum;
    case Reduction::minimum:
      return minimum;
    case Reduction::product:
      return product;
    case Reduction::sum_of_squares:
      return squares;
    case Reduction::sum_of_absolutes:
      return absolutes;
  }
  return NAN;
}

TEST(Reduce, AgreesWithPlainLoops) {
  for_each_target([] {
    for (const auto reduction : {Reduction::sum, Reduction::mean, Reduction::maximum, Reduction::minimum, Reduction::product,
                                 Reduction::sum_of_squares, Reduction::sum_of_absolutes}) {
      for (const bool with_nan : {false, true}) {
        for (const auto& e : kExtents) {
          SCOPED_TRACE(::testing::Message() << e << " reduction " << static_cast<int>(reduction));
          auto x = varied_values(e.elements(), 1);
          if (reduction == Reduction::product) {
            for (auto& value : x) value = 1.0F + value * 1e-3F;
          }
          if (with_nan && !x.empty()) x[x.size() / 2] = NAN;
          std::vector<float> y(static_cast<std::size_t>(e.outer * e.inner));
          expect_same_for_any_split(
              y, [&](Worker worker) { reduce(reduction, e.outer, e.axis, e.inner, x.data(), y.data(), worker); });
          std::size_t output = 0;
          for_each_row(e, [&](const std::vector<std::size_t>& at) {
            std::vector<double> values;
            double size = 1.0;
            for (const auto i : at) {
              values.push_back(d(x[i]));
              size += reduction == Reduction::sum_of_squares ? d(x[i]) * d(x[i]) : std::abs(d(x[i]));
            }
            const double expected = reduced(reduction, values);
            const bool exact = reduction == Reduction::maximum || reduction == Reduction::minimum;
            const double tolerance = exact ? 0.0 : reduction == Reduction::product ? 1e-4 * std::abs(expected) : 1e-6 * size;
            EXPECT_TRUE(testing::is_near(y[output++], expected, {0, tolerance})) << expected;
          });
        }
      }
    }
  });
}

// A sum of many equal numbers, where adding one after the other would lose a percent.
TEST(Reduce, SumsMillionsAccurately) {
  for_each_target([] {
    const std::vector<float> x(4'000'000, 0.1F);
    float sum = 0.0F;
    reduce(Reduction::sum, 1, static_cast<std::int64_t>(x.size()), 1, x.data(), &sum, {0, 1});
    EXPECT_NEAR(d(sum), 4e6 * d(0.1F), 4.0);
    std::vector<float> sums(2);
    reduce(Reduction::sum, 1, static_cast<std::int64_t>(x.size() / 2), 2, x.data(), sums.data(), {0, 1});
    EXPECT_NEAR(d(sums[1]), 2e6 * d(0.1F), 4.0);
  });
}

TEST(Argmax, FindsTheFirstOfTheLargestAndNaN) {
  for_each_target([] {
    for (const std::int64_t columns : {1, 3, 10, 16, 33, 100}) {
      const std::int64_t rows = 40;
      auto x = varied_values(static_cast<std::size_t>(rows * columns), 6);
      for (auto& value : x) value = std::round(value);  // equals occur
      for (std::int64_t c = 0; c < columns; ++c) x[static_cast<std::size_t>(c)] = -HUGE_VALF;
      if (columns > 2) {
        x[static_cast<std::size_t>(columns)] = HUGE_VALF;
        x[static_cast<std::size_t>(columns) + 1] = NAN;
        x[static_cast<std::size_t>(columns) + 2] = NAN;
      }
      std::vector<std::int64_t> indices(static_cast<std::size_t>(rows), -1);
      for (int index = 0; index < 3; ++index) argmax(rows, columns, x.data(), indices.data(), {index, 3});
      for (std::int64_t r = 0; r < rows; ++r) {
        std::int64_t best = 0;
        const float* row = x.data() + r * columns;
        for (std::int64_t c = 1; c < columns; ++c) {
          if (row[c] > row[best] || (std::isnan(row[c]) && !std::isnan(row[best]))) best = c;
        }
        EXPECT_EQ(indices[static_cast<std::size_t>(r)], best) << columns << " row " << r;
      }
    }
  });
}

TEST(GatherRows, CopiesRowsOfAnyWidth) {
  std::vector<std::byte> x(70);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<std::byte>(i);
  const std::vector<std::int64_t> indices = {9, 0, 3, 3, 8};
  for (const std::int64_t width : {0, 1, 7}) {
    std::vector<std::byte> y(indices.size() * 7, std::byte{255});
    for (int index = 0; index < 2; ++index) gather_rows(5, width, x.data(), indices.data(), y.data(), {index, 2});
    for (std::size_t i = 0; i < y.size(); ++i) {
      const auto w = static_cast<std::size_t>(width);
      const std::byte expected =
          i < 5 * w ? static_cast<std::byte>(static_cast<std::size_t>(indices[i / w]) * w + i % w) : std::byte{255};
      EXPECT_EQ(y[i], expected) << width << " " << i;
    }
  }
}

}  // namespace
}  // namespace neurons::kernels
