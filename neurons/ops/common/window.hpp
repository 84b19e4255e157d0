#pragma once
/// Windows that slide over spatial axes, as ONNX describes them for convolutions and pools.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "neurons/graph/op.hpp"

namespace neurons::ops {

/// The attributes that convolutions and pools share. Lists have one entry for each spatial axis (`pads` two: all begins, then all
/// ends); an empty list means the default.
struct WindowOptions {
  std::string auto_pad = "NOTSET";         ///< NOTSET, VALID, SAME_UPPER or SAME_LOWER
  std::vector<std::int64_t> kernel_shape;  ///< convolutions: taken from the weights
  std::vector<std::int64_t> strides;       ///< 1
  std::vector<std::int64_t> pads;          ///< 0
  std::vector<std::int64_t> dilations;     ///< 1

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("auto_pad", self.auto_pad);
    visit("kernel_shape", self.kernel_shape);
    visit("strides", self.strides);
    visit("pads", self.pads);
    visit("dilations", self.dilations);
  }
};

/// A window on one axis, all defaults resolved.
struct WindowAxis {
  std::int64_t input = 1;
  std::int64_t output = 1;
  std::int64_t kernel = 1;
  std::int64_t stride = 1;
  std::int64_t dilation = 1;
  std::int64_t pad_begin = 0;
  std::int64_t pad_end = 0;

  /// Inputs that one window spans.
  std::int64_t span() const { return (kernel - 1) * dilation + 1; }
};

/// The window on each spatial axis of an input of `spatial` extents. With `ceil_mode` a last window may reach beyond the padded
/// input, if it begins in the input or in the padding before it. Throws through context.fail where lists have the wrong length, an
/// entry is out of range, or the kernel does not fit.
std::vector<WindowAxis> resolve_window(const InferContext& context, const WindowOptions& options,
                                       std::span<const std::int64_t> kernel, std::span<const std::int64_t> spatial,
                                       bool ceil_mode = false);

/// Entry `i` of a list of attributes, or the default where the list is empty.
std::int64_t entry(const std::vector<std::int64_t>& list, std::size_t i, std::int64_t fallback);
/// Throws through context.fail where a list that is not empty has another length.
void require_length(const InferContext& context, const char* name, const std::vector<std::int64_t>& list, std::size_t length);

/// Throws through context.fail for an entry below `least` or above 2^31.
void require_entries(const InferContext& context, const char* name, std::span<const std::int64_t> list, std::int64_t least);

/// What WindowOptions::auto_pad asks for. `pads` are obeyed where it asks for neither.
struct AutoPad {
  bool same = false;   ///< as many windows as strides fit
  bool upper = false;  ///< … with an odd pad at the end
  bool valid = false;  ///< none
};
/// Throws through context.fail for a text that ONNX does not know.
AutoPad auto_pad_of(const InferContext& context, const WindowOptions& options);

/// One field of all axes as a list; pads as ONNX lists them.
std::vector<std::int64_t> list_of(const std::vector<WindowAxis>& window, std::int64_t WindowAxis::*field);
std::vector<std::int64_t> pads_of(const std::vector<WindowAxis>& window);

}  // namespace neurons::ops
