#pragma once
/// NumPy's element types, and the ones of ours that stand for them.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "neurons/tensor/tensor.hpp"

namespace neurons {

struct NpyType {
  std::string_view code;  ///< without the order of its bytes: "f4"
  std::string_view name;  ///< "f32"
  std::size_t bytes;
  DType dtype;  ///< what holds it exactly: f16 become f32, whole numbers the next wider ones that there are
  bool big_endian = false;
};

/// The type that a header calls "<f4", ">i2" or "|u1". Throws InputError for texts, complex numbers and the like.
NpyType npy_type(std::string_view code, const std::string& name);

/// "<f4": what NumPy calls a dtype.
std::string npy_code(DType dtype);

/// Elements of a file, in its order, as a tensor's. Throws InputError for truth values other than 0 and 1.
void convert_npy(const NpyType& type, std::span<const std::byte> from, Tensor& into, const std::string& name);

/// Throws InputError for whole numbers without a sign from 2^63 on, which no dtype of ours holds.
void require_held(const NpyType& type, const Tensor& tensor, const std::string& name);

}  // namespace neurons
