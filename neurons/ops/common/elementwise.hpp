#pragma once
/// What the files of elementwise ops have in common.

#include <array>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "neurons/graph/graph.hpp"
#include "neurons/graph/op.hpp"
#include "neurons/kernels/tile.hpp"

namespace neurons::ops {

/// Scalar definition of an elementwise op in double precision: all inputs of one element to its output.
using ScalarFunction = std::function<double(const double* inputs, const Options& options)>;

inline constexpr std::array kFloats{DType::f32, DType::f64};
inline constexpr std::array kNumbers{DType::f32, DType::f64, DType::i32, DType::i64, DType::u8};

/// The common shape of all present inputs. Throws through `context` where they do not broadcast.
Shape broadcast_shape(const InferContext& context);
/// The same, where all inputs must have one element type, which must be one of `allowed`.
Shape broadcast_shape(const InferContext& context, std::span<const DType> allowed);

/// Applies `scalar` to every element of output 0, reading the inputs with broadcasting.
void run_scalar(const ReferenceContext& context, const ScalarFunction& scalar);

/// An op with broadcasting float inputs of one dtype and one output of that dtype, computed by `function` in f32 and by `scalar` in
/// the reference. Sets everything but gradient, onnx and samples.
OpDef elementwise(std::string name, std::string summary, std::size_t inputs, kernels::TileFunction function, ScalarFunction scalar);
OpDef unary(std::string name, std::string summary, kernels::TileFunction function, double (*scalar)(double));
OpDef binary(std::string name, std::string summary, kernels::TileFunction function, double (*scalar)(double, double));

/// Which of its values an activation's derivative is computed from.
enum class Saved : std::uint8_t { input, output };

/// An activation and the op that is its derivative: "NAMEGradient"(dy, saved) = dy · f'(saved).
struct Activation {
  OpDef forward;  ///< made by unary() or elementwise()
  kernels::TileFunction gradient_function;
  ScalarFunction derivative;  ///< f' of the saved value (inputs[0])
  Saved saved = Saved::input;
  /// f'(saved) in terms of other ops, so that gradients differentiate again.
  std::function<Value(Value saved, const Options& options)> derivative_graph;
};
std::vector<OpDef> with_derivative(Activation activation);

/// The kernel of any op with `elementwise` set: a chain of one step.
Kernel elementwise_kernel();

/// Samples for unary and binary ops: scalars, odd sizes, empty, and (binary) broadcasts in both directions.
std::vector<Sample> unary_samples(Sample::Fill fill, const Options& options = {});
std::vector<Sample> binary_samples(Sample::Fill fill, const Options& options = {});

}  // namespace neurons::ops
