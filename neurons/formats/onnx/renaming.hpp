#pragma once
/// New names for values of a model, in its graph and in the bodies of its nodes.

#include <map>
#include <string>

#include "neurons/formats/onnx/model.hpp"

namespace neurons::onnx {

/// New names by old ones.
using Renamed = std::map<std::string, std::string>;

/// A name that is not in `renamed` stays.
void rename(std::string& name, const Renamed& renamed);

/// `renamed` as a body sees it: what the body defines itself keeps its name.
Renamed inside(const GraphData& body, Renamed renamed);

/// The attribute's body, to be changed: from here on its own, where others shared it.
GraphData& own_body(AttributeData& attribute);

}  // namespace neurons::onnx
