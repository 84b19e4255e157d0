#pragma once
/// Pictures as PNG files.

#include <filesystem>
#include <string>

#include "neurons/tensor/tensor.hpp"

namespace neurons {

/// The bytes of a PNG file of a picture u8 [1 or 3, height, width]. Throws InputError for what is none.
std::string to_png(const Tensor& picture);

/// The same into a file, whole or not at all. Throws RuntimeError if it cannot be written.
void write_png(const std::filesystem::path& path, const Tensor& picture);

}  // namespace neurons
