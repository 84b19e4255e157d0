#include "neurons/training/lbfgs.hpp"

#include "neurons/base/error.hpp"

namespace neurons {

void Lbfgs::check() const {
  if (memory < 1) fail_input("lbfgs: memory = {} must be at least 1", memory);
  if (line_search_evaluations < 2) fail_input("lbfgs: line_search_evaluations = {} must be at least 2", line_search_evaluations);
  if (!(gradient_tolerance >= 0)) fail_input("lbfgs: gradient_tolerance = {} must be at least 0", gradient_tolerance);
}

}  // namespace neurons
