#pragma once
/// What pools share: their attributes, their extents, and plain loops over their windows.

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "neurons/graph/graph.hpp"
#include "neurons/kernels/pooling.hpp"
#include "neurons/ops/common/window.hpp"

namespace neurons::ops {

struct PoolOptions : WindowOptions {
  bool ceil_mode = false;      ///< a last window may reach beyond the padded input
  bool channels_last = false;  ///< inputs and outputs are [batch, spatial…, channels]: plans write it, ONNX does not know it

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    WindowOptions::fields(self, visit);
    visit("ceil_mode", self.ceil_mode);
    visit("channels_last", self.channels_last);
  }
};

/// The options of a pool's gradient that sees no x: the spatial extents of x in addition.
template <typename Forward>
struct PoolGradientOptions : Forward {
  std::vector<std::int64_t> extents;

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    Forward::fields(self, visit);
    visit("extents", self.extents);
  }
};

/// A pool with all defaults resolved.
struct ResolvedPool {
  kernels::PoolShape shape;
  Shape y;
};

/// For x [batch, channels, spatial…] (or channels last). Throws through context.fail where the window does not fit, and where one
/// would see padding alone.
ResolvedPool resolve_pool(const InferContext& context, const PoolOptions& options, const Shape& x);
/// The same for options and x that infer has seen.
ResolvedPool resolve_pool(const PoolOptions& options, const Shape& x);
/// The shape of an x with that many images and channels.
Shape pool_input(const PoolOptions& options, const Shape& y, std::span<const std::int64_t> extents);

/// One window of one channel: where its result is in y, and where the inputs that it shows are in x, in the order of taps.
struct PoolWindow {
  std::size_t y = 0;
  std::span<const std::size_t> x;
  std::int64_t padded = 0;  ///< taps in the input or its padding
};
void for_each_window(const kernels::PoolShape& shape, bool channels_last, const std::function<void(const PoolWindow&)>& visit);
/// The place of a window's maximum: the first of equals, but the last of several NaN.
std::size_t largest_in(const PoolWindow& window, const std::vector<double>& x);

/// Operations of a pool: one for each tap of each window.
double pool_flops(const ResolvedPool& pool);

/// Why the fast kernels do not take a pool; empty if they do.
std::string refuse_pool(const InferContext& context, const PoolOptions& options);

/// A simplify rule: the same node with channels last, between two changes of order, which cancel against those of its neighbours.
template <typename T>
std::optional<std::vector<Value>> pool_channels_last(const RewriteContext& context);
std::vector<Value> emit_channels_last(const RewriteContext& context);

template <typename T>
std::optional<std::vector<Value>> pool_channels_last(const RewriteContext& context) {
  if (context.options.as<T>().channels_last || context.inputs[0].type().dtype != DType::f32) return std::nullopt;
  return emit_channels_last(context);
}

/// Throws unless x is of floats, and p that of a norm.
void require_norm(const InferContext& context, std::int64_t p);

/// ONNX's pool over all pixels: the op `pool` with a window as large as the image, and with the same options besides.
OpDef global_pool(std::string name, std::string summary, int since, std::string pool, const Options& defaults);

/// Samples that every pool is tried on, channels first and last.
struct PoolSample {
  PoolOptions options;
  Shape x;
  std::string note;
};
std::vector<PoolSample> pool_samples();

}  // namespace neurons::ops
