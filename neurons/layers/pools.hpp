#pragma once
/// Pools: each result is the largest, the mean or a norm of what a window shows of one channel. They have no parameters.

#include "neurons/layers/windows.hpp"

namespace neurons {

enum class PoolOf : std::uint8_t {
  maximum,
  mean,  ///< of the inputs alone: padding does not count
};

/// x: [batch, channels, spatial…] with 1, 2 or 3 spatial axes; y: the same with fewer pixels, with the defaults an n-th of them
/// along each axis for size n. Throws InputError where the rank is another or the window does not fit.
template <PoolOf kOf, int kAxes>
struct Pool {
  static constexpr std::string_view kKinds[2][3] = {{"max_pool1d", "max_pool2d", "max_pool3d"},
                                                    {"average_pool1d", "average_pool2d", "average_pool3d"}};
  static constexpr std::string_view kKind = kKinds[static_cast<int>(kOf)][kAxes - 1];
  Extents size = 2;
  Extents stride{};  ///< none: the size, so that windows do not meet
  std::string padding = Padding::valid;
  Extents pads{};  ///< places at each side of an axis that count for nothing, instead of `padding`

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("size", self.size);
    visit("stride", self.stride);
    visit("padding", self.padding);
    visit("pads", self.pads);
  }
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};
using MaxPool1d = Pool<PoolOf::maximum, 1>;
using MaxPool2d = Pool<PoolOf::maximum, 2>;
using MaxPool3d = Pool<PoolOf::maximum, 3>;
using AveragePool1d = Pool<PoolOf::mean, 1>;
using AveragePool2d = Pool<PoolOf::mean, 2>;
using AveragePool3d = Pool<PoolOf::mean, 3>;

/// The same with the p-norm of what each window shows, (Σ |x|^p)^(1/p).
template <int kAxes>
struct LpPool {
  static constexpr std::string_view kKinds[3] = {"lp_pool1d", "lp_pool2d", "lp_pool3d"};
  static constexpr std::string_view kKind = kKinds[kAxes - 1];
  Extents size = 2;
  Extents stride{};                      ///< none: the size, so that windows do not meet
  std::string padding = Padding::valid;  ///< places beyond the border are 0
  Extents pads{};                        ///< such places at each side of an axis, instead of `padding`
  std::int64_t p = 2;                    ///< at least 1

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("size", self.size);
    visit("stride", self.stride);
    visit("padding", self.padding);
    visit("pads", self.pads);
    visit("p", self.p);
  }
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};
using LpPool1d = LpPool<1>;
using LpPool2d = LpPool<2>;
using LpPool3d = LpPool<3>;

/// Over all pixels: [batch, channels, spatial…] → [batch, channels].
template <PoolOf kOf>
struct GlobalPool {
  static constexpr std::string_view kKind = kOf == PoolOf::maximum ? "global_max_pool" : "global_average_pool";
  template <typename Self, typename Visitor>
  static void fields(Self&, Visitor&&) {}
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};
using GlobalMaxPool = GlobalPool<PoolOf::maximum>;
using GlobalAveragePool = GlobalPool<PoolOf::mean>;

}  // namespace neurons
