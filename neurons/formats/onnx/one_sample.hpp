#pragma once
/// What a file holds once for each sample of the batch that it was written for.

#include <cstdint>

#include "neurons/formats/onnx/model.hpp"

namespace neurons::onnx {

/// The batch that the file's inputs say; 0: they leave it open.
std::int64_t written_batch(const GraphData& graph);

/// First states of recurrent nodes, tokens before a sequence and what is expanded, where the file holds the same for each sample of
/// its batch, become those of one sample, which serve any batch.
void keep_one_sample(Model& model);

}  // namespace neurons::onnx
