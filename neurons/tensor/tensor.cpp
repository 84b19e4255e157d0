#include "neurons/tensor/tensor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "neurons/tensor/convert.hpp"

namespace neurons {
std::string TensorType::to_string() const { return fmt::format("{}{}", name_of(dtype), shape.to_string()); }

Tensor::Tensor(TensorType type) : type_(type), buffer_(type_.bytes()) {}

Tensor::Tensor(const Tensor& other) : Tensor(other.type_) {
  if (!bytes().empty()) std::memcpy(buffer_.data(), other.buffer_.data(), type_.bytes());
}

Tensor& Tensor::operator=(const Tensor& other) {
  if (this != &other) *this = Tensor(other);
  return *this;
}

void Tensor::require(DType dtype) const {
  if (dtype != type_.dtype) fail_input("tensor of {}: asked for {}", type_.to_string(), name_of(dtype));
}

void Tensor::require_elements(const Shape& shape) const {
  if (shape.elements() != elements()) {
    fail_input("cannot reshape {} ({} elements) to {} ({} elements)", type_.to_string(), elements(), shape.to_string(),
               shape.elements());
  }
}

Tensor Tensor::reshaped(const Shape& shape) const& { return Tensor(*this).reshaped(shape); }

Tensor Tensor::reshaped(const Shape& shape) && {
  require_elements(shape);
  type_.shape = shape;
  return std::move(*this);
}

Tensor Tensor::cast(DType dtype) const {
  Tensor result(dtype, shape());
  with_type(type_.dtype, [&]<typename From>(From*) {
    with_type(dtype, [&]<typename To>(To*) {
      const auto from = values<From>();
      const auto to = result.values<To>();
      for (std::size_t i = 0; i < from.size(); ++i) to[i] = convert<To>(from[i]);
    });
  });
  return result;
}

bool Tensor::operator==(const Tensor& other) const noexcept {
  return type_ == other.type_ && (bytes().empty() || std::memcmp(buffer_.data(), other.buffer_.data(), type_.bytes()) == 0);
}

Tensor TensorView::copy() const {
  Tensor result(dtype, shape);
  std::ranges::copy(bytes(), result.bytes().begin());
  return result;
}

void TensorView::assign(const Tensor& source) const {
  if (source.dtype() != dtype || source.shape() != shape) {
    fail_input("cannot assign {} to a view of {}", source.type().to_string(), TensorType{dtype, shape}.to_string());
  }
  if (!source.bytes().empty()) std::memcpy(data, source.bytes().data(), source.bytes().size());
}

}  // namespace neurons
