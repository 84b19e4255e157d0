#pragma once
/// How each op is written as C.

#include <map>
#include <string>

#include "neurons/formats/c/c_function.hpp"

namespace neurons::c {

/// Writes the node that the function is at. Throws Unsupported where it cannot.
using Emitter = void (*)(CFunction& function);
using Emitters = std::map<std::string, Emitter>;

/// All of them, by the names of ops.
const Emitters& emitters();

/// What people call an op that the passes before have given another name: "Conv" for "ConvolutionSum".
std::string onnx_name(const std::string& op);

// Each file's own.
void add_dense(Emitters& table);
void add_convolutions(Emitters& table);
void add_pools(Emitters& table);
void add_activations(Emitters& table);
void add_arithmetic(Emitters& table);
void add_rows(Emitters& table);
void add_recurrent(Emitters& table);
void add_moves(Emitters& table);

/// sums[o] += Σ x[i] · weights[i][o], which all weighted sums are made of.
const Snippet& add_weighted();
/// y = x.
const Snippet& copy();
/// y = value.
const Snippet& fill();

}  // namespace neurons::c
