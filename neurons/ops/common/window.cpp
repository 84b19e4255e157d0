#include "neurons/ops/common/window.hpp"

#include <fmt/ranges.h>

#include <algorithm>

namespace neurons::ops {
namespace {

/// Of an entry of a list of attributes: products of two and sums of some more stay whole numbers of 64 bits.
constexpr std::int64_t kMost = std::int64_t{1} << 31;

std::int64_t divide_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

/// Pads such that there are as many windows as strides fit the input.
void pad_to_same(WindowAxis& axis, bool upper) {
  axis.output = divide_up(axis.input, axis.stride);
  const std::int64_t total = std::max<std::int64_t>(0, (axis.output - 1) * axis.stride + axis.span() - axis.input);
  axis.pad_begin = upper ? total / 2 : total - total / 2;
  axis.pad_end = total - axis.pad_begin;
}

}  // namespace

std::int64_t entry(const std::vector<std::int64_t>& list, std::size_t i, std::int64_t fallback) {
  return list.empty() ? fallback : list[i];
}

void require_length(const InferContext& context, const char* name, const std::vector<std::int64_t>& list, std::size_t length) {
  if (!list.empty() && list.size() != length) context.fail("{} has {} entries, expected {}", name, list.size(), length);
}

void require_entries(const InferContext& context, const char* name, std::span<const std::int64_t> list, std::int64_t least) {
  for (const std::int64_t value : list) {
    if (value < least) context.fail("{} holds {}, expected at least {}", name, value, least);
    if (value > kMost) context.fail("{} holds {}, expected at most {}", name, value, kMost);
  }
}

AutoPad auto_pad_of(const InferContext& context, const WindowOptions& options) {
  AutoPad pad;
  pad.upper = options.auto_pad == "SAME_UPPER";
  pad.same = pad.upper || options.auto_pad == "SAME_LOWER";
  pad.valid = options.auto_pad == "VALID";
  if (!pad.same && !pad.valid && options.auto_pad != "NOTSET" && !options.auto_pad.empty()) {
    context.fail("auto_pad = \"{}\", expected NOTSET, VALID, SAME_UPPER or SAME_LOWER", options.auto_pad);
  }
  return pad;
}

std::vector<WindowAxis> resolve_window(const InferContext& context, const WindowOptions& options,
                                       std::span<const std::int64_t> kernel, std::span<const std::int64_t> spatial,
                                       bool ceil_mode) {
  const std::size_t rank = spatial.size();
  if (kernel.size() != rank) context.fail("the kernel has {} axes, the input has {} spatial ones", kernel.size(), rank);
  require_length(context, "kernel_shape", options.kernel_shape, rank);
  require_length(context, "strides", options.strides, rank);
  require_length(context, "dilations", options.dilations, rank);
  require_length(context, "pads", options.pads, 2 * rank);
  require_entries(context, "kernel_shape", kernel, 1);
  require_entries(context, "strides", options.strides, 1);
  require_entries(context, "dilations", options.dilations, 1);
  const AutoPad pad = auto_pad_of(context, options);
  const bool explicit_pads = !pad.same && !pad.valid;
  if (explicit_pads) require_entries(context, "pads", options.pads, 0);
  std::vector<WindowAxis> window;
  for (std::size_t i = 0; i < rank; ++i) {
    WindowAxis axis;
    axis.input = spatial[i];
    axis.kernel = kernel[i];
    axis.stride = entry(options.strides, i, 1);
    axis.dilation = entry(options.dilations, i, 1);
    axis.pad_begin = explicit_pads ? entry(options.pads, i, 0) : 0;
    axis.pad_end = explicit_pads ? entry(options.pads, i + rank, 0) : 0;
    if (!options.kernel_shape.empty() && options.kernel_shape[i] != axis.kernel) {
      context.fail("kernel_shape [{}] differs from the weights' [{}]", fmt::join(options.kernel_shape, ", "),
                   fmt::join(kernel, ", "));
    }
    if (pad.same) {
      pad_to_same(axis, pad.upper);
    } else {
      const std::int64_t room = axis.input + axis.pad_begin + axis.pad_end - axis.span();
      const bool begins = ceil_mode && room > -axis.stride;  // rounded up, a window that begins inside and ends outside
      if (room < 0 && !begins) {
        context.fail("a kernel that spans {} does not fit in {} inputs and {} of padding, on spatial axis {}", axis.span(),
                     axis.input, axis.pad_begin + axis.pad_end, i);
      }
      axis.output = (ceil_mode ? divide_up(room, axis.stride) : room / axis.stride) + 1;
      if (ceil_mode && (axis.output - 1) * axis.stride >= axis.input + axis.pad_begin) --axis.output;
    }
    window.push_back(axis);
  }
  return window;
}

std::vector<std::int64_t> list_of(const std::vector<WindowAxis>& window, std::int64_t WindowAxis::*field) {
  std::vector<std::int64_t> list;
  for (const WindowAxis& axis : window) list.push_back(axis.*field);
  return list;
}

std::vector<std::int64_t> pads_of(const std::vector<WindowAxis>& window) {
  std::vector<std::int64_t> pads = list_of(window, &WindowAxis::pad_begin);
  for (const WindowAxis& axis : window) pads.push_back(axis.pad_end);
  return pads;
}

}  // namespace neurons::ops
