#include "neurons/layers/resizing.hpp"

#include "neurons/layers/windows.hpp"

namespace neurons {
namespace {

/// Resize with the places that PyTorch's Upsample takes.
Value resized(Value x, const std::vector<std::int64_t>& sizes, const std::string& mode, bool antialias) {
  const std::string& scope = x.graph().scope();
  if (mode != "nearest" && mode != "linear" && mode != "cubic") {
    fail_input("{}: mode = \"{}\", expected \"nearest\", \"linear\" or \"cubic\"", scope, mode);
  }
  if (mode == "nearest" && antialias) fail_input("{}: antialias needs the mode \"linear\" or \"cubic\"", scope);
  const std::vector<std::int64_t> axes{2, 3};
  Attributes options{{"mode", mode}, {"axes", axes}, {"sizes", sizes}};
  if (mode == "nearest") {
    options.push_back({"coordinate_transformation_mode", std::string("asymmetric")});
    options.push_back({"nearest_mode", std::string("floor")});
  }
  if (antialias) {
    options.push_back({"antialias", true});
    options.push_back({"exclude_outside", true});
  }
  return emit_with("Resize", {x}, options);
}

}  // namespace

Value Upsample2d::build(BuildContext& context, const std::vector<Value>& inputs) const {
  const Value x = image_input(context, inputs, 2);
  std::vector<std::int64_t> sizes = axes_of(context.graph(), factor, "factor", 2, 1);
  constexpr std::int64_t kMost = 1 << 20;
  for (std::size_t axis = 0; axis < 2; ++axis) {
    if (sizes[axis] > kMost) fail_input("{}: factor = {} is more than {}", context.graph().scope(), sizes[axis], kMost);
    sizes[axis] *= x.shape()[static_cast<int>(axis) + 2];
  }
  return resized(x, sizes, mode, false);
}

Value Resize2d::build(BuildContext& context, const std::vector<Value>& inputs) const {
  const Value x = image_input(context, inputs, 2);
  return resized(x, axes_of(context.graph(), size, "size", 2, 1), mode, antialias);
}

}  // namespace neurons
