#pragma once
/// Shapes of a model's inputs where its file leaves extents open.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "neurons/formats/onnx/model.hpp"
#include "neurons/tensor/shape.hpp"

namespace neurons::onnx {

struct GivenShapes {
  std::map<std::string, Shape> shapes;  ///< those that are asked for, and of inputs whose open extents are called as theirs
  std::int64_t batch = 1;               ///< first extent of others, where it is open
  std::vector<std::string> notes;       ///< of others with more open extents: they are 1, and how to choose them
};

/// `batch` 0: that of the shapes that are asked for, or 1.
GivenShapes given_shapes(const GraphData& graph, const std::map<std::string, Shape>& asked, std::int64_t batch);

}  // namespace neurons::onnx
