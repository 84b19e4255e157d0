#pragma once
/// Running sums and products along an axis.

#include <string>

#include "neurons/graph/op.hpp"

namespace neurons::ops {

struct RunningOptions {
  std::int64_t axis = 0;
  bool exclusive = false;  ///< a result leaves its own element out
  bool reverse = false;    ///< from the end

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("axis", self.axis);
    visit("exclusive", self.exclusive);
    visit("reverse", self.reverse);
  }
};

/// Running sums, or products. Sets everything but gradient.
OpDef running_op(std::string name, std::string summary, int since, bool product);

}  // namespace neurons::ops
