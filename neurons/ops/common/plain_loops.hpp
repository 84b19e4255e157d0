#pragma once
/// Element types other than f32, by plain loops: shape arithmetic, masks and labels, which are small.

#include <cstdint>
#include <type_traits>
#include <utility>

#include "neurons/ops/common/elementwise.hpp"

namespace neurons::ops {

/// out = Function(in…) over a tile of `count` inputs of type In and one output of type Out.
template <typename Out, typename In, std::size_t count, typename Function>
void plain_loop(const kernels::Tile& tile) noexcept {
  for (std::int64_t row = 0; row < tile.rows; ++row) {
    for (std::int64_t column = 0; column < tile.columns; ++column) {
      [&]<std::size_t... i>(std::index_sequence<i...>) {
        kernels::at<Out>(tile.streams[count], row, column) =
            static_cast<Out>(Function{}(kernels::at<In>(tile.streams[i], row, column)...));
      }
      (std::make_index_sequence<count>());
    }
  }
}

/// The loop of a captureless `function` over numbers of type `dtype` that are not f32 (null: none), giving `Result`s or, where that
/// is void, numbers of the same type.
template <std::size_t count, typename Result = void, typename Function>
kernels::TileFunction number_loop(DType dtype, Function) {
  const auto loop = []<typename T>(T*) -> kernels::TileFunction {
    return plain_loop<std::conditional_t<std::is_void_v<Result>, T, Result>, T, count, Function>;
  };
  switch (dtype) {
    case DType::f64:
      return loop(static_cast<double*>(nullptr));
    case DType::i32:
      return loop(static_cast<std::int32_t*>(nullptr));
    case DType::i64:
      return loop(static_cast<std::int64_t*>(nullptr));
    case DType::u8:
      return loop(static_cast<std::uint8_t*>(nullptr));
    case DType::f32:
    case DType::boolean:
      break;
  }
  return nullptr;
}

/// A unary float op that runs a captureless `function` of floats and of doubles alike. Sets everything but gradient and samples.
template <typename Function>
OpDef plain_unary(std::string name, std::string summary, int since, Function) {
  OpDef op = unary(std::move(name), std::move(summary), plain_loop<float, float, 1, Function>,
                   [](double x) -> double { return Function{}(x); });
  op.onnx = {{op.name, since, ""}};
  return op;
}

/// Makes a float op take all numbers: f32 stays with the op's own loop, the others run `function`.
template <std::size_t count, typename Function>
void take_all_numbers(OpDef& op, Function function) {
  op.infer = [](const InferContext& context) -> std::vector<TensorType> {
    const Shape shape = broadcast_shape(context, kNumbers);
    return {{context.dtype(), shape}};
  };
  op.elementwise->function = [fast = op.elementwise->function, function](const InferContext& context) {
    const kernels::TileFunction found = fast(context);
    return found != nullptr ? found : number_loop<count>(context.dtype(), function);
  };
}

/// `function` of two numbers; integers wrap around where they overflow.
template <typename T, typename Function>
T wrapping(T a, T b, Function function) {
  if constexpr (std::is_integral_v<T>) {
    using Bits = std::make_unsigned_t<T>;
    return static_cast<T>(static_cast<Bits>(function(static_cast<Bits>(a), static_cast<Bits>(b))));
  } else {
    return function(a, b);
  }
}

/// Samples of pairs of numbers that are not f32, and of one tensor of signed ones.
std::vector<Sample> integer_samples();
Sample signed_integers();
/// binary_samples and integer_samples.
std::vector<Sample> number_samples(Sample::Fill fill);

}  // namespace neurons::ops
