#pragma once
/// NumPy's array files: npy (versions 1.0 to 3.0, numpy.lib.format) and npz (a zip of them, stored or deflated).

#include <cstddef>
#include <filesystem>
#include <map>
#include <span>
#include <string>

#include "neurons/data/dataset.hpp"
#include "neurons/data/sequences/sequence_options.hpp"

namespace neurons {

/// The array in a .npy file, C or Fortran order, either order of bytes: f4 f8 i4 i8 u1 b1 as they are; f2 become f32, i1 i2 u2 i32,
/// u4 u8 i64. Throws InputError for other types, for whole numbers from 2^63 on, for a damaged header, and for a length that is not
/// what the header says. Memory is taken for what the file holds, not for what its header claims.
Tensor read_npy(const std::filesystem::path& path);
Tensor parse_npy(std::span<const std::byte> bytes, const std::string& name);

/// The arrays of a .npz file by name (without ".npy"). Throws InputError for damaged or encrypted archives and as read_npy does.
std::map<std::string, Tensor> read_npz(const std::filesystem::path& path);
std::map<std::string, Tensor> parse_npz(std::span<const std::byte> bytes, const std::string& name);

/// The bytes of a version 1.0 .npy file.
std::string format_npy(const Tensor& tensor);
/// The bytes of a .npz file, deflated; equal arrays give equal bytes.
std::string format_npz(const std::map<std::string, Tensor>& arrays);
/// Written atomically. Throw RuntimeError if they cannot be.
void write_npy(const std::filesystem::path& path, const Tensor& tensor);
void write_npz(const std::filesystem::path& path, const std::map<std::string, Tensor>& arrays);

/// An npz file as data: arrays `x` and `y` (or `inputs` and `targets`), or `x_train`, `y_train`, `x_test`, `y_test` (then test is
/// not empty). u8 inputs get input_scale 1/255; f64 become f32. Whole-number targets [samples] or [samples, 1] are labels; floats
/// are regression targets (or, for losses that take them, soft ones). Sample weights, if any: `w` (or `weights`), or `w_train` and
/// `w_test`, [samples]. With `sequences`, inputs are sequences; whole-number targets [samples, time] are labels of their steps
/// (-100: it does not count), floats [samples, time, values] numbers of their steps (NaN likewise); lengths are `lengths`, or
/// `lengths_train` and `lengths_test`, and what lies behind them is padding (mark_padding). Throws InputError if they do not fit
/// together.
TrainTest read_npz_data(const std::filesystem::path& path, const SequenceOptions* sequences = nullptr);

/// Inputs and lengths alone, from `x` or `inputs`; targets are 0.
Dataset read_npz_inputs(const std::filesystem::path& path, const SequenceOptions& sequences);

}  // namespace neurons
