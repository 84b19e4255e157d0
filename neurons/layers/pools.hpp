#pragma once
/// Pools: each result is the largest, the mean or a norm of what a window shows of one channel. They have no parameters.

#include "neurons/layers/windows.hpp"

namespace neurons {

enum class PoolOf : std::uint8_t { maximum, mean };

/// The fields of a pool's window.
template <typename Self, typename Visitor>
void visit_window(Self& self, Visitor& visit) {
  visit("size", self.size);
  visit("stride", self.stride);
  visit("padding", self.padding);
  visit("pads", self.pads);
  visit("dilation", self.dilation);
  visit("ceil_mode", self.ceil_mode);
}

/// x: [batch, channels, spatial…] with 1, 2 or 3 spatial axes; y: the same with fewer pixels, with the defaults an n-th of them
/// along each axis for size n. Throws InputError where the rank is another, the window does not fit, or one sees padding alone.
template <int kAxes>
struct MaxPool {
  static constexpr std::string_view kKinds[3] = {"max_pool1d", "max_pool2d", "max_pool3d"};
  static constexpr std::string_view kKind = kKinds[kAxes - 1];
  Extents size = 2;
  Extents stride{};  ///< none: the size, so that windows do not meet
  std::string padding = Padding::valid;
  Extents pads{};  ///< places at the ends of each axis that count for nothing, instead of `padding`
  Extents dilation = 1;
  bool ceil_mode = false;  ///< whether a last window may reach over the end where strides leave inputs unseen

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit_window(self, visit);
  }
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};
using MaxPool1d = MaxPool<1>;
using MaxPool2d = MaxPool<2>;
using MaxPool3d = MaxPool<3>;

/// The same with the mean of what each window shows.
template <int kAxes>
struct AveragePool {
  static constexpr std::string_view kKinds[3] = {"average_pool1d", "average_pool2d", "average_pool3d"};
  static constexpr std::string_view kKind = kKinds[kAxes - 1];
  Extents size = 2;
  Extents stride{};
  std::string padding = Padding::valid;
  Extents pads{};
  Extents dilation = 1;
  bool ceil_mode = false;
  bool count_include_pad = false;  ///< whether padding counts, as zeros: PyTorch's default is true

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit_window(self, visit);
    visit("count_include_pad", self.count_include_pad);
  }
  Value build(BuildContext& context, const std::vector<Value>& inputs) const;
};
using AveragePool1d = AveragePool<1>;
using AveragePool2d = AveragePool<2>;
using AveragePool3d = AveragePool<3>;

/// The same with the p-norm of what each window shows, (Σ |x|^p)^(1/p).
template <int kAxes>
struct LpPool {
  static constexpr std::string_view kKinds[3] = {"lp_pool1d", "lp_pool2d", "lp_pool3d"};
  static constexpr std::string_view kKind = kKinds[kAxes - 1];
  Extents size = 2;
  Extents stride{};
  std::string padding = Padding::valid;
  Extents pads{};
  Extents dilation = 1;
  bool ceil_mode = false;
  std::int64_t p = 2;  ///< at least 1

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit_window(self, visit);
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
