#pragma once
/// IDX files, the format of MNIST (LeCun, http://yann.lecun.com/exdb/mnist/), plain or gzip-compressed.

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "neurons/data/dataset.hpp"

namespace neurons {

/// The array in an IDX file: u8, i32, f32 or f64 as stored; 8- and 16-bit signed numbers become i32. Throws InputError for a
/// missing or unreadable file, a wrong magic number, a damaged gzip stream, and a length that is not what the header says (with
/// both byte counts). No more memory is taken than the file can hold, whatever its header says.
Tensor read_idx(const std::filesystem::path& path);

/// The same from memory; `name` stands for the file in messages.
Tensor parse_idx(std::span<const std::byte> bytes, const std::string& name);

/// The four files train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-…, t10k-labels-… of a folder, each plain or with
/// .gz: u8 inputs [samples, 1, height, width] with input_scale 1/255, labels, class names "0", "1", …. Reads MNIST, Fashion-MNIST
/// and other sets of these names. Throws InputError for missing files, images and labels of different number, and as read_idx does.
TrainTest read_mnist(const std::filesystem::path& folder);

}  // namespace neurons
