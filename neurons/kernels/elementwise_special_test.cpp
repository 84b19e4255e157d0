// Elementwise functions that the common tests cannot know: scalar exponents, three inputs, bytes and booleans.
#include "neurons/kernels/elementwise.hpp"
#include "neurons/kernels/kernel_testing.hpp"

namespace neurons::kernels {
namespace {

using testing::for_each_target;
using testing::is_near;
using testing::special_values;
using testing::stream;
using testing::varied_values;

// Scalar exponents have formulas of their own.
TEST(ElementwiseSpecial, RaisesToScalarPowers) {
  for_each_target([] {
    auto x = special_values();
    for (const float value : varied_values(101, 4)) x.push_back(value);
    for (const float exponent : {2.0F, 3.0F, 0.5F, -1.0F, 1.5F, 0.0F, -2.0F}) {
      std::vector<float> y(x.size());
      Tile tile;
      tile.rows = 1;
      tile.columns = static_cast<std::int64_t>(x.size());
      tile.streams[0] = stream(x.data(), 0, 1);
      tile.streams[1] = stream(&exponent, 0, 0);
      tile.streams[2] = stream(y.data(), 0, 1);
      power(tile);
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double expected = std::pow(static_cast<double>(x[i]), static_cast<double>(exponent));
        EXPECT_TRUE(is_near(y[i], expected, {2})) << x[i] << "^" << exponent << " = " << y[i] << ", expected " << expected;
      }
    }
  });
}

TEST(ElementwiseSpecial, ClipsAndKeepsNaN) {
  for_each_target([] {
    const auto x = special_values();
    const float low = -1.0F;
    const float high = 2.5F;
    std::vector<float> y(x.size());
    Tile tile;
    tile.rows = 1;
    tile.columns = static_cast<std::int64_t>(x.size());
    tile.streams[0] = stream(x.data(), 0, 1);
    tile.streams[1] = stream(&low, 0, 0);
    tile.streams[2] = stream(&high, 0, 0);
    tile.streams[3] = stream(y.data(), 0, 1);
    clip(tile);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double expected = std::isnan(x[i]) ? NAN : static_cast<double>(std::clamp(x[i], low, high));
      EXPECT_TRUE(is_near(y[i], expected, {})) << x[i];
    }
  });
}

TEST(ElementwiseSpecial, ComparesSelectsAndConverts) {
  struct Comparison {
    TileFunction function;
    bool (*formula)(float, float);
  };
  const Comparison comparisons[] = {
      {equal, [](float a, float b) { return a == b; }},
      {less, [](float a, float b) { return a < b; }},
      {less_or_equal, [](float a, float b) { return a <= b; }},
      {greater, [](float a, float b) { return a > b; }},
      {greater_or_equal, [](float a, float b) { return a >= b; }},
  };
  for_each_target([&] {
    std::vector<float> a, b;
    for (const float left : special_values()) {
      for (const float right : special_values()) {
        a.push_back(left);
        b.push_back(right);
      }
    }
    std::vector<std::uint8_t> truth(a.size());
    std::vector<float> y(a.size());
    Tile tile;
    tile.rows = 1;
    tile.columns = static_cast<std::int64_t>(a.size()) - 1;  // not a multiple of any vector
    for (const auto& comparison : comparisons) {
      tile.streams[0] = stream(a.data(), 0, 1);
      tile.streams[1] = stream(b.data(), 0, 1);
      tile.streams[2] = stream(truth.data(), 0, 1);
      truth.back() = 77;
      comparison.function(tile);
      EXPECT_EQ(truth.back(), 77);
      for (std::size_t i = 0; i + 1 < a.size(); ++i)
        ASSERT_EQ(truth[i], comparison.formula(a[i], b[i]) ? 1 : 0) << a[i] << " " << b[i];

      Tile selection = tile;
      selection.streams[0] = stream(truth.data(), 0, 1);
      selection.streams[1] = stream(a.data(), 0, 1);
      selection.streams[2] = stream(b.data(), 0, 1);
      selection.streams[3] = stream(y.data(), 0, 1);
      where(selection);
      for (std::size_t i = 0; i + 1 < a.size(); ++i) ASSERT_EQ(std::memcmp(&y[i], truth[i] != 0 ? &a[i] : &b[i], 4), 0);
    }
    std::vector<std::uint8_t> bytes(256);
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i);
    tile.columns = 255;
    tile.streams[0] = stream(bytes.data(), 0, 1);
    tile.streams[1] = stream(y.data(), 0, 1);
    byte_to_float(tile);
    for (std::size_t i = 0; i < 255; ++i) EXPECT_EQ(y[i], static_cast<float>(i));
    tile.columns = 2;
    boolean_to_float(tile);
    EXPECT_EQ(y[0], 0.0F);
    EXPECT_EQ(y[1], 1.0F);
  });
}

}  // namespace
}  // namespace neurons::kernels
