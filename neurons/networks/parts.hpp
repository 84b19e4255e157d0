#pragma once
/// What the networks are made of. Private to the room.

#include <cstdint>
#include <string_view>
#include <vector>

#include "neurons/layers/layer.hpp"

namespace neurons {

/// A convolution without bias that keeps the size (divided by the stride), and batch normalisation.
std::vector<Layer> normalized_conv(std::int64_t filters, std::int64_t kernel, std::int64_t stride = 1);

/// Throws InputError unless the sample is a picture [channels, height, width] whose sides are multiples of `sides`.
void require_picture(std::string_view kind, const Shape& sample, std::int64_t sides = 1);
/// Throws InputError naming the field unless it is from `least` to `most`.
void require_field(std::string_view kind, std::string_view field, std::int64_t value, std::int64_t least, std::int64_t most);
/// `classes`, or `otherwise` for 0. Throws InputError below 0.
std::int64_t classes_or(std::string_view kind, std::int64_t classes, std::int64_t otherwise);

}  // namespace neurons
