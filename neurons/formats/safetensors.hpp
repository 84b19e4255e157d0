#pragma once
/// safetensors (https://github.com/huggingface/safetensors): named arrays behind a JSON header, with a map of texts beside them.

#include <cstddef>
#include <filesystem>
#include <map>
#include <span>
#include <string>

#include "neurons/tensor/tensor.hpp"

namespace neurons {

/// What a file holds.
struct TensorFile {
  std::map<std::string, Tensor> tensors;
  std::map<std::string, std::string> metadata;
  bool is_checked = false;  ///< as read: it had a checksum, which files of other programs do not
};

/// Dtypes F32, F64, I32, I64, U8, BOOL; F16 and BF16 are widened to f32. Throws InputError naming the file and the fault: cut
/// short, a header that is no JSON or longer than the file, a name twice, unknown dtype, offsets that overlap, leave gaps or do not
/// fit the shape, and content that does not match the checksum of a file written here (files of other programs have none). No more
/// memory is taken than the file can hold.
TensorFile read_safetensors(const std::filesystem::path& path);
/// The same from memory; `name` stands for the file in messages.
TensorFile parse_safetensors(std::span<const std::byte> bytes, const std::string& name);

/// The bytes of a file; equal contents give equal bytes. Tensors follow one another without a gap (the format allows none), those
/// of wider elements first and then by name, from a multiple of 64 bytes on: each is aligned to its elements. Throws InputError for
/// a name or text that is not UTF-8, for a tensor named "__metadata__" and a text named "neurons.sha256": the latter is the file's
/// checksum, which readers here verify and take out again.
std::string format_safetensors(const TensorFile& file);
/// Written atomically. Throws RuntimeError if it cannot be.
void write_safetensors(const std::filesystem::path& path, const TensorFile& file);

}  // namespace neurons
