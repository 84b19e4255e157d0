#pragma once
/// Owning, row-major arrays with value semantics.

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "neurons/base/aligned_buffer.hpp"
#include "neurons/base/error.hpp"
#include "neurons/tensor/dtype.hpp"
#include "neurons/tensor/shape.hpp"

namespace neurons {

/// Type and shape: all that shape inference knows of a value.
struct TensorType {
  DType dtype = DType::f32;
  Shape shape;
  bool operator==(const TensorType&) const = default;
  std::size_t bytes() const noexcept { return static_cast<std::size_t>(shape.elements()) * size_of(dtype); }
  /// "f32[32, 784]"
  std::string to_string() const;
};

/// A row-major array that owns its elements. Copies copy; new elements are zero.
class Tensor {
 public:
  Tensor() : Tensor(TensorType{}) {}  ///< a scalar 0.0f
  explicit Tensor(TensorType type);
  Tensor(DType dtype, const Shape& shape) : Tensor(TensorType{dtype, shape}) {}
  Tensor(const Tensor& other);
  Tensor& operator=(const Tensor& other);
  Tensor(Tensor&&) noexcept = default;
  Tensor& operator=(Tensor&&) noexcept = default;
  ~Tensor() = default;

  /// A tensor of T's dtype holding `values`. Throws InputError if their number is not the shape's.
  template <typename T>
  static Tensor of(const Shape& shape, std::span<const T> values);
  template <typename T>
  static Tensor of(const Shape& shape, const std::vector<T>& values) {
    return of<T>(shape, std::span<const T>(values));
  }
  static Tensor scalar(float value) { return of<float>(Shape{}, std::span<const float>(&value, 1)); }

  const TensorType& type() const noexcept { return type_; }
  DType dtype() const noexcept { return type_.dtype; }
  const Shape& shape() const noexcept { return type_.shape; }
  std::int64_t elements() const noexcept { return type_.shape.elements(); }
  std::span<std::byte> bytes() noexcept { return {buffer_.data(), type_.bytes()}; }
  std::span<const std::byte> bytes() const noexcept { return {buffer_.data(), type_.bytes()}; }

  /// The elements as T. Throws InputError if T is not the tensor's dtype.
  template <typename T>
  std::span<T> values();
  template <typename T>
  std::span<const T> values() const;

  /// The same elements under another shape of as many elements.
  Tensor reshaped(const Shape& shape) const&;
  Tensor reshaped(const Shape& shape) &&;  ///< without a copy
  /// The elements converted to another dtype, as convert.hpp says.
  Tensor cast(DType dtype) const;

  /// Same type and same bytes.
  bool operator==(const Tensor& other) const noexcept;

 private:
  void require(DType dtype) const;
  void require_elements(const Shape& shape) const;
  TensorType type_;
  AlignedBuffer buffer_;
};

template <typename T>
std::span<T> Tensor::values() {
  require(dtype_of<T>());
  return {reinterpret_cast<T*>(buffer_.data()), static_cast<std::size_t>(elements())};
}

template <typename T>
std::span<const T> Tensor::values() const {
  require(dtype_of<T>());
  return {reinterpret_cast<const T*>(buffer_.data()), static_cast<std::size_t>(elements())};
}

template <typename T>
Tensor Tensor::of(const Shape& shape, std::span<const T> values) {
  Tensor result(dtype_of<T>(), shape);
  if (static_cast<std::size_t>(shape.elements()) != values.size()) {
    fail_input("tensor of shape {}: expects {} values, got {}", shape.to_string(), shape.elements(), values.size());
  }
  std::copy(values.begin(), values.end(), result.values<T>().begin());
  return result;
}

/// A borrowed look at a tensor's elements. The owner must outlive it.
struct TensorView {
  DType dtype = DType::f32;
  Shape shape;
  std::byte* data = nullptr;

  std::span<std::byte> bytes() const noexcept { return {data, static_cast<std::size_t>(shape.elements()) * size_of(dtype)}; }
  template <typename T>
  std::span<T> values() const {
    if (dtype != dtype_of<T>()) fail_input("view of {}: asked for {}", name_of(dtype), name_of(dtype_of<T>()));
    return {reinterpret_cast<T*>(data), static_cast<std::size_t>(shape.elements())};
  }
  /// Copies `source` in. Throws InputError if type or shape differ.
  void assign(const Tensor& source) const;
  /// The elements in a tensor of their own.
  Tensor copy() const;
};

}  // namespace neurons
