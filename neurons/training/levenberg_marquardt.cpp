#include "neurons/training/levenberg_marquardt.hpp"

#include "neurons/base/error.hpp"

namespace neurons {

void LevenbergMarquardt::check() const {
  if (!(damping > 0)) fail_input("levenberg_marquardt: damping = {} must be above 0", damping);
  if (attempts < 1) fail_input("levenberg_marquardt: attempts = {} must be at least 1", attempts);
  if (!(gradient_tolerance >= 0)) {
    fail_input("levenberg_marquardt: gradient_tolerance = {} must be at least 0", gradient_tolerance);
  }
}

}  // namespace neurons
