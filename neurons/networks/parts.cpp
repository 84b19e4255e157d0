#include "neurons/networks/parts.hpp"

#include "neurons/base/error.hpp"
#include "neurons/layers/convolutions.hpp"
#include "neurons/layers/normalizations.hpp"

namespace neurons {

std::vector<Layer> normalized_conv(std::int64_t filters, std::int64_t kernel, std::int64_t stride) {
  return {Conv2d{.filters = filters,
                 .kernel = kernel,
                 .stride = stride,
                 .bias = false,
                 .pads = (kernel - 1) / 2,
                 .initializer = "he_normal"},
          BatchNorm{}};
}

void require_picture(std::string_view kind, const Shape& sample, std::int64_t sides) {
  if (sample.rank() != 3) {
    fail_input("{}: expects samples [channels, height, width], got {}{}", kind, sample.to_string(),
               sample.rank() == 2 ? "; add the axis of channels" : "");
  }
  if (sample[1] % sides != 0 || sample[2] % sides != 0 || sample[1] == 0 || sample[2] == 0) {
    fail_input("{}: height and width of {} must be multiples of {}; resize or pad the pictures", kind, sample.to_string(), sides);
  }
}

void require_field(std::string_view kind, std::string_view field, std::int64_t value, std::int64_t least, std::int64_t most) {
  if (value < least || value > most) fail_input("{}: {} = {} must be from {} to {}", kind, field, value, least, most);
}

std::int64_t classes_or(std::string_view kind, std::int64_t classes, std::int64_t otherwise) {
  constexpr std::int64_t kMost = 1'000'000;
  require_field(kind, "classes", classes, 0, kMost);
  return classes == 0 ? otherwise : classes;
}

}  // namespace neurons
